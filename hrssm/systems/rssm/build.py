"""From a resolved Run to the objects that it describes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hrssm.environments import TreeMDP
from hrssm.experiment.experiment import Run
from hrssm.latents.family import Bounds
from hrssm.latents.table import latent
from hrssm.systems.rssm.model import RSSM
from hrssm.systems.rssm.objective import Objective
from hrssm.training.seeds import generators


def choose_device(name: str) -> torch.device:
    """The device for "auto", "cpu" or "cuda"; raises ValueError where there is no such device."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device {name!r} is unknown; give auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda was asked for, and PyTorch sees no CUDA device; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def build_environment(run: Run, device: torch.device) -> TreeMDP:
    """The tree with its observations."""
    e = run.environment
    return TreeMDP(
        e.branching,
        e.depth,
        seed=e.tree_seed,
        observation_dim=e.observation_dim,
        embedding_dim=e.embedding_dim,
        noise=e.noise,
        device=device,
    )


def build_model(run: Run, seeds: Sequence[int], device: torch.device) -> RSSM:
    """The untrained ensemble, a member per seed."""
    bounds = Bounds(run.latent.scale_min, run.latent.scale_max, run.latent.height_max)
    return RSSM(
        latent(run.latent.family)(run.latent.dim, bounds),
        generators(seeds, "weights", device),
        observation_dim=run.environment.observation_dim,
        hidden=run.model.hidden,
        embedding=run.model.embedding,
        prior=run.model.prior,
        decoder=run.model.decoder,
    )


def build_objective(run: Run) -> Objective:
    """The objective."""
    return Objective(**run.objective.model_dump())


def gate(run: Run, step: int) -> float:
    """How far a gated decoder's gate is open at a step: linear from 0 to 1."""
    return min(1.0, step / run.model.gate_steps) if run.model.gate_steps else 1.0
