"""Certificates: both sides of a statement as balls, by two independent roads, at exact-rational points.

The right side of the statement is evaluated in ball arithmetic as it stands; the left side comes from
`independent`, which computes the same quantity from its definition (a rigorous integral with a proven tail
bound, a linear solve, an exact recursion). Overlap of narrow balls at every point is evidence at level B
that the statement says what it should; disjoint balls refute it, rigorously. That is how mutants are
caught.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import mpmath as mp
import sympy as sp
from flint import acb, arb

from derivations.engine.ball_arithmetic import NotEvaluable, Point, ball, precision

MINIMUM_POINTS = 25
TOLERANCE = "1e-30"


@dataclass(frozen=True)
class Certificate:
    """Where and how a statement is enclosed.

    `independent(point)` returns the left side as a ball, by definition and not by the statement; for a
    statement of several relations a sequence of balls, None where the left side itself is to be evaluated.
    `numeric(point)` is a further road in mpmath (50 digits; a quadrature, say), walked at `numeric_points`
    of the points.
    """

    points: tuple[Point, ...]
    independent: Callable[[Point], Any] | None = None
    numeric: Callable[[Point], Any] | None = None
    numeric_points: int = 3
    numeric_digits: int = 20
    bits: int = 160
    _memo: dict[tuple[int, int], Any] = field(default_factory=dict, compare=False, repr=False)

    def left(self, index: int, bits: int) -> Any:
        """The independent side at point `index`, remembered for the mutants."""
        if (index, bits) not in self._memo:
            with precision(bits):
                self._memo[index, bits] = self.independent(self.points[index]) if self.independent else None
        return self._memo[index, bits]


def grid(count: int = MINIMUM_POINTS, **axes: Sequence[Any]) -> tuple[dict[str, sp.Rational], ...]:
    """At least `count` exact points: the corners of the box first, then a fixed low-discrepancy filling.

    An axis is a pair (low, high) of rationals or decimal strings, or a list of admissible values whose
    first and last are its corners. With more than four axes, 16 of the corners are taken, every axis at
    both ends equally often.
    """
    names = list(axes)
    ends: list[tuple[sp.Rational, sp.Rational]] = []
    for name in names:
        values = [sp.Rational(str(v)) for v in axes[name]]
        ends.append((values[0], values[-1]))
    if len(names) <= 4:
        corners = list(product(*ends))
    else:
        corners = [tuple(ends[j][((i * (2 * j + 1) + j) >> (j % 4)) & 1] for j in range(len(names))) for i in range(16)]
    points = [dict(zip(names, corner, strict=True)) for corner in corners]
    i = 0
    while len(points) < count:
        i += 1
        point = {}
        for j, name in enumerate(names):
            if isinstance(axes[name], tuple):
                low, high = ends[j]
                fraction = sp.Rational((i * (2 * j + 1) * 37 + 11 * j * j + 5) % 101, 101)
                point[name] = low + (high - low) * fraction
            else:
                point[name] = sp.Rational(str(axes[name][(i * (j + 1) + j) % len(axes[name])]))
        if point not in points or i > 500:
            points.append(point)
    return tuple(points)


def relations(statement: Any) -> list[Any]:
    """The relations that a statement consists of: itself, or the members of a Tuple."""
    return list(statement) if isinstance(statement, sp.Tuple | tuple | list) else [statement]


@dataclass(frozen=True)
class CertificateReport:
    """What came out: verdict, number of points, widest relative width of either side, digits shared with
    mpmath."""

    verdict: str
    points: int
    width: float
    mpmath_digits: int | None
    numeric_points: int
    detail: str = ""


def width(x: Any) -> float:
    """Relative radius of a ball; the absolute radius where the ball holds zero."""
    if x.rad() == 0:
        return 0.0
    mid = abs(x.mid())
    return float((x.rad() / mid).upper()) if not x.contains(0) else float(x.rad())


def evaluate(expr: Any, point: Point, bits: int, tolerance: float = float(TOLERANCE)) -> Any:
    """Ball of a SymPy expression, at as many bits as make it narrow."""
    for factor in (1, 2, 4, 8):
        with precision(bits * factor):
            value = ball(expr, point)
            if not value.is_finite():
                raise NotEvaluable(f"{expr} is not finite at {dict(point)}")
            if width(value) <= tolerance:
                return value
    return value


def _entries(value: Any) -> list[Any]:
    if isinstance(value, sp.MatrixBase | sp.Tuple | list | tuple):
        return [entry for item in value for entry in _entries(item)]
    return [value]


def compare(relation: Any, left: Any, point: Point, bits: int) -> tuple[str, float, list[Any]]:
    """Verdict of one relation at one point, the widest width, and the balls of the right side."""
    equation = isinstance(relation, sp.Eq)
    own = left is None or not equation
    lefts = [evaluate(e, point, bits) for e in _entries(relation.lhs)] if own else _entries(left)
    rights = [evaluate(e, point, bits) for e in _entries(relation.rhs)]
    if len(lefts) != len(rights):
        raise ValueError(f"{len(lefts)} balls on the left, {len(rights)} on the right of {relation}")
    widest = max(width(b) for b in [*lefts, *rights])
    verdicts = [_compare_balls(relation, a, b) for a, b in zip(lefts, rights, strict=True)]
    if left is not None and not equation:  # an inequality's sides are its own; the second road meets them
        widest = max(widest, *(width(b) for b in _entries(left)))
        verdicts += ["true" if a.overlaps(b) else "false" for a, b in zip(lefts, _entries(left), strict=True)]
    for verdict in ("false", "unknown"):
        if verdict in verdicts:
            return verdict, widest, rights
    return "true", widest, rights


def _compare_balls(relation: Any, a: Any, b: Any) -> str:
    if isinstance(relation, sp.Eq):
        return "true" if a.overlaps(b) else "false"
    if isinstance(relation, sp.Ne):
        return "unknown" if a.overlaps(b) else "true"
    gap = a - b if isinstance(relation, sp.Ge | sp.Gt) else b - a
    strict = isinstance(relation, sp.Gt | sp.Lt)
    if gap > 0 or (not strict and (gap >= 0 or gap.contains(0))):
        return "true"  # a ball that holds zero is a point of equality of a weak inequality, to its width
    return "false" if gap < 0 or (strict and gap <= 0) else "unknown"


def refutes(certificate: Certificate, statement: Any, most: int = MINIMUM_POINTS * 4) -> bool:
    """Whether some point refutes the statement rigorously.

    Disjoint balls do, an inequality reversed does, and so does a right side that leaves the reals (a root
    or logarithm of a negative number, at its principal value) where the left side is real.
    """
    for index, point in enumerate(certificate.points[:most]):
        lefts = certificate.left(index, certificate.bits)
        for relation, left in zip(relations(statement), _spread(lefts, statement), strict=True):
            try:
                if compare(relation, left, point, certificate.bits)[0] == "false":
                    return True
            except NotEvaluable:
                if isinstance(relation, sp.Eq) and left is not None and _leaves_reals(relation, left, point):
                    return True
    return False


def _leaves_reals(relation: Any, left: Any, point: Point) -> bool:
    with precision(160):
        for a, side in zip(_entries(left), _entries(relation.rhs), strict=True):
            try:
                value = ball(side, point, field=acb)
            except NotEvaluable:
                return False
            if value.is_finite() and (not value.imag.contains(0) or not value.real.overlaps(a)):
                return True
    return False


def _spread(lefts: Any, statement: Any) -> list[Any]:
    many = relations(statement)
    if len(many) == 1:
        return [lefts]
    if lefts is None:
        return [None] * len(many)
    return list(lefts)


def certify(certificate: Certificate, statement: Any) -> CertificateReport:
    """Enclose both sides at every point and compare them."""
    widest, digits, walked = 0.0, None, 0
    if len(certificate.points) < MINIMUM_POINTS:
        return CertificateReport("unknown", len(certificate.points), 0.0, None, 0, "fewer than 25 points")
    for index, point in enumerate(certificate.points):
        lefts = certificate.left(index, certificate.bits)
        for relation, left in zip(relations(statement), _spread(lefts, statement), strict=True):
            verdict, wide, rights = compare(relation, left, point, certificate.bits)
            widest = max(widest, wide)
            where = ", ".join(f"{k} = {v}" for k, v in point.items())
            if verdict != "true":
                return CertificateReport(verdict, index, widest, digits, walked, f"{relation} at {where}")
            if wide > float(TOLERANCE):
                return CertificateReport("unknown", index, widest, digits, walked, f"width {wide:.1e} at {where}")
            for side, rounded in zip(_entries(relation.rhs), rights, strict=True):
                agree = _digits(_mpmath(side, point), rounded)
                digits = agree if digits is None else min(digits, agree)
                if agree < 45:
                    return CertificateReport("false", index, widest, digits, walked, f"mpmath differs at {where}")
        if certificate.numeric and index % max(1, len(certificate.points) // certificate.numeric_points) == 0:
            with mp.workdps(50):
                values = certificate.numeric(point)
            for relation, value in zip(relations(statement), _spread(values, statement), strict=True):
                if value is None:
                    continue
                target = [evaluate(e, point, certificate.bits) for e in _entries(relation.rhs)]
                for a, b in zip(_entries(value), target, strict=True):
                    if _digits(a, b) < certificate.numeric_digits:
                        return CertificateReport("false", index, widest, digits, walked, f"mpmath route at {point}")
            walked += 1
    return CertificateReport("true", len(certificate.points), widest, digits, walked)


def _mpmath(expr: Any, point: Point) -> Any:
    """The expression by mpmath at 50 digits (with 20 more inside)."""
    expr = sp.sympify(expr)
    symbols = sorted(expr.free_symbols, key=lambda s: s.name)
    if expr.has(sp.Sum, sp.Product, sp.Piecewise, sp.binomial):
        known = {s: point[s.name] for s in symbols if s.is_integer or expr.has(sp.Piecewise)}
        expr = expr.subs(known).doit()
        symbols = [s for s in symbols if s not in known]
    with mp.workdps(70):
        values = [mp.mpf(int(sp.Rational(point[s.name]).p)) / int(sp.Rational(point[s.name]).q) for s in symbols]
        return mp.mpf(sp.lambdify(symbols, expr, modules="mpmath")(*values))


def _digits(value: Any, enclosure: Any) -> int:
    """Decimal digits to which a 50-digit number agrees with a ball (50 when it lies inside)."""
    with mp.workdps(80):
        text = mp.nstr(mp.mpf(value), 70)
        gap = abs(arb(text) - enclosure)
        if gap.contains(0):
            return 50
        size = abs(enclosure)
        relative = gap / size if not size.contains(0) else gap
        return min(50, int(-mp.log10(mp.mpf(relative.mid().str(20, radius=False)))))
