"""Riemannian and wrapped normal as latents: laws that turn standard normal noise into a sample."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from hrssm.distributions.base import LatentDistribution
from hrssm.distributions.riemannian_normal import RiemannianNormal
from hrssm.distributions.wrapped_normal import WrappedNormal
from hrssm.geometry import horospherical as geometry
from hrssm.latents.family import Bounds, LatentFamily
from hrssm.latents.product import ProductLatent

__all__ = ["RiemannianNormalLatent", "RiemannianNormalProduct", "WrappedNormalLatent", "WrappedNormalProduct"]


class _FromNoise(LatentFamily):
    """A family whose KL is the one-sample estimate at the sample that its noise gave."""

    @abstractmethod
    def distribution(self, raw: Tensor) -> LatentDistribution: ...

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return self.distribution(raw).rsample_from(noise)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        return {"kl": self.distribution(posterior).log_prob(stoch) - self.distribution(prior).log_prob(stoch)}

    def exp_origin(self, tangent: Tensor) -> Tensor:
        return geometry.exp_origin(tangent)

    def log_origin(self, stoch: Tensor) -> Tensor:
        return geometry.log_origin(stoch)

    def heights(self, stoch: Tensor) -> Tensor:
        return stoch[..., :1]

    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        return geometry.exp(start, share.unsqueeze(-1) * geometry.log(start, end))


class RiemannianNormalLatent(_FromNoise):
    """Riemannian normal on H^d: head (loc, log scale), d + 1 numbers; its normaliser is good for scales in [0.01,
    3]."""

    name = "riemannian-normal"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = dim + 1

    def distribution(self, raw: Tensor) -> RiemannianNormal:
        scale = self.bounds.scale(self.log_scales(raw))
        return RiemannianNormal(self.location(raw), scale[..., 0], validate_args=False)


class WrappedNormalLatent(_FromNoise):
    """Wrapped normal on H^d with a scale per direction: head (loc, log scale), 2d numbers."""

    name = "wrapped-normal"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = 2 * dim

    def distribution(self, raw: Tensor) -> WrappedNormal:
        return WrappedNormal(self.location(raw), self.bounds.scale(self.log_scales(raw)), validate_args=False)


class RiemannianNormalProduct(ProductLatent):
    """Riemannian normal on each of d / 2 planes: 3 d / 2 numbers."""

    name = "riemannian-normal-product"
    of = RiemannianNormalLatent


class WrappedNormalProduct(ProductLatent):
    """Wrapped normal on each of d / 2 planes: 2 d numbers."""

    name = "wrapped-normal-product"
    of = WrappedNormalLatent
