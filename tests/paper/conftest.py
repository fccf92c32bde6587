"""The paper and its supplement, compiled once from invented runs in a folder of their own, with one experiment more
than the write-up has."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from experiments.report import ledger, summary, tables, tree_facts
from experiments.report.figures import make
from hrssm.experiment.experiment import load_all
from tests.report.synthetic import MORE, ROOT, SCALE, WRITE_UP, copy_experiments, invent_all


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with paper/, experiments/, the formula reference, and results made by the scripts."""
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree(ROOT / "paper", folder / "paper")
    shutil.copytree(ROOT / "hrssm" / "formulas", folder / "hrssm" / "formulas")
    files = copy_experiments(folder / "experiments", *WRITE_UP)
    (files / "rssm" / "e90_more.yaml").write_text(MORE)
    invent_all(folder / "results" / SCALE, load_all(files))
    arguments = ["--scale", SCALE, "--results", str(folder / "results"), "--experiments", str(files)]
    for script in (summary, tables, ledger, tree_facts, make):
        assert script.main(arguments) == 0
    return folder


@pytest.fixture(scope="session")
def pdfs(root: Path) -> list[Path]:
    """Paper and supplement, compiled without a warning and without fonts that a bare machine lacks."""
    import typst

    for name in ("paper", "supplement"):
        content, warnings = typst.compile_with_warnings(
            root / "paper" / f"{name}.typ", root=root, sys_inputs={"scale": SCALE}, ignore_system_fonts=True
        )
        assert [warning.message for warning in warnings] == []
        (root / f"{name}.pdf").write_bytes(content)
    return [root / "paper.pdf", root / "supplement.pdf"]
