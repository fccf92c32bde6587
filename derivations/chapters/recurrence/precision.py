"""Reduced precision: from what ratio on a sum absorbs an increment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from flint import arb

from derivations.engine.kernel import Certificate, Step, entry, sign, sp, substitute, symbol
from derivations.engine.notation import name

p = symbol("p", positive=True, integer=True)
FORMATS = {"float32": 23, "float16": 10, "bfloat16": 7}


def rounded(value: Fraction, bits: int) -> Fraction:
    """The nearest number with ``bits`` stored fraction bits to a positive one, ties to even, exponents unbounded."""
    exponent = 0
    while value >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while value < Fraction(2) ** exponent:
        exponent -= 1
    spacing = Fraction(2) ** (exponent - bits)
    return round(value / spacing) * spacing  # Python rounds halves to even


def _boundary(h: Fraction, sign_: int, bits: int) -> Fraction:
    """The size in spacings of [1, 2) from which an increment to h in [1, 2) is kept, by search on sixteenths.

    A tie lies on a sixteenth, and is lost or kept as the even neighbour decides; half a sixteenth further tells which.
    """
    unit = Fraction(1, 2**bits)

    def lost(sixteenths: Fraction) -> bool:
        return rounded(h + sign_ * sixteenths * unit / 16, bits) == h

    kept = next(Fraction(k) for k in range(1, 17) if not lost(Fraction(k)))
    return (kept if lost(kept - Fraction(1, 2)) else kept - 1) / 16


@cache
def thresholds(bits: int) -> tuple[Fraction, Fraction]:
    """The least and the most, over h in [1, 2) and both signs, of the ratio |delta|/h up to which increments are lost.

    Of long formats only the numbers next to powers of two and in the middle are searched.
    """
    count = 2**bits
    middle = count // 2
    chosen = range(count) if bits <= 9 else [*range(4), *range(middle - 2, middle + 2), *range(count - 4, count)]
    numbers = [1 + Fraction(m, count) for m in chosen]
    ratios = [_boundary(h, sign_, bits) / count / h for h in numbers for sign_ in (1, -1)]
    return min(ratios), max(ratios)


def _ball(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator


def _searched(point: Mapping[str, Any]) -> list[arb]:
    least, most = thresholds(int(point["p"]))
    return [_ball(least), _ball(most), *(1 / _ball(thresholds(bits)[1]) for bits in FORMATS.values())]


@entry(
    id="state-absorption",
    title="The ratio from which a floating-point sum absorbs an increment",
    statement=sp.Tuple(
        sp.Eq(name("r_always", p), sp.Rational(1, 4) / 2**p),
        sp.Eq(name("r_sometimes", p), sp.Rational(1, 2) / 2**p),
        *(sp.Eq(name("onset", bits), 2 ** (bits + 1)) for bits in FORMATS.values()),
    ),
    symbols={p: "stored fraction bits: 23 in float32, 10 in float16, 7 in bfloat16"},
    assumptions=(
        "h + delta is rounded to nearest, ties to even; h and h + delta are normal numbers; lost: the sum is h",
        "r_always: the largest ratio |delta|/|h| up to which every increment is lost at every h; r_sometimes: "
        "the largest at which one is lost at some h; onset: the ratio |h|/|delta| from which it may happen",
        "no overflow before absorption: linear growth meets it long before 3.4e38, and float16 overflows past 65 504",
    ),
    status="corrects",
    sources=[("ieee754", "4.3.1")],
    implements=["hrssm.networks.bounds.absorption", "hrssm.evaluation.growth.absorbed"],
    certificate=Certificate(points=tuple({"p": sp.Integer(2 + i)} for i in range(25)), independent=_searched),
)
def state_absorption(claim: Any) -> Iterator[Step]:
    """In spacings h is an integer in [2^p, 2^(p+1)); half a spacing is lost, and a quarter below a power of two."""
    m, n, power = symbol("m", nonnegative=True), symbol("n", nonnegative=True), 2**p
    upper = m + n + 1  # 2^p, with h = 2^p + m spacings and n = 2^p - 1 - m of them left to the next power of two
    half = sp.Rational(1, 2) / (upper + m)
    yield Step(
        half, sp.Rational(1, 4) / upper, sign, "half a spacing over h is at least 2^(-p-2), as h < 2^(p+1)", ">="
    )
    yield Step(sp.Rational(1, 2) / upper, half, sign, "and at most 2^(-p-1), as h >= 2^p", ">=")
    size = symbol("2^p", positive=True)
    at = substitute({size: power})
    yield Step(
        sp.Rational(1, 4) / size,
        claim[0].rhs,
        at,
        "towards zero from h = 2^p the spacing is halved, and a quarter of the upper one is lost, a tie that goes to "
        "the even h: the least over all h and signs",
    )
    yield Step(
        sp.Rational(1, 2) / size,
        claim[1].rhs,
        at,
        "away from zero at h = 2^p half a spacing is lost, a tie again: the most over all h and signs",
    )
    for relation, bits in zip(claim[2:], FORMATS.values(), strict=True):
        yield Step(1 / claim[1].rhs, relation.rhs, substitute({p: sp.Integer(bits)}), f"p = {bits}")
