"""Rewrites by induction: sums and products, recursions, integrals over one coordinate after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from derivations.engine.algebra import Expr, Rewrite, normal, one_sum
from derivations.engine.calculus import gaussian_integrals


def induction(n: sp.Symbol, start: int) -> Rewrite:
    """Close `lhs(n) = rhs(n)` for integers n >= start, where lhs is a Sum or Product up to n.

    Checked: equality at n = start, and that both sides grow by the same amount (or factor) from n to n + 1.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not isinstance(lhs, sp.Sum | sp.Product):
            return sp.nan
        base = normal(lhs.subs(n, start).doit() - rhs.subs(n, start).doit())
        if base != 0:
            return base
        k, _, top = lhs.limits[0]
        term = lhs.function.subs(k, top.subs(n, n + 1))
        after = _last_apart(rhs.subs(n, n + 1), n)
        return normal((rhs + term if isinstance(lhs, sp.Sum) else rhs * term) - after)

    return Rewrite("induction", (n, start), residual)


def _last_apart(expr: Expr, n: sp.Symbol) -> Expr:
    """Sums and products up to n + 1 with their last term or factor by itself."""

    def apart(e: Expr) -> Expr:
        k, low, _ = e.limits[0]
        before, last = e.func(e.function, (k, low, n)), e.function.subs(k, n + 1)
        return before + last if isinstance(e, sp.Sum) else before * last

    return expr.replace(
        lambda e: isinstance(e, sp.Sum | sp.Product) and len(e.limits) == 1 and e.limits[0][2] == n + 1, apart
    )


Part = tuple[Expr, int, int]


def sum_recursion(n: sp.Symbol, *parts: Part, first: Sequence[Expr] = (), start: int = 0) -> Rewrite:
    """Close `lhs(n) = sum of F(n, k) over k` by a linear recursion that both sides obey, n >= start.

    A part (c, p, q) says that lhs(n) has the term c lhs(n - p) and F(n, k) the term c F(n - p, k - q), with p > 0 and
    q >= 0. Checked: the recursion of F inside the range of k and at both of its ends, where terms out of range are
    left out; that of lhs, where it is an expression; and equality for as many first n as the recursion reaches back.
    A name on the left is defined by the recursion and by its values `first` at n = start, start + 1, ...
    """
    reach = max(p for _, p, _ in parts)

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        total = one_sum(rhs)
        if total is None:
            return sp.nan
        named = isinstance(lhs, sp.core.function.AppliedUndef)
        if named and len(first) < reach:
            return sp.nan
        left = sp.S.Zero if named else _left_over(lhs, n, sp.Dummy(), {}, parts)
        wrong = [left] if left != 0 else []
        for i in range(len(first) if named else reach):
            value = first[i] if named else lhs.subs(n, start + i)
            wrong.append(normal(value - rhs.subs(n, start + i).doit()))
        wrong += _recursion_of_terms(total, n, parts)
        return next((w for w in wrong if w != 0), sp.S.Zero)

    return Rewrite("sum-recursion", (n, *parts, *first, start), residual)


def _recursion_of_terms(total: sp.Sum, n: sp.Symbol, parts: Sequence[Part]) -> Iterator[Expr]:
    """What is left of F(n, k) - sum of c F(n - p, k - q), relative to F(n, k), inside the range and at its ends."""
    k, low, high = total.limits[0]
    if low.has(n):
        yield sp.nan
    yield _left_over(total.function, n, k, {}, parts)
    half = sp.Symbol("half", integer=True, positive=True)
    for value in (2 * half, 2 * half + 1) if high.has(sp.floor) else (n,):
        for end in (low, high.subs(n, value)):
            inside = []
            for c, p, q in parts:
                above = sp.simplify(high.subs(n, value - p) - (end - q))
                if (end == low and q == 0) or (end != low and above.is_nonnegative):
                    inside.append((c, p, q))
                elif not (end == low or above.is_negative):
                    yield sp.nan
            yield _left_over(total.function, n, k, {n: value, k: end}, inside)


def _left_over(term: Expr, n: sp.Symbol, k: sp.Symbol, at: dict[Expr, Expr], parts: Sequence[Part]) -> Expr:
    here = term.subs(at, simultaneous=True)
    ratios = []
    for c, p, q in parts:
        before = term.subs({n: n - p, k: k - q}, simultaneous=True).subs(at, simultaneous=True)
        ratios.append(c * sp.powsimp(sp.combsimp(sp.powsimp(before / here, force=False)), force=False))
    return normal(sp.combsimp(sp.Add(*ratios) - 1))


def fubini(n: sp.Symbol, start: int, first: Expr, carried: sp.Symbol, one_more: Expr) -> Rewrite:
    """Close `lhs = rhs(n)` for an integral over n coordinates, taken over one after another, n >= start.

    Checked: rhs(start) is `first`, and `one_more`, the Gaussian integral over coordinate n + 1 in which the symbol
    `carried` stands for the integral over the n before it, takes rhs(n) to rhs(n + 1).
    """
    variables = [limits[0] for integral in one_more.atoms(sp.Integral) for limits in integral.limits]

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        base = normal(rhs.subs(n, start).doit() - first)
        if base != 0 or rhs.has(*variables):
            return base or sp.nan
        after = _last_apart(rhs.subs(n, n + 1), n)
        return normal(gaussian_integrals(one_more.subs(carried, rhs), *variables) - after)

    return Rewrite("fubini", (n, start, first, carried, one_more), residual)


def _binomials(lhs: Expr, rhs: Expr) -> Expr:
    if isinstance(lhs, sp.Sum) and isinstance(rhs, sp.Sum) and lhs.limits == rhs.limits:
        return _binomials(lhs.function, rhs.function)
    ratios = [sp.powsimp(sp.combsimp(sp.powsimp(term / rhs))) for term in sp.Add.make_args(sp.expand_mul(lhs))]
    return normal(sp.combsimp(sp.Add(*ratios) - 1))


#: binomial coefficients and powers, each term relative to the other side; sums over one range by their terms
binomials = Rewrite("binomials", (), _binomials)


def _linear(lhs: Expr, rhs: Expr) -> Expr:
    def apart(e: Expr) -> Expr:
        terms = []
        for term in sp.Add.make_args(sp.expand(sp.expand_log(e.function))):
            constant, rest = term.as_independent(e.limits[0][0], as_Add=False)
            terms.append(constant * sp.Sum(rest, e.limits[0]))
        return sp.Add(*terms)

    return normal((lhs - rhs).replace(lambda e: isinstance(e, sp.Sum) and len(e.limits) == 1, apart))


#: sums taken term by term, with what does not know the index outside
linear = Rewrite("linear", (), _linear)
