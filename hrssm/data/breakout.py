"""Frames of Breakout, as GM-VAE saw them, with their rewards: made by play, since the recording it used is not public.

A scripted paddle follows the ball from the console's memory. Where on the paddle it aims to meet the ball wanders, and
in a share epsilon of the emulator's frames it moves at random; so episodes are long, short, good and bad.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hrssm.data.images import SIDE, ImageSet, Made, cached, packed
from hrssm.data.splits import by_group, leaking

__all__ = ["EPSILONS", "Policy", "breakout", "preprocess"]

Policy = Literal["follow", "random"]

#: Shares of random moves, one episode after the other.
EPSILONS = (0.0, 0.05, 0.1, 0.2)

_NOOP, _FIRE, _RIGHT, _LEFT = range(4)  # the game's minimal set of actions
_BALL_X, _BALL_Y, _PADDLE_X = 99, 101, 72  # where the console keeps them
_CENTRE = 8.0  # of the paddle, from its place in memory, in the console's pixels
_DEAD_ZONE = 4.0  # the paddle stays where it is within so many pixels of its aim: its least move overshoots less
_WANDER, _MEMORY = 4.0, 0.98  # standard deviation of the aim in pixels, and its correlation from frame to frame


class Console(Protocol):
    """What is needed of a game that is played frame by frame; `hrssm.environments.atari` has it."""

    screen: NDArray[np.uint8]

    @property
    def ram(self) -> NDArray[np.uint8]: ...

    def reset(self, *, seed: int | None = None) -> object: ...

    def step(self, action: int) -> tuple[object, float, bool, bool, object]: ...


class Kept(NamedTuple):
    """One kept frame: the screen (210, 160, 3), the reward since the one before, and the score so far."""

    screen: NDArray[np.uint8]
    reward: float
    score: float


def breakout(
    frames: int,
    *,
    seed: int,
    policy: Policy = "follow",
    split: Literal["episodes", "frames"] = "episodes",
    every: int = 4,
    longest: int = 5000,
) -> ImageSet:
    """A set of ``frames`` binary frames, or a few less: what is blank after preprocessing is dropped, and noted.

    Of the emulator's frames one in ``every`` is kept (four, as an agent sees that holds its actions for four), and of
    an episode at most ``longest``: a paddle that never misses would play for ever. Attributes: episode, epsilon (NaN
    under "random"), reward (since the kept frame before) and score (of the episode, until this frame). split "episodes"
    gives whole episodes to each part; "frames" shuffles single frames and lets neighbours leak into the test, with
    whole episodes beside it as "unseen". Raises ModuleNotFoundError, naming the extra to install, without ale-py, and
    ValueError for numbers below 1 or for too few episodes to split.
    """
    if min(frames, every, longest) < 1:
        raise ValueError(f"frames = {frames}, every = {every}, longest = {longest}: each must be at least 1")
    made_from = {"frames": frames, "seed": seed, "policy": policy, "every": every, "longest": longest}
    splitting = {"episodes": by_group, "frames": leaking}[split]("episode", seed)
    return cached(__name__, made_from, lambda: _make(frames, seed, policy, every, longest), splitting, binary=True)


def preprocess(screen: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """A binary image (64, 64) from a screen (210, 160, 3), by GM-VAE's steps.

    The first channel, resized by Pillow's default filter (bicubic), divided by 255, on where it is above 0.1.
    """
    from PIL import Image

    return np.asarray(Image.fromarray(screen[:, :, 0]).resize((SIDE, SIDE))) / 255 > 0.1


def play(
    console: Console, rng: np.random.Generator, *, policy: Policy, epsilon: float, every: int, longest: int
) -> Iterator[Kept]:
    """One episode, kept frame by kept frame; the last one is kept whatever its number."""
    console.reset(seed=int(rng.integers(2**31)))
    aim, reward, score, over = 0.0, 0.0, 0.0, False
    for number in range(every * longest):
        aim = _MEMORY * aim + np.sqrt(1 - _MEMORY**2) * _WANDER * rng.standard_normal()
        at_random = policy == "random" or rng.random() < epsilon
        action = int(rng.integers(4)) if at_random else follow(console.ram, aim)
        _, gained, over, _, _ = console.step(action)
        reward, score = reward + gained, score + gained
        if number % every == every - 1 or over:
            yield Kept(console.screen, reward, score)
            reward = 0.0
        if over:
            return


def follow(ram: NDArray[np.uint8], aim: float) -> int:
    """The action that brings the paddle's centre to ``aim`` pixels right of the ball; where there is none, for one."""
    if ram[_BALL_Y] == 0:
        return _FIRE
    apart = float(ram[_BALL_X]) + aim - float(ram[_PADDLE_X]) - _CENTRE
    return _RIGHT if apart > _DEAD_ZONE else _LEFT if apart < -_DEAD_ZONE else _NOOP


def _make(frames: int, seed: int, policy: Policy, every: int, longest: int) -> Made:
    from hrssm.environments.atari import AtariEnvironment

    console: Console = AtariEnvironment("breakout", repeat=1, noops=0, size=1)  # type: ignore[assignment]
    bits = np.empty((frames, 1, SIDE, SIDE), dtype=np.bool_)
    columns: dict[str, list[float]] = {name: [] for name in ("episode", "epsilon", "reward", "score")}
    seen, episode, blank = 0, 0, 0
    while seen < frames:
        epsilon = EPSILONS[episode % len(EPSILONS)]
        rng = np.random.default_rng([seed, episode])
        for kept in play(console, rng, policy=policy, epsilon=epsilon, every=every, longest=longest):
            seen += 1
            image = preprocess(kept.screen)
            if image.any():
                bits[len(columns["episode"]), 0] = image
                values = (episode, np.nan if policy == "random" else epsilon, kept.reward, kept.score)
                for column, value in zip(columns.values(), values, strict=True):
                    column.append(value)
            else:
                blank += 1
            if seen == frames:
                break
        episode += 1
    arrays = {name: np.array(column) for name, column in columns.items()}
    notes = {"blank, dropped": [f"{blank} frames"]} if blank else {}
    return Made(packed(bits[: len(arrays["episode"])]), arrays, notes)
