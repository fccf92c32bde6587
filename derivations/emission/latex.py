"""The entries in LaTeX, a macro per id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy as sp

from derivations.engine.kernel import relations


def latex(statement: Any) -> str:
    """A statement in LaTeX, relations below each other."""
    return " \\\\\n".join(sp.latex(r, mul_symbol=None, ln_notation=False) for r in relations(statement))


# ------------------------------------------------------------------------------------------------ files


def latex_file(entries: Mapping[str, Any]) -> str:
    r"""A macro per id, named \hrssm and the id in capitals at its words: \hrssmHgKl."""
    lines = [
        "% The formulas of hrssm, a macro per id. Written by `python -m derivations`; never edited.",
        "% Needs amsmath. Use: \\[ \\hrssmHgKl \\]",
    ]
    for id, entry in entries.items():
        lines.append(f"% {id}: {entry['title']} (level {entry['level']})")
        body = entry["statement"]["latex"]
        if "\\\\\n" in body:
            body = "\\begin{gathered}\n" + body + "\n\\end{gathered}"
        lines.append(f"\\newcommand{{\\{latex_macro(id)}}}{{{body}}}")
    return "\n".join(lines) + "\n"


def latex_macro(id: str) -> str:
    """The name of an id's LaTeX macro: letters only, digits spelled out."""
    spelled = {"0": "Zero", "1": "One", "2": "Two", "3": "Three", "4": "Four", "5": "Five", "6": "Six", "7": "Seven",
               "8": "Eight", "9": "Nine"}  # fmt: skip
    words = "".join(part.capitalize() for part in id.split("-"))
    return "hrssm" + re.sub(r"\d", lambda d: spelled[d[0]], words)
