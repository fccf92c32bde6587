"""A statement in plain text."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.engine.kernel import relations


def one_line(words: str) -> str:
    return " ".join(words.split())


# ------------------------------------------------------------------------------------ statements as text


def text(statement: Any) -> str:
    """A statement in plain text, one relation a line."""
    signs = {"Equality": "=", "Unequality": "!=", "GreaterThan": ">=", "LessThan": "<=",
             "StrictGreaterThan": ">", "StrictLessThan": "<"}  # fmt: skip
    return "\n".join(f"{sp.sstr(r.lhs)} {signs[r.func.__name__]} {sp.sstr(r.rhs)}" for r in relations(statement))
