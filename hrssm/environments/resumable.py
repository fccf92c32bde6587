"""An environment whose place in an episode can be kept in a checkpoint: by its seed and the actions since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch

__all__ = ["Resumable"]


class Resumable(gymnasium.Wrapper):
    """Keeps the seed and the actions of the running episode, and plays them again to come back to where it was.

    Every episode has to be given its seed, and the environment must depend on nothing but seed and actions. Then any
    of Gymnasium's environments can be resumed, and a checkpoint holds a few bytes of it.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.seed: int | None = None
        self.actions: list[int] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; raises ValueError without a seed, or with options, which are not kept."""
        if seed is None or options:
            raise ValueError(f"seed = {seed}, options = {options}: an episode that is to be resumed has a seed alone.")
        self.seed, self.actions = seed, []
        return self.env.reset(seed=seed)

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.actions.append(int(action))
        observation, reward, terminated, truncated, info = self.env.step(np.int64(action))
        return observation, float(reward), terminated, truncated, info

    def state_dict(self) -> dict[str, Any]:
        """The running episode."""
        return {"seed": self.seed, "actions": torch.tensor(self.actions, dtype=torch.int64)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Play the episode again up to where it was."""
        if state["seed"] is None:
            return
        self.reset(seed=state["seed"])
        for action in state["actions"].tolist():
            self.step(action)
