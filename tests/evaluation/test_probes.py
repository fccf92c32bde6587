"""Tests of the probes: what they must find, and what they must not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hrssm.evaluation import probes
from hrssm.evaluation.probes import fitted_probe, held_out_probe


def test_separable_classes_are_read_exactly() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    features = np.eye(4)[labels] + 0.01 * rng.normal(size=(400, 4))
    for score in (fitted_probe(features, labels), held_out_probe(features, labels, np.arange(400) % 40)):
        assert score.accuracy == score.balanced == 1.0
        assert score.unconverged == 0


def test_noise_is_read_no_better_than_the_majority() -> None:
    """1000 labels, majority 0.6: standard error 0.0155, 5 of them. Fitted on itself, it looks better."""
    rng = np.random.default_rng(1)
    labels = rng.choice(3, 1000, p=[0.6, 0.3, 0.1])
    features = rng.normal(size=(1000, 100))
    score = held_out_probe(features, labels, np.arange(1000) % 100)
    assert score.accuracy < 0.6 + 5 * 0.0155
    # Recalls have standard errors 0.015, 0.027 and 0.047 at most: 5 standard errors of their mean are 0.095.
    assert score.balanced == pytest.approx(1 / 3, abs=0.095)
    assert fitted_probe(features, labels).accuracy > score.accuracy + 0.05


def test_what_is_particular_to_a_walk_does_not_count() -> None:
    """Every walk has its own mark and label: fitted on itself, a probe reads it; held out, it cannot."""
    rng = np.random.default_rng(2)
    walk = np.repeat(np.arange(30), 20)
    labels = rng.permutation(np.arange(30) % 2)[walk]
    features = np.eye(30)[walk]
    assert fitted_probe(features, labels).accuracy == 1.0
    assert held_out_probe(features, labels, walk).accuracy < 0.75


def test_balanced_accuracy_is_not_capped_by_the_majority() -> None:
    """A weak signal on a rare class: plain accuracy never names it, balanced accuracy does."""
    rng = np.random.default_rng(3)
    labels = (rng.random(4000) < 0.05).astype(int)
    features = labels[:, None] + rng.normal(size=(4000, 1))
    held_out = held_out_probe(features, labels, np.arange(4000) % 200)
    # The largest attainable is Phi(1/2) = 0.691; its standard error here is 0.018.
    assert held_out.balanced == pytest.approx(0.691, abs=0.09)
    assert held_out.accuracy == pytest.approx(0.95, abs=0.02)
    assert fitted_probe(features, labels).balanced < 0.55


def test_a_class_that_a_fold_has_not_seen_is_missed_quietly() -> None:
    walk = np.repeat(np.arange(10), 10)
    labels = np.where(walk == 3, 2, walk % 2)
    features = np.eye(3)[labels]
    score = held_out_probe(features, labels, walk)
    assert score.accuracy == pytest.approx(0.9)
    assert score.balanced == pytest.approx(2 / 3)


def test_one_class_left_in_a_fold() -> None:
    walk = np.repeat(np.arange(2), 10)
    score = held_out_probe(np.random.default_rng(0).normal(size=(20, 2)), walk.copy(), walk)
    assert score.accuracy == score.balanced == 0.0


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        (np.ones((4, 2)), np.zeros(4, dtype=int)),
        (np.full((4, 2), np.nan), np.array([0, 1, 0, 1])),
        (np.ones((0, 2)), np.array([], dtype=int)),
    ],
)
def test_undefined_where_there_is_nothing_to_tell_apart(features: np.ndarray, labels: np.ndarray) -> None:
    for score in (fitted_probe(features, labels), held_out_probe(features, labels, np.arange(len(labels)))):
        assert math.isnan(score.accuracy)
        assert math.isnan(score.balanced)
    assert math.isnan(held_out_probe(np.eye(4), np.array([0, 1, 0, 1]), np.zeros(4, dtype=int)).accuracy)


def test_a_column_is_chosen_from_the_fitted_samples_only() -> None:
    """A choice that looks at its labels sees four fifths of them, never those that are scored."""
    rng = np.random.default_rng(7)
    labels, walk = rng.integers(0, 2, 400), np.arange(400) % 40
    features = np.stack([rng.normal(size=400), labels + 0.1 * rng.normal(size=400)], axis=1)
    seen = []

    def choose(fitted: np.ndarray, of: np.ndarray) -> int:
        seen.append(len(of))
        assert len(fitted) == len(of)
        return int(np.abs([np.corrcoef(column, of)[0, 1] for column in fitted.T]).argmax())

    assert held_out_probe(features, labels, walk, choose=choose).accuracy == 1.0
    assert seen == [320] * 5
    assert held_out_probe(features, labels, walk, choose=lambda *_: 0).accuracy < 0.65


def test_the_folds_are_drawn_by_the_seed() -> None:
    rng = np.random.default_rng(4)
    labels, features, walk = rng.integers(0, 3, 300), rng.normal(size=(300, 5)), np.arange(300) % 30
    scores = [held_out_probe(features, labels, walk, seed=seed) for seed in (0, 0, 1)]
    assert scores[0] == scores[1] != scores[2]


def test_scales_and_constant_features_do_not_matter() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 300)
    features = labels[:, None] + rng.normal(size=(300, 3))
    shifted = np.concatenate([features * [1e-6, 1.0, 1e6] + 1e3, np.ones((300, 1))], axis=1)
    assert fitted_probe(shifted, labels).accuracy == pytest.approx(fitted_probe(features, labels).accuracy, abs=0.01)


def test_an_unfinished_fit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(probes.LogisticRegression):
        def __init__(self, solver: str = "lbfgs", max_iter: int = 1) -> None:
            super().__init__(solver=solver, max_iter=1)

    monkeypatch.setattr(probes, "LogisticRegression", Impatient)
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, 300)
    features = labels[:, None] + rng.normal(size=(300, 3))
    assert fitted_probe(features, labels).unconverged == 1
    assert held_out_probe(features, labels, np.arange(300) % 30).unconverged == 5
