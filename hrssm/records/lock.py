"""Who works on what: locks that the operating system takes back when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

__all__ = ["Held", "hold", "locked"]

_HELD: list[IO[str]] = []


class Held(RuntimeError):
    """Another process holds the lock; the message says which."""


def hold(path: Path, what: str) -> None:
    """Take the lock at ``path`` for the rest of this process. Raises Held, naming ``what`` and the process, if it is
    taken."""
    _HELD.append(_take(path, what))


@contextlib.contextmanager
def locked(path: Path, what: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock at ``path``; while another process has it, say so once and wait."""
    try:
        file = _take(path, what)
    except Held as held:
        say(f"{held}: waiting for it")
        file = _open(path)
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        yield


def _open(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a+", encoding="utf-8")


def _take(path: Path, what: str) -> IO[str]:
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise Held(f"{what} is in the hands of another process (number {owner})") from None
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
