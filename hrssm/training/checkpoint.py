"""Checkpoints: one file, whole or not at all, with the checksum of its content ahead of it."""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from hrssm.records.record import RecordError, write_bytes

__all__ = ["load", "save"]

_HEAD = b"hrssm checkpoint 1 sha256 "


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, and lists and dictionaries of them; raises OSError when there is no room."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    payload = buffer.getvalue()
    write_bytes(path, _HEAD + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)


def load(path: Path, device: torch.device) -> dict[str, Any]:
    """What ``save`` wrote, its tensors on ``device``; raises RecordError where the file is not whole or not ours.

    Only data is read, never code: a file that asks for more is refused.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror})") from error
    head, _, payload = content.partition(b"\n")
    if not head.startswith(_HEAD):
        raise RecordError(f"{path} is damaged: it is no checkpoint of this package")
    if hashlib.sha256(payload).hexdigest().encode() != head.removeprefix(_HEAD):
        raise RecordError(f"{path} is damaged: its content does not have the checksum that was written with it")
    try:
        with warnings.catch_warnings(action="ignore"):  # what is odd about a file that is not ours is no news
            found = torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, UnpicklingError) as error:
        raise RecordError(f"{path} is damaged or holds more than data, and was not loaded") from error
    if not isinstance(found, dict):
        raise RecordError(f"{path} is damaged: it holds no run")
    return found
