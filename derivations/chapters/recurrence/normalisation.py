"""Normalised states and branches: what LayerNorm bounds, and what projecting to the unit sphere does to gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb, arb_series, ctx

from derivations.chapters.recurrence.symbols import OPPOSITE, PARALLEL, b, length, norm_of_sum, phi
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    differentiate,
    entry,
    exact,
    grid,
    modulo,
    sign,
    sp,
    squares,
    supremum,
    symbol,
)
from derivations.engine.notation import Norm, Supremum, name

d, G, r = symbol("d", positive=True), symbol("G", nonnegative=True), symbol("r", positive=True)
DIMENSION = ("width of the state", "integer >= 2")

# ------------------------------------------------------------------------------------------- norm-layer


def _state(dim: int, scale: Any = 1) -> list[arb]:
    """A state with different coordinates."""
    return [arb(scale) * (arb(k * k + 1) / 3 - k) for k in range(dim)]


def _normalised(state: list[Any]) -> list[Any]:
    mean = sum(state[1:], state[0]) / len(state)
    centred = [s - mean for s in state]
    deviation = (sum((c * c for c in centred[1:]), centred[0] * centred[0]) / len(state)).sqrt()
    return [c / deviation for c in centred]


def _layer(p: Mapping[str, Any]) -> arb:
    out = [exact(p["G"]) * u for u in _normalised(_state(int(p["d"])))]
    bias = [exact(p["b"]) * o / arb(int(p["d"])).sqrt() for o in _normalised(_state(int(p["d"]), 1000))]
    return length([o + v for o, v in zip(out, bias, strict=True)])


@entry(
    id="norm-layer",
    title="LayerNorm is bounded, whatever the state",
    statement=sp.Eq(Supremum(Norm(name("LN", "h"))), sp.sqrt(d) * G + b),
    symbols={d: DIMENSION, G: "largest size of a gain", b: "norm of the bias"},
    assumptions=(
        "LN(h) = gain (h - mean h)/sqrt(var h + eps) + bias; the largest over all states, over gains of at most this "
        "size and biases of this norm, attained at eps = 0, equal gains and a bias along the output",
        "a branch that sees LN(h) and bounded inputs is a continuous function on a compact set: for fixed weights its "
        "output is at most some B, and |h_T| <= |h_0| + T B by state-residual. It is unbounded over the weights alone",
    ),
    uses=("state-sum", "state-residual"),
    status="refutes",
    sources=[("ba2016", "section 3")],
    implements=["hrssm.networks.bounds.layer_norm", "hrssm.networks.layers.LayerNorm"],
    certificate=Certificate(points=grid(d=[2, 3, 4, 7, 16], G=("1/9", "3"), b=("1/7", "5")), independent=_layer),
)
def norm_layer(claim: Any) -> Iterator[Step]:
    """The normalised state has norm at most sqrt(d); a gain scales by at most G; the bias adds."""
    variance, eps = symbol("v", nonnegative=True), symbol("epsilon", positive=True)
    yield Step(d, d * variance / (variance + eps), sign, "|h - mean|^2 = d v: the normalised state's square", ">=")
    for dim in (2, 3, 4):
        squared = sp.symbols(f"y_1:{dim + 1}", nonnegative=True)
        room = sp.symbols(f"e_1:{dim + 1}", nonnegative=True)
        yield Step(
            G**2 * sum(squared),
            sum((G**2 - e) * y for e, y in zip(room, squared, strict=True)),
            sign,
            f"gains with gain_i^2 = G^2 - e_i: term by term, here {dim} of them",
            ">=",
        )
    bound, size = sp.sqrt(d) * G + b, norm_of_sum(sp.sqrt(d) * G, b)
    yield Step(bound, size, squares, "the triangle inequality", ">=")
    yield Step(claim.lhs, claim.rhs, supremum(bound, size, PARALLEL), "equal gains, no eps, a parallel bias")


# ------------------------------------------------------------------------------------------- norm-layer-jacobian


def _stretch(p: Mapping[str, Any]) -> arb:
    """|d LN(h + t v)/dt| at t = 0 for a unit vector v orthogonal to 1 and to h - mean, by power series."""
    dim = int(p["d"])
    state = _state(dim)
    mean = sum(state, arb(0)) / dim
    scale = exact(p["r"]) / length([s - mean for s in state])
    state = [scale * s for s in state]  # |h - mean| = r
    other = [arb(int(k == 1)) for k in range(dim)]
    axes = ([arb(1)] * dim, [s - scale * mean for s in state])
    for axis in axes:
        along = sum((o * e for o, e in zip(other, axis, strict=True)), arb(0)) / length(axis) ** 2
        other = [o - along * e for o, e in zip(other, axis, strict=True)]
    size = length(other)
    before, ctx.cap = ctx.cap, 3
    try:
        lines = [arb_series([s, o / size]) for s, o in zip(state, other, strict=True)]
        slopes = [line[1] for line in _normalised(lines)]
    finally:
        ctx.cap = before
    return exact(p["G"]) * length(slopes)


@entry(
    id="norm-layer-jacobian",
    title="LayerNorm's Jacobian falls with the spread of the state",
    statement=sp.Eq(Supremum(Norm(name("LN'", "h"))), G * sp.sqrt(d) / r),
    symbols={d: ("width of the state", "integer >= 3"), G: "largest size of a gain", r: "length of h - mean h"},
    assumptions=(
        "LayerNorm without eps (with it the Jacobian is smaller); gains of at most this size, attained by equal ones",
        "at d = 2 the Jacobian is zero: nothing is orthogonal to (1, 1) and to h - mean h",
        "a residual state whose spread grows as a t multiplies gradients by 1 + C/(a t) a step: state-gradient-power",
    ),
    status="corrects",
    sources=[("ba2016", "section 3")],
    implements=["hrssm.networks.bounds.layer_norm_jacobian"],
    certificate=Certificate(points=grid(d=[3, 4, 7, 16], G=("1/9", "3"), r=("1/100", "50")), independent=_stretch),
)
def norm_layer_jacobian(claim: Any) -> Iterator[Step]:
    """The Jacobian is sqrt(d)/r times the projection away from (1, .., 1) and h - mean, then the gains."""
    for dim in (2, 3):
        h = sp.Matrix(sp.symbols(f"h_1:{dim + 1}", real=True))
        centred = h - sp.ones(dim, 1) * sum(h) / dim
        spread = sp.sqrt(sum(e**2 for e in centred))
        for row in range(dim):
            slope = sp.Derivative(sp.sqrt(dim) * centred[row] / spread, h[0])
            kronecker = sp.Integer(int(row == 0)) - sp.Rational(1, dim)
            yield Step(
                slope,
                sp.sqrt(dim) / spread * (kronecker - centred[row] * centred[0] / spread**2),
                differentiate,
                f"d = {dim}, row {row + 1}, first column: sqrt(d)/r (1 - 11'/d - u u'), u = (h - mean)/r",
            )
    for dim in (3, 4):
        u = sp.Matrix(sp.symbols(f"u_1:{dim + 1}", real=True))
        onto = sp.eye(dim) - sp.ones(dim, dim) / dim - u * u.T
        yield Step(
            list(onto * onto),
            list(onto),
            modulo([sum(u), sum(e**2 for e in u) - 1], *u),
            f"d = {dim}: a projection, as u has mean 0 and norm 1",
        )
    left, lost, room = symbol("y", positive=True), symbol("z", nonnegative=True), symbol("e", nonnegative=True)
    yield Step(G**2 * left, (G**2 - room) * left, sign, "a gain with gain_i^2 = G^2 - e_i stretches by at most G", ">=")
    bound = G * sp.sqrt(d) / r
    size = bound * sp.sqrt(left / (left + lost))
    yield Step(bound, size, squares, "of |v|^2 = y + z the projection leaves y", ">=")
    yield Step(
        claim.lhs,
        claim.rhs,
        supremum(bound, size, {lost: sp.S.Zero}),
        "attained by v orthogonal to both directions, which exists from d = 3 on",
    )


# ------------------------------------------------------------------------------------------- norm-unit


def _projected(p: Mapping[str, Any]) -> list[arb]:
    """|h + delta|; and by power series the stretch of a tangent vector at x = h + delta, delta opposite to h."""
    size, turned = exact(p["b"]), 2 * exact(p["phi"])
    axis, tangent = (arb(3) / 5, arb(4) / 5), (arb(-4) / 5, arb(3) / 5)
    before, ctx.cap = ctx.cap, 3
    try:
        lines = [arb_series([(1 - size) * e, v]) for e, v in zip(axis, tangent, strict=True)]
        norm = (lines[0] * lines[0] + lines[1] * lines[1]).sqrt()
        stretched = length([(line / norm)[1] for line in lines])
    finally:
        ctx.cap = before
    return [length((1 + size * turned.cos(), size * turned.sin())), stretched]


@entry(
    id="norm-unit",
    title="Projecting a state to the unit sphere is singular only where the increment cancels it",
    statement=sp.Tuple(
        sp.Ge(norm_of_sum(1, b), sp.Abs(1 - b), evaluate=False),
        sp.Eq(Supremum(Norm(name("J", "x"))), 1 / (1 - b)),
    ),
    symbols={b: ("norm of the increment", "in (0, 1)"), phi: "half the angle between state and increment"},
    assumptions=(
        "h' = x/|x|, x = h + delta, |h| = 1; the Jacobian (1 - u u')/|x| in x, u = x/|x|",
        "it has no preferred direction, and no poles: at |x| = 1 it is a projection everywhere, and radial gradients "
        "vanish",
        "as coded, x/max(|x|, 1e-12): of norm 1 but for |x| < 1e-12, and 0 where delta = -h",
    ),
    uses=("state-sum",),
    status="refutes",
    implements=["hrssm.networks.bounds.unit_norm_jacobian", "hrssm.networks.updates.UnitNorm"],
    certificate=Certificate(
        points=grid(b=("1/99", "98/99"), phi=("0", "11/7")),
        independent=_projected,
    ),
)
def norm_unit(claim: Any) -> Iterator[Step]:
    """The Jacobian is a projection over |x|, and |x| is at least 1 - |delta|."""
    for dim in (2, 3):
        point = sp.Matrix(sp.symbols(f"x_1:{dim + 1}", real=True))
        size = sp.sqrt(sum(e**2 for e in point))
        for row in range(dim):
            yield Step(
                sp.Derivative(point[row] / size, point[0]),
                (sp.Integer(int(row == 0)) - point[row] * point[0] / size**2) / size,
                differentiate,
                f"d = {dim}, row {row + 1}, first column of (1 - u u')/|x|",
            )
    for dim in (2, 3, 4):
        u = sp.Matrix(sp.symbols(f"u_1:{dim + 1}", real=True))
        onto, unit = sp.eye(dim) - u * u.T, [sum(e**2 for e in u) - 1]
        yield Step(
            list(onto * onto), list(onto), modulo(unit, *u), f"d = {dim}: a projection: it shortens every vector"
        )
        yield Step(list(onto * u), [0] * dim, modulo(unit, *u), "and the radial one to nothing")
    odds = symbol("k", nonnegative=True)
    share = odds / (1 + odds)
    near = norm_of_sum(1, share)
    yield Step(claim[0].lhs, claim[0].rhs, squares, "|x| is at least 1 - |delta|, when opposite", ">=")
    yield Step(1 + odds, 1 / near, squares, "the Jacobian's norm is 1/|x|; b = k/(1 + k), so 1 - b = 1/(1 + k)", ">=")
    yield Step(Supremum(Norm(name("J", "x"))), 1 + odds, supremum(1 + odds, 1 / near, OPPOSITE), "attained")
    yield Step((1 + odds).subs(odds, b / (1 - b)), claim[1].rhs, algebra, "with k = b/(1 - b)")
