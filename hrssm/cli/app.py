"""The commands put together, and what an expected error looks like."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

import hrssm
from hrssm.cli import formulas, runs
from hrssm.records.record import RecordError
from hrssm.training.interrupt import SIGNALS, Interrupted

STOPPED = "stopped. What was written before stays whole; give the same command again to go on."
#: What the machine may refuse while a record is written: no space, no permission, a file too large.
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The verified reference for hyperbolic latent world models: its experiments and its formulas.",
)
runs.register(app)
formulas.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(hrssm.__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _raised_here(error: Exception) -> bool:
    """Whether this package raised the error itself: such errors are about what the user gave."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).is_relative_to(Path(hrssm.__file__).parent)


def _stop(words: str, status: int) -> None:
    sys.stderr.write(f"hrssm: {words}\n")
    sys.exit(status)


def run() -> None:
    """Run the app; expected errors become one paragraph on stderr, exit status 2 (130 after Ctrl-C)."""
    for number in SIGNALS[1:]:  # all but Ctrl-C, which raises by itself
        signal.signal(number, _terminated)
    try:
        app()
    except (RecordError, ValueError, ArithmeticError) as error:
        if not _raised_here(error):
            raise  # a mistake in a program, not in what was given: its traceback is wanted
        _stop(str(error), 2)
    except (Interrupted, KeyboardInterrupt) as error:
        _stop(str(error) or STOPPED, 130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "hrssm":
            raise
        plain = f"{error.name} is not installed: pip install 'hrssm[paper,proofs]' installs what this command needs."
        _stop(str(error) if "pip install" in str(error) else plain, 2)  # some modules know the extra that they need
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        _stop(
            f"{error.strerror}: {error.filename or 'while writing a record'}. What was written before stays whole, "
            "nothing half-written is left. Make room or give another --out, then give the same command again.",
            2,
        )
