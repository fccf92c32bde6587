"""Tests of the rank correlations and of the choice of a component."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.decomposition import PCA

from hrssm.evaluation.alignment import (
    best_component,
    best_component_held_out,
    principal_components,
    rank_ceiling,
    rank_correlation,
    rank_correlations,
    rank_correlations_given_step,
    rank_correlations_of_nodes,
)


def given_step(score: np.ndarray, depth: np.ndarray, step: np.ndarray) -> float:
    return float(rank_correlations_given_step(score[:, None], depth, step)[0])


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    depth = rng.integers(0, 6, 200)
    for score in (depth + rng.normal(size=200), rng.integers(0, 3, 200).astype(float)):
        assert rank_correlation(score, depth) == pytest.approx(spearmanr(score, depth).statistic, abs=1e-12)


def test_rank_correlation_is_signed_and_sees_only_the_order() -> None:
    rng = np.random.default_rng(1)
    depth = rng.integers(0, 6, 100)
    score = depth + rng.normal(size=100)
    assert rank_correlation(-score, depth) == pytest.approx(-rank_correlation(score, depth))
    assert rank_correlation(np.exp(score), depth) == pytest.approx(rank_correlation(score, depth))


@pytest.mark.parametrize(
    ("score", "depth"),
    [
        ([1.0, 1.0, 1.0], [0, 1, 2]),
        ([1.0, 2.0, 3.0], [2, 2, 2]),
        ([1.0, math.nan, 3.0], [0, 1, 2]),
        ([1.0], [0]),
    ],
)
def test_rank_correlation_is_undefined_without_an_order(score: list[float], depth: list[int]) -> None:
    assert math.isnan(rank_correlation(np.array(score), np.array(depth)))


def test_columns_are_correlated_apart() -> None:
    rng = np.random.default_rng(6)
    depth, scores = rng.integers(0, 4, 50), rng.normal(size=(50, 5))
    scores[3, 1] = np.inf
    scores[:, 2] = 1.0
    found = rank_correlations(scores, depth)
    for k in (0, 3, 4):
        assert found[k] == pytest.approx(spearmanr(scores[:, k], depth).statistic, abs=1e-12)
    assert np.isnan(found[[1, 2]]).all()


def test_a_clock_is_aligned_but_not_within_a_step() -> None:
    """Depth follows the parity of the step; a score that is the parity plus noise knows nothing else."""
    rng = np.random.default_rng(2)
    step = np.repeat(np.arange(10), 400)
    depth = np.where(rng.random(4000) < 0.9, 5 - step % 2, rng.integers(0, 5, 4000))
    clock = -(step % 2) + 0.01 * rng.normal(size=4000)
    assert rank_correlation(clock, depth) > 0.5
    # Standard error 1 / sqrt(4000); 5 of them: failure rate 6e-7.
    assert abs(given_step(clock, depth, step)) < 5 / math.sqrt(4000)
    # Nine depths of ten are alike within a step: the ceiling there is about 0.52.
    assert given_step(clock + depth, depth, step) > 0.45


def test_given_step_is_the_mean_over_the_steps_where_it_is_defined() -> None:
    step = np.repeat(np.arange(3), 4)
    depth = np.array([0, 1, 2, 3, 0, 1, 2, 3, 1, 1, 1, 1])
    score = np.array([0, 1, 2, 3, 3, 2, 1, 0, 5, 6, 7, 8], dtype=float)
    assert given_step(score, depth, step) == pytest.approx(0.0, abs=1e-12)
    assert given_step(score[:4], depth[:4], step[:4]) == pytest.approx(1.0)
    assert math.isnan(given_step(score[8:], depth[8:], step[8:]))


def test_nodes_enter_once() -> None:
    nodes = np.array([7, 7, 7, 3, 9])
    depth = np.array([2, 2, 2, 0, 1])
    score = np.array([0.0, 0.0, 9.0, 1.0, 2.0])
    assert rank_correlations_of_nodes(score[:, None], depth, nodes)[0] == pytest.approx(1.0)
    assert rank_correlation(score, depth) < 0.3


def test_rank_ceiling_is_the_largest_over_all_orders() -> None:
    depth = np.array([0, 1, 1, 2, 2, 2])
    best = max(rank_correlation(np.array(order, dtype=float), depth) for order in itertools.permutations(range(6)))
    assert rank_ceiling(depth) == pytest.approx(best)
    assert math.isnan(rank_ceiling(np.array([3, 3])))
    assert rank_ceiling(np.array([0, 1] * 5000)) == pytest.approx(math.sqrt(3) / 2, abs=1e-8)


def test_principal_components_are_those_of_scikit_learn() -> None:
    location = np.random.default_rng(3).normal(size=(300, 12)) * np.arange(1, 13)
    for count, dimension in ((8, 12), (8, 3)):
        data = location[:, :dimension]
        found, expected = principal_components(data, count), PCA(min(count, dimension)).fit_transform(data)
        np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(principal_components(location + 1e3), principal_components(location), atol=1e-8)


def test_the_best_component_is_biased_and_the_held_out_one_is_not() -> None:
    """100 repetitions without any alignment. The held-out mean lies within 5 of its standard errors."""
    rng = np.random.default_rng(4)
    optimistic, honest = [], []
    half = np.arange(200) < 100
    for _ in range(100):
        depth, components = rng.integers(0, 6, 200), rng.normal(size=(200, 8))

        def statistic(scores, of, depth=depth):
            return rank_correlations(scores[of], depth[of])

        optimistic.append(best_component(components, statistic))
        honest.append(best_component_held_out(components, statistic, half))
    assert np.mean(optimistic) > 0.1
    assert abs(np.mean(honest)) < 5 * np.std(honest) / math.sqrt(100)


def test_the_held_out_component_finds_an_alignment_of_either_sign() -> None:
    rng = np.random.default_rng(5)
    depth, components = rng.integers(0, 6, 400), rng.normal(size=(400, 8))
    components[:, 3] = -depth - 0.1 * rng.random(400)

    def statistic(scores, of):
        return rank_correlations(scores[of], depth[of])

    assert best_component_held_out(components, statistic, np.arange(400) % 2 == 0) > 0.9
    assert best_component(components, statistic) > 0.9
    constant = np.zeros((400, 2))
    assert math.isnan(best_component_held_out(constant, statistic, np.arange(400) % 2 == 0))
    assert math.isnan(best_component(constant, statistic))
