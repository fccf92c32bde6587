"""Shapes of trees: parents in breadth-first order, so that the nodes of a depth are neighbours in the numbering."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["breadth_first", "irregular", "library", "regular"]


def regular(branching: int, depth: int) -> Tensor:
    """Parents (N,) of the complete tree, -1 for the root (formula `tree-count`)."""
    node = torch.arange(sum(branching**level for level in range(depth + 1)))
    return torch.where(node > 0, (node - 1).div(branching, rounding_mode="floor"), -1)


def irregular(branching: int, depth: int, seed: int) -> Tensor:
    """Parents (N,) of a tree whose nodes above the last depth have 1 to 2 B - 1 children, B in the mean.

    The number of a node's children is 1 + Binomial(2 B - 2, 1/2), so that every branch reaches the last depth.
    """
    draw = np.random.default_rng([seed, 1])
    parents, level = [-1], [0]
    for _ in range(depth):
        below: list[int] = []
        for node, children in zip(level, 1 + draw.binomial(2 * branching - 2, 0.5, len(level)), strict=True):
            below += range(len(parents), len(parents) + int(children))
            parents += [node] * int(children)
        level = below
    return torch.tensor(parents)


#: Folders of the standard library that are not in it, or not in every version of it.
LEFT_OUT = ("site-packages", "idlelib", "lib2to3", "tests")


@cache
def library() -> Tensor:
    """Parents (N,) of a hierarchy that nobody drew for this: Python's standard library, modules and their classes.

    The root holds the packages and modules, those their submodules, classes and nested classes, read from the sources
    of the running Python (tests and what is installed beside it left out). It depends on the version of Python alone.
    """
    top = Path(sysconfig.get_paths()["stdlib"])
    children: dict[str, list[str]] = {"": []}

    def add(parent: str, name: str) -> str:
        path = f"{parent}/{name}"
        children[parent].append(path)
        children[path] = []
        return path

    def classes(body: Sequence[ast.stmt], parent: str) -> None:
        for statement in body:
            if isinstance(statement, ast.ClassDef):
                classes(statement.body, add(parent, f"class {statement.name}"))

    def modules(folder: Path, parent: str) -> None:
        for path in sorted(folder.iterdir()):
            if path.name.startswith(("_", ".", "test")) or path.name in LEFT_OUT:
                continue
            if path.is_dir() and (path / "__init__.py").is_file():
                here = add(parent, path.name)
                classes(_body(path / "__init__.py"), here)
                modules(path, here)
            elif path.suffix == ".py":
                classes(_body(path), add(parent, path.stem))

    modules(top, "")
    order, parents, place = [""], [-1], {"": 0}
    for path in order:
        for child in children[path]:
            place[child] = len(order)
            order.append(child)
            parents.append(place[path])
    return torch.tensor(parents)


def _body(path: Path) -> Sequence[ast.stmt]:
    try:
        return ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError):
        return []


def breadth_first(parent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Depths (N,), places among the siblings (N,), and neighbours (N, K) padded with -1, the parent first, of a tree.

    Raises ValueError unless the parents are in breadth-first order.
    """
    above = parent.tolist()
    if above[0] != -1 or any(not 0 <= p < n for n, p in enumerate(above) if n) or above[1:] != sorted(above[1:]):
        raise ValueError("parents must be in breadth-first order: -1 first, then each node's, never falling")
    depth, place, around = [0] * len(above), [0] * len(above), [[p] if p >= 0 else [] for p in above]
    for node, p in enumerate(above[1:], 1):
        depth[node] = depth[p] + 1
        place[node] = len(around[p]) - (p > 0)
        around[p].append(node)
    widest = max(map(len, around))
    table = torch.full((len(above), widest), -1)
    for node, near in enumerate(around):
        table[node, : len(near)] = torch.tensor(near, dtype=torch.int64)
    return torch.tensor(depth), torch.tensor(place), table
