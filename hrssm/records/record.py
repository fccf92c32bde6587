"""The record of a run: a manifest and long-form Parquet, written whole or not at all.

A run's directory holds ``manifest.json`` (written last: without it the run is not whole), ``metrics.parquet`` (curves),
``evaluation.parquet`` and ``checkpoint.pt``.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import hrssm
from hrssm.records.sources import digest

COLUMNS = (
    "experiment", "cell", "seed", "tree_seed", "step", "protocol", "control", "distribution", "metric", "value",
)  # fmt: skip


class RecordError(RuntimeError):
    """A run that is missing, half-written, or made from other sources; the message says what to do."""


@functools.cache
def source_digest() -> str:
    """A hash of the sources that decide what a run computes, twelve hexadecimal digits."""
    return digest("hrssm.training.loop")


def versions() -> dict[str, str]:
    """Versions of what computes."""
    return {
        "hrssm": hrssm.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def device_name(device: torch.device) -> str:
    """What the device calls itself."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = next((line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_rows(path: Path, rows: list[tuple[Any, ...]]) -> None:
    """Write rows of COLUMNS as Parquet."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {"seed": "int64", "tree_seed": "int64", "step": "int64", "value": "float64"}
    )
    write_atomically(path, lambda temporary: frame.to_parquet(temporary, index=False))


def write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest, which makes the run whole."""
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    write_atomically(directory / "manifest.json", lambda temporary: temporary.write_text(text))


def read_manifest(directory: Path, *, any_digest: bool = False) -> dict[str, Any]:
    """The manifest of a whole run.

    Raises RecordError if the run is missing or half-written, or (unless ``any_digest``) was made from other sources.
    """
    path = directory / "manifest.json"
    if not path.exists():
        state = "is only partly trained" if (directory / "checkpoint.pt").exists() else "holds no run"
        raise RecordError(
            f"{directory} {state}: there is no {path.name}. Train it (hrssm train ... --out), then try again."
        )
    try:
        manifest = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise RecordError(f"{path} is not readable JSON ({error}). Delete {directory} and train it again.") from error
    if not any_digest and manifest["source_digest"] != source_digest():
        raise RecordError(
            f"{directory} was made from sources {manifest['source_digest']}, and this package is {source_digest()}: "
            "their numbers must not be mixed. Train it again (hrssm train ... --overwrite), or check out the sources "
            "it was made from."
        )
    return manifest
