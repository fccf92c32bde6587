"""What a latent holds of known factors, chosen or fitted on other images than those that it is scored on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVE", "active", "best_correlation", "neighbours_r2"]

Array = NDArray[np.float64]

ACTIVE = 0.01
"""A coordinate is active if the variance of its location over images is above this (Burda et al. 2016)."""


def active(locations: Array) -> int:
    """How many coordinates of locations (N, d) are active."""
    return int((locations.var(0) > ACTIVE).sum())


def best_correlation(chosen_on: tuple[Array, Array], scored_on: tuple[Array, Array]) -> float:
    """Pearson's r with a target of the column with the largest |r| on other images; signed. NaN where none varies.

    Each side is columns (N, d) and target (N).
    """
    r = np.abs(correlations(*chosen_on))
    if np.isnan(r).all():
        return float("nan")
    return float(correlations(*scored_on)[np.nanargmax(r)])


def correlations(columns: Array, target: Array) -> Array:
    """Pearson's r of each column (N, d) with the target (N); NaN where either is constant."""
    centred, aim = columns - columns.mean(0), target - target.mean()
    norm = np.sqrt((centred**2).sum(0) * (aim**2).sum())
    return np.divide(aim @ centred, norm, out=np.full(columns.shape[1], np.nan), where=norm > 0)


def neighbours_r2(train: tuple[Array, Array], test: tuple[Array, Array], neighbours: int = 5) -> Array:
    """R^2 of each factor as the mean over the nearest neighbours in the latent, (factors).

    Each side is latents (N, d) and factors (N, F); neighbours are looked for in the first side only, factors are
    predicted for the second.
    """
    from sklearn.neighbors import KNeighborsRegressor

    known, truth = train[1], test[1]
    model = KNeighborsRegressor(min(neighbours, len(known))).fit(train[0], known)
    error = ((model.predict(test[0]).reshape(truth.shape) - truth) ** 2).mean(0)
    return 1 - error / truth.var(0)
