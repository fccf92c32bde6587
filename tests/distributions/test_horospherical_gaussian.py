"""The Horospherical Gaussian: its KL to 650 digits, its invariances and its limits."""

from __future__ import annotations

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence
from torch.fx.experimental.proxy_tensor import make_fx

from hrssm.distributions import HorosphericalGaussian, kl_terms
from hrssm.geometry import horospherical as geometry


def tensor(*values: float) -> Tensor:
    return torch.tensor(values if len(values) != 1 else values[0], dtype=torch.float64)


@st.composite
def law(draw: st.DrawFn, fibre: int = 2) -> HorosphericalGaussian:
    return HorosphericalGaussian(
        tensor(draw(st.floats(-5, 5))),
        torch.tensor(draw(st.lists(st.floats(-5, 5), min_size=fibre, max_size=fibre)), dtype=torch.float64),
        tensor(draw(st.floats(0.01, 2))),
        tensor(draw(st.floats(0.01, 10))),
        draw(st.sampled_from((1.0, 0.5)) | st.floats(-1, 2)),
    )


def parameters(q: HorosphericalGaussian) -> list[mpmath.mpf]:
    numbers = (q.height_loc, q.height_scale, q.fibre_scale, q.coupling)
    return [mpmath.mpf(float(x)) for x in numbers]


def reference_kl(q: HorosphericalGaussian, p: HorosphericalGaussian) -> mpmath.mpf:
    """hgk-kl-mixed as its textbook form, for more digits than it cancels."""
    (mu_q, sigma_q, s_q, kappa_q), (mu_p, sigma_p, s_p, kappa_p) = parameters(q), parameters(p)
    fibre = q.event_shape[0] - 1
    squared = mpmath.fsum(
        (mpmath.mpf(x) - mpmath.mpf(y)) ** 2 for x, y in zip(q.fibre_loc.tolist(), p.fibre_loc.tolist(), strict=True)
    )
    height = mpmath.log(sigma_p / sigma_q) + (sigma_q**2 + (mu_q - mu_p) ** 2) / (2 * sigma_p**2) - mpmath.mpf(1) / 2
    log_rate = 2 * mpmath.log(s_q / s_p) + 2 * (1 - kappa_p) * (mu_q - mu_p)
    rate = mpmath.exp(log_rate + 2 * (kappa_q - kappa_p) ** 2 * sigma_q**2)
    shrink = mpmath.exp(-2 * (1 - kappa_p) * mu_p - 2 * kappa_p * mu_q + 2 * (kappa_p * sigma_q) ** 2)
    return height + fibre * (rate - 1 - log_rate) / 2 + squared / (2 * s_p**2) * shrink


@given(law(), law())
@settings(deadline=None, max_examples=40)
def test_kl_against_many_digits(q: HorosphericalGaussian, p: HorosphericalGaussian) -> None:
    with mpmath.workdps(650):
        expected = float(reference_kl(q, p))
    assert float(kl_divergence(q, p)) == pytest.approx(expected, rel=1e-12, abs=1e-280)


@given(law(), law())
@settings(deadline=None, max_examples=40)
def test_every_term_of_the_kl_is_non_negative(q: HorosphericalGaussian, p: HorosphericalGaussian) -> None:
    terms = kl_terms(q, p)
    assert all(term >= 0 for term in terms)
    assert terms.total() == kl_divergence(q, p)
    assert kl_divergence(q, q) == 0


@given(law(), law(), st.floats(-3, 3), st.floats(-3, 3))
@settings(deadline=None, max_examples=40)
def test_isometry_invariance(q: HorosphericalGaussian, p: HorosphericalGaussian, a: float, c: float) -> None:
    """The KL, the entropy and the density move with the space, for every coupling."""
    g = tensor(a, c, -c)
    moved, target = q.moved(g), p.moved(g)
    torch.testing.assert_close(kl_divergence(moved, target), kl_divergence(q, p), rtol=1e-9, atol=1e-9)
    assert moved.entropy() == q.entropy()
    z = q.rsample_from(tensor(0.3, -1.0, 0.5))
    torch.testing.assert_close(moved.log_prob(geometry.isometry(g, z)), q.log_prob(z), rtol=1e-8, atol=1e-8)


def test_isometry_moves_the_samples() -> None:
    q = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.5), tensor(0.3), 0.7)
    g, noise = tensor(0.5, 1.0, -2.0), q.base_noise((10,))
    torch.testing.assert_close(geometry.isometry(g, q.rsample_from(noise)), q.moved(g).rsample_from(noise))


def test_one_fibre_scale_is_equal_scales_per_coordinate() -> None:
    q = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.5), tensor(0.3))
    same = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.5), tensor(0.3, 0.3))
    p = HorosphericalGaussian(tensor(0.0), tensor(0.0, 0.0), tensor(1.0), tensor(1.2, 0.7), 0.3)
    z = q.sample((5,))
    assert same.per_coordinate
    assert not q.per_coordinate
    for f in (lambda r: r.log_prob(z), lambda r: r.entropy(), lambda r: r.variance, lambda r: kl_divergence(p, r),
              lambda r: kl_divergence(r, p)):  # fmt: skip
        torch.testing.assert_close(f(q), f(same))


def test_scale_with_the_rank_of_the_batch_is_one_scale() -> None:
    q = HorosphericalGaussian(torch.zeros(3), torch.zeros(3, 3), torch.ones(3), torch.tensor([1.0, 2.0, 3.0]))
    assert not q.per_coordinate
    assert HorosphericalGaussian(0.0, torch.zeros(3), 1.0, torch.tensor([1.0, 2.0, 3.0])).per_coordinate
    with pytest.raises(ValueError, match="fibre_scale has shape"):
        HorosphericalGaussian(torch.zeros(3), torch.zeros(3, 4), torch.ones(3), torch.ones(3, 5))
    with pytest.raises(ValueError, match="fibre_loc has shape"):
        HorosphericalGaussian(torch.zeros(3), torch.zeros(3, 0), torch.ones(3), torch.ones(3))
    with pytest.raises(ValueError, match="coupling"):
        HorosphericalGaussian(0.0, torch.zeros(3), 1.0, 1.0, coupling=float("nan"))


def test_coupling_one_as_a_tensor_is_the_default() -> None:
    args = (tensor(0.2), tensor(0.1, 0.4), tensor(0.5), tensor(0.3))
    plain, coupled = HorosphericalGaussian(*args), HorosphericalGaussian(*args, tensor(1.0))
    p = HorosphericalGaussian(tensor(-1.0), tensor(1.0, 0.0), tensor(1.0), tensor(1.2))
    noise = plain.base_noise((4,))
    torch.testing.assert_close(plain.rsample_from(noise), coupled.rsample_from(noise))
    for mine, other in zip(
        plain.rsample_and_log_prob(noise=noise), coupled.rsample_and_log_prob(noise=noise), strict=True
    ):
        torch.testing.assert_close(mine, other)
    torch.testing.assert_close(kl_divergence(plain, p), kl_divergence(coupled, p))
    torch.testing.assert_close(plain.mode, coupled.mode)


def test_coupling_zero_is_a_euclidean_gaussian_in_coordinates() -> None:
    """With kappa = 0 the fibre does not see the sampled height; the KL is torch's, for any base measure."""
    q = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.5), tensor(0.3), 0.0)
    p = HorosphericalGaussian(tensor(-1.0), tensor(1.0, 0.0), tensor(1.0), tensor(1.2), 0.0)

    def flat(r: HorosphericalGaussian) -> Independent:
        width = (r.fibre_scale * torch.exp(r.height_loc)).expand(2)
        return Independent(Normal(r.loc, torch.cat((r.height_scale.reshape(1), width))), 1)

    torch.testing.assert_close(kl_divergence(q, p), kl_divergence(flat(q), flat(p)))
    z = q.sample((6,))
    torch.testing.assert_close(q.log_prob(z) + geometry.log_volume(z), flat(q).log_prob(z))


def test_small_scales_are_the_flat_limit() -> None:
    """As scales shrink in step the KL tends to that of Gaussians on the tangent space."""
    errors = []
    for size in (1e-1, 1e-2, 1e-3):
        q = HorosphericalGaussian(tensor(0.0), size * tensor(1.0, -0.5), size * tensor(1.0), size * tensor(0.7))
        p = HorosphericalGaussian(size * tensor(0.4), tensor(0.0, 0.0), size * tensor(1.3), size * tensor(1.0))
        flat_q = Independent(Normal(tensor(0.0, 1.0, -0.5), tensor(1.0, 0.7, 0.7)), 1)
        flat_p = Independent(Normal(tensor(0.4, 0.0, 0.0), tensor(1.3, 1.0, 1.0)), 1)
        errors.append(float((kl_divergence(q, p) - kl_divergence(flat_q, flat_p)).abs()))
    # second order: q is at height 0, so nothing is linear in the size
    assert errors[1] < errors[0] / 50
    assert errors[2] < errors[1] / 50


def test_moments() -> None:
    """Against samples within 4.5 standard errors; fixed seed, failure probability below 1e-4 under another."""
    torch.manual_seed(0)
    q = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.5), tensor(0.3), 0.7)
    z = q.sample((100000,))
    error = 4.5 * (q.variance / len(z)).sqrt()
    assert ((z.mean(0) - q.mean).abs() < error).all()
    assert ((z.var(0) / q.variance - 1).abs() < 0.1).all()
    growth = torch.exp(z[:, 0])
    assert abs(growth.mean() - q.attenuation) < 4.5 * growth.std() / len(z) ** 0.5


def test_float32_keeps_its_digits() -> None:
    """Against float64 at the same numbers: where the density's terms cancel in 128 dimensions, and a large exponent."""
    g = torch.Generator().manual_seed(0)
    q = HorosphericalGaussian(torch.tensor(0.3), torch.zeros(127), torch.tensor(0.5), torch.tensor(0.4))
    z = q.rsample_from(torch.randn(500, 128, generator=g))
    p = HorosphericalGaussian(torch.tensor(-25.3), torch.ones(127), torch.tensor(3.7), torch.tensor(0.7))

    def double(r: HorosphericalGaussian) -> HorosphericalGaussian:
        parameters = (r.height_loc, r.fibre_loc, r.height_scale, r.fibre_scale)
        return HorosphericalGaussian(*(x.double() for x in parameters))

    torch.testing.assert_close(q.log_prob(z).double(), double(q).log_prob(z.double()), rtol=1e-7, atol=0)
    drift, exact = kl_terms(p, q).drift.double(), kl_terms(double(p), double(q)).drift
    torch.testing.assert_close(drift, exact, rtol=1e-6, atol=0)


def test_mode_is_stationary() -> None:
    q = HorosphericalGaussian(tensor(0.2), tensor(0.1, 0.4), tensor(0.5), tensor(0.3), 0.25)
    at = q.mode.requires_grad_()
    (gradient,) = torch.autograd.grad(q.log_prob(at), at)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)


def test_pathwise_gradients_are_those_of_exact_expectations() -> None:
    """Per-sample gradients of e^tau and |b|^2 average to the gradients of their closed forms, within 4.5 errors."""
    torch.manual_seed(0)
    n = 100000
    leaves = [x.requires_grad_() for x in (tensor(0.2), tensor(0.1, 0.4), tensor(0.4), tensor(0.3))]
    each = [x.detach().expand(n, *x.shape).clone().requires_grad_() for x in leaves]
    q, many = HorosphericalGaussian(*leaves), HorosphericalGaussian(*each)
    z = many.rsample()
    exact = q.attenuation + q.variance[1:].sum() + q.fibre_loc.square().sum()
    sampled = torch.exp(z[:, 0]) + z[:, 1:].square().sum(-1)
    for truth, found in zip(torch.autograd.grad(exact, leaves), torch.autograd.grad(sampled.sum(), each), strict=True):
        assert ((found.mean(0) - truth).abs() < 4.5 * found.std(0) / n**0.5).all()


def test_densities_and_kl_trace_to_elementwise_operations() -> None:
    """The code proof reads the ATen graph: no comparisons on data but those of `where`, and no matrix products."""

    def evaluate(z: Tensor, mu: Tensor, beta: Tensor, sigma: Tensor, s: Tensor, kappa: Tensor) -> tuple[Tensor, ...]:
        q = HorosphericalGaussian(mu, beta, sigma, s, kappa, validate_args=False)
        p = HorosphericalGaussian(2 * mu, 2 * beta, 2 * sigma, 2 * s, validate_args=False)
        return q.log_prob(z), q.entropy(), kl_divergence(q, p), geometry.distance(z, q.loc)

    one = tensor(1.0)
    graph = make_fx(evaluate)(torch.ones(3).double(), one, torch.ones(2).double(), one, one, one)
    names = {node.target.__name__.split(".")[0] for node in graph.graph.nodes if node.op == "call_function"}
    assert "where" in names
    assert not names & {"mm", "bmm", "item", "_local_scalar_dense", "nonzero", "index"}
