"""Aggregates of returns, and whether their intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from hrssm.evaluation.returns import AGGREGATES, interquartile_mean, interval, mean, median, normalised, optimality_gap

SCORES = np.array([[0.0, 1.0, 4.0, 2.0], [1.0, 1.0, 8.0, 0.0]])


def test_aggregates_by_hand():
    assert mean(SCORES) == 17 / 8
    assert median(SCORES) == 1.0  # of 0.5, 1, 6, 1
    assert interquartile_mean(SCORES) == (1 + 1 + 1 + 2) / 4  # without 0, 0 and 4, 8
    assert optimality_gap(SCORES) == 2 / 8
    assert optimality_gap(SCORES, target=2.0) == (2 + 1 + 1 + 1 + 2) / 8
    assert set(AGGREGATES) == {"mean", "median", "iqm", "optimality-gap"}


def test_the_interquartile_mean_is_scipys():
    scores = np.random.default_rng(0).normal(size=(5, 26))
    assert interquartile_mean(scores) == pytest.approx(scipy.stats.trim_mean(scores, 0.25, axis=None))


def test_a_random_player_has_nought_and_the_human_one():
    assert normalised([[2.0, 30.0], [7.0, 10.0]], [2.0, 10.0], [7.0, 20.0]).tolist() == [[0, 2], [1, 0]]


def test_an_interval_is_drawn_within_tasks():
    """Tasks that differ while runs agree leave nothing uncertain."""
    assert interval(mean, [[0.0, 100.0], [0.0, 100.0], [0.0, 100.0]], seed=0) == (50.0, 50.0)


@pytest.mark.parametrize("statistic", [mean, interquartile_mean])
def test_intervals_cover_the_truth_about_as_often_as_they_say(statistic):
    """200 tables of 10 runs on 6 tasks: a percentile interval of .9 covers in .8 to .97 of them."""
    rng = np.random.default_rng(1)
    inside = 0
    for k in range(200):
        low, high = interval(statistic, rng.normal(size=(10, 6)), seed=k, level=0.9, resamples=200)
        inside += low <= 0 <= high
    assert 160 <= inside <= 194


def test_an_interval_repeats_itself():
    assert interval(median, SCORES, seed=3) == interval(median, SCORES, seed=3)


@pytest.mark.parametrize("scores", [[1.0, 2.0], [[1.0, 2.0]]])
def test_one_run_has_no_interval(scores):
    with pytest.raises(ValueError, match="at least two runs"):
        interval(mean, scores, seed=0)
