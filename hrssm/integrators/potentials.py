"""Potentials on the Poincare ball that are functions of the distance from a point, with their forces in closed form.

A Gibbs law exp(-Phi / T) exists only where Phi grows faster than T (D - 1) d: the volume of hyperbolic space grows as
exp((D - 1) d). A force of constant strength outwards, -alpha d, has none (`dyn-no-gibbs`); with a `Confinement` beside
it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hrssm.geometry import ball

__all__ = ["Confinement", "Outward"]


@dataclass(frozen=True)
class Confinement:
    """Phi = (stiffness / 2) d(z, centre)^2: its Gibbs law is the Riemannian normal of scale sqrt(T / stiffness)."""

    stiffness: float | Tensor
    centre: Tensor

    def potential(self, z: Tensor) -> Tensor:
        """Phi (...)."""
        return self.stiffness / 2 * ball.distance_squared(z, self.centre)

    def force(self, z: Tensor) -> Tensor:
        """-dPhi (..., D): along the geodesic to the centre, as strong as it is long."""
        return self.stiffness * ball.conformal_factor(z).square() * ball.log(z, self.centre)


@dataclass(frozen=True)
class Outward:
    """Phi = -strength d(z, centre), as published with the centre at 0: it has a cusp there, and no Gibbs law.

    At the centre itself, where no direction is outward, the force is 0.
    """

    strength: float | Tensor
    centre: Tensor

    def potential(self, z: Tensor) -> Tensor:
        """Phi (...)."""
        return -self.strength * ball.distance(z, self.centre)

    def force(self, z: Tensor) -> Tensor:
        """-dPhi (..., D), of length `strength`."""
        inward = ball.conformal_factor(z) * ball.log(z, self.centre)
        square = inward.square().sum(-1, keepdim=True)
        apart = square > 0
        length = torch.sqrt(torch.where(apart, square, torch.ones_like(square)))
        return -self.strength * ball.conformal_factor(z) * inward / length
