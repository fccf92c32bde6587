"""From a VAE's settings to its learner: images, ensemble, optimiser, and the best weights by validation."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hrssm.data.images import Images
from hrssm.evaluation.likelihood import Bernoulli, Gaussian, Likelihood
from hrssm.latents.family import Bounds, LatentFamily
from hrssm.latents.table import latent
from hrssm.records.record import Row
from hrssm.systems.vae.data import load
from hrssm.systems.vae.model import VAE
from hrssm.systems.vae.score import log_likelihood
from hrssm.systems.vae.settings import Settings
from hrssm.training.optimiser import Optimiser
from hrssm.training.seeds import generators

__all__ = ["VAELearner", "build", "build_model"]


def build(settings: Settings, seeds: Sequence[int], device: torch.device) -> VAELearner:
    """The learner, a member per seed."""
    return VAELearner(settings, seeds, device)


def build_model(settings: Settings, seeds: Sequence[int], device: torch.device) -> VAE:
    """The untrained ensemble, a member per seed."""
    chosen, objective = settings.latent, settings.objective
    likelihood: Likelihood = (
        Bernoulli() if objective.likelihood == "bernoulli" else Gaussian(objective.likelihood_scale)
    )
    model = VAE(
        functools.partial(_family, settings),
        likelihood,
        generators(seeds, "weights", device),
        channels=settings.channels,
        depth=settings.model.depth,
        geo=chosen.geo,
        curvature=chosen.curvature,
        learned=chosen.learned,
    )
    return model.to(getattr(torch, settings.model.dtype))


def _family(settings: Settings, curvature: float | Tensor) -> LatentFamily:
    chosen = settings.latent
    bounds = Bounds(chosen.scale_min, chosen.scale_max, chosen.height_max)
    family: Any = latent(chosen.family)
    if chosen.family == "gaussian-manifold-normal":
        return family(chosen.dim, bounds, curvature)
    return family(chosen.dim, bounds)


class VAELearner:
    """An ensemble of VAEs in training; see `hrssm.training.learner.Learner`.

    Each member draws its batches and its noise from its own seed. After each evaluation on the validation images, a
    member's weights are kept if its bound is the best so far: ``best`` holds them, and is what is evaluated.
    """

    def __init__(self, settings: Settings, seeds: Sequence[int], device: torch.device) -> None:
        self.settings, self.seeds = settings, seeds
        self.images = load(settings).to(device)
        self.train = self.images["train"]
        self.dtype: torch.dtype = getattr(torch, settings.model.dtype)
        self.model = build_model(settings, seeds, device)
        self.optimiser = Optimiser(self.model, settings.training.learning_rate, settings.training.clip)
        self.batches, self.noise = generators(seeds, "batches", "cpu"), generators(seeds, "noise", device)
        self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.best_bound = torch.full((len(seeds),), -torch.inf, dtype=torch.float64)

    @property
    def alive(self) -> Tensor:
        return self.optimiser.finite

    @property
    def parameters(self) -> int:
        return sum(p[0].numel() for p in self.model.parameters())

    @property
    def facts(self) -> dict[str, Any]:
        """Of each split how many images it has and their hash, and what was left out or changed when they were made."""
        counts = {name: len(places) for name, places in self.images.splits.items()}
        return {"images": counts, "split_hashes": self.images.hashes(), "notes": dict(self.images.notes)}

    @property
    def device(self) -> torch.device:
        """Where everything is."""
        return self.train.store.device

    @property
    def validation(self) -> Images:
        """The validation images that the curve is measured on, the same at every step and for every member."""
        return self.images["valid"].sample(self.settings.evaluation.images)

    def step(self, number: int) -> dict[str, Tensor]:
        batch, family = self.settings.training.batch, self.model.plain
        drawn = [torch.randint(len(self.train), (batch,), generator=g).to(self.device) for g in self.batches]
        images = torch.stack([self.train.pixels(at) for at in drawn]).to(self.dtype)
        noise = torch.stack([family.noise(g, batch) for g in self.noise]).to(self.dtype)
        report = self.model.objective(images, noise, self.settings.objective.kl_weight)
        if self.model.log_curvature is not None:
            report["curvature"] = self.model.log_curvature.exp().squeeze(-1)
        report["gradient_norm"] = self.optimiser.step(report["loss"])
        return {key: value.detach() for key, value in report.items()}

    def measure(self, number: int) -> Sequence[Row]:
        """The curve on validation images; the best weights are kept on the way."""
        if not self.settings.training.evaluated(number):
            return ()
        scored = log_likelihood(self.model, self.validation, self.seeds, samples=self.settings.evaluation.curve_samples)
        bound = torch.nan_to_num(scored["elbo"], nan=-torch.inf).double().cpu()
        better = (bound > self.best_bound) & self.alive.cpu()
        self.best_bound = torch.where(better, bound, self.best_bound)
        chosen = better.to(self.device)
        for name, value in self.model.state_dict().items():
            self.best[name][chosen] = value[chosen]
        where = (self.settings.data_seed, number, "validation", "trained", "in")
        living = [k for k, alive in enumerate(self.alive.tolist()) if alive]
        return [
            Row(self.seeds[k], *where, metric, float(values[k])) for k in living for metric, values in scored.items()
        ]

    def best_model(self) -> VAE:
        """The ensemble with each member's best weights by validation."""
        model = build_model(self.settings, self.seeds, self.device)
        model.load_state_dict(self.best)
        return model

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.best,
            "last": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best_bound": self.best_bound,
            "batches": [g.get_state() for g in self.batches],
            "noise": [g.get_state() for g in self.noise],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["last"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, value in state["model"].items():
            self.best[name].copy_(value)
        self.best_bound.copy_(state["best_bound"])
        for mine, stored in zip((*self.batches, *self.noise), (*state["batches"], *state["noise"]), strict=True):
            mine.set_state(stored.cpu())
