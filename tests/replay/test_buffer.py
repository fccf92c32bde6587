"""The ring: order of age, windows, draws, and what a checkpoint brings back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch

from hrssm.replay.buffer import Field, ReplayBuffer
from hrssm.replay.samplers import TimeBalanced

FIELDS = {"clock": Field((), torch.int64), "frame": Field((2, 3), torch.uint8)}


def ring(capacity: int = 10, *, environments: int = 1, directory: Path | None = None, **options) -> ReplayBuffer:
    generator = torch.Generator().manual_seed(0)
    return ReplayBuffer(FIELDS, capacity, generator, environments=environments, directory=directory, **options)


def fill(buffer: ReplayBuffer, first: int, last: int) -> None:
    """Steps first..last - 1; environment e writes the clock + 1000 e."""
    each = np.arange(buffer.environments)
    for k in range(first, last):
        frame = np.full((buffer.environments, 2, 3), k % 256, np.uint8)
        buffer.add(clock=k + 1000 * each, frame=frame)


@pytest.fixture(params=["memory", "disk"])
def place(request, tmp_path: Path) -> Path | None:
    return tmp_path / "ring" if request.param == "disk" else None


@pytest.mark.parametrize("spare", [0, 3])
@pytest.mark.parametrize("written", [4, 10, 11, 37])
def test_age_order_survives_eviction(place, spare, written):
    buffer = ring(directory=place, spare=spare)
    fill(buffer, 0, written)
    held = min(written, 10)
    assert len(buffer) == held
    window = buffer.windows(torch.tensor([0]), torch.tensor([0]), held)
    assert window["clock"].tolist() == [list(range(written - held, written))]
    assert window["frame"][0, :, 1, 2].tolist() == list(range(written - held, written))


def test_windows_are_steps_that_followed_each_other_in_one_environment(place):
    buffer = ring(50, environments=3, directory=place, spare=5)
    fill(buffer, 0, 173)
    batch = buffer.sample(500, 8)
    assert batch["clock"].shape == (500, 8)
    assert batch["frame"].shape == (500, 8, 2, 3)
    assert torch.all(batch["clock"].diff(dim=1) == 1)  # never across the write head
    assert batch["clock"].remainder(1000).min() >= 173 - 50
    assert set(batch["clock"].div(1000, rounding_mode="floor").flatten().tolist()) == {0, 1, 2}


def test_starts_follow_the_law_and_entries_what_it_induces():
    law, length = TimeBalanced(0.6), 8
    buffer = ring(40, law=law)
    fill(buffer, 0, 75)
    clocks = buffer.sample(40_000, length)["clock"] - 35
    starts = torch.bincount(clocks[:, 0], minlength=33)
    assert scipy.stats.chisquare(starts, 40_000 * law.probabilities(33)).pvalue > 1e-4
    expected = 40_000 * law.coverage(40, length)
    score = (torch.bincount(clocks.flatten(), minlength=40) - expected) / expected.sqrt()
    assert score.abs().max() < scipy.stats.norm.isf(1e-4 / 80)


def test_a_batch_is_a_copy():
    buffer = ring()
    fill(buffer, 0, 10)
    buffer.windows(torch.tensor([0]), torch.tensor([0]), 10)["clock"].zero_()
    assert buffer.windows(torch.tensor([0]), torch.tensor([0]), 10)["clock"].tolist() == [list(range(10))]


@pytest.mark.parametrize("past", [1, 3])
def test_resuming_goes_on_bit_for_bit_though_the_ring_had_moved_on(place, tmp_path, past):
    buffer = ring(directory=place, spare=3)
    fill(buffer, 0, 24)
    buffer.sample(4, 5)
    torch.save(buffer.state_dict(), tmp_path / "checkpoint.pt")
    fill(buffer, 24, 24 + past)  # written after the checkpoint: lost with the process, but still in the files
    wanted = [buffer.sample(4, 5)["clock"]]
    fill(buffer, 24 + past, 30)
    wanted.append(buffer.sample(4, 5)["clock"])

    resumed = ring(directory=place, spare=3)
    if place:  # go back to the files as the process left them when it was stopped
        rewrite(place, 24 + past)
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    fill(resumed, 24, 24 + past)
    found = [resumed.sample(4, 5)["clock"]]
    fill(resumed, 24 + past, 30)
    found.append(resumed.sample(4, 5)["clock"])
    assert torch.equal(torch.stack(found), torch.stack(wanted))


def rewrite(directory: Path, written: int) -> None:
    """The files of a ring of capacity 10 and 3 spare steps after this many steps."""
    fill(ring(directory=directory, spare=3), 0, written)


def test_a_ring_overwritten_past_its_spare_steps_is_refused(place):
    buffer = ring(directory=place, spare=3)
    fill(buffer, 0, 24)
    state = buffer.state_dict()
    if place is None:
        state.pop("ring")
    fill(buffer, 24, 28)
    with pytest.raises(ValueError, match=r"more than 3 steps past the checkpoint.*larger spare"):
        buffer.load_state_dict(state)


def test_a_checkpoint_without_its_ring_is_refused(tmp_path):
    buffer = ring(directory=tmp_path / "ring")
    fill(buffer, 0, 7)
    state = buffer.state_dict()
    with pytest.raises(ValueError, match=r"belongs to a ring of 7 steps.*elsewhere"):
        ring(directory=tmp_path / "elsewhere").load_state_dict(state)
    with pytest.raises(ValueError, match="this ring in memory"):
        ring().load_state_dict(state)


def test_a_ring_of_another_shape_is_refused(tmp_path):
    ring(10, directory=tmp_path)
    with pytest.raises(ValueError, match=r"clock.npy holds a ring of shape \(1, 10\).*delete"):
        ring(11, directory=tmp_path)


def test_a_state_of_an_empty_ring(place):
    ring(directory=place).load_state_dict(ring(directory=place).state_dict())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ring(0), "capacity = 0"),
        (lambda: ring(environments=0), "environments = 0"),
        (lambda: ring(spare=-1), "spare = -1"),
        (lambda: ring().sample(2, 3), "a window of 3 steps.*holds 0 of at most 10"),
        (lambda: ring().add(clock=[0]), r"fields \['clock'\].*\['clock', 'frame'\]"),
        (lambda: ring().add(clock=0, frame=np.zeros((1, 2, 3))), r"clock has shape \(\).*\(1,\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
