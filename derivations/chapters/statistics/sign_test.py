"""How many seeds a sign test needs, and what it can see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb
from typing import Any

from flint import arb, fmpq

from derivations.engine.kernel import Certificate, Step, algebra, binomials, compute, entry, sp, substitute, symbol
from derivations.engine.notation import Probability, name

n, c = symbol("n", positive=True, integer=True), symbol("c", positive=True, integer=True)
k, theta = symbol("k", nonnegative=True, integer=True), symbol("theta", positive=True)
RATES = (Fraction(9, 10), Fraction(3, 4))


def critical(seeds: int) -> int | None:
    """Smallest majority that a two-sided test at 5 % calls a consistent sign; None if none is enough."""
    for majority in range(seeds // 2 + 1, seeds + 1):
        if 2 * sum(comb(seeds, i) for i in range(majority, seeds + 1)) * 20 < 2**seeds:
            return majority
    return None


def power(seeds: int, rate: Fraction) -> Fraction:
    """Chance that the test rejects when each seed has the sign with probability `rate`."""
    least = critical(seeds)
    if least is None:
        return Fraction(0)
    return sum(
        (
            comb(seeds, i) * (rate**i * (1 - rate) ** (seeds - i) + rate ** (seeds - i) * (1 - rate) ** i)
            for i in range(least, seeds + 1)
        ),
        Fraction(0),
    )


def least_seeds() -> int:
    """Fewest seeds with which any outcome is significant at 5 %."""
    return next(seeds for seeds in range(1, 20) if critical(seeds))


@cache
def seeds_needed(rate: Fraction) -> int:
    """Fewest seeds with power of at least 80 %."""
    return next(m for m in range(1, 200) if power(m, rate) >= Fraction(4, 5))


def _coin_law(seeds: int, rate: fmpq) -> list[fmpq]:
    """Law of the number of positive signs, one seed at a time."""
    law = [fmpq(1)]
    for _ in range(seeds):
        law = [
            (law[i - 1] * rate if i else fmpq(0)) + (law[i] * (1 - rate) if i < len(law) else fmpq(0))
            for i in range(len(law) + 1)
        ]
    return law


@cache
def _sign_constants() -> tuple[int, ...]:
    """The whole numbers of the statement again, from laws built seed by seed."""

    def rejects(law: list[fmpq], fair: list[fmpq]) -> fmpq:
        seeds = len(law) - 1
        total = fmpq(0)
        for i in range(seeds + 1):
            extreme = sum((q for j, q in enumerate(fair) if abs(2 * j - seeds) >= abs(2 * i - seeds)), fmpq(0))
            total += law[i] if extreme < fmpq(1, 20) else 0
        return total

    found = []
    for m in range(1, 40):
        if not found and rejects(_coin_law(m, fmpq(1)), _coin_law(m, fmpq(1, 2))) > 0:
            found.append(m)
    for rate in RATES:
        chance = fmpq(rate.numerator, rate.denominator)
        found.append(
            next(m for m in range(1, 60) if rejects(_coin_law(m, chance), _coin_law(m, fmpq(1, 2))) >= fmpq(4, 5))
        )
    return tuple(found)


def _sign_independent(at: Mapping[str, Any]) -> list[arb]:
    seeds, least = int(at["n"]), int(at["c"])
    law = _coin_law(seeds, fmpq(int(at["theta"].p), int(at["theta"].q)))
    fair = _coin_law(seeds, fmpq(1, 2))
    tail = sum((q for i, q in enumerate(law) if max(i, seeds - i) >= least), fmpq(0))
    return [
        arb(fair[0] + fair[-1]),
        arb(law[0] + law[-1]),
        arb(tail),
        arb(2 * _coin_law(5, fmpq(1, 2))[5]),
        *(arb(v) for v in _sign_constants()),
    ]


@entry(
    id="sign-test",
    title="What the signs of n seeds can show",
    statement=sp.Tuple(
        sp.Eq(name("p_min", n), 2 ** (1 - n)),
        sp.Eq(Probability("agree"), theta**n + (1 - theta) ** n),
        sp.Eq(
            name("power", n, c, theta),
            sp.Sum(
                sp.binomial(n, k) * (theta**k * (1 - theta) ** (n - k) + theta ** (n - k) * (1 - theta) ** k),
                (k, c, n),
            ),
        ),
        sp.Eq(name("p_min", 5), sp.Rational(1, 16)),
        sp.Eq(name("n_min", sp.Rational(1, 20)), 6),
        *(sp.Eq(name("n", sp.Rational(r.numerator, r.denominator)), seeds_needed(r)) for r in RATES),
    ),
    symbols={
        n: "seeds",
        c: ("majority from which the test rejects", "n/2 < c <= n"),
        theta: ("chance that a seed's correlation has the sign in question", "0 < theta < 1"),
    },
    assumptions=(
        "two-sided test of theta = 1/2 on independent seeds; p_min is the smallest p-value of n seeds, reached when "
        "all agree in sign",
        "n_min(a): the fewest seeds with p_min below a; n(theta): the fewest with power 0.8 at level 0.05",
    ),
    status="new",
    sources=[("perret2026", "experiment 3")],
    certificate=Certificate(
        points=tuple(
            {"n": sp.Integer(m), "c": sp.Integer(m // 2 + 1 + i % 3), "theta": sp.Rational(3 + 4 * i, 41)}
            for i, m in ((i, 5 + i % 9) for i in range(1, 28) if i % 9)
        )
        + tuple({"n": sp.Integer(5), "c": sp.Integer(5), "theta": sp.Rational(i, 7)} for i in (1, 6)),
        independent=_sign_independent,
    ),
)
def sign_test(claim: Any) -> Iterator[Step]:
    """Five seeds that all agree have p = 2/32: not below 0.05."""
    yield Step(2 * sp.Rational(1, 2) ** n, claim[0].rhs, algebra, "all n signs alike, one way or the other")

    def law(count: Any, seeds: Any) -> Any:
        return sp.binomial(seeds, count) * theta**count * (1 - theta) ** (seeds - count)

    one_more = theta * law(k - 1, n) + (1 - theta) * law(k, n)
    yield Step(one_more, law(k, n + 1), binomials, "k positive signs, one seed more: the binomial law")
    tails = sp.Sum(law(k, n) + law(n - k, n), (k, c, n))
    yield Step(tails, claim[2].rhs, binomials, "both tails; they are disjoint as c > n/2")
    yield Step(claim[2].rhs, claim[1].rhs, substitute({c: n}), "rejecting only when all agree")
    for seeds, least in ((3, 2), (5, 5), (6, 6), (8, 7)):
        outcomes = sum(
            (
                sp.prod([theta if s else 1 - theta for s in signs])
                for signs in product((0, 1), repeat=seeds)
                if max(sum(signs), seeds - sum(signs)) >= least
            ),
            sp.S.Zero,
        )
        yield Step(
            outcomes,
            sp.expand(claim[2].rhs.subs({n: seeds, c: least}).doit()),
            algebra,
            f"all 2^{seeds} outcomes, majority of {least}",
        )
    yield Step(claim[0].rhs, claim[3].rhs, substitute({n: sp.Integer(5)}), "2/32 for the write-up's five seeds")
    yield Step(claim[4].lhs, claim[4].rhs, compute(least_seeds), "2^(1-n) < 1/20")
    for relation, rate in zip(claim[5:], RATES, strict=True):
        yield Step(relation.lhs, relation.rhs, compute(seeds_needed, rate), f"exact power at theta = {rate}")
