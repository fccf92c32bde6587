"""The command line: `hrssm --help`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every expected error is one paragraph on stderr and exit status 2."""
    try:
        from hrssm.cli.app import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "hrssm":
            raise
        sys.stderr.write(
            f"hrssm: the command line needs {error.name}, which is not installed: pip install 'hrssm[paper,proofs]'\n"
        )
        sys.exit(2)
    run()
