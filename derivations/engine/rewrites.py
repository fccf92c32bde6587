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
from derivations.engine.notation import Notation


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


def solves(equation: Expr, x: sp.Symbol) -> Rewrite:
    """Close `x = rhs` by an expression that is zero at rhs and strictly monotone in x, by the signs of factors."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        slope = sp.factor(normal(sp.diff(equation, x)))
        if lhs != x or not (slope.is_positive or slope.is_negative):
            return sp.nan
        return normal(equation.subs(x, rhs))

    return Rewrite("solves", (equation, x), residual)


def enclose(data: tuple[Any, ...], residual: Callable[[Expr, Expr], Expr]) -> Rewrite:
    """Close a step by enclosing numbers in balls; `residual` is 0 where they decide it."""
    return Rewrite("enclose", data, residual, symbolic=False)


def compute(function: Callable[..., Any], *arguments: Any) -> Rewrite:
    """Close `name = value` by an exact computation: `function(*arguments)` in integers, rationals or symbols."""
    return _computed("compute", function, arguments, symbolic=True)


def enclose_value(function: Callable[..., Any], *arguments: Any) -> Rewrite:
    """Close `name = value` by enclosing: `function(*arguments)` is the exact number that balls decide, a digit say."""
    return _computed("enclose", function, arguments, symbolic=False)


def _computed(name: str, function: Callable[..., Any], arguments: tuple[Any, ...], symbolic: bool) -> Rewrite:
    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not (lhs.free_symbols or lhs.atoms(sp.core.function.AppliedUndef, Notation)):
            return sp.nan  # what is computed needs a name
        value = function(*arguments)
        return normal(
            sp.Rational(value.numerator, value.denominator) - rhs if hasattr(value, "numerator") else value - rhs
        )

    return Rewrite(f"{name} {function.__name__}", (function.__module__, *arguments), residual, symbolic=symbolic)


def theorem(title: str, source: str, place: str) -> Rewrite:
    """Accept a step by a theorem that is cited and not checked: its name, the source's key and the place there.

    The words of the step say how the theorem applies. The two sides are still compared in balls where they can be, and
    the entry is marked as leaning on words.
    """
    return Rewrite("theorem", (title, source, place), lambda a, b: sp.S.Zero, checked=False)
