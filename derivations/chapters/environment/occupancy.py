"""How many nodes the tree has, and where the walk on it spends its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from flint import fmpq_mat

from derivations.chapters.environment.walk import depth_laws, joint_law, majority, node_laws, rational
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    arb,
    compute,
    entry,
    fmpq,
    induction,
    matrices,
    sp,
    substitute,
    sum_recursion,
    symbol,
)
from derivations.engine.notation import name

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
        yield Step(claim[0].rhs, relation.rhs, substitute({B: b, L: n}), f"B = {b}, L = {n}")


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


@cache
def largest_mean_occupancy(branching: int, depth: int, steps: int) -> Fraction:
    """The largest share of the first steps that a walk spends at one depth, by the recursion on the depth."""
    return majority(joint_law(depth_laws(branching, depth, steps)))


pi = sp.Function("pi")
_scale = (B - 1) / (2 * (B**L - 1))
WALKS = tuple(
    {"B": sp.Integer(b), "L": sp.Integer(n), "k": sp.Integer(i), "x": sp.Rational(3 * b + i + 2 * n, 7)}
    for b in (2, 3, 4, 7, 50)
    for n, i in ((2, 1), (3, 1), (4, 2), (5, 4), (6, 3), (7, 6))
)


@entry(
    id="tree-walk",
    title="Stationary law, spectrum and occupancy of the walk on the tree",
    statement=sp.Tuple(
        sp.Eq(pi(k), (B + 1) * B ** (k - 1) * _scale),
        sp.Eq(pi(0), _scale),
        sp.Eq(pi(L), B ** (L - 1) * _scale),
        sp.Eq(sp.Sum(pi(2 * j), (j, 0, sp.floor(L / 2))), sp.Rational(1, 2)),
        sp.Eq(
            sp.Function("chi")(x),
            (x**2 - 1)
            * sp.Sum(
                (-1) ** j * sp.binomial(L - 1 - j, j) * x ** (L - 1 - 2 * j) * (B / (B + 1) ** 2) ** j,
                (j, 0, sp.floor((L - 1) / 2)),
            ),
        ),
        *(sp.Eq(name("majority", 4, 5, steps), rational(largest_mean_occupancy(4, 5, steps))) for steps in (8, 10, 20)),
    ),
    symbols={
        B: ("branching", "integer >= 2"),
        L: ("depth", "integer >= 2"),
        k: ("an inner depth", "0 < k < L"),
        x: "where the characteristic polynomial of the depth chain is taken",
    },
    assumptions=(
        "the walk moves to a neighbour chosen uniformly among parent and children; pi is its stationary law of the "
        "depth",
        "majority(B, L, T): the share of the commonest depth among the nodes of walks of T steps from a uniform start",
    ),
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
    start = symbol("pi_0", positive=True)
    from_root = substitute({start: root})
    yield Step((B + 1) * B ** (k - 1) * start, inner, from_root, "inside")
    yield Step(B ** (L - 1) * start, leaf, from_root, "and at the leaves")
    yield Step(inner / (B + 1), root, substitute({k: sp.S.One}), "balance between depth 1 and the root, which goes on")
    yield Step(inner * B / (B + 1), inner.subs(k, k + 1) / (B + 1), algebra, "balance between k and k+1")
    yield Step(inner.subs(k, L - 1) * B / (B + 1), leaf, algebra, "balance between depth L-1 and the leaves")
    yield from _even_share(even)
    yield from _spectrum(chi)
    for relation, steps in zip(claim[5:], (8, 10, 20), strict=True):
        by = compute(largest_mean_occupancy, 4, 5, steps)
        yield Step(relation.lhs, relation.rhs, by, f"largest mean occupancy over {steps} steps")


def _even_share(even: Any) -> Iterator[Step]:
    """Even depths less odd ones: 1 at the root, the inner depths, and the leaves, in units of pi(0)."""
    n, apart = symbol("n", positive=True, integer=True), symbol("P_even - P_odd", real=True)
    alternating = ((-1) ** n * B**n - 1) / (B + 1)
    yield Step(sp.Sum((-1) ** k * B ** (k - 1), (k, 1, n)), alternating, induction(n, 1), "an alternating sum")
    yield Step(
        1 + (B + 1) * alternating.subs(n, L - 1) + (-1) ** L * B ** (L - 1),
        sp.S.Zero,
        algebra,
        "the two parities balance",
    )
    yield Step((1 + apart) / 2, even, substitute({apart: sp.S.Zero}), "so each has one half")


def _spectrum(chi: Any) -> Iterator[Step]:
    """The characteristic polynomial by continuants: the ends of the chain contribute x^2 - 1."""
    for n in range(2, 7):
        chain = sp.Determinant(sp.ImmutableMatrix(x * sp.eye(n + 1) - transition(B, n)))
        yield Step(chain, chi.subs(L, n).doit(), matrices, f"characteristic polynomial of the depth chain, L = {n}")
    n, product = symbol("n", nonnegative=True, integer=True), B / (B + 1) ** 2
    term = (-1) ** j * sp.binomial(n - j, j) * x ** (n - 2 * j) * product**j
    inside = sp.Sum(term, (j, 0, sp.floor(n / 2)))
    yield Step(
        name("E", n),
        inside,
        sum_recursion(n, (x, 1, 0), (-product, 2, 1), first=(sp.S.One, x)),
        "n inner depths, expanded along the last row: E_n = x E_(n-1) - B/(B+1)^2 E_(n-2), the recursion of "
        "Chebyshev's U at (B+1) x / (2 sqrt B), whose roots are 2 sqrt(B)/(B+1) cos(i pi/L), 0 < i < L = n + 1",
    )
    whole, less, lesser = sp.symbols("E_n E_(n-1) E_(n-2)", real=True)
    yield Step(
        x * (x * whole - less / (B + 1)) - B / (B + 1) * (x * less - lesser / (B + 1)),
        (x**2 - 1) * whole,
        substitute({lesser: (x * less - whole) / product}),
        "the rows of the root and of the leaves: so the other eigenvalues are 1 and -1, and everything fades "
        "geometrically except the parity",
    )
    yield Step((x**2 - 1) * whole, chi, substitute({whole: inside.subs(n, L - 1)}), "as stated")
