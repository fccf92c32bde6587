"""Integrals over the radius against e^(-r^2 / (2 sigma^2)) sinh^(d-1) r: closed, as balls, by mpmath."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import sympy as sp
from flint import acb, arb

from derivations.engine.algebra import Rewrite, normal
from derivations.engine.ball_arithmetic import exact, plus_minus


def _gaussian_integrals(e: Any, x: sp.Symbol) -> Any:
    """Integrals of exponential polynomials against a centred Gaussian, over x > 0 or over the line."""

    def term(f: Any, low: Any) -> Any:
        outer: Any = sp.S.One
        exponent: Any = sp.S.Zero
        for factor in sp.Mul.make_args(f):
            if isinstance(factor, sp.exp):
                exponent += factor.args[0]
            else:
                outer *= factor
        power = sp.Poly(outer, x).degree() if outer.has(x) else 0
        quadratic = sp.Poly(sp.expand(exponent), x)
        alpha, beta = -quadratic.coeff_monomial(x**2), quadratic.coeff_monomial(x)
        b = sp.Dummy("b", real=True)
        base = sp.sqrt(sp.pi / alpha) * sp.exp(b**2 / (4 * alpha))
        if low == 0:
            base = base / 2 * (1 + sp.erf(b / (2 * sp.sqrt(alpha))))
        moment = sp.diff(base, b, int(power)).subs(b, beta) if power else base.subs(b, beta)
        return outer.subs(x, 1) * moment * sp.exp(quadratic.coeff_monomial(1))

    def one(integral: Any) -> Any:
        variable, low, high = integral.limits[0]
        if variable != x or high != sp.oo or low not in (0, -sp.oo):
            return sp.nan
        f = sp.powsimp(sp.expand(sp.expand(integral.function.rewrite(sp.exp)), power_exp=True), combine="exp")
        return sp.Add(*(term(sp.powsimp(t, combine="exp"), low) for t in sp.Add.make_args(sp.expand(f))))

    return e.replace(lambda q: isinstance(q, sp.Integral), one)


def gaussian_integrals(x: sp.Symbol) -> Rewrite:
    """Close an equation between integrals in x of polynomial times exponentials times centred Gaussian.

    Term by term, by the half-line integral proved in `rn-normaliser`, differentiated in its exponent for
    powers.
    """
    return Rewrite(
        "gaussian-integrals",
        (x,),
        lambda lhs, rhs: normal(_gaussian_integrals(lhs, x) - _gaussian_integrals(sp.sympify(rhs).doit(), x)),
    )


def radial_integral(n: int, s: arb, f: Callable[[Any], Any], power: int = 0) -> arb:
    """Enclosure of the integral of f(r) e^(-r^2/(2 s^2)) sinh^(n-1) r over r > 0; |f(r)| <= e^(power r).

    Cut at some R; beyond, the integrand is below e^((power + n - 1) r - r^2/(2 s^2)), whose integral is an
    erfc. All of it is divided by the peak e^((n-1)^2 s^2 / 2) while it is computed.
    """
    m, size = n - 1, float(s)
    peak = (arb(m * m) * s * s / 2).exp()
    end = int((m + power) * size**2 / size * 2) / 2 * size + 19 * size
    pieces = max(2, int(end / (6 * size)))
    edges = [exact(sp.Rational(str(round(end * i / pieces, 6)))) for i in range(pieces + 1)]

    def integrand(z: Any, _: bool) -> Any:
        return f(z) * (-z * z / (2 * s * s)).exp() * z.sinh() ** m / peak

    body = arb(0)
    for low, high in itertools.pairwise(edges):
        body += acb.integral(integrand, acb(low), acb(high)).real
    rate, cut = arb(m + power), edges[-1]
    beyond = ((cut - rate * s * s) / (s * arb(2).sqrt())).erfc()
    tail = (rate * rate * s * s / 2).exp() * s * (arb.pi() / 2).sqrt() * beyond
    value = body + plus_minus(tail / peak)
    if value.rel_accuracy_bits() < 105:
        raise ArithmeticError(f"d = {n}, sigma = {s}: only {value.rel_accuracy_bits()} bits")
    return value * peak


def point_of(p: Any, *names: str) -> tuple[Any, ...]:
    return (int(sp.Rational(p["d"])), *(exact(p[name]) for name in names))


def mp_value(p: Any, name: str) -> Any:
    value: Any = sp.Rational(p[name])
    return mp.mpf(int(value.p)) / int(value.q)


def mp_radial(n: int, s: Any, f: Callable[[Any], Any]) -> Any:
    """The same integral by mpmath at 30 digits, in pieces around the peak (in one piece it is far off)."""
    with mp.workdps(30):
        mode = (n - 1) * s**2
        edges = sorted({mp.mpf(0), *(x for x in (mode + j * s for j in range(-14, 20, 4)) if x > 0)})

        def integrand(x: Any) -> Any:
            return f(x) * mp.exp(-(x**2) / (2 * s**2)) * mp.sinh(x) ** (n - 1)

        return mp.quad(integrand, edges, method="gauss-legendre")


def closed_normaliser(m: int, s: arb) -> arb:
    """The closed form of `rn-normaliser` as a ball; small sigma and large m cost it many digits."""
    total, root = arb(0), arb(2).sqrt()
    for j in range(m + 1):
        n = m - 2 * j
        total += (-1) ** j * math.comb(m, j) * (n * n * s * s / 2).exp() * (1 + (n * s / root).erf())
    return total * s * (arb.pi() / 2).sqrt() / arb(2) ** m
