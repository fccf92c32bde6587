"""Aggregate the runs of one scale: `python -m experiments.report.summary --scale smoke`.

Writes `results/{scale}/summary.parquet` (one row per experiment, cell, protocol, control, range, metric and step: mean,
95 % interval, number of seeds, the seeds' own values) and `summary.json` (what ran, where, how long).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.report.command import Paths, command
from experiments.report.plan import Manifests, read_archive, read_runs
from experiments.report.statistics import pooled
from hrssm.experiment.experiment import Experiment
from hrssm.records.record import RecordError, write_bytes, write_json
from hrssm.training.scale import ARCHIVE, Scale

__all__ = ["read_summary", "write_summary"]

KEYS = ["experiment", "cell", "track", "protocol", "control", "range", "metric", "final", "step"]


def summarise(records: pd.DataFrame) -> pd.DataFrame:
    """One row per group of `KEYS` with n, mean, low, high and the values, in the order of data seeds and seeds."""
    ordered = records.sort_values([*KEYS, "data_seed", "seed"])
    groups = ordered.groupby(KEYS, sort=False, dropna=False, observed=True)
    summary = groups.agg(data_seeds=("data_seed", list), seeds=("seed", list), values=("value", list)).reset_index()
    columns = ["data_seeds", "seeds", "values"]
    estimates = pd.DataFrame(
        [
            asdict(pooled(dict(zip(zip(data, seeds, strict=True), values, strict=True))))
            for data, seeds, values in zip(*(summary[name] for name in columns), strict=True)
        ]
    )
    return pd.concat([summary[KEYS], estimates, summary[columns]], axis=1)


def describe(scale: str, plan: Mapping[str, Experiment], manifests: Manifests) -> dict[str, Any]:
    """What a reader must know of the runs: scale, seeds, devices, wall time, versions, members stopped."""
    runs = []
    for manifest in manifests.values():
        members = manifest["members"]
        stopped = {seed: member for seed, member in members.items() if member["ended"] != "finished"}
        kept = ("experiment", "cell", "kind", "track", "seeds", "device", "device_name", "wall_seconds",
                "member_steps_per_second", "settings_digest", "source_digest")  # fmt: skip
        runs.append(
            {key: manifest.get(key) for key in kept}
            | {"steps": max(member["step"] for member in members.values()), "stopped": stopped}
        )
    first = next(iter(manifests.values()))
    return {
        "scale": scale,
        "seeds": sorted({len(run["seeds"]) for run in runs}),
        "devices": sorted({run["device"] for run in runs}),
        "device_names": sorted({run["device_name"] for run in runs}),
        "wall_seconds": sum(run["wall_seconds"] for run in runs),
        "source_digests": sorted({run["source_digest"] for run in runs}),
        "versions": first["versions"],
        "missing": sorted(
            f"{e.id}/{name}" for e in plan.values() for name in e.own() if (e.id, name) not in manifests
        ),
        "members": sum(len(run["seeds"]) for run in runs),
        "stopped": sum(len(run["stopped"]) for run in runs),
        "experiments": [
            {"id": e.id, "number": e.number, "title": e.title, "group": e.group, "system": e.system,
             "cells": len(e.cells)}
            for e in plan.values()
        ],
        "runs": runs,
    }  # fmt: skip


def write_summary(
    folder: Path, scale: str, plan: Mapping[str, Experiment], of: Scale | None = None, *, archive: Path | None = None
) -> pd.DataFrame:
    """Read the runs in ``folder`` (or in an archive), write their summary to ``folder`` and return it.

    Raises RecordError as `read_runs` and `read_archive` do.
    """
    records, manifests = read_runs(folder, plan, of) if archive is None else read_archive(archive, plan)
    summary = summarise(records)
    buffer = io.BytesIO()
    summary.to_parquet(buffer, index=False)
    write_bytes(folder / "summary.parquet", buffer.getvalue())
    write_json(folder / "summary.json", describe(scale, plan, manifests))
    return summary


def read_summary(folder: Path) -> pd.DataFrame:
    """The summary in ``folder``; raises RecordError when it has not been made."""
    path = folder / "summary.parquet"
    if not path.is_file():
        raise RecordError(f"{path} does not exist: run `python -m experiments.report.summary` first")
    return pd.read_parquet(path)


def _work(paths: Paths) -> str:
    archive = paths.experiments / "archive" if paths.scale == ARCHIVE else None
    summary = write_summary(paths.folder, paths.scale, paths.plan(), paths.settings(), archive=archive)
    return f"summary: {len(summary)} rows of {summary.groupby(['experiment', 'cell']).ngroups} cells"


main = partial(command, __doc__, _work)

if __name__ == "__main__":
    sys.exit(main())
