"""Named rewrites for inequalities: signs, convexity, squares of roots, and the step from one update to many.

As everywhere, a residual of exactly 0 closes a step `lhs >= rhs`, and none of them guesses.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from derivations.engine.algebra import Expr, Rewrite, gamma_at_base, normal
from derivations.engine.limits import limit_of


def _assumed_sign(lhs: Expr, rhs: Expr) -> Expr:
    if (lhs - rhs).is_nonnegative:
        return sp.S.Zero
    gap = sp.factor(normal(lhs - rhs))
    return sp.S.Zero if gap.is_nonnegative else gap


#: an inequality whose difference is non-negative by the signs of its factors (squares, positive symbols)
sign = Rewrite("sign", (), _assumed_sign, order=True)


def convex(x: sp.Symbol, minimum: Expr) -> Rewrite:
    """Close `f(x) >= f(minimum)`: f'(minimum) = 0 and f'' > 0 by the assumptions on x; equality there
    only."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        slope = sp.diff(lhs, x)
        if not sp.factor(sp.diff(slope, x)).is_positive:
            return sp.nan
        return sp.Abs(normal(slope.subs(x, minimum))) + sp.Abs(normal(lhs.subs(x, minimum) - rhs))

    return Rewrite("convex", (x, minimum), residual, order=True)


def falls(x: sp.Symbol) -> Rewrite:
    """Close `f(x) >= rhs` where f falls, by the signs of its derivative's factors, towards rhs as x grows."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not sp.factor(normal(sp.diff(lhs - rhs, x))).is_nonpositive:
            return sp.nan
        return normal(limit_of(lhs - rhs, x, sp.oo))

    return Rewrite("falls", (x,), residual, order=True)


def stepwise(m: sp.Symbol, gap: Expr, first: Mapping[Expr, Expr], values: Mapping[Expr, Expr]) -> Rewrite:
    """Close `lhs(m) >= rhs(m)` for integers m >= 0, whose difference starts as `gap` and grows by `gap` at every step.

    Checked: the difference at 0 is gap with the values `first`, and what it grows by from m to m + 1 is gap with the
    other values; values lie where the assumptions put their symbols, and an earlier step shows gap to be non-negative.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not all(_lies_in(value, symbol) for case in (first, values) for symbol, value in case.items()):
            return sp.nan
        whole = lhs - rhs
        base = _settled(whole.subs(m, 0) - gap.subs(first, simultaneous=True))
        return base if base != 0 else _settled(whole.subs(m, m + 1) - whole - gap.subs(values, simultaneous=True))

    leans = () if gap.is_nonnegative else (gap,)
    return Rewrite("stepwise", (m, gap, *first.items(), *values.items()), residual, leans=leans, order=True)


Part = tuple[Expr, Expr] | tuple[Expr, Expr, Mapping[Expr, Expr]]


def combination(*parts: Part) -> Rewrite:
    """Close `lhs >= rhs` by lhs - rhs = sum of c g over the parts (c, g) with c >= 0 by assumption and g >= 0.

    g is non-negative by assumption, or it is what an earlier `>=` step of the same proof shows to be non-negative, with
    the values of a third member (c, g, {symbol: value}) put in; a value must lie where the assumptions put its symbol.
    """
    full = tuple((c, g, tuple((values[0] if values else {}).items())) for c, g, *values in parts)

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        total = sp.S.Zero
        for c, g, values in full:
            inside = all(_lies_in(value, symbol) for symbol, value in values)
            if not inside or not sp.sympify(c).is_nonnegative:
                return sp.nan
            total += c * g.subs(values, simultaneous=True)
        return normal(lhs - rhs - total)

    leans = tuple(g for _, g, _ in full if not g.is_nonnegative)
    return Rewrite("combination", full, residual, leans=leans, order=True)


def pointwise(gap: Expr, values: Mapping[Expr, Expr] | None = None) -> Rewrite:
    """Close `Integral(f) >= Integral(g)`, or that of sums, over one range by f - g = `gap`, `values` put in."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        alike = any(isinstance(lhs, kind) and isinstance(rhs, kind) for kind in (sp.Integral, sp.Sum))
        if not (alike and lhs.limits == rhs.limits):
            return sp.nan
        return combination((sp.S.One, gap, values or {})).residual(lhs.function, rhs.function)

    leans = () if gap.is_nonnegative else (gap,)
    return Rewrite("pointwise", (gap, tuple((values or {}).items())), residual, leans=leans, order=True)


def _lies_in(value: Expr, symbol: sp.Symbol) -> bool:
    wanted = ("is_positive", "is_nonnegative", "is_real")
    slope_of_real = isinstance(value, sp.Derivative) and value.expr.is_real and not symbol.is_nonnegative
    return slope_of_real or all(getattr(value, sign_) for sign_ in wanted if getattr(symbol, sign_))


def split(x: sp.Symbol, at: Expr, h: sp.Symbol, above: Rewrite, below: Rewrite) -> Rewrite:
    """Close a step in two cases, x above and x below `at`, each by its own rewrite, for every h >= 0.

    The cases are x = at + h and x = at - h; where x and `at` are positive, x = at (1 + h) and x = at / (1 + h). Minima
    and maxima of two terms are taken where the case decides them.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not h.is_nonnegative or h.is_positive:
            return sp.nan
        positive = x.is_positive and at.is_positive
        values = (at * (1 + h), at / (1 + h)) if positive else (at + h, at - h)
        for value, by in zip(values, (above, below), strict=True):
            left = by.residual(*(_minima_taken(sp.sympify(side).subs(x, value)) for side in (lhs, rhs)))
            if left != 0:
                return left
        return sp.S.Zero

    symbolic = above.symbolic and below.symbolic
    leans, inside = above.leans + below.leans, above.inside + below.inside
    order = above.order or below.order
    return Rewrite("split", (x, at, h, above, below), residual, True, symbolic, leans, inside, order)


def _minima_taken(expr: Expr) -> Expr:
    """Minima and maxima of two terms whose order the assumptions decide (for positive ones by their logarithms)."""

    def taken(e: Expr) -> Expr:
        if len(e.args) != 2:
            return e
        one, two = e.args if isinstance(e, sp.Min) else reversed(e.args)
        both = one.is_positive and two.is_positive
        gap = sp.factor(normal(sp.log(two) - sp.log(one) if both else two - one))
        return one if gap.is_nonnegative else two if gap.is_nonpositive else e

    return expr.replace(lambda e: isinstance(e, sp.Min | sp.Max), taken)


def _squares(lhs: Expr, rhs: Expr) -> Expr:
    if not (lhs.is_nonnegative and rhs.is_nonnegative):
        return sp.nan
    gap = normal(lhs**2 - rhs**2)
    left = _assumed_sign(gap, sp.S.Zero)
    if left == 0:
        return left
    return _assumed_sign(
        gap.replace(
            lambda e: e.is_Pow and isinstance(e.base, sp.cos) and e.exp == 2,
            lambda e: 1 - sp.sin(e.base.args[0]) ** 2,
        ),
        sp.S.Zero,
    )


#: an inequality of two non-negative sides whose squares differ by what has a sign (with cos^2 = 1 - sin^2)
squares = Rewrite("squares", (), _squares, order=True)


def ends(x: sp.Symbol, low: Expr, high: Expr, by: Rewrite = sign) -> Rewrite:
    """Close `lhs >= rhs` for x in [low, high]: the difference is concave in x, so it is least at an end.

    Checked: the second derivative is non-positive by assumption, and ``by`` closes the step at both ends.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not sp.factor(sp.diff(lhs - rhs, x, 2)).is_nonpositive:
            return sp.nan
        left = (by.residual(lhs.subs(x, end), rhs.subs(x, end)) for end in (low, high))
        return next((gap for gap in left if gap != 0), sp.S.Zero)

    return Rewrite("ends", (x, low, high, by), residual, inside=((x, low, high), *by.inside), order=True)


def ordered(x: sp.Symbol, y: sp.Symbol, by: Rewrite = sign) -> Rewrite:
    """Close a step about two non-negative quantities in the cases x = y + e and y = x + e, e >= 0, each ``by`` a
    rewrite."""
    excess = sp.Dummy("e", nonnegative=True)

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        left = (by.residual(lhs.subs(case), rhs.subs(case)) for case in ({x: y + excess}, {y: x + excess}))
        return next((gap for gap in left if gap != 0), sp.S.Zero)

    return Rewrite("ordered", (x, y, by), residual, leans=by.leans, inside=by.inside, order=by.order)


def recursion(n: sp.Symbol, x: sp.Symbol, step: Expr, start: Expr) -> Rewrite:
    """Close `name(n) = rhs` where the quantity starts at ``start`` and goes from x to ``step`` (in x and n) at every n.

    Checked: rhs is ``start`` at n = 0, and ``step`` of rhs is rhs at n + 1; sums and products up to n - 1 grow by their
    last member.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        base = _settled(rhs.subs(n, 0).doit() - start)
        return base if base != 0 else _settled(step.subs(x, rhs) - _peeled(rhs.subs(n, n + 1), n))

    return Rewrite("recursion", (n, x, step, start), residual)


def supremum(bound: Expr, size: Expr, at: Mapping[Expr, Expr]) -> Rewrite:
    """Close `name = bound`, the largest value of ``size``.

    Checked: an earlier `>=` step of the proof shows size <= bound, both are non-negative, and the values ``at`` make
    them equal, so that the bound is attained.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not (bound.is_nonnegative and size.is_nonnegative):
            return sp.nan
        attained = normal(bound.subs(at, simultaneous=True) ** 2 - size.subs(at, simultaneous=True) ** 2)
        return attained if attained != 0 else normal(rhs - bound)

    return Rewrite("supremum", (bound, size, tuple(at.items())), residual, leans=(bound - size,))


def largest(n: sp.Symbol, x: sp.Symbol, step: Expr, start: Expr, size: Expr, at: Mapping[Expr, Expr]) -> Rewrite:
    """Close `name(n) = rhs`, the largest that a quantity x can be after n updates from ``start``.

    ``size`` is what one update makes of x, and ``step`` its `supremum`. Checked besides that: step is non-decreasing in
    x, so that the bound on one update goes through the induction, and `recursion`.
    """
    once, many = supremum(step, size, at), recursion(n, x, step, start)

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not sp.factor(sp.diff(step, x)).is_nonnegative:
            return sp.nan
        left = once.residual(lhs, step)
        return left if left != 0 else many.residual(lhs, rhs)

    return Rewrite("largest", (*many.data, *once.data), residual, leans=once.leans)


def _peeled(expr: Expr, n: sp.Symbol) -> Expr:
    """Sums and products that end at n, as those that end at n - 1 and their last member."""

    def peel(e: Expr) -> Expr:
        k, low, high = e.limits[0]
        if high != n:
            return e
        last = e.function.subs(k, n)
        shorter = e.func(e.function, (k, low, n - 1))
        return shorter + last if isinstance(e, sp.Sum) else shorter * last

    return expr.replace(lambda e: isinstance(e, sp.Sum | sp.Product), peel)


def _settled(expr: Expr) -> Expr:
    """Normal form in which sums and products stand for themselves, and z Gamma(z) is Gamma(z + 1)."""
    names: dict[Expr, sp.Dummy] = {}
    whole = expr.replace(
        lambda e: isinstance(e, sp.Sum | sp.Product), lambda e: names.setdefault(e, sp.Dummy("s", real=True))
    )
    left = normal(gamma_at_base(whole))
    if left.has(sp.cos, sp.sin) and normal(sp.expand_trig(sp.expand(left, power_exp=True)).rewrite(sp.exp)) == 0:
        return sp.S.Zero
    return left.subs({name: e for e, name in names.items()})
