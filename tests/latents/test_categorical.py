"""The categorical latent: its law, its draws, and the gradient that goes straight through."""

from __future__ import annotations

import math

import pytest
import scipy.stats
import torch
from torch.distributions import OneHotCategorical, kl_divergence

from hrssm.latents.categorical import Categorical
from hrssm.latents.table import check


def raw_logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_one_per_cent_is_uniform():
    family = Categorical(16)
    raw = torch.full((16,), -1e4, dtype=torch.float64)
    raw[:4] = 1e4  # the first class of each variable
    expected = torch.tensor([0.99 + 0.01 / 4, *[0.01 / 4] * 3], dtype=torch.float64)
    torch.testing.assert_close(family.probabilities(raw), expected[:, None].expand(4, 4))


def test_draws_have_the_probabilities():
    """Chi-square over each variable; one seed in ten thousand fails."""
    family, draws = Categorical(16), 40_000
    raw = raw_logits(16)
    z = family.sample(raw.expand(draws, 16), family.noise(torch.Generator().manual_seed(1), draws, dtype=torch.float64))
    assert torch.equal(z.unflatten(-1, (4, 4)).sum(-2), torch.ones(draws, 4, dtype=torch.float64))
    assert set(z.unique().tolist()) == {0.0, 1.0}
    for counts, p in zip(z.sum(0).view(4, 4).T, family.probabilities(raw).T, strict=True):
        assert scipy.stats.chisquare(counts, draws * p / p.sum()).pvalue > 1e-4 / 4


def test_the_gradient_is_that_of_the_probabilities():
    family = Categorical(9)
    raw = raw_logits(5, 9).requires_grad_()
    weight = raw_logits(5, 9, seed=1)
    z = family.sample(raw, family.noise(torch.Generator().manual_seed(1), 5, dtype=torch.float64))
    (through,) = torch.autograd.grad((z * weight).sum(), raw)
    (direct,) = torch.autograd.grad((family.probabilities(raw).flatten(-2) * weight).sum(), raw)
    torch.testing.assert_close(through, direct)


def test_kl_and_entropy_are_torchs_summed_over_the_variables():
    family = Categorical(16)
    q, p = raw_logits(3, 7, 16), raw_logits(3, 7, 16, seed=1)
    laws = [OneHotCategorical(family.probabilities(raw).transpose(-2, -1)) for raw in (q, p)]
    (kl,) = family.kl_terms(q, p, q, log_drift_max=None).values()
    torch.testing.assert_close(kl, kl_divergence(*laws).sum(-1))
    torch.testing.assert_close(family.entropy(q), laws[0].entropy().sum(-1))
    assert kl.shape == (3, 7)


def test_the_kl_of_opposite_certainties_is_finite():
    family = Categorical(4)
    q, p = torch.tensor([[1e4, 1e4, -1e4, -1e4]]), torch.tensor([[-1e4, -1e4, 1e4, 1e4]])
    (kl,) = family.kl_terms(q, p, q, log_drift_max=None).values()
    assert float(kl) == pytest.approx(2 * 0.99 * math.log(0.995 / 0.005), rel=1e-4)


def test_the_mode_is_the_likeliest_class():
    family = Categorical(4)
    # Class by class: the first variable's logits are 0 and 3, the second's 1 and -2.
    assert family.mode(torch.tensor([[0.0, 1.0, 3.0, -2.0]])).tolist() == [[0, 1, 1, 0]]


def test_the_dimension_is_a_square():
    with pytest.raises(ValueError, match=r"dimension is 12.*must be a square"):
        Categorical(12)
    assert check("categorical", 1024).label == "categorical"
