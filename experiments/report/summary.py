"""Aggregate the runs of one scale: `python -m experiments.aggregate --scale smoke`.

Writes `results/{scale}/summary.parquet` (one row per experiment, cell, protocol, control, distribution,
metric and step: mean, 95 % interval, number of seeds, the seeds' own values) and `summary.json` (what ran,
where, how long).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.report.plan import Experiment, RecordError, read_plan, read_runs
from experiments.report.statistics import interval

KEYS = ["experiment", "cell", "track", "protocol", "control", "distribution", "metric", "final", "step"]


def summarise(records: pd.DataFrame) -> pd.DataFrame:
    """One row per group of `KEYS` with n, mean, low, high and the values, in the order of `seeds`."""
    groups = records.sort_values([*KEYS, "seed"]).groupby(KEYS, sort=False, dropna=False, observed=True)
    summary = groups.agg(seeds=("seed", list), values=("value", list)).reset_index()
    estimates = pd.DataFrame([asdict(interval(values)) for values in summary["values"]])
    return pd.concat([summary[KEYS], estimates, summary[["seeds", "values"]]], axis=1)


def describe(scale: str, plan: list[Experiment], manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """What a reader must know of the runs: scale, seeds, devices, wall time, versions, members stopped."""
    runs = []
    for manifest in manifests:
        members = manifest.get("members", {})
        stopped = {seed: member for seed, member in members.items() if member["ended"] != "finished"}
        runs.append(
            {
                "experiment": manifest["experiment"],
                "cell": manifest["cell"],
                "track": manifest["track"],
                "seeds": manifest["seeds"],
                "device": manifest["device"],
                "device_name": manifest.get("device_name", manifest["device"]),
                "wall_seconds": manifest["wall_seconds"],
                "member_steps_per_second": manifest.get("member_steps_per_second"),
                "steps": max((member["step"] for member in members.values()), default=None),
                "config_hash": manifest.get("config_hash"),
                "stopped": stopped,
            }
        )
    counts = sorted({len(run["seeds"]) for run in runs})
    return {
        "scale": scale,
        "seeds": counts,
        "devices": sorted({run["device"] for run in runs}),
        "device_names": sorted({run["device_name"] for run in runs}),
        "wall_seconds": sum(run["wall_seconds"] for run in runs),
        "source_digest": manifests[0].get("source_digest"),
        "versions": manifests[0].get("versions", {}),
        "members": sum(len(run["seeds"]) for run in runs),
        "stopped": sum(len(run["stopped"]) for run in runs),
        "experiments": [
            {"id": e.id, "number": e.number, "title": e.title, "group": e.group, "cells": len(e.cells)} for e in plan
        ],
        "runs": runs,
    }


def write_json(path: Path, content: Any) -> None:
    """Write `content` so that a reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(draft, path)


def write_summary(results: Path, scale: str, plan: list[Experiment]) -> pd.DataFrame:
    """Read the runs of `scale`, write its summary and return it. Raises RecordError as `read_runs` does."""
    records, manifests = read_runs(results / scale, plan)
    summary = summarise(records)
    draft = results / scale / "summary.parquet.part"
    summary.to_parquet(draft, index=False)
    os.replace(draft, results / scale / "summary.parquet")
    write_json(results / scale / "summary.json", describe(scale, plan, manifests))
    return summary


def read_summary(results: Path, scale: str) -> pd.DataFrame:
    """The summary of `scale`; raises RecordError when it has not been made."""
    path = results / scale / "summary.parquet"
    if not path.is_file():
        raise RecordError(f"{path} does not exist: run `python -m experiments.aggregate --scale {scale}` first")
    return pd.read_parquet(path)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that every script of this folder takes."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--scale", required=True, help="smoke, laptop or published: the folder below --results")
    made.add_argument("--results", type=Path, default=Path("results"), help="where the runs are (default: results)")
    made.add_argument("--experiments", type=Path, default=Path("experiments"), help="where the YAML files are")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: 0 when the summary was written, 2 with a one-paragraph error when it cannot be."""
    arguments = parser(__doc__).parse_args(argv)
    try:
        summary = write_summary(arguments.results, arguments.scale, read_plan(arguments.experiments))
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"aggregate: {len(summary)} rows of {summary.groupby(['experiment', 'cell']).ngroups} cells")
    return 0


if __name__ == "__main__":
    sys.exit(main())
