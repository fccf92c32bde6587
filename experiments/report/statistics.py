"""Means with intervals over seeds, and the rule that decides a claim from one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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


Key = tuple[int, int]
"""(data seed, seed): which data a value was measured on, and which model."""


def pooled(values: Mapping[Key, float], confidence: float = 0.95) -> Interval:
    """The interval for the mean of values over seeds, and over data seeds where there are several.

    One data seed: Student's, over seeds. Several: data and model seed as crossed random effects, y = mean + data +
    model + rest; the variance of the mean is (MS_data + MS_model - MS_rest) / (I J), its degrees of freedom those of
    Satterthwaite
    (Searle, Casella and McCulloch, *Variance Components*, 1992, chapter 4). Only seeds that have a value on every data
    seed are used, so that the table is complete; `n` counts its entries.
    """
    finite = {key: value for key, value in values.items() if math.isfinite(value)}
    data = sorted({key[0] for key in finite})
    if len(data) < 2:
        return interval(finite.values(), confidence)
    seeds = [seed for seed in sorted({key[1] for key in finite}) if all((d, seed) in finite for d in data)]
    if len(seeds) < 2:
        return interval([float(np.mean([v for (d, _), v in finite.items() if d == one])) for one in data], confidence)
    table = np.array([[finite[d, seed] for seed in seeds] for d in data])
    rows, columns = table.shape
    mean = float(table.mean())
    by_data, by_seed = table.mean(1), table.mean(0)
    rest = table - by_data[:, None] - by_seed[None] + mean
    of_data = columns * float(((by_data - mean) ** 2).sum()) / (rows - 1)
    of_seed = rows * float(((by_seed - mean) ** 2).sum()) / (columns - 1)
    error, freedom = float((rest**2).sum()) / ((rows - 1) * (columns - 1)), (rows - 1) * (columns - 1)
    total = of_data + of_seed - error
    if total <= error:  # neither effect shows: all entries are alike
        total, degrees = error, float(freedom)
    else:
        parts = of_data**2 / (rows - 1) + of_seed**2 / (columns - 1) + error**2 / freedom
        degrees = max(1.0, total**2 / parts) if parts > 0 else float(freedom)
    half = _quantile(0.5 + confidence / 2, degrees) * math.sqrt(total / (rows * columns))
    return Interval(table.size, mean, mean - half, mean + half)


@cache
def _quantile(probability: float, freedom: float) -> float:
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
