"""Read the plan (YAML) and the run records of one scale, and refuse what cannot be compared.

A run is `results/{scale}/{experiment}/{cell}/` with `manifest.json`, `metrics.parquet` (training curves) and
`evaluation.parquet` (final). The manifest is written last, so a folder without one is a run that did not end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

import hrssm.experiment.experiment as schema
from hrssm.experiment.experiment import ExperimentError, Run, load

COLUMNS = (
    "experiment",
    "cell",
    "seed",
    "tree_seed",
    "step",
    "protocol",
    "control",
    "distribution",
    "metric",
    "value",
)
FILES = ("manifest.json", "metrics.parquet", "evaluation.parquet")


class RecordError(Exception):
    """A record that is missing, half-written or made by other code; the message says what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell: the run that serves it (`source`: experiment, cell) and that run's full settings."""

    name: str
    source: tuple[str, str]
    run: Run


@dataclass(frozen=True)
class Experiment:
    """One experiment file: its prose, its cells by name, and the claims it decides."""

    id: str
    title: str
    group: str
    question: str
    setup: str
    metrics: list[str]
    does_not_show: list[str]
    cells: dict[str, Cell]
    claims: list[dict[str, Any]]

    @property
    def number(self) -> int:
        """The k of `ek_name`."""
        return int(self.id.split("_")[0].removeprefix("e"))


def read_plan(folder: Path) -> list[Experiment]:
    """The experiment files of `folder`, in the order of their numbers, every cell resolved to a run.

    Raises RecordError when there are none, when one does not fit the schema, or when `same_as` leads nowhere.
    """
    paths = sorted(folder.glob("e[0-9]*_*.yaml"), key=lambda path: int(path.stem.split("_")[0][1:]))
    if not paths:
        raise RecordError(f"no experiment file e*_*.yaml in {folder}: run from the root of the repository")
    try:
        files = {file.id: file for file in map(load, paths)}
    except ExperimentError as error:
        raise RecordError(str(error)) from error
    return [
        Experiment(
            **file.model_dump(include={"id", "title", "group", "question", "setup", "metrics", "does_not_show"}),
            cells={name: resolve(files, file.id, name) for name in _in_order(folder, file)},
            claims=[claim.model_dump() for claim in file.claims],
        )
        for file in files.values()
    ]


def _in_order(folder: Path, file: schema.Experiment) -> list[str]:
    """Names of all cells in the order of the file, which its author chose for the tables."""
    names = yaml.safe_load((folder / f"{file.id}.yaml").read_text(encoding="utf-8"))["cells"]
    return list(names)


def resolve(files: dict[str, schema.Experiment], experiment: str, cell: str) -> Cell:
    """The cell with the run that serves it: its own, or the one that `same_as` leads to."""
    at, seen = (experiment, cell), []
    while True:
        file = files.get(at[0])
        if file is None or (at[1] not in file.cells and at[1] not in file.same_as):
            allowed = ", ".join(files) if file is None else ", ".join([*file.cells, *file.same_as])
            raise RecordError(f"{'/'.join(at)}, named by {experiment}/{cell}, does not exist; allowed are {allowed}")
        if at in seen:
            raise RecordError(f"same_as of {experiment}/{cell} leads back to itself; give one its settings")
        if at[1] in file.cells:
            return Cell(cell, at, file.cells[at[1]])
        seen.append(at)
        target, _, name = file.same_as[at[1]].partition("/")
        at = (target, name)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of one run folder; raises RecordError when the run is missing or did not end."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        state = "is missing" if not folder.is_dir() else f"is not complete (no {', '.join(missing)})"
        raise RecordError(f"run {folder} {state}: `make paper` trains what is missing and goes on from there")
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def read_runs(results: Path, plan: list[Experiment]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """All records under `results` (one scale) as one long frame, and the manifest of every run, once each.

    The frame has the columns of a record plus `track` and `final` (True for the final evaluation, False for
    what was recorded while training). A cell with `same_as` shows the rows of the run that it names. Raises
    RecordError for a missing or half-written run, and when the runs come from different sources.
    """
    manifests: dict[tuple[str, str], dict[str, Any]] = {}
    frames = []
    for experiment in plan:
        for cell, settings in experiment.cells.items():
            source = settings.source
            folder = results.joinpath(*source)
            if source not in manifests:
                manifests[source] = read_manifest(folder)
            for name, final in (("metrics.parquet", False), ("evaluation.parquet", True)):
                frame = pd.read_parquet(folder / name)
                absent = [column for column in COLUMNS if column not in frame.columns]
                if absent:
                    raise RecordError(f"{folder / name} has no column {', '.join(absent)}; delete it and train again")
                frame = frame[list(COLUMNS)].assign(experiment=experiment.id, cell=cell, final=final)
                frames.append(frame.assign(track=settings.run.track))
                if not final:
                    frames.append(at_the_end(frames[-1]))
    check_one_source(manifests)
    return pd.concat(frames, ignore_index=True), list(manifests.values())


def at_the_end(curves: pd.DataFrame) -> pd.DataFrame:
    """What only training records (losses, learned offsets) at a cell's last step, as final rows.

    A seed that stopped earlier has none, as it has no evaluation.
    """
    trained = curves[curves["protocol"] == "train"]
    return trained[trained["step"] == trained["step"].max()].assign(final=True)


def check_one_source(manifests: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Raise RecordError, naming the runs of the minority, when manifests carry different source digests."""
    by_digest: dict[str, list[str]] = {}
    for (experiment, cell), manifest in manifests.items():
        by_digest.setdefault(str(manifest.get("source_digest")), []).append(f"{experiment}/{cell}")
    if len(by_digest) > 1:
        oldest = min(by_digest.items(), key=lambda item: len(item[1]))
        raise RecordError(
            f"runs of {len(by_digest)} different sources cannot be put in one table; digest {oldest[0]} has "
            f"{', '.join(oldest[1][:6])}{' and others' if len(oldest[1]) > 6 else ''}. "
            f"`hrssm status` lists every digest; delete the runs of the old one and run `make paper` again"
        )
