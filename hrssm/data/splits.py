"""Which images go to training, validation and test: by groups that stay together, by image, or stratified by class.

A split reads the attributes of a set, (N, ...) arrays by name, and gives the places of each part. All are drawn by a
seed, so that a split can be told from its settings alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PARTS", "Places", "Split", "by_group", "by_image", "leaking", "stratified"]

Places = dict[str, NDArray[np.int64]]
Split = Callable[[Mapping[str, NDArray[Any]], int], Places]

#: The parts of a split and their shares.
PARTS = {"train": 0.8, "valid": 0.1, "test": 0.1}


def by_image(seed: int) -> Split:
    """Image by image: for sets whose images were drawn independently."""
    return lambda attributes, count: _cut(np.random.default_rng(seed).permutation(count))


def by_group(attribute: str, seed: int) -> Split:
    """Whole groups, such as episodes: images with the same value of an attribute are never in two parts.

    Groups are shuffled and dealt to whichever part lacks most of its share of images, so that a part is off by at
    most one group. Raises ValueError for fewer groups than parts.
    """

    def split(attributes: Mapping[str, NDArray[Any]], count: int) -> Places:
        groups = attributes[attribute]
        of = _dealt(groups, seed)
        shuffled = np.random.default_rng([seed, 1]).permutation(count)
        return {part: shuffled[of[shuffled] == k] for k, part in enumerate(PARTS)}

    return split


def leaking(attribute: str, seed: int) -> Split:
    """What a shuffle of single frames does: neighbours of a training image are in validation and test.

    The groups that `by_group` gives to "test" are kept whole, under the name "unseen"; all other images are shuffled
    one by one and cut into "train", "valid" and "test". Both tests can so be asked of one model.
    """

    def split(attributes: Mapping[str, NDArray[Any]], count: int) -> Places:
        whole = by_group(attribute, seed)(attributes, count)
        rest = np.concatenate((whole["train"], whole["valid"]))
        return {**_cut(np.random.default_rng([seed, 2]).permutation(rest)), "unseen": whole["test"]}

    return split


def stratified(attribute: str, seed: int) -> Split:
    """Class by class: every part has every class in its share, but for rounding."""

    def split(attributes: Mapping[str, NDArray[Any]], count: int) -> Places:
        rng = np.random.default_rng(seed)
        parts: dict[str, list[NDArray[np.int64]]] = {part: [] for part in PARTS}
        for value in np.unique(attributes[attribute]):
            for part, places in _cut(rng.permutation(np.flatnonzero(attributes[attribute] == value))).items():
                parts[part].append(places)
        return {part: rng.permutation(np.concatenate(places)) for part, places in parts.items()}

    return split


def _cut(shuffled: NDArray[np.int64]) -> Places:
    ends = np.cumsum([round(share * len(shuffled)) for share in PARTS.values()])[:-1]
    return dict(zip(PARTS, np.split(shuffled, ends), strict=True))


def _dealt(groups: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """For every image the number of the part that its group was dealt to."""
    values, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(values) < len(PARTS):
        raise ValueError(
            f"there are {len(values)} groups for the {len(PARTS)} parts {', '.join(PARTS)}: make more images, so that "
            "each part has a group of its own"
        )
    wanted = np.array(list(PARTS.values())) * len(groups)
    part = np.empty(len(values), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(values))
    for k, group in enumerate(order):
        # The first groups go to one part each, so that none stays empty.
        part[group] = k if k < len(PARTS) else int(np.argmax(wanted))
        wanted[part[group]] -= sizes[group]
    return part[member]
