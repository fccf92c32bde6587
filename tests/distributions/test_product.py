"""Products of laws: what is not already in the tests of every family."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import kl_divergence

from hrssm.distributions import MonteCarloEstimate, Product, RiemannianNormal, WrappedNormal


def planes(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_factors_add_up() -> None:
    law = RiemannianNormal(planes(5, 3), planes(5, 3, seed=1)[..., 0].exp())
    q, noise = Product(law), planes(5, 3, seed=2).flatten(-2)
    z = q.rsample_from(noise)
    for k in range(3):
        factor = RiemannianNormal(law.loc[:, k], law.scale[:, k])
        own = slice(2 * k, 2 * k + 2)
        assert torch.equal(z[:, own], factor.rsample_from(noise[:, own]))
    torch.testing.assert_close(q.log_prob(z), law.log_prob(q.factors(z)).sum(-1))
    assert torch.equal(q.mode, law.loc.flatten(-2))
    assert q.support.check(z).all()
    assert not q.support.check(torch.where(torch.arange(6) == 4, torch.inf, z)).any()


def test_estimates_stay_estimates() -> None:
    q, p = (Product(WrappedNormal(planes(4, 3, seed=k), 0.5)) for k in range(2))
    torch.manual_seed(0)
    kl, other = kl_divergence(q, p), kl_divergence(q, p)
    for value in (kl, q.entropy()):
        assert isinstance(value, MonteCarloEstimate)
        assert value.shape == value.standard_error.shape == (4,)
    # two estimates differ by less than 5 standard errors of their difference
    assert ((kl - other).abs() < 5 * (kl.standard_error.square() + other.standard_error.square()).sqrt()).all()


def test_what_is_no_product_is_refused() -> None:
    with pytest.raises(ValueError, match="batch shape"):
        Product(WrappedNormal(planes(), 1.0))
    narrow = Product(WrappedNormal(torch.zeros(3, 2), 1.0))
    with pytest.raises(ValueError, match="3 spaces of dimension 2 and 2 of dimension 3"):
        kl_divergence(narrow, Product(WrappedNormal(torch.zeros(2, 3), 1.0)))
