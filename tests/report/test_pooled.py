"""Data seeds and model seeds as crossed random effects: by hand, and by coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.report.statistics import interval, pooled


def test_one_data_seed_is_student_s_interval() -> None:
    values = {(42, seed): value for seed, value in enumerate((0.1, 0.4, 0.2, 0.5))}
    assert pooled(values) == interval(values.values())


def test_a_table_by_hand() -> None:
    """Rows 1, 3 and 5, 7: data and seed effects of mean squares 16 and 4, and no rest."""
    found = pooled({(0, 0): 1.0, (0, 1): 3.0, (1, 0): 5.0, (1, 1): 7.0})
    # variance (16 + 4 - 0) / 4, degrees of freedom 20^2 / (16^2 + 4^2) = 1.47; Student's quantile there is 6.188
    assert (found.n, found.mean) == (4, 4.0)
    assert found.high - found.mean == pytest.approx(math.sqrt(5) * 6.1881, rel=1e-3)


def test_a_seed_that_is_missing_on_one_data_seed_is_left_out() -> None:
    whole = {(d, s): float(d + 3 * s) for d in (0, 1) for s in (0, 1, 2)}
    partial = {key: value for key, value in whole.items() if key != (1, 2)}
    assert pooled(partial) == pooled({key: value for key, value in whole.items() if key[1] < 2})
    assert pooled(whole | {(1, 2): math.nan}) == pooled(partial)


@pytest.mark.parametrize(("of_data", "of_seed", "rest"), [(0.3, 0.5, 0.4), (0.0, 0.0, 1.0), (1.0, 0.1, 0.1)])
def test_the_interval_covers_as_often_as_it_says(of_data: float, of_seed: float, rest: float) -> None:
    """400 tables of 4 x 10: at least 91 % cover; below that with probability under 1e-3 if the level is 95 %."""
    draw, hit = np.random.default_rng(5), 0
    for _ in range(400):
        data, seeds = draw.normal(0, of_data, 4), draw.normal(0, of_seed, 10)
        table = {(i, j): 1 + data[i] + seeds[j] + draw.normal(0, rest) for i in range(4) for j in range(10)}
        found = pooled(table)
        hit += found.low <= 1 <= found.high
    assert hit / 400 > 0.91
