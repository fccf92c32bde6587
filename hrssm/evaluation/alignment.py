"""Does a score order the nodes by depth: rank correlations, pooled, within a step, one value per node."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from hrssm.evaluation.trajectories import Array, Integers

Statistic = Callable[[Array, NDArray[np.bool_]], float]


def rank_correlation(score: Array, depth: Integers) -> float:
    """Spearman's rho with mid-ranks for ties, of two arrays (S,); NaN if either is constant or not finite.

    >>> round(rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1])), 3)
    0.866
    """
    if score.size < 2 or not np.isfinite(score).all():
        return math.nan
    x, y = rankdata(score), rankdata(depth)
    x, y = x - x.mean(), y - y.mean()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / norm if norm > 0 else math.nan


def rank_correlation_given_step(score: Array, depth: Integers, step: Integers) -> float:
    """Mean over the steps, where it is defined, of the rank correlation among the samples of the step.

    What the step number alone tells of the depth (formula `tree-clock`) cannot enter it.
    """
    return mean_over_steps(rank_correlation, step, score, depth)


def mean_over_steps(statistic: Callable[..., float], step: Integers, *samples: NDArray) -> float:
    """Mean, over the steps where it is not NaN, of a statistic of the samples (S,) of one step."""
    values = [statistic(*(array[step == t] for array in samples)) for t in np.unique(step)]
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


def rank_correlation_of_nodes(score: Array, depth: Integers, nodes: Integers) -> float:
    """Rank correlation over the visited nodes, each entering once with its mean score."""
    _, first, member = np.unique(nodes, return_index=True, return_inverse=True)
    mean = np.bincount(member, weights=score) / np.bincount(member)
    return rank_correlation(mean, depth[first])


def rank_ceiling(depth: Integers) -> float:
    """The largest rank correlation a score without ties can have with `depth` (S,) (formula `rank-ceiling`).

    sqrt(1 - sum_k (n_k^3 - n_k) / (n^3 - n)) with n_k samples at the k-th depth; NaN if there is one depth
    only.

    >>> round(rank_ceiling(np.array([0, 0, 1])), 3)
    0.866
    """
    counts = np.unique(depth, return_counts=True)[1].astype(np.float64)
    n = counts.sum()
    if len(counts) < 2:
        return math.nan
    return math.sqrt(1.0 - float((counts**3 - counts).sum() / (n**3 - n)))


def principal_components(location: Array, count: int = 8) -> Array:
    """Scores (S, k) of samples (S, d) on the first k = min(count, d) principal components.

    Largest variance first. The sign of a component is a convention: its largest loading is positive.
    """
    centred = location.astype(np.float64) - location.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :count]
    largest = np.abs(axes).argmax(axis=0)
    return centred @ (axes * np.sign(axes[largest, np.arange(axes.shape[1])]))


def best_component(components: Array, statistic: Statistic) -> float:
    """The largest absolute statistic over the components (S, k), chosen and scored on one set: biased up."""
    everything = np.ones(len(components), dtype=bool)
    values = [abs(statistic(column, everything)) for column in components.T]
    return float(np.nanmax(values)) if not np.isnan(values).all() else math.nan


def best_component_held_out(components: Array, statistic: Statistic, half: NDArray[np.bool_]) -> float:
    """The statistic of the component and sign that are best on one half of the walks, on the other half.

    Mean of both ways round; about zero, and as often negative, when no component is aligned.
    """
    scores = []
    for chosen, scored in ((half, ~half), (~half, half)):
        values = np.array([statistic(column, chosen) for column in components.T])
        if np.isnan(values).all():
            return math.nan
        best = int(np.nanargmax(np.abs(values)))
        scores.append(np.sign(values[best]) * statistic(components[:, best], scored))
    return float(np.mean(scores))
