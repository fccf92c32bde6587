"""Rewrites that differentiate, integrate, expand and take limits."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.engine.algebra import Expr, Rewrite, normal
from derivations.engine.limits import limit_of


def _differentiate(lhs: Expr, rhs: Expr) -> Expr:
    def done(e: Expr) -> Expr:
        return e.replace(lambda x: isinstance(x, sp.Derivative), lambda x: x.doit(deep=False))

    return normal(done(lhs) - done(rhs))


#: derivatives on either side are carried out
differentiate = Rewrite("differentiate", (), _differentiate)


def _do_integrals(e: Expr) -> Expr:
    def one(x: Expr) -> Expr:
        f = _do_integrals(x.function)
        for limits in x.limits:
            f = sp.integrate(sp.expand(f, power_exp=True) if f.is_Add else f, limits, conds="none")
        return f

    return e.replace(lambda x: isinstance(x, sp.Integral), one)


def _integrate(lhs: Expr, rhs: Expr) -> Expr:
    return normal(_do_integrals(lhs) - _do_integrals(rhs))


#: definite integrals on either side are evaluated by SymPy (the certificate checks them by another road)
integrate = Rewrite("integrate", (), _integrate)


def antiderivative(primitive: Expr, x: sp.Symbol, low: Expr, high: Expr) -> Rewrite:
    """Close `Integral(f, (x, low, high)) = rhs` by a primitive: F' = f, and the difference of its limits is
    rhs.

    No trust in an integration algorithm: the derivative and both limits are checked.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not isinstance(lhs, sp.Integral):
            return sp.nan
        wrong = normal(sp.diff(primitive, x) - lhs.function)
        if wrong != 0 or tuple(lhs.limits[0]) != (x, low, high):
            return sp.nan if wrong == 0 else wrong

        def at(end: Expr) -> Expr:
            if end in (sp.oo, -sp.oo):
                return limit_of(primitive, x, end)
            return primitive.subs(x, end)

        return normal(at(high) - at(low) - rhs)

    return Rewrite("antiderivative", (primitive, x, low, high), residual)


def _limits(e: Any) -> tuple[Any, ...]:
    return tuple(e.limits[0])


def complete_square(*variables: sp.Symbol) -> Rewrite:
    """Carry out integrals over the real line of polynomial times exp(quadratic), innermost first.

    For exponent -a t^2 + b t + k with a positive by assumption the integral of exp is sqrt(pi/a)
    exp(b^2/(4a) + k), and a power of t in front becomes a moment of the normal law with mean b/(2a) and
    variance 1/(2a).
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        return normal(gaussian_integrals(lhs, *variables) - gaussian_integrals(rhs, *variables))

    return Rewrite("complete-square", variables, residual)


def gaussian_integrals(expr: Expr, *variables: sp.Symbol) -> Expr:
    """`expr` with its Gaussian integrals over these variables carried out (nan where one is not Gaussian)."""
    return expr.replace(
        lambda e: isinstance(e, sp.Integral) and all(limits[0] in variables for limits in e.limits), _iterated
    )


def _iterated(e: Expr) -> Expr:
    f = e.function
    for t, *ends in e.limits:
        if ends != [-sp.oo, sp.oo]:
            return sp.nan
        f = _gaussian(f, t)
        if f is sp.nan:
            return f
    return f


def _gaussian(f: Expr, t: sp.Symbol) -> Expr:
    total = sp.S.Zero
    if f == 0:
        return total
    for term in sp.Add.make_args(sp.expand(f, power_exp=False, power_base=False, log=False)):
        outer, exponent = sp.S.One, sp.S.Zero
        for part in sp.Mul.make_args(sp.powsimp(term, combine="exp")):
            if isinstance(part, sp.exp) and part.has(t):
                exponent += part.args[0]
            else:
                outer *= part
        try:
            quadratic, prefactor = sp.Poly(sp.expand(exponent), t), sp.Poly(outer, t)
        except sp.PolynomialError:
            return sp.nan
        if quadratic.degree() != 2:
            return sp.nan
        a, b, k = (sign_ * quadratic.coeff_monomial(t**n) for n, sign_ in ((2, -1), (1, 1), (0, 1)))
        if not sp.factor(a).is_positive:
            return sp.nan
        centre, variance = b / (2 * a), 1 / (2 * a)
        moment = sp.S.Zero
        for (power,), coefficient in prefactor.terms():
            for j in range(power // 2 + 1):
                even = sp.binomial(power, 2 * j) * sp.factorial2(2 * j - 1) * variance**j
                moment += coefficient * even * centre ** (power - 2 * j)
        total += moment * sp.sqrt(sp.pi / a) * sp.exp(b**2 / (4 * a) + k)
    return total


def limit(x: sp.Symbol, point: Expr, direction: str = "+") -> Rewrite:
    """Close `lhs = rhs` where lhs is an expression whose limit in x is rhs, by SymPy and in balls."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        return normal(limit_of(lhs, x, point, direction) - rhs)

    return Rewrite("limit", (x, point, direction), residual)


def series(x: sp.Symbol, order: int, at: Expr = 0) -> Rewrite:
    """Close `lhs = rhs + O((x - at)^order)`: all Taylor coefficients below `order` agree.

    Coefficients are computed as derivatives at the point (after a limit where the point is a removable
    singularity), not by a series heuristic.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        remainder, total = lhs - rhs, sp.S.Zero
        for _ in range(order):
            try:
                value = normal(remainder.subs(x, at))
                if value.has(sp.nan, sp.zoo, sp.oo):
                    raise ZeroDivisionError
            except (ZeroDivisionError, TypeError):
                value = limit_of(remainder, x, at)
            if value is sp.nan:
                return sp.nan
            total += sp.Abs(value) if value.is_number else value**2
            remainder = sp.diff(remainder, x)
        return normal(total)

    return Rewrite("series", (x, order, at), residual)


def change_of_variable(old: sp.Symbol, new: sp.Symbol, expression: Expr) -> Rewrite:
    """Close `Integral(f, old) = Integral(g, new)` under old = expression(new), monotone in new.

    Checked: d(expression)/d(new) has one sign by assumption, g = f(expression) times its size, and the limits
    correspond, exchanged where it is negative.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not (isinstance(lhs, sp.Integral) and isinstance(rhs, sp.Integral)):
            return sp.nan
        jacobian = sp.factor(sp.diff(expression, new))
        if not (jacobian.is_positive or jacobian.is_negative):
            return sp.nan
        _, *ends = lhs.limits[0]
        _, *images = rhs.limits[0]
        for end, image in zip(images, ends if jacobian.is_positive else reversed(ends), strict=True):
            if normal_limit(expression, new, end) != image:
                return sp.nan
        size = jacobian if jacobian.is_positive else -jacobian
        return normal(lhs.function.subs(old, expression) * size - rhs.function)

    return Rewrite("change-of-variable", (old, new, expression), residual)


def normal_limit(expression: Expr, x: sp.Symbol, end: Expr) -> Expr:
    """The value or limit of an expression at a finite or infinite end."""
    return limit_of(expression, x, end) if end in (sp.oo, -sp.oo) else expression.subs(x, end)


def _fundamental(lhs: Expr, rhs: Expr) -> Expr:
    if not (isinstance(lhs, sp.Integral) and isinstance(lhs.function, sp.Derivative) and len(lhs.limits) == 1):
        return sp.nan
    x, low, high = lhs.limits[0]
    inner, *by = lhs.function.args
    if [tuple(v) for v in by] != [(x, 1)]:
        return sp.nan
    return normal(inner.subs(x, high) - inner.subs(x, low) - rhs)


#: the integral of a derivative is the difference of its ends
fundamental = Rewrite("fundamental-theorem", (), _fundamental)


def lhopital(x: sp.Symbol) -> Rewrite:
    """Close `Limit(f / g, x, oo) = rhs` by the limit of f' / g', where g' tends to infinity and so g does."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not isinstance(lhs, sp.Limit) or tuple(lhs.args[1:3]) != (x, sp.oo):
            return sp.nan
        f, g = sp.fraction(lhs.args[0])
        slope = sp.diff(g, x)
        if limit_of(slope, x, sp.oo) != sp.oo:
            return sp.nan
        return normal(limit_of(sp.simplify(sp.diff(f, x) / slope), x, sp.oo) - rhs)

    return Rewrite("l'hopital", (x,), residual)
