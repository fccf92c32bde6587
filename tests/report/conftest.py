"""A folder of results with invented runs of every cell, summarised once for all tests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.report import summary as summaries
from experiments.report.printed import Printed, read_printed
from experiments.report.select import Selection
from hrssm.experiment.experiment import Experiment, load_all
from tests.report.synthetic import SCALE, WRITE_UP, copy_experiments, invent_all


@pytest.fixture(scope="session")
def experiments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment files of the write-up, with the scale of invented runs."""
    return copy_experiments(tmp_path_factory.mktemp("files") / "experiments", *WRITE_UP)


@pytest.fixture(scope="session")
def plan(experiments: Path) -> dict[str, Experiment]:
    """The experiments of the write-up."""
    return load_all(experiments)


@pytest.fixture(scope="session")
def printed(experiments: Path, plan: dict[str, Experiment]) -> dict[str, list[Printed]]:
    """The numbers that their sources print."""
    return read_printed(experiments, plan)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Experiment]) -> Path:
    """A results folder with invented runs, and nothing made of them yet."""
    folder = tmp_path_factory.mktemp("results")
    invent_all(folder / SCALE, plan)
    return folder


@pytest.fixture(scope="session")
def arguments(results: Path, experiments: Path) -> list[str]:
    """What every script of the reports is given."""
    return ["--scale", SCALE, "--results", str(results), "--experiments", str(experiments)]


@pytest.fixture(scope="session")
def summary(results: Path, arguments: list[str]) -> pd.DataFrame:
    """The summary of the invented runs, as its script writes it."""
    assert summaries.main(arguments) == 0
    return summaries.read_summary(results / SCALE)


@pytest.fixture
def select(plan: dict[str, Experiment], summary: pd.DataFrame):
    """The selection of one experiment, in the summary or in a changed copy of it."""

    def selection(id: str, frame: pd.DataFrame | None = None) -> Selection:
        return Selection(plan[id], summary if frame is None else frame)

    return selection
