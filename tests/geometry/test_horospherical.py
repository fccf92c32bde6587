"""Geometry of H^d: distances at every size, exp and log, isometries, charts."""

from __future__ import annotations

import mpmath
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from hrssm.geometry import charts, series
from hrssm.geometry import horospherical as geometry


def points(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@st.composite
def point(draw: st.DrawFn, d: int = 3) -> Tensor:
    height = draw(st.floats(-10, 10))
    fibre = draw(st.lists(st.floats(-10, 10), min_size=d - 1, max_size=d - 1))
    return torch.tensor([height, *fibre], dtype=torch.float64)


def reference_distance(z: Tensor, w: Tensor) -> float:
    # 330 digits: cosh(dist) - 1 at the smallest separations that are drawn
    with mpmath.workdps(330):
        (tau, *b), (other, *c) = ([mpmath.mpf(x) for x in p.tolist()] for p in (z, w))
        gap = mpmath.fsum((x - y) ** 2 for x, y in zip(b, c, strict=True))
        return float(mpmath.acosh(mpmath.cosh(tau - other) + mpmath.exp(-tau - other) * gap / 2))


@given(point(), point())
@example(torch.zeros(3, dtype=torch.float64), torch.tensor([3.4e-105, 0.0, 0.0], dtype=torch.float64))
@settings(deadline=None)
def test_distance_is_a_distance(z: Tensor, w: Tensor) -> None:
    d = geometry.distance(z, w)
    assert d >= 0
    assert d == geometry.distance(w, z)
    assert float(d) == pytest.approx(reference_distance(z, w), rel=1e-13, abs=1e-150)
    torch.testing.assert_close(geometry.distance_squared(z, w), d.square(), rtol=1e-13, atol=0)


@given(point(), point(), point())
@settings(deadline=None)
def test_triangle_inequality(z: Tensor, w: Tensor, v: Tensor) -> None:
    across = geometry.distance(z, w) + geometry.distance(w, v)
    assert geometry.distance(z, v) <= across * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distance_to_itself_is_exactly_zero_with_zero_gradient(dtype: torch.dtype) -> None:
    z = (10 * points(50, 4)).to(dtype).requires_grad_()
    for measure in (geometry.distance, geometry.distance_squared):
        d = measure(z, z.detach())
        assert (d == 0).all()
        (gradient,) = torch.autograd.grad(d.sum(), z)
        assert (gradient == 0).all()


@pytest.mark.parametrize("step", [1e-8, 1e-4, 1e-1, 1.0, 10.0, 40.0])
def test_distance_along_a_geodesic_is_the_step(step: float) -> None:
    """The step is taken in the direction of a unit tangent vector, as in a manifold check."""
    z, v = points(20, 3), points(20, 3, seed=1)
    v = v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    # Unit length at z: components (v_0, exp(tau) v_b).
    tangent = step * torch.cat((v[:, :1], torch.exp(z[:, :1]) * v[:, 1:]), -1)
    moved = geometry.distance(z, geometry.exp(z, tangent))
    # At 1e-8 the points themselves hold eight digits of the step.
    torch.testing.assert_close(moved, torch.full_like(moved, step), rtol=max(1e-12, 1e-14 / step), atol=0)


@pytest.mark.parametrize("radius", [0.0, 1e-9, 1e-3, 1.0, 19.9, 20.1, 100.0, 600.0])
def test_exp_and_log_are_inverse(radius: float) -> None:
    v = points(200, 4)
    v = radius * v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    z = geometry.exp_origin(v)
    torch.testing.assert_close(geometry.log_origin(z), v, rtol=1e-10, atol=1e-12 * max(radius, 1))
    if radius < 25:
        base = points(200, 4, seed=1)
        there = geometry.log(base, geometry.exp(base, v))
        torch.testing.assert_close(there, v, rtol=1e-6, atol=1e-8)


def test_exp_along_the_axis_is_a_shift_of_the_height() -> None:
    for length in (-30.0, -1e-5, 0.0, 1e-5, 30.0):
        v = torch.tensor([length, 0.0, 0.0], dtype=torch.float64)
        torch.testing.assert_close(geometry.exp_origin(v), v, rtol=1e-14, atol=0)


@pytest.mark.parametrize("slant", [1e-6, 1e-12, 1e-18])
def test_exp_in_float32_nearly_straight_up(slant: float) -> None:
    """The stretch of the fibre leaves the range of float32 from radius 44 on; what it stretches does not."""
    v = torch.tensor([[50.0], [60.0], [80.0]]) * torch.tensor([1.0, slant, -2 * slant])
    found, expected = geometry.exp_origin(v), geometry.exp_origin(v.double())
    torch.testing.assert_close(found.double(), expected, rtol=5e-5, atol=0)


def test_exp_solves_the_geodesic_equation() -> None:
    """tau'' = -exp(-2 tau) |b'|^2 and b'' = 2 tau' b' along t -> exp(z, t v), by automatic differentiation."""
    z, v = points(4), points(4, seed=1)

    def path(t: Tensor) -> Tensor:
        return geometry.exp(z, t * v)

    def derivative(f):
        return lambda t: torch.autograd.functional.jacobian(f, t, create_graph=True)

    t = torch.tensor(0.7, dtype=torch.float64)
    place, speed, acceleration = path(t), derivative(path)(t), derivative(derivative(path))(t)
    expected = torch.cat(((-torch.exp(-2 * place[0]) * speed[1:].square().sum()).reshape(1), 2 * speed[0] * speed[1:]))
    torch.testing.assert_close(acceleration, expected, rtol=1e-9, atol=1e-9)


@given(point(), point(), point())
@settings(deadline=None)
def test_isometries_keep_distances_and_compose(g: Tensor, z: Tensor, w: Tensor) -> None:
    near = geometry.relative(g, z)
    torch.testing.assert_close(geometry.isometry(g, near), z, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(geometry.isometry(geometry.inverse(g), geometry.isometry(g, z)), z, rtol=1e-6, atol=1e-6)
    moved = geometry.distance(geometry.relative(g, z), geometry.relative(g, w))
    torch.testing.assert_close(moved, geometry.distance(z, w), rtol=1e-7, atol=1e-7)
    assert torch.equal(geometry.isometry(g, torch.zeros_like(g)), g)


def test_busemann_function_is_the_limit_of_distances() -> None:
    z = points(10, 3)
    far = torch.tensor([300.0, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(geometry.distance(z, far) - 300, geometry.busemann(z), rtol=0, atol=1e-11)
    ideal = torch.tensor([0.4, -0.7], dtype=torch.float64)
    near_ideal = torch.cat((torch.tensor([-300.0], dtype=torch.float64), ideal))
    limit = geometry.distance(z, near_ideal) - geometry.distance(torch.zeros_like(z), near_ideal)
    torch.testing.assert_close(limit, geometry.busemann(z, ideal), rtol=0, atol=1e-11)


def test_charts_are_isometric_and_invert() -> None:
    z, w = points(50, 4), points(50, 4, seed=1)
    x, y = charts.to_lorentz(z), charts.to_lorentz(w)
    torch.testing.assert_close(x[:, 0].square() - x[:, 1:].square().sum(-1), torch.ones(50).double())
    product = x[:, 0] * y[:, 0] - (x[:, 1:] * y[:, 1:]).sum(-1)
    torch.testing.assert_close(torch.acosh(product), geometry.distance(z, w), rtol=1e-9, atol=1e-9)
    p, q = charts.to_ball(z), charts.to_ball(w)
    gap = (p - q).square().sum(-1) / ((1 - p.square().sum(-1)) * (1 - q.square().sum(-1)))
    torch.testing.assert_close(torch.acosh(1 + 2 * gap), geometry.distance(z, w), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(charts.from_lorentz(x), z, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(charts.from_ball(p), z, rtol=1e-9, atol=1e-9)


def test_charts_keep_the_digits_along_the_axis() -> None:
    height = torch.tensor([-15.0, -1e-9, 0.0, 1e-9, 15.0], dtype=torch.float64)
    z = torch.stack((height, torch.zeros(5).double()), -1)
    torch.testing.assert_close(charts.from_lorentz(charts.to_lorentz(z)), z, rtol=1e-7, atol=1e-16)
    torch.testing.assert_close(charts.from_ball(charts.to_ball(z)), z, rtol=1e-9, atol=1e-16)


def test_volume_is_the_determinant_of_the_metric() -> None:
    z = points(5, 4)
    torch.testing.assert_close(geometry.volume(z), torch.exp(-3 * z[:, 0]))
    torch.testing.assert_close(geometry.log_volume(z), torch.log(geometry.volume(z)))


@pytest.mark.parametrize("function", [geometry.distance, geometry.distance_squared, geometry.exp, geometry.log])
def test_gradients(function) -> None:
    z, w = points(3, 4).requires_grad_(), points(3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(function, (z, w))


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e30])
@pytest.mark.parametrize("function", [series.sinhc, series.log_sinhc, series.arc_squared])
def test_series_and_closed_form_both_have_finite_gradients(function, size: float) -> None:
    if function is series.sinhc and size > 1:
        pytest.skip("sinh overflows")
    x = torch.tensor(size, dtype=torch.float32, requires_grad=True)
    function(x).backward()
    assert torch.isfinite(x.grad)


def test_series_meet_the_closed_forms_at_the_threshold() -> None:
    with mpmath.workdps(40):
        for function, exact, threshold in (
            (series.sinhc, lambda x: mpmath.sinh(mpmath.sqrt(x)) / mpmath.sqrt(x), 0.5),
            (series.log_sinhc, lambda x: mpmath.log(mpmath.sinh(mpmath.sqrt(x)) / mpmath.sqrt(x)), 0.25),
            (series.arc_squared, lambda x: (2 * mpmath.asinh(mpmath.sqrt(x))) ** 2, 0.05),
        ):
            for x in (threshold * (1 - 1e-9), threshold, threshold / 7):
                value = float(function(torch.tensor(x, dtype=torch.float64)))
                assert value == pytest.approx(float(exact(mpmath.mpf(x))), rel=4e-15)


def test_points_broadcast() -> None:
    z, w = points(5, 1, 3), points(4, 3, seed=1)
    assert geometry.distance(z, w).shape == (5, 4)
    assert geometry.exp(z, w).shape == geometry.log(z, w).shape == geometry.isometry(z, w).shape == (5, 4, 3)
    assert torch.equal(geometry.origin(3), torch.zeros(3))
