"""Frames of Breakout: the paddle that plays them, the preprocessing, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hrssm.data.breakout import follow, play, preprocess


class FakeConsole:
    """Ends after ``length`` emulator frames; each frame's screen holds its number and earns 1."""

    def __init__(self, length: int) -> None:
        self.length, self.now, self.actions = length, 0, list[int]()
        self.ram = np.zeros(128, dtype=np.uint8)
        self.screen = np.zeros((210, 160, 3), dtype=np.uint8)

    def reset(self, *, seed: int | None = None) -> None:
        self.now = 0

    def step(self, action: int) -> tuple[None, float, bool, bool, None]:
        self.actions.append(action)
        self.now += 1
        self.screen = np.full((210, 160, 3), self.now % 256, dtype=np.uint8)
        return None, 1.0, self.now >= self.length, False, None


def kept(length: int, **settings: int) -> list[tuple[int, float, float]]:
    frames = play(FakeConsole(length), np.random.default_rng(0), policy="random", epsilon=0.0, **settings)
    return [(int(k.screen[0, 0, 0]), k.reward, k.score) for k in frames]


def test_one_frame_in_every_is_kept_and_no_reward_is_lost() -> None:
    assert kept(10, every=4, longest=100) == [(4, 4.0, 4.0), (8, 4.0, 8.0), (10, 2.0, 10.0)]
    assert kept(10, every=4, longest=1) == [(4, 4.0, 4.0)]
    assert kept(3, every=1, longest=100) == [(1, 1.0, 1.0), (2, 1.0, 2.0), (3, 1.0, 3.0)]


def memory(ball: int, height: int, paddle: int) -> NDArray[np.uint8]:
    ram = np.zeros(128, dtype=np.uint8)
    ram[99], ram[101], ram[72] = ball, height, paddle
    return ram


def test_the_paddle_goes_where_the_ball_is() -> None:
    fire, right, left, stay = 1, 2, 3, 0
    assert follow(memory(100, 0, 100), 0.0) == fire
    assert follow(memory(150, 90, 100), 0.0) == right
    assert follow(memory(60, 90, 100), 0.0) == left
    assert follow(memory(108, 90, 100), 0.0) == stay
    assert follow(memory(108, 90, 100), 10.0) == right
    assert follow(memory(0, 90, 255), 0.0) == left  # bytes do not wrap around


def test_epsilon_is_the_share_of_random_moves() -> None:
    console = FakeConsole(4000)
    console.ram = memory(150, 90, 0)
    list(play(console, np.random.default_rng(0), policy="follow", epsilon=0.2, every=4, longest=1000))
    # a random move is right a quarter of the time: 0.8 + 0.05, within 4 standard errors of 4000 frames
    assert abs(np.mean(np.array(console.actions) == 2) - 0.85) < 0.023


def test_preprocessing_is_the_published_one() -> None:
    screen = np.random.default_rng(0).integers(256, size=(210, 160, 3), dtype=np.uint8)
    screen[:, :, 0] //= 5
    expected = np.asarray(Image.fromarray(screen[:, :, 0]).resize((64, 64), Image.Resampling.BICUBIC)) / 255 > 0.1
    assert np.array_equal(preprocess(screen), expected)
    assert 0.1 < expected.mean() < 0.9
    only_green = np.zeros((210, 160, 3), dtype=np.uint8)
    only_green[:, :, 1] = 255
    assert not preprocess(only_green).any()


def test_frames_of_the_game() -> None:
    pytest.importorskip("hrssm.environments.atari")
    from hrssm.data.breakout import breakout

    made, again = (breakout(60, seed=0, every=4, longest=12) for _ in range(2))
    other, random = breakout(60, seed=1, every=4, longest=12), breakout(60, seed=0, policy="random", longest=12)
    assert made.hashes() == again.hashes() != other.hashes()
    images = made.images
    assert images.attribute("episode").tolist() == [k // 12 for k in range(60)]
    assert images.attribute("epsilon").tolist() == [(0.0, 0.05, 0.1, 0.2)[k // 12 % 4] for k in range(60)]
    assert np.isnan(random.images.attribute("epsilon")).all()
    assert not set(made["train"].attribute("episode")) & set(made["test"].attribute("episode"))
    # walls left and right, bricks across, and an empty field below them
    typical = images.pixels()[:, 0].mean(0)
    assert (typical[17:26] > 0.99).all()
    assert (typical[30:50, :3] == 1).all()
    assert (typical[30:50, 8:56] < 0.3).all()
    leaky = breakout(60, seed=0, every=4, longest=12, split="frames")
    assert set(leaky["test"].attribute("episode")) & set(leaky["train"].attribute("episode"))
    assert leaky["unseen"].hash() == made["test"].hash()
    with pytest.raises(ValueError, match="frames = 0"):
        breakout(0, seed=0)
    with pytest.raises(ValueError, match="groups"):
        breakout(10, seed=0)
