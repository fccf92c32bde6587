"""Read the records of one scale's runs, and refuse what is missing, damaged, stale or cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.report.archive import archived
from hrssm.experiment.experiment import Cell, Experiment
from hrssm.records.record import CURVES, EVALUATION, RecordError, read_rows
from hrssm.records.run import inspect
from hrssm.training.scale import Scale

__all__ = ["Manifests", "read_archive", "read_runs"]

Manifests = dict[tuple[str, str], Mapping[str, Any]]


def read_archive(folder: Path, plan: Mapping[str, Experiment]) -> tuple[pd.DataFrame, Manifests]:
    """As `read_runs`, of the runs in the archive; a cell whose run is not there has no rows.

    Raises RecordError when a run is damaged, or when there is none at all.
    """
    runs = archived(folder)
    manifests: Manifests = {}
    frames = []
    for experiment in plan.values():
        for name, cell in _shown(experiment):
            if cell.source not in runs:
                continue
            run = runs[cell.source]
            manifests[cell.source] = run.manifest
            for frame in _frames(run.curves(), run.scores()):
                frames.append(frame.assign(experiment=experiment.id, cell=name, track=cell.of.track))
    if not frames:
        raise RecordError(f"{folder} holds no run of these experiments: `make paper SCALE=laptop` trains short ones")
    return pd.concat(frames, ignore_index=True), manifests


def read_runs(
    folder: Path, plan: Mapping[str, Experiment], scale: Scale | None = None
) -> tuple[pd.DataFrame, Manifests]:
    """All records under ``folder`` as one long frame, and the manifest of every run, once each.

    The frame has the columns of a record plus ``track`` and ``final`` (True for the final evaluation, False for what
    was recorded while training). A cell with ``same_as`` shows the rows of the run that it names. With ``scale``, every
    run must be of that scale's settings and seeds. Raises RecordError for a run that is missing, half-written, damaged,
    or made from other sources or settings.
    """
    manifests: Manifests = {}
    rows: dict[tuple[str, str], list[pd.DataFrame]] = {}
    frames = []
    for experiment in plan.values():
        for name, cell in _shown(experiment):
            if cell.source not in manifests:
                wanted = None
                if scale is not None:
                    owner = plan[cell.source[0]]
                    wanted = {"settings_digest": cell.of.scaled(scale).digest(), "seeds": owner.seeds(scale.seeds)}
                manifests[cell.source], rows[cell.source] = _read(folder.joinpath(*cell.source), wanted)
            for frame in rows[cell.source]:
                frames.append(frame.assign(experiment=experiment.id, cell=name, track=cell.of.track))
    return pd.concat(frames, ignore_index=True), manifests


def _shown(experiment: Experiment) -> Iterator[tuple[str, Cell]]:
    """Each cell with the name under which it is shown: its own, or that of its pool."""
    for name in experiment.shown:
        for member in experiment.members(name):
            yield name, experiment.cells[member]


def _read(directory: Path, wanted: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], list[pd.DataFrame]]:
    state = inspect(directory, wanted=wanted)
    if state.word != "evaluated" or state.manifest is None or state.evaluation is None:
        reason = f" ({state.reason})" if state.reason else ""
        raise RecordError(f"run {directory} is {state.word}{reason}: `make paper` makes what is missing again")
    curves = read_rows(directory / CURVES, state.manifest["files"])
    return state.manifest, _frames(curves, read_rows(directory / EVALUATION, state.evaluation["files"]))


def _frames(curves: pd.DataFrame, scores: pd.DataFrame) -> list[pd.DataFrame]:
    return [curves.assign(final=False), _at_the_end(curves), scores.assign(final=True)]


def _at_the_end(curves: pd.DataFrame) -> pd.DataFrame:
    """What only training records (losses, learned offsets) at a run's last step, as final rows.

    A seed that stopped earlier has none, as it has no evaluation.
    """
    trained = curves[curves["protocol"] == "train"]
    return trained[trained["step"] == trained["step"].max()].assign(final=True)
