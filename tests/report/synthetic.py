"""Run records with invented numbers in the format of real ones: the scripts are tested without training."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from experiments.report.labels import CONTROLS

from experiments.report.plan import COLUMNS, Cell, Experiment

METRICS_OF = {
    "hg": (
        "rho_height",
        "rho_given_t",
        "rho_nodes",
        "attenuation",
        "kl_height",
        "kl_fibre",
        "kl_drift",
        "kl_fibre_depth_slope",
        "kl_drift_depth_slope",
    ),
    "gaussian": (
        "rho_given_t",
        "rho_nodes",
        "rho_first_pc",
        "rho_best_pc",
        "rho_best_pc_given_t",
        "rho_best_pc_nodes",
    ),
}
COMMON = (
    "mse",
    "kl",
    "depth_probe_accuracy",
    "depth_probe_balanced",
    "depth_majority",
    "branch_probe_accuracy",
    "branch_probe_balanced",
)
STEPS = tuple(range(10, 110, 10))
SEEDS = (0, 1, 2, 3, 4)
DIGEST = "synthetic"


def metrics_of(cell: Cell) -> tuple[str, ...]:
    """The metrics that a run of this cell records."""
    return COMMON + METRICS_OF["gaussian" if cell.run.latent.family.startswith("gaussian") else "hg"]


def write_run(results: Path, settings: Cell, seeds: tuple[int, ...] = SEEDS, digest: str = DIGEST) -> None:
    """The run folder of a cell; its numbers depend on experiment and cell alone."""
    experiment, cell = settings.source
    folder = results / experiment / cell
    rng = np.random.default_rng(zlib.crc32(f"{experiment}/{cell}".encode()))
    folder.mkdir(parents=True, exist_ok=True)
    curve, final = [], []

    def add(
        rows: list, seed: int, step: int, protocol: str, control: str, where: str, metric: str, value: float
    ) -> None:
        rows.append((experiment, cell, seed, 42, step, protocol, control, where, metric, value))

    for metric in metrics_of(settings):
        level = float(rng.uniform(0.1, 0.6))
        for seed in seeds:
            for step in STEPS if "probe" not in metric else ():
                value = level + 0.3 / step + 0.05 * rng.standard_normal()
                add(curve, seed, step, "published", "trained", "in", metric, value)
        for protocol in ("published", "every_depth"):
            for where in ("in", "out") if experiment.startswith("e9") else ("in",):
                for seed in seeds:
                    for control in ("trained", *(c for c in CONTROLS if c != "blind-clock")):
                        value = level + 0.05 * rng.standard_normal()
                        add(final, seed, STEPS[-1], protocol, control, where, metric, value)
                add(final, -1, STEPS[-1], protocol, "blind-clock", where, metric, level)
    # Training records its own error, which no table may take for the evaluation's.
    for seed in seeds:
        add(curve, seed, STEPS[-1], "train", "trained", "in", "mse", 99.0)
    if settings.run.model.prior == "action":
        for metric in ("shift_deeper", "shift_shallower"):
            for seed in seeds:
                for step in STEPS:
                    add(curve, seed, step, "train", "trained", "in", metric, 0.3 / step + 0.001 * seed)
    for name, rows in (("metrics", curve), ("evaluation", final)):
        pd.DataFrame(rows, columns=list(COLUMNS)).to_parquet(folder / f"{name}.parquet", index=False)
    manifest = {
        "experiment": experiment,
        "cell": cell,
        "track": settings.run.track,
        "scale": "smoke",
        "config": {},
        "config_hash": "0",
        "source_digest": digest,
        "versions": {"torch": "none"},
        "device": "cpu",
        "device_name": "invented",
        "seeds": list(seeds),
        "wall_seconds": 1.5,
        "member_steps_per_second": 100.0,
        "members": {str(seed): {"ended": "finished", "step": STEPS[-1], "cause": None} for seed in seeds},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_results(results: Path, plan: list[Experiment], scale: str = "smoke") -> Path:
    """A run for every cell of `plan` that is not the same as another; returns the folder of the scale."""
    for experiment in plan:
        for cell in experiment.cells.values():
            if cell.source == (experiment.id, cell.name):
                write_run(results / scale, cell)
    return results / scale
