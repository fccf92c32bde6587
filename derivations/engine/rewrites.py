"""Named rewrites: each one closes an equation or leaves a residual, and none of them guesses.

A rewrite takes both sides of a step and returns what is left of `lhs - rhs` after it has done the one thing
that its name says, followed by a normal form (hyperbolic functions as exponentials, logarithms of products
split, powers expanded, fractions cancelled). A residual of exactly 0 closes the step.
"""

# SymPy's annotations are partial (everything is Basic): attribute and operator checks would only report that.
# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false
# pyright: reportCallIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from derivations.engine.limits import limit_of

Expr = Any


@dataclass(frozen=True)
class Rewrite:
    """A named way to close `lhs = rhs`; `residual(lhs, rhs)` is 0 exactly when it does."""

    name: str
    data: tuple[Any, ...] = ()
    residual: Callable[[Expr, Expr], Expr] = field(compare=False, repr=False, default=lambda a, b: a - b)
    checked: bool = True
    symbolic: bool = True  # False: it encloses numbers, so what it reaches stands at level B


def normal(expr: Expr) -> Expr:
    """Normal form of an expression in exponentials, logarithms, powers and rational functions."""
    expr = sp.sympify(expr)
    hyperbolic = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)
    if expr.has(*hyperbolic):
        expr = expr.replace(lambda e: isinstance(e, hyperbolic), lambda e: e.rewrite(sp.exp))
    expr = sp.expand_log(expr)
    expr = sp.expand(expr, power_base=True, power_exp=True, log=True)
    if expr == 0:
        return sp.S.Zero
    expr = sp.cancel(sp.together(expr))
    return sp.expand(expr, power_base=True, power_exp=True, log=True)


def _difference(lhs: Expr, rhs: Expr) -> Expr:
    return normal(lhs - rhs)


#: both sides have the same normal form: expansion, exponentials, split logarithms, cancelled fractions
algebra = Rewrite("algebra", (), _difference)


def _log_expand(lhs: Expr, rhs: Expr) -> Expr:
    return normal(sp.expand_log(lhs) - sp.expand_log(rhs))


#: logarithms of products and powers of positive symbols are split
log_expand = Rewrite("log-expand", (), _log_expand)


def gamma_at_base(expr: Expr) -> Expr:
    """Gamma functions of z + n, n a positive integer, as those of z; logarithms of gamma as log-gamma."""

    def shifted(f: Expr) -> Expr:
        n, z = f.args[-1].as_coeff_Add()
        if not (n.is_Integer and n > 0) or z == 0:
            return f
        steps = [z + k for k in range(int(n))]
        if isinstance(f, sp.gamma):
            return sp.Mul(sp.gamma(z), *steps)
        if isinstance(f, sp.loggamma):
            return sp.Add(sp.loggamma(z), *(sp.log(x) for x in steps))
        order = f.args[0]
        return sp.polygamma(order, z) + (-1) ** order * sp.factorial(order) * sp.Add(
            *(x ** (-order - 1) for x in steps)
        )

    expr = sp.expand_log(sp.sympify(expr))
    expr = expr.replace(sp.log, lambda x: sp.loggamma(x.args[0]) if isinstance(x, sp.gamma) else sp.log(x))
    return expr.replace(lambda e: isinstance(e, sp.gamma | sp.loggamma | sp.polygamma), shifted)


#: the recurrence Gamma(z + 1) = z Gamma(z), in log-gamma and polygamma functions too
gamma_recurrence = Rewrite("gamma-recurrence", (), lambda lhs, rhs: normal(gamma_at_base(lhs) - gamma_at_base(rhs)))


def _trig(lhs: Expr, rhs: Expr) -> Expr:
    both = (lhs - rhs).replace(
        lambda e: isinstance(e, sp.sin | sp.cos | sp.tan),
        lambda e: sp.expand_trig(e),
    )
    return normal(both.rewrite(sp.exp))


#: circular functions as complex exponentials
trigonometry = Rewrite("trigonometry", (), _trig)


def _factor(lhs: Expr, rhs: Expr) -> Expr:
    return normal(sp.factor(lhs) - sp.factor(rhs))


#: both sides factored over the rationals
factor = Rewrite("factor", (), _factor)


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


def substitute(values: Mapping[Expr, Expr]) -> Rewrite:
    """Close `lhs = rhs` after putting the given values for symbols (or subexpressions) on both sides."""

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        pairs = list(values.items())
        return normal((lhs - rhs).subs(pairs, simultaneous=True).doit())

    return Rewrite("substitute", tuple(sorted(values.items(), key=str)), residual)


def change_of_variable(old: sp.Symbol, new: sp.Symbol, expression: Expr) -> Rewrite:
    """Close `Integral(f, old) = Integral(g, new)` under old = expression(new), increasing in new.

    Checked: d(expression)/d(new) is positive by assumption, g = f(expression) * Jacobian, and the limits
    correspond.
    """

    def residual(lhs: Expr, rhs: Expr) -> Expr:
        if not (isinstance(lhs, sp.Integral) and isinstance(rhs, sp.Integral)):
            return sp.nan
        jacobian = sp.diff(expression, new)
        if not sp.factor(jacobian).is_positive:
            return sp.nan
        _, a, b = lhs.limits[0]
        _, c, d = rhs.limits[0]
        for end, image in ((c, a), (d, b)):
            if normal_limit(expression, new, end) != image:
                return sp.nan
        return normal(lhs.function.subs(old, expression) * jacobian - rhs.function)

    return Rewrite("change-of-variable", (old, new, expression), residual)


def normal_limit(expression: Expr, x: sp.Symbol, end: Expr) -> Expr:
    """The value or limit of an expression at a finite or infinite end."""
    return limit_of(expression, x, end) if end in (sp.oo, -sp.oo) else expression.subs(x, end)


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
