"""From a VAE's settings to its images."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from hrssm.data.images import ImageSet
from hrssm.systems.vae.settings import Breakout, Folder, Settings, Sprites

__all__ = ["load"]

SHOWN = 10
"""So many names of each kind are told; all of them are in the manifest."""


def load(settings: Settings) -> ImageSet:
    """The set with its splits, made now if it is not in the cache.

    Warns of pictures that were left out or changed, and names them. Raises ValueError where a folder is asked for and
    $HRSSM_IMAGES does not say where it is, where a part of the split has no image, and what the maker raises.
    """
    images = _made(settings)
    for kind, names in images.notes.items():
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        warnings.warn(f"{len(names)} of the images: {kind}: {shown}", stacklevel=2)
    for part, places in images.splits.items():
        if not len(places):
            raise ValueError(f"the {part} part of {len(images.images)} images has none: give more images")
    return images


def _made(settings: Settings) -> ImageSet:
    data, seed = settings.data, settings.data_seed
    maker: Any = import_module(f"hrssm.data.{data.source}")
    if isinstance(data, Breakout):
        return maker.breakout(
            data.frames, seed=seed, policy=data.policy, split=data.split, every=data.every, longest=data.longest
        )
    if isinstance(data, Sprites):
        return maker.sprites(data.count, seed=seed, coloured=data.coloured)
    if isinstance(data, Folder):
        if not (above := os.environ.get("HRSSM_IMAGES")):
            raise ValueError(
                f"the pictures are those of a folder {data.name!r}: set HRSSM_IMAGES to the folder that holds it"
            )
        return maker.folder(Path(above) / data.name, seed=seed, validation=data.validation, strict=data.strict)
    return maker.digits(seed=seed)
