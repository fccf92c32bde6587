"""The PGM normal: factorisation, moments and KL against scipy and many digits, at several curvatures."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torch.distributions import kl_divergence

from benchmarks import arb_reference as exact
from hrssm.distributions import GaussianManifoldNormal
from hrssm.distributions.numerics.gamma_quantile import log_gamma_quantile


def law(loc: float, variance: float, dispersion: float, curvature: float = 1.0) -> GaussianManifoldNormal:
    numbers = (torch.tensor([x], dtype=torch.float64) for x in (loc, variance, dispersion))
    return GaussianManifoldNormal(*numbers, curvature=curvature)


@pytest.mark.parametrize("curvature", [0.5, 1.0, 2.0])
def test_density_factorises_into_a_normal_and_a_gamma(curvature: float) -> None:
    """The density in (mu, sigma^2) is N(alpha, beta^2 gamma^2) times Gamma(a_0 + 1, a_0 / beta^2)."""
    alpha, variance, dispersion = 0.3, 0.4, -0.7
    q = law(alpha, variance, dispersion, curvature)
    z = q.sample((50,))
    mu, square = z[:, 0].numpy(), np.exp(z[:, 1].numpy())
    shape = math.exp(-dispersion) / (4 * curvature)
    expected = stats.norm(alpha, math.exp((variance + dispersion) / 2)).logpdf(mu)
    expected = expected + stats.gamma(shape + 1, scale=math.exp(variance) / shape).logpdf(square)
    # dvol = dmu dsigma^2 / (2 sqrt(c) sigma^3)
    measure = -math.log(2 * math.sqrt(curvature)) - 1.5 * np.log(square)
    np.testing.assert_allclose(q.log_prob(z).numpy() + measure, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dispersion", [-12.0, -3.0, 0.0, 5.0])
def test_moments(dispersion: float) -> None:
    q = law(0.3, 0.4, dispersion)
    shape = math.exp(-dispersion) / 4
    with mpmath.workdps(40):
        mean = 0.4 + float(mpmath.digamma(shape + 1) - mpmath.log(shape))
        variance = float(mpmath.psi(1, shape + 1))
    assert q.mean.tolist() == pytest.approx([0.3, mean], rel=1e-13)
    assert q.variance.tolist() == pytest.approx([math.exp(0.4 + dispersion), variance], rel=1e-12)
    at = q.mode.requires_grad_()
    (slope,) = torch.autograd.grad(q.log_prob(at), at)
    assert slope.abs().max() < 1e-9 * (1 + shape)


def test_expectation_of_the_variance() -> None:
    """E sigma^2 = beta^2 (1 + 4 c gamma^2), within 4.5 standard errors."""
    torch.manual_seed(0)
    q = law(0.0, 0.2, -1.0, 2.0)
    square = torch.exp(q.sample((20000,))[:, 1])
    expected = math.exp(0.2) * (1 + 8 * math.exp(-1.0))
    assert abs(square.mean() - expected) < 4.5 * square.std() / 20000**0.5


parameter = st.tuples(st.floats(-5, 5), st.floats(-6, 6), st.floats(-10, 6))


@given(parameter, parameter)
@example((0.0, 0.0, 0.0), (0.0, 0.0, 7.527979023761428e-16))  # the step of the shapes was taken by subtraction
@settings(deadline=None, max_examples=60)
def test_kl_against_arb(mine: tuple[float, ...], other: tuple[float, ...]) -> None:
    found = float(kl_divergence(law(*mine), law(*other)))
    expected = float(exact.pgm_kl(*map(arb, mine), *map(arb, other)))
    assert found >= 0
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-80)


def test_kl_of_equals_is_zero_and_of_neighbours_accurate() -> None:
    q, p = law(0.3, 0.4, -9.0), law(0.3, 0.4, -9.0 + 1e-7)
    assert kl_divergence(q, q) == 0
    expected = float(exact.pgm_kl(*map(arb, (0.3, 0.4, -9.0, 0.3, 0.4, -9.0 + 1e-7))))
    assert float(kl_divergence(q, p)) == pytest.approx(expected, rel=1e-8)


def test_kl_needs_one_space() -> None:
    with pytest.raises(ValueError, match="curvatures"):
        kl_divergence(law(0, 0, 0, 1.0), law(0, 0, 0, 2.0))
    with pytest.raises(ValueError, match="curvature"):
        law(0, 0, 0, -1.0)


def test_affine_maps_are_isometries() -> None:
    """(mu, sigma) -> (s mu + t, s sigma) applied to both leaves the KL, and moves the density."""
    q, p = law(0.3, 0.4, -0.5), law(-1.0, 0.1, 0.2)
    stretch, shift = 1.7, -0.6

    def moved(r: GaussianManifoldNormal) -> GaussianManifoldNormal:
        return GaussianManifoldNormal(stretch * r.loc + shift, r.log_variance + 2 * math.log(stretch), r.log_dispersion)

    torch.testing.assert_close(kl_divergence(moved(q), moved(p)), kl_divergence(q, p))
    z = q.sample()
    image = torch.stack((stretch * z[0] + shift, z[1] + 2 * math.log(stretch)))
    torch.testing.assert_close(moved(q).log_prob(image), q.log_prob(z))


def test_a_learned_curvature_is_a_tensor() -> None:
    """Two members of curvatures 1/2 and 2: each is the law of its number, and the slope in c is that of differences."""
    c = torch.tensor([[0.5], [2.0]], dtype=torch.float64, requires_grad=True)
    parameters = [torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(k)) for k in range(6)]

    def both(c: Tensor | float) -> tuple[GaussianManifoldNormal, GaussianManifoldNormal]:
        return GaussianManifoldNormal(*parameters[:3], c), GaussianManifoldNormal(*parameters[3:], c)

    def values(c: Tensor | float) -> tuple[Tensor, ...]:
        (q, p), noise = both(c), torch.ones(2, 6, dtype=torch.float64)
        z = q.rsample_from(noise)
        return z, q.log_prob(z), q.entropy(), kl_divergence(q, p), q.expand((5, 2)).mean[4]

    for k, number in enumerate((0.5, 2.0)):
        for value, expected in zip(values(c), values(number), strict=True):
            torch.testing.assert_close(value[k], expected[k])
    assert torch.autograd.gradcheck(values, c, fast_mode=True)
    q, p = both(c)
    assert torch.equal(kl_divergence(q, GaussianManifoldNormal(*parameters[3:], c.clone())), kl_divergence(q, p))
    with pytest.raises(ValueError, match="curvatures"):
        kl_divergence(q, GaussianManifoldNormal(*parameters[3:], 2 * c))
    with pytest.raises(ValueError, match="curvatures"):
        kl_divergence(q, GaussianManifoldNormal(*parameters[3:], 0.5))
    with pytest.raises(ValueError, match="least value"):
        both(torch.tensor([[-0.5], [1.0]]))


@pytest.mark.parametrize("a", [1e-4, 0.25, 3.0, 1e4])
def test_gamma_quantile_and_its_slopes(a: float) -> None:
    """Against scipy's quantile, and its slope in a against scipy's differences."""
    noise = torch.tensor([-5.0, -2.0, -0.1, 0.3, 4.0], dtype=torch.float64)
    shape = torch.full((5,), a, dtype=torch.float64, requires_grad=True)
    y = log_gamma_quantile(shape, noise)
    (slope,) = torch.autograd.grad(y.sum(), shape)

    def reference(a: float) -> Tensor:
        tail = stats.norm.cdf(-noise.abs().numpy())
        quantile = np.where(noise < 0, stats.gamma.ppf(tail, a + 1), stats.gamma.isf(tail, a + 1))
        return torch.as_tensor(np.log(quantile / a))

    torch.testing.assert_close(y.detach(), reference(a), rtol=1e-10, atol=1e-10)
    h = 1e-3 * a
    difference = (reference(a + h) - reference(a - h)) / (2 * h)
    torch.testing.assert_close(slope, difference, rtol=2e-5, atol=1e-7)


def test_finite_in_float32_over_the_stress_range() -> None:
    dispersion = torch.linspace(-10, 6, 33).requires_grad_()
    q = GaussianManifoldNormal(torch.zeros(33, 1), torch.zeros(33, 1), dispersion[:, None])
    z, log_prob = q.rsample_and_log_prob((4,))
    kl = kl_divergence(q, q.expand((33,)))
    (slope,) = torch.autograd.grad((log_prob.sum() + kl.sum() + q.entropy().sum()), dispersion)
    assert torch.isfinite(z).all()
    assert torch.isfinite(slope).all()
