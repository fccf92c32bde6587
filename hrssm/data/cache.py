"""Data that are made once: what made them names their folder in a cache on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hrssm.records.sources import digest

__all__ = ["cache_folder", "made_once"]


def cache_folder() -> Path:
    """Where made data are kept: $HRSSM_CACHE, or hrssm in $XDG_CACHE_HOME (by default ~/.cache)."""
    if given := os.environ.get("HRSSM_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hrssm"


def made_once(module: str, made_from: Mapping[str, Any], write: Callable[[Path], None]) -> Path:
    """The folder that ``write`` fills, as it was left the first time.

    module: the name of the maker's module, whose sources are part of the digest; made_from: the maker's settings, as
    JSON can write them. The folder is written beside its place and renamed into it when it is whole.
    """
    key = json.dumps({"sources": digest(module), **made_from}, sort_keys=True)
    folder = cache_folder() / f"{module.rpartition('.')[2]}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        write(temporary)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():  # another process may have made the same data meanwhile
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
