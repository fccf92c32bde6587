"""Every rewrite closes what is right and nothing that is wrong, nor what is right for another reason than its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sympy as sp

from derivations.engine import kernel
from derivations.engine.algebra import algebra, equal_squares, exponentiate, matrices
from derivations.engine.calculus import antiderivative, change_of_variable, fundamental, lhopital
from derivations.engine.exchange import term_by_term, termwise, tonelli, under_integral
from derivations.engine.induction import binomials, fubini, induction, linear, sum_recursion
from derivations.engine.inequalities import combination, convex, falls, pointwise, sign, split, stepwise
from derivations.engine.notation import name, over_line, phi
from derivations.engine.rewrites import compute, enclose_value, solves, substitute, theorem

x, y = sp.Symbol("x", positive=True), sp.Symbol("y", real=True)
r, s, h = sp.Symbol("r", positive=True), sp.Symbol("s", positive=True), sp.Symbol("h", nonnegative=True)
n, k = sp.Symbol("n", integer=True, positive=True), sp.Symbol("k", integer=True, nonnegative=True)
J, t = sp.Symbol("J", real=True), sp.Symbol("t", real=True)
f = sp.Function("f", real=True)
LIMITS = (x, 0, sp.oo)


def binomial(power: Any = n, second: Any = y) -> Any:
    return sp.Sum(sp.binomial(power, k) * x ** (power - k) * second**k, (k, 0, power))


def sine_of(function: Any) -> Any:
    return function(sp.ImmutableMatrix([[sp.cosh(y), sp.sinh(y)], [sp.sinh(y), sp.cosh(y)]]))


def digit(place: int) -> int:
    return [3, 1, 4][place]


PASCAL = sum_recursion(n, (x, 1, 0), (s, 1, 1))
CHEBYSHEV = sum_recursion(n, (x, 1, 0), (-s, 2, 1), first=(sp.S.One, x))
NESTED = (-1) ** k * sp.binomial(n - k, k) * x ** (n - 2 * k) * s**k
EVEN = sp.Sum((-1) ** k * sp.binomial(n, k) * sp.exp((n - 2 * k) * y), (k, 0, n))
ONE = sp.Integral(sp.exp(-s * r), (r, 0, sp.oo))
DECAY = antiderivative(-sp.exp(-s * r) / s, r, sp.S.Zero, sp.oo)
DECAYS = sp.Sum(sp.exp(-(k + 1) * r) / sp.factorial(k), (k, 0, n))
SQUARES = fubini(n, 1, sp.S.One, J, over_line((J + t**2) * phi(t), t))
GAP = sp.log(x + 1) - sp.log(x) - 1 / (x + sp.S.Half)
HARMONIC = sp.polygamma(0, n + k + 1) - sp.polygamma(0, n)
DENSITY = sp.Function("g", nonnegative=True)


@pytest.mark.parametrize(
    ("lhs", "right", "wrong", "by", "op"),
    [
        (sine_of(sp.Determinant), 1, 2, matrices, "=="),
        (sp.MatMul(sp.ImmutableMatrix([[x, 1]]), sp.ImmutableMatrix([1, y])), x + y, x - y, matrices, "=="),
        (sp.sqrt(2 * sp.cosh(2) - 2), 2 * sp.sinh(1), 3 * sp.sinh(1), equal_squares, "=="),
        (sp.log(sp.sinh(x)), x + sp.log(1 - sp.exp(-2 * x)) - sp.log(2), x - sp.log(2), exponentiate, "=="),
        (sp.Integral(sp.Derivative(f(y), y), (y, 0, x)), f(x) - f(0), f(x) + f(0), fundamental, "=="),
        (sp.Limit(sp.sinh(x) ** n / sp.Integral(sp.sinh(y) ** n, (y, 0, x)), x, sp.oo), n, n + 1, lhopital(x), "=="),
        (sp.Integral(f(x), (x, 1, 2)), sp.Integral(f(1 / y) / y**2, (y, sp.S.Half, 1)), 0,
         change_of_variable(x, r, 1 / r), None),
        (sp.Integral(1 / x, (x, 1, s)), sp.Integral(1 / r, (r, 1 / s, 1)), sp.Integral(1 / r**2, (r, 1 / s, 1)),
         change_of_variable(x, r, 1 / r), "=="),
        ((x + s) ** n, binomial(n, s), binomial(n, 2 * s), PASCAL, "=="),
        (name("U", n), sp.Sum(NESTED, (k, 0, sp.floor(n / 2))), sp.Sum(NESTED, (k, 0, sp.floor((n - 1) / 2))),
         CHEBYSHEV, "=="),
        (name("U", n), sp.Sum(NESTED, (k, 0, sp.floor(n / 2))), sp.Sum(2 * NESTED, (k, 0, sp.floor(n / 2))),
         CHEBYSHEV, "=="),
        ((sp.exp(y) - sp.exp(-y)) ** n, EVEN, EVEN / 2,
         sum_recursion(n, (sp.exp(y), 1, 0), (-sp.exp(-y), 1, 1)), "=="),
        (sp.Sum(x * f(k), (k, 1, n)), x * sp.Sum(f(k), (k, 1, n)), sp.Sum(f(k), (k, 1, n)), induction(n, 1), "=="),
        (name("sum of squares", n), n, n + 1, SQUARES, "=="),
        (name("integral", n), (2 * sp.pi * s**2) ** (n / 2), (2 * sp.pi * s) ** (n / 2),
         fubini(n, 1, sp.sqrt(2 * sp.pi) * s, J, over_line(J * sp.exp(-(t**2) / (2 * s**2)), t)), "=="),
        (name("means", n), sp.Sum(f(k), (k, 1, n)), 2 * sp.Sum(f(k), (k, 1, n)),
         fubini(n, 1, f(1), J, over_line((J + f(n + 1) * t**2) * phi(t), t)), "=="),
        (x * sp.binomial(n, k - 1) + x * sp.binomial(n, k), x * sp.binomial(n + 1, k), sp.binomial(n + 1, k),
         binomials, "=="),
        (sp.Sum(sp.binomial(n, n - k) * x**k, (k, 0, n)), binomial(n, x).func(sp.binomial(n, k) * x**k, (k, 0, n)),
         sp.Sum(sp.binomial(n, k) * x ** (k + 1), (k, 0, n)), binomials, "=="),
        (sp.Sum(x * f(k) + y, (k, 1, n)), x * sp.Sum(f(k), (k, 1, n)) + y * sp.Sum(1, (k, 1, n)),
         sp.Sum(f(k), (k, 1, n)) + y * sp.Sum(1, (k, 1, n)), linear, "=="),
        (sp.Integral(sp.Sum(y**k, (k, 0, n)), (y, 0, x)), sp.Sum(x ** (k + 1) / (k + 1), (k, 0, n)),
         sp.Sum(x ** (k + 1), (k, 0, n)), termwise, "=="),
        (sp.Integral(DECAYS, (r, 0, sp.oo)), sp.Sum(1 / (k + 1) / sp.factorial(k), (k, 0, n)),
         sp.Sum(1 / (k + 2) / sp.factorial(k), (k, 0, n)), term_by_term(ONE, 1 / s, DECAY, s, k + 1), "=="),
        (sp.Integral(DENSITY(r) / r, (r, s, 1), (s, 0, 1)), sp.Integral(DENSITY(r), (r, 0, 1)),
         sp.Integral(2 * DENSITY(r), (r, 0, 1)), tonelli, "=="),
        (name("digit"), 4, 5, compute(digit, 2), "=="),
        (name("digit"), 4, 5, enclose_value(digit, 2), "=="),
        (x, sp.sqrt(s), s, solves(x**2 - s, x), "=="),
        (sp.Min(sp.exp(y), sp.exp(t)), sp.exp(sp.Min(y, t)), sp.exp(sp.Max(y, t)),
         split(y, t, h, algebra, algebra), "=="),
        (sp.Min(1, s / x) * x, sp.Min(x, s), sp.Max(x, s), split(x, s, h, algebra, algebra), "=="),
        (sp.Integral(x + s, (x, 0, 1)), sp.Integral(x, (x, 0, 1)), sp.Integral(x + 2 * s, (x, 0, 1)),
         pointwise(s), ">="),
        (GAP, sp.S.Zero, sp.S.One, falls(x), ">="),
    ],
)  # fmt: skip
def test_right_is_closed_and_wrong_is_not(lhs: Any, right: Any, wrong: Any, by: Any, op: str | None) -> None:
    if op is None:  # here the right side has another variable than the rewrite
        assert kernel.check(kernel.Step(lhs, right, by)) != "true"
        return
    assert kernel.check(kernel.Step(lhs, sp.sympify(right), by, op=op)) == "true"
    assert kernel.check(kernel.Step(lhs, sp.sympify(wrong), by, op=op)) != "true"


def test_the_ends_of_a_sum_are_looked_at() -> None:
    short = sp.Sum(sp.binomial(n, k) * x ** (n - k) * s**k, (k, 0, n - 1))
    assert kernel.check(kernel.Step((x + s) ** n, short, PASCAL)) != "true"
    assert kernel.check(kernel.Step((x + s) ** n - 1, binomial(n, s), PASCAL)) != "true"


def test_an_integral_over_coordinates_needs_its_first_and_no_variable_left() -> None:
    wrong = fubini(n, 1, sp.Integer(2), J, over_line((J + t**2) * phi(t), t))
    assert kernel.check(kernel.Step(name("sum of squares", n), n, wrong)) != "true"
    assert kernel.check(kernel.Step(name("sum of squares", n), n + t - 1, SQUARES)) != "true"


def test_a_bound_under_the_integral_must_hold_be_finite_and_not_know_the_parameter() -> None:
    low, high = sp.Symbol("A", positive=True), sp.Symbol("B", positive=True)
    p, q = sp.Symbol("p", nonnegative=True), sp.Symbol("q", nonnegative=True)
    inside = {low: s / (1 + p), high: s * (1 + q)}
    weight = sp.exp(-(r**2) / (2 * s**2))
    lhs = sp.Derivative(sp.Integral(weight, (r, 0, sp.oo)), s)
    rhs = sp.Integral(r**2 / s**3 * weight, (r, 0, sp.oo))

    def by(*pairs: Any, where: Any = inside) -> Any:
        return under_integral(s, tuple((large, small, sp.sympify(power)) for large, small, power in pairs), where)

    square, scale = (r**2, r**2, 1), (1 / low, 1 / s, 3)
    bell = (sp.exp(-(r**2) / (2 * high**2)), weight, 1)
    assert kernel.check(kernel.Step(lhs, rhs, by(square, scale, bell))) == "true"
    assert kernel.check(kernel.Step(lhs, 2 * rhs, by(square, scale, bell))) != "true"  # another derivative
    assert kernel.check(kernel.Step(lhs, rhs, by(square, (1 / high, 1 / s, 3), bell))) != "true"  # no bound
    assert kernel.check(kernel.Step(lhs, rhs, by(square, scale, (sp.S.One, weight, 1)))) != "true"  # infinite
    assert kernel.check(kernel.Step(lhs, rhs, by(square, (1 / s, 1 / s, 3), bell))) != "true"  # knows the scale
    assert kernel.check(kernel.Step(lhs, rhs, by(square, bell))) != "true"  # not all of the derivative


def test_a_falling_function_must_fall() -> None:
    assert kernel.check(kernel.Step(-GAP, sp.S.Zero, falls(x), op=">=")) != "true"
    assert kernel.check(kernel.Step(sp.sin(x) / x, sp.S.Zero, falls(x), op=">=")) != "true"


def _proof(*steps: kernel.Step) -> str:
    statement = sp.Ge(steps[-1].lhs, steps[-1].rhs, evaluate=False)
    formula = kernel.Formula("t", "t", "t", "", statement, (), "new", lambda _: steps)
    return kernel.prove(formula).verdict


def test_an_inequality_step_by_step_leans_on_its_gap() -> None:
    m = sp.Symbol("m", integer=True, nonnegative=True)
    bound = sp.log((n + m + sp.S.Half) / (n - sp.S.Half))
    by = stepwise(m, GAP, {x: n - sp.S.Half}, {x: n + m + sp.S.Half})
    one = kernel.Step(GAP, sp.S.Zero, falls(x), op=">=")
    whole = kernel.Step(bound, HARMONIC.subs(k, m), by, op=">=")
    assert _proof(one, whole) == "true"
    assert _proof(whole) == "unknown"
    assert _proof(one, kernel.Step(bound, HARMONIC.subs(k, m + 1), by, op=">=")) != "true"


def test_integrals_in_order_lean_on_their_integrands() -> None:
    root = sp.sqrt(y**2 + s) - y
    parts = (1 / (2 * sp.sqrt(y**2 + s)), root**2), (1 / (2 * sp.sqrt(y**2 + s)), s)
    lemma = kernel.Step(sp.sqrt(y**2 + s), y, combination(*parts), op=">=")
    speed, rest = sp.Function("v", real=True)(t), sp.Function("e", positive=True)(t)
    longer = sp.Integral(sp.sqrt(speed**2 + rest), (t, 0, 1))
    step = kernel.Step(longer, sp.Integral(speed, (t, 0, 1)), pointwise(root, {y: speed, s: rest}), op=">=")
    assert _proof(lemma, step) == "true"
    assert _proof(step) == "unknown"


@pytest.mark.parametrize(
    "step",
    [
        kernel.Step(x + 1, x, sign),
        kernel.Step(sp.exp(y), 1 + y, convex(y, sp.S.Zero)),
        kernel.Step(sp.exp(y), 1 + y, convex(y, sp.S.Zero), op=">"),
        kernel.Step(y**2 + h, sp.S.Zero, sign, op=">"),
        kernel.Step(sp.S.Zero, y**2, sign, op="<"),
    ],
)
def test_what_shows_an_order_closes_no_equation_and_nothing_strict(step: kernel.Step) -> None:
    assert kernel.check(step) != "true"


def test_a_strict_order_is_shown_by_positive_factors() -> None:
    assert kernel.check(kernel.Step(x + y**2, sp.S.Zero, sign, op=">")) == "true"


@pytest.mark.parametrize(
    "step",
    [
        kernel.Step(name("dist", "X", "Y"), name("dist", "X", "Y"), theorem("T", "source", "place"), "obvious"),
        kernel.Step(x + 2 - 2, x, algebra),
        kernel.Step(sp.Add(x, 0, evaluate=False).doit(), x, substitute({y: 1})),
        kernel.Step(sp.Matrix([x, y]), sp.Matrix([x, y]), algebra),
        kernel.Step(sp.UnevaluatedExpr(x), x, algebra),
    ],
)
def test_a_step_with_two_like_sides_says_nothing(step: kernel.Step) -> None:
    assert kernel.check(step) == "unknown"


def test_what_is_computed_needs_a_name() -> None:
    assert kernel.check(kernel.Step(sp.Integer(5), sp.Integer(4), compute(digit, 2))) != "true"


def test_a_theorem_needs_its_name_source_place_and_words_and_is_compared_in_balls() -> None:
    cited = theorem("uniqueness", "lehmann2005", "Theorem 4.3.1")
    assert kernel.check(kernel.Step(f(x), x, cited, "because")) == "true"
    assert kernel.check(kernel.Step(f(x), x, cited)) == "unknown"
    assert kernel.check(kernel.Step(f(x), x, theorem("uniqueness", "lehmann2005", ""), "because")) == "unknown"
    assert kernel.check(kernel.Step(x, x + 1, cited, "because")) == "false"


def test_a_level_says_what_was_checked() -> None:
    statement = sp.Eq(sp.Function("M")(x), x**2)

    def checked(claim: Any) -> Iterator[kernel.Step]:
        yield kernel.Step(y, claim.rhs, substitute({y: x**2}))

    def leaning(claim: Any) -> Iterator[kernel.Step]:
        yield kernel.Step(f(x), f(x + 1), theorem("T", "source", "place"), "because")
        yield from checked(claim)

    cache_state = kernel.cache._state["enabled"]
    kernel.cache.enable(False)
    try:
        for proof, level, mark in ((checked, "S", "S"), (leaning, "S*", "S*1")):
            report = kernel.verify(kernel.Formula("t", "t", "t", "", statement, (), "new", proof, uncertified="-"))
            assert (report.level, report.mark) == (level, mark)
            assert [step["theorem"] for step in report.unchecked] == [("T", "source", "place")] * (proof is leaning)
    finally:
        kernel.cache.enable(cache_state)
