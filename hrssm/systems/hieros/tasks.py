"""From settings to environment."""

from __future__ import annotations

from importlib import import_module

import gymnasium

from hrssm.systems.hieros.settings import Settings

__all__ = ["make"]


def make(settings: Settings) -> gymnasium.Env:
    """The task's environment; raises ValueError for a game that is not there, ModuleNotFoundError without its extra."""
    task, seed = settings.task, settings.data_seed
    module = import_module(settings.modules()[1])
    if task.name == "tree":
        return module.TreeTask(
            task.branching, task.depth, goals=task.goals, task_seed=seed, tree_seed=seed, length=task.length,
            observation_dim=task.observation_dim,
        )  # fmt: skip
    if task.name == "pinpad":
        return module.PinPad(task.pads, observation=task.observation, task_seed=seed, length=task.length)
    return module.AtariEnvironment(task.game, limit=task.limit)
