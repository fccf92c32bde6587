"""S5: the matrix it starts from, its discretisation, the scan over steps with resets, and that scan's gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb, arb_series

from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    antiderivative,
    combination,
    convex,
    differentiate,
    entry,
    exact,
    grid,
    integral,
    modulo,
    sp,
    substitute,
    symbol,
    trigonometry,
)
from derivations.engine.notation import Given, Law, Modulus, coordinates, name

n, m = symbol("n", integer=True, nonnegative=True), symbol("m", integer=True, nonnegative=True)
decay, omega = symbol("alpha", positive=True), symbol("omega", real=True)
lam, delta, t = symbol("lambda", real=True), symbol("Delta", positive=True), symbol("t", positive=True)
x, u, z = symbol("x", real=True), symbol("u", real=True), symbol("z", real=True)

# ------------------------------------------------------------------------------------------- s5-hippo-normal


def _root(k: Any) -> arb:
    return (2 * arb(int(k)) + 1).sqrt()


def _normal_part(p: Mapping[str, Any]) -> list[arb]:
    row, column = int(p["n"]), int(p["m"])
    rank_one = ((row + arb(1) / 2) * (column + arb(1) / 2)).sqrt()
    own = row + arb(1) / 2
    return [-(arb(row) + 1) + own, -_root(row) * _root(column) + rank_one, rank_one]


NORMAL = sp.IndexedBase("S")
OFF = sp.sqrt((2 * n + 1) * (2 * m + 1)) / 2


@entry(
    id="s5-hippo-normal",
    title="The normal part of HiPPO-LegS is minus a half and a skew-symmetric matrix",
    statement=sp.Tuple(
        sp.Eq(NORMAL[n, n], -sp.S.Half),
        sp.Eq(Given(NORMAL[n, m], sp.Gt(n, m)), -OFF),
        sp.Eq(Given(NORMAL[n, m], sp.Lt(n, m)), OFF),
    ),
    symbols={n: "row", m: "column"},
    assumptions=(
        "S = A + p p^T with A_nm = -sqrt((2n + 1)(2m + 1)) below the diagonal, -(n + 1) on it, 0 above, and p_n = "
        "sqrt(n + 1/2)",
        "above is below with the opposite sign, so that S + 1/2 is skew-symmetric: i times a Hermitian matrix, whose "
        "eigenvectors are orthonormal; every eigenvalue of S has the real part -1/2",
    ),
    sources=[("gu2020hippo", "LegS"), ("smith2023s5", "initialisation")],
    status="proves",
    implements=["hrssm.networks.s5.hippo"],
    certificate=Certificate(points=grid(26, n=[0, 1, 2, 5, 31], m=[0, 1, 3, 7, 31]), independent=_normal_part),
)
def s5_hippo_normal(claim: Any) -> Iterator[Step]:
    """p p^T has half the size of what A has below the diagonal."""
    outer = sp.sqrt(n + sp.S.Half) * sp.sqrt(m + sp.S.Half)
    yield Step(-(n + 1) + outer, claim[0].rhs, substitute({m: n}), "on the diagonal")
    yield Step(-sp.sqrt(2 * n + 1) * sp.sqrt(2 * m + 1) + outer, claim[1].rhs, algebra, "below it")
    yield Step(outer, claim[2].rhs, algebra, "above it")


# ------------------------------------------------------------------------------------------- s5-zero-order-hold


def _held(p: Mapping[str, Any]) -> list[arb]:
    rate, span, down, turn = (exact(p[key]) for key in ("lambda", "Delta", "alpha", "omega"))
    drive = integral(lambda v, _: (rate * (span - v)).exp(), 0, p["Delta"])
    across, along = (-down * span).exp() * (turn * span).cos(), (-down * span).exp() * (turn * span).sin()
    return [(rate * span).exp() * exact(p["x"]) + drive * exact(p["u"]), across**2 + along**2, (-2 * down * span).exp()]


@entry(
    id="s5-zero-order-hold",
    title="A diagonal state over one step with its input held",
    statement=sp.Tuple(
        sp.Eq(name("x", delta), sp.exp(lam * delta) * x + (sp.exp(lam * delta) - 1) / lam * u),
        sp.Eq(Modulus(sp.exp(lam * delta)) ** 2, sp.exp(-2 * decay * delta)),
        sp.Le(sp.exp(-2 * decay * delta), 1, evaluate=False),
    ),
    symbols={
        x: "the state before",
        u: "the input, constant over the step",
        lam: ("eigenvalue; the identity is one of entire functions and holds for complex ones", "not 0"),
        delta: "length of the step",
        decay: "minus the real part of an eigenvalue lambda = -alpha + i omega",
        omega: "its imaginary part",
    },
    assumptions=(
        "x' = lambda x + u over a step of length Delta; x(Delta) is the state after it",
        "the square of the decay is |exp(lambda Delta)|^2: below 1 whatever is learned, as alpha is kept positive",
    ),
    status="proves",
    implements=["hrssm.networks.s5.zero_order_hold"],
    certificate=Certificate(
        points=grid(
            34,
            x=("-3", "2"),
            u=("-1", "5"),
            **{"lambda": ("-4", "3/2")},
            Delta=("1/100", "2"),
            alpha=("1/10", "3"),
            omega=("-5", "7"),
        ),
        independent=_held,
    ),
)
def s5_zero_order_hold(claim: Any) -> Iterator[Step]:
    """Variation of constants; the modulus of the exponential is that of its real part."""
    stated = claim[0].rhs
    yield Step(sp.Derivative(stated, delta), lam * stated + u, differentiate, "it obeys x' = lambda x + u")
    yield Step(stated, x, substitute({delta: sp.S.Zero}), "and starts at x")
    held = sp.exp(lam * (delta - t)) * u
    yield Step(
        sp.Integral(held, (t, 0, delta)),
        (sp.exp(lam * delta) - 1) / lam * u,
        antiderivative(-held / lam, t, sp.S.Zero, delta),
        "what the input adds, decayed from when it came",
    )
    added = symbol("added", real=True)
    drive = substitute({added: (sp.exp(lam * delta) - 1) / lam * u})
    yield Step(sp.exp(lam * delta) * x + added, stated, drive, "with what is left of x")
    size = sp.exp(-decay * delta)
    turned = (size * sp.cos(omega * delta)) ** 2 + (size * sp.sin(omega * delta)) ** 2
    yield Step(turned, claim[1].rhs, trigonometry, "real and imaginary part of exp((-alpha + i omega) Delta)")
    above_line, span = sp.exp(z) - 1 - z, 2 * decay * delta
    yield Step(above_line, sp.S.Zero, convex(z, sp.S.Zero), "exp lies above its tangent", ">=")
    parts = (sp.exp(-span), above_line, {z: span}), (sp.exp(-span), span)
    yield Step(claim[2].lhs, claim[2].rhs, combination(*parts), "1 - e^(-z) = e^(-z) (e^z - 1 - z) + e^(-z) z", "<=")


# ------------------------------------------------------------------------------------------- s5-scan-associative

a1, a2, a3 = coordinates("a", 3)
b1, b2, b3 = coordinates("b", 3)
Map = tuple[Any, Any]


def after(later: Map, earlier: Map) -> Map:
    """The map that takes x to a x + b, after another."""
    return later[0] * earlier[0], later[0] * earlier[1] + later[1]


def _applied(p: Mapping[str, Any]) -> list[arb]:
    """The slope and the value at 0 of the three maps, one after the other."""
    value = [arb(0), arb(1)]
    for k in (1, 2, 3):
        value = [exact(p[f"a_{k}"]) * v + exact(p[f"b_{k}"]) for v in value]
    return [value[1] - value[0], value[0]]


AXES = {f"{stem}_{k}": ("-2", "3") for stem in ("a", "b") for k in (1, 2, 3)}
ROLES = {a: f"decay of step {k + 1}" for k, a in enumerate((a1, a2, a3))} | {
    b: f"drive of step {k + 1}" for k, b in enumerate((b1, b2, b3))
}


@entry(
    id="s5-scan-associative",
    title="Steps of a linear recurrence compose, in any grouping",
    statement=sp.Tuple(
        sp.Eq(name("a", 1, 2, 3), a1 * a2 * a3),
        sp.Eq(name("b", 1, 2, 3), a3 * a2 * b1 + a3 * b2 + b3),
    ),
    symbols=ROLES,
    assumptions=(
        "a step takes x to a x + b; steps compose as (a', b') after (a, b) = (a' a, a' b + "
        "b'); a(1, 2, 3) and b(1, 2, 3) are those of three steps in turn",
    ),
    status="proves",
    implements=["hrssm.networks.scan.composed"],
    certificate=Certificate(points=grid(30, **AXES), independent=_applied),
)
def s5_scan_associative(claim: Any) -> Iterator[Step]:
    """Both groupings of three steps give the same two numbers; so all groupings of any number do."""
    one, two, three = (a1, b1), (a2, b2), (a3, b3)
    pair = sp.symbols("a_pair b_pair", real=True)
    for words, inner, whole in (
        ("the last two first", after(three, two), after(pair, one)),
        ("the first two first", after(two, one), after(three, pair)),
    ):
        composed = substitute(dict(zip(pair, inner, strict=True)))
        for found, relation in zip(whole, claim, strict=True):
            yield Step(found, relation.rhs, composed, words)


# ------------------------------------------------------------------------------------------- s5-reset

d1, d2, d3 = (symbol(f"d_{k}", nonnegative=True, integer=True) for k in (1, 2, 3))
Flagged = tuple[Any, Any, Any]
binary = modulo([d**2 - d for d in (d1, d2, d3)], d1, d2, d3, *ROLES)


def flagged(later: Flagged, earlier: Flagged) -> Flagged:
    """Composition with a flag: a step that resets forgets what was before it, and hands on that it did."""
    (a, b, d), (a_, b_, d_) = later, earlier
    return d * a + (1 - d) * a * a_, b + (1 - d) * a * b_, d + (1 - d) * d_


def _reset(p: Mapping[str, Any]) -> list[arb]:
    """The drive and the flag, by running the three steps."""
    state, seen = arb(0), 0
    for k in (1, 2, 3):
        flag = int(p[f"d_{k}"])
        state = (arb(0) if flag else exact(p[f"a_{k}"]) * state) + exact(p[f"b_{k}"])
        seen = max(seen, flag)
    return [state, arb(seen)]


_CASES = tuple(
    {
        **{f"d_{k}": sp.Integer((case >> (k - 1)) & 1) for k in (1, 2, 3)},
        **{f"a_{k}": sp.Rational(2 * case + 3 * k - 9, 7) for k in (1, 2, 3)},
        **{f"b_{k}": sp.Rational(5 * k - case - turn, 4) for k in (1, 2, 3)},
    }
    for turn in range(4)
    for case in range(8)
)


@entry(
    id="s5-reset",
    title="A reset is a decay of zero",
    statement=sp.Tuple(
        sp.Eq(
            name("b", 1, 2, 3),
            b3 + (1 - d3) * a3 * (b2 + (1 - d2) * a2 * b1),
        ),
        sp.Eq(name("d", 1, 2, 3), 1 - (1 - d1) * (1 - d2) * (1 - d3)),
    ),
    symbols=ROLES | {d: (f"whether step {k + 1} resets", "0 or 1") for k, d in enumerate((d1, d2, d3))},
    assumptions=(
        "the operator with a flag: (a', b', d') after (a, b, d) is (a', b', 1) if d' = 1, else (a' a, a' b + b', d)",
        "b(1, 2, 3) and d(1, 2, 3) are drive and flag of three steps in turn",
        "from a zero state only the drives matter, and they are those of plain steps whose decay is (1 - d) a",
    ),
    uses=("s5-scan-associative",),
    sources=[("lu2023", "resettable scan")],
    status="new",
    implements=["hrssm.networks.scan.scan"],
    certificate=Certificate(points=_CASES, independent=_reset),
)
def s5_reset(claim: Any) -> Iterator[Step]:
    """The flags are 0 or 1, so d^2 = d. Both groupings agree with each other, and the drives with plain steps."""
    one, two, three = (a1, b1, d1), (a2, b2, d2), (a3, b3, d3)
    left, right = flagged(flagged(three, two), one), flagged(three, flagged(two, one))
    for found, relation in zip(left[1:], claim, strict=True):
        yield Step(found, relation.rhs, binary, "the last two first")
    yield Step(sp.Matrix(left), sp.Matrix(right), binary, "the first two first: the same decay, drive and flag")
    plain = [((1 - d) * a, b) for a, b, d in (one, two, three)]
    pair = sp.symbols("a_pair b_pair", real=True)
    composed = substitute(dict(zip(pair, after(plain[1], plain[0]), strict=True)))
    yield Step(after(plain[2], pair)[1], claim[0].rhs, composed, "plain steps with the decay (1 - d) a")


# ------------------------------------------------------------------------------------------- s5-scan-gradient

a, x0 = symbol("a", real=True), symbol("x_0", real=True)
k1, k2, k3 = coordinates("k", 3)
c1, c2, c3 = coordinates("c", 3)
STATES = [k1 * a * x0 + b1]
STATES.append(k2 * a * STATES[0] + b2)
STATES.append(k3 * a * STATES[1] + b3)


def _loss(p: Mapping[str, Any], **changed: Any) -> Any:
    """sum c_t x_t, by running the recurrence."""
    value = {key: changed.get(key, exact(v)) for key, v in p.items()}
    state, total = value["x_0"], arb(0)
    for k in (1, 2, 3):
        state = state * value["a"] * value[f"k_{k}"] + value[f"b_{k}"]
        total = state * value[f"c_{k}"] + total
    return total


def _slopes(p: Mapping[str, Any]) -> list[arb]:
    return [_loss(p, **{key: arb_series([exact(p[key]), 1], prec=3)})[1] for key in ("b_1", "b_2", "b_3", "a", "x_0")]


LOSS = Law("L", a, x0, b1, b2, b3)
G3 = c3
G2 = c2 + k3 * a * G3
G1 = c1 + k2 * a * G2


@entry(
    id="s5-scan-gradient",
    title="The gradient of a scan is a scan backwards",
    statement=sp.Tuple(
        sp.Eq(sp.Derivative(LOSS, b1), G1),
        sp.Eq(sp.Derivative(LOSS, b2), G2),
        sp.Eq(sp.Derivative(LOSS, b3), G3),
        sp.Eq(sp.Derivative(LOSS, a), k1 * x0 * G1 + k2 * STATES[0] * G2 + k3 * STATES[1] * G3),
        sp.Eq(sp.Derivative(LOSS, x0), k1 * a * G1),
    ),
    symbols={
        a: "decay",
        x0: "state before the first step",
        **{k: f"0 where step {i + 1} resets, else 1" for i, k in enumerate((k1, k2, k3))},
        **{b: f"drive of step {i + 1}" for i, b in enumerate((b1, b2, b3))},
        **{c: f"derivative of the loss in x_{i + 1} from outside" for i, c in enumerate((c1, c2, c3))},
    },
    assumptions=(
        "x_t = k_t a x_(t-1) + b_t and a loss L whose gradient in x_t, all else held, is c_t",
        "three steps; for T of them g_T = c_T, g_t = c_t + k_(t+1) a g_(t+1), and the decay has the sum of k_t x_(t-1) "
        "g_t",
        "for complex numbers, gradients in torch's convention: the factors a and x_(t-1) are conjugated",
    ),
    uses=("s5-reset",),
    status="proves",
    implements=["hrssm.networks.scan.scan"],
    certificate=Certificate(
        points=grid(
            30,
            a=("-2", "3"),
            x_0=("-1", "2"),
            **{f"k_{k}": [0, 1] for k in (1, 2, 3)},
            **{f"{stem}_{k}": ("-2", "3") for stem in ("b", "c") for k in (1, 2, 3)},
        ),
        independent=_slopes,
    ),
)
def s5_scan_gradient(claim: Any) -> Iterator[Step]:
    """Differentiate the loss outright; then the general step, by the chain rule."""
    loss = c1 * STATES[0] + c2 * STATES[1] + c3 * STATES[2]
    for leaf, relation in zip((b1, b2, b3, a, x0), claim, strict=True):
        yield Step(sp.Derivative(loss, leaf), relation.rhs, differentiate, f"the derivative in {leaf}")
    state, drive, gain = sp.symbols("x_t b_next k_next", real=True)
    weight, rest, at = symbol("c_t", real=True), sp.Function("V"), symbol("x_next", real=True)
    onward = gain * a * state + drive
    yield Step(
        sp.Derivative(weight * state + rest(onward), state),
        weight + gain * a * sp.Subs(sp.Derivative(rest(at), at), at, onward),
        differentiate,
        "any number of steps: x_t enters the loss by itself and, V, through x_(t+1) = k_(t+1) a x_t + b_(t+1), so that "
        "g_t = c_t + k_(t+1) a g_(t+1)",
    )
