"""The record of a run: manifests and long-form Parquet, written whole or not at all, and checked before they are read.

A run's directory holds ``manifest.json`` (written last: without it the run is not whole), ``metrics.parquet`` (curves),
``checkpoint.pt`` (the state at the last step), and, once it is evaluated, ``evaluation.parquet`` with
``evaluation.json``. Each manifest names the files beside it with their SHA-256, and the sources that made them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CHECKPOINT",
    "COLUMNS",
    "CURVES",
    "EVALUATED",
    "EVALUATION",
    "MANIFEST",
    "RecordError",
    "Row",
    "check",
    "file_digest",
    "read_json",
    "read_rows",
    "write_atomically",
    "write_bytes",
    "write_json",
    "write_rows",
]

MANIFEST, CURVES, CHECKPOINT = "manifest.json", "metrics.parquet", "checkpoint.pt"
EVALUATED, EVALUATION = "evaluation.json", "evaluation.parquet"


class RecordError(RuntimeError):
    """A run that is missing, half-written, damaged, or made from other sources; the message says what to do."""


class Row(NamedTuple):
    """One measured number, as a system gives it; the record adds experiment and cell.

    ``range`` names the part of the data that is scored apart ("in", "out", ...); ``seed`` is -1 for a control that has
    none.
    """

    seed: int
    data_seed: int
    step: int
    protocol: str
    control: str
    range: str
    metric: str
    value: float


COLUMNS = ("experiment", "cell", *Row._fields)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, and rename it into place.

    Raises OSError when it cannot be written, whatever the writer itself made of that; nothing half-written is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes so that a reader sees the old file or the new one, never half of it."""
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as JSON, whole or not at all; NaN is refused, as JSON has none."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(path, text.encode())


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; raises RecordError where the file is missing, unreadable or no object."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path} is damaged: it is not JSON ({error})") from error
    if not isinstance(found, dict) or not found:
        raise RecordError(f"{path} is damaged: it holds no manifest but {json.dumps(found)[:40]}")
    return found


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits; raises RecordError where it is missing or cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror})") from error


def write_rows(path: Path, experiment: str, cell: str, rows: Iterable[Row]) -> None:
    """Write the rows of a run as Parquet with the columns COLUMNS."""
    import pandas as pd

    types = {"seed": "int64", "data_seed": "int64", "step": "int64", "value": "float64"}
    frame = pd.DataFrame([(experiment, cell, *row) for row in rows], columns=list(COLUMNS)).astype(types)
    buffer = io.BytesIO()  # so that only one kind of error can come of a disk that is full
    frame.to_parquet(buffer, index=False)
    write_bytes(path, buffer.getvalue())


def read_rows(path: Path, digests: Mapping[str, str]) -> pd.DataFrame:
    """The rows of a Parquet file, of whose bytes ``digests`` (by file name) holds the SHA-256.

    Raises RecordError where the file is missing, is not the one that was recorded, or lacks a column.
    """
    import pandas as pd

    check(path, digests)
    try:
        return pd.read_parquet(path)[list(COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        raise RecordError(f"{path} is damaged: {error}") from error


def check(path: Path, digests: Mapping[str, str]) -> None:
    """Raise RecordError unless the file is, byte for byte, the one that was recorded."""
    wanted, found = digests.get(path.name), file_digest(path)
    if found != wanted:
        raise RecordError(f"{path} is damaged: its SHA-256 is {found[:12]}, and {str(wanted)[:12]} was recorded")
