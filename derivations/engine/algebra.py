"""What a rewrite is, and those that compare normal forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from derivations.engine.ball_arithmetic import ball, samples

Expr = Any


@dataclass(frozen=True)
class Rewrite:
    """A named way to close `lhs = rhs`; `residual(lhs, rhs)` is 0 exactly when it does."""

    name: str
    data: tuple[Any, ...] = ()
    residual: Callable[[Expr, Expr], Expr] = field(compare=False, repr=False, default=lambda a, b: a - b)
    checked: bool = True
    symbolic: bool = True  # False: it encloses numbers, so what it reaches stands at level B
    leans: tuple[Any, ...] = ()  # what earlier `>=` steps of the same proof must have shown to be non-negative
    inside: tuple[tuple[sp.Symbol, Any, Any], ...] = ()  # symbols that range over an interval (symbol, low, high) only
    order: bool = False  # True: it shows that one side is at least the other, and so closes no equation


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


def one_sum(expr: Expr) -> sp.Sum | None:
    """A factor times one finite sum, with the factor drawn inside; None for what is no such product."""
    factors = sp.Mul.make_args(expr)
    sums = [f for f in factors if isinstance(f, sp.Sum)]
    if len(sums) != 1 or len(sums[0].limits) != 1:
        return None
    return sp.Sum(sp.Mul(sums[0].function, *(f for f in factors if f is not sums[0])), sums[0].limits[0])


def _difference(lhs: Expr, rhs: Expr) -> Expr:
    return normal(lhs - rhs)


#: both sides have the same normal form: expansion, exponentials, split logarithms, cancelled fractions
algebra = Rewrite("algebra", (), _difference)


def _matrices(lhs: Expr, rhs: Expr) -> Expr:
    def done(e: Expr) -> Expr:
        return sp.sympify(e).replace(lambda x: isinstance(x, sp.Determinant | sp.Trace), lambda x: x.doit())

    return normal(done(lhs) - done(rhs))


#: products, powers, determinants and traces of matrices are carried out
matrices = Rewrite("matrices", (), _matrices)


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


def _exponentiate(lhs: Expr, rhs: Expr) -> Expr:
    points = samples(sp.sympify(lhs).free_symbols | sp.sympify(rhs).free_symbols)
    real = [(ball(lhs, point).is_finite(), ball(rhs, point).is_finite()) for point in points]
    if any(one != other for one, other in real) or not any(one for one, _ in real):
        return sp.nan  # a logarithm that is real on one side only, or nowhere
    return normal(sp.exp(lhs) - sp.exp(rhs))


#: real numbers with the same exponential
exponentiate = Rewrite("exponentiate", (), _exponentiate)


def _equal_squares(lhs: Expr, rhs: Expr) -> Expr:
    if not (sp.sympify(lhs).is_nonnegative and sp.sympify(rhs).is_nonnegative):
        return sp.nan
    return normal(lhs**2 - rhs**2)


#: numbers that are not negative and have the same square
equal_squares = Rewrite("equal-squares", (), _equal_squares)
