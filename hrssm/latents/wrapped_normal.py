"""The wrapped normal as a latent: its KL is estimated, at the one sample that its noise gave."""

from __future__ import annotations

from torch import Tensor

from hrssm.distributions.wrapped_normal import WrappedNormal
from hrssm.latents.family import Bounds
from hrssm.latents.hyperbolic import HyperbolicLatent
from hrssm.latents.product import ProductLatent

__all__ = ["WrappedNormalLatent", "WrappedNormalProduct"]


class WrappedNormalLatent(HyperbolicLatent):
    """Wrapped normal on H^d with a scale per direction: head (loc, log scale), 2d numbers.

    It has no closed form of the KL, and no symmetry that would leave few dimensions: log q - log p at the sample.
    """

    name = "wrapped-normal"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = 2 * dim

    def distribution(self, raw: Tensor) -> WrappedNormal:
        return WrappedNormal(self.location(raw), self.bounds.scale(self.log_scales(raw)), validate_args=False)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return self.distribution(raw).rsample_from(noise)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        return {"kl": self.distribution(posterior).log_prob(stoch) - self.distribution(prior).log_prob(stoch)}


class WrappedNormalProduct(ProductLatent):
    """Wrapped normal on each of d / 2 planes: 2 d numbers."""

    name = "wrapped-normal-product"
    of = WrappedNormalLatent
