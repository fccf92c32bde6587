"""Other coordinates of H^d as torch transforms, and densities with respect to Lebesgue measure in them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, Transform, constraints

from hrssm.distributions.base import LatentDistribution, hyperbolic_space
from hrssm.geometry import charts
from hrssm.geometry import horospherical as geometry

__all__ = ["BallTransform", "CoordinateDensity", "LorentzTransform", "hyperboloid", "unit_ball"]


class _UnitBall(constraints.Constraint):
    """Points of the open unit ball."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        return value.square().sum(-1) < 1


class _Hyperboloid(constraints.Constraint):
    """Points X of -X_0^2 + X_1^2 + ... = -1 with X_0 > 0, to a thousand roundings of X_0^2."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        time = value[..., 0]
        error = 1 + value[..., 1:].square().sum(-1) - time.square()
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
