"""A set of 64 x 64 images: its pixels, what is known of each, its splits and their hashes, and a cache on disk.

Pixels are kept as bytes, and those of binary sets as bits; they become numbers in [0, 1] batch by batch. What made a
set (its settings and the source of the code that draws it) names its place in the cache, so that it is made once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrssm.data.cache import made_once
from hrssm.data.splits import Split

__all__ = ["SIDE", "ImageSet", "Images", "cached", "packed"]

SIDE = 64
_SHIFTS = torch.arange(7, -1, -1, dtype=torch.uint8)


@dataclass(frozen=True)
class Images:
    """Images, possibly some of those in ``store``.

    store: bytes (N, C, 64, 64), or where ``binary`` bits (N, C, 512), eight pixels a byte, the first highest.
    attributes: what is known of each image of the store, arrays (N, ...) by name. index: which images these are, in
    order; None for all.
    """

    store: Tensor
    binary: bool
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    index: Tensor | None = None

    def __len__(self) -> int:
        return len(self.store) if self.index is None else len(self.index)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.store.shape[1]

    def pixels(self, at: Tensor | slice = slice(None)) -> Tensor:
        """The images at these places as float32 in [0, 1] (binary ones are 0 or 1), (..., C, 64, 64)."""
        taken = self.store[at if self.index is None else self.index[at]]
        if not self.binary:
            return taken.float() / 255
        bits = taken.unsqueeze(-1) >> _SHIFTS.to(taken.device) & 1
        return bits.flatten(-2).unflatten(-1, (SIDE, SIDE)).float()

    def attribute(self, name: str) -> NDArray[Any]:
        """What is known of these images under this name, (n, ...)."""
        return self.attributes[name] if self.index is None else self.attributes[name][self.index.numpy(force=True)]

    def at(self, places: NDArray[np.int64]) -> Images:
        """Those of these images that are at ``places``, as a view."""
        chosen = torch.from_numpy(places).to(self.store.device)
        return replace(self, index=chosen if self.index is None else self.index[chosen])

    def sample(self, count: int) -> Images:
        """At most so many of these images, always the same ones, drawn at random once and for all."""
        return self.at(np.random.default_rng(0).permutation(len(self))[:count])

    def to(self, device: torch.device | str) -> Images:
        """The same images on a device."""
        index = None if self.index is None else self.index.to(device)
        return replace(self, store=self.store.to(device), index=index)

    def hash(self) -> str:
        """A hash of the pixels in their order, twelve hexadecimal digits."""
        found = hashlib.sha256(f"{tuple(self.store.shape[1:])} {self.binary}".encode())
        for start in range(0, len(self), 4096):
            places = slice(start, start + 4096)
            taken = self.store[places if self.index is None else self.index[places]]
            found.update(taken.contiguous().numpy(force=True).tobytes())
        return found.hexdigest()[:12]


@dataclass(frozen=True)
class ImageSet:
    """Images with their splits; ``notes`` names what was left out or changed when they were made, by kind."""

    images: Images
    splits: Mapping[str, NDArray[np.int64]]
    notes: Mapping[str, list[str]] = field(default_factory=dict)

    def __getitem__(self, split: str) -> Images:
        if split not in self.splits:
            raise KeyError(f"there is no split {split!r}; the splits are: {', '.join(self.splits)}")
        return self.images.at(self.splits[split])

    def hashes(self) -> dict[str, str]:
        """Per split a hash of its images, for the manifest."""
        return {name: self[name].hash() for name in self.splits}

    def to(self, device: torch.device | str) -> ImageSet:
        """The same set on a device."""
        return replace(self, images=self.images.to(device))


@dataclass(frozen=True)
class Made:
    """What a maker of images returns: bytes or bits as in `Images.store`, attributes, and notes as in `ImageSet`."""

    store: NDArray[np.uint8]
    attributes: Mapping[str, NDArray[Any]]
    notes: Mapping[str, list[str]] = field(default_factory=dict)


def packed(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Binary images (N, C, 64, 64) as `Images.store` keeps them."""
    return np.packbits(bits.reshape(*bits.shape[:2], SIDE * SIDE), axis=-1)


def cached(
    module: str, made_from: Mapping[str, Any], make: Callable[[], Made], split: Split, *, binary: bool
) -> ImageSet:
    """The set that ``make`` returns, from the cache where it is there already, split by ``split``.

    module and made_from name its place in the cache (`made_once`).
    """

    def write(folder: Path) -> None:
        made = make()
        np.save(folder / "pixels.npy", made.store)
        np.savez(folder / "attributes.npz", allow_pickle=False, **made.attributes)
        (folder / "notes.json").write_text(json.dumps({"made_from": made_from, "notes": made.notes}, indent=1))

    folder = made_once(module, made_from, write)
    store = np.load(folder / "pixels.npy", mmap_mode="c")
    with np.load(folder / "attributes.npz") as file:
        attributes = dict(file)
    notes = json.loads((folder / "notes.json").read_text())["notes"]
    images = Images(torch.from_numpy(store), binary, attributes)
    return ImageSet(images, split(attributes, len(images)), notes)
