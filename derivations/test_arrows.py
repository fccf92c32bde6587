"""Rooms import downwards only, no modules circle, and no import of this project hides inside a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hrssm.records.sources import TREE

#: Rooms from the ground up; a module imports from its own room and those before it.
ROOMS = (
    "derivations.engine",
    "derivations.enclosures",
    "derivations.chapters",
    "derivations.contents",
    "derivations.code",
    "derivations.emission",
    "derivations.__main__",
)
#: What each room may use of `hrssm`; a room that is not named here may use none of it.
OUTSIDE = {
    "derivations.engine": ("hrssm.records.sources",),
    "derivations.code": ("hrssm",),
    "derivations.emission": ("hrssm",),
}


def names(path: Path) -> str:
    return ".".join(path.relative_to(TREE).with_suffix("").parts)


MODULES = {
    names(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((TREE / "derivations").rglob("*.py"))
    if path.name not in ("__init__.py", "conftest.py") and not path.name.startswith("test_")
}


def is_module(dotted: str) -> bool:
    path = TREE.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of this project that a syntax tree imports from, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(module: str) -> str:
    return next(room for room in ROOMS if module == room or module.startswith(f"{room}."))


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downwards(module: str) -> None:
    own = room(module)
    for other in imported(MODULES[module]):
        if other.startswith("derivations"):
            assert ROOMS.index(room(other)) <= ROOMS.index(own), f"{module} imports {other}, a room above its own"
        if other.startswith("hrssm"):
            allowed = OUTSIDE.get(own, ())
            within = any(f"{other}.".startswith(f"{a}.") for a in allowed)
            assert within, f"{module} imports {other}; {own} may use {', '.join(allowed) or 'nothing'} of hrssm"
        assert not other.startswith("experiments"), f"{module} imports {other}"


def test_no_circle() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"circle: {' -> '.join((*path[path.index(module) :], module))}"
        if module not in done:
            for other in imported(MODULES[module]):
                if other in MODULES:
                    visit(other, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_no_import_hides_in_a_function(module: str) -> None:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            hidden = [other for other in imported(node) if other.startswith(("derivations", "hrssm"))]
            assert not hidden, f"{module}: {getattr(node, 'name', 'a lambda')} imports {', '.join(hidden)}"
