"""The wrapped normal: equivariance, the density at its centre, typed estimates."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from hrssm.distributions import (
    HorosphericalGaussian,
    MonteCarloEstimate,
    RiemannianNormal,
    WrappedNormal,
    monte_carlo_kl,
)
from hrssm.geometry import horospherical as geometry


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def law() -> WrappedNormal:
    return WrappedNormal(tensor(0.3, -0.2, 0.5), tensor(0.4, 0.7, 0.9))


def test_equivariant_under_isometries() -> None:
    q, g = law(), tensor(0.5, 1.0, -2.0)
    noise = q.base_noise((10,))
    z = q.rsample_from(noise)
    torch.testing.assert_close(q.moved(g).rsample_from(noise), geometry.isometry(g, z))
    torch.testing.assert_close(q.moved(g).log_prob(geometry.isometry(g, z)), q.log_prob(z))


def test_tangent_vectors_are_in_the_orthonormal_frame() -> None:
    q = law()
    z = q.rsample_from(tensor(1.0, -0.5, 0.3))
    v = tensor(0.4, -0.35, 0.27)
    coordinates = torch.cat((v[:1], torch.exp(q.loc[:1]) * v[1:]))
    torch.testing.assert_close(z, geometry.exp(q.loc, coordinates))
    torch.testing.assert_close(geometry.distance(q.loc, z), v.norm())


def test_density_at_the_centre_and_far_away() -> None:
    q = law()
    peak = -torch.log(q.scale).sum() - 1.5 * math.log(2 * math.pi)
    torch.testing.assert_close(q.log_prob(q.loc), peak)
    at = q.loc.clone().requires_grad_()
    (slope,) = torch.autograd.grad(q.log_prob(at), at)
    torch.testing.assert_close(slope, torch.zeros(3).double(), rtol=0, atol=1e-12)
    far = WrappedNormal(torch.zeros(3), torch.full((3,), 50.0)).log_prob(torch.tensor([80.0, 0, 0]))
    expected = -0.5 * 1.6**2 - 3 * math.log(50) - 1.5 * math.log(2 * math.pi) - 2 * (80 - math.log(160))
    assert float(far) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("radius", [0.0, 1e-30, 1e-19, 1e-6, 1.0, 30.0, 60.0, 87.0, 100.0, 300.0])
def test_gradients_in_float32_at_every_radius(radius: float) -> None:
    """With one scale the slope along the geodesic is -r / scale^2 - m (coth(r) - 1 / r), and there is no other."""
    q = WrappedNormal(torch.zeros(4), torch.tensor([2.0]))
    v = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    v[:20, 1:] *= 1e-15  # up and down the axis, and nearly
    v[:10, 1:] = 0
    v[20:40, 0] = 0
    v = radius * v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    z = geometry.exp_origin(v)
    assert torch.isfinite(z).all()
    # A point this far up or down holds too few digits of its direction, so the slope is compared at the point itself.
    reached = geometry.distance(z.double(), torch.zeros(4).double())
    z.requires_grad_()
    (slope,) = torch.autograd.grad(q.log_prob(z).sum(), z)
    frame = torch.cat((slope[:, :1].double(), slope[:, 1:].double() * torch.exp(z[:, :1].detach().double())), -1)
    expected = -reached / 4 - 3 * (1 / torch.tanh(reached) - 1 / reached).where(reached > 1e-3, reached / 3)
    torch.testing.assert_close(torch.linalg.vector_norm(frame, dim=-1), -expected, rtol=1e-5, atol=1e-30)


def test_noise_of_zero_has_finite_gradients() -> None:
    loc, scale = torch.zeros(3, requires_grad=True), torch.ones(3, requires_grad=True)
    q = WrappedNormal(loc, scale)
    for noise in (torch.zeros(3), torch.tensor([1e-25, 0.0, -1e-30]), torch.tensor([0.0, 1e-20, 0.0])):
        z, at_noise = q.rsample_and_log_prob(noise=noise)
        gradients = torch.autograd.grad(z.sum() + at_noise + q.log_prob(z), (loc, scale))
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
        torch.testing.assert_close(gradients[1], torch.full((3,), -2.0))


def test_one_scale_is_that_scale_in_every_direction() -> None:
    z = law().sample((5,))
    one, all_three = WrappedNormal(tensor(0.1, 0.2, 0.3), tensor(0.5)), WrappedNormal(tensor(0.1, 0.2, 0.3), 0.5)
    assert one.scale.shape == (3,)
    torch.testing.assert_close(one.log_prob(z), all_three.log_prob(z))


def test_kl_is_an_estimate_by_type() -> None:
    torch.manual_seed(0)
    q = law()
    others = (
        WrappedNormal(tensor(0.0, 0.0, 0.0), 1.0),
        HorosphericalGaussian(tensor(0.1)[0], tensor(0.0, 0.2), tensor(0.7)[0], tensor(0.8)[0]),
        RiemannianNormal(tensor(0.1, 0.0, 0.2), tensor(0.6)[0]),
    )
    for p in others:
        for a, b in ((q, p), (p, q)):
            found = kl_divergence(a, b)
            assert isinstance(found, MonteCarloEstimate)
            assert found.num_samples == 64
            better = monte_carlo_kl(a, b, 4000)
            error = (better.standard_error**2 + found.standard_error**2) ** 0.5
            assert abs(found - better) < 5 * error
    assert isinstance(q.entropy(), MonteCarloEstimate)
    assert type(q.entropy() + 1) is Tensor


def test_estimate_keeps_pathwise_gradients_and_its_generator() -> None:
    scale = tensor(0.4, 0.7, 0.9).requires_grad_()
    q, p = WrappedNormal(tensor(0.3, -0.2, 0.5), scale), WrappedNormal(tensor(0.0, 0.0, 0.0), 1.0)
    first, second = (monte_carlo_kl(q, p, 8, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first.as_subclass(Tensor), second.as_subclass(Tensor))
    first.backward()
    assert scale.grad is not None
    assert torch.isfinite(scale.grad).all()
    assert monte_carlo_kl(q, p, 1).standard_error.isnan()
    with pytest.raises(ValueError, match="event shapes"):
        monte_carlo_kl(q, WrappedNormal(torch.zeros(4).double(), 1.0))


def test_rejects_a_line() -> None:
    with pytest.raises(ValueError, match="d >= 2"):
        WrappedNormal(torch.zeros(1), 1.0)
    with pytest.raises(ValueError, match="d >= 2"):
        RiemannianNormal(torch.zeros(1), 1.0)
