"""Statistics of the claims: what a rank correlation with a few levels can be, what signs of n seeds can show,
and the reconstruction threshold that the write-up cites.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from math import comb
from typing import Any

from flint import arb, fmpq

from derivations.chapters.environment.walk import depth_laws, first_digits, joint_law, rank_correlation_by_pairs
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    argument,
    entry,
    exact,
    induction,
    limit,
    plus_minus,
    sp,
    symbol,
)

# ------------------------------------------------------------------------------------------- rank-ceiling

P = sp.symbols("p_1:6", positive=True)
P_0 = 1 - sum(P)
p, A, tau = symbol("p", positive=True), symbol("A", positive=True), symbol("tau", positive=True)
DIGITS = 9
#: name, (branching, depth, steps), depths scored
RANGES: tuple[tuple[str, tuple[int, int, int], tuple[int, int | None]], ...] = (
    ("ceiling_10", (4, 5, 10), (0, None)),
    ("ceiling_20", (4, 5, 20), (0, None)),
    ("ceiling_beyond", (4, 7, 20), (6, 7)),
)


def _depth_shares(index: int) -> list[Fraction]:
    _, tree, (low, high) = RANGES[index]
    shares: dict[int, Fraction] = defaultdict(Fraction)
    for (_, k), q in joint_law(depth_laws(*tree), low, high).items():
        shares[k] += q
    return [shares[k] for k in sorted(shares)]


def ceiling_digits(index: int) -> int:
    """First digits of sqrt(1 - sum p^3) for the depths of row `index` of RANGES."""
    rest = 1 - sum((q**3 for q in _depth_shares(index)), Fraction(0))
    return first_digits(rest, rest, DIGITS)


def _ceiling_by_refinement(index: int) -> int:
    """The same as the value of Spearman's rho itself: U uniform on [0, 1] and the level that U falls in."""
    c, v = _comonotone([fmpq(q.numerator, q.denominator) for q in _depth_shares(index)])
    as_fractions = [Fraction(int(x.p), int(x.q)) for x in (c, v)]
    return first_digits(as_fractions[0], as_fractions[1], DIGITS)


def _comonotone(shares: list[fmpq]) -> tuple[fmpq, fmpq]:
    """Covariance of U with the mid-rank of its level, and the product of their variances."""
    edges = [fmpq(0)]
    for q in shares:
        edges.append(edges[-1] + q)
    ranks = [(a + b) / 2 for a, b in pairwise(edges)]
    covariance = sum(((b * b - a * a) / 2 * r for (a, b), r in zip(pairwise(edges), ranks, strict=True)), fmpq(0))
    variance = sum((q * r * r for q, r in zip(shares, ranks, strict=True)), fmpq(0)) - fmpq(1, 4)
    return covariance - fmpq(1, 4), variance / 12


def _ratio(c: Any, v: Any) -> arb:
    return arb(c) / arb(v).sqrt()


def _tables() -> Iterator[dict[str, Any]]:
    """Joint laws of a score with three values and a level in {0, 1}, with what the statement needs."""
    for i in range(25):
        cells = {(s, y): Fraction(1 + (i * (2 * s + 3) + 5 * y * (i + s)) % 11) for s in range(3) for y in (0, 1)}
        total = sum(cells.values())
        cells = {cell: q / total for cell, q in cells.items()}
        up = sum(q for (_, y), q in cells.items() if y)
        ties = sum((cells[s, 0] + cells[s, 1]) ** 3 for s in range(3))
        pairs = ((a, b, cells[a, 1] * cells[b, 0]) for a in range(3) for b in range(3))
        ahead = sum(q * Fraction((a > b) * 2 + (a == b), 2) for a, b, q in pairs) / (up * (1 - up))
        weights = [1 + (i * k + k * k) % 6 for k in range(6)]
        point = {f"p_{k}": Fraction(w, sum(weights)) for k, w in enumerate(weights) if k}
        point |= {"p": up, "A": ahead, "tau": Fraction(ties)} | {f"c{s}{y}": q for (s, y), q in cells.items()}
        yield {name: sp.Rational(q.numerator, q.denominator) for name, q in point.items()}


def _rank_independent(at: Mapping[str, Any]) -> list[arb]:
    value = {name: fmpq(int(q.p), int(q.q)) for name, q in at.items()}
    shares = [value[f"p_{k}"] for k in range(1, 6)]
    six = _comonotone([1 - sum(shares, fmpq(0)), *shares])
    two = _comonotone([1 - value["p"], value["p"]])
    joint = {(s, y): Fraction(int(at[f"c{s}{y}"].p), int(at[f"c{s}{y}"].q)) for s in range(3) for y in (0, 1)}
    c, v = rank_correlation_by_pairs(joint, lambda s: s)
    tied = _ratio(fmpq(c.numerator, c.denominator), fmpq(v.numerator, v.denominator))
    return [_ratio(*six), _ratio(*two), tied, *(arb(_ceiling_by_refinement(i)) for i in range(len(RANGES)))]


@entry(
    id="rank-ceiling",
    title="Largest rank correlation with a variable of few levels",
    statement=sp.Tuple(
        sp.Eq(sp.Function("rho_max")(*P), sp.sqrt(1 - P_0**3 - sum(q**3 for q in P))),
        sp.Eq(sp.Function("rho_max")(p), sp.sqrt(3 * p * (1 - p))),
        sp.Eq(sp.Function("rho")(p, A, tau), sp.sqrt(3 * p * (1 - p) / (1 - tau)) * (2 * A - 1)),
        *(
            sp.Eq(sp.floor(10**DIGITS * symbol(name, positive=True)), ceiling_digits(i))
            for i, (name, *_) in enumerate(RANGES)
        ),
    ),
    symbols={
        **{q: (f"share of level {k} of six", "0..1, together at most 1") for k, q in enumerate(P, 1)},
        p: ("share of the upper of two levels", "0 < p < 1"),
        A: ("chance that the score is higher in the upper level, ties half", "0..1"),
        tau: ("sum of the cubes of the shares of the score's own values", "0 <= tau < 1; 0 if continuous"),
    },
    assumptions=(
        "Spearman's rho is the correlation of mid-ranks; rho_max is over scores without ties (a score with "
        "the same "
        "ties as the levels reaches 1)",
        "ceiling_10, ceiling_20: depth 0-5 on the default tree; ceiling_beyond: depths 6-7 of B = 4, L = 7, T = 20",
    ),
    status="new",
    uses=("tree-walk",),
    implements=["hrssm.evaluation.clock.weighted_rank_correlation"],
    certificate=Certificate(points=tuple(_tables()), independent=_rank_independent),
)
def rank_ceiling(claim: Any) -> Iterator[Step]:
    """Mid-ranks have variance (1 - sum p^3)/12; over two levels rho is a rescaled chance of being ahead."""
    shares = (P_0, *P)
    edges = [sum(shares[:k], sp.S.Zero) for k in range(6)]
    ranks = [edge + q / 2 - sp.Rational(1, 2) for edge, q in zip(edges, shares, strict=True)]
    variance = sum(q * r**2 for q, r in zip(shares, ranks, strict=True))
    yield Step(
        variance,
        (1 - sum(q**3 for q in shares)) / 12,
        algebra,
        "variance of the mid-rank with six levels; it is E[U | level] for U uniform, so Cov(U, mid-rank) is the same",
    )
    yield Step(
        sp.sqrt(12) * sp.sqrt((1 - P_0**3 - sum(q**3 for q in P)) / 12),
        claim[0].rhs,
        algebra,
        "a score without ties has variance 1/12; ordered by level it attains the largest covariance (rearrangement)",
    )
    yield Step(sp.sqrt(sp.expand(1 - p**3 - (1 - p) ** 3)), sp.expand(claim[1].rhs), algebra, "two levels")
    yield Step(claim[1].lhs, claim[1].rhs, argument, "the same with four shares zero")
    upper = (1 - p) * A + p / 2 - sp.Rational(1, 2)
    lower = (1 - p) / 2 + p * (1 - A) - sp.Rational(1, 2)
    yield Step(upper - lower, A - sp.Rational(1, 2), algebra, "mean rank in the upper level less that in the lower")
    covariance = p * upper * (1 - p) / 2 - (1 - p) * lower * p / 2
    yield Step(covariance, p * (1 - p) * (2 * A - 1) / 4, algebra, "the levels have mid-ranks -p/2 and (1-p)/2")
    yield Step(
        p * (1 - p) * (2 * A - 1) / 4 * sp.sqrt(3 * p * (1 - p) / (1 - tau)) * 4 / (p * (1 - p)),
        claim[2].rhs,
        algebra,
        "variances p(1-p)/4 and (1 - tau)/12: 1/sqrt of their product is 4 sqrt(3 p (1-p)/(1-tau))/(p (1-p))",
    )
    yield Step(
        (4 * sp.sqrt(3 * p * (1 - p) / (1 - tau)) / (p * (1 - p))) ** 2 * (p * (1 - p) / 4) * (1 - tau) / 12,
        1,
        algebra,
        "and so it is",
    )
    for index, relation in enumerate(claim[3:]):
        yield Step(sp.Integer(ceiling_digits(index)), relation.rhs, algebra, f"{RANGES[index][0]}, by tree-walk")


# ------------------------------------------------------------------------------------------- sign-test

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
        sp.Eq(sp.Function("p_min")(n), 2 ** (1 - n)),
        sp.Eq(sp.Function("all_agree")(n, theta), theta**n + (1 - theta) ** n),
        sp.Eq(
            sp.Function("power")(n, c, theta),
            sp.Sum(
                sp.binomial(n, k) * (theta**k * (1 - theta) ** (n - k) + theta ** (n - k) * (1 - theta) ** k),
                (k, c, n),
            ),
        ),
        sp.Eq(sp.Function("p_min")(5), sp.Rational(1, 16)),
        sp.Eq(sp.Function("least_seeds")(sp.Rational(1, 20)), 6),
        *(sp.Eq(sp.Function("seeds")(sp.Rational(r.numerator, r.denominator)), seeds_needed(r)) for r in RATES),
    ),
    symbols={
        n: "seeds",
        c: ("majority from which the test rejects", "n/2 < c <= n"),
        theta: ("chance that a seed's correlation has the sign in question", "0 < theta < 1"),
    },
    assumptions=("two-sided test of theta = 1/2 on independent seeds; seeds(theta): power 0.8 at level 0.05",),
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
    yield Step(claim[2].rhs.subs(c, n).doit(), claim[1].rhs, algebra, "rejecting only when all agree")
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
            sp.expand(outcomes),
            sp.expand(claim[2].rhs.subs({n: seeds, c: least}).doit()),
            algebra,
            f"all 2^{seeds} outcomes, majority of {least}",
        )
    yield Step(
        claim[2].lhs,
        claim[2].rhs,
        argument,
        "binomial law of the positive signs, both tails; they are disjoint as c > n/2",
    )
    yield Step(claim[0].rhs.subs(n, 5), claim[3].rhs, algebra, "2/32 for the write-up's five seeds")
    least = next(m for m in range(1, 20) if critical(m))
    yield Step(sp.Integer(least), claim[4].rhs, algebra, "2^(1-n) < 1/20")
    for relation, rate in zip(claim[5:], RATES, strict=True):
        yield Step(sp.Integer(seeds_needed(rate)), relation.rhs, algebra, f"exact power at theta = {rate}")


# ------------------------------------------------------------------------------------------- ks-threshold

B, lam = symbol("B", positive=True, integer=True), symbol("lambda", positive=True)
j, g, y = symbol("j", nonnegative=True, integer=True), symbol("g", positive=True), symbol("y", positive=True)


def _census(branching: int, factor: arb, generations: int) -> arb:
    """Squared correlation of the root's sign with the sum over generation n, by recursion."""
    mean, square = arb(1), arb(1)
    for _ in range(generations):
        # B subtrees, alike and independent given the root: E[S S'] of two of them is (factor * mean)^2
        mean, square = (
            branching * factor * mean,
            branching * square + branching * (branching - 1) * (factor * mean) ** 2,
        )
    return mean**2 / square


def _ks_independent(at: Mapping[str, Any]) -> list[arb]:
    branching, factor = int(at["B"]), exact(at["lambda"])
    growth = branching * factor**2
    generations = 40
    while not growth**generations > arb(10) ** 45:
        generations += 40
    # the limit is approached from above like growth^(-n), with a factor below B
    far = _census(branching, factor, generations) + plus_minus(branching * growth**-generations * 4)
    return [_census(branching, factor, int(at["n"])), far, 1 / arb(branching).sqrt()]


_x = B * lam**2


@entry(
    id="ks-threshold",
    title="The Kesten-Stigum threshold and what it is about",
    statement=sp.Tuple(
        sp.Eq(sp.Function("r2")(n), _x**n / (1 + (1 - 1 / B) * sp.Sum(_x**j, (j, 1, n)))),
        sp.Eq(sp.Function("r2_limit")(B, lam), (_x - 1) / ((B - 1) * lam**2)),
        sp.Eq(sp.Function("lambda_critical")(B), 1 / sp.sqrt(B)),
    ),
    symbols={
        B: ("branching", "integer >= 2"),
        lam: (
            "second eigenvalue of the channel: a child keeps its parent's sign with probability (1+lambda)/2",
            "0..1",
        ),
        n: "generations below the root",
    },
    assumptions=(
        "a sign is broadcast from the root down the B-ary tree; r2 is the squared correlation of the root's "
        "sign with the "
        "sum over generation n; r2_limit for B lambda^2 > 1 (below, r2 falls to zero)",
        "it concerns guessing the root from far leaves, through inherited labels. In the write-up's "
        "environment a node's "
        "embedding is drawn afresh (lambda = 0) and depth is no random label: the condition says nothing "
        "about it, nor "
        "about any geometry",
    ),
    status="corrects",
    sources=[("perret2026", "theory"), ("kesten1966", "the threshold"), ("evans2000", "reconstruction on trees")],
    certificate=Certificate(
        points=tuple(
            {"B": sp.Integer(b), "lambda": sp.Rational(i, 20), "n": sp.Integer(1 + (i + b) % 6)}
            for b in (4, 5, 7, 10, 50)
            for i in (13, 14, 16, 18, 19)
        ),
        independent=_ks_independent,
    ),
)
def ks_threshold(claim: Any) -> Iterator[Step]:
    """First and second moment of the sum over a generation, by recursion."""
    x = symbol("x", positive=True)
    series = x * (x**n - 1) / (x - 1)
    yield Step(sp.Sum(x**j, (j, 1, n)), series, induction(n, 1), "geometric sum, x = B lambda^2")
    mean, total = (B * lam) ** n, _x * (_x**n - 1) / (_x - 1)
    square = B**n * (1 + (1 - 1 / B) * total)
    for expr, after, words in (
        (
            B * lam * mean,
            mean.subs(n, n + 1),
            "E[root * sum]: each of B children contributes lambda times its own",
        ),
        (
            B * square + B * (B - 1) * (lam * mean) ** 2,
            square.subs(n, n + 1),
            "E[sum^2]: B subtrees and B (B-1) pairs of them, independent given the root",
        ),
    ):
        yield Step(sp.expand(expr, power_base=True), sp.expand(after, power_base=True), algebra, words)
    for generation in (1, 2, 3):
        ratio = (mean**2 / (B**n * (1 + (1 - 1 / B) * sp.Sum(_x**j, (j, 1, n))))).subs(n, generation).doit()
        yield Step(ratio, claim[0].rhs.subs(n, generation).doit(), algebra, f"their ratio, n = {generation}")
    yield Step(claim[0].lhs, claim[0].rhs, argument, "(B lambda)^(2n) / B^n = x^n, for every n")
    yield Step(
        1 / (y + (1 - 1 / B) * _x * (1 - y) / (_x - 1)),
        claim[1].rhs,
        limit(y, 0),
        "divide by x^n and put y = x^(-n): to zero when x > 1; when x <= 1 the denominator grows and r2 goes to zero",
    )
    yield Step(_x.subs(lam, claim[2].rhs), 1, algebra, "x = 1")
    yield Step(sp.sqrt(1 / B), claim[2].rhs, algebra, "the critical value")
