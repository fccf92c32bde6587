"""Sequences: windows that stay inside an episode, features that no one trained, the true state beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hrssm.data import sequences
from hrssm.data.sequences import Sequences, random_convolution
from hrssm.environments.arm import can_render
from hrssm.environments.oscillator import BallOscillator
from hrssm.geometry import ball


@pytest.fixture(scope="module")
def paths() -> Sequences:
    return sequences.oscillator(20, 12, seed=3, features=48)


def test_windows_stay_inside_an_episode(paths: Sequences) -> None:
    assert paths.count("train") == 16 * 5
    every = paths.windows("train", torch.arange(paths.count("train")))
    assert every.features.shape == (80, 8, 48)
    episodes = paths.episodes("train")
    for number in (0, 4, 5, 79):
        episode, start = divmod(number, 5)
        for window, whole in zip(every, episodes, strict=True):
            assert torch.equal(window[number], whole[episode, start : start + 8])


def test_samples_cover_all_windows_and_repeat_with_their_generator(paths: Sequences) -> None:
    first, again = (paths.sample("train", 2000, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(first.state, again.state)
    assert len(torch.unique(first.state[:, 0], dim=0)) == 80


def test_parts_share_no_episode_and_features_are_scaled_by_the_training_part(paths: Sequences) -> None:
    together = np.concatenate(list(paths.parts.values()))
    assert sorted(together) == list(range(20))
    shown = paths.episodes("train").features.flatten(0, 1)
    torch.testing.assert_close(shown.mean(0), torch.zeros(48), rtol=0, atol=1e-5)
    torch.testing.assert_close(shown.std(0), torch.ones(48), rtol=1e-4, atol=0)
    assert len(set(paths.hashes().values())) == 3


def test_the_state_of_the_oscillator_follows_the_flow_and_the_actions(paths: Sequences) -> None:
    z, p = (x.double() for x in paths.frames.state.split(3, -1))
    here, kick = z[:, 4], 2 * paths.frames.actions[:, 4].double()
    kicked = p[:, 4] + ball.transport_covector(torch.zeros_like(here), here, kick)
    torch.testing.assert_close(BallOscillator(3, 2.0).flow(here, kicked, 0.25)[0], z[:, 5], rtol=1e-4, atol=1e-5)


def test_features_show_the_position_and_nothing_else(paths: Sequences) -> None:
    """Frames with the same position have the same features, whatever their momentum."""
    again = sequences.oscillator(20, 12, seed=3, impulse=0.0, features=48)
    first, other = paths.frames, again.frames
    torch.testing.assert_close(first.state[:, 0, :3], other.state[:, 0, :3])
    slopes = [np.corrcoef(first.features[:, 0, k], other.features[:, 0, k])[0, 1] for k in range(48)]
    np.testing.assert_allclose(slopes, 1, atol=1e-5)


@pytest.mark.parametrize("observation", ["features", "pixels"])
def test_the_arm_is_made_once_and_keeps_its_state(cache: Path, observation) -> None:
    if observation == "pixels" and not can_render():
        pytest.skip("nothing renders here")
    made = sequences.arm(10, 9, seed=0, observation=observation, features=64)
    assert made.notes["observation"] == observation
    assert made.frames.features.shape == (10, 9, 64)
    assert made.frames.state.shape == (10, 9, 25)
    assert made.frames.actions.abs().max() <= 0.9
    assert len(list(cache.iterdir())) == 1
    assert sequences.arm(10, 9, seed=0, observation=observation, features=64).hashes() == made.hashes()
    assert len(list(cache.iterdir())) == 1
    # an action moves the joints towards it between its frame and the next
    toward = (made.frames.actions[:, :-1, 0] * 1.6 - made.frames.state[:, :-1, 0]).flatten()
    moved = made.frames.state[..., 0].diff(dim=1).flatten()
    assert np.corrcoef(toward, moved)[0, 1] > 0.5


def test_the_random_convolution_is_frozen_and_tells_frames_apart() -> None:
    frames = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    first, again, other = random_convolution(frames, 1), random_convolution(frames, 1), random_convolution(frames, 2)
    assert first.shape == (4, 720)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first >= 0).all()
    shifted = frames.roll(20, 1)
    assert float((random_convolution(shifted, 1) - first).abs().max()) > 1e-2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.windows("train", torch.arange(2), 13), "an episode has 12"),
        (lambda s: sequences.oscillator(5, 8, seed=0), "episodes = 5"),
        (lambda s: random_convolution(torch.zeros(1, 64, 64, 3), 0, 50), "multiple of 16"),
    ],
)
def test_bad_input_is_named(call, message: str, paths: Sequences) -> None:
    with pytest.raises(ValueError, match=message):
        call(paths)
    with pytest.raises(KeyError, match="the parts are: train, valid, test"):
        paths.episodes("all")
