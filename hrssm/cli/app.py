"""The commands put together, and what an expected error looks like."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

import typer

import hrssm
from hrssm.cli import formulas, runs
from hrssm.records.record import RecordError
from hrssm.training.loop import Interrupted

STOPPED = "stopped. What was written before stays whole; give the same command again to go on."

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The verified reference for hyperbolic latent world models: its experiments and its formulas.",
)
runs.register(app)
formulas.register(app)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(hrssm.__version__)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _raised_here(error: Exception) -> bool:
    """Whether this package raised the error itself: such errors are about what the user gave."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).is_relative_to(Path(hrssm.__file__).parent)


def run() -> None:
    """Run the app; expected errors become one paragraph on stderr, exit status 2 (130 after Ctrl-C)."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app()
    except (RecordError, ValueError, ArithmeticError) as error:
        if not _raised_here(error):
            raise  # a mistake in a program, not in what was given: its traceback is wanted
        sys.stderr.write(f"hrssm: {error}\n")
        sys.exit(2)
    except (Interrupted, KeyboardInterrupt) as error:
        sys.stderr.write(f"hrssm: {str(error) or STOPPED}\n")
        sys.exit(130)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        sys.stderr.write(
            f"hrssm: {error.strerror}: {error.filename or 'while writing a record'}. What was written before stays "
            "whole, nothing half-written is left. Make room or give another --out, then give the same command again.\n"
        )
        sys.exit(2)
