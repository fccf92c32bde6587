"""From an RSSM's settings to its learner: tree, ensemble, optimiser, and the generators of each member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hrssm.latents.family import Bounds
from hrssm.latents.table import latent
from hrssm.records.record import Row
from hrssm.systems.rssm.model import RSSM
from hrssm.systems.rssm.objective import loss
from hrssm.systems.rssm.settings import Settings
from hrssm.systems.rssm.trajectories import published_curve
from hrssm.systems.rssm.walking import build_tree, training_region
from hrssm.training.optimiser import Optimiser
from hrssm.training.seeds import generators

__all__ = ["RSSMLearner", "build", "build_model", "gate"]


def build(settings: Settings, seeds: Sequence[int], device: torch.device) -> RSSMLearner:
    """The learner, a member per seed."""
    return RSSMLearner(settings, seeds, device)


def build_model(settings: Settings, seeds: Sequence[int], device: torch.device) -> RSSM:
    """The untrained ensemble, a member per seed."""
    bounds = Bounds(settings.latent.scale_min, settings.latent.scale_max, settings.latent.height_max)
    return RSSM(
        latent(settings.latent.family)(settings.latent.dim, bounds),
        generators(seeds, "weights", device),
        observation_dim=settings.data.observation_dim,
        hidden=settings.model.hidden,
        embedding=settings.model.encoder.width,
        prior=settings.model.prior,
        decoder=settings.model.decoder,
        update=settings.model.update,
    )


def gate(settings: Settings, step: int) -> float:
    """How far a gated decoder's gate is open at a step: linear from 0 to 1."""
    return min(1.0, step / settings.model.gate_steps) if settings.model.gate_steps else 1.0


class RSSMLearner:
    """An ensemble of RSSMs in training; see `hrssm.training.learner.Learner`."""

    def __init__(self, settings: Settings, seeds: Sequence[int], device: torch.device) -> None:
        self.settings, self.seeds = settings, seeds
        self.tree = build_tree(settings, device)
        self.model = build_model(settings, seeds, device)
        self.optimiser = Optimiser(self.model, settings.training.learning_rate, settings.training.clip)
        self.walks = generators(seeds, "walks", device)
        self.noise = generators(seeds, "noise", device)
        self.observations = generators(seeds, "observations", device)
        self.region = training_region(settings, self.tree)

    @property
    def alive(self) -> Tensor:
        return self.optimiser.finite

    @property
    def parameters(self) -> int:
        return sum(p[0].numel() for p in self.model.parameters())

    def step(self, number: int) -> dict[str, Tensor]:
        training, data = self.settings.training, self.settings.data
        walks = self.tree.walks(
            training.length, training.batch, self.walks, start=data.start, lazy=data.lazy, region=self.region
        )
        observations = self.tree.observe(walks.nodes, self.observations)
        noise = torch.stack([self.model.family.noise(g, training.length, training.batch) for g in self.noise])
        rollout = self.model.observe(observations, walks.actions, noise, gate=gate(self.settings, number))
        report = loss(self.settings.objective, self.model, rollout, observations, number)
        report["gradient_norm"] = self.optimiser.step(report["loss"])
        return {key: value.detach() for key, value in report.items()}

    def measure(self, number: int) -> Sequence[Row]:
        """The learned offsets of an action prior with the loop's own log, and the curve of the published evaluation."""
        rows: list[Row] = []
        living = [k for k, alive in enumerate(self.alive.tolist()) if alive]

        def add(protocol: str, k: int, metric: str, value: float) -> None:
            seed, data_seed = self.seeds[k], self.settings.data_seed
            rows.append(Row(seed, data_seed, number, protocol, "trained", "in", metric, value))

        if self.model.action_shift is not None and self.settings.training.logged(number):
            deeper, shallower = F.softplus(self.model.action_shift.detach()).unbind(1)
            for k in living:
                add("train", k, "shift_deeper", float(deeper[k]))
                add("train", k, "shift_shallower", float(shallower[k]))
        if self.settings.training.evaluated(number):
            measured = published_curve(
                self.settings, self.model, self.tree, self.seeds, gate=gate(self.settings, number)
            )
            for k in living:
                for metric, value in measured[k].items():
                    add("published", k, metric, value)
        return rows

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generators": [g.get_state() for g in self._generators()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for mine, stored in zip(self._generators(), state["generators"], strict=True):
            mine.set_state(stored.cpu())

    def _generators(self) -> list[torch.Generator]:
        return [*self.walks, *self.noise, *self.observations]
