"""What a rank correlation with a few levels can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb, fmpq

from derivations.chapters.environment.walk import depth_laws, first_digits, joint_law, rank_correlation_by_pairs, scored
from derivations.engine.kernel import Certificate, Step, algebra, compute, entry, sp, substitute, symbol
from derivations.engine.notation import name

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


_share, _level = sp.IndexedBase("p"), symbol("k", integer=True, nonnegative=True)


def _with_sum() -> Any:
    """The first relation with a sum over the levels in place of six terms."""
    return [sp.Eq(name("rho_max", *P), sp.sqrt(1 - sp.Sum(_share[_level] ** 3, (_level, 0, 5))))]


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
        sp.Eq(name("rho_max", *P), sp.sqrt(1 - P_0**3 - sum(q**3 for q in P))),
        sp.Eq(name("rho_max", p), sp.sqrt(3 * p * (1 - p))),
        sp.Eq(name("rho", p, A, tau), sp.sqrt(3 * p * (1 - p) / (1 - tau)) * (2 * A - 1)),
        *(
            sp.Eq(sp.floor(10**DIGITS * name("rho_max", *tree[:2], scored(tree[2], depths))), ceiling_digits(i))
            for i, (_, tree, depths) in enumerate(RANGES)
        ),
    ),
    display=_with_sum(),
    where={_share[k]: q for k, q in enumerate(P, 1)} | {_share[0]: 1 - sp.Sum(_share[_level], (_level, 1, 5))},
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
        "rho_max(B, L, T): the levels are the depths of walks of T steps on the B-ary tree of depth L; given a "
        "condition on the depth k, those that meet it",
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
    square = symbol("w", positive=True)
    two_levels = substitute({P[0]: p, **dict.fromkeys(P[1:], sp.S.Zero)})
    yield Step(1 - P_0**3 - sum(q**3 for q in P), 3 * p * (1 - p), two_levels, "two levels: four shares are zero")
    yield Step(sp.sqrt(square), claim[1].rhs, substitute({square: 3 * p * (1 - p)}), "its root")
    upper = (1 - p) * A + p / 2 - sp.Rational(1, 2)
    lower = (1 - p) / 2 + p * (1 - A) - sp.Rational(1, 2)
    yield Step(upper - lower, A - sp.Rational(1, 2), algebra, "mean rank in the upper level less that in the lower")
    covariance = p * upper * (1 - p) / 2 - (1 - p) * lower * p / 2
    yield Step(covariance, p * (1 - p) * (2 * A - 1) / 4, algebra, "the levels have mid-ranks -p/2 and (1-p)/2")
    over = symbol("1/(sd sd)", positive=True)
    spreads = substitute({over: 4 * sp.sqrt(3 * p * (1 - p) / (1 - tau)) / (p * (1 - p))})
    yield Step(over**2 * (p * (1 - p) / 4) * (1 - tau) / 12, 1, spreads, "variances p(1-p)/4 and (1 - tau)/12")
    yield Step(p * (1 - p) * (2 * A - 1) / 4 * over, claim[2].rhs, spreads, "covariance over both spreads")
    for index, relation in enumerate(claim[3:]):
        by = compute(ceiling_digits, index)
        yield Step(relation.lhs, relation.rhs, by, f"{RANGES[index][0]}, by tree-walk")
