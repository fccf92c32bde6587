"""Riemannian and wrapped normal as latents: laws that turn standard normal noise into a sample."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from hrssm.distributions.base import LatentDistribution
from hrssm.distributions.riemannian_normal import RiemannianNormal
from hrssm.distributions.wrapped_normal import WrappedNormal
from hrssm.latents.family import Bounds, LatentFamily

__all__ = ["RiemannianNormalLatent", "WrappedNormalLatent"]


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
