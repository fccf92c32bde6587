"""Horospherical Gaussians as latents: head (height, fibre location, log height scale, log fibre scales)."""

from __future__ import annotations

from torch import Tensor

from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian, kl_terms, log_drift_moment, sample
from hrssm.latents.family import Bounds
from hrssm.latents.hyperbolic import HyperbolicLatent
from hrssm.latents.product import ProductLatent

__all__ = ["HG", "HGDiagonal", "HGHalf", "HGHalfProduct", "HGProduct", "HGUncoupled"]


class HG(HyperbolicLatent):
    """Horospherical Gaussian with one fibre scale: head (mu, beta, log sigma, log s), d + 2 numbers (param-count)."""

    name = "hg"
    coupling = 1.0

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.fibre_scales = self._fibre_scales(dim)
        self.num_parameters = dim + 1 + self.fibre_scales

    def _fibre_scales(self, dim: int) -> int:
        return 1

    def parameters(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the columns mean: mu (..., 1), beta (..., m), sigma (..., 1), s (..., 1 or m)."""
        location, log_scales = raw.split((self.dim, 1 + self.fibre_scales), -1)
        height_loc, fibre_loc = location.split((1, self.dim - 1), -1)
        height_scale, fibre_scale = self.bounds.scale(log_scales).split((1, self.fibre_scales), -1)
        return height_loc, fibre_loc, height_scale, fibre_scale

    def distribution(self, raw: Tensor) -> HorosphericalGaussian:
        height_loc, fibre_loc, height_scale, fibre_scale = self.parameters(raw)
        return HorosphericalGaussian(
            height_loc[..., 0],
            fibre_loc,
            height_scale[..., 0],
            fibre_scale[..., 0] if self.fibre_scales == 1 else fibre_scale,
            self.coupling,
            validate_args=False,
        )

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        """hg-sampler, with the bound on the height."""
        return sample(*self.parameters(raw), noise, self.coupling, height_max=self.bounds.height_max)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        q, p = self.distribution(posterior), self.distribution(prior)
        return kl_terms(q, p, log_drift_max=log_drift_max)._asdict()

    def frozen_drift(self, posterior: Tensor, prior: Tensor) -> Tensor:
        q = self.distribution(posterior)
        still = HorosphericalGaussian(
            q.height_loc.detach(),
            q.fibre_loc,
            q.height_scale.detach(),
            q.fibre_scale,
            self.coupling,
            validate_args=False,
        )
        return kl_terms(still, self.distribution(prior)).drift

    def attenuation(self, raw: Tensor) -> Tensor:
        """E[e^tau] = exp(mu + sigma^2 / 2) (hg-mgf at r = 1), shape (...)."""
        return self.distribution(raw).attenuation

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        rates = super().clamp_rates(posterior, prior, stoch, log_drift_max=log_drift_max)
        rates["clamped_height"] = _share(stoch.detach()[..., 0].abs() >= self.bounds.height_max)
        if log_drift_max is not None:
            moment = log_drift_moment(self.distribution(posterior.detach()), self.distribution(prior.detach()))
            rates["clamped_drift"] = _share(moment > log_drift_max)
        return rates


class HGDiagonal(HG):
    """Horospherical Gaussian with a scale per fibre coordinate: 2d numbers, as the diagonal Gaussian (param-count)."""

    name = "hg-diagonal"

    def _fibre_scales(self, dim: int) -> int:
        return dim - 1


class HGHalf(HG):
    """HG with coupling 1/2, the one nearest to the Riemannian normal (a4-coupling)."""

    name = "hg-half"
    coupling = 0.5


class HGUncoupled(HG):
    """HG with coupling 0: the fibre's spread follows the height's location and not the height (hgk-limit)."""

    name = "hg-uncoupled"
    coupling = 0.0


class HGProduct(ProductLatent):
    """Horospherical Gaussian on each of d / 2 planes: 2 d numbers."""

    name = "hg-product"
    of = HG


class HGHalfProduct(ProductLatent):
    """HG with coupling 1/2 on each of d / 2 planes: 2 d numbers."""

    name = "hg-half-product"
    of = HGHalf


def _share(of: Tensor) -> Tensor:
    return of.flatten(1).float().mean(1)
