"""Tests of the slopes on depth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hrssm.evaluation.mechanism import depth_slope


def test_the_slope_is_that_of_least_squares_with_a_level_per_step() -> None:
    rng = np.random.default_rng(0)
    step, depth = rng.integers(0, 5, 300), rng.integers(0, 6, 300)
    term = rng.normal(size=300) + 0.3 * depth
    design = np.concatenate([depth[:, None], np.eye(5)[step]], axis=1)
    assert depth_slope(term, depth, step) == pytest.approx(np.linalg.lstsq(design, term, rcond=None)[0][0])


def test_what_the_step_explains_is_kept_out() -> None:
    rng = np.random.default_rng(1)
    step = np.repeat(np.arange(10), 50)
    depth = 5 - step % 2 - (rng.random(500) < 0.2)
    assert depth_slope(3.0 * (step % 2), depth, step) == pytest.approx(0.0, abs=1e-12)
    assert depth_slope(0.7 * depth + 100.0 * step, depth, step) == pytest.approx(0.7)


def test_undefined_without_two_depths_or_with_a_diverged_term() -> None:
    step = np.array([0, 0, 1, 1])
    assert math.isnan(depth_slope(np.arange(4.0), np.array([2, 2, 3, 3]), step))
    assert math.isnan(depth_slope(np.array([0.0, np.inf, 1.0, 2.0]), np.array([0, 1, 0, 1]), step))
