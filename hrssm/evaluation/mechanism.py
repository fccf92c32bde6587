"""The mechanism that the write-up relies on: do the fibre and the drift term of the KL grow with depth?"""

from __future__ import annotations

import math

import numpy as np

from hrssm.evaluation.trajectories import Array, Integers


def depth_slope(term: Array, depth: Integers, step: Integers) -> float:
    """Least-squares slope of `term` (S,) on depth, in nats per level, with a free level for each step.

    The free levels keep out what the step number alone explains (the filter settles during a walk). NaN when
    no step has samples at two depths.
    """
    if not np.isfinite(term).all():
        return math.nan
    _, group = np.unique(step, return_inverse=True)
    x, y = _within(depth.astype(np.float64), group), _within(term.astype(np.float64), group)
    spread = float(x @ x)
    return float(x @ y) / spread if spread > 1e-12 else math.nan


def _within(values: Array, group: Integers) -> Array:
    """Values less the mean of their group."""
    return values - (np.bincount(group, weights=values) / np.bincount(group))[group]
