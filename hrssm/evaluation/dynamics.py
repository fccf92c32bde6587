"""From paths on the Poincare ball to numbers: prediction errors beside naive predictors, energy drift, stationary laws.

Paths are positions (..., T, D) in the ball. A prediction is worth what it beats the two by that need no model: the last
state kept, and the last velocity kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrssm.geometry import ball

__all__ = [
    "RadialLaw",
    "constant_velocity",
    "copy_last",
    "energy_drift",
    "fitted_order",
    "prediction_error",
    "radial_law",
    "skill",
]

Array = NDArray[np.float64]


def copy_last(z: Tensor, horizon: int) -> Tensor:
    """The last position of each path, kept for `horizon` frames: (..., horizon, D)."""
    return z[..., -1:, :].expand(*z.shape[:-2], horizon, z.shape[-1])


def constant_velocity(z: Tensor, horizon: int) -> Tensor:
    """The geodesic through the last two positions of each path, continued for `horizon` frames: (..., horizon, D).

    Raises ValueError for a path of one position.
    """
    if z.shape[-2] < 2:
        raise ValueError(f"a path of {z.shape[-2]} position: constant velocity needs the last two.")
    before, last = z[..., -2, :], z[..., -1, :]
    velocity = -ball.log(last, before)
    steps = torch.arange(1, horizon + 1, dtype=z.dtype, device=z.device).unsqueeze(-1)
    return ball.exp(last.unsqueeze(-2), steps * velocity.unsqueeze(-2))


def prediction_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean geodesic distance to the true positions, per frame: (..., N, T, D) to (..., T), averaged over N paths.

    Raises ValueError where the shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"predicted {tuple(predicted.shape)} and true {tuple(truth.shape)}: shapes must agree.")
    return ball.distance(predicted, truth).mean(-2)


def skill(error: Tensor, naive: Tensor) -> Tensor:
    """1 - error / naive: 1 for a perfect prediction, 0 for one no better than the naive one, negative for a worse."""
    return 1 - error / naive


def energy_drift(energy: Tensor) -> tuple[Tensor, Tensor]:
    """Largest departure from the first energy, and the slope per frame of a straight line: (T, ...) to (...) each.

    A method that is symplectic has a departure that falls with the square of its step and a slope of about 0.
    """
    time = torch.arange(len(energy), dtype=energy.dtype, device=energy.device)
    time = (time - time.mean()).reshape(-1, *(1,) * (energy.ndim - 1))
    slope = (time * energy).sum(0) / time.square().sum()
    return (energy - energy[0]).abs().amax(0), slope


def fitted_order(steps: Array, errors: Array) -> float:
    """The exponent k of error = c h^k by least squares in logarithms. Raises ValueError for fewer than two steps."""
    if len(steps) < 2:
        raise ValueError(f"{len(steps)} step lengths: an order needs at least 2.")
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


@dataclass(frozen=True)
class RadialLaw:
    """A law of the distance from the centre: density and distribution function on a grid of distances."""

    distance: Array
    density: Array
    cumulative: Array

    def cdf(self, distance: Array) -> Array:
        """P(d <= distance)."""
        return np.interp(distance, self.distance, self.cumulative, left=0.0, right=1.0)

    def statistic(self, sample: Array) -> float:
        """Kolmogorov's distance between the law and a sample's distribution function."""
        ordered = self.cdf(np.sort(sample))
        steps = np.arange(len(sample) + 1) / len(sample)
        return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))


def radial_law(
    potential: Callable[[Array], Array], temperature: float, dimension: int, *, points: int = 20001
) -> RadialLaw:
    """The Gibbs law of the distance from the centre, density exp(-Phi(d) / T) sinh(d)^(D - 1), on a grid.

    `potential` is a function of distances. Raises ValueError for a temperature that is not above 0, and where there is
    no such law: where Phi does not grow faster than T (D - 1) d (`dyn-no-gibbs`), as far as distance 1e4 shows it.
    """
    if not temperature > 0:
        raise ValueError(f"temperature = {temperature}: a Gibbs law needs one above 0.")

    def log_density(d: Array) -> Array:
        log_sinh = d + np.log(-np.expm1(-2 * d) / 2)
        return -potential(d) / temperature + (dimension - 1) * log_sinh

    reach = 1.0
    while True:
        grid = np.linspace(reach / points, reach, points)
        height = log_density(grid)
        if height[-1] < height.max() - 40:
            break
        if reach > 1e4:
            raise ValueError(
                f"no Gibbs law at temperature {temperature} in dimension {dimension}: the potential must grow faster "
                f"than {temperature * (dimension - 1):g} d; add a confinement."
            )
        reach *= 1.5
    density = np.exp(height - height.max())
    grid = np.concatenate(([0.0], grid))
    density = np.concatenate(([0.0 if dimension > 1 else density[0]], density))
    cumulative = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))))
    return RadialLaw(grid, density / cumulative[-1], cumulative / cumulative[-1])
