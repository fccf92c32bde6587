"""From a VAE's settings to its images."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from hrssm.data.images import ImageSet
from hrssm.systems.vae.settings import Breakout, Folder, Settings, Sprites

__all__ = ["load"]


def load(settings: Settings) -> ImageSet:
    """The set with its splits, made now if it is not in the cache.

    Raises ValueError where a folder is asked for and $HRSSM_IMAGES does not say where it is, and what the maker raises.
    """
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
