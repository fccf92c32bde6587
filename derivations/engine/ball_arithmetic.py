"""Ball arithmetic: SymPy expressions and integrals as rigorous Arb enclosures.

Everything here returns a ball that provably contains the true value. `ball` evaluates a SymPy expression,
`integral` a proper integral, `normal_expectation` an improper one whose tail the caller bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import sympy as sp
from flint import acb, arb, ctx, fmpq

Point = Mapping[str, Any]  # symbol name -> sympy Rational (or int); every point is exact


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work at `bits` bits inside the block."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def exact(value: Any) -> arb:
    """An exact rational (int, sympy Rational, "p/q") as a ball of radius one rounding."""
    r = sp.Rational(value)
    return arb(fmpq(int(r.p), int(r.q)))


def _number(value: Any) -> Any:
    return value if isinstance(value, arb | acb) else exact(value)


_UNARY: dict[Any, Callable[[Any], Any]] = {
    sp.exp: lambda x: x.exp(),
    sp.log: lambda x: x.log(),
    sp.sinh: lambda x: x.sinh(),
    sp.cosh: lambda x: x.cosh(),
    sp.tanh: lambda x: x.tanh(),
    sp.coth: lambda x: x.coth(),
    sp.sech: lambda x: x.sech(),
    sp.csch: lambda x: x.csch(),
    sp.asinh: lambda x: x.asinh(),
    sp.acosh: lambda x: x.acosh(),
    sp.atanh: lambda x: x.atanh(),
    sp.sin: lambda x: x.sin(),
    sp.cos: lambda x: x.cos(),
    sp.tan: lambda x: x.tan(),
    sp.asin: lambda x: x.asin(),
    sp.acos: lambda x: x.acos(),
    sp.atan: lambda x: x.atan(),
    sp.erf: lambda x: x.erf(),
    sp.erfc: lambda x: x.erfc(),
    sp.gamma: lambda x: x.gamma(),
    sp.loggamma: lambda x: x.lgamma(),
    sp.factorial: lambda x: (x + 1).gamma(),
    sp.Abs: lambda x: abs(x),
}


class NotEvaluable(ValueError):
    """The expression holds something that has no ball: an undefined function, a symbol without value."""


_FIELD = "field of the constants"


def ball(expr: Any, point: Point | None = None, *, field: Any = arb) -> Any:
    """Enclosure of a SymPy expression at an exact point, at the current precision.

    With field=acb roots and logarithms of negative numbers take their principal values. `point` maps symbol
    names to exact rationals, or to balls. Raises NotEvaluable for undefined functions, free symbols without
    a value, and unevaluated integrals.
    """
    return _eval(sp.sympify(expr), dict(point or {}) | {_FIELD: field}, {})


def _eval(e: sp.Basic, point: dict[str, Any], memo: dict[sp.Basic, Any]) -> Any:
    if e in memo:
        return memo[e]
    value = _eval_node(e, point, memo)
    memo[e] = value
    return value


def _eval_node(e: Any, point: dict[str, Any], memo: dict[sp.Basic, Any]) -> Any:
    field = point[_FIELD]
    if e.is_Rational:
        return field(exact(e))
    if e.is_Symbol:
        if e.name not in point:
            raise NotEvaluable(f"symbol {e.name} has no value")
        value = _number(point[e.name])
        return value if isinstance(value, acb) else field(value)
    if e is sp.pi:
        return field(arb.pi())
    if e is sp.EulerGamma:
        return field(arb.const_euler())
    if e is sp.I and field is acb:
        return acb(0, 1)
    if e is sp.E:
        return field(arb(1).exp())
    if isinstance(e, sp.Add):
        total = arb(0)
        for a in e.args:
            total = total + _eval(a, point, memo)
        return total
    if isinstance(e, sp.Mul):
        product = arb(1)
        for a in e.args:
            product = product * _eval(a, point, memo)
        return product
    if isinstance(e, sp.Pow):
        return _power(e, point, memo)
    if e.func in _UNARY:
        return _UNARY[e.func](_eval(e.args[0], point, memo))
    if isinstance(e, sp.Max | sp.Min):
        values = [_real(_eval(a, point, memo), e) for a in e.args]
        result = values[0]
        for v in values[1:]:
            result = result.max(v) if isinstance(e, sp.Max) else result.min(v)
        return field(result)
    if isinstance(e, sp.polygamma):
        order, x = (_eval(a, point, memo) for a in e.args)
        value = acb(x).polygamma(acb(order))
        return value if field is acb else value.real
    if isinstance(e, sp.atan2):
        return arb.atan2(_eval(e.args[0], point, memo), _eval(e.args[1], point, memo))
    if isinstance(e, sp.binomial):
        n, k = (_eval(a, point, memo) for a in e.args)
        return (n + 1).gamma() / (k + 1).gamma() / (n - k + 1).gamma()
    if isinstance(e, sp.Sum | sp.Product):
        return _finite(e, point)
    if isinstance(e, sp.Piecewise):
        return _piecewise(e, point, memo)
    raise NotEvaluable(f"no ball for {e.func.__name__}: {e}")


def _real(value: Any, e: Any) -> arb:
    """The value as a real ball, for comparisons. Raises NotEvaluable for one that is not real."""
    if isinstance(value, acb):
        if value.imag != 0:
            raise NotEvaluable(f"{e} compares complex numbers")
        return value.real
    return value


def _power(e: sp.Pow, point: dict[str, Any], memo: dict[sp.Basic, Any]) -> Any:
    base, exponent = e.args
    b = _eval(base, point, memo)
    if base is sp.E:
        return _eval(exponent, point, memo).exp()
    if exponent.is_Integer:
        return b ** int(exponent)
    if exponent is sp.S.Half:
        return b.sqrt()
    if exponent == -sp.S.Half:
        return b.rsqrt()
    return b ** _eval(exponent, point, memo)


def _integer(e: sp.Basic, point: dict[str, Any]) -> int:
    known = {s: sp.Rational(point[s.name]) for s in e.free_symbols if s.name in point}
    value = sp.sympify(e).subs(known)
    if not value.is_Integer:
        raise NotEvaluable(f"{e} is not an integer at this point")
    return int(value)


def _finite(e: Any, point: dict[str, Any]) -> Any:
    total = arb(0) if isinstance(e, sp.Sum) else arb(1)
    if len(e.limits) != 1:
        raise NotEvaluable("only sums over one index are evaluated")
    k, low, high = e.limits[0]
    for i in range(_integer(low, point), _integer(high, point) + 1):
        term = _eval(e.function.subs(k, i), point, {})
        total = total + term if isinstance(e, sp.Sum) else total * term
    return total


def _piecewise(e: sp.Piecewise, point: dict[str, Any], memo: dict[sp.Basic, Any]) -> Any:
    for value, condition in e.args:
        known = {s: sp.Rational(point[s.name]) for s in condition.free_symbols if s.name in point}
        holds = condition.subs(known)
        if holds == sp.true:
            return _eval(value, point, memo)
        if holds != sp.false:
            break
    raise NotEvaluable(f"cannot decide the branch of {e}")


def samples(symbols: Iterable[sp.Symbol], count: int = 8) -> Iterator[dict[str, sp.Rational]]:
    """Exact points in the domain that the symbols' assumptions allow, the same ones at every call."""
    ordered = sorted(symbols, key=lambda s: s.name)
    for i in range(count):
        point = {}
        for j, s in enumerate(ordered):
            k = (7 * i + 5 * j + 3 * i * j) % 11
            if s.is_integer:
                point[s.name] = sp.Integer(2 + k % 4)
            elif s.is_positive or s.is_nonnegative:
                point[s.name] = sp.Rational(2 * k + 3, 13)
            else:
                point[s.name] = sp.Rational(2 * k - 9, 7)
        yield point


# ------------------------------------------------------------------------------------------- integrals


def integral(f: Callable[[Any, bool], Any], a: Any, b: Any, *, bits: int = 110) -> arb:
    """Rigorous integral of `f` over [a, b], both finite and exact.

    `f(z, analytic)` takes a complex ball. Where it uses sqrt, log or abs it must pass `analytic=analytic`
    on, so that Arb notices a branch cut. Raises ArithmeticError when fewer than `bits` bits come out,
    unless the value is so small that the absolute radius is below 2^-bits.
    """
    value = acb.integral(lambda z, analytic: f(z, analytic), acb(_number(a)), acb(_number(b))).real
    if not value.is_finite() or (value.rel_accuracy_bits() < bits and value.rad() > arb(2) ** (-bits)):
        raise ArithmeticError(f"integral over [{a}, {b}] has only {value.rel_accuracy_bits()} bits: {value}")
    return value


def plus_minus(radius: arb) -> arb:
    """The ball [-radius, radius]."""
    return arb(0).union(radius).union(-radius)


def half_width(bound: Any = 1) -> int:
    """T such that bound * exp(-T^2/2) is below 2^-(prec+20): where a standard normal integrand may be cut."""
    size = abs(_number(bound)).log()
    bits = ctx.prec + max(0, int(1.45 * float(size.upper())) + 1 if size.is_finite() else 0)
    return int((2 * 0.6931471805599453 * (bits + 20)) ** 0.5) + 1


def normal_expectation(
    f: Callable[[Any, bool], Any], *, bound: Any, rate: Any = 0, reach: int | None = None, bits: int = 110
) -> arb:
    """E[f(t)] for a standard normal t, rigorous.

    The caller vouches that |f(t)| <= bound * exp(rate |t|) on the real line (for a power: |t|^k <= k!
    e^|t|). The range is cut at +-T around the peaks +-rate; the tails are at most 2 bound e^(rate^2/2) P(N
    > T - rate).
    """
    c, big = _number(rate), _number(bound)
    top = float(c.upper()) if isinstance(c, arb) else float(c)
    cut = (reach or half_width(big)) + int(abs(top)) + 1
    scale = (2 * arb.pi()).rsqrt()
    body = arb(0)
    # pieces of moderate length keep the adaptive quadrature from bisecting down from a huge interval
    edges = [-cut, -top, 0, top, cut] if top > 1 else [-cut, 0, cut]
    points = sorted({int(x) for x in edges})
    for low, high in pairwise(points):
        body = body + acb.integral(lambda z, analytic: f(z, analytic) * (-z * z / 2).exp(), acb(low), acb(high)).real
    tail = big * (c * c / 2).exp() * ((arb(cut) - c) / arb(2).sqrt()).erfc()
    value = body * scale + plus_minus(tail)
    if not value.is_finite() or (value.rel_accuracy_bits() < bits and value.rad() > arb(2) ** (-bits)):
        raise ArithmeticError(f"expectation has only {value.rel_accuracy_bits()} bits: {value}")
    return value
