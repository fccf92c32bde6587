"""Transforms to the ball and the hyperboloid: inverses, Jacobians, densities that integrate to one."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import TransformedDistribution

from hrssm.distributions import (
    BallTransform,
    CoordinateDensity,
    GaussianManifoldNormal,
    HalfPlaneTransform,
    HorosphericalGaussian,
    LorentzTransform,
    hyperboloid,
    unit_ball,
)


def law(fibre: int = 1) -> HorosphericalGaussian:
    return HorosphericalGaussian(torch.tensor(0.2).double(), torch.full((fibre,), 0.4).double(), 0.5, 0.6)


@pytest.mark.parametrize("transform", [BallTransform(), LorentzTransform()])
def test_inverse_and_domains(transform: BallTransform | LorentzTransform) -> None:
    z = law(3).sample((20,))
    x = transform(z)
    assert transform.codomain.check(x).all()
    assert transform.forward_shape(z.shape) == x.shape
    assert transform.inverse_shape(x.shape) == z.shape
    torch.testing.assert_close(transform.inv(x.clone()), z, rtol=1e-8, atol=1e-8)
    assert transform == type(transform)()
    assert not unit_ball.check(torch.tensor([1.001, 0.0]))
    assert not hyperboloid.check(torch.tensor([1.0, 1.0, 0.0]))


@pytest.mark.parametrize("transform", [BallTransform(), LorentzTransform()])
def test_jacobian(transform: BallTransform | LorentzTransform) -> None:
    for z in law(3).sample((5,)):
        jacobian = torch.autograd.functional.jacobian(transform, z)[-4:]  # the space-like coordinates
        expected = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(transform.log_abs_det_jacobian(z, transform(z)), expected)


def test_density_in_the_ball_integrates_to_one() -> None:
    in_ball = TransformedDistribution(CoordinateDensity(law()), [BallTransform()], validate_args=False)
    axis = torch.linspace(-0.9995, 0.9995, 800, dtype=torch.float64)
    p = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
    p = p[p.square().sum(-1) < 0.999]
    assert float(in_ball.log_prob(p).exp().sum() * (axis[1] - axis[0]) ** 2) == pytest.approx(1, abs=1e-3)
    wide = CoordinateDensity(law()).expand((3,))
    assert wide.rsample().shape == (3, 2)


@pytest.mark.parametrize("curvature", [0.5, 1.0, 1.5])
def test_half_planes_go_to_hyperboloids(curvature: float) -> None:
    transform = HalfPlaneTransform(curvature)
    zeros = torch.zeros(3, dtype=torch.float64)
    z = GaussianManifoldNormal(zeros, zeros, zeros, curvature).sample((20,))
    x = transform(z)
    assert transform.domain.check(z).all()
    assert transform.codomain.check(x).all()
    assert not transform.codomain.check(1.1 * x).any()
    assert transform.forward_shape(z.shape) == x.shape == (20, 3, 3)
    assert transform.inverse_shape(x.shape) == z.shape
    torch.testing.assert_close(transform.inv(x.clone()), z, rtol=1e-8, atol=1e-8)
    assert transform == HalfPlaneTransform(curvature) != HalfPlaneTransform(2.0)
    for point in z[:5]:
        jacobian = torch.autograd.functional.jacobian(lambda p: transform(p)[:, 1:].flatten(), point)
        expected = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(transform.log_abs_det_jacobian(point, transform(point)), expected)
    with pytest.raises(ValueError, match="absolute value"):
        HalfPlaneTransform(-curvature)
