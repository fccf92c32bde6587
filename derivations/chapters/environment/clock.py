"""What a blind clock scores: a predictor that sees the step number and no observation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from derivations.chapters.environment.occupancy import B, L, k, tree_walk
from derivations.chapters.environment.walk import (
    clock_accuracy,
    depth_laws,
    expected_depth,
    first_digits,
    joint_law,
    node_laws,
    rank_correlation,
    rank_correlation_by_pairs,
    rational,
    scored,
)
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    arb,
    compute,
    entry,
    exact,
    fmpq,
    induction,
    limit,
    plus_minus,
    sign,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import name

DIGITS = 9
#: name, (branching, depth, steps), depths scored, depth to which the walks that teach the clock are confined
CLOCKS: tuple[tuple[str, tuple[int, int, int], tuple[int, int | None], int | None], ...] = (
    ("rho_8", (4, 5, 8), (0, None), None),
    ("rho_10", (4, 5, 10), (0, None), None),
    ("rho_20", (4, 5, 20), (0, None), None),
    ("rho_flat", (50, 2, 10), (0, None), None),
    ("rho_trained", (4, 7, 20), (0, 5), 5),
    ("rho_beyond", (4, 7, 20), (6, 7), 5),
)


def clock_order(branching: int, depth: int, steps: int) -> Callable[[int], Fraction]:
    """E[depth | t] as a function of the step."""
    laws = depth_laws(branching, depth, steps)
    return lambda t: expected_depth(laws[t])


@cache
def clock_rho(index: int, by_nodes: bool = False) -> int:
    """First digits of the clock's rho in row `index` of CLOCKS."""
    _, (b, n, steps), (low, high), confined = CLOCKS[index]
    laws = node_laws(b, n, steps) if by_nodes and n < 7 else depth_laws(b, n, steps)
    method = rank_correlation_by_pairs if by_nodes else rank_correlation
    c, v = method(joint_law(laws, low, high), clock_order(b, confined or n, steps))
    return first_digits(c, v, DIGITS)


@cache
def accuracy_of_the_clock(steps: int, by_nodes: bool = False) -> Fraction:
    """How often the likeliest depth at a step is the depth, over the first steps of a walk (B = 4, L = 5)."""
    laws = node_laws if by_nodes else depth_laws
    return clock_accuracy(joint_law(laws(4, 5, 20)[:steps]))


def _deep_clock(p: Mapping[str, Any]) -> list[arb]:
    """rho of the parity clock at late steps, infinitely deep tree, by summing over heights above leaves."""
    b = exact(p["B"])
    cut = 8 + 240 // (int(p["B"]).bit_length() - 1)
    law = [(b - 1) / (2 * b)] + [(b - 1) * (b + 1) / (2 * b) * b**-i for i in range(1, cut)]
    early = b / (b + 1)  # probability that the height is even at an even step
    joint = {(c, i): q * (early if (i + c) % 2 == 0 else 1 - early) for i, q in enumerate(law) for c in (0, 1)}
    above = [sum(law[i + 1 :], arb(0)) for i in range(cut)]
    ranks = [above[i] + law[i] / 2 - arb(1) / 2 for i in range(cut)]  # deeper nodes rank higher
    covariance = sum((q * ranks[i] * (1 - 2 * c) / 4 for (c, i), q in joint.items()), arb(0))
    variance = sum((q * r * r for q, r in zip(law, ranks, strict=True)), arb(0))
    rho = covariance / (arb(1) / 16 * variance).sqrt()
    # what lies higher than the cut has mass below b^-(cut-1) and shifts every rank by no more than that
    return [rho + plus_minus(64 * b ** (1 - cut)), *_constants()]


@cache
def _constants() -> tuple[arb, ...]:
    accuracies = [accuracy_of_the_clock(steps, by_nodes=True) for steps in (8, 10, 20)]
    return (
        *(arb(clock_rho(i, by_nodes=True)) for i in range(len(CLOCKS))),
        *(arb(fmpq(a.numerator, a.denominator)) for a in accuracies),
    )


_cubes = ((B - 1) / (2 * B)) ** 3 * (1 + (B + 1) ** 3 / (B**3 - 1))
_even = (B - 1) / B * (3 * B + 1) / (4 * B) + (B - 1) * (B + 1) ** 3 / (4 * B**2) / (B**4 - 1)
_odd = (B - 1) * (B + 1) ** 3 / (4 * B**2) * B**2 / (B**4 - 1)
_parity_rho = sp.sqrt(3) * (B - 1) / (B + 1) * sp.factor(_even - _odd) / sp.sqrt(sp.factor(1 - _cubes))


@entry(
    id="tree-clock",
    title="What a blind clock scores",
    statement=sp.Tuple(
        sp.Eq(name("rho_oo", B), _parity_rho),
        *(
            sp.Eq(sp.floor(10**DIGITS * name("rho", *tree[:2], scored(tree[2], depths))), clock_rho(i))
            for i, (_, tree, depths, _) in enumerate(CLOCKS)
        ),
        *(sp.Eq(name("accuracy", 4, 5, steps), rational(accuracy_of_the_clock(steps))) for steps in (8, 10, 20)),
    ),
    symbols={B: ("branching", "integer >= 2"), symbol("k"): ("depth", "0, ..., L")},
    assumptions=(
        "the clock sees the step number t alone; it orders by E[depth | t] and guesses the likeliest depth",
        "the start is uniform over the nodes; all steps count alike; ties share their mid-rank",
        "rho and accuracy (B, L, T): walks of T steps on the B-ary tree of depth L; given a condition on the depth "
        "k, over the nodes that meet it, with the clock of walks confined to depth 5; rho_oo: infinitely deep tree, "
        "late steps",
    ),
    status="new",
    uses=("tree-walk",),
    sources=[("perret2026", "experiments 1 to 9")],
    implements=["hrssm.evaluation.clock.blind_clock", "hrssm.evaluation.clock.weighted_rank_correlation"],
    certificate=Certificate(
        points=tuple({"B": sp.Integer(b)} for b in (*range(2, 26), 50, 100)),
        independent=_deep_clock,
        bits=256,
    ),
)
def tree_clock(claim: Any) -> Iterator[Step]:
    """A uniform start is a leaf with probability about 1 - 1/B; then depth and step alternate together."""
    i = symbol("i", positive=True, integer=True)
    law = (B - 1) * (B + 1) / (2 * B) * B**-i
    leaf = (B - 1) / (2 * B)
    above = (B + 1) / (2 * B) * B**-i
    yield Step(
        above - above.subs(i, i + 1),
        law.subs(i, i + 1),
        algebra,
        "mass higher than i above the leaves; it falls to zero, so this telescoping sum fixes it",
    )
    yield Step(leaf + above.subs(i, 0), 1, algebra, "leaves and all above them")
    rank, leaf_rank = above + law / 2, (B + 1) / (2 * B) + leaf / 2
    yield Step(rank, (B + 1) ** 2 / (4 * B) * B**-i, algebra, "mid-rank of height i, deep nodes ranking high")
    yield Step(leaf_rank, (3 * B + 1) / (4 * B), algebra, "mid-rank of the leaves")

    def summed(term: Any, first: int, ratio: Any) -> Any:
        """sum of term over i = first, first + 2, ...: geometric with the given ratio."""
        return term.subs(i, first) / (1 - ratio)

    product = 2 * law * rank
    yield Step(product.subs(i, i + 2), product * B**-4, algebra, "terms two levels apart have ratio B^-4")
    even = 2 * leaf * leaf_rank + summed(product, 2, B**-4)
    odd = summed(product, 1, B**-4)
    cubes = leaf**3 + law.subs(i, 1) ** 3 / (1 - B**-3)
    yield from _late_steps(law, leaf)
    high, low, spread = sp.symbols("R_even R_odd w", positive=True)
    yield Step(
        sp.sqrt(3) * (B / (B + 1) - 1 / (B + 1)) * (high - low) / spread,
        claim[0].rhs,
        substitute({high: even, low: odd, spread: sp.sqrt(sp.factor(1 - cubes))}),
        "the clock has two values of weight 1/2, so rho = (E[rank | even step] - E[rank | odd step])/2 over "
        "sqrt((1 - sum of cubes)/12); ranks at even and at odd heights have means R_even and R_odd",
    )
    for index, ((label, tree, depths, _), relation) in enumerate(zip(CLOCKS, claim[1 : 1 + len(CLOCKS)], strict=True)):
        by, where = compute(clock_rho, index), f"{label}: B, L, T = {tree}, depths {depths}"
        yield Step(relation.lhs, relation.rhs, by, f"{where}; from the recursion on depth, by mid-ranks")
    for steps, relation in zip((8, 10, 20), claim[1 + len(CLOCKS) :], strict=True):
        by = compute(accuracy_of_the_clock, steps)
        yield Step(relation.lhs, relation.rhs, by, f"mean over {steps} steps of max P(depth | t)")


def _late_steps(law: Any, leaf: Any) -> Iterator[Step]:
    """At late steps the law is the stationary one with a weight for each parity; in a deep tree it is geometric."""
    i, n, gap = (
        symbol("i", positive=True, integer=True),
        symbol("n", positive=True, integer=True),
        symbol("g", positive=True),
    )
    second = 2 * sp.sqrt(B) / (B + 1)
    yield Step(
        1 - second**2,
        sp.S.Zero,
        sign,
        "by tree-walk every eigenvalue but 1 and -1 is at most this: all else fades",
        ">=",
    )
    inner, leaves = (relation.rhs for relation in (tree_walk.statement[0], tree_walk.statement[2]))
    factor = 1 + 1 / (B**L - 1)
    yield Step(inner.subs(k, L - i), law * factor, algebra, "at height i above the leaves: off by one factor alone")
    yield Step(leaves, leaf * factor, algebra, "and at the leaves: all sums over heights have this factor")
    yield Step(1 / ((1 + gap) ** n - 1), sp.S.Zero, limit(n, sp.oo), "which tends to 1 with L, B = 1 + g")
    ratio = 1 / (1 + gap)
    partial = (1 - ratio**n) / gap
    yield Step(sp.Sum(ratio**i, (i, 1, n)), partial, induction(n, 1), "the sums over heights are geometric")
    yield Step(partial, 1 / gap, limit(n, sp.oo), "and so are their tails: they converge with L")
    yield Step((1 - 1 / B) / (1 - B**-2), B / (B + 1), algebra, "P(even height) at an even step: a uniform start's")
