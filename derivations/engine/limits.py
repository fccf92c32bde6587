"""Limits taken by SymPy and met in balls: a claimed limit that the values do not approach is refused.

SymPy 1.14 takes D coth D - 1 to -1 at D = 0, so its word alone closes no step. Beside it the expression is enclosed at
points that run into the end, for several values of its other symbols; where it does not come as near to the claimed
limit as it should, there is no limit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sympy as sp
from flint import arb

from derivations.engine.ball_arithmetic import NotEvaluable, ball, precision, samples

#: How far the last two points are from a finite end, and from the origin where the end is infinite.
NEAR = (sp.Rational(1, 2**32), sp.Rational(1, 2**128))
FAR = (sp.Integer(2**8), sp.Integer(2**12))
#: How near the value at the last point comes to a finite limit at least, relative to the limit or to 1.
CLOSE = sp.Rational(1, 2**10)
PRECISIONS = (256, 2048, 16384)


def limit_of(expr: Any, x: sp.Symbol, end: Any, direction: str = "+") -> Any:
    """The limit of an expression as x goes to `end` from `direction`; nan where balls do not bear it out."""
    expr = sp.sympify(expr)
    value = sp.limit(expr, x, end, direction)
    return value if approaches(expr, value, x, end, direction) else sp.nan


def approaches(expr: Any, value: Any, x: sp.Symbol, end: Any, direction: str = "+") -> bool:
    """Whether the expression visibly tends to `value`: at points in the domain of the other symbols, all but those
    where it is not defined, and at one of them at least."""
    expr, value = sp.sympify(expr), sp.sympify(value)
    infinite = value in (sp.oo, -sp.oo)
    if value.has(sp.nan, sp.zoo, sp.oo, x) and not infinite:
        return False
    if end in (sp.oo, -sp.oo):
        places = [far if end is sp.oo else -far for far in FAR]
    else:
        places = [end + near if direction == "+" else end - near for near in NEAR]
    seen = False
    for point in samples((expr.free_symbols | value.free_symbols | sp.sympify(end).free_symbols) - {x}):
        try:
            found = [_enclosed(expr - (0 if infinite else value), x, place, point) for place in places]
            size = ball(1 if infinite else 1 + sp.Abs(value), point)
        except NotEvaluable:
            return False
        if any(f is None for f in found):
            continue
        seen = True
        if infinite:
            if not all(b > a + 1 if value is sp.oo else b < a - 1 for a, b in pairwise(found)):
                return False
        elif not abs(found[-1]) < ball(CLOSE) * size:
            return False
    return seen


def _enclosed(expr: Any, x: sp.Symbol, place: Any, point: dict[str, Any]) -> arb | None:
    """A narrow ball of the expression at a place, as many bits as that takes; None where there is none."""
    for bits in PRECISIONS:
        with precision(bits):
            try:
                value = ball(expr, point | {x.name: ball(place, point)})
            except NotEvaluable:
                raise
            except (ValueError, TypeError, AttributeError):
                return None
        if value.is_finite() and value.rad() < arb(2) ** -40 * (1 + abs(value.mid())):
            return value
    return None
