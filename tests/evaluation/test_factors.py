"""Factors read from a latent: exact where they are there, nothing where they are not."""

from __future__ import annotations

import numpy as np

from hrssm.evaluation.factors import active, best_correlation, neighbours_r2

RNG = np.random.default_rng(0)


def test_neighbours_find_a_factor_that_is_there_and_not_one_that_is_not() -> None:
    latent = RNG.uniform(size=(1000, 2))
    factors = np.stack((np.sin(3 * latent[:, 0]), RNG.uniform(size=1000)), -1)
    r2 = neighbours_r2((latent[:800], factors[:800]), (latent[800:], factors[800:]))
    assert r2[0] > 0.98
    assert -0.6 < r2[1] < 0.1  # five random neighbours predict worse than the mean, by a fifth


def test_the_best_column_is_chosen_on_other_images() -> None:
    target = RNG.normal(size=400)
    columns = np.stack((RNG.normal(size=400), -target + 0.1 * RNG.normal(size=400), np.ones(400)), -1)
    r = best_correlation((columns[:200], target[:200]), (columns[200:], target[200:]))
    assert abs(r - np.corrcoef(columns[200:, 1], target[200:])[0, 1]) < 1e-12
    assert r < -0.98
    # noise alone: chosen among 50 columns, scored on others, it is not selected upwards
    noise = RNG.normal(size=(400, 50))
    assert abs(best_correlation((noise[:200], target[:200]), (noise[200:], target[200:]))) < 0.25
    assert np.isnan(best_correlation((np.ones((5, 2)), target[:5]), (np.ones((5, 2)), target[:5])))


def test_active_coordinates_vary() -> None:
    assert active(np.stack((np.linspace(0, 1, 50), np.full(50, 3.0), 0.05 * np.linspace(-1, 1, 50)), -1)) == 1
