"""The entries in LaTeX, a macro per id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def latex_file(entries: Mapping[str, Any]) -> str:
    r"""A macro per id, named \hrssm and the id in capitals at its words: \hrssmHgKl."""
    lines = [
        "% The formulas of hrssm, a macro per id. Written by `python -m derivations`; never edited.",
        "% Needs amsmath and amssymb. Use: \\[ \\hrssmHgKl \\]",
    ]
    for id, entry in entries.items():
        lines.append(f"% {id}: {entry['title']} (level {entry['level']})")
        lines.append(f"\\newcommand{{\\{latex_macro(id)}}}{{{entry['statement']['latex']}}}")
    return "\n".join(lines) + "\n"


def latex_macro(id: str) -> str:
    """The name of an id's LaTeX macro: letters only, digits spelled out."""
    spelled = {"0": "Zero", "1": "One", "2": "Two", "3": "Three", "4": "Four", "5": "Five", "6": "Six", "7": "Seven",
               "8": "Eight", "9": "Nine"}  # fmt: skip
    words = "".join(part.capitalize() for part in id.split("-"))
    return "hrssm" + re.sub(r"\d", lambda d: spelled[d[0]], words)
