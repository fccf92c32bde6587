"""Statements as displays: relations in lines, values side by side, numbers by their digits."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import sympy as sp

from derivations.emission.display import arithmetic, functions
from derivations.emission.display.arrange import RULES, SIGNS, Arranger
from derivations.emission.display.layout import Display, Line, Node, Number, Plus, width
from derivations.engine.certificate import relations
from derivations.engine.notation import Rounded

#: How many letters wide a row of values may be.
VALUES = 84
RULES |= arithmetic.RULES | functions.RULES


def arrange(expression: Any, arranger: Arranger | None = None) -> Node:
    """The layout of an expression or relation."""
    return (arranger or Arranger()).lay(sp.sympify(expression))


def display(statement: Any, arranger: Arranger | None = None, where: Mapping[Any, Any] | None = None) -> Display:
    """A statement as one display; `where` says what names in it are short for.

    Values such as f(8) = 970 stand side by side.
    """
    a = arranger or Arranger()
    rows: list[tuple[Line, ...]] = []
    for is_value, group in groupby(relations(statement), key=_is_value):
        lines = [line(r, a) for r in group]
        step = _beside(lines) if is_value else 1
        rows += [tuple(lines[i : i + step]) for i in range(0, len(lines), step)]
    short = [line(sp.Eq(name, long, evaluate=False), a) for name, long in (where or {}).items() if not long.is_Symbol]
    return Display(tuple(rows), tuple(short))


def _beside(lines: list[Line]) -> int:
    """How many values stand in a row: four where that comes out even and fits, or else three or two."""
    wide = max(sum(width(x.left) + width(x.right) + 3 for x in lines[i : i + 4]) for i in range(0, len(lines), 4))
    return 3 if len(lines) % 4 else 4 if wide <= VALUES else 2


def _is_value(relation: Any) -> bool:
    return isinstance(relation, sp.Eq) and relation.rhs.is_Integer


def line(relation: Any, a: Arranger) -> Line:
    """One relation.

    A number that is known by its digits, floor(10^6 x) = 449060, is written x = 0.449060...; one that is rounded to
    them, or a table of such, after a sign of approximation.
    """
    sign = SIGNS[type(relation).__name__]
    digits = decimals(relation)
    if digits is not None:
        left, number = digits
        return Line(a.lay(left), sign, ((False, Number(number + "...")),))
    if isinstance(relation.lhs, Rounded):
        what, places = relation.lhs.args
        return Line(a.lay(what), "~", ((False, functions.rounded(a, relation.rhs, int(places))),))
    right = a.lay(relation.rhs)
    terms = right.terms if isinstance(right, Plus) else ((False, right),)
    return Line(a.lay(relation.lhs), sign, terms)


def decimals(relation: Any) -> tuple[Any, str] | None:
    """What floor(10^k x) = n says: x, and its first k decimals; None for another relation."""
    if not (isinstance(relation, sp.Eq) and isinstance(relation.lhs, sp.floor) and relation.rhs.is_Integer):
        return None
    factor, what = relation.lhs.args[0].as_coeff_Mul()
    places = len(str(factor)) - 1
    if factor != 10**places or what.is_number:
        return None
    return what, functions.point(int(relation.rhs), places)
