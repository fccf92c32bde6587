"""Geodesics of H^d in horospherical coordinates: polar coordinates about a point, exponential map, logarithm.

The curve of every entry here is tau(t) = tau - log D, b(t) = b + e^tau sin(theta) sinh(t) / D with
D = cosh t - cos(theta) sinh t, where theta is the angle between the initial direction and the upward axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.geometry.curvature import christoffel
from derivations.chapters.geometry.symbols import (
    CURVATURE,
    GEOMETRY,
    HEIGHTS,
    b,
    delta,
    metric,
    minkowski,
    other,
    tau,
    z,
)
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    acb,
    algebra,
    arb,
    differentiate,
    entry,
    exact,
    grid,
    matrices,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import ExponentialMap, LogarithmMap, Meaning, Norm, coordinates, name

r = symbol("r", positive=True)
theta = symbol("theta", real=True)
t, c, sn = symbol("t", real=True), symbol("cos_theta", real=True), symbol("sin_theta", nonnegative=True)
UNIT = {sn**2: 1 - c**2}
D = sp.cosh(t) - c * sp.sinh(t)


# ------------------------------------------------------------------------------- polar coordinates


@entry(
    id="geo-horo-polar",
    title="Horospherical coordinates from polar coordinates about the origin",
    statement=sp.Tuple(
        sp.Eq(sp.exp(-name("tau", r, theta)), sp.cosh(r) - sp.cos(theta) * sp.sinh(r)),
        sp.Eq(Norm(name("b", r, theta)), sp.sin(theta) * sp.sinh(r) / (sp.cosh(r) - sp.cos(theta) * sp.sinh(r))),
    ),
    symbols={theta: ("angle from the upward axis", "[0, pi]"), r: "distance from the origin"},
    conventions=[CURVATURE, "tau and b are the height and the fibre coordinates of the point"],
    uses=["geo-distance"],
    status="new",
    implements=[f"{GEOMETRY}.horospherical.exp_origin"],
    certificate=Certificate(
        points=grid(26, r=("1/100", "6"), theta=("1/50", "3")), independent=lambda p: list(_polar(p))
    ),
)
def geo_horo_polar(claim: Any) -> Iterator[Step]:
    """On the hyperboloid the geodesic is cosh r X + sinh r U; its coordinates are read off."""
    unit = [sp.S.Zero, sp.cos(theta), sp.sin(theta)]
    origin = [sp.S.One, sp.S.Zero, sp.S.Zero]
    x = [sp.cosh(r) * p + sp.sinh(r) * q for p, q in zip(origin, unit, strict=True)]
    yield Step(
        minkowski(x, x),
        sp.Integer(-1),
        substitute({sp.sin(theta) ** 2: 1 - sp.cos(theta) ** 2}),
        "on the hyperboloid",
    )
    yield Step(
        minkowski(unit, unit),
        sp.S.One,
        substitute({sp.sin(theta) ** 2: 1 - sp.cos(theta) ** 2}),
        "U is a unit vector; its first part points up (dtau), its second along the fibre (db) at the origin",
    )
    places = sp.symbols("X_0 X_1 X_2", real=True)
    on_it = substitute(dict(zip(places, x, strict=True)))
    yield Step(places[0] - places[1], claim[0].rhs, on_it, "X_0 - X_1 = e^(-tau)")
    yield Step(places[2] / (places[0] - places[1]), claim[1].rhs, on_it, "X_2 = e^(-tau) |b|")


def _polar(p: Point) -> tuple[arb, arb]:
    """By the Moebius transformation of the half-plane that turns by theta about i, applied to e^r i."""
    half = exact(p["theta"]) / 2
    z = acb(0, exact(p["r"]).exp())
    image = (half.cos() * z + half.sin()) / (-half.sin() * z + half.cos())
    return 1 / image.imag, abs(image.real)


# ---------------------------------------------------------------------------------- exponential map

v0, w = symbol("v_0", real=True), symbol("v_b", real=True)
n = symbol("nu", nonnegative=True)
LENGTH = sp.sqrt(v0**2 + sp.exp(-2 * tau) * n**2)
FALL = sp.cosh(LENGTH) - v0 * sp.sinh(LENGTH) / LENGTH
TANGENT = {
    symbol("v"): Meaning("tangent vector at z, (v_0, v_b)", domain="R^d"),
    v0: "height component of v",
    w: Meaning("a fibre component of v", symbol("v_i")),
    n: Meaning("length of all its fibre components", Norm("v_b")),
}


def _points(**axes: Any) -> tuple[dict[str, Any], ...]:
    """Grid points where the component v_b is at most nu in size."""
    return tuple(dict(p) | {"v_b": p["v_b"] * p["nu"]} for p in grid(27, **axes))


@entry(
    id="geo-exp",
    title="Exponential map",
    statement=sp.Eq(
        ExponentialMap(z, "v"),
        sp.ImmutableMatrix([tau - sp.log(FALL), b + w * sp.sinh(LENGTH) / (LENGTH * FALL)]),
        evaluate=False,
    ),
    symbols={
        z: Meaning("base point, (tau, b)", domain="H^d"),
        tau: "height of the base point",
        b: Meaning("the same fibre coordinate of the base point", symbol("b_i")),
    }
    | TANGENT,
    where={symbol("r"): LENGTH, symbol("f"): FALL.subs(LENGTH, symbol("r"))},
    assumptions=["v is not zero; at v = 0 the limit is the base point"],
    conventions=[CURVATURE, "components are coordinate components: r is the length of v"],
    uses=["geo-metric", "geo-horo-polar"],
    status="new",
    implements=[f"{GEOMETRY}.exp"],
    certificate=Certificate(
        points=_points(tau=("-2", "2"), b=("-2", "2"), v_0=("-3", "2"), nu=("1/10", "2"), v_b=("-1", "1")),
        independent=lambda p: _exp(p),
        bits=256,
    ),
)
def geo_exp(claim: Any) -> Iterator[Step]:
    """The curve solves the geodesic equations with the right start; solutions are unique
    (Picard-Lindelof)."""
    for k in (1, 2, 3):
        x = [tau, *coordinates("b", k)]
        gamma = christoffel(metric(tau, k), x)
        speeds = coordinates("p", k + 1)
        speed = sp.ImmutableMatrix(speeds)
        terms = tuple(sp.MatMul(-speed.T, sp.ImmutableMatrix(gamma[i]), speed) for i in range(k + 1))
        expected = (
            -sp.exp(-2 * tau) * sum(p**2 for p in speeds[1:]),
            *(2 * speeds[0] * p for p in speeds[1:]),
        )
        yield Step(
            terms,
            expected,
            matrices,
            f"geodesic equations tau'' = -e^(-2 tau) |b'|^2, b'' = 2 tau' b', from the Christoffel "
            f"symbols, d = {k + 1}",
        )
    height, side = tau - sp.log(D), b + sp.exp(tau) * sn * sp.sinh(t) / D
    fall, slope = symbol("D", positive=True), symbol("D'", real=True)
    turn = sp.diff(D, t)
    yield Step(sp.Derivative(D, (t, 2)), D, differentiate, "D'' = D")
    yield Step(D**2 - turn**2, 1 - c**2, algebra, "D^2 - D'^2 = sin(theta)^2")
    yield Step(sp.cosh(t) * D - sp.sinh(t) * turn, sp.S.One, algebra, "cosh t D - sinh t D' = 1")
    up, along = -slope / fall, sp.exp(tau) * sn / fall**2
    here = {fall: D, slope: turn}
    yield Step(sp.Derivative(height, t), up.subs(here), differentiate, "so tau' = -D'/D")
    yield Step(
        sp.Derivative(side, t),
        sp.exp(tau) * sn * (sp.cosh(t) * D - sp.sinh(t) * turn) / D**2,
        differentiate,
        "and b' = e^tau sin(theta)/D^2 by the last but one",
    )
    relations = {slope**2: fall**2 - 1 + c**2} | UNIT
    shrink = sp.exp(-2 * tau) * fall**2  # e^(-2 tau(t))

    def dot(f: Any) -> Any:
        return sp.diff(f, fall) * slope + sp.diff(f, slope) * fall  # D' and D'' = D

    yield Step(
        dot(up),
        -shrink * along**2,
        substitute(relations),
        "the curve solves the first (|b'| is the one component)",
    )
    chain = sp.Derivative(along, fall) * slope + sp.Derivative(along, slope) * fall
    yield Step(chain, 2 * up * along, differentiate, "and the second")
    yield Step(up**2 + shrink * along**2, sp.S.One, substitute(relations), "at unit speed")
    yield Step(
        sp.Matrix([height, side, up.subs(here), along.subs(here)]),
        sp.Matrix([tau, b, c, sp.exp(tau) * sn]),
        substitute({t: sp.S.Zero}),
        "from (tau, b) in the direction (cos theta, e^tau sin theta)",
    )
    scaled = {c: v0 / LENGTH, sn: sp.exp(-tau) * w / LENGTH, t: LENGTH}
    yield Step(
        sp.ImmutableMatrix([height, side]),
        claim.rhs,
        substitute(scaled),
        "the curve at t = |v| with cos theta = v_0/|v|, component by component e^tau sin theta = v_b/|v|",
    )


def _hyperboloid(tau_: arb, fibre: list[arb]) -> list[arb]:
    lift = (-tau_).exp() * sum((x * x for x in fibre), arb(0)) / 2
    return [tau_.cosh() + lift, tau_.sinh() + lift, *((-tau_).exp() * x for x in fibre)]


def _exp(p: Point) -> list[arb]:
    """By the hyperboloid: Y = cosh r X + sinh r V/r, in H^3, the fibre vector split into v_b and the rest."""
    height, place, rise, side = (exact(p[k]) for k in ("tau", "b", "v_0", "v_b"))
    rest = (exact(p["nu"]) ** 2 - side**2).sqrt() if abs(p["v_b"]) != p["nu"] else arb(0)
    fibre = [place, arb(0)]
    x = _hyperboloid(height, fibre)
    down = (-height).exp()
    # derivative of X along (v_0, v_b)
    dot = (place * side) * down
    lift = down * place * place / 2
    v = [
        rise * (height.sinh() - lift) + dot,
        rise * (height.cosh() - lift) + dot,
        down * (side - rise * place),
        down * rest,
    ]
    length = (rise**2 + (down * exact(p["nu"])) ** 2).sqrt()
    y = [length.cosh() * a + length.sinh() / length * q for a, q in zip(x, v, strict=True)]
    return [-(y[0] - y[1]).log(), y[2] / (y[0] - y[1])]


# ----------------------------------------------------------------------------------------- logarithm

h = symbol("h", real=True)
COSH = sp.cosh(other - tau) + sp.exp(-(tau + other)) * delta**2 / 2
RISE = sp.sinh(other - tau) + sp.exp(-(tau + other)) * delta**2 / 2
STRETCH = sp.acosh(COSH) / sp.sqrt(COSH**2 - 1)


@entry(
    id="geo-log",
    title="Logarithm map, the inverse of the exponential map",
    statement=sp.Eq(
        LogarithmMap(z, "w"),
        sp.ImmutableMatrix([STRETCH * RISE, STRETCH * sp.exp(tau - other) * h]),
        evaluate=False,
    ),
    symbols={
        z: Meaning("base point, (tau, b)", domain="H^d"),
        symbol("w"): Meaning("the other point, (tau_w, b_w)", domain="H^d"),
        tau: "height of the base point",
        other: "height of the other point",
        delta: Meaning("distance of their fibre coordinates", Norm(symbol("b_w") - symbol("b"))),
        h: Meaning("one fibre coordinate of b_w - b", symbol("b_w_i") - symbol("b_i")),
    },
    where={symbol("c"): COSH},
    assumptions=["the points differ; where they agree the limit is 0"],
    conventions=[CURVATURE, "coordinate components; c is cosh r and the first factor r/sinh r at r = d(z, w)"],
    uses=["geo-exp", "geo-distance"],
    status="new",
    implements=[f"{GEOMETRY}.log", f"{GEOMETRY}.horospherical.log_origin"],
    certificate=Certificate(
        points=tuple(
            dict(p) | {"h": p["h"] * p["delta"]}
            for p in grid(27, tau=("-2", "2"), tau_w=HEIGHTS, delta=("1/10", "4"), h=("-1", "1"))
        ),
        independent=lambda p: _log(p),
        bits=256,
    ),
)
def geo_log(claim: Any) -> Iterator[Step]:
    """exp of the stated vector is the point; and log of exp is the vector, along every geodesic."""
    side = sp.exp(tau - other) * delta
    yield Step(
        RISE**2 + sp.exp(-2 * tau) * side**2,
        COSH**2 - 1,
        algebra,
        "|(RISE, side)| = sinh r, so the vector has length r",
    )
    yield Step(COSH - RISE, sp.exp(-(other - tau)), algebra, "cosh r - cos(theta) sinh r = e^(tau - tau_w)")
    fall = COSH - RISE
    down, factor = symbol("D", positive=True), symbol("r/sinh(r)", positive=True)
    yield Step(tau - sp.log(down), other, substitute({down: sp.exp(tau - other)}), "so exp has the right height")
    yield Step(b + sp.exp(tau - other) * h / fall, b + h, algebra, "and the right fibre coordinate")
    turned = {other: tau - sp.log(D), delta: sp.exp(tau) * sn * sp.sinh(t) / D}
    yield Step(
        COSH.subs(turned),
        sp.cosh(t),
        substitute(UNIT),
        "along a geodesic, at t: cosh of the distance is cosh t",
    )
    yield Step(RISE.subs(turned), c * sp.sinh(t), substitute(UNIT), "and the height component is cos(theta) sinh t")
    yield Step(
        sp.exp(tau - other) * delta,
        sp.exp(tau) * sn * sp.sinh(t),
        substitute(turned),
        "and the fibre component e^tau sin(theta) sinh t: the factor t/sinh t gives back t times the direction",
    )
    yield Step(
        sp.ImmutableMatrix([factor * RISE, factor * sp.exp(tau - other) * h]),
        claim.rhs,
        substitute({factor: STRETCH}),
        "r/sinh r at cosh r = COSH, times (RISE, side): exp undoes it at every w, and it undoes exp at every v",
    )


def _log(p: Point) -> list[arb]:
    """By the hyperboloid: V = (Y - cosh r X) r/sinh r, carried back to coordinates; the base point has b =
    0."""
    height, far, part, gap = (exact(p[k]) for k in ("tau", "tau_w", "h", "delta"))
    rest = (gap**2 - part**2).sqrt() if abs(p["h"]) != p["delta"] else arb(0)
    x, y = _hyperboloid(height, [arb(0), arb(0)]), _hyperboloid(far, [part, rest])
    cosh = x[0] * y[0] - x[1] * y[1] - x[2] * y[2] - x[3] * y[3]
    length = cosh.acosh()
    v = [(q - cosh * a) * length / length.sinh() for a, q in zip(x, y, strict=True)]
    null = x[0] - x[1]
    rise = -(v[0] - v[1]) / null
    return [rise, v[2] / null]
