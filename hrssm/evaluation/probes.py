"""Linear probes: what a logistic regression reads from a latent, held out by walk."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from hrssm.evaluation.trajectories import Array, Integers


@dataclass(frozen=True)
class ProbeScore:
    """Plain accuracy, balanced accuracy (mean recall over the classes), number of unconverged fits."""

    accuracy: float
    balanced: float
    unconverged: int


NEWTON_SIZE = 256
"""Probes with more weights than this are fitted by L-BFGS."""

UNDEFINED = ProbeScore(math.nan, math.nan, 0)


def fitted_probe(features: Array, labels: Integers) -> ProbeScore:
    """The published protocol: fitted and scored on the same samples, features (S, k), labels (S,).

    Undefined (NaN) when there are fewer than two classes or a feature is not finite.
    """
    if not _usable(features, labels):
        return UNDEFINED
    probe, unconverged = _fit(features, labels)
    predicted = probe.predict(features)
    return _score(labels, predicted, predicted, unconverged)


def held_out_probe(
    features: Array,
    labels: Integers,
    walk: Integers,
    *,
    folds: int = 5,
    seed: int = 0,
    choose: Callable[[Array, Integers], int] | None = None,
) -> ProbeScore:
    """Cross-validated by walk: no walk is on both sides of a fold.

    Plain accuracy takes the most probable class; balanced accuracy takes the class whose probability most
    exceeds its share among the fitted samples, which is what a probe fitted with balanced classes aims at.
    With `choose`, the probe reads one column, chosen from the fitted samples and their labels. Undefined
    (NaN) as in `fitted_probe`, or with fewer walks than two.
    """
    walks = np.unique(walk)
    folds = min(folds, len(walks))
    if not _usable(features, labels) or folds < 2:
        return UNDEFINED
    fold_of_walk = np.random.default_rng(seed).permutation(len(walks)) % folds
    fold = fold_of_walk[np.searchsorted(walks, walk)]
    plain, balanced, failures = np.empty_like(labels), np.empty_like(labels), 0
    for k in range(folds):
        out = fold == k
        seen, counts = np.unique(labels[~out], return_counts=True)
        if len(seen) < 2:
            plain[out] = balanced[out] = seen[0]
            continue
        read = features if choose is None else features[:, [choose(features[~out], labels[~out])]]
        probe, unconverged = _fit(read[~out], labels[~out])
        failures += unconverged
        log_probability = probe.predict_log_proba(read[out])
        plain[out] = seen[log_probability.argmax(axis=1)]
        balanced[out] = seen[(log_probability - np.log(counts)).argmax(axis=1)]
    return _score(labels, plain, balanced, failures)


def _usable(features: Array, labels: Integers) -> bool:
    return features.size > 0 and bool(np.isfinite(features).all()) and len(np.unique(labels)) > 1


def _fit(features: Array, labels: Integers) -> tuple[Pipeline, int]:
    """A fitted probe, and 1 if the optimiser ran out of iterations: recorded, neither hidden nor raised."""
    # Newton's steps are the surest, but each factorises a matrix of size features times classes.
    solver = "newton-cholesky" if features.shape[1] * len(np.unique(labels)) <= NEWTON_SIZE else "lbfgs"
    probe = make_pipeline(StandardScaler(), LogisticRegression(solver=solver, max_iter=1000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        probe.fit(features.astype(np.float64), labels)
    for warning in caught:
        if not issubclass(warning.category, ConvergenceWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return probe, int(any(issubclass(warning.category, ConvergenceWarning) for warning in caught))


def _score(labels: Integers, plain: Integers, balanced: Integers, unconverged: int) -> ProbeScore:
    recall = [float((balanced[labels == k] == k).mean()) for k in np.unique(labels)]
    return ProbeScore(float((plain == labels).mean()), float(np.mean(recall)), unconverged)
