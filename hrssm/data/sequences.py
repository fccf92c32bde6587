"""Sequences to predict: features, actions and the true state, episode by episode, in windows that stay inside one.

What a model sees of a frame are features that no one trained: a seeded random convolution of an image, or random
Fourier features of a state. The state itself is kept beside them, for probes and for errors in its own units.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hrssm.data.cache import made_once
from hrssm.data.splits import by_image
from hrssm.environments.oscillator import BallOscillator
from hrssm.geometry import ball

__all__ = ["FEATURES", "Sequences", "Windows", "arm", "oscillator", "random_convolution"]

FEATURES = 720
#: Episodes of the arm differ in their seeds by this much at most.
_MOST_EPISODES = 10**6


class Windows(NamedTuple):
    """Frames: features (..., T, F), actions (..., T, A), state (..., T, S).

    The action of frame t acts between t and t + 1; the last one of an episode leads out of it.
    """

    features: Tensor
    actions: Tensor
    state: Tensor


@dataclass(frozen=True)
class Sequences:
    """Episodes (E, T, ...) of equal length and which part each belongs to; features have mean 0 and deviation 1 over
    the training part, frame by frame and feature by feature (a constant feature is 0)."""

    frames: Windows
    parts: Mapping[str, NDArray[np.int64]]
    notes: Mapping[str, str]

    def episodes(self, part: str) -> Windows:
        """The whole episodes of a part; KeyError, naming the parts, for another name."""
        if part not in self.parts:
            raise KeyError(f"there is no part {part!r}; the parts are: {', '.join(self.parts)}")
        chosen = torch.from_numpy(self.parts[part])
        return Windows(*(x[chosen.to(x.device)] for x in self.frames))

    def count(self, part: str, length: int = 8) -> int:
        """How many windows of this length a part has; ValueError where an episode is shorter."""
        return len(self.parts[part]) * self._starts(length)

    def windows(self, part: str, which: Tensor, length: int = 8) -> Windows:
        """The windows (N, length, ...) with these numbers (N,) in 0..count - 1: all starts of one episode, then the
        next's."""
        starts = self._starts(length)
        episode = torch.from_numpy(self.parts[part]).to(which.device)[which // starts]
        time = (which % starts).unsqueeze(-1) + torch.arange(length, device=which.device)
        return Windows(*(x[episode.unsqueeze(-1), time] for x in self.frames))

    def sample(self, part: str, count: int, generator: torch.Generator, length: int = 8) -> Windows:
        """So many windows, drawn uniformly with replacement."""
        drawn = torch.randint(self.count(part, length), (count,), generator=generator, device=generator.device)
        return self.windows(part, drawn.to(self.frames.features.device), length)

    def to(self, device: torch.device | str) -> Sequences:
        """The same episodes on a device."""
        return Sequences(Windows(*(x.to(device) for x in self.frames)), self.parts, self.notes)

    def hashes(self) -> dict[str, str]:
        """Per part a hash of its features, actions and states, twelve hexadecimal digits, for the manifest."""
        found = {}
        for part in self.parts:
            digest = hashlib.sha256()
            for x in self.episodes(part):
                digest.update(x.contiguous().numpy(force=True).tobytes())
            found[part] = digest.hexdigest()[:12]
        return found

    def _starts(self, length: int) -> int:
        frames = self.frames.features.shape[1]
        if not 1 <= length <= frames:
            raise ValueError(f"windows of {length} frames: an episode has {frames}; give a length in 1..{frames}.")
        return frames - length + 1


def arm(
    episodes: int,
    frames: int,
    *,
    seed: int,
    observation: Literal["auto", "pixels", "features"] = "auto",
    features: int = FEATURES,
) -> Sequences:
    """Episodes of the six-joint arm under smooth random targets; state (25,) as in `hrssm.environments.arm`.

    Pixels go through `random_convolution`; where nothing renders, "auto" takes random Fourier features of the state.
    The notes say which. Raises what `ArmEnvironment` raises, and ValueError for too few episodes to split.
    """
    from hrssm.environments.arm import ArmEnvironment, can_render, smooth_targets

    if observation == "auto":
        observation = "pixels" if can_render() else "features"
    _check(episodes, frames)

    def write(folder: Path) -> None:
        environment = ArmEnvironment(observation, length=frames, features=features, feature_seed=seed)
        rows: list[Windows] = []
        for episode in range(episodes):
            rng = np.random.default_rng([seed, episode])
            actions = smooth_targets(frames, rng)
            seen, info = environment.reset(seed=seed * _MOST_EPISODES + episode)
            looks, states = [seen], [info["state"]]
            for action in actions[:-1]:
                seen, _, _, _, info = environment.step(action)
                looks.append(seen)
                states.append(info["state"])
            look = torch.from_numpy(np.stack(looks))
            if observation == "pixels":
                look = random_convolution(look, seed, features)
            state = torch.from_numpy(np.stack(states)).float()
            rows.append(Windows(look, torch.from_numpy(actions), state))
        environment.close()
        _write(folder, rows, observation)

    made_from = {
        "episodes": episodes, "frames": frames, "seed": seed, "observation": observation, "features": features,
    }  # fmt: skip
    return _read(made_once("hrssm.data.sequences", {"of": "arm", **made_from}, write), seed)


def oscillator(
    episodes: int,
    frames: int,
    *,
    seed: int,
    dimension: int = 3,
    frequency: float = 2.0,
    interval: float = 0.25,
    impulse: float = 0.2,
    features: int = FEATURES,
) -> Sequences:
    """Episodes of the exact flow on the ball, with impulses as actions; state (2 D,): position and momentum.

    Features are random Fourier features of the position, in tangent coordinates at the centre: as a camera would, they
    show no velocity. Raises what `BallOscillator` raises, and ValueError for too few episodes to split.
    """
    _check(episodes, frames)
    generator = torch.Generator().manual_seed(seed)
    flow = BallOscillator(dimension, frequency)
    z, p, actions = flow.paths(episodes, frames, generator, interval=interval, impulse=impulse)
    waves = 1.5 * torch.randn(dimension, features, generator=generator, dtype=z.dtype)
    phases = 2 * torch.pi * torch.rand(features, generator=generator, dtype=z.dtype)
    look = 2**0.5 * torch.cos(2 * ball.log_origin(z) @ waves + phases)
    every = Windows(look.float(), actions.float(), torch.cat((z, p), -1).float())
    return _split(every, seed, {"observation": "features"})


def random_convolution(frames: Tensor, seed: int, features: int = FEATURES) -> Tensor:
    """Features (N, features) of frames (N, 64, 64, 3) uint8, by three convolutions drawn once from a seed.

    Strides of 2, rectified, and averaged over a 4 x 4 grid: so `features` must be a multiple of 16, or ValueError is
    raised.
    """
    if features % 16:
        raise ValueError(f"features = {features}: give a multiple of 16, the cells that are averaged over.")
    generator = torch.Generator().manual_seed(seed)
    x = frames.movedim(-1, 1).float() / 127.5 - 1
    channels = (3, 16, 32, features // 16)
    for inputs, outputs, size in zip(channels, channels[1:], (5, 5, 3), strict=False):
        weight = torch.randn(outputs, inputs, size, size, generator=generator) * (2 / (inputs * size**2)) ** 0.5
        x = F.relu(F.conv2d(x, weight.to(x.device), stride=2))
    return F.adaptive_avg_pool2d(x, 4).flatten(1)


def _check(episodes: int, frames: int) -> None:
    if not 10 <= episodes < _MOST_EPISODES or frames < 2:
        raise ValueError(
            f"episodes = {episodes}, frames = {frames}: give 10 episodes or more (and below {_MOST_EPISODES}), so that "
            "each part has some, of at least 2 frames."
        )


def _write(folder: Path, rows: list[Windows], observation: str) -> None:
    for name, arrays in zip(Windows._fields, zip(*rows, strict=True), strict=True):
        np.save(folder / f"{name}.npy", torch.stack(arrays).numpy())
    (folder / "notes.json").write_text(json.dumps({"observation": observation}))


def _read(folder: Path, seed: int) -> Sequences:
    arrays = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in Windows._fields)
    return _split(Windows(*arrays), seed, json.loads((folder / "notes.json").read_text()))


def _split(every: Windows, seed: int, notes: Mapping[str, str]) -> Sequences:
    """Episodes dealt to parts, and the features scaled by what the training part shows."""
    parts = by_image(seed)({}, len(every.features))
    shown = every.features[torch.from_numpy(parts["train"])].flatten(0, 1).double()
    mean, deviation = shown.mean(0), shown.std(0)
    scaled = (every.features - mean.float()) / torch.where(deviation > 0, deviation, torch.ones_like(deviation)).float()
    return Sequences(every._replace(features=scaled), parts, notes)
