"""Symlog and the two-hot code."""

from __future__ import annotations

import math

import pytest
import torch

from hrssm.networks.twohot import TwoHot, symexp, symlog


def test_symlog_by_hand_and_its_inverse():
    x = torch.tensor([-(math.e**2 - 1), 0.0, math.e - 1], dtype=torch.float64)
    torch.testing.assert_close(symlog(x), torch.tensor([-2.0, 0.0, 1.0], dtype=torch.float64))
    wide = torch.logspace(-8, 8, 50, dtype=torch.float64)
    torch.testing.assert_close(symexp(symlog(-wide)), -wide)


def code(twohot: TwoHot, value: float) -> torch.Tensor:
    """The code itself, as the gradient of the log-probability at even logits."""
    logits = torch.zeros(twohot.bins, dtype=torch.float64, requires_grad=True)
    twohot.log_prob(logits, torch.tensor(value, dtype=torch.float64)).backward()
    return logits.grad + 1 / twohot.bins


def test_a_number_between_two_bins_is_shared_among_them():
    twohot = TwoHot(5, -2.0, 2.0)
    torch.testing.assert_close(code(twohot, math.expm1(0.25)), torch.tensor([0, 0, 0.75, 0.25, 0]).double())
    torch.testing.assert_close(code(twohot, -math.expm1(2.0)), torch.tensor([1.0, 0, 0, 0, 0]).double())


@pytest.mark.parametrize(("value", "bin_"), [(1e9, 4), (-1e9, 0), (math.expm1(2.0), 4)])
def test_what_lies_beyond_counts_as_the_outermost(value, bin_):
    torch.testing.assert_close(code(TwoHot(5, -2.0, 2.0), value), torch.eye(5, dtype=torch.float64)[bin_])


@pytest.mark.parametrize("value", [-400.0, -1.0, 0.0, 0.3, 7.0, 1e5])
def test_the_mean_of_a_numbers_own_code_is_the_number(value):
    twohot = TwoHot()
    logits = code(twohot, value).clamp(min=1e-300).log()
    assert float(twohot.mean(logits)) == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_even_logits_stand_for_zero():
    assert float(TwoHot().mean(torch.zeros(255))) == pytest.approx(0, abs=1e-5)
