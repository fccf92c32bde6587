"""Gates: what a convex combination bounds, what an elementwise one does not, and the cell of an LSTM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb

from derivations.chapters.recurrence.growth import LARGEST, ROLE_A, ROLE_T
from derivations.chapters.recurrence.symbols import (
    PARALLEL,
    T,
    a,
    b,
    direction,
    length,
    norm_of_sum,
    x,
)
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    ends,
    entry,
    exact,
    grid,
    largest,
    ordered,
    recursion,
    sp,
    squares,
    substitute,
    supremum,
    symbol,
)
from derivations.engine.notation import At, Meaning, Norm, Supremum

alpha, kept = symbol("alpha", nonnegative=True), symbol("beta", nonnegative=True)
h, c = symbol("h", real=True), symbol("c", real=True)
f, i, n = symbol("f", nonnegative=True), symbol("i", nonnegative=True), symbol("n", positive=True)
GATE = ("the gate", "in [0, 1]")
OPEN = {kept: 1 - alpha}  # the share that is kept

# ------------------------------------------------------------------------------------------- gate-scalar


def _mixed(p: Mapping[str, Any]) -> list[arb]:
    gate, unit = exact(p["alpha"]), direction()
    start = [exact(p["a"]) * u for u in unit]
    candidate = [exact(p["b"]) * u for u in unit]

    def update(state: list[arb]) -> list[arb]:
        return [(1 - gate) * s + gate * v for s, v in zip(state, candidate, strict=True)]

    once, many = update(start), start
    for _ in range(int(p["T"])):
        many = update(many)
    return [length(once), length(once), length(many)]


@entry(
    id="gate-scalar",
    title="A scalar gate never leaves the larger of state and candidate",
    statement=sp.Tuple(
        sp.Eq(Supremum(Norm("h_1")), (1 - alpha) * a + alpha * b),
        sp.Le((1 - alpha) * a + alpha * b, sp.Max(a, b), evaluate=False),
        sp.Eq(LARGEST, (1 - alpha) ** T * (a - b) + b),
    ),
    symbols={alpha: GATE, a: ROLE_A, b: "largest norm of a candidate", T: ROLE_T},
    assumptions=(
        "h' = (1 - alpha) h + alpha c with one alpha for the whole state; h_1 is h_0 after one update",
        "the third relation: constant gate",
    ),
    uses=("state-sum",),
    status="proves",
    implements=["hrssm.networks.bounds.gated", "hrssm.networks.bounds.gated_supremum"],
    certificate=Certificate(
        points=grid(30, a=("0", "7"), b=("1/9", "5"), alpha=("0", "1"), T=[0, 1, 2, 5, 9, 12]), independent=_mixed
    ),
)
def gate_scalar(claim: Any) -> Iterator[Step]:
    """The triangle inequality; then a weighted mean lies below the larger, being affine in the weight."""
    bound = kept * a + alpha * b
    size = norm_of_sum(kept * a, alpha * b)
    yield Step(bound, size, squares, "with 1 - alpha = beta: the triangle inequality", ">=")
    yield Step(Supremum(Norm("h_1")), bound, supremum(bound, size, PARALLEL), "parallel ones attain it")
    yield Step(bound, claim[0].rhs, substitute(OPEN), "with beta = 1 - alpha")
    yield Step(
        claim[1].rhs,
        claim[1].lhs,
        ordered(a, b, ends(alpha, sp.S.Zero, sp.S.One)),
        "affine in alpha: look at 0 and 1",
        ">=",
    )
    yield Step(
        claim[1].lhs,
        claim[1].rhs,
        ordered(a, b, ends(alpha, sp.S.Zero, sp.S.One)),
        "the same, as stated; so |h_T| <= max(|h_0|, max |c_t|) whatever the gates",
        "<=",
    )
    step, once = kept * x + alpha * b, norm_of_sum(kept * x, alpha * b)
    closed = kept**T * a + alpha * b * (1 - kept**T) / (1 - kept)
    yield Step(step, once, squares, "one update from any norm x", ">=")
    yield Step(LARGEST, closed, largest(T, x, step, a, once, PARALLEL), "T updates")
    yield Step(closed, claim[2].rhs, substitute(OPEN), "with beta = 1 - alpha")


# ------------------------------------------------------------------------------------------- gate-elementwise


def _elementwise(p: Mapping[str, Any]) -> list[Any]:
    gate, state, candidate = exact(p["alpha"]), exact(p["h"]), exact(p["c"])
    size, other, count = exact(p["a"]), exact(p["b"]), int(p["n"])

    def update(old: list[arb], new: list[arb], gates: list[arb]) -> arb:
        return length([(1 - g) * s + g * v for s, v, g in zip(old, new, gates, strict=True)])

    zero, one = arb(0), arb(1)
    return [
        ((1 - gate) * state + gate * candidate) ** 2,
        update([size, zero], [zero, other], [zero, one]),
        update([one, zero], [zero, one], [zero, one]),
        update([size] * count, [zero] * count, [zero] * count),
    ]


@entry(
    id="gate-elementwise",
    title="An elementwise gate may leave the larger norm, by a factor of √2 at once",
    statement=sp.Tuple(
        sp.Le(((1 - alpha) * h + alpha * c) ** 2, h**2 + c**2, evaluate=False),
        sp.Eq(Supremum(Norm("h'")), sp.sqrt(a**2 + b**2)),
        sp.Eq(At(Norm("h'"), h, c, alpha, sp.Tuple(1, 0), sp.Tuple(0, 1), sp.Tuple(0, 1)), sp.sqrt(2)),
        sp.Eq(LARGEST, sp.sqrt(n) * a),
    ),
    symbols={
        alpha: GATE,
        h: "a coordinate of the state",
        c: "the candidate's",
        a: "norm of the state; in the last relation the largest size of a coordinate",
        b: "norm of the candidate",
        n: ("coordinates of the state", "positive integer"),
    },
    assumptions=(
        "h'_i = (1 - alpha_i) h_i + alpha_i c_i; the largest over all gates, states and candidates of these norms",
        "the example: h = (1, 0), c = (0, 1), alpha = (0, 1), against max(|h|, |c|) = 1",
        "each coordinate obeys gate-scalar, so that no |h_i| exceeds the largest |h_0,i| or |c_t,i|: the last "
        "relation, h_T being the state after any number of updates",
    ),
    uses=("gate-scalar",),
    status="refutes",
    implements=["hrssm.networks.bounds.gated", "hrssm.networks.bounds.gated_supremum"],
    certificate=Certificate(
        points=tuple(
            {"alpha": sp.Rational(gate), "h": sp.Rational(s), "c": sp.Rational(v), "a": 2, "b": 3, "n": sp.Integer(4)}
            for gate, s, v in ((0, 2, 0), (1, 0, -3), (0, 0, 0))
        )
        + grid(26, alpha=("0", "1"), h=("-3", "3"), c=("-2", "5"), a=("1/3", "4"), b=("1/5", "2"), n=[1, 2, 3, 5, 8]),
        independent=_elementwise,
    ),
)
def gate_elementwise(claim: Any) -> Iterator[Step]:
    """Per coordinate, a square that is convex in the gate; the sum over coordinates; and what attains it."""
    by = ends(alpha, sp.S.Zero, sp.S.One)
    yield Step(claim[0].rhs, claim[0].lhs, by, "the square is convex in alpha: look at 0 and 1", ">=")
    yield Step(
        claim[0].lhs, claim[0].rhs, by, "the same, as stated; summed over coordinates |h'|^2 <= |h|^2 + |c|^2", "<="
    )
    one, two, size = *sp.symbols("alpha_1 alpha_2", real=True), symbol("|h|^2", positive=True)
    apart = substitute({one: sp.S.Zero, two: sp.S.One})
    whole = sp.sqrt(((1 - one) * a) ** 2 + (two * b) ** 2)
    yield Step(whole, claim[1].rhs, apart, "h = (a, 0), c = (0, b), alpha = (0, 1)")
    yield Step(claim[1].rhs, claim[2].rhs, substitute({a: sp.S.One, b: sp.S.One}), "the example, of norms 1 and 1")
    kept_all = substitute({size: n * a**2})
    yield Step(sp.sqrt(size), claim[3].rhs, kept_all, "n coordinates of size a, which gates of 0 keep")


# ------------------------------------------------------------------------------------------- gate-step


def _moved(p: Mapping[str, Any]) -> list[arb]:
    gate, unit = exact(p["alpha"]), direction()
    state = [exact(p["a"]) * u for u in unit]
    after = [(1 - gate) * s - gate * exact(p["b"]) * u for s, u in zip(state, unit, strict=True)]
    still = [gate * exact(p["b"]) * u for u in unit]
    return [length([s - v for s, v in zip(after, state, strict=True)]), length(still)]


@entry(
    id="gate-step",
    title="A gate does not control the step of a large candidate",
    statement=sp.Tuple(
        sp.Eq(Supremum(Norm(symbol("h'") - symbol("h"))), alpha * (a + b)),
        sp.Eq(At(Norm(symbol("h'") - symbol("h")), "h", 0), alpha * b),
    ),
    symbols={
        alpha: GATE,
        a: Meaning("norm of the state h", Norm("h")),
        b: Meaning("norm of the candidate c", Norm("c")),
    },
    assumptions=(
        "h' - h = alpha (c - h); the largest over all directions of the two",
        "for a gate above 0 both grow without bound with the candidate; a candidate that is bounded, by tanh or by "
        "normalisation, is what bounds them",
    ),
    uses=("state-sum",),
    status="refutes",
    implements=["hrssm.networks.updates.Gated"],
    certificate=Certificate(points=grid(a=("0", "7"), b=("1/9", "5"), alpha=("1/9", "1")), independent=_moved),
)
def gate_step(claim: Any) -> Iterator[Step]:
    """The step is alpha times the distance of candidate and state, largest where they are opposite."""
    bound, size = alpha * (a + b), alpha * norm_of_sum(a, b)
    yield Step(bound, size, squares, "c - h, as a sum of c and -h", ">=")
    yield Step(claim[0].lhs, claim[0].rhs, supremum(bound, size, PARALLEL), "-h along c: the candidate is opposite")
    yield Step(claim[0].rhs, claim[1].rhs, substitute({a: sp.S.Zero}), "from the state zero")


# ------------------------------------------------------------------------------------------- gate-unit-candidate


def _lifted(p: Mapping[str, Any]) -> list[arb]:
    first, _, many = _mixed(dict(p) | {"b": 1})
    return [first, _mixed(dict(p) | {"a": 0, "b": 1})[0], first - exact(p["a"]), many]


@entry(
    id="gate-unit-candidate",
    title="A candidate of norm 1 draws the norm to 1, from below too",
    statement=sp.Tuple(
        sp.Eq(Supremum(Norm("h_1")), (1 - alpha) * a + alpha),
        sp.Eq(At(Norm("h_1"), "h_0", 0), alpha),
        sp.Eq(Supremum(Norm("h_1") - Norm("h_0")), alpha * (1 - a)),
        sp.Eq(LARGEST, 1 + (1 - alpha) ** T * (a - 1)),
    ),
    symbols={alpha: GATE, a: ROLE_A, T: ROLE_T},
    assumptions=(
        "h' = (1 - alpha) h + alpha c, |c| = 1, one alpha for the whole state; h_1 is h_0 after one update",
        "|h'| <= |h| is guaranteed exactly where the growth is not positive: at alpha = 0, or |h| >= 1",
        "the fourth relation: constant gate; of gates alpha_t, the product of 1 - alpha_t stands for the power",
    ),
    uses=("gate-scalar",),
    status="refutes",
    implements=["hrssm.networks.bounds.unit_candidate"],
    certificate=Certificate(points=grid(a=("0", "3"), alpha=("0", "1"), T=[0, 1, 2, 5, 9, 12]), independent=_lifted),
)
def gate_unit_candidate(claim: Any) -> Iterator[Step]:
    """gate-scalar at |c| = 1; the recursion for |h| - 1 is a product."""
    for index, stated in ((0, gate_scalar.statement[0]), (3, gate_scalar.statement[2])):
        one = substitute({b: sp.S.One})
        yield Step(stated.rhs, claim[index].rhs, one, "gate-scalar with a candidate of norm 1")
    yield Step(claim[0].rhs, claim[1].rhs, substitute({a: sp.S.Zero}), "h = 0: the norm rises to alpha")
    yield Step(claim[0].rhs - a, claim[2].rhs, algebra, "by how much it may grow")
    gate, k = sp.Function("alpha", real=True), symbol("k", integer=True, nonnegative=True)
    yield Step(
        LARGEST,
        1 + sp.Product(1 - gate(k), (k, 0, T - 1)) * (a - 1),
        recursion(T, x, (1 - gate(T)) * x + gate(T), a),
        "the first relation again and again, with the gate of each update",
    )


# ------------------------------------------------------------------------------------------- lstm-cell


def _cell(p: Mapping[str, Any]) -> list[arb]:
    closed, open_ = exact(p["a"]), exact(p["a"])
    for _ in range(int(p["T"])):
        closed = exact(p["f"]) * closed + exact(p["i"]) * 1
        open_ = open_ + 1
    return [closed, open_]


@entry(
    id="lstm-cell",
    title="The cell of an LSTM is no convex combination: open gates count",
    statement=sp.Tuple(
        sp.Eq(Supremum(sp.Abs(symbol("c_T"))), f**T * a + i * (f**T - 1) / (f - 1)),
        sp.Eq(At(Supremum(sp.Abs(symbol("c_T"))), f, i, 1, 1), a + T),
    ),
    symbols={
        a: "size of a coordinate of the cell at the start",
        f: ("forget gate", "in [0, 1)"),
        i: ("input gate", "in [0, 1]"),
        T: ROLE_T,
    },
    assumptions=(
        "c' = f c + i g, |g| <= 1, per coordinate; c_T after T updates; the largest over all g, attained at g = 1",
        "the second relation: f = i = 1. Convex would be f + i = 1, which nothing enforces",
    ),
    uses=("state-lipschitz",),
    status="refutes",
    implements=["hrssm.networks.bounds.lstm"],
    certificate=Certificate(
        points=grid(a=("0", "7"), f=["0", "1/5", "1/2", "9/10"], i=("1/9", "1"), T=[0, 1, 2, 5, 9, 30]),
        independent=_cell,
    ),
)
def lstm_cell(claim: Any) -> Iterator[Step]:
    """One coordinate: a Lipschitz map with constant f; at f = 1 every update may add one."""
    size = norm_of_sum(f * x, i)
    yield Step(f * x + i, size, squares, "one update", ">=")
    yield Step(claim[0].lhs, claim[0].rhs, largest(T, x, f * x + i, a, size, PARALLEL), "T updates")
    yield Step(x + 1, norm_of_sum(x, 1), squares, "gates open", ">=")
    yield Step(claim[1].lhs, claim[1].rhs, largest(T, x, x + 1, a, norm_of_sum(x, 1), PARALLEL), "linear, and attained")
