"""Expansions in sigma of the divergences between HG_kappa and RN(o, sigma), by two roads.

The proofs expand symbolically in the dimension: `truncation` and `expectation` are the rewrites they use.
`forward` and `backward` are the second road: exact rational power series in v = sigma^2 at one integer
dimension, from the closed moments of exponentials of the height (forward) and from the Taylor series of the
height along geodesics (backward).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq, fmpq_poly, fmpq_series

from derivations.engine.algebra import Rewrite, normal

ORDER = 4  # powers of v kept: one more than any entry needs

# ------------------------------------------------------------------------------------------- symbolic


def truncated(expr: Any, x: sp.Symbol, order: int) -> Any:
    """The polynomial part of `expr` (a polynomial in x) below x^order."""
    expr = sp.expand(expr)
    return sum((expr.coeff(x, n) * x**n for n in range(order)), sp.S.Zero)


def exponential(expr: Any, x: sp.Symbol, order: int) -> Any:
    """exp(expr) below x^order for a polynomial `expr` without constant term."""
    total, power = sp.S.One, sp.S.One
    for n in range(1, order):
        power = truncated(power * expr, x, order)
        total += power / math.factorial(n)
    return sp.expand(total)


def truncation(x: sp.Symbol, order: int) -> Rewrite:
    """Close an equation between polynomials in x that holds up to terms of order x^order."""
    return Rewrite(
        "truncation",
        (x, order),
        lambda lhs, rhs: normal(truncated(sp.expand(lhs) - sp.expand(rhs), x, order)),
    )


def even_moment(n: int) -> int:
    """E[t^(2n)] = 1 3 5 ... (2n - 1) for a standard normal t."""
    return math.prod(range(1, 2 * n, 2))


def rising(start: Any, n: int) -> Any:
    """start (start + 2) ... (start + 2 n - 2): the n-th moment of a chi-squared variable."""
    return sp.Mul(*(sp.sympify(start) + 2 * j for j in range(n)))


def mean(expr: Any, moments: dict[sp.Symbol, Callable[[int], Any]]) -> Any:
    """Expectation of a polynomial in independent variables whose moments are given."""
    variables = list(moments)
    total = sp.S.Zero
    for powers, coefficient in sp.Poly(sp.expand(expr), *variables).terms():
        total += coefficient * sp.prod([moments[x](n) for x, n in zip(variables, powers, strict=True)])
    return sp.expand(total)


def expectation(name: str, moments: dict[sp.Symbol, Callable[[int], Any]]) -> Rewrite:
    """Close E(polynomial) = rhs by putting moments for powers; E is the function of that name."""
    operator = sp.Function("E")

    def residual(lhs: Any, rhs: Any) -> Any:
        return normal((lhs - rhs).replace(operator, lambda e: mean(e, moments)))

    return Rewrite(name, tuple(moments), residual)


# ------------------------------------------------------------------------------------------- exact rationals


def _fmpq(value: Any) -> fmpq:
    r: Any = sp.Rational(value)
    return fmpq(int(r.p), int(r.q))


def _series(*coefficients: Any) -> Any:
    return fmpq_series([c if isinstance(c, fmpq) else _fmpq(c) for c in coefficients])


@cache
def _sinh_power(m: int, count: int) -> list[fmpq]:
    """Coefficients of x^(2j) in (sinh x / x)^m, from the binomial expansion."""
    out = []
    for j in range(count):
        n = m + 2 * j
        total = sum((-1) ** i * math.comb(m, i) * (m - 2 * i) ** n for i in range(m + 1))
        out.append(fmpq(total, 2**m * math.factorial(n)))
    return out


def _radial_mean(m: int, coefficients: list[fmpq]) -> fmpq_series:
    """Mean of sum_j coefficients[j] r^(2j) times (sinh r / r)^m; r^2 / v is chi-squared (m + 1 degrees)."""
    weights = _sinh_power(m, ORDER + 1)
    product = [
        sum((weights[i] * coefficients[j - i] for i in range(j + 1) if j - i < len(coefficients)), fmpq(0))
        for j in range(ORDER + 1)
    ]
    return fmpq_series([c * int(rising(m + 1, j)) for j, c in enumerate(product)])


def log_normaliser(m: int) -> fmpq_series:
    """log of Z_RN / (2 pi sigma^2)^(d/2) as a series in v."""
    return _radial_mean(m, [fmpq(1)]).log()


def forward(m: int, nu: Any = 0, kappa: Any = 1, height: Any = 0, fibre: Any = 0) -> list[fmpq]:
    """Coefficients of v^0 .. v^3 of KL(HG_kappa(nu v, 0, sigma (1 + height v), sigma (1 + fibre v)) || RN).

    r^2 = 4 z - 4 z^2 / 3 + ... with z = (e^tau + e^-tau - 2 + e^-tau |b|^2) / 4, whose powers have closed
    moments.
    """
    before, ctx.cap = ctx.cap, ORDER + 1
    try:
        v, k = _series(0, 1), _fmpq(kappa)
        mu, growth_h, growth_f = v * _fmpq(nu), _series(1, height), _series(1, fibre)
        variance, square = v * growth_h * growth_h, v * growth_f * growth_f
        total: Any = fmpq_series([0])
        for n in range(1, ORDER + 2):
            factor = fmpq((-1) ** (n + 1) * 4 ** (n + 1), 2 * n * n * math.comb(2 * n, n)) / 4**n
            for i in range(n + 1):  # e^tau
                for j in range(n + 1 - i):  # e^-tau
                    for w in range(n + 1 - i - j):  # e^-tau |b|^2
                        c = n - i - j - w
                        count = math.factorial(n) // math.prod(math.factorial(q) for q in (i, j, w, c))
                        power = i - j + w * (2 * k - 1)
                        exponent = mu * (power + w * (2 - 2 * k)) + variance * (power * power / 2)
                        term = exponent.exp() * int(rising(m, w)) * count * (-2) ** c * factor
                        for _ in range(w):
                            term = term * square
                        total = total + term
        coefficients = [total[j + 1] / 2 for j in range(ORDER)]  # divided by 2 v
        logs = log_normaliser(m) - growth_h.log() - m * growth_f.log()
        return [logs[j] + coefficients[j] - (fmpq(m + 1, 2) if j == 0 else 0) for j in range(ORDER)]
    finally:
        ctx.cap = before


@cache
def _height_squared(m: int, count: int) -> list[fmpq]:
    """Coefficients of r^(2j) in the mean over the sphere of tau^2, e^-tau = cosh r - u sinh r."""
    size = 2 * count
    shape = [fmpq_poly([fmpq(1, math.factorial(n))] if n % 2 == 0 else [0, fmpq(-1, math.factorial(n))])
             for n in range(size)]  # fmt: skip
    log = [fmpq_poly([0])] * size  # n log_n = n shape_n - sum k log_k shape_(n-k)
    for n in range(1, size):
        rest = sum((k * log[k] * shape[n - k] for k in range(1, n)), fmpq_poly([0]))
        log[n] = (n * shape[n] - rest) * fmpq(1, n)
    out = []
    for j in range(count):
        square = sum((log[i] * log[2 * j - i] for i in range(2 * j + 1)), fmpq_poly([0]))
        total = fmpq(0)
        for n, c in enumerate(square.coeffs()):
            if n % 2 == 0:
                total += c * fmpq(even_moment(n // 2), int(rising(m + 1, n // 2)))
        out.append(total)
    return out


def backward(m: int) -> list[fmpq]:
    """Coefficients of v^0 .. v^3 of KL(RN(o, sigma) || HG(0, 0, sigma, sigma))."""
    before, ctx.cap = ctx.cap, ORDER + 1
    try:
        sinh_squared = [fmpq(0)] + [fmpq(2 ** (2 * j - 1), math.factorial(2 * j)) for j in range(1, ORDER + 1)]
        height = _height_squared(m, ORDER + 1)
        inside = [h + fmpq(m, m + 1) * q for h, q in zip(height, sinh_squared, strict=True)]
        inside[1] -= 1
        ratio = _radial_mean(m, inside) / _radial_mean(m, [fmpq(1)])
        logs = log_normaliser(m)
        return [ratio[j + 1] / 2 - logs[j] for j in range(ORDER)]
    finally:
        ctx.cap = before


def as_ball(value: fmpq) -> arb:
    """An exact rational as a ball."""
    return arb(value)
