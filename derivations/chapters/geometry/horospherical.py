"""Hyperbolic space H^d in horospherical coordinates (tau, b): metric, distance, isometries.

b lies in R^m, m = d - 1; with y = e^tau this is the upper half-space. Distances come from the hyperboloid:
X(tau, b) below is an isometric embedding into Minkowski space, where distances are read off an inner product.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.geometry.symbols import (
    CURVATURE,
    GEOMETRY,
    HEIGHTS,
    POINTS,
    SOURCE,
    b,
    delta,
    lorentz,
    metric,
    minkowski,
    other,
    tau,
    w,
    z,
)
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    combination,
    convex,
    entry,
    exact,
    fundamental,
    grid,
    integral,
    limit,
    log_expand,
    pointwise,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import (
    Action,
    Busemann,
    Composition,
    Distance,
    Inverse,
    Meaning,
    Norm,
    coordinates,
)

# ----------------------------------------------------------------------------------------- distance


def arc_length(height1: arb, height2: arb, gap: arb) -> arb:
    """Length of the geodesic arc from (height1, 0) to (height2, gap), gap > 0, by rigorous quadrature.

    In the half-plane it lies on the circle about (x_0, 0) of radius R, and ds = R dx / (R^2 - (x - x_0)^2).
    """
    y1, y2 = height1.exp(), height2.exp()
    centre = (gap * gap + y2 * y2 - y1 * y1) / (2 * gap)
    square = centre * centre + y1 * y1
    root = square.sqrt()

    def speed(x: Any, _: bool) -> Any:
        return root / (square - (x - centre) ** 2)

    return integral(speed, 0, gap, bits=100)


COSH_DISTANCE = sp.cosh(tau - other) + sp.exp(-(tau + other)) * delta**2 / 2


@entry(
    id="geo-distance",
    title="The distance in horospherical coordinates",
    statement=sp.Eq(sp.cosh(Distance(z, w)), COSH_DISTANCE),
    symbols=POINTS,
    conventions=[CURVATURE],
    uses=["geo-metric"],
    status="proves",
    sources=[(SOURCE, "A.6")],
    implements=[f"{GEOMETRY}.distance"],
    certificate=Certificate(
        points=grid(27, tau=HEIGHTS, tau_w=HEIGHTS, delta=("1/50", "4")),
        independent=lambda p: arc_length(exact(p["tau"]), exact(p["tau_w"]), exact(p["delta"])).cosh(),
    ),
)
def geo_distance(claim: Any) -> Iterator[Step]:
    """Embed isometrically into Minkowski space; there cosh of the distance is minus the inner product."""
    for n in (1, 2, 3):
        bs, cs = coordinates("b", n), coordinates("c", n)
        x, y = lorentz(tau, bs), lorentz(other, cs)
        jacobian = x.jacobian([tau, *bs])
        form = sp.diag(-1, *([1] * (n + 1)))
        yield Step(minkowski(x, x), sp.Integer(-1), algebra, f"X lies on the hyperboloid, d = {n + 1}")
        yield Step(jacobian.T * form * jacobian, metric(tau, n), algebra, f"X is isometric, d = {n + 1}")
        squared = sum((p - q) ** 2 for p, q in zip(bs, cs, strict=True))
        yield Step(-minkowski(x, y), COSH_DISTANCE.subs(delta**2, squared), algebra, f"minus <X, X'>, d = {n + 1}")
    n1, n2 = symbol("|b|", nonnegative=True), symbol("|b'|", nonnegative=True)
    inner = (n1**2 + n2**2 - delta**2) / 2
    first = [sp.cosh(tau) + sp.exp(-tau) * n1**2 / 2, sp.sinh(tau) + sp.exp(-tau) * n1**2 / 2]
    second = [sp.cosh(other) + sp.exp(-other) * n2**2 / 2, sp.sinh(other) + sp.exp(-other) * n2**2 / 2]
    yield Step(
        first[0] * second[0] - first[1] * second[1] - sp.exp(-tau - other) * inner,
        claim.rhs,
        algebra,
        "in any dimension, with <b, b'> = (|b|^2 + |b'|^2 - delta^2)/2",
    )
    r, speed, turn = symbol("r", real=True), symbol("r'", real=True), symbol("|U'|", nonnegative=True)
    # Y = cosh r X + sinh r U, with <X, X> = -1, <U, U> = 1, <X, U> = 0 and so <X, U'> = <U, U'> = 0
    along_x, along_u = sp.sinh(r) * speed, sp.cosh(r) * speed
    yield Step(
        -(along_x**2) + along_u**2 + sp.sinh(r) ** 2 * turn**2,
        speed**2 + sp.sinh(r) ** 2 * turn**2,
        algebra,
        "speed of a curve Y = cosh r X + sinh r U in polar coordinates about X",
    )
    yield from _polar_frame(r)
    yield from _shortest(r, speed, turn)


def _polar_frame(r: Any) -> Iterator[Step]:
    """Every Y of the hyperboloid is cosh r X + sinh r U for a unit U orthogonal to X, and cosh r = -<X, Y>."""
    xx, xu, xy, yy = (sp.Symbol(f"<{pair}>", real=True) for pair in ("X, X", "X, U", "X, Y", "Y, Y"))
    c, x = symbol("c", positive=True), symbol("x", real=True)
    yield Step(-(sp.cosh(r) * xx + sp.sinh(r) * xu), sp.cosh(r), substitute({xx: -1, xu: 0}), "-<X, Y> = cosh r")
    on = {xx: -1, yy: -1, xy: -c}
    yield Step(sp.cosh(x), sp.S.One, convex(x, sp.S.Zero), "cosh is least at 0", op=">=")
    parts = (sp.S.One, sp.cosh(x) - 1, {x: tau - other}), (sp.S.One, sp.exp(-tau - other) * delta**2 / 2)
    yield Step(COSH_DISTANCE, sp.S.One, combination(*parts), "c = -<X, Y> is at least 1, so c = cosh r", op=">=")
    yield Step(xy - c * xx, sp.S.Zero, substitute(on), "Y - c X is orthogonal to X")
    yield Step((yy - 2 * c * xy + c**2 * xx) / (c**2 - 1), sp.S.One, substitute(on), "and sqrt(c^2 - 1) = sinh r long")


def _shortest(r: Any, speed: Any, turn: Any) -> Iterator[Step]:
    """A curve from X to Y is at least r long, and the one with U fixed is r long."""
    v, e, t = symbol("v", real=True), symbol("e", positive=True), symbol("t", real=True)
    size = sp.sqrt(v**2 + e)
    parts = (1 / (2 * size), (size - v) ** 2), (1 / (2 * size), e)
    yield Step(size, v, combination(*parts), "speed is at least the slope of r; it is |r'| where U rests", op=">=")
    radius = sp.Function("r", real=True)(t)
    slope, rest = sp.Derivative(radius, t), sp.Function("e", positive=True)(t)
    yield Step(
        sp.Integral(sp.sqrt(slope**2 + rest), (t, 0, 1)),
        sp.Integral(slope, (t, 0, 1)),
        pointwise(size - v, {v: slope, e: rest}),
        "so the length, from where the curve leaves X for the last time, is at least the integral of the slope",
        op=">=",
    )
    yield Step(
        sp.Integral(slope, (t, 0, 1)),
        radius.subs(t, 1) - radius.subs(t, 0),
        fundamental,
        "r at Y, being 0 at X",
    )
    yield Step(
        sp.sqrt(speed**2 + sp.sinh(r) ** 2 * turn**2),
        sp.Abs(speed),
        substitute({turn: sp.S.Zero}),
        "r, with U fixed",
    )


# ----------------------------------------------------------------------------------------- Busemann

gap, ideal = symbol("g", nonnegative=True), symbol("xi", nonnegative=True)
BUSEMANN = sp.log(sp.exp(tau) + gap**2 * sp.exp(-tau)) - sp.log(1 + ideal**2)


@entry(
    id="geo-busemann",
    title="The height is minus the Busemann function of the point at infinity",
    statement=sp.Tuple(sp.Eq(Busemann(sp.oo, z), -tau), sp.Eq(Busemann("xi", z), BUSEMANN)),
    symbols={
        z: Meaning("a point, (tau, b)", domain="H^d"),
        tau: "height",
        gap: Meaning(
            "distance of b from the ideal point xi of the boundary plane y = 0", Norm(symbol("b") - symbol("xi"))
        ),
        ideal: Meaning("length of xi", Norm("xi")),
    },
    conventions=[CURVATURE, "B(z) = lim d(z, w) - d(o, w) as w tends to the ideal point; B(o) = 0"],
    uses=["geo-distance"],
    status="corrects",
    sources=[(SOURCE, "section 3")],
    implements=[f"{GEOMETRY}.busemann"],
    certificate=Certificate(
        points=grid(27, tau=HEIGHTS, g=("0", "4"), xi=("0", "3"), b=("0", "4")),
        independent=lambda p: list(_busemann(p)),
    ),
)
def geo_busemann(claim: Any) -> Iterator[Step]:
    """Write the distance to a far point as a logarithm; with u = e^(-r) the limit is a value at u = 0."""
    u, r, x = symbol("u", positive=True), symbol("r", positive=True), symbol("x", positive=True)
    length = symbol("|b|", nonnegative=True)
    yield Step(
        sp.cosh(sp.log(x + sp.sqrt(x**2 - 1))).rewrite(sp.exp),
        x,
        algebra,
        "dist = log(x + sqrt(x^2 - 1)), x = cosh dist",
    )
    up = COSH_DISTANCE.subs({other: r, delta: length})
    scaled = (sp.exp(-tau) + u**2 * (sp.exp(tau) + length**2 * sp.exp(-tau))) / 2
    yield Step(up * sp.exp(-r), scaled.subs(u, sp.exp(-r)), algebra, "cosh dist to (r, 0), times u = e^(-r)")
    yield Step(
        sp.log(scaled + sp.sqrt(scaled**2 - u**2)),
        claim[0].rhs,
        limit(u, 0),
        "dist - r is this logarithm; its limit, the Busemann function, is opposite in sign to the height",
    )
    down = COSH_DISTANCE.subs({other: -r, delta: gap})
    scaled_down = (sp.exp(tau) + gap**2 * sp.exp(-tau) + u**2 * sp.exp(-tau)) / 2
    yield Step(down * sp.exp(-r), scaled_down.subs(u, sp.exp(-r)), algebra, "cosh dist to (-r, xi), times e^(-r)")
    at_origin = scaled_down.subs({tau: 0, gap: ideal})
    difference = sp.log(scaled_down + sp.sqrt(scaled_down**2 - u**2)) - sp.log(at_origin + sp.sqrt(at_origin**2 - u**2))
    yield Step(
        difference,
        claim[1].rhs,
        substitute({u: sp.S.Zero}),
        "continuous at u = 0, so the limit is the value there",
    )


def _busemann(p: Point) -> tuple[arb, arb]:
    """dist(z, w) - dist(o, w) for all w at least 400 away at once: u is the ball [0, e^(-400)]."""
    height, side = exact(p["tau"]), exact(p["b"])
    u = arb(0).union(arb(-400).exp())

    def log_distance(scaled: arb) -> arb:
        return (scaled + (scaled * scaled - u * u).sqrt()).log()

    up = ((-height).exp() + u * u * (height.exp() + side**2 * (-height).exp())) / 2
    g, xi = exact(p["g"]), exact(p["xi"])
    down = (height.exp() + (g * g + u * u) * (-height).exp()) / 2
    start = (1 + xi * xi + u * u) / 2
    return log_distance(up), log_distance(down) - log_distance(start)


# ---------------------------------------------------------------------------------------- isometries

a, c, a2, c2 = (symbol(n, real=True) for n in ("a", "c", "a_h", "c_h"))


@entry(
    id="geo-isometry",
    title="The isometries that dilate and translate",
    statement=sp.Tuple(
        sp.Eq(Action("g", z), sp.ImmutableMatrix([tau + a, sp.exp(a) * b + c]), evaluate=False),
        sp.Eq(sp.cosh(Distance(Action("g", z), Action("g", w))), COSH_DISTANCE),
        sp.Eq(Composition("g", "h"), sp.ImmutableMatrix([a + a2, sp.exp(a) * c2 + c]), evaluate=False),
        sp.Eq(Inverse("g"), sp.ImmutableMatrix([-a, -sp.exp(-a) * c]), evaluate=False),
    ),
    symbols=POINTS
    | {
        a: "shift of the height by g",
        b: Meaning("a fibre coordinate of z", symbol("b_i")),
        c: Meaning("shift of that coordinate by g", symbol("c_i")),
        a2: "shift of the height by h",
        c2: Meaning("shift of that coordinate by h", symbol("c_h_i")),
    },
    conventions=[
        "g = (a, c) and h = (a_h, c_h) are written as the images of the origin; of the fibre coordinates one is "
        "stated, the others are alike"
    ],
    uses=["geo-distance"],
    status="new",
    implements=[f"{GEOMETRY}.isometry", f"{GEOMETRY}.inverse"],
    certificate=Certificate(
        points=grid(
            26,
            tau=HEIGHTS,
            tau_w=HEIGHTS,
            delta=("1/20", "3"),
            b=("-2", "2"),
            a=("-2", "2"),
            c=("-2", "2"),
            a_h=("-2", "2"),
            c_h=("-2", "2"),
        ),
        independent=lambda p: _isometry(p),
    ),
)
def geo_isometry(claim: Any) -> Iterator[Step]:
    """In the half-space they are the dilations y -> e^a y, x -> e^a x + c."""
    yield Step(
        sp.ImmutableMatrix([sp.log(sp.exp(a) * sp.exp(tau)), sp.exp(a) * b + c]),
        claim[0].rhs,
        log_expand,
        "y = e^tau",
    )
    height, side = claim[0].rhs
    for n in (1, 2, 3):
        bs = coordinates("b", n)
        image = sp.Matrix([height, *(side.subs(b, x) for x in bs)])
        jacobian = image.jacobian([tau, *bs])
        yield Step(
            jacobian.T * metric(height, n) * jacobian,
            metric(tau, n),
            algebra,
            f"the metric is preserved, d = {n + 1}",
        )
    moved = {tau: tau + a, other: other + a, delta: sp.exp(a) * delta}
    yield Step(COSH_DISTANCE.subs(moved, simultaneous=True), claim[1].rhs, algebra, "and with it the distance")
    inner = sp.ImmutableMatrix([tau + a2, sp.exp(a2) * b + c2])
    outer = sp.ImmutableMatrix([inner[0] + a, sp.exp(a) * inner[1] + c])
    by_product = claim[0].rhs.subs({a: claim[2].rhs[0], c: claim[2].rhs[1]}, simultaneous=True)
    yield Step(outer, by_product, algebra, "g(h(z)) is the action of the product")
    yield Step(claim[0].rhs, claim[2].rhs, substitute({tau: a2, b: c2}), "the product: g applied to h(o)")
    undone = {tau: claim[3].rhs[0], b: claim[3].rhs[1]}
    yield Step(claim[0].rhs, sp.ImmutableMatrix([0, 0]), substitute(undone), "g takes inverse(g) to the origin")
    lifted, moved_side = symbol("tau_g", real=True), symbol("b_g", real=True)
    solved = sp.ImmutableMatrix([lifted - a, sp.exp(-a) * (moved_side - c)])
    image = {lifted: tau + a, moved_side: sp.exp(a) * b + c}
    yield Step(solved, sp.ImmutableMatrix([tau, b]), substitute(image), "the image determines the point")
    yield Step(solved, claim[3].rhs, substitute({lifted: 0, moved_side: 0}), "so g takes nothing else to the origin")
    yield Step(
        claim[0].rhs,
        sp.ImmutableMatrix([a, c]),
        substitute({tau: 0, b: 0}),
        "g takes the origin to (a, c): for every point there is exactly one g, so the action is simply transitive",
    )


def _isometry(p: Point) -> list[Any]:
    """By the half-space: dilate by e^a, translate by c, take logarithms; distances by arc length."""
    shift, move, shift2, move2 = (exact(p[k]) for k in ("a", "c", "a_h", "c_h"))

    def act(scale: arb, translate: arb, y: arb, x: arb) -> tuple[arb, arb]:
        return scale * y, scale * x + translate

    y, x = act(shift.exp(), move, exact(p["tau"]).exp(), exact(p["b"]))
    y2, x2 = act(shift.exp(), move, *act(shift2.exp(), move2, arb(1), arb(0)))
    length = arc_length(exact(p["tau"]) + shift, exact(p["tau_w"]) + shift, exact(p["delta"]) * shift.exp())
    back = 1 / shift.exp()
    return [[y.log(), x], length.cosh(), [y2.log(), x2], [back.log(), -move * back]]
