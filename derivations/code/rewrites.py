"""The rewrites that reduce code minus formula to zero, in the order in which the proof of the code tries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from derivations.engine.algebra import gamma_at_base, normal


def _logarithms(e: Any) -> Any:
    """Logarithms of sums over a common denominator, factored, then opened."""
    e = e.replace(sp.log, lambda x: sp.log(sp.factor(sp.together(sp.expand(x, power_base=True, power_exp=True)))))
    return sp.expand(sp.expand_log(e, factor=True), power_base=True, power_exp=True)


def _units(*expressions: Any) -> list[Any]:
    """The expressions with hyperbolic functions as exponentials, and those as powers of independent symbols."""
    opened = [
        sp.expand(e.rewrite([sp.sinh, sp.cosh, sp.tanh], sp.exp), power_base=True, power_exp=True) for e in expressions
    ]
    powers = sorted({x for e in opened for x in e.atoms(sp.exp)}, key=sp.default_sort_key)
    parts = {x: x.args[0].as_coeff_Mul() for x in powers}
    units: dict[Any, Any] = {}
    for coefficient, rest in parts.values():
        units[rest] = sp.lcm(units.get(rest, sp.Integer(1)), sp.Rational(coefficient).q)
    names = {rest: sp.Symbol(f"_e{i}", positive=True) for i, rest in enumerate(units)}
    plain = {x: names[rest] ** (coefficient * units[rest]) for x, (coefficient, rest) in parts.items()}
    return [e.xreplace(plain) for e in opened]


def _exponentials(e: Any) -> Any:
    """exp of sums as powers of independent symbols, hyperbolic functions as exponentials, fractions cancelled."""
    return sp.expand(sp.cancel(sp.together(_units(e)[0])))


def _modulo(relation: Any, symbol: Any) -> Callable[[Any], Any]:
    """Exponentials as symbols, then the numerator as a polynomial in `symbol` modulo relation = 0."""

    def rewrite(e: Any) -> Any:
        rational, zero = _units(e, relation)
        numerator = sp.expand(sp.fraction(sp.together(rational))[0])
        return sp.expand(sp.fraction(sp.together(sp.rem(numerator, sp.expand(zero), symbol)))[0])

    return rewrite


def _roots(e: Any) -> Any:
    """Square roots as symbols whose square is known: a polynomial identity modulo those relations."""
    e = e.rewrite([sp.asinh, sp.acosh, sp.atanh], sp.log)
    e = sp.together(sp.expand(e, power_base=True, power_exp=True))
    roots = sorted({x for x in e.atoms(sp.Pow) if x.exp in (sp.S.Half, -sp.S.Half)}, key=sp.default_sort_key)
    bases = sorted({x.base for x in roots}, key=sp.default_sort_key)
    names = {b: sp.Symbol(f"_r{i}", positive=True) for i, b in enumerate(bases)}
    numerator = sp.fraction(
        sp.together(e.xreplace({sp.Pow(b, h): names[b] ** (2 * h) for b in bases for h in (sp.S.Half, -sp.S.Half)}))
    )[0]
    numerator = sp.expand(numerator)
    for b, r in names.items():
        numerator = sp.expand(sp.rem(numerator, r**2 - b, r)) if numerator.has(r) else numerator
    return normal(numerator)


def _as_factors(e: Any) -> Any:
    """The exponential of a sum, its logarithms as factors."""
    outside, product = sp.Integer(0), sp.Integer(1)
    for term in sp.Add.make_args(sp.expand(e)):
        coefficient, rest = term.as_coeff_Mul()
        if isinstance(rest, sp.log):
            product *= rest.args[0] ** coefficient
        else:
            outside += term
    return product * sp.exp(outside)


def _exponentiated(e: Any) -> Any:
    """A sum with logarithms is zero when its exponential is one."""
    return _exponentials(_as_factors(e) - 1)


#: The rewrites in the order in which they are tried on code minus formula, each on what it was given.
REWRITES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("expand", lambda e: sp.expand(e, power_base=True, power_exp=True)),
    ("log-expand", lambda e: sp.expand(sp.expand_log(e, factor=True), power_base=True, power_exp=True)),
    ("algebra", normal),
    ("gamma recurrence", lambda e: normal(gamma_at_base(e))),
    ("logarithms over a common denominator", _logarithms),
    ("exponentials as independent symbols", _exponentials),
    ("logarithms, then exponentials", lambda e: _exponentials(_logarithms(e))),
    ("exponentiated", _exponentiated),
    ("roots as algebraic symbols", _roots),
)


def close(left: Any, right: Any, relation: tuple[Any, Any] | None = None) -> str | None:
    """The name of the rewrite that reduces left - right to zero; None where none of them does.

    `relation` is a polynomial that is zero, and the symbol in which it is read.
    """
    apart = sp.sympify(left) - sp.sympify(right)
    if apart == 0:
        return "identical"
    rewrites = REWRITES
    if relation:
        reduced = _modulo(*relation)
        rewrites = (
            REWRITES[0],
            ("modulo the relation of the symbols", reduced),
            ("exponentiated, modulo the relation of the symbols", lambda e: reduced(_as_factors(e) - 1)),
        )
    for name, rewrite in rewrites:
        try:
            if rewrite(apart) == 0:
                return name
        except sp.PolynomialError:  # the rewrite does not apply to this expression
            continue
    return None
