"""Products of hyperbolic planes as latents: independent factors of one family of H^2."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor

from hrssm.distributions.base import LatentDistribution
from hrssm.distributions.product import Product
from hrssm.latents.family import Bounds, LatentFamily

__all__ = ["ProductLatent"]


class ProductLatent(LatentFamily):
    """d / 2 factors of a family of H^2: the head holds all locations, plane by plane, then the factors' other columns.

    Samples hold the planes' points side by side. Each KL term is the sum over the planes.
    """

    of: ClassVar[type[LatentFamily]]

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.factor, self.planes = self.of(2, bounds), dim // 2
        self.num_parameters = self.planes * self.factor.num_parameters

    def heads(self, raw: Tensor) -> Tensor:
        """The factors' own head outputs (..., d / 2, parameters of one)."""
        location, rest = raw[..., : self.dim], raw[..., self.dim :]
        return torch.cat((location.unflatten(-1, (self.planes, 2)), rest.unflatten(-1, (self.planes, -1))), -1)

    def points(self, stoch: Tensor) -> Tensor:
        """The planes' points (..., d / 2, 2)."""
        return stoch.unflatten(-1, (self.planes, 2))

    def distribution(self, raw: Tensor) -> Product:
        return Product(cast(LatentDistribution, self.factor.distribution(self.heads(raw))), validate_args=False)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return self.factor.sample(self.heads(raw), self.points(noise)).flatten(-2)

    def log_scales(self, raw: Tensor) -> Tensor:
        return self.factor.log_scales(self.heads(raw)).flatten(-2)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        terms = self.factor.kl_terms(
            self.heads(posterior), self.heads(prior), self.points(stoch), log_drift_max=log_drift_max
        )
        return {name: term.sum(-1) for name, term in terms.items()}

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        return self.factor.clamp_rates(
            self.heads(posterior), self.heads(prior), self.points(stoch), log_drift_max=log_drift_max
        )

    def exp_origin(self, tangent: Tensor) -> Tensor:
        return self.factor.exp_origin(self.points(tangent)).flatten(-2)

    def log_origin(self, stoch: Tensor) -> Tensor:
        return self.factor.log_origin(self.points(stoch)).flatten(-2)

    def heights(self, stoch: Tensor) -> Tensor:
        return self.points(stoch)[..., 0]

    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        return self.factor.between(self.points(start), self.points(end), share.unsqueeze(-1)).flatten(-2)
