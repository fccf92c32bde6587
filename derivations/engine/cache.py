"""Results of slow exact work, kept between runs under the digest of the sources they came from.

A record is found again only if the kernel, the chapter, every chapter it uses and the versions of SymPy,
mpmath and python-flint are the same bytes as when it was made. `--no-cache` (pytest and the command line)
neither reads nor writes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import pickle
import re
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE / ".cache"
KERNEL = ("checking", "formula", "mutation", "cache")
_state = {"enabled": True}


def enable(on: bool) -> None:
    """Switch reading and writing of the cache on or off for this process."""
    _state["enabled"] = on


def _local_imports(path: Path) -> list[str]:
    """The modules of this package that a file imports by `from derivations.x import ...`."""
    return re.findall(r"^from derivations\.(\w+) import", path.read_text(encoding="utf-8"), re.MULTILINE)


@cache
def digest(modules: tuple[str, ...] = ()) -> str:
    """Digest of the kernel, of the named chapters with all they import from here, and of the tools'
    versions."""
    files, queue = set(), [*KERNEL, *(m.rsplit(".", 1)[-1] for m in modules)]
    while queue:
        path = HERE / f"{queue.pop()}.py"
        if path not in files:
            files.add(path)
            queue += _local_imports(path)
    h = hashlib.sha256()
    for path in sorted(files):
        h.update(path.name.encode())
        h.update(path.read_bytes())
    for package in ("sympy", "mpmath", "python-flint"):
        h.update(f"{package}={importlib.metadata.version(package)}".encode())
    return h.hexdigest()


def recall(key: str, modules: Iterable[str], compute: Callable[[], Any]) -> Any:
    """`compute()`, or what it returned last time under the same sources. Values must be JSON."""
    return _recall(key, modules, compute, ".json", lambda v: json.dumps(v).encode(), json.loads)


def exact(key: str, modules: Iterable[str], compute: Callable[[], Any]) -> Any:
    """As `recall`, for SymPy expressions, matrices and rationals (pickled)."""
    return _recall(key, modules, compute, ".pickle", pickle.dumps, pickle.loads)


def _recall(
    key: str, modules: Iterable[str], compute: Callable[[], Any], suffix: str, dump: Callable, load: Callable
) -> Any:
    if not _state["enabled"]:
        return compute()
    name = hashlib.sha256(f"{key}\0{digest(tuple(modules))}".encode()).hexdigest()[:32]
    path = FOLDER / (name + suffix)
    if path.exists():
        return load(path.read_bytes())
    value = compute()
    FOLDER.mkdir(exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=FOLDER)
    with os.fdopen(handle, "wb") as f:
        f.write(dump(value))
    os.replace(temporary, path)
    return value
