"""Functions of `hrssm` that compute one elementary function by two formulas, each where it keeps its digits.

exp(x) - 1 - x by subtraction loses every digit near 0, so there the code sums a Taylor polynomial. A proof of the code
has to say what such a function *is*. Here each has its meaning as one exact expression, and `examine` proves from
the traced graph that every branch is that expression: identically, or (the polynomial) up to a relative deviation
that is bounded rigorously, coefficient by coefficient with a geometric tail, and lies below float64 rounding.
Larger proofs then see the function as one operator with that meaning.
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOperatorIssue=false

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp
import torch

from derivations import aten
from derivations.balls import ball, plus_minus, precision

#: Half a unit in the last place of float64, relative: what a polynomial branch may deviate by at most.
ROUNDING = sp.Rational(1, 2**53)

_x = sp.Symbol("x", real=True)

ONE = sp.Integer(1)


@dataclass(frozen=True)
class Primitive:
    """A guarded function: its meaning, and its Taylor coefficients where a branch is a polynomial.

    `coefficient(n)` is the exact coefficient of x^n of the meaning, 0 for n < `order`; from `order` on no
    coefficient exceeds the one before in magnitude (`ratio` <= 1 says by how much), which bounds the tail. At 0 the
    function is its coefficient 0, where the expression is a limit. `beside` is an elementary function that a branch
    adds its polynomial to, and the coefficients of that function, none of which exceeds the meaning's.
    """

    name: str
    meaning: Callable[..., sp.Expr]
    arguments: int = 1
    coefficient: Callable[[int], sp.Rational] | None = None
    order: int = 0
    ratio: sp.Rational = ONE
    beside: tuple[Callable[[Any], sp.Expr], Callable[[int], sp.Rational]] | None = None


def meaning(name: str) -> tuple[int, Callable[..., sp.Expr]]:
    """The number of arguments of a primitive and its meaning, its value at 0 included."""
    primitive = PRIMITIVES[name]

    def value(*arguments: Any) -> Any:
        if primitive.coefficient is not None and arguments[0] == 0:
            return primitive.coefficient(0)
        return primitive.meaning(*arguments)

    return primitive.arguments, value


def _bernoulli(n: int) -> Any:
    """Coefficient of x^n in log(sinh(r) / r), x = r^2: 2^(2n) B_2n / (2n (2n)!)."""
    return sp.Rational(0) if n == 0 else 2 ** (2 * n) * sp.bernoulli(2 * n) / (2 * n * sp.factorial(2 * n))


def _arc(n: int) -> sp.Rational:
    """Coefficient of x^n in r / sinh(r), x = sinh(r / 2)^2: (-4)^n n!^2 / (2n + 1)!."""
    return (-4) ** n * sp.factorial(n) ** 2 / sp.factorial(2 * n + 1)


PRIMITIVES = {
    p.name: p
    for p in (
        Primitive(
            "hrssm.distributions.stable.exp_gap",
            lambda x: sp.exp(x) - 1 - x,
            coefficient=lambda n: 1 / sp.factorial(n) if n >= 2 else sp.Integer(0),
            order=2,
            ratio=sp.Rational(1, 3),
            beside=(
                lambda x: 2 * sp.sinh(x / 2) ** 2,
                lambda n: 1 / sp.factorial(n) if n >= 2 and n % 2 == 0 else sp.Integer(0),
            ),
        ),
        Primitive("hrssm.distributions.stable.log_ratio", lambda a, b: sp.log(a / b), arguments=2),
        Primitive(
            "hrssm.geometry.sinhc",
            lambda x: sp.sinh(sp.sqrt(x)) / sp.sqrt(x),
            coefficient=lambda n: 1 / sp.factorial(2 * n + 1),
            ratio=sp.Rational(1, 6),
        ),
        Primitive(
            "hrssm.geometry.log_sinhc",
            lambda x: sp.log(sp.sinh(sp.sqrt(x)) / sp.sqrt(x)),
            coefficient=_bernoulli,
            order=1,
            ratio=sp.Rational(1, 6),
        ),
        Primitive(
            "hrssm.geometry._arc_over_sinh",
            lambda x: sp.asinh(sp.sqrt(x)) / sp.sqrt(x * (1 + x)),
            coefficient=_arc,
        ),
        Primitive(
            "hrssm.geometry.arc_squared",
            lambda x: (2 * sp.asinh(sp.sqrt(x))) ** 2,
            coefficient=lambda n: 4 * _arc(n - 1) / n if n else sp.Integer(0),
            order=1,
        ),
    )
}


@dataclass(frozen=True)
class Examination:
    """What the branches of a primitive came to: verdict, number of branches, largest relative deviation."""

    name: str
    verdict: str
    branches: int
    deviation: float
    detail: str = ""


def function_of(name: str) -> Any:
    """The object that a dotted name means."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@cache
def examine(name: str) -> Examination:
    """Prove that every branch of a primitive computes its meaning."""
    from derivations.code_proof import close  # the engine uses this module

    primitive = PRIMITIVES[name]
    symbols = sp.symbols("x", positive=True), sp.symbols("y", positive=True)
    arguments = symbols[: primitive.arguments] if primitive.arguments > 1 else (_domain(primitive),)
    examples = [torch.tensor(0.75 + 0.5 * i, dtype=torch.float64) for i in range(primitive.arguments)]
    graph = aten.trace(function_of(name), *examples)
    deviation, found = 0.0, aten.branches(graph, *arguments, literal=True)
    for condition, value in found:
        expression = value.item()
        beside, lesser = primitive.beside or (lambda _: sp.Integer(0), lambda _: sp.Integer(0))
        expression = sp.expand(expression - beside(arguments[0])) if primitive.beside else expression
        if primitive.coefficient is not None and expression.is_polynomial(arguments[0]):
            reach = _reach(condition, arguments[0])
            if reach is None:
                return Examination(name, "unknown", len(found), deviation, f"no bound on the branch {condition}")
            wrong = _deviation(primitive, sp.Poly(expression, arguments[0]), reach, lesser)
            deviation = max(deviation, float(wrong))
            if wrong > ROUNDING:
                return Examination(
                    name,
                    "false",
                    len(found),
                    deviation,
                    f"the branch {condition} deviates by {float(wrong):.1e}",
                )
            continue
        expression += beside(arguments[0])
        if close(expression, primitive.meaning(*arguments)) is None:
            return Examination(name, "unknown", len(found), deviation, f"the branch {condition} is {expression}")
    if primitive.coefficient is not None and not _coefficients_hold(primitive):
        return Examination(name, "false", len(found), deviation, "the Taylor coefficients are not the meaning's")
    return Examination(name, "true", len(found), deviation)


def _domain(primitive: Primitive) -> sp.Symbol:
    """exp_gap takes any real number; the others take a square."""
    return _x if primitive.name.endswith("exp_gap") else sp.Symbol("x", positive=True)


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


def _deviation(
    primitive: Primitive, polynomial: sp.Poly, reach: sp.Rational, lesser: Callable[[int], sp.Rational]
) -> sp.Expr:
    """A bound on |polynomial + beside - meaning| / |meaning| for |x| <= reach; `lesser` are beside's coefficients."""
    assert primitive.coefficient is not None
    degree, order = polynomial.degree(), primitive.order
    if any(polynomial.coeff_monomial(_power(polynomial, n)) != 0 for n in range(order)):
        return sp.oo
    apart = sp.Integer(0)
    for n in range(order, degree + 1):
        wanted = primitive.coefficient(n) - lesser(n)
        apart += abs(polynomial.coeff_monomial(_power(polynomial, n)) - wanted) * reach ** (n - order)
    shrink = primitive.ratio * reach
    tail = abs(primitive.coefficient(degree + 1)) * reach ** (degree + 1 - order) / (1 - shrink)
    lead = abs(primitive.coefficient(order))
    smallest = lead - lead * shrink / (1 - shrink)  # |meaning / x^order| is at least this
    return (apart + tail) / smallest if smallest > 0 else sp.oo


def _power(polynomial: sp.Poly, n: int) -> Any:
    return polynomial.gens[0] ** n


def _coefficients_hold(primitive: Primitive, terms: int = 60) -> bool:
    """Whether the coefficients belong to the meaning: their partial sums with the proven tail meet its value in balls,
    and each is at most `ratio` times the one before."""
    assert primitive.coefficient is not None
    values = [primitive.coefficient(n) for n in range(terms + 1)]
    for before, after in zip(values[primitive.order :], values[primitive.order + 1 :], strict=False):
        if abs(after) > primitive.ratio * abs(before):
            return False
    for point in (sp.Rational(1, 7), sp.Rational(3, 11), sp.Rational(1, 3)):
        with precision(256):
            exact = ball(primitive.meaning(sp.Symbol("x")), {"x": point})
            total = ball(sum(c * point**n for n, c in enumerate(values[:terms])), {})
            tail = ball(abs(values[terms]) * point**terms / (1 - primitive.ratio * point), {})
            if not exact.overlaps(total + plus_minus(tail)) or not tail < 1e-15:
                return False
    return True


# ------------------------------------------------------------------------------------------- opaque calls

_LIBRARY = torch.library.Library("derivations", "FRAGMENT")
_OPERATORS: dict[str, Any] = {}


def operator(name: str, function: Callable[..., Any], arguments: int) -> Any:
    """A torch operator that runs `function` and shows up in a trace as one node."""
    short = name.replace(".", "_")
    if short not in _OPERATORS:
        inputs = ", ".join(f"Tensor a{i}" for i in range(arguments))
        _LIBRARY.define(f"{short}({inputs}) -> Tensor")
        # a kernel must not return its input itself
        _LIBRARY.impl(short, lambda *a: function(*a).clone(), "CompositeExplicitAutograd")
        _OPERATORS[short] = getattr(torch.ops.derivations, short)
    return _OPERATORS[short]


@contextmanager
def opaque(meanings: Mapping[str, tuple[int, Callable[..., Any]]]) -> Iterator[dict[str, Callable[..., Any]]]:
    """Within the block the named functions of `hrssm` are traced as one node each.

    `meanings` gives for each dotted name its number of arguments and its exact meaning on scalars; what is yielded is
    the table of meanings under the operators' names, for `aten.branches`.
    """
    changed: list[tuple[Any, str, Any]] = []
    table: dict[str, Callable[..., Any]] = {}
    try:
        for name, (arguments, meaning) in meanings.items():
            original = function_of(name)
            replacement = operator(name, original, arguments)
            table[name.replace(".", "_")] = meaning
            for module in [m for k, m in list(sys.modules.items()) if k.startswith("hrssm") and m is not None]:
                for attribute, value in list(vars(module).items()):
                    if value is original:
                        changed.append((module, attribute, original))
                        setattr(module, attribute, replacement)
        yield table
    finally:
        for module, attribute, original in changed:
            setattr(module, attribute, original)
