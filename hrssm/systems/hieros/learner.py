"""From an agent's settings to its learner: an agent per seed, each with its own environment, stepped in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from hrssm.records.record import Row
from hrssm.systems.hieros.agent import Agent
from hrssm.systems.hieros.settings import Settings

__all__ = ["HierosLearner", "build"]


def build(settings: Settings, seeds: Sequence[int], device: torch.device) -> HierosLearner:
    """The learner, an agent per seed."""
    return HierosLearner(settings, seeds, device)


class HierosLearner:
    """Agents in training; see `hrssm.training.learner.Learner`.

    What an agent sees depends on what it does, so that the smallest difference in arithmetic ends in another run.
    Agents are therefore not batched: each is an ensemble of one, and its record is its own bit for bit.
    """

    def __init__(self, settings: Settings, seeds: Sequence[int], device: torch.device) -> None:
        self.settings, self.seeds = settings, seeds
        self.agents = [Agent(settings, seed, device) for seed in seeds]

    @property
    def alive(self) -> Tensor:
        return torch.tensor([agent.alive for agent in self.agents])

    @property
    def parameters(self) -> int:
        return self.agents[0].parameters

    def step(self, number: int) -> dict[str, Tensor]:
        reports = [agent.step() if agent.alive else {} for agent in self.agents]
        names = dict.fromkeys(name for report in reports for name in report)
        return {name: torch.tensor([float(r.get(name, math.nan)) for r in reports]) for name in names}

    def measure(self, number: int) -> Sequence[Row]:
        """The episodes that each agent has finished since the last point of its curve."""
        rows: list[Row] = []
        if not self.settings.training.logged(number):
            return rows
        for seed, agent in zip(self.seeds, self.agents, strict=True):
            finished, agent.finished = agent.finished, []
            if not agent.alive or not finished:
                continue
            values = {
                "episode_return": fmean(e.score for e in finished),
                "episode_success": fmean(e.terminated for e in finished),
                "episode_length": fmean(e.length for e in finished),
            }
            rows += [
                Row(seed, self.settings.data_seed, number, "train", "trained", "in", metric, value)
                for metric, value in values.items()
            ]
        return rows

    def state_dict(self) -> dict[str, Any]:
        """Weights with their member axis, as every system's; what else an agent is, agent by agent."""
        agents = [agent.state_dict() for agent in self.agents]
        return {"weights": _together([state.pop("weights") for state in agents]), "agents": agents}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, (agent, stored) in enumerate(zip(self.agents, state["agents"], strict=True)):
            agent.load_state_dict(stored | {"weights": _member(state["weights"], k)})


def _together(states: Sequence[Any]) -> Any:
    """Nested dictionaries of tensors of one member each, as one with all members."""
    if isinstance(states[0], Tensor):
        return torch.cat(list(states))
    return {name: _together([state[name] for state in states]) for name in states[0]}


def _member(state: Any, k: int) -> Any:
    """One member's part of nested dictionaries of tensors."""
    return state[k : k + 1] if isinstance(state, Tensor) else {name: _member(value, k) for name, value in state.items()}
