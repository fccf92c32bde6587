"""Means with intervals over seeds, and the rule that decides a claim from one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy import stats

Verdict = Literal["holds", "fails", "undecided"]
RELATIONS = (">", "<", "=")


@dataclass(frozen=True)
class Interval:
    """Mean over `n` seeds with the bounds of its 95 % Student interval (NaN where fewer than two seeds)."""

    n: int
    mean: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | int | None]:
        """The four fields with NaN written as None, because JSON has no NaN."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def interval(values: Iterable[float], confidence: float = 0.95) -> Interval:
    """Student's t interval for the mean of the finite entries of `values`; `n` counts those."""
    sample = np.asarray(list(values), dtype=float)
    sample = sample[np.isfinite(sample)]
    n = int(sample.size)
    if n == 0:
        return Interval(0, math.nan, math.nan, math.nan)
    mean = float(sample.mean())
    if n == 1:
        return Interval(1, mean, math.nan, math.nan)
    half = _quantile(0.5 + confidence / 2, n - 1) * float(sample.std(ddof=1)) / math.sqrt(n)
    return Interval(n, mean, mean - half, mean + half)


@cache
def _quantile(probability: float, freedom: int) -> float:
    return float(stats.t.ppf(probability, freedom))


def decide(difference: Interval, relation: str, margin: float = 0.0) -> Verdict:
    """Holds when the whole interval of `difference` satisfies the relation, fails when none of it does.

    `>`: above `margin`; `<`: below `-margin`; `=`: inside [-margin, margin]. Anything else, and fewer than
    two seeds, is undecided. Raises ValueError for another relation or a negative margin.
    """
    if relation not in RELATIONS:
        raise ValueError(f"relation is {relation!r}; allowed are {', '.join(map(repr, RELATIONS))}")
    if not margin >= 0:
        raise ValueError(f"margin is {margin}; it must be zero or positive")
    low, high = difference.low, difference.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return "undecided"
    if relation == "<":
        low, high, relation = -high, -low, ">"
    if relation == ">":
        return "holds" if low > margin else "fails" if high <= margin else "undecided"
    if -margin <= low and high <= margin:
        return "holds"
    return "fails" if low > margin or high < -margin else "undecided"
