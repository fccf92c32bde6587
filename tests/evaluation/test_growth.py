"""Monitors of growth on states whose growth is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hrssm.evaluation.growth import Growth, absorbed, growth_exponent, jacobian, jacobian_norm, roll
from hrssm.evaluation.horizons import GROWTH_METRICS, HORIZONS, horizons, range_of
from hrssm.networks.bounds import absorption
from hrssm.networks.table import UPDATES, state_update


def watched(increments: Tensor, start: Tensor, block: int = 100) -> Growth:
    growth = Growth(start)
    for states in roll(start, lambda number, state: state + increments[:, number], increments.shape[1], block=block):
        growth.see(states)
    return growth


def test_a_drift_is_reported_exactly():
    # h_t = (3 + t, 0): one direction, increment 1, in both members; the second is 2 times the first.
    step = torch.tensor([[1.0, 0.0], [2.0, 0.0]], dtype=torch.float64)[:, None, None].expand(2, 400, 1, 2)
    growth = watched(step, 3 * step[:, 0])
    report = growth.report(400)
    assert set(report) == set(GROWTH_METRICS)
    assert report["state_norm"].tolist() == [403, 806]
    assert report["increment_cosine"].tolist() == pytest.approx([1, 1])
    assert report["straightness"].tolist() == pytest.approx([1, 1])
    expected = sum(1 / (3 + t) for t in range(20, 400)) / 380
    assert report["increment_ratio"].tolist() == pytest.approx([expected, expected])
    assert 0.95 < report["growth_exponent"][0] < 1
    assert report["norm_rises"].tolist() == [1, 1]
    assert report["overflowed_float16"].tolist() == [0, 0]
    # 256 + 1 is the first sum that bfloat16 cannot hold: the state is 256 after 253 steps. float16 holds up to 2048.
    assert report["first_absorbed_bfloat16"].tolist() == [254, 254]
    assert report["first_absorbed_float16"].isnan().all()
    assert report["absorbed_bfloat16"][0] < 147 / 380 + 1e-9
    assert growth.report(253)["first_absorbed_bfloat16"].isnan().all()
    with pytest.raises(ValueError, match="horizon = 401: the roll-out has 400 steps"):
        growth.report(401)


@pytest.mark.parametrize(("drift", "exponent"), [(0.0, 0.5), (1.0, 1.0)])
def test_the_exponent_tells_a_random_walk_from_a_drift(drift, exponent):
    # 400 rows: the mean norm is known to 1.5 % at every step, and the fit spans a factor of 20 in time, so the slope's
    # standard deviation is below 0.015; eight of them fail with probability below 1e-12.
    g = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 2000, 400, 8, generator=g)
    growth = watched(noise + drift, torch.zeros(1, 400, 8))
    assert growth.report(2000)["growth_exponent"].item() == pytest.approx(exponent, abs=0.06)
    assert growth.norms.shape == (1, 2000)


def test_the_exponent_of_a_power_is_the_power():
    times = torch.arange(1, 1001, dtype=torch.float64)
    slopes = growth_exponent(torch.stack([times**0.3, 5 * times**1.7, torch.ones(1000).double()]))
    assert slopes.tolist() == pytest.approx([0.3, 1.7, 0.0], abs=1e-12)
    assert growth_exponent(torch.zeros(1, 100)).isnan().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_is_absorbed_lies_between_the_thresholds(dtype):
    state = torch.rand(1, 500, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    state = state.to(dtype).double()
    certain, possible = absorption(state, dtype)
    assert absorbed(state, certain, dtype).all()
    assert not absorbed(state, 1.01 * possible, dtype).any()
    assert not absorbed(state, torch.zeros_like(state), dtype).any()


def test_most_coordinates_decide():
    state = torch.full((1, 1, 4), 1024.0)
    for increments, lost in (([1.0, 1, 1, 50], True), ([1.0, 1, 50, 50], False), ([1.0, 0, 0, 0], True)):
        assert absorbed(state, torch.tensor([[increments]]), torch.bfloat16).item() is lost


@pytest.mark.parametrize("name", ["gru", "lstm", "gated", "unit-norm"])
def test_the_jacobian_is_that_of_finite_differences(name):
    update = state_update(name, [torch.Generator().manual_seed(k) for k in range(2)], 3, 4).double()
    g = torch.Generator().manual_seed(5)
    x, state = (torch.randn(2, 3, n, dtype=torch.float64, generator=g) for n in (3, update.width))
    exact = jacobian(update, x, state)
    for j in range(update.width):
        nudge = torch.zeros_like(state)
        nudge[..., j] = 1e-6
        slope = (update(x, state + nudge) - update(x, state - nudge)) / 2e-6
        torch.testing.assert_close(exact[..., j], slope.detach(), rtol=1e-7, atol=1e-8)
    norms = jacobian_norm(update, x, state)
    assert norms.shape == (2, 3)
    assert norms[1, 2].item() == pytest.approx(torch.linalg.svdvals(exact[1, 2])[0].item())


@pytest.mark.parametrize("name", UPDATES)
def test_every_update_is_watched(name):
    update = state_update(name, [torch.Generator()], 2, 4)
    start = torch.zeros(1, 3, update.width)
    growth = Growth(start)
    for states in roll(start, lambda _, state: update(torch.ones(1, 3, 2), state), 40, block=7):
        growth.see(states)
    report = growth.report(40)
    assert math.isfinite(report["state_norm"].item())
    assert report["increment_ratio"].isfinite().all(), "the state of norm 0 at the start is left out"


def test_horizons_are_powers_of_ten_of_the_training_length():
    assert horizons(0) == ()
    assert horizons(12) == (1, 10)
    assert [range_of(k) for k in horizons(10**9)] == ["in", *HORIZONS]


def test_blocks_do_not_matter_and_a_return_is_not_straight():
    g = torch.Generator().manual_seed(1)
    start, increments = torch.randn(2, 3, 4, generator=g), torch.randn(2, 60, 3, 4, generator=g)
    increments[:, 30:] = -increments[:, :30]  # back to the start
    whole, pieces = (watched(increments, start, block).report(60) for block in (60, 7))
    for name, value in whole.items():
        torch.testing.assert_close(pieces[name], value, equal_nan=True)
    assert (whole["straightness"] < 1e-6).all()
    half = watched(increments, start).report(30)["straightness"]
    path = increments[:, :30].norm(dim=-1).sum(1)
    torch.testing.assert_close(half, (increments[:, :30].sum(1).norm(dim=-1) / path).mean(1))


def test_what_a_format_cannot_hold_has_overflowed():
    growth = Growth(torch.ones(1, 4, 2))
    growth.see(torch.tensor([[[[1.0, 1]], [[65504, 0]], [[65505, 0]], [[math.nan, 0]]]]).transpose(1, 2))
    report = growth.report(1)
    assert report["overflowed_float16"].item() == 0.5
    assert report["overflowed_float32"].item() == 0.25
    assert report["norm_rises"].isnan()
    for state in (1e5, math.inf, math.nan):  # beyond float16: whatever is added changes nothing
        assert absorbed(torch.full((1, 1, 2), state), torch.ones(1, 1, 2), torch.float16).item()
