"""Expressions as text that reads back: `sympy.srepr`, alike for equal expressions, with the notation of the field."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.printing.repr import ReprPrinter

from derivations.engine import notation

#: The names that the text may hold.
NAMES = vars(sp) | {"ExprCondPair": ExprCondPair} | {c.__name__: c for c in notation.Notation.__subclasses__()}


class _Printer(ReprPrinter):
    """Assumptions in alphabetical order: equal symbols may have been given them in different ones."""

    def _print_Symbol(self, expr: Any) -> str:
        given = "".join(f", {name}={value}" for name, value in sorted(expr._assumptions_orig.items()))
        return f"{type(expr).__name__}({expr.name!r}{given})"


def write(expression: Any) -> str:
    """An expression as text."""
    return _Printer({"order": "none"}).doprint(sp.sympify(expression))


def read(text: str) -> Any:
    """The expression that `write` wrote."""
    return eval(text, dict(NAMES))
