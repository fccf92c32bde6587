"""Other coordinates of H^d as torch transforms, and densities with respect to Lebesgue measure in them."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, Transform, constraints, kl_divergence
from torch.distributions.kl import register_kl

from hrssm.distributions.base import LatentDistribution, hyperbolic_space
from hrssm.distributions.gaussian_manifold_normal import GaussianManifoldNormal, half_planes
from hrssm.distributions.numerics.stable import log_cosh
from hrssm.geometry import charts, half_plane
from hrssm.geometry import horospherical as geometry

__all__ = ["BallTransform", "CoordinateDensity", "HalfPlaneTransform", "LorentzTransform", "hyperboloid", "unit_ball"]


class _UnitBall(constraints.Constraint):
    """Points of the unit ball; the sphere and its rounding are what points far out round to."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        return value.square().sum(-1) <= 1 + 8 * torch.finfo(value.dtype).eps


class _Hyperboloid(constraints.Constraint):
    """Points X of -X_0^2 + X_1^2 + ... = -1 / c with X_0 > 0, to a thousand roundings of X_0^2."""

    event_dim = 1
    is_discrete = False

    def __init__(self, curvature: float = 1.0) -> None:
        self.curvature = curvature

    def check(self, value: Tensor) -> Tensor:
        time = value[..., 0]
        # In units of X_0, whose square may leave the range of numbers.
        error = 1 / (self.curvature * time) / time + (value[..., 1:] / time.unsqueeze(-1)).square().sum(-1) - 1
        return (error.abs() <= 1000 * torch.finfo(value.dtype).eps) & (time > 0)


unit_ball = _UnitBall()
hyperboloid = _Hyperboloid()


class BallTransform(Transform):
    """Horospherical coordinates (..., d) to the Poincare ball (..., d) (`geo-ball-map`).

    `log_abs_det_jacobian` is that of the coordinates: -m tau - d log(1 + X_0), X_0 = cosh of the distance
    from the origin. The last point is kept (`cache_size=1`), so that a sample that is so far out that it rounds to the
    sphere is taken back to where it came from.

    >>> ball, z = BallTransform(), torch.tensor([0.5, 1.0, -1.0])
    >>> torch.allclose(ball.inv(ball(z)), z)
    True
    """

    domain = hyperbolic_space
    codomain = unit_ball
    bijective = True

    def __init__(self, cache_size: int = 1) -> None:
        super().__init__(cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BallTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return charts.to_ball(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return charts.from_ball(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        half = geometry.distance(x, torch.zeros_like(x)) / 2  # 1 + cosh(r) = 2 cosh(r / 2)^2
        return geometry.log_volume(x) - x.shape[-1] * (2 * log_cosh(half) + math.log(2))


class LorentzTransform(Transform):
    """Horospherical coordinates (..., d) to the hyperboloid (..., d + 1), time first (`geo-ball-map`).

    `log_abs_det_jacobian` is that of (tau, b) to the space-like coordinates (X_1, ..., X_d): -m tau + log X_0. The
    last point is kept, as by `BallTransform`.
    """

    domain = hyperbolic_space
    codomain = hyperboloid
    bijective = True

    def __init__(self, cache_size: int = 1) -> None:
        super().__init__(cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LorentzTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return charts.to_lorentz(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return charts.from_lorentz(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return geometry.log_volume(x) + log_cosh(geometry.distance(x, torch.zeros_like(x)))

    def forward_shape(self, shape: Size) -> Size:
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Size) -> Size:
        return Size((*shape[:-1], shape[-1] - 1))


class HalfPlaneTransform(Transform):
    """A product of half-planes of curvature -c, (..., 2n), to the hyperboloids -t^2 + x^2 + y^2 = -1 / c, (..., n, 3).

    Plane by plane the isometry T_c^-1 of `hrssm.geometry.half_plane.to_lorentz` (`gm-lorentz`); a point is that of
    `GaussianManifoldNormal`, pairs (mu, log sigma^2). `log_abs_det_jacobian` is that of all pairs to the space-like
    coordinates (x, y), log t - log(2 sigma) summed over the planes, whatever c. Raises ValueError unless c > 0.

    >>> to_lorentz, z = HalfPlaneTransform(0.5), torch.tensor([0.5, 1.0, -1.0, 0.0]).double()
    >>> to_lorentz(z).shape, torch.allclose(to_lorentz.inv(to_lorentz(z)), z)
    (torch.Size([2, 3]), True)
    """

    domain = half_planes
    bijective = True

    def __init__(self, curvature: float = 1.0, cache_size: int = 1) -> None:
        super().__init__(cache_size)
        self.curvature = float(half_plane.checked(curvature))
        self.codomain = constraints.independent(_Hyperboloid(curvature), 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HalfPlaneTransform) and self.curvature == other.curvature

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return half_plane.to_lorentz(GaussianManifoldNormal.planes(x), self.curvature)

    def _inverse(self, y: Tensor) -> Tensor:
        return half_plane.from_lorentz(y, self.curvature).flatten(-2)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        per_plane = torch.log(y[..., 0]) - math.log(2) - GaussianManifoldNormal.planes(x)[..., 1] / 2
        return per_plane.sum(-1)

    def forward_shape(self, shape: Size) -> Size:
        return Size((*shape[:-1], shape[-1] // 2, 3))

    def inverse_shape(self, shape: Size) -> Size:
        return Size((*shape[:-2], shape[-2] * 2))


class CoordinateDensity(Distribution):
    """A law of this package whose `log_prob` is with respect to the measure of its coordinates (dtau db on H^d).

    That is what MCMC in the coordinates needs (HMC, NUTS: hand it `log_prob` of this, not of the law), and the base
    that `TransformedDistribution` wants: with a transform of this module it gives densities with respect to Lebesgue
    measure in the ball, or in the space-like Lorentz coordinates.

    KLs with laws of this package, and with other charts of them, are the laws' own: a KL knows no measure.

    >>> from torch.distributions import TransformedDistribution
    >>> from hrssm.distributions import HorosphericalGaussian
    >>> q = HorosphericalGaussian(torch.zeros(()), torch.zeros(2), 1.0, 1.0)
    >>> TransformedDistribution(CoordinateDensity(q), [BallTransform()]).sample().shape
    torch.Size([3])
    """

    arg_constraints: ClassVar = {}  # type: ignore[assignment]
    has_rsample = True

    def __init__(self, law: LatentDistribution, validate_args: bool | None = None) -> None:
        self.law = law
        super().__init__(law.batch_shape, law.event_shape, validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        """That of the law."""
        return self.law.support

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> CoordinateDensity:
        return CoordinateDensity(self.law.expand(torch.Size(batch_shape)), validate_args=self._validate_args)

    def rsample(self, sample_shape: Size | tuple[int, ...] = ()) -> Tensor:
        """Samples with pathwise gradients."""
        return self.law.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to the measure of the coordinates, (...) for value (..., d) (`geo-volume`)."""
        return self.law.log_prob(value) + self.law.log_measure(value)

    def __repr__(self) -> str:
        return f"CoordinateDensity({self.law!r})"


@register_kl(CoordinateDensity, CoordinateDensity)
def _kl_of_densities(q: CoordinateDensity, p: CoordinateDensity) -> Tensor:
    return kl_divergence(q.law, p.law)


@register_kl(CoordinateDensity, LatentDistribution)
def _kl_of_density_to_law(q: CoordinateDensity, p: LatentDistribution) -> Tensor:
    return kl_divergence(q.law, p)


@register_kl(LatentDistribution, CoordinateDensity)
def _kl_of_law_to_density(q: LatentDistribution, p: CoordinateDensity) -> Tensor:
    return kl_divergence(q, p.law)
