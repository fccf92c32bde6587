"""The interval against a textbook value, and the decision rule at its edges."""

import math

import numpy as np
import pytest

from experiments.report.statistics import Interval, decide, interval


def test_interval_matches_the_t_table() -> None:
    # Five values 1..5: mean 3, s = sqrt(2.5), t(0.975, 4) = 2.776445 from printed tables.
    half = 2.776445 * math.sqrt(2.5 / 5)
    got = interval([1, 2, 3, 4, 5])
    assert (got.n, got.mean) == (5, 3.0)
    np.testing.assert_allclose([got.low, got.high], [3 - half, 3 + half], rtol=1e-6)


def test_interval_leaves_out_what_is_not_finite() -> None:
    assert interval([1.0, math.nan, 3.0, math.inf]).n == 2
    assert interval([math.nan]).n == 0
    assert math.isnan(interval([2.0]).low)


def test_interval_covers_at_its_stated_rate() -> None:
    # 2000 samples of size 5; the coverage has standard error 0.5 %, so 4 sigma is 2 %.
    draws = np.random.default_rng(1).standard_normal((2000, 5))
    covered = [interval(row) for row in draws]
    rate = np.mean([i.low <= 0 <= i.high for i in covered])
    assert abs(rate - 0.95) < 0.02


@pytest.mark.parametrize(
    ("low", "high", "relation", "margin", "verdict"),
    [
        (0.1, 0.3, ">", 0.0, "holds"),
        (-0.1, 0.3, ">", 0.0, "undecided"),
        (-0.3, -0.1, ">", 0.0, "fails"),
        (0.1, 0.3, ">", 0.2, "undecided"),
        (-0.3, -0.1, "<", 0.0, "holds"),
        (0.1, 0.3, "<", 0.0, "fails"),
        (-0.3, -0.1, "<", 0.2, "undecided"),
        (-0.01, 0.02, "=", 0.05, "holds"),
        (0.06, 0.09, "=", 0.05, "fails"),
        (-0.09, -0.06, "=", 0.05, "fails"),
        (0.04, 0.09, "=", 0.05, "undecided"),
        (math.nan, math.nan, ">", 0.0, "undecided"),
    ],
)
def test_decide(low: float, high: float, relation: str, margin: float, verdict: str) -> None:
    assert decide(Interval(5, (low + high) / 2, low, high), relation, margin) == verdict


def test_decide_names_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="allowed are '>', '<', '='"):
        decide(Interval(2, 0, -1, 1), ">=")
    with pytest.raises(ValueError, match="zero or positive"):
        decide(Interval(2, 0, -1, 1), ">", -1)
