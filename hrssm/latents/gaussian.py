"""Euclidean Gaussians as latents: the baselines."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from hrssm.latents.family import Bounds, LatentFamily

__all__ = ["Gaussian", "GaussianPairs", "GaussianTwoScale"]


class Gaussian(LatentFamily):
    """Diagonal Gaussian on R^d: head (loc, log scale), 2d numbers. The Euclidean baseline."""

    name = "gaussian"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = 2 * dim

    def scale(self, raw: Tensor) -> Tensor:
        """Standard deviations (..., d)."""
        return self.bounds.scale(self.log_scales(raw))

    def distribution(self, raw: Tensor) -> Distribution:
        return Independent(Normal(self.location(raw), self.scale(raw), validate_args=False), 1, validate_args=False)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return torch.addcmul(self.location(raw), self.scale(raw), noise)


class GaussianTwoScale(Gaussian):
    """Gaussian with one scale for the first coordinate and one for the rest: d + 2 numbers, as HG (param-count)."""

    name = "gaussian-two-scale"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = dim + 2

    def scale(self, raw: Tensor) -> Tensor:
        first, rest = super().scale(raw).split(1, -1)
        return torch.cat((first, rest.expand(*rest.shape[:-1], self.dim - 1)), -1)


class GaussianPairs(Gaussian):
    """Gaussian with one scale for each pair of coordinates: 3 d / 2 numbers, as the laws of one scale on d / 2 planes
    (param-count)."""

    name = "gaussian-pairs"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = 3 * dim // 2

    def scale(self, raw: Tensor) -> Tensor:
        return super().scale(raw).repeat_interleave(2, -1)
