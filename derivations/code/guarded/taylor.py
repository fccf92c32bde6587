"""Guarded functions with a branch that is a Taylor polynomial.

exp(x) - 1 - x by subtraction loses every digit near 0, so there the code sums a polynomial. Its deviation from the
meaning is bounded coefficient by coefficient with a geometric tail, and lies below float64 rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp
import torch

from derivations.code import aten
from derivations.code.guarded.primitive import ROUNDING, Examination, Primitive, function_of
from derivations.code.rewrites import close
from derivations.engine.ball_arithmetic import ball, plus_minus, precision

ONE = sp.Integer(1)


@dataclass(frozen=True)
class Taylor(Primitive):
    """A guarded function with the Taylor coefficients of its meaning, where a branch is a polynomial.

    `coefficient(n)` is the exact coefficient of x^n of the meaning, 0 for n < `order`; from `order` on no
    coefficient exceeds the one before in magnitude (`ratio` <= 1 says by how much), which bounds the tail. At 0 the
    function is its coefficient 0, where the expression is a limit. `beside` is an elementary function that a branch
    adds its polynomial to, and the coefficients of that function, none of which exceeds the meaning's. `signed`
    says that the argument is any real number; the others take a square.
    """

    coefficient: Callable[[int], sp.Rational] | None = None
    order: int = 0
    ratio: sp.Rational = ONE
    beside: tuple[Callable[[Any], sp.Expr], Callable[[int], sp.Rational]] | None = None
    signed: bool = False

    def value(self, *arguments: Any) -> Any:
        """The meaning, its value at 0 included."""
        if self.coefficient is not None and arguments[0] == 0:
            return self.coefficient(0)
        return self.meaning(*arguments)

    def examine(self) -> Examination:
        """Prove that every branch computes the meaning."""
        x, y = (
            sp.Symbol("x", real=True) if self.signed else sp.Symbol("x", positive=True),
            sp.Symbol("y", positive=True),
        )
        arguments = (x, y)[: self.arguments]
        examples = [torch.tensor(0.75 + 0.5 * i, dtype=torch.float64) for i in range(self.arguments)]
        graph = aten.trace(function_of(self.name), *examples)
        deviation, found = 0.0, aten.branches(graph, *arguments, literal=True)
        beside, lesser = self.beside or (lambda _: sp.Integer(0), lambda _: sp.Integer(0))

        def report(verdict: str, detail: str = "") -> Examination:
            return Examination(self.name, verdict, len(found), deviation, detail)

        for condition, value in found:
            expression = sp.expand(value.item() - beside(x)) if self.beside else value.item()
            if self.coefficient is not None and expression.is_polynomial(x):
                reach = _reach(condition, x)
                if reach is None:
                    return report("unknown", f"no bound on the branch {condition}")
                wrong = self._deviation(self.coefficient, sp.Poly(expression, x), reach, lesser)
                deviation = max(deviation, float(wrong))
                if wrong > ROUNDING:
                    return report("false", f"the branch {condition} deviates by {float(wrong):.1e}")
            elif close(expression + beside(x), self.meaning(*arguments)) is None:
                return report("unknown", f"the branch {condition} is {expression}")
        if self.coefficient is not None and not self._coefficients_hold(self.coefficient):
            return report("false", "the Taylor coefficients are not the meaning's")
        return report("true")

    def _deviation(
        self,
        coefficient: Callable[[int], sp.Rational],
        polynomial: sp.Poly,
        reach: sp.Rational,
        lesser: Callable[[int], sp.Rational],
    ) -> sp.Expr:
        """A bound on |polynomial + beside - meaning| / |meaning| for |x| <= reach; `lesser` are beside's
        coefficients."""
        x, degree, order = polynomial.gens[0], polynomial.degree(), self.order
        if any(polynomial.coeff_monomial(x**n) != 0 for n in range(order)):
            return sp.oo
        apart = sp.Integer(0)
        for n in range(order, degree + 1):
            wanted = coefficient(n) - lesser(n)
            apart += abs(polynomial.coeff_monomial(x**n) - wanted) * reach ** (n - order)
        shrink = self.ratio * reach
        tail = abs(coefficient(degree + 1)) * reach ** (degree + 1 - order) / (1 - shrink)
        lead = abs(coefficient(order))
        smallest = lead - lead * shrink / (1 - shrink)  # |meaning / x^order| is at least this
        return (apart + tail) / smallest if smallest > 0 else sp.oo

    def _coefficients_hold(self, coefficient: Callable[[int], sp.Rational], terms: int = 60) -> bool:
        """Whether the coefficients belong to the meaning: their partial sums with the proven tail meet its value in
        balls, and each is at most `ratio` times the one before."""
        values = [coefficient(n) for n in range(terms + 1)]
        for before, after in zip(values[self.order :], values[self.order + 1 :], strict=False):
            if abs(after) > self.ratio * abs(before):
                return False
        for point in (sp.Rational(1, 7), sp.Rational(3, 11), sp.Rational(1, 3)):
            with precision(256):
                exact = ball(self.meaning(sp.Symbol("x")), {"x": point})
                total = ball(sum(c * point**n for n, c in enumerate(values[:terms])), {})
                tail = ball(abs(values[terms]) * point**terms / (1 - self.ratio * point), {})
                if not exact.overlaps(total + plus_minus(tail)) or not tail < 1e-15:
                    return False
        return True


def _reach(condition: Any, x: sp.Symbol) -> sp.Rational | None:
    """The largest |x| on a branch that is a bounded interval."""
    bounds = []
    for atom in sp.And.make_args(condition):
        if not atom.is_Relational:
            return None
        left, right = atom.lhs, atom.rhs
        if left in (x, -x) and right.is_number and isinstance(atom, sp.Lt | sp.Le):
            bounds.append(abs(right))
        elif right in (x, -x) and left.is_number and isinstance(atom, sp.Gt | sp.Ge):
            bounds.append(abs(left))
    return max(bounds) if bounds else None


def _bernoulli(n: int) -> Any:
    """Coefficient of x^n in log(sinh(r) / r), x = r^2: 2^(2n) B_2n / (2n (2n)!)."""
    return sp.Rational(0) if n == 0 else 2 ** (2 * n) * sp.bernoulli(2 * n) / (2 * n * sp.factorial(2 * n))


def _arc(n: int) -> sp.Rational:
    """Coefficient of x^n in r / sinh(r), x = sinh(r / 2)^2: (-4)^n n!^2 / (2n + 1)!."""
    return (-4) ** n * sp.factorial(n) ** 2 / sp.factorial(2 * n + 1)


TAYLOR = (
    Taylor(
        "hrssm.distributions.numerics.stable.exp_gap",
        lambda x: sp.exp(x) - 1 - x,
        coefficient=lambda n: 1 / sp.factorial(n) if n >= 2 else sp.Integer(0),
        order=2,
        ratio=sp.Rational(1, 3),
        signed=True,
        beside=(
            lambda x: 2 * sp.sinh(x / 2) ** 2,
            lambda n: 1 / sp.factorial(n) if n >= 2 and n % 2 == 0 else sp.Integer(0),
        ),
    ),
    Taylor("hrssm.distributions.numerics.stable.log_ratio", lambda a, b: sp.log(a / b), arguments=2),
    Taylor(
        "hrssm.geometry.series.sinhc",
        lambda x: sp.sinh(sp.sqrt(x)) / sp.sqrt(x),
        coefficient=lambda n: 1 / sp.factorial(2 * n + 1),
        ratio=sp.Rational(1, 6),
    ),
    Taylor(
        "hrssm.geometry.series.log_sinhc",
        lambda x: sp.log(sp.sinh(sp.sqrt(x)) / sp.sqrt(x)),
        coefficient=_bernoulli,
        order=1,
        ratio=sp.Rational(1, 6),
    ),
    Taylor(
        "hrssm.geometry.series.arc_over_sinh",
        lambda x: sp.asinh(sp.sqrt(x)) / sp.sqrt(x * (1 + x)),
        coefficient=_arc,
    ),
    Taylor(
        "hrssm.geometry.series.arc_squared",
        lambda x: (2 * sp.asinh(sp.sqrt(x))) ** 2,
        coefficient=lambda n: 4 * _arc(n - 1) / n if n else sp.Integer(0),
        order=1,
    ),
)
