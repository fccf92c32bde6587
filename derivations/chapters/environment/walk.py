"""The tree and its random walk, in exact rationals: nodes, occupancy, and what a blind clock scores.

The depth of the walk is itself a Markov chain: from depth 0 to 1; from an inner depth k to k + 1 with
probability B/(B+1) and to k - 1 with 1/(B+1); from L to L - 1. All numbers of this chapter come from that
recursion in fractions. A walk confined to a depth below L is the walk on the smaller tree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from math import isqrt
from typing import Any

from flint import fmpq_mat

from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    arb,
    argument,
    entry,
    exact,
    fmpq,
    induction,
    plus_minus,
    sp,
    symbol,
)

Joint = Mapping[tuple[int, int], Fraction]  # (step, depth) -> probability

# ------------------------------------------------------------------------------------------- exact recursions


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


def floor_of(value: Fraction, digits: int) -> int:
    """floor(10^digits value), exactly."""
    return value.numerator * 10**digits // value.denominator


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


# ------------------------------------------------------------------------------------------- tree-count

B = symbol("B", positive=True, integer=True)
L = symbol("L", nonnegative=True, integer=True)
k = symbol("k", nonnegative=True, integer=True)
j = symbol("j", nonnegative=True, integer=True)
x = symbol("x", positive=True)

TREES = tuple({"B": sp.Integer(b), "L": sp.Integer(n)} for b in (2, 3, 4, 5, 6) for n in range(6))
nodes = sp.Function("N")


def _count_nodes(branching: int, depth: int) -> int:
    """Walk through the tree, breadth first, and count."""
    frontier, total = [0], 0
    for level in range(depth + 1):
        total += len(frontier)
        frontier = [child for _ in frontier for child in range(branching)] if level < depth else []
    return total


@entry(
    id="tree-count",
    title="Number of nodes of the tree",
    statement=sp.Tuple(
        sp.Eq(nodes(B, L), (B ** (L + 1) - 1) / (B - 1)),
        sp.Eq(nodes(4, 5), 1365),
        sp.Eq(nodes(4, 7), 21845),
        sp.Eq(nodes(50, 2), 2551),
    ),
    symbols={B: ("branching", "integer >= 2"), L: "depth"},
    status="proves",
    sources=[("perret2026", "experimental setup")],
    implements=["hrssm.environments.tree.TreeMDP.nodes_within"],
    certificate=Certificate(
        points=TREES,
        independent=lambda p: [
            arb(_count_nodes(int(p["B"]), int(p["L"]))),
            *(arb(_count_nodes(*tree)) for tree in ((4, 5), (4, 7), (50, 2))),
        ],
    ),
)
def tree_count(claim: Any) -> Iterator[Step]:
    """A geometric sum over the levels, by induction on the depth."""
    yield Step(
        sp.Sum(B**k, (k, 0, L)),
        claim[0].rhs,
        induction(L, 0),
        "depth k has B^k nodes; one more level adds B^(L+1)",
    )
    for relation, (b, n) in zip(claim[1:], ((4, 5), (4, 7), (50, 2)), strict=True):
        yield Step(claim[0].rhs.subs({B: b, L: n}), relation.rhs, algebra, f"B = {b}, L = {n}")


# ------------------------------------------------------------------------------------------- tree-walk


def transition(branching: Any, depth: int) -> sp.Matrix:
    """Transition matrix of the depth chain, exact."""
    matrix = sp.zeros(depth + 1, depth + 1)
    for row in range(depth + 1):
        down = 1 if row == 0 else 0 if row == depth else branching / (branching + 1)
        if row < depth:
            matrix[row, row + 1] = down
        if row > 0:
            matrix[row, row - 1] = 1 - down
    return matrix


@cache
def _stationary(branching: int, depth: int) -> list[fmpq]:
    """The law that the depth chain keeps, by solving pi K = pi, sum pi = 1."""
    chain = transition(sp.Integer(branching), depth).T - sp.eye(depth + 1)
    chain[depth, :] = sp.ones(1, depth + 1)
    system = fmpq_mat(depth + 1, depth + 1, [fmpq(int(v.p), int(v.q)) for v in chain])
    right = fmpq_mat(depth + 1, 1, [0] * depth + [1])
    solution = system.solve(right)
    return [solution[i, 0] for i in range(depth + 1)]


def _walk_independent(p: Mapping[str, Any]) -> list[arb]:
    b, n, at, z = int(p["B"]), int(p["L"]), int(p["k"]), p["x"]
    law = _stationary(b, n)
    chain = z * sp.eye(n + 1) - transition(sp.Integer(b), n)
    det = fmpq_mat(n + 1, n + 1, [fmpq(int(v.p), int(v.q)) for v in chain]).det()
    parity = sum((law[i] for i in range(0, n + 1, 2)), fmpq(0))
    return [
        arb(law[at]),
        arb(law[0]),
        arb(law[n]),
        arb(parity),
        arb(det),
        *(arb(fmpq(m.numerator, m.denominator)) for m in _node_majorities()),
    ]


@cache
def _node_majorities() -> tuple[Fraction, ...]:
    return tuple(majority(joint_law(node_laws(4, 5, 20)[:steps])) for steps in (8, 10, 20))


def _majorities() -> list[Fraction]:
    return [majority(joint_law(depth_laws(4, 5, steps))) for steps in (8, 10, 20)]


pi = sp.Function("pi")
_scale = (B - 1) / (2 * (B**L - 1))
WALKS = tuple(
    {"B": sp.Integer(b), "L": sp.Integer(n), "k": sp.Integer(i), "x": sp.Rational(3 * b + i + 2 * n, 7)}
    for b in (2, 3, 4, 7, 50)
    for n, i in ((2, 1), (3, 1), (4, 2), (5, 4), (6, 3), (7, 6))
)


def rational(value: Fraction) -> Any:
    """A fraction as a SymPy number."""
    return sp.Rational(value.numerator, value.denominator)


@entry(
    id="tree-walk",
    title="Stationary law, spectrum and occupancy of the walk on the tree",
    statement=sp.Tuple(
        sp.Eq(pi(k), (B + 1) * B ** (k - 1) * _scale),
        sp.Eq(pi(0), _scale),
        sp.Eq(pi(L), B ** (L - 1) * _scale),
        sp.Eq(sp.Function("P_even")(B, L), sp.Rational(1, 2)),
        sp.Eq(
            sp.Function("chi")(x),
            (x**2 - 1)
            * sp.Sum(
                (-1) ** j * sp.binomial(L - 1 - j, j) * x ** (L - 1 - 2 * j) * (B / (B + 1) ** 2) ** j,
                (j, 0, sp.floor((L - 1) / 2)),
            ),
        ),
        *(
            sp.Eq(sp.Function("majority")(4, 5, steps), rational(m))
            for steps, m in zip((8, 10, 20), _majorities(), strict=True)
        ),
    ),
    symbols={
        B: ("branching", "integer >= 2"),
        L: ("depth", "integer >= 2"),
        k: ("an inner depth", "0 < k < L"),
        x: "where the characteristic polynomial of the depth chain is taken",
    },
    assumptions=("the walk moves to a neighbour chosen uniformly among parent and children",),
    status="new",
    uses=("tree-count",),
    implements=[
        "hrssm.environments.occupancy.occupancy",
        "hrssm.environments.occupancy.depth_occupancy",
        "hrssm.environments.tree.TreeMDP.start_law",
    ],
    certificate=Certificate(points=WALKS, independent=_walk_independent),
)
def tree_walk(claim: Any) -> Iterator[Step]:
    """Detailed balance gives the law; a continuant gives the spectrum; the recursion gives the occupancy."""
    inner, root, leaf, even, chi = (relation.rhs for relation in claim[:5])
    yield Step(
        sp.Sum(B ** (k - 1), (k, 1, L)),
        (B**L - 1) / (B - 1),
        induction(L, 1),
        "the number of edges is B times this, and the degrees sum to twice that",
    )
    yield Step(
        1 / (1 + (B + 1) * (B ** (L - 1) - 1) / (B - 1) + B ** (L - 1)),
        root,
        algebra,
        "detailed balance makes pi(k) = (B+1) B^(k-1) pi(0) inside and pi(L) = B^(L-1) pi(0); the sum is one",
    )
    yield Step((B + 1) * B ** (k - 1) * root, inner, algebra, "flow from k to k+1 equals the flow back")
    yield Step(B ** (L - 1) * root, leaf, algebra, "the same at the leaves, which always go back")
    yield Step(root, inner.subs(k, 1) / (B + 1), algebra, "balance between root and depth 1")
    yield Step(inner * B / (B + 1), inner.subs(k, k + 1) / (B + 1), algebra, "balance between k and k+1")
    yield Step(inner.subs(k, L - 1) * B / (B + 1), leaf, algebra, "balance between depth L-1 and the leaves")
    for n in range(2, 7):
        law = [root, *(inner.subs(k, i) for i in range(1, n)), leaf]
        total = sum((law[i] for i in range(0, n + 1, 2)), sp.S.Zero)
        yield Step(total.subs(L, n), even, algebra, f"even depths, L = {n}: each edge joins the two parities")
    for n in range(2, 7):
        yield Step(
            (x * sp.eye(n + 1) - transition(B, n)).det(method="berkowitz"),
            chi.subs(L, n).doit(),
            algebra,
            f"characteristic polynomial of the depth chain, L = {n}",
        )
    yield Step(
        sp.Function("chi")(x),
        chi,
        argument,
        "expanding along the last row gives E_n = x E_(n-1) - B/(B+1)^2 E_(n-2), the recursion of "
        "Chebyshev's U at (B+1) x / (2 sqrt B); the two ends contribute x^2 - 1. So the eigenvalues are "
        "1, -1 and 2 sqrt(B)/(B+1) cos(i pi/L), 0 < i < L: everything fades geometrically except the parity",
    )
    for relation, steps, exactly in zip(claim[5:], (8, 10, 20), _majorities(), strict=True):
        yield Step(rational(exactly), relation.rhs, algebra, f"largest mean occupancy over {steps} steps")


# ------------------------------------------------------------------------------------------- tree-clock

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


def _clock_accuracies(laws: Callable[[int, int, int], tuple[tuple[Fraction, ...], ...]]) -> list[Fraction]:
    return [clock_accuracy(joint_law(laws(4, 5, 20)[:steps])) for steps in (8, 10, 20)]


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
    accuracies = _clock_accuracies(node_laws)
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
        sp.Eq(sp.Function("rho")(B), _parity_rho),
        *(
            sp.Eq(sp.floor(10**DIGITS * symbol(name, positive=True)), clock_rho(i))
            for i, (name, *_) in enumerate(CLOCKS)
        ),
        *(
            sp.Eq(sp.Function("accuracy")(4, 5, steps), rational(a))
            for steps, a in zip((8, 10, 20), _clock_accuracies(depth_laws), strict=True)
        ),
    ),
    symbols={B: ("branching", "integer >= 2")},
    assumptions=(
        "the clock sees the step number t alone; it orders by E[depth | t] and guesses the likeliest depth",
        "the start is uniform over the nodes; all steps count alike; ties share their mid-rank",
        "rho(B): infinitely deep tree, late steps. The numbers: B = 4, L = 5 and T = 8, 10, 20; "
        "B = 50, L = 2, T = 10 (flat); B = 4, L = 7, T = 20 at depths 0-5 (trained) and 6-7 (beyond), "
        "with the clock of walks confined to depth 5",
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
    yield Step(
        sp.sqrt(3) * (B / (B + 1) - 1 / (B + 1)) * (even - odd),
        claim[0].rhs * sp.sqrt(sp.factor(1 - cubes)),
        algebra,
        "an even step has an even height with probability B/(B+1); the clock has two values of weight 1/2, "
        "so rho = (E[rank | even step] - E[rank | odd step])/2 over sqrt((1 - sum of cubes)/12)",
    )
    yield Step(
        sp.Function("rho")(B),
        claim[0].rhs,
        argument,
        "the limit in L and t goes inside sums with geometric tails; by tree-walk all but the eigenvalues "
        "1 and -1 fade, so the law at late steps is the stationary one, each parity with its own weight",
    )
    for index, ((name, tree, depths, _), relation) in enumerate(zip(CLOCKS, claim[1 : 1 + len(CLOCKS)], strict=True)):
        yield Step(
            sp.Integer(clock_rho(index)),
            relation.rhs,
            algebra,
            f"{name}: B, L, T = {tree}, depths {depths}; from the recursion on depth, by mid-ranks",
        )
    for steps, exactly, relation in zip(
        (8, 10, 20), _clock_accuracies(depth_laws), claim[1 + len(CLOCKS) :], strict=True
    ):
        yield Step(rational(exactly), relation.rhs, algebra, f"mean over {steps} steps of max P(depth | t)")
