"""Runs with invented numbers, recorded by the pipeline's own loop and scorer: reports are tested without training.

A learner that learns nothing stands in for a system; what it "measures" depends on experiment and cell alone.
"""

from __future__ import annotations

import functools
import math
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrssm.evaluation.horizons import GROWTH_METRICS, horizons, range_of
from hrssm.experiment.experiment import Experiment
from hrssm.latents.table import LATENTS
from hrssm.records.record import Row
from hrssm.systems.kinds import kind
from hrssm.systems.rssm.settings import Settings as RSSM
from hrssm.training.loop import Name, train
from hrssm.training.scale import Scale
from hrssm.training.score import score
from hrssm.training.settings import Settings

ROOT = Path(__file__).parents[2]
SCALE = "invented"
#: Every run has 100 steps.
SHRUNK = Scale(seeds=5, data_seeds=2, steps=1e-9, at_least=100, cells_per_job=4)
#: The experiments of the write-up, which tests look into: their cells and claims will not change.
WRITE_UP = ("rssm/e?_*.yaml", "rssm/printed.yaml")
SCALES = f"{SCALE}: {{seeds: 5, data_seeds: 2, steps: 1.0e-9, at_least: 100, cells_per_job: 4}}\n"
STEPS = tuple(range(10, 110, 10))
#: An experiment beside those of the project, in a group of its own.
MORE = """\
id: e90_more
title: One more
group: more
question: "Is a tenth experiment like the others?"
setup: "Small."
metrics: [kl, rho_height]
does_not_show: []
first_seed: 0
base:
  latent: {family: hg}
cells:
  hg: {latent: {dim: 4}}
  hg-wide: {latent: {dim: 8}}
  shared: {same_as: e3_seeds/hg-d16}
claims:
  - id: e90-wider-is-less
    statement: "The narrow latent's KL is far below the untrained one's of more dimensions."
    source: "nobody"
    quantity: {cell: hg, metric: kl}
    relation: "<"
    against: {cell: shared, metric: kl, control: untrained, protocol: published, range: in}
    margin: 5.0
figures:
  - name: e90-dots
    draw: cells
    metrics: [alignment, kl]
    controls: [blind-clock]
    caption: "Dots."
  - name: e90-lines
    draw: curves
    metrics: [loss]
    caption: "Lines."
"""
COMMON = (
    "mse",
    "kl",
    "depth_probe_accuracy",
    "depth_probe_balanced",
    "depth_majority",
    "branch_probe_accuracy",
    "branch_probe_balanced",
)
WITH_HEIGHT = (
    "rho_height",
    "rho_given_t",
    "rho_nodes",
    "attenuation",
    "kl_height",
    "kl_fibre",
    "kl_drift",
    "kl_fibre_depth_slope",
    "kl_drift_depth_slope",
)
WITHOUT = (
    "rho_given_t",
    "rho_first_given_t",
    "rho_nodes",
    "rho_first_pc",
    "rho_best_pc",
    "rho_best_pc_given_t",
    "rho_best_pc_nodes",
)
#: What training says of its own error: no table may take it for the evaluation's.
TRAINING_ERROR = 99.0


def metrics_of(settings: Settings) -> tuple[str, ...]:
    """The metrics that a run of these settings records: those of an RSSM by its latent, of another kind all."""
    if not isinstance(settings, RSSM):
        return tuple(kind(settings.kind).vocabulary.metrics)
    return COMMON + (WITH_HEIGHT if LATENTS[settings.latent.family].has_height else WITHOUT)


def quantities_of(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Protocol, range and metric of everything that an evaluation of these settings scores."""
    vocabulary = kind(settings.kind).vocabulary
    if not isinstance(settings, RSSM):
        yield from product((p for p in vocabulary.protocols if p != "train"), vocabulary.ranges, metrics_of(settings))
        return
    unseen = settings.evaluation.out_of_distribution_depth is not None or settings.data.held_out is not None
    seen = ("in", "out") if unseen else ("in",)
    yield from product(vocabulary.evaluation.values(), seen, metrics_of(settings))
    reached = [range_of(factor) for factor in horizons(settings.evaluation.imagined)]
    yield from product(["imagined"], reached, GROWTH_METRICS)


class Invented:
    """A learner whose numbers are drawn from the name of its run."""

    parameters = 7

    def __init__(self, name: str, settings: Settings, seeds: Sequence[int]) -> None:
        self.settings, self.seeds, self.vocabulary = settings, seeds, kind(settings.kind).vocabulary
        self.alive = torch.ones(len(seeds), dtype=torch.bool)
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        metrics = dict.fromkeys([*metrics_of(settings), *(metric for *_, metric in quantities_of(settings))])
        self.levels = {metric: float(self.rng.uniform(0.1, 0.6)) for metric in metrics}

    def step(self, number: int) -> dict[str, Tensor]:
        names = ("loss", "mse") if isinstance(self.settings, RSSM) else self.vocabulary.training
        return {name: torch.full((len(self.seeds),), TRAINING_ERROR) for name in names}

    def measure(self, number: int) -> list[Row]:
        if number not in STEPS:
            return []
        rows = []
        for metric in metrics_of(self.settings) if self.vocabulary.curves != "train" else ():
            for seed in self.seeds if "probe" not in metric else ():
                value = self.levels[metric] + 0.3 / number + 0.05 * self.rng.standard_normal()
                rows.append(self._row(seed, number, self.vocabulary.curves, "trained", "in", metric, value))
        offsets = isinstance(self.settings, RSSM) and self.settings.model.prior == "action"
        for metric in ("shift_deeper", "shift_shallower") if offsets else ():
            for seed in self.seeds:
                value = 0.3 / number + 0.001 * (seed - self.seeds[0])
                rows.append(self._row(seed, number, "train", "trained", "in", metric, value))
        return rows

    def evaluate(self) -> Iterator[Row]:
        """The rows of an evaluation, under every control."""
        for protocol, where, metric in quantities_of(self.settings):
            level = self.levels[metric]
            for control in self.vocabulary.controls:
                if control in self.vocabulary.seedless:
                    yield self._row(-1, STEPS[-1], protocol, control, where, metric, level)
                    continue
                for seed in self.seeds:
                    value = level + 0.05 * self.rng.standard_normal()
                    yield self._row(seed, STEPS[-1], protocol, control, where, metric, value)

    def state_dict(self) -> dict[str, Any]:
        return {"levels": self.levels}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert state["levels"] == self.levels, "the checkpoint is of another run"

    def _row(self, seed: int, step: int, protocol: str, control: str, where: str, metric: str, value: float) -> Row:
        assert math.isfinite(value)
        return Row(seed, self.settings.data_seed, step, protocol, control, where, metric, value)


def invent(folder: Path, experiment: Experiment, cell: str) -> None:
    """Train, in name only, and evaluate the run that ``cell`` of ``experiment`` is, below ``folder``."""
    settings = experiment.cell(cell).scaled(SHRUNK)
    name, directory, system = Name(experiment.id, cell, SCALE), folder / experiment.id / cell, kind(settings.kind)
    build = functools.partial(_build, str(name))
    device = torch.device("cpu")
    seeds = experiment.seeds(SHRUNK.seeds)
    train(
        settings, seeds, directory, name, build=build, sources=system.training_sources(settings), device=device,
        say=_quiet,
    )  # fmt: skip
    score(
        settings, directory, build=build, evaluate=_evaluate, sources=system.evaluation_sources(settings),
        device=device, say=_quiet,
    )  # fmt: skip


def invent_all(folder: Path, plan: Mapping[str, Experiment]) -> None:
    """A run for every cell that no other experiment owns, below ``folder``."""
    for experiment in plan.values():
        for cell in experiment.at(SHRUNK).own():
            invent(folder, experiment, cell)


def copy_experiments(folder: Path, *patterns: str) -> Path:
    """Experiment files of the project in ``folder``, all or those that match, with the scale of invented runs."""
    for path in (path for pattern in patterns or ["*/*.yaml"] for path in (ROOT / "experiments").glob(pattern)):
        copy = folder / path.relative_to(ROOT / "experiments")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    (folder / "scales.yaml").write_text(SCALES)
    return folder


def _build(name: str, settings: Settings, seeds: Sequence[int], device: torch.device) -> Invented:
    return Invented(name, settings, seeds)


def _evaluate(settings: Settings, learner: Invented, seeds: Sequence[int], say: object) -> Iterator[Row]:
    return learner.evaluate()


def _quiet(line: str) -> None:
    pass
