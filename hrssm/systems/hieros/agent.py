"""An agent in its environment: it plays, and learns between decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hrssm.environments.resumable import Resumable
from hrssm.latents.one_hot import OneHot
from hrssm.systems.hieros.level import Level
from hrssm.systems.hieros.settings import Settings
from hrssm.systems.hieros.tasks import make
from hrssm.training.seeds import generators

__all__ = ["Agent", "Episode", "play"]


class Episode(NamedTuple):
    """A finished episode: the sum of its rewards, its decisions, and whether it terminated by itself."""

    score: float
    length: int
    terminated: bool


class Agent:
    """One seed's agent with its own environment, replay and generators; nothing of it depends on another seed's."""

    def __init__(self, settings: Settings, seed: int, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.env = Resumable(make(settings))
        shape, actions = self.env.observation_space.shape, int(self.env.action_space.n)  # type: ignore[union-attr]
        assert shape is not None
        self.level = Level(settings, shape, OneHot(1, actions), seed, device)
        self.actions = actions
        self.dice = generators([seed], "environment")[0]
        self.decisions, self.finished = 0, list[Episode]()
        self._begin()

    @property
    def alive(self) -> bool:
        """Whether all it has learned from was finite."""
        return self.level.alive

    @property
    def parameters(self) -> int:
        """How many numbers it trains."""
        return self.level.parameters

    def step(self) -> dict[str, Tensor]:
        """The decisions of one step, and one update; the first step plays at random before them."""
        training = self.settings.training
        while self.decisions < training.prefill:
            self.decide(int(torch.randint(self.actions, (), generator=self.dice)))
        for _ in range(training.decisions_per_update):
            self.decide(None)
        return self.level.update() | {"decisions": torch.tensor([float(self.decisions)])}

    def decide(self, action: int | None) -> None:
        """Take an action, the agent's own where none is given, and remember the moment that it was taken at."""
        if action is None:
            seen = torch.as_tensor(self.observation, device=self.device)[None, None]
            action = int(self.level.act(seen, first=self.first))
        self._remember(action, terminal=False)
        self.observation, self.reward, terminated, truncated, _ = self.env.step(action)
        self.first = False
        self.decisions += 1
        self.score += self.reward
        self.length += 1
        if terminated or truncated:
            # What an episode ends with is remembered as well; no action follows it.
            self._remember(0, terminal=terminated)
            self.finished.append(Episode(self.score, self.length, terminated))
            self._begin()

    def _begin(self) -> None:
        self.observation, _ = self.env.reset(seed=int(torch.randint(2**31, (), generator=self.dice)))
        self.reward, self.score, self.length, self.first = 0.0, 0.0, 0, True

    def _remember(self, action: int, *, terminal: bool) -> None:
        self.level.replay.add(
            observation=np.asarray(self.observation)[None],
            action=np.array([[action]]),
            reward=np.array([self.reward]),
            first=np.array([self.first]),
            terminal=np.array([terminal]),
        )

    def state_dict(self) -> dict[str, Any]:
        """All that changes."""
        return {
            "weights": {name: module.state_dict() for name, module in self.level.modules().items()},
            "level": self.level.state_dict(),
            "environment": self.env.state_dict(),
            "dice": self.dice.get_state(),
            "observation": torch.as_tensor(np.asarray(self.observation)),
            "counts": [self.decisions, self.reward, self.score, self.length, self.first],
            "finished": [list(episode) for episode in self.finished],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state; the running episode is played again up to where it was."""
        for name, module in self.level.modules().items():
            module.load_state_dict(state["weights"][name])
        self.level.load_state_dict(state["level"])
        self.env.load_state_dict(state["environment"])
        self.dice.set_state(state["dice"].cpu())
        self.observation = state["observation"].cpu().numpy()
        self.decisions, self.reward, self.score, self.length, self.first = state["counts"]
        self.finished = [Episode(*episode) for episode in state["finished"]]


def play(settings: Settings, agent: Agent | None, dice: torch.Generator, noise: torch.Generator) -> Iterator[Episode]:
    """The settings' number of episodes, played by an agent that learns nothing from them, or at random by none.

    dice draws the episodes' seeds and random actions, noise what the agent draws.
    """
    env = make(settings)
    actions = int(env.action_space.n)  # type: ignore[union-attr]
    if agent is not None:
        agent.level.draws["acting"] = noise
    for _ in range(settings.evaluation.episodes):
        observation, _ = env.reset(seed=int(torch.randint(2**31, (), generator=dice)))
        score, length, terminated, truncated = 0.0, 0, False, False
        while not (terminated or truncated):
            if agent is None:
                action = int(torch.randint(actions, (), generator=dice))
            else:
                seen = torch.as_tensor(observation, device=agent.device)[None, None]
                action = int(agent.level.act(seen, first=length == 0))
            observation, reward, terminated, truncated, _ = env.step(np.int64(action))
            score, length = score + float(reward), length + 1
        yield Episode(score, length, terminated)
