"""Guarded functions of the gamma family: branches that are asymptotic series, and one that is a quadrature rule.

Stirling's remainder S(a) = log Gamma(a + 1) - (a + 1/2) log a + a - log(2 pi) / 2 is the Laplace transform of
phi(t) / t, phi(t) = sum of 2 t / (t^2 + (2 pi k)^2). Expanding each term of the sum in t^2 gives alternating series
whose partial sums lie on either side of it, and so do those of S and of each of its derivatives: what a truncated
series leaves is smaller than its first omitted term, for every a > 0. From phi(t) / t <= 1/12 it follows that
|S^(n)(x)| <= n! / (12 x^(n + 1)); and |psi^(n)(x)| <= (n - 1)! / x^n + n! / x^(n + 1) likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp
import torch

from derivations.code import aten
from derivations.code.guarded.primitive import ROUNDING, Examination, Primitive, function_of, opaque
from derivations.code.rewrites import close
from derivations.engine.ball_arithmetic import ball, precision

MODULE = "hrssm.distributions.numerics.gamma_functions"
_u = sp.Symbol("u", positive=True)


@dataclass(frozen=True)
class Asymptotic(Primitive):
    """A function with a branch that is a truncated series in u = 1 / (a + shift), for u <= 1/10.

    `coefficient(n)` is that of u^n in the full series, from `order` on; the partial sums envelop the function.
    `beside` is what that branch adds to its series, itself of the function's sign.
    """

    coefficient: Callable[[int], Any] = lambda n: sp.Integer(0)
    order: int = 1
    shift: int = 0
    beside: Callable[[Any], Any] = lambda a: sp.Integer(0)
    inner: tuple[Primitive, ...] = ()

    def examine(self) -> Examination:
        """Prove that every branch computes the meaning, the series up to one unit in the last place."""
        a = sp.Symbol("a", positive=True)
        with opaque({p.name: (p.arguments, p.value) for p in self.inner}) as table:
            graph = aten.trace(function_of(self.name), torch.tensor(3.25, dtype=torch.float64))
        found = aten.branches(graph, a, meanings=table, literal=True)
        deviation, is_series = 0.0, False

        def report(verdict: str, detail: str = "") -> Examination:
            return Examination(self.name, verdict, len(found), deviation, detail)

        for condition, value in found:
            expression = value.item()
            series = sp.expand((expression - self.beside(a)).subs(a, 1 / _u - self.shift))
            if not series.is_polynomial(_u):
                if close(_named(expression), self.meaning(a)) is None:
                    return report("unknown", f"the branch {condition} is {expression}")
                continue
            if not self.shift and not (isinstance(condition, sp.Gt) and condition.lhs == a and condition.rhs >= 10):
                return report("unknown", f"the series is used on {condition}, where 1 / a may exceed 1/10")
            is_series = True
            wrong = self._deviation(sp.Poly(series, _u))
            deviation = max(deviation, float(wrong))
            if wrong > 2 * ROUNDING:
                return report("false", f"the branch {condition} deviates by {float(wrong):.1e}")
        if is_series and not self._coefficients_hold():
            return report("false", "the series is not the meaning's")
        return report("true")

    def _deviation(self, polynomial: sp.Poly) -> Any:
        """A bound on |series - function| / |function| for u <= 1/10, by the first omitted term."""
        reach, degree = sp.Rational(1, 10), polynomial.degree()

        def term(n: int) -> Any:
            return abs(self.coefficient(n)) * reach ** (n - self.order)

        if any(polynomial.coeff_monomial(_u**n) != 0 for n in range(self.order)):
            return sp.oo
        apart = sp.Add(
            *(
                abs(polynomial.coeff_monomial(_u**n) - self.coefficient(n)) * reach ** (n - self.order)
                for n in range(self.order, degree + 1)
            )
        )
        omitted = next(n for n in range(degree + 1, degree + 4) if self.coefficient(n) != 0)
        second = next(n for n in range(self.order + 1, self.order + 4) if self.coefficient(n) != 0)
        return (apart + term(omitted)) / (term(self.order) - term(second))

    def _coefficients_hold(self) -> bool:
        """Whether partial sums of the series lie on either side of the meaning, in balls."""
        for at in (sp.Integer(11), sp.Rational(61, 3), sp.Integer(90)):
            with precision(256):
                exact = ball(self.meaning(_u) - self.beside(_u), {"u": at})
                last = [n for n in range(self.order, 24) if self.coefficient(n) != 0][-2:]
                below, above = (
                    exact - ball(sp.Add(*(self.coefficient(n) / (at + self.shift) ** n for n in range(end + 1))), {})
                    for end in last
                )
                if not below * above < 0:
                    return False
        return True


def _named(expression: Any) -> Any:
    """The binary numbers of an expression as the constants that they stand for."""
    return expression.replace(lambda e: e.is_Rational and e.q > 10**6, lambda e: aten.exact(float(e)))


#: Error of the 8-point Gauss-Legendre rule on [0, 1] per unit of the 16th derivative.
GAUSS = sp.factorial(8) ** 4 / (17 * sp.factorial(16) ** 3)


@dataclass(frozen=True)
class TaylorRemainder(Primitive):
    """f(b) - f(a) - f'(a) step, b = a + step: far apart as it stands, near by a quadrature of Taylor's remainder.

    Near, |step| < a / 4, it is step^2 times the 8-point Gauss-Legendre value of the integral of
    (1 - t) f''(a + t step). `bound` is the rule's relative error there, from the 16th derivative of the integrand, for
    a >= `least`; the branch is also compared with the meaning in balls, its rounded nodes included.
    """

    inner: tuple[Primitive, ...] = ()
    bound: Any = ROUNDING
    least: int = 0

    def examine(self) -> Examination:
        """Prove the far branch; find the near one within its bound at points of it, in balls."""
        a, b, step = sp.Symbol("a", positive=True), sp.Symbol("b", positive=True), sp.Symbol("step", real=True)
        examples = [torch.tensor(x, dtype=torch.float64) for x in (2.25, 3.5, 1.125)]
        with opaque({p.name: (p.arguments, p.value) for p in self.inner}) as table:
            graph = aten.trace(function_of(self.name), *examples)
        found, near = aten.branches(graph, a, b, step, meanings=table, literal=True), 0
        deviation = float(self.bound)
        for condition, value in found:
            if value.item().has(b):  # far apart
                if close(value.item(), self.meaning(a, b, step)) is None:
                    return Examination(self.name, "unknown", len(found), deviation, f"the branch {condition}")
                continue
            near += 1
            for base in (self.least + sp.Rational(1, 50), 1, sp.Rational(3, 2), 9, 12, 1000, 10**6):
                for part in (-249, -100, -1, 1, 100, 249):
                    at = {a: sp.Rational(base), step: sp.Rational(base) * part / 1000}
                    if base < self.least or condition.subs(at) != sp.true:
                        continue
                    point = {symbol.name: number for symbol, number in at.items()}
                    with precision(400):
                        here = ball(value.item(), point)
                        there = ball(self.meaning(a, a + step, step), point)
                        apart = abs(here - there) / there
                    if not apart < float(self.bound):
                        detail = f"the branch {condition} is off by {apart.str(3)} at a = {base}, step = {at[step]}"
                        return Examination(self.name, "false", len(found), deviation, detail)
        verdict = "true" if near and near < len(found) else "unknown"
        return Examination(self.name, verdict, len(found), deviation, "" if near else "no branch is a quadrature")


def stirling(a: Any) -> Any:
    """S(a), Stirling's remainder."""
    return sp.loggamma(a + 1) - (a + sp.Rational(1, 2)) * sp.log(a) + a - sp.log(2 * sp.pi) / 2


def _term(n: int) -> Any:
    """Coefficient of a^(-n) in S(a): B_(n + 1) / (n (n + 1)), n odd."""
    return sp.bernoulli(n + 1) / (n * (n + 1)) if n % 2 else sp.Integer(0)


def _slope_term(n: int) -> Any:
    return -(n - 1) * _term(n - 1) if n >= 2 else sp.Integer(0)


def _bound_gamma() -> Any:
    """Of log Gamma(1 + a): with x = 1 + 3 a / 4 the step is at most x / 3, and psi'(1 + 5 a / 4) >= 3 / (5 x)."""
    f = sp.factorial
    sixteenth = (f(16) + f(17)) / sp.Integer(3) ** 16 + 16 * (f(15) + f(16)) / sp.Integer(3) ** 15
    return GAUSS * sixteenth * 2 * sp.Rational(5, 3)


def _bound_stirling() -> Any:
    """Of S: with x = 3 a / 4 the step is at most x / 3, and S''(5 a / 4) >= (1/6 - 1/30) / (5 a / 4)^3 as a >= 1."""
    f = sp.factorial
    sixteenth = (f(18) / sp.Integer(3) ** 16 + 16 * f(17) / sp.Integer(3) ** 15) / 12
    least = sp.Rational(2, 15) * sp.Rational(4, 5) ** 3 / 2
    return GAUSS * sixteenth * sp.Rational(4, 3) ** 3 / least


_STIRLING = Asymptotic(f"{MODULE}.stirling", stirling, coefficient=_term)
_SLOPE = Asymptotic(
    f"{MODULE}.stirling_slope",
    lambda a: sp.digamma(a + 1) - sp.log(a) - 1 / (2 * a),
    coefficient=_slope_term,
    order=2,
)
_TRIGAMMA = Asymptotic(
    f"{MODULE}.trigamma_next",
    lambda a: sp.polygamma(1, a + 1),
    coefficient=lambda n: sp.Rational(1, 2) if n == 2 else sp.bernoulli(n - 1) if n % 2 else sp.Integer(0),
    shift=10,
    beside=lambda a: sp.Add(*((a + n) ** -2 for n in range(1, 10))),
)
_CURVATURE = Asymptotic(
    f"{MODULE}.stirling_curvature",
    lambda a: sp.polygamma(1, a + 1) + 1 / (2 * a**2) - 1 / a,
    coefficient=lambda n: sp.bernoulli(n - 1) if n >= 3 and n % 2 else sp.Integer(0),
    order=3,
    inner=(_TRIGAMMA,),
)
_DIGAMMA = Asymptotic(f"{MODULE}.digamma_next", lambda a: sp.digamma(a + 1))

GAMMA = (
    _STIRLING,
    _SLOPE,
    _CURVATURE,
    _DIGAMMA,
    _TRIGAMMA,
    Asymptotic(
        f"{MODULE}.digamma_gap",
        lambda a: sp.digamma(a + 1) - sp.log(a),
        coefficient=lambda n: sp.Rational(1, 2) if n == 1 else _slope_term(n),
    ),
    TaylorRemainder(
        f"{MODULE}.stirling_bregman",
        lambda a, b, step: stirling(b) - stirling(a) - _SLOPE.value(a) * step,
        arguments=3,
        inner=(_STIRLING, _SLOPE, _CURVATURE),
        bound=_bound_stirling(),
        least=1,
    ),
    TaylorRemainder(
        f"{MODULE}.log_gamma_bregman",
        lambda a, b, step: sp.loggamma(b + 1) - sp.loggamma(a + 1) - sp.digamma(a + 1) * step,
        arguments=3,
        inner=(_DIGAMMA, _TRIGAMMA),
        bound=_bound_gamma(),
    ),
)
