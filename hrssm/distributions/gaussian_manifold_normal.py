"""The pseudo Gaussian manifold normal (PGM normal) on a product of half-planes."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import constraints
from torch.distributions.constraint_registry import biject_to, transform_to
from torch.distributions.kl import register_kl
from torch.distributions.transforms import identity_transform

from hrssm.distributions.base import LatentDistribution, distinct, floating, real_vector
from hrssm.distributions.numerics.gamma_functions import (
    digamma_gap,
    digamma_next,
    gamma_bregman,
    stirling,
    trigamma_next,
)
from hrssm.distributions.numerics.gamma_quantile import log_gamma_quantile
from hrssm.distributions.numerics.stable import exp_gap
from hrssm.geometry import half_plane
from hrssm.geometry.half_plane import Curvature, checked

__all__ = ["GaussianManifoldNormal", "half_planes"]


# The shape below which the entropy is taken in its plain form.
_PLAIN_BELOW = 8.0


class _HalfPlanes(constraints.Constraint):
    """Points of a product of half-planes, (mu_1, log sigma_1^2, mu_2, log sigma_2^2, ...), all finite."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        return torch.isfinite(value).all(-1)

    def __repr__(self) -> str:
        return "HalfPlanes()"


half_planes = _HalfPlanes()
biject_to.register(_HalfPlanes, lambda constraint: identity_transform)
transform_to.register(_HalfPlanes, lambda constraint: identity_transform)


class GaussianManifoldNormal(LatentDistribution):
    """The PGM normal on a product of n half-planes of curvature -c, each the manifold of N(mu, sigma^2).

    A plane's density with respect to its Riemannian volume is (sigma / beta)^3 exp(-KL / (2 c gamma^2)) / Z,
    where KL is that of N(sqrt(2c) mu, sigma) from N(sqrt(2c) alpha, beta); it is a normal in mu times a gamma
    in sigma^2. Its normaliser is Z = 2 pi gamma^2 exp(S(1 / (4 c gamma^2))), S Stirling's remainder. Source:
    Cho, Lee, Kim (2023), "Hyperbolic VAE via Latent Gaussian Distributions", NeurIPS; here with the constants
    that the density needs to integrate to 1.

    Parameters, with batch shape B and n planes, all real (log variances, so that no scale leaves its domain):
        loc: alpha (B, n).
        log_variance: log beta^2 (B, n); beta^2 is the mode of sigma^2 in its gamma law.
        log_dispersion: log gamma^2 (B, n).
        curvature: c > 0, one number, or a tensor that broadcasts against (B, n), as where it is learned; the
            curvature is -c.

    A sample (..., 2n) holds the pairs (mu, log sigma^2) plane by plane; `planes` splits them.

    >>> q = GaussianManifoldNormal(torch.zeros(5, 2), torch.zeros(5, 2), torch.zeros(5, 2))
    >>> q.batch_shape, q.event_shape
    (torch.Size([5]), torch.Size([4]))
    """

    arg_constraints: ClassVar = {
        "loc": real_vector,
        "log_variance": real_vector,
        "log_dispersion": real_vector,
    }
    support = half_planes
    _further = ("curvature",)

    def __init__(
        self,
        loc: Tensor,
        log_variance: Tensor | float,
        log_dispersion: Tensor | float,
        curvature: Curvature = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc is a scalar; it needs a last axis, one entry per half-plane.")
        loc, log_variance, log_dispersion = floating(loc, log_variance, log_dispersion)
        self.curvature = checked(curvature)
        if isinstance(curvature, Tensor):
            loc = loc.expand(torch.broadcast_shapes(loc.shape, curvature.shape))
        self.loc, self.log_variance, self.log_dispersion = torch.broadcast_tensors(loc, log_variance, log_dispersion)
        event = torch.Size((2 * self.loc.shape[-1],))
        super().__init__(self.loc.shape[:-1], event, validate_args=validate_args)
        if self._validate_args and isinstance(curvature, Tensor) and not bool((curvature > 0).all()):
            raise ValueError(f"curvature has the least value {float(curvature.min())}; all must be c > 0.")

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> GaussianManifoldNormal:
        shape = (*batch_shape, self.loc.shape[-1])
        return self._rebuilt(
            GaussianManifoldNormal,
            _instance,
            batch_shape,
            loc=self.loc.expand(shape),
            log_variance=self.log_variance.expand(shape),
            log_dispersion=self.log_dispersion.expand(shape),
            curvature=self.curvature,
        )

    @staticmethod
    def planes(value: Tensor) -> Tensor:
        """The pairs (mu, log sigma^2) of a sample (..., 2n), as (..., n, 2)."""
        return value.unflatten(-1, (-1, 2))

    @property
    def mean(self) -> Tensor:
        """Expectation of the coordinates, (E mu, E log sigma^2) plane by plane, (B, 2n)."""
        return self._interleave(self.loc, self.log_variance + digamma_gap(self._shape_parameter))

    @property
    def mode(self) -> Tensor:
        """Maximum of the density: mu = alpha, sigma^2 = beta^2 (1 + 6 c gamma^2), (B, 2n)."""
        return self._interleave(self.loc, self.log_variance + torch.log1p(1.5 / self._shape_parameter))

    @property
    def variance(self) -> Tensor:
        """Variances of the coordinates mu and log sigma^2, (B, 2n)."""
        height = trigamma_next(self._shape_parameter)
        return self._interleave(torch.exp(self.log_variance + self.log_dispersion), height)

    def rsample_from(self, noise: Tensor) -> Tensor:
        """mu = alpha + beta gamma noise; log sigma^2 by the gamma quantile of Phi(noise), in log space.

        The quantile is exact to rounding, and so are its gradients.
        """
        return self._sample_and_lift(noise)[0]

    def rsample_and_log_prob(
        self, sample_shape: Size | tuple[int, ...] = (), *, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A sample and its log-density, which needs the noise of mu alone."""
        noise = self.base_noise(sample_shape) if noise is None else noise
        value, lift = self._sample_and_lift(noise)
        return value, self._log_density(lift, self.planes(noise)[..., 0].square())

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to the Riemannian volume, (...) for value (..., 2n)."""
        if self._validate_args:
            self._validate_sample(value)
        pairs = self.planes(value)
        lift = pairs[..., 1] - self.log_variance
        spread = (pairs[..., 0] - self.loc).square() * torch.exp(-self.log_variance - self.log_dispersion)
        return self._log_density(lift, spread)

    def log_measure(self, value: Tensor) -> Tensor:
        """Log-density of the volume with respect to that of the coordinates, (...) for (..., 2n) (`gm-metric`)."""
        return half_plane.log_volume(self.planes(value), self.curvature).sum(-1)

    def entropy(self) -> Tensor:
        """Entropy with respect to the Riemannian volume, exact, batch shape (formula pgm-entropy)."""
        shape = self._shape_parameter
        # The same number twice: log Z and the mean of log w cancel for small shapes, the plain form for large ones.
        large = self._log_normaliser + 1.5 - (shape + 1.5) * digamma_gap(shape)
        plain = torch.lgamma(shape + 1) + shape + 1.5 - (shape + 1.5) * digamma_next(shape)
        plain = plain + 0.5 * math.log(2 * math.pi) - _log(4 * self.curvature)
        return torch.where(shape < _PLAIN_BELOW, plain, large).sum(-1)

    def _sample_and_lift(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The sample, and log(sigma^2 / beta^2)."""
        across, along = self.planes(noise).unbind(-1)
        mu = self.loc + torch.exp((self.log_variance + self.log_dispersion) / 2) * across
        lift = log_gamma_quantile(self._shape_parameter, along)
        return self._interleave(mu, self.log_variance + lift), lift

    def _log_density(self, lift: Tensor, spread: Tensor) -> Tensor:
        """From log(sigma^2 / beta^2) and (mu - alpha)^2 / (beta gamma)^2."""
        density = 1.5 * lift - self._shape_parameter * exp_gap(lift) - 0.5 * spread - self._log_normaliser
        return density.sum(-1)

    @property
    def _shape_parameter(self) -> Tensor:
        return _shape(self.log_dispersion, self.curvature)

    @property
    def _log_normaliser(self) -> Tensor:
        """log Z of each plane, (B, n)."""
        return math.log(2 * math.pi) + self.log_dispersion + stirling(self._shape_parameter)

    @staticmethod
    def _interleave(first: Tensor, second: Tensor) -> Tensor:
        return torch.stack((first, second), dim=-1).flatten(-2)

    def _like(self) -> Tensor:
        return self.loc


def _log(x: Curvature) -> Curvature:
    return torch.log(x) if isinstance(x, Tensor) else math.log(x)


def _same(c: Curvature, other: Curvature) -> bool:
    if isinstance(c, Tensor) and isinstance(other, Tensor):
        return c is other or bool((c == other).all())
    return not isinstance(c, Tensor) and not isinstance(other, Tensor) and c == other


@register_kl(GaussianManifoldNormal, GaussianManifoldNormal)
def _kl_gaussian_manifold_normal(q: GaussianManifoldNormal, p: GaussianManifoldNormal) -> Tensor:
    """A normal and a gamma term per plane, the latter written so that no large numbers are subtracted."""
    if q.event_shape != p.event_shape or not _same(q.curvature, p.curvature):
        raise ValueError(
            f"KL between GaussianManifoldNormals of shapes {tuple(q.event_shape)}, {tuple(p.event_shape)} "
            f"and curvatures {q.curvature}, {p.curvature}: both must live on the same space."
        )
    # What a prior was expanded to is worked out once.
    loc, log_variance, log_dispersion = map(distinct, (p.loc, p.log_variance, p.log_dispersion))
    lift, ratio = torch.broadcast_tensors(q.log_variance - log_variance, q.log_dispersion - log_dispersion)
    spread = (q.loc - loc).square() * torch.exp(-log_variance - log_dispersion)
    shape_q, shape_p = _shape(q.log_dispersion, q.curvature).expand_as(ratio), _shape(log_dispersion, p.curvature)
    both, lifted, spread_out, drawn_in = exp_gap(torch.stack((lift + ratio, lift, ratio, -ratio))).unbind(0)
    # With r = log(a_p / a_q) = ratio and G = exp_gap, two forms of the gamma term that agree: the first
    # cancels for small a_q, the second for large.
    wide = (shape_p + torch.exp(ratio)) * lifted + torch.expm1(ratio) * lift + 0.5 * spread_out
    narrow = both + shape_p * (lifted - drawn_in)
    gamma = torch.where(shape_q < 1, narrow, wide) + gamma_bregman(shape_q, shape_p, ratio)
    kl = (0.5 * (both + spread) + gamma).sum(-1)
    return kl.expand(torch.broadcast_shapes(q.batch_shape, p.batch_shape))


def _shape(log_dispersion: Tensor, curvature: Curvature) -> Tensor:
    """a_0 = 1 / (4 c gamma^2); sigma^2 has a gamma law of shape a_0 + 1 and rate a_0 / beta^2."""
    return torch.exp(-log_dispersion) / (4 * curvature)
