"""The Kesten-Stigum threshold of reconstruction on a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb

from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    entry,
    exact,
    induction,
    limit,
    plus_minus,
    solves,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import name

B, n = symbol("B", positive=True, integer=True), symbol("n", positive=True, integer=True)
lam = symbol("lambda", positive=True)
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
        sp.Eq(name("r", n) ** 2, _x**n / (1 + (1 - 1 / B) * sp.Sum(_x**j, (j, 1, n)))),
        sp.Eq(sp.Limit(name("r", n) ** 2, n, sp.oo), (_x - 1) / ((B - 1) * lam**2)),
        sp.Eq(name("lambda_c", B), 1 / sp.sqrt(B)),
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
        "a sign is broadcast from the root down the B-ary tree; r(n) is the correlation of the root's sign with the "
        "sum over generation n; the limit is for B lambda^2 > 1 (below lambda_c, r falls to zero)",
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
    first, second = sp.symbols("M_1 M_2", positive=True)
    earlier = substitute({first: mean, second: square})
    yield Step(B * lam * first, mean.subs(n, n + 1), earlier, "E[root * sum]: B children, each lambda times its own")
    yield Step(
        sp.expand(B * square + B * (B - 1) * (lam * mean) ** 2, power_base=True),
        sp.expand(square.subs(n, n + 1), power_base=True),
        algebra,
        "E[sum^2]: B subtrees and B (B-1) pairs of them, independent given the root",
    )
    summed = 1 + (1 - 1 / B) * sp.Sum(_x**j, (j, 1, n))
    yield Step(first**2 / (B**n * summed), claim[0].rhs, earlier, "their ratio: (B lambda)^(2n) / B^n = x^n")
    yield Step(
        1 / (y + (1 - 1 / B) * _x * (1 - y) / (_x - 1)),
        claim[1].rhs,
        limit(y, 0),
        "divide by x^n and put y = x^(-n): to zero when x > 1; when x <= 1 the denominator grows and r2 goes to zero",
    )
    yield Step(lam, claim[2].rhs, solves(_x - 1, lam), "the critical value, where x = 1")
