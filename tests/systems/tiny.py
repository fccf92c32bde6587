"""The smallest settings of every kind, on which the generic suite runs; a new kind adds its own here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from hrssm.records.sources import sources
from hrssm.systems.kinds import kind
from hrssm.training.loop import Name, train
from hrssm.training.score import score
from hrssm.training.settings import Settings

CPU = torch.device("cpu")
NAME = Name("e0_test", "cell", "smoke")

TINY: dict[str, dict[str, Any]] = {
    "rssm": {
        "data": {"branching": 2, "depth": 3, "observation_dim": 8, "embedding_dim": 4},
        "latent": {"family": "hg", "dim": 4},
        "model": {"hidden": 8, "encoder": {"width": 8}, "prior": "action"},
        "training": {"steps": 12, "batch": 4, "length": 3, "evaluate_every": 6},
        "evaluation": {"walks": 6, "length": 4},
    },
    "vae": {
        "data": {"source": "sprites", "count": 60},
        "latent": {"family": "gaussian-manifold-normal", "learned": True, "head": "geo"},
        "model": {"depth": 2},
        "training": {"steps": 12, "batch": 4, "learning_rate": 1e-3, "clip": 1e9, "evaluate_every": 6},
        "evaluation": {"images": 6, "samples": 4, "curve_samples": 2},
    },
    "updates": {
        "data": {"branching": 2, "depth": 3},
        "model": {"update": "gated", "hidden": 8},
        "training": {"steps": 12, "batch": 4, "length": 3},
        "evaluation": {"sequences": 2, "rollout": 10},
    },
    "hieros": {
        "task": {"name": "tree", "branching": 2, "depth": 2, "length": 6, "observation_dim": 5},
        "model": {
            **{"latent": {"dim": 9}, "width": 8, "states": 4, "depth": 1, "blocks": 2, "hidden": 8, "layers": 1},
            "initial": "learned",
        },
        "agent": {"horizon": 3, "hidden": 8, "layers": 1},
        "replay": {"capacity": 30},
        "training": {"steps": 12, "batch": 2, "length": 5, "decisions_per_update": 3, "prefill": 10},
        "evaluation": {"episodes": 3},
    },
}


def tiny(name: str = "rssm", **changes: Any) -> Settings:
    """The tiny settings of a kind, with top-level parts replaced."""
    return kind(name).settings.model_validate(TINY[name] | {"kind": name} | changes)


def quiet(line: str) -> None:
    pass


def go(settings: Settings, seeds: Sequence[int], directory: Path, **options: Any) -> dict[str, Any]:
    """Train in this process, whatever is not given being what the command line gives."""
    system = kind(settings.kind)
    given: dict[str, Any] = {"build": system.build, "sources": training_sources(settings), "device": CPU, "say": quiet}
    return train(settings, seeds, directory, NAME, **given | options)


def evaluate(settings: Settings, directory: Path, **options: Any) -> None:
    """Evaluate in this process."""
    system = kind(settings.kind)
    given: dict[str, Any] = {
        "build": system.build,
        "evaluate": system.evaluate,
        "sources": system.evaluation_sources(settings),
        "device": CPU,
        "say": quiet,
    }
    score(settings, directory, **given | options)


def training_sources(settings: Settings) -> Mapping[str, str]:
    """The sources of a training run."""
    return sources(*kind(settings.kind).training_roots, *settings.modules())
