"""What is tabulated: interpolation and its slopes, and the laws and means behind the tables, off the tables' nodes."""

from __future__ import annotations

import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from hrssm.distributions import RiemannianNormal
from hrssm.distributions.numerics import radial
from hrssm.distributions.numerics.gamma_quantile import log_gamma_quantile
from hrssm.distributions.numerics.mean_square import mean_square_excess
from hrssm.distributions.numerics.radial import cumulants, far_scale, radial_quantile, radial_rule
from hrssm.distributions.numerics.tables import interpolate, running_integral, tabulate
from hrssm.distributions.numerics.transport import LineLaw


def uniform(low: float, high: float, count: int, seed: int = 0) -> Tensor:
    return low + (high - low) * torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_interpolation_of_two_coordinates_and_its_slopes() -> None:
    """In both dtypes, and whether the slopes were found with the value or are functions of their own."""
    for dtype, digits in ((torch.float64, 1.0), (torch.float32, 1e8)):
        table = tabulate(lambda x, y: torch.exp(2 * x).unsqueeze(-1) * torch.sin(2 * y), 8, 6, dtype=dtype)
        x, y = (uniform(0, 1, 10000, seed).to(dtype).requires_grad_() for seed in (0, 1))
        value, exact = interpolate(table, x, y), torch.exp(2 * x) * torch.sin(2 * y)
        torch.testing.assert_close(value, exact, rtol=0, atol=3e-14 * digits)
        slopes = torch.autograd.grad(value.sum(), (x, y), retain_graph=True)
        again = torch.autograd.grad(value.sum(), (x, y), create_graph=True)
        for found in (slopes, again):
            torch.testing.assert_close(found[0], 2 * exact, rtol=0, atol=4e-11 * min(digits, 1e6))
            torch.testing.assert_close(
                found[1], 2 * torch.exp(2 * x) * torch.cos(2 * y), rtol=0, atol=4e-11 * min(digits, 1e6)
            )
        (mixed,) = torch.autograd.grad(again[0].sum(), y)
        torch.testing.assert_close(mixed, 4 * torch.exp(2 * x) * torch.cos(2 * y), rtol=0, atol=1e-9 * min(digits, 1e5))


def test_interpolation_carries_nan_and_reaches_both_ends() -> None:
    table = tabulate(lambda x: x.square(), 3)
    found = interpolate(table, torch.tensor([0.0, 1.0, float("nan")], dtype=torch.float64))
    torch.testing.assert_close(found[:2], torch.tensor([0.0, 1.0], dtype=torch.float64), rtol=1e-14, atol=1e-15)
    assert found[2].isnan()


def test_running_integral() -> None:
    nodes = []
    tabulate(lambda x: nodes.append(x) or x, 5)
    exact = -torch.expm1(-nodes[0])
    torch.testing.assert_close(running_integral(torch.exp(-nodes[0]), 5), exact, rtol=1e-13, atol=0)


def test_a_table_built_in_inference_mode_serves_training() -> None:
    radial._tabulated_cumulants.cache_clear()
    with torch.inference_mode():
        RiemannianNormal(torch.zeros(3), torch.ones(())).log_prob(torch.zeros(3))
    scale = torch.ones((), requires_grad=True)
    RiemannianNormal(torch.zeros(3), scale).log_prob(torch.zeros(3)).backward()
    assert scale.grad is not None


def test_quantiles_of_a_law_in_both_tails() -> None:
    """The normal of any deviation, from its log-density, at scores down to tails of 1e-20."""
    deviation = torch.tensor([0.1, 1.0, 30.0], dtype=torch.float64)
    law = LineLaw(lambda x: -0.5 * (x / deviation[:, None]).square(), -12 * deviation, 0 * deviation, 12 * deviation)
    z = torch.tensor([-9.0, -3.0, -0.2, 1.0, 5.0, 9.0], dtype=torch.float64)
    score = torch.special.log_ndtr(z) - torch.special.log_ndtr(-z)
    torch.testing.assert_close(law.quantile(score), deviation[:, None] * z, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(law.score(deviation[:, None] * z), score.expand(3, -1), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("d", [2, 5, 16, 64])
def test_radial_quantile_is_exact_to_rounding(d: int) -> None:
    """Between the nodes of its table and above its scales, against the law itself, out to tails of 1e-9."""
    fibre, far = d - 1, far_scale(d - 1)
    scale = torch.cat((torch.exp(uniform(math.log(0.003), math.log(min(far, 3)), 200)), uniform(far, 1.2 * far, 20)))
    norm = torch.as_tensor(stats.chi(d).ppf([1e-9, 1e-4, 0.1, 0.5, 0.9, 1 - 1e-9]))
    law = radial.RadialLaw(scale, fibre, 11.5)
    score = radial._chi(fibre).score(norm.unsqueeze(0))
    exact = LineLaw(law.log_shape, law.low, law.mode, law.high).quantile(score, d)
    torch.testing.assert_close(radial_quantile(scale.unsqueeze(-1), norm, fibre), exact, rtol=3e-14, atol=0)


@pytest.mark.parametrize("d", [2, 5, 16, 64])
def test_cumulants_agree_with_quadrature(d: int) -> None:
    scale = torch.exp(uniform(math.log(0.003), math.log(5), 500)).requires_grad_()
    rule = radial_rule(scale, d - 1)
    square = rule.nodes.square()
    mean = rule.expectation(square)
    variance = rule.expectation((square - mean.detach().unsqueeze(-1)).square())
    found = cumulants(scale, d - 1)
    assert ((found[0] - rule.log_integral).abs() / rule.log_integral.abs().clamp_min(1)).max() < 1e-13
    for one, exact in zip(found[1:], (mean, variance), strict=True):
        torch.testing.assert_close(one, exact, rtol=5e-14, atol=0)
    for one, exact, rounding in zip(found, (rule.log_integral, mean, variance), (1e-13, 1e-12, 1e-9), strict=True):
        slopes = [torch.autograd.grad(x.sum(), scale, retain_graph=True)[0] for x in (one, exact)]
        torch.testing.assert_close(*slopes, rtol=rounding, atol=0)


@pytest.mark.parametrize("d", [2, 16, 64])
def test_tables_in_float32_agree_with_those_in_float64(d: int) -> None:
    scale = torch.exp(uniform(math.log(0.01), math.log(3), 2000)).float()
    norm = (d**0.5 + uniform(-1, 1, 2000, seed=1)).float()
    exact = radial_quantile(scale.double(), norm.double(), d - 1)
    torch.testing.assert_close(radial_quantile(scale, norm, d - 1).double(), exact, rtol=1e-6, atol=0)
    a, noise = torch.exp(uniform(-7, 8, 2000)).float(), uniform(-6, 6, 2000, seed=1).float()
    exact = log_gamma_quantile(a.double(), noise.double())
    found = log_gamma_quantile(a, noise).double()
    assert ((found - exact).abs() / torch.maximum(torch.rsqrt(a + 1), exact.abs())).max() < 2e-6


@pytest.mark.parametrize("a", [1e-5, 0.03, 0.9, 7.7, 5e2, 3e5])
def test_gamma_quantile_is_exact_to_rounding(a: float) -> None:
    """Newton's step of the exact equation, at 40 digits, moves it no further than rounding."""
    noise = uniform(-8, 8, 12)
    found = log_gamma_quantile(torch.full_like(noise, a), noise)
    with mpmath.workdps(40):
        for y, z in zip(found.tolist(), noise.tolist(), strict=True):
            x, shape = mpmath.mpf(a) * mpmath.exp(mpmath.mpf(y)), mpmath.mpf(a) + 1
            ends = (0, x) if z < 0 else (x, mpmath.inf)
            tail = mpmath.gammainc(shape, *ends, regularized=True)
            density = mpmath.exp(shape * mpmath.log(x) - x - mpmath.loggamma(shape))
            step = (tail - mpmath.ncdf(-abs(z))) / density
            assert abs(step) < 1e-13 * min(1, 10 / math.sqrt(a)) + 2e-16 * abs(y)


@pytest.mark.parametrize(("d", "scale", "between"), [(3, 0.4, 2.0), (3, 4.0, 1.5), (8, 0.7, 30.0), (16, 2.0, 0.7)])
def test_mean_square_between_centres(d: int, scale: float, between: float) -> None:
    """Against Gauss-Legendre over radius and angle, on panels that halve towards 0."""
    rule = radial_rule(torch.tensor(scale, dtype=torch.float64), d - 1)
    nodes, weights = (torch.as_tensor(a) for a in np.polynomial.legendre.leggauss(24))
    edges = math.pi * 0.5 ** torch.arange(61, dtype=torch.float64).unsqueeze(-1)
    half = (edges[:-1] - edges[1:]) / 2
    theta = (edges[1:] + half * (1 + nodes)).flatten()
    share = (half * weights).flatten() * torch.sin(theta) ** (d - 2)
    half_chord = torch.sinh((rule.nodes - between) / 2).square().unsqueeze(-1)
    half_chord = (
        half_chord + (torch.sinh(rule.nodes) * math.sinh(between)).unsqueeze(-1) * torch.sin(theta / 2).square()
    )
    square = (2 * torch.asinh(torch.sqrt(half_chord))).square() @ (share / share.sum())
    exact = rule.expectation(square - rule.nodes.square())
    found = mean_square_excess(rule.law.scale, torch.tensor(between, dtype=torch.float64), d - 1)
    torch.testing.assert_close(found, exact, rtol=1e-12, atol=0)


def test_importing_the_package_leaves_the_compiler_alone() -> None:
    # Every process would pay for it.
    words = "import sys, hrssm.distributions; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
