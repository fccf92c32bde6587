"""Trees in the hyperbolic plane and in Euclidean space: Sarkar's construction, its distortion, and the other
side.

Every node is put at the end of an edge of length l from its parent, the B + 1 edges at a node at equal angles
2 pi/(B+1). Distortion: the largest ratio of embedded to tree distance over the smallest.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
from flint import arb, arb_mat

from derivations.engine import cache as store
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    enclose_value,
    entry,
    exact,
    plus_minus,
    precision,
    sign,
    sp,
    substitute,
    symbol,
    trigonometry,
)
from derivations.engine.notation import Norm, name

EDGES = (4, 8, 16, 32)
DIMENSIONS = (2, 4, 8, 16, 32)
BRANCHING, DEPTH = 4, 5

# ------------------------------------------------------------------------------------------- built and
# measured


def _paths() -> list[tuple[int, ...]]:
    """Nodes of the default tree by the slots taken from the root; slot 0 of the others is the way back."""
    level: list[tuple[int, ...]] = [()]
    found = list(level)
    for _ in range(DEPTH):
        level = [(*path, slot) for path in level for slot in range(1, BRANCHING + 1)]
        found += level
    return found


def _rotation(angle: arb) -> arb_mat:
    c, s = angle.cos(), angle.sin()
    return arb_mat([[1, 0, 0], [0, c, -s], [0, s, c]])


def _boost(length: int) -> arb_mat:
    ch, sh = arb(length).cosh(), arb(length).sinh()
    return arb_mat([[ch, sh, 0], [sh, ch, 0], [0, 0, 1]])


@cache
def closest_pairs(length: int) -> dict[int, arb]:
    """Smallest embedded distance per tree distance, over all pairs of nodes, by Minkowski products of balls.

    A pair is moved by an isometry so that its lowest common ancestor is the root, and by a rotation and a
    mirror so that the first edges are one or two slots apart; so 1 + 2 * 341^2 products hold every distance.
    """
    with precision(64 + 30 * length):
        turn = 2 * arb.pi() / (BRANCHING + 1)
        forth = [_rotation(turn * slot) * _boost(length) * _rotation(arb.pi()) for slot in range(BRANCHING + 1)]
        frames: dict[tuple[int, ...], arb_mat] = {(): arb_mat([[1, 0, 0], [0, 1, 0], [0, 0, 1]])}
        for path in _paths():
            if path:
                frames[path] = frames[path[:-1]] * forth[path[-1]]
        nodes = {path: [frame[i, 0] for i in range(3)] for path, frame in frames.items()}
        smallest: dict[int, arb] = {}

        def offer(hops: int, product: arb) -> None:
            if hops not in smallest or product < smallest[hops]:
                smallest[hops] = product

        for path, node in nodes.items():
            if path:
                offer(len(path), node[0])
        ours = [path for path in nodes if path and path[0] == 1]
        left = arb_mat([[nodes[path][0], -nodes[path][1], -nodes[path][2]] for path in ours])
        for slot in (2, 3):
            theirs = [path for path in nodes if path and path[0] == slot]
            right = arb_mat([nodes[path] for path in theirs])
            for path, row in zip(ours, (left * right.transpose()).tolist(), strict=True):
                for other, product in zip(theirs, row, strict=True):
                    offer(len(path) + len(other), product)
        return {hops: product.acosh() for hops, product in smallest.items()}


def distortion(length: int) -> arb:
    """Distortion of the default tree at edge length l: edges are exact, so it is the largest shortening."""
    found = closest_pairs(length)
    with precision(96):
        ratios = [arb(length * hops) / gap for hops, gap in found.items()]
        worst = ratios[0]
        for ratio in ratios[1:]:
            worst = worst.max(ratio)
    return worst


@cache
def distortion_in_the_disc(length: int) -> int:
    """floor(10^6 distortion) again, in mpmath on the Poincare disc, over the pairs that turn by one slot at
    each node.

    These curl most, so they come closest; the ball route above looks at all pairs.
    """
    with mp.workdps(30 + 5 * length):
        turn, radius = 2 * mp.pi / (BRANCHING + 1), mp.tanh(mp.mpf(length) / 2)

        def go(path: list[int]) -> Any:
            """The end of a path from 0, whose first edge points along slot path[0]."""
            where, heading = mp.mpc(0), mp.mpf(0)
            for slot in path:
                heading += turn * slot
                step = radius * mp.expj(heading)
                after = (where + step) / (1 + mp.conj(where) * step)
                # the heading back at the new point, after parallel transport by the same Moebius map
                back = (where - after) / (1 - mp.conj(after) * where)
                where, heading = after, mp.arg(back)
            return where

        worst = mp.mpf(1)
        for up in range(1, DEPTH + 1):
            for down in range(up + 1):
                a, b = go([0] + [1] * (up - 1)), go([1] + [BRANCHING] * (down - 1)) if down else mp.mpc(0)
                c = go([0] + [BRANCHING] * (up - 1))
                for first in (a, c):
                    for second in (b, go([1] + [1] * (down - 1)) if down else b):
                        gap = 2 * mp.atanh(abs((first - second) / (1 - mp.conj(second) * first)))
                        worst = max(worst, (up + down) * length / gap)
        return int(mp.floor(worst * 10**6))


def euclidean_distortion(dimension: int, branching: int = 4, depth: int = 3, rounds: int = 300) -> arb:
    """Distortion of the tree after stress majorisation in R^dimension from a fixed start.

    The places are found in float64; the distortion is that of these places, enclosed.
    """
    count = (branching ** (depth + 1) - 1) // (branching - 1)
    lines = [[0]]
    for i in range(1, count):
        lines.append([*lines[(i - 1) // branching], i])
    hops = np.array([[len(set(a) ^ set(b)) for b in lines] for a in lines], float)
    index = np.arange(count * dimension).reshape(count, dimension)
    points = np.sin(1.0 + index**1.5)
    off = ~np.eye(count, dtype=bool)
    for _ in range(rounds):  # SMACOF with unit weights: each point moves to the mean of where the others want it
        gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
        pull = np.where(off, hops / np.where(off, gaps, 1.0), 0.0)
        points = (np.diag(pull.sum(1)) - pull) @ points / count
    places, ratios = [[arb(float(x)) for x in point] for point in points], []
    for i in range(count):
        for j in range(i):
            square = sum(((a - b) ** 2 for a, b in zip(places[i], places[j], strict=True)), arb(0))
            ratios.append(square.sqrt() / int(hops[i, j]))
    return functools.reduce(arb.max, ratios) / functools.reduce(arb.min, ratios)


def measured(space: str, index: int) -> int:
    """A measured distortion: "hyperbolic" at `EDGES[index]`, 6 digits, or "euclidean" at `DIMENSIONS[index]`, one."""
    return _measured()[space][index]


@cache
def _measured() -> dict[str, list[int]]:
    """Distortions: hyperbolic to 6 digits per edge length, Euclidean to one digit per dimension."""

    def compute() -> dict[str, list[int]]:
        return {
            "hyperbolic": [int((distortion(length) * 10**6).floor().unique_fmpz() or -1) for length in EDGES],
            "euclidean": [int((10 * euclidean_distortion(k)).floor().unique_fmpz() or -1) for k in DIMENSIONS],
        }

    return store.recall("distortions", (__name__,), compute)


# ------------------------------------------------------------------------------------------- tree-sarkar

B = symbol("B", positive=True, integer=True)
ell, alpha, eps = symbol("l", positive=True), symbol("alpha", positive=True), symbol("epsilon", positive=True)
R = symbol("R", positive=True)
_turn = sp.pi / (2 * (B + 1))


def _shortening(angle: arb) -> arb:
    """sup of a + b - c over triangles with this angle, from the law of cosines at a = b = 200."""
    side = arb(200)
    third = (side.cosh() ** 2 - side.sinh() ** 2 * angle.cos()).acosh()
    # a + b - c grows to its supremum; what is missing at a = b is below 8 e^(-2a)/(1 - cos)
    return 2 * side - third + plus_minus(8 * (-2 * side).exp() / (1 - angle.cos()))


def _embedding_independent(p: Mapping[str, Any]) -> list[arb]:
    length, angle, b, e, radius = (
        exact(p["l"]),
        exact(p["alpha"]),
        int(p["B"]),
        exact(p["epsilon"]),
        exact(p["R"]),
    )
    # upper half-plane: go l from i at this angle to the vertical; read the angle to the vertical on looking
    # back
    height = 1 / (length.cosh() - angle.cos() * length.sinh())
    back = ((length.cosh() - height) / length.sinh()).acos()
    loss = _shortening(arb.pi() / (b + 1))
    leaves = arb(b + 1)
    return [
        back,
        _shortening(angle),
        length / (length - loss),
        loss + loss / e,
        1 - (radius / 2).tanh(),
        # unit vectors about their centroid: leaf to leaf sqrt(2) for 2, centre to leaf sqrt(1 - 1/m) for 1
        (1 - 1 / leaves).sqrt() / (arb(2).sqrt() / 2),
        *(arb(distortion_in_the_disc(length)) for length in EDGES),
    ]


@entry(
    id="tree-sarkar",
    title="The tree in the hyperbolic plane with any distortion above 1, and in Euclidean space",
    statement=sp.Tuple(
        sp.Eq(name("delta", ell, alpha), 2 * sp.atan(sp.exp(-ell) / sp.tan(alpha / 2))),
        sp.Eq(name("loss", alpha), -2 * sp.log(sp.sin(alpha / 2))),
        sp.Eq(name("D_H", ell, B), ell / (ell + 2 * sp.log(sp.sin(_turn)))),
        sp.Eq(name("l", eps, B), -2 * (1 + 1 / eps) * sp.log(sp.sin(_turn))),
        sp.Eq(1 - Norm(name("z", R)), 2 / (sp.exp(R) + 1)),
        sp.Eq(name("D_E", B), sp.sqrt(2 * B / (B + 1))),
        *(
            sp.Eq(sp.floor(10**6 * name("D", length)), value)
            for length, value in zip(EDGES, _measured()["hyperbolic"], strict=True)
        ),
    ),
    symbols={
        ell: ("edge length", "positive; for the distortion at least -2 log tan(pi/(2(B+1)))"),
        alpha: ("angle at a vertex", "0 < alpha < pi"),
        B: ("branching", "integer >= 2"),
        eps: "excess of the distortion over 1",
        R: "distance from the centre of the disc; L l for the leaves",
    },
    assumptions=(
        "delta: angle at the far end of an edge of length l, in a triangle with angle alpha at its near end "
        "and the third "
        "vertex at infinity; loss: supremum of a + b - c over triangles with angle alpha between a and b",
        "D_H is the distortion of the construction in the hyperbolic plane, and l(epsilon, B) the edge length that "
        "makes it at most 1 + epsilon, for every depth; D_E bounds from below the distortion of any embedding in any "
        "R^n of a tree that holds a node with B + 1 neighbours; z(R) is a point of the disc",
        "D(l): the distortion measured at edge length l, B = 4, L = 5",
    ),
    status="new",
    sources=[("sarkar2011", "construction"), ("perret2026", "motivation")],
    certificate=Certificate(
        points=tuple(
            {
                "l": sp.Rational(16 + 3 * i, 2),
                "alpha": sp.Rational(1 + 3 * i, 28),
                "B": sp.Integer(2 + i % 5),
                "epsilon": sp.Rational(1 + i, 30),
                "R": sp.Rational(1 + 2 * i, 3),
            }
            for i in range(27)
        ),
        independent=_embedding_independent,
        bits=700,
    ),
)
def tree_sarkar(claim: Any) -> Iterator[Step]:
    """Each turn costs a bounded length, so long edges make the loss small; a star already fails in R^n."""
    t = symbol("t", positive=True)
    far = sp.exp(-ell) / t
    yield Step(
        1 / (sp.cosh(ell) - (1 - t**2) / (1 + t**2) * sp.sinh(ell)),
        sp.cosh(ell) - (1 - far**2) / (1 + far**2) * sp.sinh(ell),
        algebra,
        "t = tan(alpha/2): the height reached at angle alpha is the inverse of the height seen on looking "
        "back at the "
        "angle with tangent of half e^(-l)/t (upper half-plane, third vertex at infinity)",
    )
    tangent = symbol("tan(delta/2)", positive=True)
    back = substitute({tangent: sp.exp(-ell) / sp.tan(alpha / 2)})
    yield Step(2 * sp.atan(tangent), claim[0].rhs, back, "the angle that this tangent belongs to")
    shortest = {ell: -2 * sp.log(t), alpha: 2 * sp.atan(t)}
    yield Step(claim[0].rhs, 2 * sp.atan(t), substitute(shortest), "at l = -2 log tan(alpha/2) it is alpha itself")
    x, y = symbol("x", positive=True), symbol("y", positive=True)
    yield Step(
        4 * sp.exp(-x - y) * (sp.cosh(x) * sp.cosh(y) - sp.sinh(x) * sp.sinh(y) * sp.cos(alpha)),
        (1 + sp.exp(-2 * x)) * (1 + sp.exp(-2 * y)) - (1 - sp.exp(-2 * x)) * (1 - sp.exp(-2 * y)) * sp.cos(alpha),
        algebra,
        "law of cosines: 4 e^(-a-b) cosh c; for large a and b it tends to 1 - cos(alpha), and cosh c to e^c/2",
    )
    yield Step(1 - sp.cos(alpha), 2 * sp.sin(alpha / 2) ** 2, trigonometry, "so e^(c-a-b) tends to sin^2(alpha/2)")
    yield Step(
        -sp.log(sp.sin(alpha / 2) ** 2),
        claim[1].rhs,
        substitute({sp.sin(alpha / 2): t}),
        "c has slope at most one in a and in b (triangle inequality), so a + b - c grows to this limit",
    )
    k, loss = symbol("k", positive=True, integer=True), symbol("lambda", positive=True)
    yield Step(
        ell / (ell - loss) - k * ell / (k * ell - (k - 1) * loss),
        ell * loss / ((ell - loss) * (k * ell - (k - 1) * loss)),
        algebra,
        "by induction along a path the angle towards its start is at most delta(l, pi/(B+1)) <= pi/(B+1) "
        "off the edge, so "
        "every turn is at least pi/(B+1) and costs at most loss(pi/(B+1)); k edges keep k l - (k-1) loss",
    )
    yield Step(
        ell / (ell - loss),
        claim[2].rhs,
        substitute({loss: -2 * sp.log(sp.sin(_turn))}),
        "the worst ratio over all k; 1 for edges",
    )
    yield Step(
        claim[2].rhs.subs(ell, claim[3].rhs),
        1 + eps,
        substitute({sp.sin(_turn): t}),
        "this length gives distortion 1 + epsilon",
    )
    yield Step(
        (1 + 1 / eps) * loss * -2 * sp.log(sp.sin(_turn)) / loss,
        claim[3].rhs,
        substitute({sp.sin(_turn): t}),
        "solved for the edge length",
    )
    yield Step(
        1 - sp.tanh(R / 2),
        claim[4].rhs,
        algebra,
        "so the disc needs R / log 10 digits, L l / 2.3 for the leaves",
    )
    total, squares, new = (symbol(n, real=True) for n in ("S_1", "S_2", "z"))
    count = symbol("m", positive=True)
    yield Step(
        (count * squares - total**2) + (squares - 2 * new * total + count * new**2),
        (count + 1) * (squares + new**2) - (total + new) ** 2,
        algebra,
        "one coordinate z_i of m leaves: their squared gaps add up to m sum z_i^2 - (sum z_i)^2, and so with one leaf "
        "more; about the centre that is at most m times the squared radii",
    )
    yield Step(
        sp.sqrt(2 * (count - 1) / count),
        claim[5].rhs,
        substitute({count: B + 1}),
        "edges of length at most D and leaves at least 2 apart: m (m-1)/2 * 4 <= m * m D^2, m = B + 1",
    )
    for index, (relation, length) in enumerate(zip(claim[6:], EDGES, strict=True)):
        by = enclose_value(measured, "hyperbolic", index)
        yield Step(relation.lhs, relation.rhs, by, f"all pairs of the default tree, edge length {length}")
    for index, dimension in enumerate(DIMENSIONS):
        tenths = measured("euclidean", index)
        yield Step(
            sp.floor(10 * symbol(f"distortion_in_R^{dimension}", positive=True)),
            sp.Integer(tenths),
            enclose_value(measured, "euclidean", index),
            f"stress majorisation of the tree with B = 4, L = 3 in R^{dimension}",
        )
        yield Step(sp.Rational(tenths, 10), claim[5].rhs.subs(B, 4), sign, "not below the bound", op=">=")
