"""Other coordinates of H^d as torch transforms, and densities with respect to Lebesgue measure in them."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, Transform, constraints

from hrssm.distributions.base import LatentDistribution, hyperbolic_space
from hrssm.distributions.gaussian_manifold_normal import GaussianManifoldNormal, half_planes
from hrssm.geometry import charts, half_plane
from hrssm.geometry import horospherical as geometry

__all__ = ["BallTransform", "CoordinateDensity", "HalfPlaneTransform", "LorentzTransform", "hyperboloid", "unit_ball"]


class _UnitBall(constraints.Constraint):
    """Points of the open unit ball."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        return value.square().sum(-1) < 1


class _Hyperboloid(constraints.Constraint):
    """Points X of -X_0^2 + X_1^2 + ... = -1 / c with X_0 > 0, to a thousand roundings of X_0^2."""

    event_dim = 1
    is_discrete = False

    def __init__(self, curvature: float = 1.0) -> None:
        self.curvature = curvature

    def check(self, value: Tensor) -> Tensor:
        time = value[..., 0]
        error = 1 / self.curvature + value[..., 1:].square().sum(-1) - time.square()
        return (error.abs() <= 1000 * torch.finfo(value.dtype).eps * time.square()) & (time > 0)


unit_ball = _UnitBall()
hyperboloid = _Hyperboloid()


class BallTransform(Transform):
    """Horospherical coordinates (..., d) to the Poincare ball (..., d) (`geo-ball-map`).

    `log_abs_det_jacobian` is that of the coordinates: -m tau - d log(1 + X_0), X_0 = cosh of the distance
    from the origin.

    >>> ball, z = BallTransform(), torch.tensor([0.5, 1.0, -1.0])
    >>> torch.allclose(ball.inv(ball(z)), z)
    True
    """

    domain = hyperbolic_space
    codomain = unit_ball
    bijective = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BallTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return charts.to_ball(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return charts.from_ball(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return geometry.log_volume(x) - x.shape[-1] * torch.log1p(charts.to_lorentz(x)[..., 0])


class LorentzTransform(Transform):
    """Horospherical coordinates (..., d) to the hyperboloid (..., d + 1), time first (`geo-ball-map`).

    `log_abs_det_jacobian` is that of (tau, b) to the space-like coordinates (X_1, ..., X_d): -m tau + log
    X_0.
    """

    domain = hyperbolic_space
    codomain = hyperboloid
    bijective = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LorentzTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return charts.to_lorentz(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return charts.from_lorentz(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return geometry.log_volume(x) + torch.log(charts.to_lorentz(x)[..., 0])

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

    def __init__(self, curvature: float = 1.0, cache_size: int = 0) -> None:
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
    """A law of H^d whose `log_prob` is with respect to dtau db instead of the Riemannian volume.

    This is the base that `TransformedDistribution` wants: with a transform of this module it gives densities
    with respect to Lebesgue measure in the ball, or in the space-like Lorentz coordinates.

    >>> from torch.distributions import TransformedDistribution
    >>> from hrssm.distributions import HorosphericalGaussian
    >>> q = HorosphericalGaussian(torch.zeros(()), torch.zeros(2), 1.0, 1.0)
    >>> TransformedDistribution(CoordinateDensity(q), [BallTransform()]).sample().shape
    torch.Size([3])
    """

    arg_constraints: ClassVar = {}  # type: ignore[assignment]
    support: ClassVar = hyperbolic_space  # type: ignore[assignment]
    has_rsample = True

    def __init__(self, law: LatentDistribution, validate_args: bool | None = None) -> None:
        self.law = law
        super().__init__(law.batch_shape, law.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> CoordinateDensity:
        return CoordinateDensity(self.law.expand(torch.Size(batch_shape)), validate_args=self._validate_args)

    def rsample(self, sample_shape: Size | tuple[int, ...] = ()) -> Tensor:
        """Samples with pathwise gradients."""
        return self.law.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to dtau db, (...) for value (..., d) (`geo-volume`)."""
        return self.law.log_prob(value) + geometry.log_volume(value)
