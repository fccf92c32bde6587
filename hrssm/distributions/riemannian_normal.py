"""The Riemannian normal (the maximum-entropy normal) on hyperbolic space."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import constraints
from torch.distributions.kl import register_kl

from hrssm.distributions.base import HyperbolicDistribution, distinct, floating, real_vector
from hrssm.distributions.numerics.functions import apply
from hrssm.distributions.numerics.mean_square import mean_square_excess
from hrssm.distributions.numerics.precision import wide
from hrssm.distributions.numerics.radial import cumulants, log_radial_integral, radial_quantile, relative_cumulant
from hrssm.geometry import horospherical as geometry

if TYPE_CHECKING:
    from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian

__all__ = ["RiemannianNormal"]


class RiemannianNormal(HyperbolicDistribution):
    """Density exp(-dist(z, loc)^2 / (2 sigma^2)) / Z with respect to the Riemannian volume of H^d.

    Z is the volume of the unit sphere times int exp(-r^2 / (2 sigma^2)) sinh(r)^(d-1) dr (`rn-normaliser`),
    taken by a quadrature that is accurate for 2 <= d <= 128 and scales from 0.001 to 3. Sampling is exact:
    standard normal noise keeps its direction, and its norm is carried to the radius by the increasing map
    between the two laws. That map, Z and the moments of the radius are tabulated for a dimension when they are first
    needed. Densities and KLs are computed in float64 where there is one, samples in their own dtype.

    Parameters, with batch shape B: loc, a point in horospherical coordinates (B, d), d >= 2; scale sigma (B),
    positive.

    >>> q = RiemannianNormal(torch.zeros(5, 3), torch.ones(5))
    >>> z = q.rsample()
    >>> z.shape, q.log_prob(z).shape
    (torch.Size([5, 3]), torch.Size([5]))
    """

    arg_constraints: ClassVar = {"loc": real_vector, "scale": constraints.positive}

    def __init__(self, loc: Tensor, scale: Tensor | float, validate_args: bool | None = None) -> None:
        if loc.dim() < 1 or loc.shape[-1] < 2:
            raise ValueError(f"loc has shape {tuple(loc.shape)}; it needs a last axis of d >= 2 coordinates.")
        loc, scale = floating(loc, scale)
        batch = torch.broadcast_shapes(loc.shape[:-1], scale.shape)
        self.loc, self.scale = loc.expand((*batch, loc.shape[-1])), scale.expand(batch)
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> RiemannianNormal:
        batch = torch.Size(batch_shape)
        loc, scale = self.loc.expand(batch + self.event_shape), self.scale.expand(batch)
        return self._rebuilt(RiemannianNormal, _instance, batch, loc=loc, scale=scale)

    @property
    def mean(self) -> Tensor:
        """Frechet mean: loc, by symmetry, (B, d)."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """Maximum of the density, (B, d)."""
        return self.loc

    @property
    def radial_moment(self) -> Tensor:
        """E dist(z, loc)^2 = sigma^3 d(log Z) / d(sigma), batch shape (`rn-moment`)."""
        return cumulants(self.scale, self._fibre)[1].to(self.scale.dtype)

    @property
    def log_normaliser(self) -> Tensor:
        """log Z, batch shape (`rn-normaliser`)."""
        return self._log_normaliser().to(self.scale.dtype)

    def moved(self, g: Tensor) -> RiemannianNormal:
        """The law of isometry(g, z)."""
        return RiemannianNormal(geometry.isometry(g, self.loc), self.scale, validate_args=self._validate_args)

    def recentred(self, coupling: float = 1.0) -> HorosphericalGaussian:
        """The nearest Horospherical Gaussian for small sigma, about tau = tau_loc - (d - 1) sigma^2 / 2.

        coupling 1: both scales sigma, KL (d - 1) / 4 sigma^2 + O(sigma^4) (`a4-recentred`). coupling 0.5:
        height scale sigma (1 + m sigma^2 / 12) and fibre scale sigma (1 + (4 m + 3) sigma^2 / 12), with KL (d
        - 1)(d + 3) / 144 sigma^4 (`a4-coupling`). Raises ValueError for other couplings.
        """
        if coupling not in (0.5, 1.0):
            raise ValueError(f"coupling = {coupling}: the nearest scales are known for 1 and 0.5.")
        square = self.scale.square()
        height = self.loc[..., 0] - self._fibre * square / 2
        height_scale = fibre_scale = self.scale
        if coupling == 0.5:
            height_scale = self.scale * (1 + self._fibre * square / 12)
            fibre_scale = self.scale * (1 + (4 * self._fibre + 3) * square / 12)
        # By name: who uses the Riemannian normal alone does not run another law's file.
        other = import_module("hrssm.distributions.horospherical_gaussian").HorosphericalGaussian
        # Scales are stated at tau_loc = 0; the isometry that moves the origin to loc keeps them.
        return other(height, self.loc[..., 1:], height_scale, fibre_scale, coupling, validate_args=self._validate_args)

    def rsample_from(self, noise: Tensor) -> Tensor:
        """loc . exp_origin(r noise / |noise|), r the radius at the quantile that |noise| has under chi_d."""
        return self._sample_and_radius(noise)[0]

    def rsample_and_log_prob(
        self, sample_shape: Size | tuple[int, ...] = (), *, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        value, radius = self._sample_and_radius(self.base_noise(sample_shape) if noise is None else noise)
        return value, self._log_density(wide(radius).square())

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to the Riemannian volume, (...) for value (..., d)."""
        if self._validate_args:
            self._validate_sample(value)
        return self._log_density(geometry.distance_squared(wide(self.loc), wide(value)))

    def entropy(self) -> Tensor:
        """Entropy with respect to the Riemannian volume, log Z + E r^2 / (2 sigma^2) (`rn-moment`)."""
        spread = cumulants(self.scale, self._fibre)[1] / (2 * wide(self.scale).square())
        return (self._log_normaliser() + spread).to(self.scale.dtype)

    @property
    def _fibre(self) -> int:
        return self.event_shape[0] - 1

    def _sample_and_radius(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        noise = noise.to(self.loc.dtype)
        norm = torch.linalg.vector_norm(noise, dim=-1)
        radius = radial_quantile(self.scale, norm, self._fibre)
        # Zero noise has no direction, and radius 0.
        direction = noise / norm.clamp_min(torch.finfo(norm.dtype).tiny).unsqueeze(-1)
        return _polar(self.loc, radius.unsqueeze(-1), direction), radius

    def _log_density(self, square: Tensor) -> Tensor:
        """The log-density at points whose squared distance from loc is given, wide."""
        return (-0.5 * square / wide(self.scale).square() - self._log_normaliser()).to(self.loc.dtype)

    def _log_normaliser(self) -> Tensor:
        return log_radial_integral(self.scale, self._fibre) + _log_sphere(self._fibre)

    def _like(self) -> Tensor:
        return self.loc


def _polar(loc: Tensor, radius: Tensor, direction: Tensor) -> Tensor:
    """The point at distance radius (..., 1) from loc in a direction u (..., d), u_0 upwards: loc . exp_origin(r u)."""
    cosine, side = direction[..., :1], direction[..., 1:]
    # (1 + u_0) / 2 and (1 - u_0) / 2, the smaller without cancellation
    larger = (1 + cosine.abs()) / 2
    smaller = side.square().sum(-1, keepdim=True) / (4 * larger)
    upward = cosine > 0
    up, down = torch.where(upward, larger, smaller), torch.where(upward, smaller, larger)
    return apply(_Polar, loc, radius, up, down, side)


class _Polar(torch.autograd.Function):
    """exp(-tau) = up exp(-r) + down exp(r) (`geo-horo-polar`) and b = sinh(r) exp(tau) u_b, moved to loc.

    The derivatives are as short as the map; autograd would take four times the operations.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(loc: Tensor, r: Tensor, up: Tensor, down: Tensor, side: Tensor) -> Tensor:  # type: ignore[override]
        fall, rest = torch.expm1(-2 * r), torch.addcmul(down, up, torch.exp(-2 * r))
        # rest is exp(-tau - r), and 1 + up fall
        log_rest = torch.where(r < 1, torch.log1p(up * fall), torch.log(rest))
        stretch = torch.exp(loc[..., :1] - log_rest) * fall / -2
        return torch.cat((loc[..., :1] - r - log_rest, torch.addcmul(loc[..., 1:], stretch, side)), -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        loc, r, up, down, side = ctx.saved_tensors
        shrink = torch.exp(-2 * r)
        rest = torch.addcmul(down, up, shrink)
        lift = torch.exp(loc[..., :1]) / rest
        stretch = lift * torch.expm1(-2 * r) / -2
        to_fibre = grad[..., 1:]
        along = (to_fibre * side).sum(-1, keepdim=True)
        to_height = torch.addcmul(grad[..., :1], stretch, along)
        to_radius = (grad[..., :1] * (up * shrink - down) + along * lift * shrink) / rest
        of_direction: tuple[Tensor | None, ...] = (None, None, None)
        if any(ctx.needs_input_grad[2:]):
            to_down = -to_height / rest
            of_direction = (to_down * shrink, to_down, stretch * to_fibre)
        return torch.cat((to_height, to_fibre), -1), to_radius, *of_direction

    @staticmethod
    def tangent(ctx: Any, *along: Tensor | None) -> Tensor:
        loc, r, up, down, side = ctx.saved_tensors
        by_loc, by_r, by_up, by_down, by_side = (
            torch.zeros_like(x) if by is None else by for by, x in zip(along, ctx.saved_tensors, strict=True)
        )
        shrink = torch.exp(-2 * r)
        rest = torch.addcmul(down, up, shrink)
        lift = torch.exp(loc[..., :1]) / rest
        stretch = lift * torch.expm1(-2 * r) / -2
        by_log_rest = (by_down + shrink * (by_up - 2 * up * by_r)) / rest
        by_stretch = stretch * (by_loc[..., :1] - by_log_rest) + lift * shrink * by_r
        by_height = by_loc[..., :1] - by_r - by_log_rest
        return torch.cat((by_height, by_loc[..., 1:] + by_stretch * side + stretch * by_side), -1)


def _log_sphere(fibre: int) -> float:
    """Log-area of the unit sphere of dimension m = fibre, in R^(m + 1)."""
    half = (fibre + 1) / 2
    return math.log(2) + half * math.log(math.pi) - math.lgamma(half)


@register_kl(RiemannianNormal, RiemannianNormal)
def _kl_riemannian_riemannian(q: RiemannianNormal, p: RiemannianNormal) -> Tensor:
    """Exact up to quadrature for every pair of centres; for one centre the closed form of `rn-moment`.

    log(Z_p / Z_q) - E r^2 / (2 sigma_q^2) + E dist(z, loc_p)^2 / (2 sigma_p^2), z ~ q.
    """
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"KL between RiemannianNormals of event shapes {tuple(q.event_shape)} and {tuple(p.event_shape)}: both "
            "must live on the same H^d."
        )
    fibre = q.event_shape[0] - 1
    between = geometry.distance(wide(q.loc), wide(p.loc))
    moved = mean_square_excess(q.scale, between, fibre)
    concentric = relative_cumulant(q.scale, distinct(p.scale), fibre)
    return (concentric + moved / (2 * wide(p.scale).square())).to(q.loc.dtype)
