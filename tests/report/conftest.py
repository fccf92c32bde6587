"""A folder of results with invented runs of every cell, aggregated once for all tests."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.report.plan import Experiment, read_plan
from experiments.report.summary import write_summary
from tests.report.synthetic import write_results

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="session")
def plan() -> list[Experiment]:
    """The nine experiments of the repository."""
    return read_plan(EXPERIMENTS)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, plan: list[Experiment]) -> Path:
    """A results folder whose scale `smoke` holds invented runs and their summary."""
    folder = tmp_path_factory.mktemp("results")
    write_results(folder, plan)
    write_summary(folder, "smoke", plan)
    return folder


@pytest.fixture(scope="session")
def summary(results: Path) -> pd.DataFrame:
    """The summary of the invented runs."""
    return pd.read_parquet(results / "smoke" / "summary.parquet")
