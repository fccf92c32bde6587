"""Latent families: how the numbers that a head puts out become a distribution, a sample, and KL terms.

A head's output is ``(..., num_parameters)``. The first entry of a sample is the height wherever the family has one.
Samples are made from explicit base noise, so that each member of an ensemble draws from its own generator.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from hrssm.distributions import (
    GaussianManifoldNormal,
    HorosphericalGaussian,
    LatentDistribution,
    RiemannianNormal,
    WrappedNormal,
    kl_terms,
)


@dataclass(frozen=True)
class Bounds:
    """Where the heads' outputs are held: scales in [scale_min, scale_max], sampled heights in [-height_max,
    height_max].

    The values of the write-up. ``clamp_rates`` reports how often each of them acts.
    """

    scale_min: float = 0.05
    scale_max: float = 5.0
    height_max: float = 8.0

    def scale(self, raw: Tensor) -> Tensor:
        """exp(raw), held within the bounds; the logarithm is held, so that a huge one gives no infinite derivative."""
        return raw.clamp(math.log(self.scale_min), math.log(self.scale_max)).exp()

    def rate(self, raw: Tensor) -> Tensor:
        """Per member, the share of log scales (M, ...) that the bounds hold."""
        outside = (raw < math.log(self.scale_min)) | (raw > math.log(self.scale_max))
        return outside.flatten(1).float().mean(1)


class LatentFamily(ABC):
    """A family of distributions over the latent (d,), parametrised by a network head.

    Attributes: name; dim (d); num_parameters, of a head's output; noise_dim, of the base noise; has_height.
    """

    name: str
    num_parameters: int
    noise_dim: int
    has_height = False

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        if dim < 2:
            raise ValueError(
                f"the latent's dimension is {dim}; it must be at least 2: one height and one fibre coordinate"
            )
        self.dim, self.bounds = dim, bounds or Bounds()

    @abstractmethod
    def distribution(self, raw: Tensor) -> Distribution:
        """The distribution with event shape (d,) that a head's output (..., num_parameters) stands for."""

    @abstractmethod
    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        """A reparametrised sample (..., d) from base noise (..., noise_dim)."""

    def noise(self, generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Base noise (*shape, noise_dim): standard normals unless the family says otherwise."""
        return torch.randn(*shape, self.noise_dim, generator=generator, device=generator.device, dtype=dtype)

    def location(self, raw: Tensor) -> Tensor:
        """The posterior's location (..., d), the height first where there is one."""
        return raw[..., : self.dim]

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """KL(posterior, prior), each term (...); their sum is the KL. ``stoch`` serves families without a closed
        form."""
        return {"kl": kl_divergence(self.distribution(posterior), self.distribution(prior))}

    def attenuation(self, raw: Tensor) -> Tensor | None:
        """E[e^tau] (...), where it is known in closed form."""
        return None

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """Per member (M,), how often each clamp acted; empty where a family has none."""
        return {}


class HG(LatentFamily):
    """Horospherical Gaussian with one fibre scale: head (mu, beta, log sigma, log s), d + 2 numbers (param-count)."""

    name = "hg"
    has_height = True

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.noise_dim = dim
        self.fibre_scales = self._fibre_scales(dim)
        self.num_parameters = dim + 1 + self.fibre_scales

    def _fibre_scales(self, dim: int) -> int:
        return 1

    def distribution(self, raw: Tensor) -> HorosphericalGaussian:
        height_scale, fibre_scale = self.bounds.scale(raw[..., self.dim :]).split((1, self.fibre_scales), -1)
        return HorosphericalGaussian(
            raw[..., 0],
            raw[..., 1 : self.dim],
            height_scale[..., 0],
            fibre_scale.expand_as(raw[..., 1 : self.dim]),
            validate_args=False,
        )

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        # hg-sampler, with the write-up's bound on the height.
        location, log_scale = raw.split((self.dim, 1 + self.fibre_scales), -1)
        height_scale, fibre_scale = self.bounds.scale(log_scale).split((1, self.fibre_scales), -1)
        height_loc, fibre_loc = location.split((1, self.dim - 1), -1)
        height_noise, fibre_noise = noise.split((1, self.dim - 1), -1)
        height = torch.addcmul(height_loc, height_scale, height_noise).clamp(
            -self.bounds.height_max, self.bounds.height_max
        )
        fibre = torch.addcmul(fibre_loc, fibre_scale * height.exp(), fibre_noise)
        return torch.cat((height, fibre), -1)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        q, p = self.distribution(posterior), self.distribution(prior)
        terms = kl_terms(q, p)
        drift = terms.drift
        if log_drift_max is not None:
            # hg-drift-clamp: the moment e^(-2 mu + 2 sigma^2) is held at e^C, which takes its gradient away.
            moment = (-2 * q.height_loc + 2 * q.height_scale**2).clamp(max=log_drift_max).exp()
            drift = ((q.fibre_loc - p.fibre_loc) / p.fibre_scale).square().sum(-1) / 2 * moment
        return {"height": terms.height, "fibre": terms.fibre, "drift": drift}

    def attenuation(self, raw: Tensor) -> Tensor:
        """E[e^tau] = exp(mu + sigma^2 / 2) (hg-mgf at r = 1), shape (...)."""
        return torch.exp(raw[..., 0] + self.bounds.scale(raw[..., self.dim]).square() / 2)

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        log_scales = torch.stack((posterior[..., self.dim :], prior[..., self.dim :]), -1)
        rates = {
            "clamped_scale": self.bounds.rate(log_scales),
            "clamped_height": (stoch.detach()[..., 0].abs() >= self.bounds.height_max).flatten(1).float().mean(1),
        }
        if log_drift_max is not None:
            moment = -2 * posterior.detach()[..., 0] + 2 * self.bounds.scale(posterior.detach()[..., self.dim]).square()
            rates["clamped_drift"] = (moment > log_drift_max).flatten(1).float().mean(1)
        return rates


class HGDiagonal(HG):
    """Horospherical Gaussian with a scale per fibre coordinate: 2d numbers, as the diagonal Gaussian (param-count)."""

    name = "hg-diagonal"

    def _fibre_scales(self, dim: int) -> int:
        return dim - 1


class Gaussian(LatentFamily):
    """Diagonal Gaussian on R^d: head (loc, log scale), 2d numbers. The Euclidean baseline."""

    name = "gaussian"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.noise_dim, self.num_parameters = dim, 2 * dim

    def scale(self, raw: Tensor) -> Tensor:
        """Standard deviations (..., d)."""
        return self.bounds.scale(raw[..., self.dim :])

    def distribution(self, raw: Tensor) -> Distribution:
        return Independent(Normal(raw[..., : self.dim], self.scale(raw), validate_args=False), 1, validate_args=False)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return torch.addcmul(raw[..., : self.dim], self.scale(raw), noise)

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        return {
            "clamped_scale": self.bounds.rate(torch.stack((posterior[..., self.dim :], prior[..., self.dim :]), -1))
        }


class GaussianTwoScale(Gaussian):
    """Gaussian with one scale for the first coordinate and one for the rest: d + 2 numbers, as HG (param-count)."""

    name = "gaussian-two-scale"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.num_parameters = dim + 2

    def scale(self, raw: Tensor) -> Tensor:
        first, rest = self.bounds.scale(raw[..., self.dim :]).split(1, -1)
        return torch.cat((first, rest.expand(*rest.shape[:-1], self.dim - 1)), -1)


class _FromNoise(LatentFamily):
    """A family whose distribution turns standard normal noise into a sample, and whose KL is the one-sample estimate
    at it."""

    @abstractmethod
    def distribution(self, raw: Tensor) -> LatentDistribution: ...

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return self.distribution(raw).rsample_from(noise)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        return {"kl": self.distribution(posterior).log_prob(stoch) - self.distribution(prior).log_prob(stoch)}

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        return {
            "clamped_scale": self.bounds.rate(torch.stack((posterior[..., self.dim :], prior[..., self.dim :]), -1))
        }


class RiemannianNormalLatent(_FromNoise):
    """Riemannian normal on H^d: head (loc, log scale), d + 1 numbers; its normaliser is good for scales in [0.01,
    3]."""

    name = "riemannian-normal"
    has_height = True

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.noise_dim, self.num_parameters = dim, dim + 1

    def distribution(self, raw: Tensor) -> RiemannianNormal:
        return RiemannianNormal(raw[..., : self.dim], self.bounds.scale(raw[..., self.dim]), validate_args=False)


class WrappedNormalLatent(_FromNoise):
    """Wrapped normal on H^d with a scale per direction: head (loc, log scale), 2d numbers."""

    name = "wrapped-normal"
    has_height = True

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.noise_dim, self.num_parameters = dim, 2 * dim

    def distribution(self, raw: Tensor) -> WrappedNormal:
        return WrappedNormal(raw[..., : self.dim], self.bounds.scale(raw[..., self.dim :]), validate_args=False)


class GaussianManifoldNormalLatent(_FromNoise):
    """PGM normal on a product of d / 2 half-planes: head (location, log variance, log dispersion), 3 d / 2 numbers."""

    name = "gaussian-manifold-normal"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        if dim % 2:
            raise ValueError(
                f"the latent's dimension is {dim}; {self.name} is a product of half-planes, so it must be even"
            )
        self.planes, self.noise_dim, self.num_parameters = dim // 2, dim, 3 * dim // 2

    def distribution(self, raw: Tensor) -> GaussianManifoldNormal:
        loc, log_variance, log_dispersion = raw.split(self.planes, -1)
        hold = (2 * math.log(self.bounds.scale_min), 2 * math.log(self.bounds.scale_max))
        return GaussianManifoldNormal(loc, log_variance.clamp(*hold), log_dispersion.clamp(*hold), validate_args=False)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        return {"kl": kl_divergence(self.distribution(posterior), self.distribution(prior))}

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        halves = torch.stack((posterior[..., self.planes :], prior[..., self.planes :]), -1) / 2
        return {"clamped_scale": self.bounds.rate(halves)}


FAMILIES: dict[str, type[LatentFamily]] = {
    family.name: family
    for family in (
        HG,
        HGDiagonal,
        Gaussian,
        GaussianTwoScale,
        RiemannianNormalLatent,
        WrappedNormalLatent,
        GaussianManifoldNormalLatent,
    )
}
