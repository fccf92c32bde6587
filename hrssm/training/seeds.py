"""A generator per member and purpose, so that a member's run depends on its own seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch

Stream = Literal["weights", "walks", "noise", "evaluation walks", "evaluation noise", "counterfactual"]


def generators(seeds: Sequence[int], stream: Stream, device: torch.device | str = "cpu") -> list[torch.Generator]:
    """One generator per seed for one purpose; streams of one seed are independent of each other.

    >>> a, b = generators([7], "walks"), generators([7, 8], "walks")
    >>> a[0].initial_seed() == b[0].initial_seed() != b[1].initial_seed()
    True
    """
    index = get_args(Stream).index(stream)
    entropy = [np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0] for seed in seeds]
    return [torch.Generator(device).manual_seed(int(e >> np.uint64(1))) for e in entropy]
