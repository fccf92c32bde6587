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


def enclose(data: tuple[Any, ...], residual: Callable[[Expr, Expr], Expr]) -> Rewrite:
    """Close a step by enclosing numbers in balls; `residual` is 0 where they decide it."""
    return Rewrite("enclose", data, residual, symbolic=False)


#: a statement in words that a human must accept; the two sides are still compared in balls where they can be
argument = Rewrite("argument", (), lambda a, b: sp.S.Zero, checked=False)
