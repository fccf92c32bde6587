"""The random walk on the tree, in exact rationals: laws of the depth, of the node, and scores of predictors.

The depth of the walk is itself a Markov chain: from depth 0 to 1; from an inner depth k to k + 1 with
probability B/(B+1) and to k - 1 with 1/(B+1); from L to L - 1. All numbers of this chapter come from that
recursion in fractions. A walk confined to a depth below L is the walk on the smaller tree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from math import isqrt
from typing import Any

from derivations.engine.kernel import sp, symbol
from derivations.engine.notation import Given

Joint = Mapping[tuple[int, int], Fraction]  # (step, depth) -> probability


def scored(steps: int, depths: tuple[int, int | None]) -> Any:
    """How a statement names the steps of a walk together with the depths k that count."""
    k, (low, high) = symbol("k"), depths
    return sp.Integer(steps) if (low, high) == (0, None) else Given(steps, sp.Ge(k, low) if low else sp.Le(k, high))


def level_sizes(branching: int, depth: int) -> list[int]:
    """Number of nodes at each depth 0..L."""
    return [branching**k for k in range(depth + 1)]


def one_step(law: list[Fraction], branching: int) -> list[Fraction]:
    """Law of the depth after one step of the walk."""
    last = len(law) - 1
    after = [Fraction(0)] * (last + 1)
    for k, mass in enumerate(law):
        down = Fraction(branching, branching + 1) if 0 < k < last else Fraction(int(k == 0))
        if down:
            after[k + 1] += mass * down
        if down < 1:
            after[k - 1] += mass * (1 - down)
    return after


@cache
def depth_laws(branching: int, depth: int, steps: int) -> tuple[tuple[Fraction, ...], ...]:
    """P(depth at step t), t = 0..steps-1, for a start uniform over the nodes."""
    sizes = level_sizes(branching, depth)
    law = [Fraction(n, sum(sizes)) for n in sizes]
    laws = []
    for _ in range(steps):
        laws.append(tuple(law))
        law = one_step(law, branching)
    return tuple(laws)


@cache
def node_laws(branching: int, depth: int, steps: int) -> tuple[tuple[Fraction, ...], ...]:
    """P(depth at step t) again, from the walk on all nodes: the check that depth is a Markov chain."""
    sizes = level_sizes(branching, depth)
    count = sum(sizes)
    parent = [-1] + [(i - 1) // branching for i in range(1, count)]
    level = [k for k, n in enumerate(sizes) for _ in range(n)]
    degree = [(branching if level[i] < depth else 0) + (i > 0) for i in range(count)]
    law = [Fraction(1, count)] * count
    laws = []
    for _ in range(steps):
        by_depth = [Fraction(0)] * (depth + 1)
        for i, mass in enumerate(law):
            by_depth[level[i]] += mass
        laws.append(tuple(by_depth))
        share = [mass / degree[i] for i, mass in enumerate(law)]
        after = [Fraction(0)] * count
        for i in range(1, count):
            after[i] += share[parent[i]]
            after[parent[i]] += share[i]
        law = after
    return tuple(laws)


def expected_depth(law: tuple[Fraction, ...]) -> Fraction:
    """Mean of a law on 0..L."""
    return sum((k * p for k, p in enumerate(law)), Fraction(0))


def joint_law(
    laws: tuple[tuple[Fraction, ...], ...], lowest: int = 0, highest: int | None = None
) -> dict[tuple[int, int], Fraction]:
    """Law of (step, depth) with all steps alike, given that the depth is in lowest..highest."""
    top = len(laws[0]) - 1 if highest is None else highest
    cells = {(t, k): p for t, law in enumerate(laws) for k, p in enumerate(law) if lowest <= k <= top and p}
    total = sum(cells.values(), Fraction(0))
    return {cell: p / total for cell, p in cells.items()}


def _mid_ranks(mass: Mapping[Any, Fraction]) -> dict[Any, Fraction]:
    ranks, below = {}, Fraction(0)
    for value in sorted(mass):
        ranks[value] = below + mass[value] / 2 - Fraction(1, 2)
        below += mass[value]
    return ranks


def rank_correlation(joint: Joint, score: Callable[[int], Any]) -> tuple[Fraction, Fraction]:
    """Spearman's rho of score(t) and depth, ties by mid-rank, as (c, v) with rho = c / sqrt(v).

    rho is the correlation of P(X < x) + P(X = x)/2 and the same of Y: the limit for many walks.
    """
    xs, ys = defaultdict(Fraction), defaultdict(Fraction)
    for (t, k), p in joint.items():
        xs[score(t)] += p
        ys[k] += p
    rx, ry = _mid_ranks(xs), _mid_ranks(ys)
    covariance = sum((p * rx[score(t)] * ry[k] for (t, k), p in joint.items()), Fraction(0))
    vx = sum((p * rx[x] ** 2 for x, p in xs.items()), Fraction(0))
    vy = sum((p * ry[y] ** 2 for y, p in ys.items()), Fraction(0))
    return covariance, vx * vy


def rank_correlation_by_pairs(joint: Joint, score: Callable[[int], Any]) -> tuple[Fraction, Fraction]:
    """The same by concordance: 3 E[sgn(X - X') sgn(Y - Y'')] over sqrt((1 - sum p_x^3)(1 - sum p_y^3))."""
    xs, ys = defaultdict(Fraction), defaultdict(Fraction)
    for (t, k), p in joint.items():
        xs[score(t)] += p
        ys[k] += p

    def lead(value: Any, law: Mapping[Any, Fraction]) -> Fraction:
        return sum((((v < value) - (v > value)) * p for v, p in law.items()), Fraction(0))

    lead_x, lead_y = {x: lead(x, xs) for x in xs}, {y: lead(y, ys) for y in ys}
    concordance = 3 * sum((p * lead_x[score(t)] * lead_y[k] for (t, k), p in joint.items()), Fraction(0))
    ties = (1 - sum(p**3 for p in xs.values())) * (1 - sum(p**3 for p in ys.values()))
    return concordance, Fraction(ties)


def first_digits(c: Fraction, v: Fraction, digits: int) -> int:
    """floor(10^digits c / sqrt(v)) for c, v > 0, exactly."""
    square = Fraction(10) ** (2 * digits) * c * c / v
    return isqrt(square.numerator // square.denominator)


def clock_accuracy(joint: Joint) -> Fraction:
    """Accuracy of the most probable depth at each step."""
    best: dict[int, Fraction] = {}
    for (t, _), p in joint.items():
        best[t] = max(best.get(t, Fraction(0)), p)
    return sum(best.values(), Fraction(0))


def majority(joint: Joint) -> Fraction:
    """Probability of the most frequent depth: what a probe must beat."""
    marginal = defaultdict(Fraction)
    for (_, k), p in joint.items():
        marginal[k] += p
    return max(marginal.values())


def rational(value: Fraction) -> Any:
    """A fraction as a SymPy number."""
    return sp.Rational(value.numerator, value.denominator)
