"""Guarded functions of the gamma family: branches that are asymptotic series, and some that are quadrature rules.

Stirling's remainder S(a) = log Gamma(a + 1) - (a + 1/2) log a + a - log(2 pi) / 2 is the Laplace transform of
phi(t) / t, phi(t) = sum of 2 t / (t^2 + (2 pi k)^2). Expanding each term of the sum in t^2 gives alternating series
whose partial sums lie on either side of it, and so do those of S and of each of its derivatives: what a truncated
series leaves is smaller than its first omitted term, for every a > 0. From phi(t) / t <= 1/12 it follows that
|S^(n)(x)| <= n! / (12 x^(n + 1)); and |psi^(n)(x)| <= (n - 1)! / x^n + n! / x^(n + 1) likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import sympy as sp
import torch

from derivations.code import aten
from derivations.code.guarded.primitive import ROUNDING, Examination, Primitive, function_of, on_branch, opaque
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

    def examine(self) -> Examination:
        """Prove that every branch computes the meaning, the series up to one unit in the last place."""
        a = sp.Symbol("a", positive=True)
        graph = aten.trace(function_of(self.name), torch.tensor(3.25, dtype=torch.float64))
        return self.examined(aten.branches(graph, a, literal=True))

    def examined(self, found: list[tuple[Any, Any]]) -> Examination:
        """The same for branches of a function that has this meaning on all of them."""
        a = sp.Symbol("a", positive=True)
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
class Either(Primitive):
    """A function of a that is one asymptotic function for a < 1 and another from there on."""

    below: Asymptotic | None = None
    above: Asymptotic | None = None

    def examine(self) -> Examination:
        """Prove the branches of either side."""
        assert self.below is not None
        assert self.above is not None
        a = sp.Symbol("a", positive=True)
        graph = aten.trace(function_of(self.name), torch.tensor(3.25, dtype=torch.float64))
        found = aten.branches(graph, a, literal=True)
        sides = {True: [], False: []}
        for condition, value in found:
            sides[(a < 1) in sp.And.make_args(condition)].append((condition, value))
        reports = [self.below.examined(sides[True]), self.above.examined(sides[False])]
        worst = max(reports, key=lambda r: ("true", "unknown", "false").index(r.verdict))
        verdict = worst.verdict if all(sides.values()) else "unknown"
        return Examination(self.name, verdict, len(found), max(r.deviation for r in reports), worst.detail)


@dataclass(frozen=True)
class TaylorRemainder(Primitive):
    """f less its Taylor polynomial of degree `order` - 1 about a, at b = a e^r: of f itself, or of f' for order 1.

    f is log Gamma(1 + a) for a < 1, and S from there on. Far apart it is as it stands, near by a quadrature: step^order
    times the 8-point Gauss-Legendre value of the integral of (1 - t)^(order - 1) f''(a + t step), for |step| below a
    quarter of the distance from a to the pole. `bounds` are the rule's relative errors there, for either f, from
    the 16th derivative of the integrand; the branch is also compared with the meaning in balls, its rounded nodes
    included. `remainders` are the functions that the far branch is made of.
    """

    arguments: int = 3
    remainders: tuple[Primitive, ...] = ()
    bounds: tuple[Any, Any] = (ROUNDING, ROUNDING)

    def examine(self) -> Examination:
        """Prove the far branches; find the near ones within their bounds at points of them, in balls."""
        a, b, r = sp.Symbol("a", positive=True), sp.Symbol("b", positive=True), sp.Symbol("r", real=True)
        examples = [torch.tensor(x, dtype=torch.float64) for x in (2.25, 3.5, 0.4375)]
        with opaque({p.name: (p.arguments, p.value) for p in self.remainders}) as table, _by_operators(self.remainders):
            graph = aten.trace(function_of(self.name), *examples)
        found, near = aten.branches(graph, a, b, r, meanings=table, literal=True), 0
        deviation = max(map(float, self.bounds))
        for condition, value in found:
            below = (a < 1) in sp.And.make_args(condition)
            meaning = on_branch(self.meaning(a, b, r), condition)
            expression = value.item()
            if expression.has(b):  # far apart
                if close(expression, meaning) is None:
                    return Examination(self.name, "unknown", len(found), deviation, f"the branch {condition}")
                continue
            near += 1
            bound = float(self.bounds[0 if below else 1])
            for base in (sp.Rational(1, 50), sp.Rational(1, 3), 1, sp.Rational(3, 2), 9, 12, 1000, 10**6):
                for part in (-280, -100, -1, 1, 100, 220):
                    at = {a: sp.Rational(base), r: sp.Rational(part, 1000)}
                    if condition.subs(at) != sp.true:
                        continue
                    point = {symbol.name: number for symbol, number in at.items()}
                    with precision(400):
                        here, there = ball(expression, point), ball(meaning.subs(b, a * sp.exp(r)), point)
                        apart = abs((here - there) / there)
                    if not apart < bound:
                        detail = f"the branch {condition} is off by {apart.str(3)} at a = {base}, r = {at[r]}"
                        return Examination(self.name, "false", len(found), deviation, detail)
        verdict = "true" if near and near < len(found) else "unknown"
        return Examination(self.name, verdict, len(found), deviation, "" if near else "no branch is a quadrature")


@contextmanager
def _by_operators(remainders: tuple[Primitive, ...]) -> Iterator[None]:
    """Within the block the remainders, of which the code works out four at once, are those functions, one by one.

    They run the same code, each on its own.
    """
    module, digamma, value, slope = (function_of(name) for name in (MODULE, *(p.name for p in remainders)))
    original, inside = module._remainders, [False]

    def remainders_of(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if inside[0]:
            return original(x)
        inside[0] = True
        try:
            return torch.lgamma(1 + x), value(x), digamma(x), slope(x)
        finally:
            inside[0] = False

    with patch.object(module, "_remainders", remainders_of):
        yield


def stirling(a: Any) -> Any:
    """S(a), Stirling's remainder."""
    return sp.loggamma(a + 1) - (a + sp.Rational(1, 2)) * sp.log(a) + a - sp.log(2 * sp.pi) / 2


def _term(n: int) -> Any:
    """Coefficient of a^(-n) in S(a): B_(n + 1) / (n (n + 1)), n odd."""
    return sp.bernoulli(n + 1) / (n * (n + 1)) if n % 2 else sp.Integer(0)


def _slope_term(n: int) -> Any:
    return -(n - 1) * _term(n - 1) if n >= 2 else sp.Integer(0)


def _rule_error(derivative: Any, before: Any, order: int) -> Any:
    """Of the rule, from bounds on the 16th and 15th derivatives of f''(a + t step) in t: (1 - t) needs both."""
    return GAUSS * (derivative + (16 * before if order == 2 else 0))


def _bound_gamma(order: int) -> Any:
    """Of log Gamma(1 + a): with x = 3 (1 + a) / 4 the step is at most x / 3, and psi'(5 (1 + a) / 4) >= 3 / (5 x)."""
    f = sp.factorial
    error = _rule_error((f(16) + f(17)) / sp.Integer(3) ** 16, (f(15) + f(16)) / sp.Integer(3) ** 15, order)
    return error * order * sp.Rational(5, 3)


def _bound_stirling(order: int) -> Any:
    """Of S: with x = 3 a / 4 the step is at most x / 3, and S''(5 a / 4) >= (1/6 - 1/30) / (5 a / 4)^3 as a >= 1."""
    f = sp.factorial
    error = _rule_error(f(18) / sp.Integer(3) ** 16 / 12, f(17) / sp.Integer(3) ** 15 / 12, order)
    least = sp.Rational(2, 15) * sp.Rational(4, 5) ** 3
    return error * sp.Rational(4, 3) ** 3 * order / least


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
    shift=10,
    # S(a) - S(a + 1) = (a + 1/2) log(1 + 1 / a) - 1, whose second derivative this is
    beside=lambda a: sp.Add(*(1 / (2 * (a + n) ** 2 * (a + n + 1) ** 2) for n in range(10))),
)
_DIGAMMA = Asymptotic(f"{MODULE}.digamma_next", lambda a: sp.digamma(a + 1))


def _difference(a: Any, b: Any, f: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    return f(b) - f(a) - slope(a) * (b - a)


def _rise(a: Any, b: Any, _: Any) -> Any:
    plain, rest = (slope.value(b) - slope.value(a) for slope in (_DIGAMMA, _SLOPE))
    return sp.Piecewise((plain, a < 1), (rest, True))


def _bregman(a: Any, b: Any, _: Any) -> Any:
    plain = _difference(a, b, lambda x: sp.loggamma(x + 1), _DIGAMMA.value)
    return sp.Piecewise((plain, a < 1), (_difference(a, b, stirling, _SLOPE.value), True))


_REMAINDERS = (_DIGAMMA, _STIRLING, _SLOPE)
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
    Either(
        f"{MODULE}.gamma_curvature",
        lambda a: sp.Piecewise((_TRIGAMMA.value(a), a < 1), (_CURVATURE.value(a), True)),
        below=_TRIGAMMA,
        above=_CURVATURE,
    ),
    TaylorRemainder(
        f"{MODULE}.gamma_bregman", _bregman, remainders=_REMAINDERS, bounds=(_bound_gamma(2), _bound_stirling(2))
    ),
    TaylorRemainder(
        f"{MODULE}.gamma_rise", _rise, remainders=_REMAINDERS, bounds=(_bound_gamma(1), _bound_stirling(1))
    ),
)
