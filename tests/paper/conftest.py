"""The paper, compiled once from invented runs in a folder of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from experiments.report import environment, ledger, tables
from experiments.report import summary as aggregate
from experiments.report.figures import make as figures
from experiments.report.plan import read_plan
from tests.report.synthetic import write_results

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with paper/, experiments/, the formula reference, and results/smoke made by the scripts."""
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree(ROOT / "paper", folder / "paper")
    shutil.copytree(ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "hrssm" / "formulas", folder / "hrssm" / "formulas")
    write_results(folder / "results", read_plan(ROOT / "experiments"))
    arguments = ["--scale", "smoke", "--results", str(folder / "results")]
    arguments += ["--experiments", str(ROOT / "experiments")]
    for script in (aggregate, tables, ledger, environment, figures):
        assert script.main(arguments) == 0
    return folder


@pytest.fixture(scope="session")
def pdf(root: Path) -> Path:
    """The compiled paper, without a warning and without fonts that a bare machine lacks."""
    import typst

    content, warnings = typst.compile_with_warnings(
        root / "paper" / "paper.typ", root=root, sys_inputs={"scale": "smoke"}, ignore_system_fonts=True
    )
    assert [warning.message for warning in warnings] == []
    (root / "paper.pdf").write_bytes(content)
    return root / "paper.pdf"


@pytest.fixture(scope="session")
def summary(root: Path) -> dict[str, Any]:
    """What the invented runs say of themselves."""
    return json.loads((root / "results" / "smoke" / "summary.json").read_text())
