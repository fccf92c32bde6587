"""Typeset the paper or its supplement: `python -m experiments.report.typeset --scale smoke --out paper/paper.pdf`.

Every number that a run produced is read by the Typst sources from `results/{scale}`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import typst

from hrssm.records.record import write_atomically


def main() -> int:
    """Exit status 0 when the PDF was written, 2 with Typst's own message when it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", required=True, help="smoke, laptop or published: the folder below results/")
    parser.add_argument("--source", default="paper", help="paper or supplement: the Typst file in paper/")
    parser.add_argument("--out", type=Path, default=Path("paper/paper.pdf"), help="the PDF to write")
    arguments = parser.parse_args()
    try:
        pdf = typst.compile(
            f"paper/{arguments.source}.typ", root=".", format="pdf", sys_inputs={"scale": arguments.scale}
        )
    except (typst.TypstError, RuntimeError) as error:
        print(f"error: the {arguments.source} cannot be typeset: {error}", file=sys.stderr)
        return 2
    assert isinstance(pdf, bytes)
    write_atomically(arguments.out, lambda path: path.write_bytes(pdf))
    print(f"{arguments.out}: {len(pdf) // 1024} KiB, scale {arguments.scale}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
