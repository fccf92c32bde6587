"""What a bare machine says: one and the same install command wherever something is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = "pip install 'hrssm[paper,proofs]'"


def python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.parametrize(
    ("missing", "words"),
    [("typer", ["--help"]), ("rich", ["formulas"]), ("yaml", ["train", "x.yaml"]), ("pydantic", ["train", "x.yaml"])],
)
def test_a_missing_extra_is_answered_with_the_command_that_installs_it(
    tmp_path: Path, missing: str, words: list[str]
) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; sys.argv = {['hrssm', *words]!r}\n"
    done = python(code + "from hrssm.cli import main; main()", tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"{missing}" in done.stderr
    assert INSTALL in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_is_the_same_everywhere() -> None:
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "hrssm").rglob("*.py")]
    named = {
        (path.name, found)
        for path in files
        for found in re.findall(r"pip install 'hrssm\[[^']*(?:paper|proofs)[^']*'", path.read_text(encoding="utf-8"))
    }
    assert {found for _, found in named} == {INSTALL}
    assert "README.md" in {name for name, _ in named}


def test_a_checkout_on_the_path_is_enough(tmp_path: Path) -> None:
    done = python("import hrssm, hrssm.distributions; print(hrssm.__version__)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\d+\.\d+\.\d+", done.stdout.strip())
