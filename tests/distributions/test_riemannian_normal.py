"""The Riemannian normal: normaliser, moments, exact sampler, KLs by quadrature, nearest Horospherical Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from flint import arb
from scipy import stats
from torch import Tensor
from torch.distributions import kl_divergence

from benchmarks import arb_reference as exact
from hrssm import reference
from hrssm.distributions import HorosphericalGaussian, MonteCarloEstimate, RiemannianNormal, monte_carlo_kl
from hrssm.distributions.numerics.radial import radial_quantile, radial_rule
from hrssm.geometry import horospherical as geometry


def tensor(*values: float) -> Tensor:
    return torch.tensor(values if len(values) != 1 else values[0], dtype=torch.float64)


def centred(d: int, scale: float) -> RiemannianNormal:
    return RiemannianNormal(torch.zeros(d, dtype=torch.float64), tensor(scale))


@pytest.mark.parametrize("d", [2, 3, 4, 16, 64])
@pytest.mark.parametrize("scale", [0.01, 0.1, 0.5, 1.0, 3.0])
def test_normaliser_entropy_and_moment_against_arb(d: int, scale: float) -> None:
    q = centred(d, scale)
    sigma = arb(scale)
    assert float(q.log_normaliser) == pytest.approx(float(exact.rn_log_normaliser(d - 1, sigma)), rel=1e-13, abs=1e-13)
    assert float(q.radial_moment) == pytest.approx(float(exact.rn_moment(d - 1, sigma)), rel=1e-12)
    assert float(q.entropy()) == pytest.approx(float(exact.rn_entropy(d - 1, sigma)), rel=1e-13, abs=1e-13)


def test_moment_is_the_slope_of_the_normaliser() -> None:
    scale = tensor(0.1, 0.7, 2.0).requires_grad_()
    q = RiemannianNormal(torch.zeros(4, dtype=torch.float64), scale)
    (slope,) = torch.autograd.grad(q.log_normaliser.sum(), scale)
    torch.testing.assert_close(q.radial_moment, scale**3 * slope, rtol=1e-12, atol=0)


@pytest.mark.parametrize("d", [2, 16, 64])
@pytest.mark.parametrize("scale", [0.01, 0.3, 1.0, 3.0])
def test_quantile_inverts_the_distribution_function(d: int, scale: float) -> None:
    """F(r) = P(chi_d < norm) for norms out to tails of 1e-9, with F by Gauss-Legendre on 400 panels."""
    norm = torch.as_tensor(stats.chi(d).ppf([1e-9, 1e-4, 0.1, 0.5, 0.9, 1 - 1e-4]))
    r = radial_quantile(tensor(scale), norm, d - 1)
    rule = radial_rule(tensor(scale), d - 1)
    nodes, weights = (torch.as_tensor(x) for x in np.polynomial.legendre.leggauss(16))
    below = []
    for end in r:
        edges = torch.linspace(0, 1, 401, dtype=torch.float64) * end
        half = torch.diff(edges)[:, None] / 2
        places = edges[:-1, None] + half * (1 + nodes)
        below.append((torch.exp(rule.log_density(places)) * half * weights).sum())
    torch.testing.assert_close(torch.stack(below), torch.as_tensor(stats.chi(d).cdf(norm)), rtol=1e-8, atol=1e-14)
    assert (torch.diff(r) > 0).all()


def test_small_scale_is_the_flat_limit() -> None:
    norm = tensor(0.5, 1.0, 4.0)
    torch.testing.assert_close(radial_quantile(tensor(1e-4), norm, 3), 1e-4 * norm, rtol=1e-7, atol=0)


def test_samples_have_the_radial_law() -> None:
    """Kolmogorov-Smirnov on radii at d = 16; a correct sampler fails with probability 1e-4 under another seed."""
    torch.manual_seed(0)
    q = centred(16, 0.8).expand((4000,))
    radius = geometry.distance(q.sample(), q.loc)
    rule = radial_rule(tensor(0.8), 15)
    grid = torch.linspace(0, float(radius.max()) * 1.05, 4001, dtype=torch.float64)[1:]
    density = torch.exp(rule.log_density(grid))
    cumulative = torch.cumsum(density, 0) * (grid[1] - grid[0]) - density * (grid[1] - grid[0]) / 2
    assert stats.kstest(radius.numpy(), lambda x: np.interp(x, grid.numpy(), cumulative.numpy())).pvalue > 1e-4


def test_pathwise_gradients_are_those_of_exact_expectations() -> None:
    """d/d sigma of E r^2, and d/d loc of E dist(z, w)^2 through the KL; within 4.5 standard errors."""
    torch.manual_seed(0)
    n = 5000
    loc, scale = tensor(0.3, -0.2, 0.5).requires_grad_(), tensor(0.6).requires_grad_()
    p = RiemannianNormal(tensor(0.0, 0.0, 0.0), tensor(1.0))
    q = RiemannianNormal(loc, scale)
    # E dist^2 / 2 under q is the cross entropy against p, up to p's constant normaliser
    truth = torch.autograd.grad(kl_divergence(q, p) + q.entropy(), (loc, scale))
    each_loc = loc.detach().expand(n, 3).clone().requires_grad_()
    each_scale = scale.detach().expand(n).clone().requires_grad_()
    z = RiemannianNormal(each_loc, each_scale).rsample()
    found = torch.autograd.grad((geometry.distance_squared(z, p.loc) / 2).sum(), (each_loc, each_scale))
    for one, exact_slope in zip(found, truth, strict=True):
        assert ((one.mean(0) - exact_slope).abs() < 4.5 * one.std(0) / n**0.5).all()


@pytest.mark.parametrize("d", [2, 3, 8, 32])
def test_concentric_kl_against_arb(d: int) -> None:
    for wide, narrow in ((0.5, 0.4), (0.1, 2.0), (1.0, 1.0 + 1e-6), (3.0, 0.01)):
        found = float(kl_divergence(centred(d, wide), centred(d, narrow)))
        assert found == pytest.approx(float(exact.rn_concentric_kl(d - 1, arb(wide), arb(narrow))), rel=1e-12)
    assert kl_divergence(centred(d, 0.7), centred(d, 0.7)) == 0


def test_kl_between_centres_against_a_dense_grid() -> None:
    """d = 2, centres 3 apart, by Gauss-Legendre over the radius and 4000 angles."""
    q = RiemannianNormal(tensor(0.0, 0.0), tensor(0.8))
    p = RiemannianNormal(geometry.exp_origin(tensor(1.8, 2.4)), tensor(0.5))
    rule = radial_rule(tensor(0.8), 1)
    angle = (torch.arange(4000, dtype=torch.float64) + 0.5) * 2 * math.pi / 4000
    rays = torch.stack((torch.cos(angle), torch.sin(angle)), -1)
    z = geometry.exp_origin(rule.nodes[:, None, None] * rays)
    cross = -rule.expectation(p.log_prob(z).mean(-1))
    assert float(kl_divergence(q, p)) == pytest.approx(float(cross - q.entropy()), rel=1e-9)


def test_kl_with_horospherical_gaussians_agrees_with_samples() -> None:
    """Both directions, every coupling and kind of scale, within 4.5 standard errors."""
    torch.manual_seed(0)
    q = RiemannianNormal(tensor(0.3, -0.2, 0.5), tensor(0.6))
    for coupling in (1.0, 0.5, 0.0):
        one = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.7), tensor(0.5), coupling)
        for a, b in ((q, one), (one, q)):
            estimate = monte_carlo_kl(a, b, 20000)
            assert abs(estimate - kl_divergence(a, b)) < 4.5 * estimate.standard_error
            assert not isinstance(kl_divergence(a, b), MonteCarloEstimate)
    diagonal = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.7), tensor(0.5, 0.8))
    for a, b in ((q, diagonal), (diagonal, q)):
        estimate = monte_carlo_kl(a, b, 20000)
        assert abs(estimate - kl_divergence(a, b)) < 4.5 * estimate.standard_error


@pytest.mark.parametrize(
    ("height", "fibre", "height_scale", "fibre_scale", "coupling", "scale"),
    [
        (0.0, [0.0], 1.0, [1.0], 0.5, 1.0),
        (0.1, [0.2, 0.1], 0.9, [0.5, 0.8], 1.0, 0.7),
        (0.05, [0.02, 0.01, 0.0], 0.02, [0.01, 0.01, 0.01], 1.0, 0.03),
    ],
    ids=["wide", "a scale per coordinate", "narrow"],
)
def test_kl_from_horospherical_gaussians_against_the_reference(
    height: float, fibre: list[float], height_scale: float, fibre_scale: list[float], coupling: float, scale: float
) -> None:
    loc, widths = (torch.tensor(values, dtype=torch.float64) for values in (fibre, fibre_scale))
    q = HorosphericalGaussian(tensor(height), loc, tensor(height_scale), widths, coupling)
    p = RiemannianNormal(torch.zeros(len(fibre) + 1, dtype=torch.float64), tensor(scale))
    expected = float(reference.kl(q, p, digits=18).closed_form)
    assert float(kl_divergence(q, p)) == pytest.approx(expected, rel=2e-13)


@pytest.mark.parametrize("d", [2, 4, 16])
def test_nearness_to_the_horospherical_gaussian(d: int) -> None:
    """The leading coefficients of a4-leading, a4-recentred and a4-coupling, at a scale where they lead."""
    scale = 0.01
    q = centred(d, scale)
    same = HorosphericalGaussian(tensor(0.0), torch.zeros(d - 1).double(), tensor(scale), tensor(scale))
    leading = (d * d - 1) / 8 * scale**2
    assert float(kl_divergence(same, q)) == pytest.approx(leading, rel=0.02)
    assert float(kl_divergence(q, same)) == pytest.approx(leading, rel=0.02)
    assert float(kl_divergence(q, q.recentred())) == pytest.approx((d - 1) / 4 * scale**2, rel=0.05)
    best = (d - 1) * (d + 3) / 144 * scale**4
    assert float(kl_divergence(q, q.recentred(0.5))) == pytest.approx(best, rel=0.05, abs=1e-13)
    with pytest.raises(ValueError, match="coupling"):
        q.recentred(0.7)


def test_recentred_moves_with_the_space() -> None:
    g = tensor(0.5, 1.0, -2.0)
    q = RiemannianNormal(tensor(0.3, -0.2, 0.5), tensor(0.2))
    for coupling in (1.0, 0.5):
        moved, expected = q.moved(g).recentred(coupling), q.recentred(coupling).moved(g)
        assert float(kl_divergence(moved, expected)) == pytest.approx(0, abs=1e-14)


def test_isometry_invariance() -> None:
    g = tensor(0.5, 1.0, -2.0)
    q, p = RiemannianNormal(tensor(0.3, -0.2, 0.5), tensor(0.6)), RiemannianNormal(tensor(0.0, 1.0, 0.0), tensor(0.9))
    torch.testing.assert_close(kl_divergence(q.moved(g), p.moved(g)), kl_divergence(q, p), rtol=1e-10, atol=0)
    z = q.sample((5,))
    torch.testing.assert_close(q.moved(g).log_prob(geometry.isometry(g, z)), q.log_prob(z), rtol=1e-10, atol=1e-10)


def test_finite_at_the_ends_of_the_domain() -> None:
    torch.manual_seed(0)
    for d, scale in ((2, 0.01), (64, 0.01), (2, 3.0), (64, 3.0)):
        q = RiemannianNormal(torch.zeros(d), torch.full((50,), scale, requires_grad=True))
        z, log_prob = q.rsample_and_log_prob()
        assert torch.isfinite(z).all()
        (slope,) = torch.autograd.grad(log_prob.sum(), q.scale)
        assert torch.isfinite(slope).all()
