"""The arrows between rooms, read from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hrssm.records.sources import TREE

#: What each room of hrssm may import from hrssm, beside itself. `hrssm.records` and the package's own name are for all.
MAY_IMPORT: dict[str, set[str]] = {
    "geometry": set(),
    "records": set(),
    "formulas": set(),
    "citation": {"formulas"},
    "reference": {"formulas", "citation", "distributions", "geometry"},
    "distributions": {"geometry"},
    "latents": {"distributions", "geometry"},
    "networks": {"geometry"},
    "integrators": {"geometry"},
    "replay": set(),
    "environments": {"geometry", "integrators"},
    "data": {"environments", "geometry", "integrators"},
    "evaluation": {"geometry", "environments", "integrators"},
    "training": set(),
    "systems": {
        "geometry", "distributions", "latents", "networks", "integrators", "replay", "environments", "data",
        "evaluation", "training",
    },
    "experiment": {"systems", "training"},
    "cli": {"experiment", "systems", "training", "formulas", "citation", "reference"},
}  # fmt: skip
#: What each package beside it may import.
PACKAGES = {
    "hrssm": {"hrssm"},
    "derivations": {"derivations", "hrssm"},
    "experiments": {"experiments", "hrssm"},
    "benchmarks": {"benchmarks", "hrssm", "derivations", "tests"},
    "web": {"web", "hrssm"},
}


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, at run time or for type checkers."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}: relative imports hide where an arrow goes"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_test(path: Path) -> bool:
    return path.name.startswith(("test_", "conftest"))


FILES = [path for package in PACKAGES for path in sorted((TREE / package).rglob("*.py")) if not is_test(path)]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_point_one_way(package: str) -> None:
    ours = {"hrssm", "derivations", "experiments", "benchmarks", "tests", "paper"}
    for path in sorted((TREE / package).rglob("*.py")):
        if is_test(path):
            continue
        found = {name.split(".")[0] for name in imports(path)} & ours
        assert found <= PACKAGES[package], f"{path.relative_to(TREE)} imports {sorted(found - PACKAGES[package])}"


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_every_room_is_in_the_table() -> None:
    rooms = {p.stem if p.is_file() else p.name for p in (TREE / "hrssm").iterdir() if p.suffix == ".py" or p.is_dir()}
    assert rooms - {"__init__", "__main__", "__pycache__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("here", MAY_IMPORT)
def test_rooms_of_the_library_point_one_way(here: str) -> None:
    top = TREE / "hrssm" / here
    for path in sorted(top.rglob("*.py")) if top.is_dir() else [top.with_suffix(".py")]:
        for name in imports(path):
            if not name.startswith("hrssm.") or room(name) in (here, "records", "__version__"):
                continue
            assert room(name) in MAY_IMPORT[here], f"{path.relative_to(TREE)} imports {name}"


def test_records_import_nothing_of_ours() -> None:
    for path in sorted((TREE / "hrssm" / "records").glob("*.py")):
        assert all(room(name) in ("records", "", "__version__") for name in imports(path) if name.startswith("hrssm"))


def test_no_system_imports_another() -> None:
    for path in sorted((TREE / "hrssm" / "systems").glob("*/*.py")):
        for name in imports(path):
            if name.startswith("hrssm.systems."):
                assert name.split(".")[2] == path.parent.name, f"{path.relative_to(TREE)} imports {name}"


def test_the_loop_knows_no_system() -> None:
    for path in sorted((TREE / "hrssm" / "training").glob("*.py")):
        assert not [name for name in imports(path) if name.startswith("hrssm.systems")], path


@pytest.mark.parametrize("place", ["experiment", "systems/kinds.py", "records/run.py", "records/record.py"])
def test_experiments_are_read_without_torch(place: str) -> None:
    """The import closure of what reads files, walked; the processes that tests start say the same."""
    top = TREE / "hrssm" / place
    for path in top.rglob("*.py") if top.is_dir() else [top]:
        heavy = {"torch", "pandas", "scipy", "sklearn"} & {name.split(".")[0] for name in outside_functions(path)}
        assert not heavy, f"{path.relative_to(TREE)} imports {sorted(heavy)} when it is imported"


def outside_functions(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
