"""The half-plane of Gaussians: its isometry T_c with the hyperboloid, its affine group, and its metric from the KL."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hrssm.geometry import half_plane

CURVATURES = [0.25, 0.5, 1.0, 1.5, 4.0]
DTYPES = [(torch.float64, 1e-11), (torch.float32, 2e-4)]


def points(count: int = 200, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return (2 * torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))).to(dtype)


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_t_c_is_the_printed_map_and_its_inverse(c: float, dtype: torch.dtype, tolerance: float) -> None:
    z = points(dtype=dtype)
    mu, sigma = z[:, 0].double(), (z[:, 1].double() / 2).exp()
    lift, double = 1 + c * mu**2 + sigma**2, 2 * math.sqrt(c) * sigma
    printed = torch.stack((lift / double, (lift - 2) / double, -mu / sigma), -1)
    x = half_plane.to_lorentz(z, c)
    torch.testing.assert_close(x.double(), printed, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(half_plane.from_lorentz(x, c), z, rtol=tolerance, atol=tolerance)
    t, a, b = printed.unbind(-1)
    torch.testing.assert_close(-(t**2) + a**2 + b**2, torch.full_like(t, -1 / c), rtol=0, atol=1e-6)
    back = torch.stack((-b / (math.sqrt(c) * (t - a)), 1 / (math.sqrt(c) * (t - a))), -1)
    torch.testing.assert_close(back, torch.stack((mu, sigma), -1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("c", CURVATURES)
def test_t_c_is_an_isometry(c: float) -> None:
    z, w = points(), points(seed=1)
    x, y = half_plane.to_lorentz(z, c), half_plane.to_lorentz(w, c)
    product = x[:, 0] * y[:, 0] - (x[:, 1:] * y[:, 1:]).sum(-1)
    torch.testing.assert_close(torch.acosh(c * product) / math.sqrt(c), half_plane.distance(z, w, c))
    # and the half-plane's own formula, with heights sigma / sqrt(c)
    height, other = (torch.exp(p[:, 1] / 2) / math.sqrt(c) for p in (z, w))
    chord = ((z[:, 0] - w[:, 0]) ** 2 + (height - other) ** 2) / (2 * height * other)
    torch.testing.assert_close(torch.acosh(1 + chord) / math.sqrt(c), half_plane.distance(z, w, c))


@pytest.mark.parametrize("c", CURVATURES)
def test_affine_maps_are_isometries_and_reach_every_point(c: float) -> None:
    g, z, w = points(seed=2), points(), points(seed=1)
    moved = half_plane.distance(half_plane.isometry(g, z), half_plane.isometry(g, w), c)
    torch.testing.assert_close(moved, half_plane.distance(z, w, c), rtol=1e-7, atol=1e-7)
    assert torch.equal(half_plane.isometry(g, torch.zeros_like(g)), g)


@pytest.mark.parametrize("c", CURVATURES)
def test_divergence_is_half_the_squared_distance(c: float) -> None:
    """KL / (2c) of N(sqrt(2c) mu, sigma^2) from its neighbour at distance d is d^2 / 2 + O(d^3)."""
    z, step = points(50), points(50, seed=3)
    for size, tolerance in ((1e-2, 2e-1), (1e-4, 2e-3)):
        w = half_plane.isometry(z, size * step)
        lift = z[:, 1] - w[:, 1]
        kl = 0.5 * (torch.expm1(lift) - lift) + c * (z[:, 0] - w[:, 0]) ** 2 * torch.exp(-w[:, 1])
        half_square = half_plane.distance(z, w, c).square() / 2
        torch.testing.assert_close(kl / (2 * c), half_square, rtol=tolerance, atol=0)


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_exp_and_log_at_the_origin(c: float, dtype: torch.dtype, tolerance: float) -> None:
    v = points(dtype=dtype)
    z = half_plane.exp_origin(v, c)
    torch.testing.assert_close(half_plane.log_origin(z, c), v, rtol=tolerance, atol=tolerance)
    length = torch.linalg.vector_norm(v, dim=-1)
    torch.testing.assert_close(half_plane.distance(torch.zeros_like(z), z, c), length, rtol=tolerance, atol=tolerance)
    # the frame is the hyperboloid's: T_c takes the velocity v to (0, v), the ambient exponential map is known
    root = math.sqrt(c)
    ambient = torch.cat(
        (torch.cosh(root * length)[:, None] / root, (torch.sinh(root * length) / (root * length))[:, None] * v), -1
    )
    torch.testing.assert_close(half_plane.to_lorentz(z, c), ambient, rtol=10 * tolerance, atol=10 * tolerance)


def test_layers_have_finite_gradients_at_and_far_from_the_origin() -> None:
    v = torch.tensor([[0.0, 0.0], [1e-30, 0.0], [40.0, 1e-3], [-40.0, 3.0]], requires_grad=True)
    z = half_plane.exp_origin(v, 0.5)
    (gradient,) = torch.autograd.grad(z.sum(), v)
    assert torch.isfinite(gradient).all()
    at_origin = torch.zeros(1, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(half_plane.log_origin(at_origin, 0.5).sum(), at_origin)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0, 1 / (2 * math.sqrt(0.5))]]))


@pytest.mark.parametrize("c", CURVATURES)
def test_volume_is_the_determinant_of_the_metric(c: float) -> None:
    """The metric from the map to the hyperboloid: g = J' diag(-1, 1, 1) J."""
    for z in points(5):
        jacobian = torch.autograd.functional.jacobian(lambda p: half_plane.to_lorentz(p, c), z)
        metric = jacobian.T @ torch.diag(torch.tensor([-1.0, 1.0, 1.0]).double()) @ jacobian
        torch.testing.assert_close(torch.logdet(metric) / 2, half_plane.log_volume(z, c))


def test_a_learned_curvature_is_a_tensor_of_members() -> None:
    c = torch.tensor([0.5, 2.0], dtype=torch.float64)
    z, w = points(), points(seed=1)
    per_member = half_plane.distance(z, w, c[:, None])
    for k in range(2):
        torch.testing.assert_close(per_member[k], half_plane.distance(z, w, float(c[k])))
    v = half_plane.log_origin(z, c[:, None])
    torch.testing.assert_close(half_plane.exp_origin(v, c[:, None]), z.expand(2, -1, -1))
    torch.testing.assert_close(half_plane.log_volume(z, c[:, None])[1], half_plane.log_volume(z, 2.0))
    assert torch.autograd.gradcheck(lambda k: half_plane.distance(z[:5], w[:5], k[:, None]), c.requires_grad_())


@pytest.mark.parametrize(
    ("c", "words"), [(0.0, "flat"), (-1.0, "absolute value, 1"), (math.nan, "finite"), (math.inf, "finite")]
)
def test_curvature_of_no_hyperbolic_plane_is_refused_in_words(c: float, words: str) -> None:
    for function in (half_plane.to_lorentz, half_plane.log_volume, half_plane.exp_origin):
        with pytest.raises(ValueError, match=words):
            function(torch.zeros(2), c)
