"""From settings to a learner: moves, integrators, optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hrssm.records.record import Row
from hrssm.systems.updates.model import Integrator
from hrssm.systems.updates.settings import Settings
from hrssm.systems.updates.task import Task
from hrssm.training.optimiser import Optimiser
from hrssm.training.seeds import generators

__all__ = ["UpdateLearner", "build", "build_model"]


def build(settings: Settings, seeds: Sequence[int], device: torch.device) -> UpdateLearner:
    """The learner, a member per seed."""
    return UpdateLearner(settings, seeds, device)


def build_model(settings: Settings, seeds: Sequence[int], task: Task) -> Integrator:
    """The untrained ensemble, a member per seed."""
    weights = generators(seeds, "weights", task.device)
    return Integrator(settings.model.update, weights, task.inputs, settings.model.hidden, task.levels)


class UpdateLearner:
    """An ensemble of integrators in training; see `hrssm.training.learner.Learner`."""

    def __init__(self, settings: Settings, seeds: Sequence[int], device: torch.device) -> None:
        self.settings, self.seeds = settings, seeds
        self.task = Task(settings.data, device)
        self.model = build_model(settings, seeds, self.task)
        self.optimiser = Optimiser(self.model, settings.training.learning_rate, settings.training.clip)
        self.walks = generators(seeds, "walks", device)

    @property
    def alive(self) -> Tensor:
        return self.optimiser.finite

    @property
    def parameters(self) -> int:
        return sum(p[0].numel() for p in self.model.parameters())

    def step(self, number: int) -> dict[str, Tensor]:
        training = self.settings.training
        paths = self.task.draw(training.length, training.batch, self.walks)
        logits = self.model(self.task.opening(paths.start), self.task.encode(paths.moves))
        surprise = F.cross_entropy(logits.flatten(0, 2), paths.depths.flatten(), reduction="none")
        report = {
            "loss": surprise.view(len(self.seeds), -1).mean(1),
            "accuracy": (logits.argmax(-1) == paths.depths).float().mean((1, 2)),
        }
        report["gradient_norm"] = self.optimiser.step(report["loss"])
        return {key: value.detach() for key, value in report.items()}

    def measure(self, number: int) -> Sequence[Row]:
        return ()

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "walks": [g.get_state() for g in self.walks],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for mine, stored in zip(self.walks, state["walks"], strict=True):
            mine.set_state(stored.cpu())
