"""The laws against their closed forms, against simulation, and against scipy.

Each statistical test fixes its seed and is declared to fail once in ten thousand seeds.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import torch

from hrssm.replay.samplers import Beta, Law, Printed, ScaleInvariant, Shipped, TimeBalanced, Uniform

FAILURE_RATE = 1e-4
SCALE_INVARIANT = [Uniform(), TimeBalanced(0.0), TimeBalanced(0.3), TimeBalanced(1.0), Beta(1.5), Beta(4)]
LAWS: list[Law] = [*SCALE_INVARIANT, Printed(0.3), Shipped(0.3, 1000), Shipped(0.3)]


def uniforms(size: int, seed: int = 0) -> torch.Tensor:
    return 1 - torch.rand(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_places_are_drawn_with_the_stated_probabilities(law):
    counts = torch.bincount(law.place(uniforms(100_000), 40), minlength=40)
    assert scipy.stats.chisquare(counts, 100_000 * law.probabilities(40)).pvalue > FAILURE_RATE


@pytest.mark.parametrize("law", SCALE_INVARIANT, ids=str)
def test_positions_have_the_density(law: ScaleInvariant):
    edges = np.linspace(0, 1, 21)
    inside = [
        scipy.integrate.quad(lambda y: float(law.density(torch.tensor(y, dtype=torch.float64))), a, b)[0]
        for a, b in itertools.pairwise(edges)
    ]
    counts, _ = np.histogram(law.position(uniforms(100_000, seed=1)), edges)
    assert scipy.stats.chisquare(counts, 100_000 * np.array(inside) / sum(inside)).pvalue > FAILURE_RATE
    assert sum(inside) == pytest.approx(1, abs=1e-3)  # tau = 1 has an integrable pole at y = 1


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("n", [1, 2, 3, 1000])
def test_every_place_is_one_of_the_entries(law, n):
    places = law.place(torch.tensor([1.0, 1 - 2**-53, 0.5, 2**-53], dtype=torch.float64), n)
    assert places.min() >= 0
    assert places.max() <= n - 1
    probabilities = law.probabilities(n)
    assert probabilities.min() >= 0
    assert float(probabilities.sum()) == pytest.approx(1, abs=1e-12)


def test_the_largest_s_is_the_newest_entry_and_a_value_by_hand():
    assert TimeBalanced(0.5).place(torch.tensor([1.0], dtype=torch.float64), 10).tolist() == [9]
    # e^(-1) (1 + 1/2) = 0.5518
    assert TimeBalanced(0.5).place(torch.tensor([math.exp(-1)], dtype=torch.float64), 10).tolist() == [5]


@pytest.mark.parametrize("tau", [0.05, 0.3, 0.7])
def test_the_inverse_is_lamberts(tau):
    y = torch.linspace(1e-6, 1 - 1e-6, 300, dtype=torch.float64)
    expected = np.exp(1 / tau + scipy.special.lambertw(-(y.numpy() / tau) * np.exp(-1 / tau), -1).real)
    np.testing.assert_allclose(TimeBalanced(tau).distribution_function(y), expected, rtol=1e-12)


@pytest.mark.parametrize("law", SCALE_INVARIANT, ids=str)
def test_the_inverse_undoes_the_position(law: ScaleInvariant):
    s = torch.cat((uniforms(1000), torch.logspace(-12, 0, 50, dtype=torch.float64)))
    torch.testing.assert_close(
        law.position(law.distribution_function(law.position(s))), law.position(s), rtol=1e-14, atol=0
    )


def test_uniform_counts_are_differences_of_harmonic_numbers():
    n = 50
    expected = [sum(1 / k for k in range(i, n + 1)) for i in range(1, n + 1)]
    np.testing.assert_allclose(Uniform().expected_counts(n), expected, rtol=1e-12)


@pytest.mark.parametrize("law", [TimeBalanced(0.3), Beta(4), Printed(0.3), Shipped(0.3, 60)], ids=str)
def test_counts_are_those_of_inserting_and_drawing(law):
    n, runs = 60, 2000
    g = torch.Generator().manual_seed(2)
    counts = torch.zeros(n)
    for k in range(1, n + 1):
        s = 1 - torch.rand(runs, generator=g, dtype=torch.float64)
        counts += torch.bincount(law.place(s, k), minlength=n)
    expected = law.expected_counts(n)
    assert float(expected.sum()) == pytest.approx(n)
    # Of n entries the largest of n standard scores; a count is a sum of indicators, its variance at most its mean.
    bound = scipy.stats.norm.isf(FAILURE_RATE / (2 * n))
    score = (counts - runs * expected) / (runs * expected).sqrt()
    assert score.abs().max() < bound


@pytest.mark.parametrize("law", SCALE_INVARIANT, ids=str)
def test_counts_approach_the_limit_that_age_alone_decides(law: ScaleInvariant):
    n = 400
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    counts, limit = law.expected_counts(n), law.limiting_count(middle)
    # The oldest entries and the newest ones feel that n is finite.
    torch.testing.assert_close(counts[20:-20], limit[20:-20], rtol=0.02, atol=2e-3)
    assert float(law.limiting_count(torch.ones(1, dtype=torch.float64))) == pytest.approx(0, abs=1e-12)


def test_the_printed_weights_by_hand():
    p = [(1 + 1 / 2) / 2, (1 / 2) / 2]
    expected = [0.3 * x / 2 * (1 + math.log(2 / x)) + 0.7 * x for x in p]
    np.testing.assert_allclose(Printed(0.3).weights(2), expected, rtol=1e-14)
    assert float(Printed(0.3).weights(1000).sum()) == pytest.approx(0.7044, abs=1e-4)


def test_the_shipped_law_hardly_draws_the_oldest_share_while_the_ring_is_far_from_full():
    assert float(Shipped(0.3).probabilities(1000)[:299].sum()) < 0.001
    assert 0.015 < float(Shipped(0.3).probabilities(100_000)[:30_000].sum()) < 0.025


def test_coverage_is_short_at_both_ends_and_sums_to_the_window():
    covered = Uniform().coverage(10, 4)
    np.testing.assert_allclose(covered, np.array([1, 2, 3, 4, 4, 4, 4, 3, 2, 1]) / 7, rtol=1e-12)
    assert float(TimeBalanced(0.3).coverage(50, 8).sum()) == pytest.approx(8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TimeBalanced(1.2), r"tau = 1.2.*\[0, 1\]"),
        (lambda: TimeBalanced(-0.1), r"tau = -0.1"),
        (lambda: TimeBalanced(math.nan), r"tau = nan"),
        (lambda: Printed(2), r"tau = 2"),
        (lambda: Shipped(2), r"tau = 2"),
        (lambda: Beta(0.5), r"power = 0.5"),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
