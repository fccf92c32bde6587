"""Results of slow exact work, kept between runs under the digest of the sources they came from.

A record is found again only if the named modules with all that they import, the engine, and the versions of SymPy,
mpmath and python-flint are the same as when it was made. `--no-cache` (pytest and the command line) neither reads nor
writes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from hrssm.records import sources

FOLDER = Path(__file__).parents[1] / ".cache"
#: What every record rests on besides its own modules: how entries are checked.
ENGINE = "derivations.engine.checking"
_state = {"enabled": True}


def enable(on: bool) -> None:
    """Switch reading and writing of the cache on or off for this process."""
    _state["enabled"] = on


@cache
def digest(modules: frozenset[str] = frozenset()) -> str:
    """Digest of the engine, of the modules of these dotted names with all that they import, and of the tools' versions.

    Raises ModuleNotFoundError for a name that is no module of the project.
    """
    versions = [f"{tool}={importlib.metadata.version(tool)}" for tool in ("sympy", "mpmath", "python-flint")]
    return " ".join([sources.digest(ENGINE, *modules), *versions])


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
    name = hashlib.sha256(f"{key}\0{digest(frozenset(modules))}".encode()).hexdigest()[:32]
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
