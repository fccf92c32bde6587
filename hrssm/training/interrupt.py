"""Stopping between two steps: Ctrl-C, a terminal that closes, and the signals of a batch system."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

__all__ = ["SIGNALS", "Interrupted", "deferred_interrupt"]

#: Slurm sends SIGUSR1 or SIGUSR2 ahead of its time limit, and SIGTERM at it; a closing terminal sends SIGHUP.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)
)


class Interrupted(RuntimeError):
    """Training was stopped from outside; its checkpoint is on disk."""


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[threading.Event]:
    """An event that a signal to stop sets, so that training stops between two steps, never within one.

    Half a step would have moved the generators or some of the weights, and the run could not go on bit for bit.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # only the main thread may handle signals
        return
    before = {number: signal.signal(number, lambda *_: event.set()) for number in SIGNALS}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
