"""The Poincare ball: against geoopt and mpmath, by the equations that define exp and transport, and by holonomy."""

from __future__ import annotations

import warnings

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hrssm.geometry import ball, charts
from hrssm.geometry import horospherical as half_space
from hrssm.geometry.guarded_ball import GuardedBall

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # geoopt still asks for torch.jit.script
    import geoopt

MANIFOLD = geoopt.PoincareBall(c=1.0)
DIMENSIONS = [1, 2, 3, 8]


def tangents(*shape: int, seed: int = 0, scale: float = 0.6) -> Tensor:
    return scale * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def points(*shape: int, seed: int = 0, scale: float = 0.6) -> Tensor:
    return ball.exp_origin(tangents(*shape, seed=seed, scale=scale))


def rotation(d: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(tangents(d, d, seed=seed)).Q


def vectors(z: Tensor, seed: int = 1) -> Tensor:
    """Vectors at z of lengths near 1."""
    return tangents(*z.shape, seed=seed) * ball.gap(z)


def size(z: Tensor, v: Tensor) -> Tensor:
    """Length of a vector."""
    return (ball.conformal_factor(z) * v).square().sum(-1).sqrt()


@pytest.mark.parametrize("d", DIMENSIONS)
def test_against_geoopt(d: int) -> None:
    x, y = points(100, d), points(100, d, seed=1)
    v = vectors(x)
    for ours, theirs in (
        (ball.mobius_add(x, y), MANIFOLD.mobius_add(x, y)),
        (ball.exp(x, v), MANIFOLD.expmap(x, v)),
        (ball.log(x, y), MANIFOLD.logmap(x, y)),
        (ball.exp_origin(v), MANIFOLD.expmap0(v)),
        (ball.log_origin(y), MANIFOLD.logmap0(y)),
        (ball.gyration(x, y, v), MANIFOLD.gyration(x, y, v)),
        (ball.transport(x, y, v), MANIFOLD.transp(x, y, v)),
        (ball.distance(x, y), MANIFOLD.dist(x, y)),
        (ball.conformal_factor(x)[:, 0], MANIFOLD.lambda_x(x)),
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def exact_sum(x: list, y: list) -> list:
    dot = mpmath.fsum(a * b for a, b in zip(x, y, strict=True))
    xx, yy = (mpmath.fsum(a * a for a in u) for u in (x, y))
    below = 1 + 2 * dot + xx * yy
    return [((1 + 2 * dot + yy) * a + (1 - xx) * b) / below for a, b in zip(x, y, strict=True)]


def exact_log(x: list, y: list) -> list:
    there = exact_sum([-a for a in x], y)
    size = mpmath.sqrt(mpmath.fsum(a * a for a in there))
    shrink = (1 - mpmath.fsum(a * a for a in x)) * mpmath.atanh(size) / size
    return [shrink * a for a in there]


def exact_exp(x: list, v: list) -> list:
    size = mpmath.sqrt(mpmath.fsum(a * a for a in v))
    step = mpmath.tanh(size / (1 - mpmath.fsum(a * a for a in x))) / size
    return exact_sum(x, [step * a for a in v])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 3e-6)])
@pytest.mark.parametrize("radius", [1e-6, 0.5, 0.99])
@pytest.mark.parametrize("step", [1e-3, 1.0, 6.0])
def test_digits_near_and_far(radius: float, step: float, dtype: torch.dtype, tolerance: float) -> None:
    """To what the inputs hold, at every step, from the centre to radius 0.99: rounding moves 1 - |z|^2 there."""
    z, v = tangents(8, 3), tangents(8, 3, seed=1)
    z = (radius * z / z.norm(dim=-1, keepdim=True)).to(dtype)
    v = (step * v / size(z.double(), v)[:, None]).to(dtype)
    w = ball.exp(z, v)
    back = ball.log(z, w)
    with mpmath.workdps(60):
        for i in range(len(z)):
            start, speed, end = ([mpmath.mpf(a) for a in u[i].tolist()] for u in (z, v, w))
            left = float(torch.minimum(ball.gap(z[i]), ball.gap(w[i])))
            for found, exact in ((end, exact_exp(start, speed)), (back[i].tolist(), exact_log(start, end))):
                off = max(abs(a - b) for a, b in zip(found, exact, strict=True))
                assert off < tolerance / left * max(abs(b) for b in exact)


def test_across_the_whole_ball() -> None:
    """From distance 15 on one side to distance 15 on the other, in one step of length 30."""
    start = ball.exp_origin(torch.tensor([7.5, 0.0], dtype=torch.float64))
    v = torch.tensor([-15.0, 0.0], dtype=torch.float64) * ball.gap(start)
    torch.testing.assert_close(ball.exp(start, v), -start, rtol=1e-9, atol=1e-15)
    torch.testing.assert_close(ball.distance(start, -start), torch.tensor(30.0, dtype=torch.float64), rtol=1e-9, atol=0)


@pytest.mark.parametrize("d", [2, 3])
def test_exp_solves_the_geodesic_equation_and_transport_the_transport_equation(d: int) -> None:
    """z'' = -Gamma(z)(z', z') along t -> exp(z, t v), and u' = -Gamma(z)(z', u) for the transported u, by autograd."""
    z, v, u = points(d), tangents(d, seed=1), tangents(d, seed=2)

    def path(t: Tensor) -> Tensor:
        return ball.exp(z, t * v)

    def carried(t: Tensor) -> Tensor:
        return ball.transport(z, path(t), u)

    def derivative(f):
        return lambda t: torch.autograd.functional.jacobian(f, t, create_graph=True)

    t = torch.tensor(0.7, dtype=torch.float64)
    place, speed, acceleration = path(t), derivative(path)(t), derivative(derivative(path))(t)
    torch.testing.assert_close(acceleration, -ball.christoffel(place, speed), rtol=1e-9, atol=1e-9)
    # The symmetric form of which christoffel is the quadratic one.
    both = (ball.christoffel(place, speed + carried(t)) - ball.christoffel(place, speed - carried(t))) / 4
    torch.testing.assert_close(derivative(carried)(t), -both, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_exp_and_log_are_inverse(d: int) -> None:
    z = points(50, d)
    v = vectors(z)
    torch.testing.assert_close(ball.log(z, ball.exp(z, v)), v, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(ball.distance(z, ball.exp(z, v)), size(z, v), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ball.log_origin(ball.exp_origin(v)), v, rtol=1e-12, atol=1e-13)
    assert (ball.log(z, z) == 0).all()
    assert torch.equal(ball.exp(z, torch.zeros_like(z)), z)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_transport_keeps_products_and_comes_back(d: int) -> None:
    x, y = points(100, d, scale=1.0), points(100, d, seed=1, scale=1.0)
    v, p = tangents(100, d, seed=2), tangents(100, d, seed=3)
    there = ball.transport(x, y, v)
    torch.testing.assert_close(size(y, there), size(x, v), rtol=1e-11, atol=0)
    pairing = (ball.transport_covector(x, y, p) * there).sum(-1)
    torch.testing.assert_close(pairing, (p * v).sum(-1), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ball.transport(y, x, there), v, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(ball.transport(x, x, v), v, rtol=1e-14, atol=0)


def test_transport_takes_the_velocity_of_a_geodesic_along() -> None:
    z = points(20, 3)
    v = vectors(z)
    half = ball.exp(z, v / 2)
    torch.testing.assert_close(ball.exp(half, ball.transport(z, half, v / 2)), ball.exp(z, v), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("d", [2, 4])
@pytest.mark.parametrize("scale", [1e-4, 0.5, 2.0])
def test_holonomy_of_a_triangle_is_its_area(d: int, scale: float) -> None:
    """Once round, a vector in the plane of the triangle has turned by pi minus the angles; others come back."""
    frame = rotation(d)[:, :2]
    corners = [ball.exp_origin(tangents(2, seed=k, scale=scale)) @ frame.T for k in range(3)]
    angles = torch.zeros((), dtype=torch.float64)
    for k in range(3):
        one, two = (ball.log(corners[k], corners[k - j]) for j in (1, 2))
        angles = angles + torch.arccos((one @ two) / (one.norm() * two.norm()))
    v = frame[:, 0]
    for k in range(3):
        v = ball.transport(corners[k], corners[(k + 1) % 3], v)
    turned = torch.atan2((v @ frame[:, 1]).abs(), v @ frame[:, 0])
    torch.testing.assert_close(turned, torch.pi - angles, rtol=1e-6, atol=1e-12)
    if d > 2:
        normal = across = rotation(d)[:, 3]
        for k in range(3):
            across = ball.transport(corners[k], corners[(k + 1) % 3], across)
        torch.testing.assert_close(across, normal, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_gyration_repairs_associativity_and_is_orthogonal(d: int) -> None:
    u, w, x = points(50, d), points(50, d, seed=1), points(50, d, seed=2)
    left = ball.mobius_add(u, ball.mobius_add(w, x))
    right = ball.mobius_add(ball.mobius_add(u, w), ball.gyration(u, w, x))
    torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(ball.gyration(u, w, x).norm(dim=-1), x.norm(dim=-1), rtol=1e-13, atol=0)


def test_gyration_near_the_boundary_is_orthogonal_to_rounding() -> None:
    """The printed coefficients lose 1e-16 / (1 - |u|^2)^2 there: all digits."""
    u = points(200, 3)
    u = (1 - 1e-9) * u / u.norm(dim=-1, keepdim=True)
    near = u + 1e-10 * tangents(200, 3, seed=1)
    v = tangents(200, 3, seed=2)
    torch.testing.assert_close(ball.gyration(near, -u, v).norm(dim=-1), v.norm(dim=-1), rtol=1e-14, atol=0)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_isometries_keep_distances_and_carry_tangent_spaces(d: int) -> None:
    move = ball.Isometry(points(d, seed=4), rotation(d))
    z, w, p = points(50, d), points(50, d, seed=1), tangents(50, d, seed=3)
    v = vectors(z)
    torch.testing.assert_close(ball.distance(move(z), move(w)), ball.distance(z, w), rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(ball.exp(move(z), move.vector(z, v)), move(ball.exp(z, v)), rtol=1e-10, atol=1e-11)
    _, pushed = torch.autograd.functional.jvp(move, z, v)
    torch.testing.assert_close(move.vector(z, v), pushed, rtol=1e-11, atol=1e-12)
    pairing = (move.covector(z, p) * move.vector(z, v)).sum(-1)
    torch.testing.assert_close(pairing, (p * v).sum(-1), rtol=1e-11, atol=1e-12)
    carried = ball.transport(move(z), move(w), move.vector(z, v))
    torch.testing.assert_close(carried, move.vector(w, ball.transport(z, w, v)), rtol=1e-10, atol=1e-11)


def test_distances_agree_with_horospherical_coordinates() -> None:
    z, w = tangents(50, 4), tangents(50, 4, seed=1)
    apart = ball.distance(charts.to_ball(z), charts.to_ball(w))
    torch.testing.assert_close(apart, half_space.distance(z, w), rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(ball.distance_squared(charts.to_ball(z), charts.to_ball(w)), apart.square())


@given(st.lists(st.floats(-0.57, 0.57), min_size=9, max_size=9))
@settings(deadline=None)
def test_triangle_inequality(numbers: list[float]) -> None:
    x, y, z = torch.tensor(numbers, dtype=torch.float64).reshape(3, 3)
    assert ball.distance(x, z) <= (ball.distance(x, y) + ball.distance(y, z)) * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_removable_singularities_have_finite_gradients(dtype: torch.dtype) -> None:
    z = points(5, 3).to(dtype).requires_grad_()
    still = torch.zeros_like(z).requires_grad_()
    for value in (
        ball.distance(z, z.detach()),
        ball.distance_squared(z, z.detach()),
        ball.exp(z, still),
        ball.log(z, z.detach()),
        ball.exp_origin(still),
        ball.log_origin(still),
        ball.transport(z, z, still),
    ):
        gradients = torch.autograd.grad(value.sum(), (z, still), allow_unused=True)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)
    (slope,) = torch.autograd.grad(ball.exp(z, still).sum(), still)
    torch.testing.assert_close(slope, torch.ones_like(slope))


@pytest.mark.parametrize("function", [ball.mobius_add, ball.exp, ball.log, ball.distance, ball.distance_squared])
def test_gradients(function) -> None:
    z, w = points(3, 3).requires_grad_(), points(3, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(function, (z, w))


def test_gradients_of_transport() -> None:
    arguments = (points(2, 3).requires_grad_(), points(2, 3, seed=1).requires_grad_(), tangents(2, 3).requires_grad_())
    assert torch.autograd.gradcheck(ball.transport, arguments)


def test_points_broadcast() -> None:
    z, w, v = points(5, 1, 3), points(4, 3, seed=1), tangents(3)
    assert ball.distance(z, w).shape == (5, 4)
    for value in (ball.exp(z, w), ball.log(z, w), ball.mobius_add(z, w), ball.transport(z, w, v)):
        assert value.shape == (5, 4, 3)


@pytest.mark.parametrize("bad", [1.0, 1.5, float("nan")])
def test_points_outside_are_named(bad: float) -> None:
    z = torch.tensor([[0.1, 0.2], [bad, 0.0]])
    with pytest.raises(ValueError, match="centre: 1 of 2 points are not inside the ball"):
        ball.require_inside(z, "centre")
    ball.require_inside(z[:1])


# ------------------------------------------------------------------------------------------- guards


def test_with_its_guards_off_the_guarded_ball_is_the_ball() -> None:
    free = GuardedBall(max_radius=1.0, denominator=0.0, distance_margin=0.0, metric=0.0, length=0.0)
    x, y = points(50, 3), points(50, 3, seed=1)
    v = vectors(x)
    for ours, theirs in (
        (free.mobius_add(x, y), ball.mobius_add(x, y)),
        (free.exp(x, v), ball.exp(x, v)),
        (free.log(x, y), ball.log(x, y)),
        (free.exp_origin(v), ball.exp_origin(v)),
        (free.distance(x, y), ball.distance(x, y)),
        (free.christoffel(x, v), ball.christoffel(x, v)),
        (free.inverse_metric(x), ball.conformal_factor(x) ** -2),
        (free.project(x), x),
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    assert not any(free.acted.values())


def test_guards_count_where_they_act() -> None:
    guarded = GuardedBall()
    z = torch.tensor([[0.5, 0.0], [0.995, 0.0], [0.9999999, 0.0]], dtype=torch.float64)
    assert guarded.project(z).norm(dim=-1).max() == pytest.approx(0.99)
    assert guarded.acted["max_radius"] == 2
    guarded.conformal_factor(z)
    assert guarded.acted["metric"] == 1  # at 0.995 it moves the factor by 1e-4
    rim = guarded.project(z[2])
    assert float(ball.distance(rim, torch.zeros(2).double())) == pytest.approx(5.293, abs=1e-3)


def test_the_additive_constant_shrinks_distances_near_the_rim_by_a_fortieth() -> None:
    here = torch.tensor([[0.99, 0.0]], dtype=torch.float64)
    there = ball.exp(here, torch.tensor([[0.0, 1e-4]], dtype=torch.float64))
    ratio = GuardedBall().distance(here, there) / ball.distance(here, there)
    assert float(ratio) == pytest.approx(0.975, abs=2e-3)


def test_the_scalar_that_stands_in_for_transport_has_half_the_scale() -> None:
    y, v = points(10, 3), tangents(10, 3, seed=1)
    scalar = GuardedBall(metric=0.0).scalar_transport(y, v)
    torch.testing.assert_close(2 * scalar, ball.transport(torch.zeros_like(y), y, v))
