"""Returns of several runs on several tasks: aggregates, and stratified bootstrap intervals of them.

Scores are arrays (runs, tasks). Reference: Agarwal et al., Deep reinforcement learning at the edge of the statistical
precipice (arXiv 2108.13264).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["AGGREGATES", "interquartile_mean", "interval", "mean", "median", "normalised", "optimality_gap"]

Statistic = Callable[[NDArray[np.float64]], float]


def normalised(scores: ArrayLike, random: ArrayLike, human: ArrayLike) -> NDArray[np.float64]:
    """Scores (..., tasks) on a scale where a random player has 0 and the human 1."""
    low = np.asarray(random, dtype=np.float64)
    return (np.asarray(scores) - low) / (np.asarray(human) - low)


def mean(scores: NDArray[np.float64]) -> float:
    """The mean over runs and tasks."""
    return float(scores.mean())


def median(scores: NDArray[np.float64]) -> float:
    """The median over tasks of each task's mean."""
    return float(np.median(scores.mean(0)))


def interquartile_mean(scores: NDArray[np.float64]) -> float:
    """The mean of the middle half of all scores, runs and tasks together; a quarter of them is cut off at each end,
    rounded down."""
    ordered = np.sort(scores, axis=None)
    cut = ordered.size // 4
    return float(ordered[cut : ordered.size - cut].mean())


def optimality_gap(scores: NDArray[np.float64], target: float = 1.0) -> float:
    """How far scores stay below the target on average; what lies above it does not make up for what lies below."""
    return float(np.maximum(target - scores, 0).mean())


AGGREGATES: dict[str, Statistic] = {
    "mean": mean,
    "median": median,
    "iqm": interquartile_mean,
    "optimality-gap": optimality_gap,
}


def interval(
    statistic: Statistic, scores: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = 2000
) -> tuple[float, float]:
    """A percentile interval of a statistic of scores (runs, tasks), from runs drawn anew within each task.

    Raises ValueError for scores that are not (runs, tasks) or have fewer than two runs: one run says nothing about how
    runs differ.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(
            f"scores have shape {table.shape}: an interval needs a table (runs, tasks) with at least two runs."
        )
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(table), size=(resamples, *table.shape))
    values = [statistic(np.take_along_axis(table, rows, 0)) for rows in drawn]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
