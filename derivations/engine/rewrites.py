"""Named rewrites: each one closes an equation or leaves a residual, and none of them guesses.

A rewrite takes both sides of a step and returns what is left of `lhs - rhs` after it has done the one thing
that its name says, followed by a normal form (hyperbolic functions as exponentials, logarithms of products
split, powers expanded, fractions cancelled). A residual of exactly 0 closes the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from derivations.engine.algebra import Expr, Rewrite, normal


def substitute(values: Mapping[Expr, Expr]) -> Rewrite:
    """Close `lhs = rhs` after putting the given values for symbols (or subexpressions) on both sides."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        pairs = list(values.items())
        return normal((lhs - rhs).subs(pairs, simultaneous=True).doit())

    return Rewrite("substitute", tuple(sorted(values.items(), key=str)), residual)


def modulo(relations: Sequence[Expr], *gens: sp.Symbol) -> Rewrite:
    """Close a polynomial identity that holds modulo `relations` (each = 0), by Groebner reduction."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        numerator, denominator = sp.fraction(sp.together(sp.expand(lhs - rhs)))
        basis = sp.groebner(list(relations), *gens, order="grevlex")
        if basis.contains(sp.expand(denominator)):  # a denominator that the relations kill would make the step empty
            return sp.nan
        return normal(basis.reduce(sp.expand(numerator))[1])

    return Rewrite("modulo", (tuple(relations), gens), residual)


def induction(n: sp.Symbol, start: int) -> Rewrite:
    """Close `lhs(n) = rhs(n)` for integers n >= start, where lhs is a Sum or Product up to n.

    Checked: equality at n = start, and that both sides grow by the same amount (or factor) from n to n + 1.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not isinstance(lhs, sp.Sum | sp.Product):
            return sp.nan
        base = normal(lhs.subs(n, start).doit() - rhs.subs(n, start))
        if base != 0:
            return base
        k, _, top = lhs.limits[0]
        term = lhs.function.subs(k, top.subs(n, n + 1))
        if isinstance(lhs, sp.Sum):
            return normal(rhs + term - rhs.subs(n, n + 1))
        return normal(rhs * term - rhs.subs(n, n + 1))

    return Rewrite("induction", (n, start), residual)


def use(statement: Any, values: Mapping[Expr, Expr] | None = None) -> Rewrite:
    """Close a step by an entry already proved: its left side, with `values` put in, is replaced by its right
    side.

    `statement` is a Formula (its id must be among `uses` of the entry that cites it) or a relation.
    """
    relation = getattr(statement, "statement", statement)
    relations = list(relation) if isinstance(relation, sp.Tuple | tuple | list) else [relation]
    name = f"use {statement.id}" if hasattr(statement, "id") else "use"

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        expr = lhs - rhs
        for r in relations:
            left, right = r.lhs, r.rhs
            if values:
                pairs = list(values.items())
                left, right = left.subs(pairs, simultaneous=True), right.subs(pairs, simultaneous=True)
            expr = expr.subs(left, right)
        return normal(expr)

    return Rewrite(name, (tuple(relations), *sorted((values or {}).items(), key=str)), residual)


def _assumed_sign(lhs: Expr, rhs: Expr) -> Expr:
    if (lhs - rhs).is_nonnegative:
        return sp.S.Zero
    gap = sp.factor(normal(lhs - rhs))
    return sp.S.Zero if gap.is_nonnegative else gap


#: an inequality whose difference is non-negative by the signs of its factors (squares, positive symbols)
sign = Rewrite("sign", (), _assumed_sign)


def convex(x: sp.Symbol, minimum: Expr) -> Rewrite:
    """Close `f(x) >= f(minimum)`: f'(minimum) = 0 and f'' > 0 by the assumptions on x; equality there
    only."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        slope = sp.diff(lhs, x)
        if not sp.factor(sp.diff(slope, x)).is_positive:
            return sp.nan
        return sp.Abs(normal(slope.subs(x, minimum))) + sp.Abs(normal(lhs.subs(x, minimum) - rhs))

    return Rewrite("convex", (x, minimum), residual)


def enclose(data: tuple[Any, ...], residual: Callable[[Expr, Expr], Expr]) -> Rewrite:
    """Close a step by enclosing numbers in balls; `residual` is 0 where they decide it."""
    return Rewrite("enclose", data, residual, symbolic=False)


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

    return Rewrite("combination", full, residual)


def _lies_in(value: Expr, symbol: sp.Symbol) -> bool:
    wanted = ("is_positive", "is_nonnegative", "is_real")
    return all(getattr(value, sign_) for sign_ in wanted if getattr(symbol, sign_))


def leans_on(by: Rewrite) -> list[Expr]:
    """What a combination takes to be non-negative without the assumptions saying so."""
    return [g for _, g, _ in by.data if not g.is_nonnegative] if by.name == "combination" else []


#: a statement in words that a human must accept; the two sides are still compared in balls where they can be
argument = Rewrite("argument", (), lambda a, b: sp.S.Zero, checked=False)
