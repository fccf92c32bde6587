"""Likelihoods against torch's, and the importance-weighted bound where log p(x) is known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Independent, MultivariateNormal, Normal

from hrssm.evaluation.likelihood import Bernoulli, Gaussian, bound, importance_bound


def test_likelihoods_are_torchs_with_every_constant() -> None:
    generator = torch.Generator().manual_seed(0)
    output = 3 * torch.randn(2, 5, 3, 8, 8, generator=generator, dtype=torch.float64)
    bits = (torch.rand(5, 3, 8, 8, generator=generator) < 0.3).double()
    expected = Independent(TorchBernoulli(logits=output), 3).log_prob(bits.expand_as(output))
    torch.testing.assert_close(Bernoulli().log_prob(output, bits), expected)
    levels = torch.rand(5, 3, 8, 8, generator=generator, dtype=torch.float64)
    expected = Independent(Normal(torch.tanh(output), 0.3), 3).log_prob((2 * levels - 1).expand_as(output))
    torch.testing.assert_close(Gaussian(0.3).log_prob(output, levels), expected)
    source = (2 * levels - 1 - torch.tanh(output)).square().sum((-3, -2, -1))
    constant = -Gaussian().log_prob(output, levels) - source
    torch.testing.assert_close(constant, torch.full_like(constant, 192 / 2 * math.log(math.pi)))
    assert Bernoulli().mean(output).shape == Gaussian().mean(output).shape == output.shape
    assert float(Gaussian().mean(torch.full((1, 1, 1), -50.0))) == 0.0
    with pytest.raises(ValueError, match="scale = 0"):
        Gaussian(0.0)


class LinearGaussian:
    """x = W z + noise, z normal: log p(x) is known, and so is q, which is the posterior widened by ``width``."""

    def __init__(self, width: float) -> None:
        self.generator = torch.Generator().manual_seed(3)
        self.weight = torch.randn(6, 2, generator=self.generator, dtype=torch.float64)
        self.noise, self.width = 0.7, width

    def log_marginal(self, x: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + self.noise**2 * torch.eye(6, dtype=torch.float64)
        return MultivariateNormal(torch.zeros(6).double(), covariance).log_prob(x.flatten(-3))

    def __call__(self, x: Tensor, samples: int) -> Tensor:
        seen = x.flatten(-3)
        precision = torch.eye(2).double() + self.weight.T @ self.weight / self.noise**2
        covariance = torch.linalg.inv(precision)
        mean = seen @ self.weight @ covariance / self.noise**2
        q = MultivariateNormal(mean, self.width**2 * covariance)
        noise = torch.randn(samples, *mean.shape, generator=self.generator, dtype=torch.float64)
        z = mean + noise @ torch.linalg.cholesky(self.width**2 * covariance).T
        log_prior = Independent(Normal(torch.zeros(2).double(), 1.0), 1).log_prob(z)
        log_likelihood = Independent(Normal(z @ self.weight.T, self.noise), 1).log_prob(seen)
        return log_prior + log_likelihood - q.log_prob(z)


def data(count: int = 40) -> Tensor:
    return 2 * torch.randn(count, 1, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_with_the_exact_posterior_the_bound_is_log_p_without_error() -> None:
    model, x = LinearGaussian(1.0), data()
    found = bound(model, x, samples=5)
    for value in (found.bound, found.fewer, found.elbo):
        torch.testing.assert_close(value, model.log_marginal(x))
    assert float(found.bound_error.abs().max()) < 1e-9
    torch.testing.assert_close(found.effective, torch.full_like(found.effective, 5.0))


def test_bounds_rise_with_the_samples_to_log_p() -> None:
    model, x = LinearGaussian(1.6), data(200)
    exact = float(model.log_marginal(x).mean())
    means = [bound(model, x, samples=samples).mean() for samples in (2, 10, 100, 1000)]
    bounds = [float(m.bound) for m in means]
    assert bounds == sorted(bounds)
    # 4 standard errors and the bias left at 1000 samples, about var(w) / 2000
    assert abs(bounds[-1] - exact) < 4 * float(means[-1].bound_error) + 2e-3
    elbo = means[-1]
    # the widened posterior's ELBO is known: KL(q, posterior) = 2 (width^2 / 2 - 1 / 2 - log width)
    gap = 1.6**2 - 1 - 2 * math.log(1.6)
    assert abs(float(elbo.elbo) - (exact - gap)) < 4 * float(elbo.elbo_error)
    assert 1 < float(elbo.effective) < 1000


@given(st.lists(st.floats(-800, 800), min_size=2, max_size=30))
@settings(deadline=None)
def test_leaving_one_out_never_raises_the_bound(weights: list[float]) -> None:
    """Draw by draw, by the concavity of the logarithm: no expectation is needed."""
    found = importance_bound(torch.tensor(weights, dtype=torch.float64))
    slack = 1e-9 * (1 + max(map(abs, weights)))
    assert float(found.elbo) <= float(found.fewer) + slack
    assert float(found.fewer) <= float(found.bound) + slack
    assert 1 - 1e-9 <= float(found.effective) <= len(weights) + 1e-9


def test_jackknife_error_is_the_spread_over_draws() -> None:
    """2000 draws of 50 moderately spread weights; a correct error is within 10 % of their spread (seed fixed)."""
    log_w = torch.randn(50, 2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = importance_bound(log_w)
    spread = float(found.bound.std())
    assert abs(float(found.bound_error.square().mean().sqrt()) / spread - 1) < 0.1
    mean = found.mean()
    assert abs(float(mean.bound_error) / (spread / 2000**0.5) - 1) < 0.1


def test_members_chunks_and_bad_numbers() -> None:
    model, x = LinearGaussian(1.0), data(7).expand(3, 7, 1, 2, 3)
    found = bound(model, x, samples=4, decoded=8)
    assert found.bound.shape == (3, 7)
    assert found.mean().bound.shape == (3,)
    torch.testing.assert_close(found.bound, model.log_marginal(x))
    assert math.isnan(float(importance_bound(torch.zeros(1)).bound_error))
    with pytest.raises(ValueError, match="samples = 0"):
        bound(model, x, samples=0)
