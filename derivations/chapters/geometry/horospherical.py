"""Hyperbolic space H^d in horospherical coordinates (tau, b): metric, distance, isometries.

b lies in R^m, m = d - 1; with y = e^tau this is the upper half-space. Distances come from the hyperboloid:
X(tau, b) below is an isometric embedding into Minkowski space, where distances are read off an inner product.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportCallIssue=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    arb_series,
    argument,
    differentiate,
    entry,
    exact,
    grid,
    induction,
    integral,
    limit,
    log_expand,
    sp,
    substitute,
    symbol,
)

SOURCE = "perret2026"
GEOMETRY = "hrssm.geometry"
HALF = sp.Rational(1, 2)
HEIGHTS = ("-3", "3")

tau, other = symbol("tau", real=True), symbol("tau_w", real=True)
b = symbol("b", real=True)
m = symbol("m", integer=True, positive=True)
delta = symbol("delta", nonnegative=True)
POINTS = {
    tau: "height of the first point",
    other: "height of the second point",
    delta: "distance |b - b_w| of the fibre coordinates",
}
CURVATURE = "curvature -1"


def name(text: str, *arguments: Any) -> Any:
    """An undefined function that names a quantity."""
    return sp.Function(text)(*(sp.Symbol(x) if isinstance(x, str) else x for x in arguments))


def coordinates(stem: str, n: int) -> list[sp.Symbol]:
    """Real symbols stem_1 ... stem_n."""
    return [symbol(f"{stem}_{i + 1}", real=True) for i in range(n)]


def metric(height: Any, n: int) -> Any:
    """The metric matrix in (tau, b_1, ..., b_n)."""
    return sp.diag(1, *([sp.exp(-2 * height)] * n))


def lorentz(height: Any, fibre: Sequence[Any]) -> Any:
    """X(tau, b) on the hyperboloid -X_0^2 + X_1^2 + ... = -1, with X_0 - X_1 = e^(-tau)."""
    lift = sp.exp(-height) * sum(x**2 for x in fibre) / 2
    return sp.Matrix([sp.cosh(height) + lift, sp.sinh(height) + lift, *(sp.exp(-height) * x for x in fibre)])


def minkowski(x: Any, y: Any) -> Any:
    """The inner product -x_0 y_0 + x_1 y_1 + ..."""
    return -x[0] * y[0] + sum(x[i] * y[i] for i in range(1, len(x)))


# -------------------------------------------------------------------------------- metric and volume

dtau, db = symbol("dtau", real=True), symbol("db", nonnegative=True)


@entry(
    id="geo-metric",
    title="The metric in horospherical coordinates",
    statement=sp.Eq(name("ds^2", tau, dtau, db), dtau**2 + sp.exp(-2 * tau) * db**2),
    symbols={tau: "height", dtau: "differential of the height", db: "length of the differential of b"},
    conventions=[CURVATURE, "the half-space metric is (|dx|^2 + dy^2) / y^2, with x = b and y = e^tau"],
    status="proves",
    sources=[(SOURCE, "A.6")],
    certificate=Certificate(
        points=grid(tau=HEIGHTS, dtau=("-2", "2"), db=("0", "2")), independent=lambda p: _half_space(p)
    ),
)
def geo_metric(claim: Any) -> Iterator[Step]:
    """Pull the half-space metric back under y = e^tau."""
    y = sp.exp(tau)
    yield Step(sp.Derivative(y, tau), y, differentiate, "dy = e^tau dtau")
    for n in (1, 2, 3):
        bs = coordinates("b", n)
        jacobian = sp.Matrix([*bs, y]).jacobian([tau, *bs])
        pulled = jacobian.T * (sp.eye(n + 1) / y**2) * jacobian
        yield Step(pulled, metric(tau, n), algebra, f"the pull-back as a matrix, outright for d = {n + 1}")
    yield Step(
        (db**2 + (y * dtau) ** 2) / y**2,
        claim.rhs,
        algebra,
        "in any dimension |db|^2 is carried along as it is",
    )


def _half_space(p: Point) -> arb:
    y = exact(p["tau"]).exp()
    return ((exact(p["db"]) / y) ** 2) + (y * exact(p["dtau"]) / y) ** 2


@entry(
    id="geo-volume",
    title="The Riemannian volume",
    statement=sp.Eq(name("volume", tau, m), sp.exp(-m * tau)),
    symbols={tau: "height", m: "dimension of the fibre, d - 1"},
    conventions=[CURVATURE, "density with respect to dtau db"],
    uses=["geo-metric"],
    status="proves",
    sources=[(SOURCE, "A.6")],
    implements=[f"{GEOMETRY}.volume", f"{GEOMETRY}.log_volume"],
    certificate=Certificate(
        points=grid(tau=HEIGHTS, m=[1, 2, 3, 4, 7, 15, 31]),
        independent=lambda p: exact(p["tau"]).exp() / exact(p["tau"]).exp() ** (int(p["m"]) + 1),
    ),
)
def geo_volume(claim: Any) -> Iterator[Step]:
    """The square root of the metric's determinant."""
    for n in (1, 2, 3):
        yield Step(metric(tau, n).det(), sp.exp(-2 * n * tau), algebra, f"determinant, outright for d = {n + 1}")
    k = sp.Symbol("k", integer=True, positive=True)
    yield Step(
        sp.Product(sp.exp(-2 * tau), (k, 1, m)),
        sp.exp(-2 * m * tau),
        induction(m, 1),
        "a diagonal matrix in any dimension",
    )
    yield Step(sp.sqrt(sp.exp(-2 * m * tau)), claim.rhs, algebra, "its square root")


def christoffel(g: Any, x: Sequence[sp.Symbol]) -> list[list[list[Any]]]:
    """Christoffel symbols [i][j][k] with the upper index first."""
    inverse, n = g.inv(), len(x)
    return [
        [
            [
                sum(
                    inverse[i, q] * (sp.diff(g[q, j], x[k]) + sp.diff(g[q, k], x[j]) - sp.diff(g[j, k], x[q]))
                    for q in range(n)
                )
                / 2
                for k in range(n)
            ]
            for j in range(n)
        ]
        for i in range(n)
    ]


def riemann(g: Any, x: Sequence[sp.Symbol]) -> dict[tuple[int, int, int, int], Any]:
    """The curvature tensor R_ijkl with all indices down, for all index quadruples."""
    n, gamma = len(x), christoffel(g, x)

    def up(i: int, j: int, k: int, q: int) -> Any:
        value = sp.diff(gamma[i][j][q], x[k]) - sp.diff(gamma[i][j][k], x[q])
        return value + sum(gamma[i][k][r] * gamma[r][j][q] - gamma[i][q][r] * gamma[r][j][k] for r in range(n))

    return {
        (i, j, k, q): sp.expand(sum(g[i, r] * up(r, j, k, q) for r in range(n)))
        for i, j, k, q in product(range(n), repeat=4)
    }


def _by_bending(p: Point) -> arb:
    """Curvature of a plane by Gauss: how the hyperboloid bends in Minkowski space, in Taylor arithmetic.

    The plane is spanned by two vectors at (tau, 0, ..., 0) with all coordinates at work. X is its own normal, with
    <X, X> = -1, so K = (II(u, u) II(v, v) - II(u, v)^2) / (-(|u|^2 |v|^2 - <u, v>^2)), II(u, u) = <D_u D_u X, X>.
    """
    n = int(p["d"])
    one = [1 + exact(p["first"]) * i for i in range(n)]
    two = [exact(p["second"]) - i * i for i in range(n)]
    place = [exact(p["tau"]), *(arb(i) / 3 for i in range(1, n))]

    def forms(v: list[arb]) -> tuple[arb, arb]:
        """The first and second fundamental form of a vector, from X along a line."""
        tau_, *fibre = (arb_series([x, step], 3) for x, step in zip(place, v, strict=True))
        lift = (-tau_).exp() * sum((x * x for x in fibre), arb_series([0], 3)) / 2
        grow, shrink = tau_.exp() / 2, (-tau_).exp() / 2
        point = [grow + shrink + lift, grow - shrink + lift, *((-tau_).exp() * x for x in fibre)]
        start, velocity, bend = ([x[k] for x in point] for k in range(3))
        return minkowski(velocity, velocity), 2 * minkowski(bend, start)

    (a, g), (c, h), (both, mixed) = (forms(v) for v in (one, two, [x + y for x, y in zip(one, two, strict=True)]))
    inner, mixed = (both - a - c) / 2, (mixed - g - h) / 2
    return -(g * h - mixed * mixed) / (a * c - inner * inner)


@entry(
    id="geo-curvature",
    title="All sectional curvatures are -1",
    statement=sp.Eq(name("K", "plane"), sp.Integer(-1)),
    symbols={},
    uses=["geo-metric"],
    status="new",
    certificate=Certificate(
        points=grid(30, tau=HEIGHTS, d=[2, 3, 4, 7], first=("-2", "2"), second=("-1", "3")), independent=_by_bending
    ),
)
def geo_curvature(claim: Any) -> Iterator[Step]:
    """R_ijkl = K (g_ik g_jl - g_il g_jk) with one constant K is equivalent to every plane having curvature
    K."""
    for n in (1, 2, 3):
        x = [tau, *coordinates("b", n)]
        g = metric(tau, n)
        tensor = riemann(g, x)
        planes = list(combinations(range(n + 1), 2))
        yield Step(
            sp.Matrix([tensor[i, j, i, j] / (g[i, i] * g[j, j] - g[i, j] ** 2) for i, j in planes]),
            sp.Matrix([claim.rhs] * len(planes)),
            algebra,
            f"the coordinate planes, d = {n + 1}",
        )
        keys = sorted(tensor)
        yield Step(
            sp.Matrix([tensor[key] for key in keys]),
            sp.Matrix([claim.rhs * (g[i, k] * g[j, q] - g[i, q] * g[j, k]) for i, j, k, q in keys]),
            algebra,
            f"all {len(keys)} components, hence all planes, d = {n + 1}",
        )
    g = metric(tau, 1)
    plane = riemann(g, [tau, b])[0, 1, 0, 1] / g[1, 1]
    yield Step(
        plane,
        claim.rhs,
        algebra,
        "a component with at most four distinct indices involves tau and at most three fibre coordinates, "
        "or fibre "
        "coordinates alone, and Christoffel symbols of a diagonal metric bring in no others: d = 4 has "
        "every pattern "
        "but four distinct fibre indices, which vanish since no Christoffel symbol has three distinct "
        "indices",
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
    statement=sp.Eq(sp.cosh(name("dist", tau, other, delta)), COSH_DISTANCE),
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
    yield Step(-(sp.cosh(r) * -1), sp.cosh(r), algebra, "and -<X, Y> = cosh r")
    yield Step(
        name("dist", "X", "Y"),
        name("dist", "X", "Y"),
        argument,
        "every point Y of the hyperboloid is cosh r X + sinh r U for some unit U orthogonal to X; by the "
        "speed above a "
        "curve from X to Y is at least as long as the integral of |r'|, hence r, and the curve with U "
        "fixed has length r",
    )


# ----------------------------------------------------------------------------------------- Busemann

gap, ideal = symbol("g", nonnegative=True), symbol("xi", nonnegative=True)
BUSEMANN = sp.log(sp.exp(tau) + gap**2 * sp.exp(-tau)) - sp.log(1 + ideal**2)


@entry(
    id="geo-busemann",
    title="The height is minus the Busemann function of the point at infinity",
    statement=sp.Tuple(sp.Eq(name("B_inf", tau, b), -tau), sp.Eq(name("B_xi", tau, gap), BUSEMANN)),
    symbols={
        tau: "height",
        gap: "distance |b - xi| from the ideal point xi of the boundary plane y = 0",
        ideal: "length |xi|",
    },
    conventions=[CURVATURE, "B(z) = lim dist(z, w) - dist(o, w) as w tends to the ideal point; B(o) = 0"],
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
        -tau,
        limit(u, 0),
        "dist - r is this logarithm; its limit is -tau",
    )
    yield Step(
        -tau,
        claim[0].rhs,
        algebra,
        "the Busemann function of the point at infinity, opposite in sign to the height",
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
    title="The isometries (a, c): (tau, b) -> (tau + a, e^a b + c)",
    statement=sp.Tuple(
        sp.Eq(name("act", "g", "z"), sp.ImmutableMatrix([tau + a, sp.exp(a) * b + c]), evaluate=False),
        sp.Eq(sp.cosh(name("dist", "gz", "gw")), COSH_DISTANCE),
        sp.Eq(name("product", "g", "h"), sp.ImmutableMatrix([a + a2, sp.exp(a) * c2 + c]), evaluate=False),
        sp.Eq(name("inverse", "g"), sp.ImmutableMatrix([-a, -sp.exp(-a) * c]), evaluate=False),
    ),
    symbols=POINTS
    | {b: "a fibre coordinate", a: "shift of the height by g", c: "shift of that coordinate by g"}
    | {a2: "shift of the height by h", c2: "shift of that coordinate by h"},
    conventions=["g = (a, c) is written as the image of the origin"],
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
    yield Step(
        sp.ImmutableMatrix([a2 + a, sp.exp(a) * c2 + c]),
        claim[2].rhs,
        algebra,
        "the product: g applied to h(o)",
    )
    undone = claim[0].rhs.subs({tau: claim[3].rhs[0], b: claim[3].rhs[1]}, simultaneous=True)
    yield Step(undone, sp.zeros(2, 1), algebra, "g takes inverse(g) to the origin")
    solved = sp.solve([a + tau, sp.exp(a) * b + c], [tau, b], dict=True)[0]
    yield Step(sp.ImmutableMatrix([solved[tau], solved[b]]), claim[3].rhs, algebra, "and nothing else")
    yield Step(
        claim[0].rhs.subs({tau: 0, b: 0}),
        sp.ImmutableMatrix([a, c]),
        algebra,
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
