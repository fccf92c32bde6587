"""Rewrites that take an integral past a finite sum or a derivative, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from derivations.engine.algebra import Expr, Rewrite, normal, one_sum
from derivations.engine.calculus import gaussian_integrals


def _termwise(lhs: Expr, rhs: Expr) -> Expr:
    if not isinstance(lhs, sp.Integral) or len(lhs.limits) != 1:
        return sp.nan
    x, low, high = lhs.limits[0]
    inside, outside = one_sum(lhs.function), one_sum(rhs)
    if inside is None or outside is None or inside.limits != outside.limits or not high.is_Symbol:
        return sp.nan
    term, value = inside.function, outside.function
    branches = value.args if isinstance(value, sp.Piecewise) else ((value, sp.true),)
    wrong = []
    for closed, condition in branches:
        at = {}
        if isinstance(condition, sp.Eq):  # the case of one index: put in for what it fixes
            fixed = next(s for s in condition.free_symbols if s != inside.limits[0][0])
            at = {fixed: sp.solve(condition, fixed)[0]}
        elif condition != sp.true:
            return sp.nan
        wrong += [
            normal((sp.diff(closed, high) - term.subs(x, high)).subs(at)),
            normal(closed.subs(high, low).subs(at)),
        ]
    return next((w for w in wrong if w != 0), sp.S.Zero)


#: the integral of a finite sum, as a sum of integrals: each has the right slope in the upper end and starts at zero
termwise = Rewrite("termwise", (), _termwise)


def term_by_term(one: sp.Integral, closed: Expr, by: Rewrite, a: sp.Symbol, value: Expr) -> Rewrite:
    """Close `Integral(sum of c_k f_k) = sum of c_k F_k` by one integral with a parameter a, `value` in term k.

    Checked: `by` closes one = closed; term k of the integrand is that of `one` at a = value, times a factor without the
    variable, and term k on the right is `closed` at a = value, times the same factor.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not isinstance(lhs, sp.Integral) or lhs.limits != one.limits:
            return sp.nan
        inside, outside = one_sum(lhs.function), one_sum(rhs)
        if inside is None or outside is None or inside.limits != outside.limits:
            return sp.nan
        wrong = by.residual(one, closed)
        if wrong != 0:
            return wrong
        factor = sp.powsimp(sp.simplify(inside.function / one.function.subs(a, value)))
        if factor.has(*(limits[0] for limits in lhs.limits)):
            return sp.nan
        return normal(outside.function - factor * closed.subs(a, value))

    return Rewrite("term-by-term", (one, closed, by, a, value), residual)


#: A factor of a bound, the factor of the integrand that it exceeds, and the power to which both are taken.
Pair = tuple[Expr, Expr, Expr]


def under_integral(s: sp.Symbol, pairs: Sequence[Pair], where: Mapping[Expr, Expr]) -> Rewrite:
    """Close `Derivative(Integral(f, x), s) = Integral(df/ds, x)` by a bound on df/ds that does not know s.

    The bound is the product of the larger members of `pairs`, each to its power; `where` writes the ends of the range
    of s by symbols whose signs say that s lies inside. Checked: the smaller members make up df/ds, they are not
    negative, none exceeds its partner, and the bound has a finite Gaussian integral over the whole line.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not (isinstance(lhs, sp.Derivative) and isinstance(lhs.expr, sp.Integral) and isinstance(rhs, sp.Integral)):
            return sp.nan
        x = lhs.expr.limits[0][0]
        if lhs.args[1:] != (sp.Tuple(s, 1),) or lhs.expr.limits != rhs.limits or len(rhs.limits) != 1:
            return sp.nan
        slope = sp.diff(lhs.expr.function, s)
        wrong = normal(slope / rhs.function - 1)
        product = sp.Mul(*(small**power for _, small, power in pairs))
        wrong = wrong or normal(product / slope - 1)
        if wrong != 0:
            return wrong
        bound = sp.Mul(*(large**power for large, _, power in pairs))
        finite = gaussian_integrals(sp.Integral(sp.powsimp(bound), (x, -sp.oo, sp.oo)), x)
        if bound.has(s) or finite.has(x, sp.nan, sp.oo, sp.zoo, sp.Integral):
            return sp.nan
        inside = all(_exceeds(large.subs(where), small.subs(where)) and p.is_nonnegative for large, small, p in pairs)
        return sp.S.Zero if inside else sp.nan

    data = (s, *(part for pair in pairs for part in pair), *sorted(where.items(), key=str))
    return Rewrite("under-integral", data, residual)


def _exceeds(large: Expr, small: Expr) -> bool:
    """Whether large >= small >= 0, by the signs of the factors of their difference or of that of their logarithms."""
    if not small.is_nonnegative:
        return False
    if sp.factor(normal(large - small)).is_nonnegative:
        return True
    return bool(small.is_positive and sp.factor(normal(sp.log(large) - sp.log(small))).is_nonnegative)


def _tonelli(lhs: Expr, rhs: Expr) -> Expr:
    if not (isinstance(lhs, sp.Integral) and isinstance(rhs, sp.Integral) and len(lhs.limits) == 2):
        return sp.nan
    (inner, start, top), (outer, low, high) = lhs.limits
    if start != outer or top != high or lhs.function.has(outer) or not lhs.function.is_nonnegative:
        return sp.nan
    if rhs.limits != (sp.Tuple(inner, low, high),):
        return sp.nan
    return normal(lhs.function * (inner - low) - rhs.function)


#: a non-negative f of v alone, over v from r to b and then r from a to b, is f times v - a over v from a to b
tonelli = Rewrite("tonelli", (), _tonelli)
