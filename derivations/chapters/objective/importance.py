"""The importance-weighted bound: more samples never loosen it, and that holds draw by draw before any expectation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flint import arb

from derivations.engine.kernel import (
    Certificate,
    Step,
    combination,
    convex,
    entry,
    exact,
    grid,
    linear,
    pointwise,
    sp,
    substitute,
    symbol,
)

u = symbol("u", positive=True)
WEIGHTS = tuple(symbol(f"w_{i}", positive=True) for i in range(1, 5))
K, i = symbol("K", integer=True, positive=True), symbol("i", integer=True, positive=True)
A = symbol("A", positive=True)
A_, w = sp.Function("A", positive=True), sp.Function("w", positive=True)
TANGENT = u - 1 - sp.log(u)


def mean(weights: Sequence[Any]) -> Any:
    """The mean of some weights."""
    return sp.Add(*weights) / len(weights)


def without(weights: Sequence[Any]) -> list[Any]:
    """The means that leave one weight out, in turn."""
    return [mean([w for j, w in enumerate(weights) if j != i]) for i in range(len(weights))]


def bounds(weights: Sequence[Any]) -> tuple[Any, Any]:
    """The bound from all weights, and the mean of the bounds that leave one out."""
    return sp.log(mean(weights)), sp.Add(*(sp.log(m) for m in without(weights))) / len(weights)


def _logarithms(p: Mapping[str, Any]) -> list[arb]:
    """log of the mean by the integral of 1 / s from the first weight on."""
    weights = [exact(p[w.name]) for w in WEIGHTS]
    found = []
    for count in (2, 3, 4):
        average = sum(weights[:count], arb(0)) / count
        found.append(weights[0].log() + 2 * ((average - weights[0]) / (average + weights[0])).atanh())
    return found


@entry(
    id="iwae-order",
    title="The importance-weighted bound rises with the number of samples",
    statement=sp.Tuple(*(sp.Ge(*bounds(WEIGHTS[:count]), evaluate=False) for count in (2, 3, 4))),
    symbols={w: "an importance weight p(x, z) / q(z given x)" for w in WEIGHTS},
    assumptions=["weights of one x, their z drawn independently from the same q"],
    conventions=["the left sides are bounds from 2, 3, 4 weights, the right sides means of those that leave one out"],
    status="proves",
    sources=[("burda2016iwae", "theorem 1")],
    implements=["hrssm.evaluation.likelihood.importance_bound"],
    certificate=Certificate(
        points=grid(26, w_1=("1/50", "3"), w_2=("1/50", "7"), w_3=("1/9", "5"), w_4=("1/50", "20")),
        independent=_logarithms,
    ),
)
def iwae_order(claim: Any) -> Iterator[Step]:
    """The mean of the leave-one-out means is the mean; the logarithm is concave (Jensen)."""
    yield Step(TANGENT, sp.S.Zero, convex(u, sp.S.One), "the logarithm lies below its tangent at 1", ">=")
    for relation, count in zip(claim, (2, 3, 4), strict=True):
        weights = WEIGHTS[:count]
        parts = [(sp.Rational(1, count), TANGENT, {u: m / mean(weights)}) for m in without(weights)]
        yield Step(
            relation.lhs,
            relation.rhs,
            combination(*parts),
            f"the tangent at each leave-one-out mean over the mean, {count} weights: the ratios have mean 1",
            ">=",
        )
    all_of_them = (i, 1, K)
    left_out = (K * A - w(i)) / (K - 1)
    total, count = sp.Sum(w(i), all_of_them), sp.Sum(1, all_of_them)
    apart = (K * A * count - total) / ((K - 1) * A) - count
    yield Step(sp.Sum(left_out / A - 1, all_of_them), apart, linear, "any number K of weights w_i of mean A")
    yield Step(apart, sp.S.Zero, substitute({total: K * A, count: K}), "the means that leave one out have mean A")
    yield Step(
        sp.Sum(A_(i) / A - 1, all_of_them),
        sp.Sum(sp.log(A_(i) / A), all_of_them),
        pointwise(TANGENT, {u: A_(i) / A}),
        "so the mean of their logarithms is at most log A. Each A_i is a mean of K - 1 independent draws: in "
        "expectation L_K >= L_(K-1) >= ... >= L_1, the evidence lower bound",
        ">=",
    )
    ratio = symbol("A/p", positive=True)
    yield Step(
        ratio - 1,
        sp.log(ratio),
        combination((sp.S.One, TANGENT, {u: ratio})),
        "and E[A] = p(x): the left side has mean 0, so every L_K is at most log p(x)",
        ">=",
    )
