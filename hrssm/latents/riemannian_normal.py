"""The Riemannian normal as a latent: its KL is exact, to rounding."""

from __future__ import annotations

from torch import Tensor

from hrssm.distributions.riemannian_normal import RiemannianNormal
from hrssm.latents.family import Bounds
from hrssm.latents.hyperbolic import HyperbolicLatent
from hrssm.latents.product import ProductLatent

__all__ = ["RiemannianNormalLatent", "RiemannianNormalProduct"]


class RiemannianNormalLatent(HyperbolicLatent):
    """Riemannian normal on H^d: head (loc, log scale), d + 1 numbers."""

    name = "riemannian-normal"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = dim + 1

    def distribution(self, raw: Tensor) -> RiemannianNormal:
        scale = self.bounds.scale(self.log_scales(raw))
        return RiemannianNormal(self.location(raw), scale[..., 0], validate_args=False)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return self.distribution(raw).rsample_from(noise)


class RiemannianNormalProduct(ProductLatent):
    """Riemannian normal on each of d / 2 planes: 3 d / 2 numbers."""

    name = "riemannian-normal-product"
    of = RiemannianNormalLatent
