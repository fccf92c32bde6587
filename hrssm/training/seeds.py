"""A generator per member and purpose, so that a member's run depends on its own seed alone."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch

__all__ = ["generators"]

#: Streams that are numbered; any other is known by its name, so that a system's own need not be listed here.
NUMBERED = ("weights", "walks", "noise", "evaluation walks", "evaluation noise", "counterfactual", "batches")


def generators(seeds: Sequence[int], stream: str, device: torch.device | str = "cpu") -> list[torch.Generator]:
    """One generator per seed for one purpose, named by ``stream``; streams of one seed are independent of each other.

    >>> a, b = generators([7], "walks"), generators([7, 8], "walks")
    >>> a[0].initial_seed() == b[0].initial_seed() != b[1].initial_seed()
    True
    """
    index = NUMBERED.index(stream) if stream in NUMBERED else len(NUMBERED) + zlib.crc32(stream.encode())
    entropy = [np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0] for seed in seeds]
    return [torch.Generator(device).manual_seed(int(e >> np.uint64(1))) for e in entropy]
