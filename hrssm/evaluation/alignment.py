"""Does a score order the nodes by depth: rank correlations, pooled, within a step, one value per node."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from hrssm.evaluation.trajectories import Array, Integers

Statistic = Callable[[Array, NDArray[np.bool_]], Array]
"""From scores (S, k) and a selection (S,) of samples to one number per column, (k,)."""


def rank_correlation(score: Array, depth: Integers) -> float:
    """Spearman's rho with mid-ranks for ties, of two arrays (S,); NaN if either is constant or not finite.

    >>> round(rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1])), 3)
    0.866
    """
    return float(rank_correlations(score[:, None], depth)[0])


def rank_correlations(scores: Array, depth: Integers) -> Array:
    """`rank_correlation` of each column of `scores` (S, k) with `depth` (S,), shape (k,)."""
    result = np.full(scores.shape[1], math.nan)
    usable = np.isfinite(scores).all(axis=0) & (len(scores) > 1)
    if not usable.any():
        return result
    x, y = rankdata(scores[:, usable], axis=0), rankdata(depth)
    x, y = x - x.mean(axis=0), y - y.mean()
    norm = np.sqrt((x**2).sum(axis=0) * float(y @ y))
    result[usable] = np.divide(y @ x, norm, out=np.full(norm.shape, math.nan), where=norm > 0)
    return result


def rank_correlations_given_step(scores: Array, depth: Integers, step: Integers) -> Array:
    """Mean over the steps, where it is defined, of the rank correlations among the samples of the step, (k,).

    What the step number alone tells of the depth (formula `tree-clock`) cannot enter it.
    """
    return mean_over_steps(rank_correlations, step, scores, depth)


def mean_over_steps(statistic: Callable[..., Array | float], step: Integers, *samples: NDArray) -> Array:
    """Mean, over the steps where it is not NaN, of a statistic (k,) of the samples (S, ...) of one step."""
    values = np.array([statistic(*(array[step == t] for array in samples)) for t in np.unique(step)])
    defined = ~np.isnan(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, math.nan), where=count > 0)


def rank_correlations_of_nodes(scores: Array, depth: Integers, nodes: Integers) -> Array:
    """Rank correlations (k,) over the visited nodes, each entering once with its mean scores."""
    _, first, member, visits = np.unique(nodes, return_index=True, return_inverse=True, return_counts=True)
    total = np.zeros((len(first), scores.shape[1]))
    np.add.at(total, member, scores)
    return rank_correlations(total / visits[:, None], depth[first])


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
    values = np.abs(statistic(components, np.ones(len(components), dtype=bool)))
    return float(np.nanmax(values)) if not np.isnan(values).all() else math.nan


def best_component_held_out(components: Array, statistic: Statistic, half: NDArray[np.bool_]) -> float:
    """The statistic of the component and sign that are best on one half of the walks, on the other half.

    Mean of both ways round; about zero, and as often negative, when no component is aligned.
    """
    on_half, on_rest = statistic(components, half), statistic(components, ~half)
    scores = []
    for chosen, scored in ((on_half, on_rest), (on_rest, on_half)):
        if np.isnan(chosen).all():
            return math.nan
        best = int(np.nanargmax(np.abs(chosen)))
        scores.append(np.sign(chosen[best]) * scored[best])
    return float(np.mean(scores))
