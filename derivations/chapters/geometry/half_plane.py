"""The half-plane of normals N(mu, sigma^2) in any curvature -c: its metric from the Fisher information, its map to the
hyperboloid, its isometries, and how far a KL is half a squared distance there.

A point is (x, ell) = (mu, log sigma^2); it stands for N(sqrt(2c) mu, sigma^2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.geometry.curvature import riemann
from derivations.chapters.geometry.horospherical import arc_length, geo_distance
from derivations.chapters.geometry.symbols import delta, lorentz, other, tau
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    arb_series,
    complete_square,
    differentiate,
    entry,
    exact,
    grid,
    limit,
    log_expand,
    matrices,
    normal_expectation,
    plus_minus,
    series,
    sp,
    substitute,
    symbol,
    use,
)
from derivations.engine.notation import Action, Differential, Distance, Divergence, Meaning, name, over_line, phi

x, ell, ell_w = symbol("x", real=True), symbol("ell", real=True), symbol("ell_w", real=True)
c, sigma = symbol("c", positive=True), symbol("sigma", positive=True)
t, x1, x2 = symbol("X_0", positive=True), symbol("X_1", real=True), symbol("X_2", real=True)
shift, stretch = symbol("t", real=True), symbol("s", real=True)
d, k = symbol("d", positive=True), symbol("k", real=True)
z = symbol("z", real=True)

PLANE = "hrssm.geometry.half_plane"
CHO = "cho2023gmvae"
DISTANCE = sp.Abs(symbol("mu") - symbol("mu_w"), evaluate=False)
VALUE = {x: "location mu of the normal that the point stands for", ell: "its log variance, log sigma^2"}
CURVATURE = {c: "minus the curvature"}
STANDS_FOR = "the point (mu, sigma) stands for N(sqrt(2c) mu, sigma^2), and lengths are divided by sqrt(2c)"
PLACES, CURVATURES = ("-2", "2"), ("1/4", "2")
HALF = sp.Rational(1, 2)

FISHER = sp.ImmutableMatrix([[2 * c / sigma**2, 0], [0, 2 / sigma**2]])
METRIC = sp.ImmutableMatrix([[1 / sigma**2, 0], [0, 1 / (c * sigma**2)]])
LOG_VOLUME = -ell / 2 - sp.log(2) - sp.log(c) / 2
COSH_DISTANCE = sp.cosh((ell - ell_w) / 2) + c * delta**2 * sp.exp(-(ell + ell_w) / 2) / 2


def metric_in_logs() -> Any:
    """The metric matrix in (x, ell)."""
    return sp.diag(sp.exp(-ell), 1 / (4 * c))


def _fisher(p: Point) -> list[arb]:
    """Expectations of products of the scores, (sqrt(2c) z, z^2 - 1) / sigma in the standard variable."""
    scale, curvature = exact(p["sigma"]), exact(p["c"])
    root = (2 * curvature).sqrt()
    first = normal_expectation(lambda u, _: (root * u) ** 2, bound=2 * curvature, rate=1)
    mixed = normal_expectation(lambda u, _: root * u * (u * u - 1), bound=8 * (1 + root), rate=1)
    second = normal_expectation(lambda u, _: (u * u - 1) ** 2, bound=arb(8), rate=1)
    return [value / scale**2 for value in (first, mixed, mixed, second)]


def _metric(p: Point) -> list[Any]:
    """The metric is the Fisher information over 2c; its curvature by Liouville's formula in y = sigma / sqrt(c)."""
    scale, curvature = exact(p["sigma"]), exact(p["c"])
    fisher = _fisher(p)
    scaled = [value / (2 * curvature) for value in fisher]
    y = arb_series([scale / curvature.sqrt(), 1], 3)
    bend = (1 / (y * y * curvature)).log()
    gauss = -curvature * (scale / curvature.sqrt()) ** 2 * bend[2]  # -(log w)'' / (2 w), the series holds (log w)''/2
    half = (exact(p["ell"]) / 2).exp()
    at = [value * scale**2 / half**2 / (2 * curvature) for value in (fisher[0], fisher[3])]
    volume = (at[0] * at[1] * (half / 2) ** 2).sqrt().log()
    apart = arc_length(exact(p["ell"]) / 2, exact(p["ell_w"]) / 2, exact(p["delta"]) * curvature.sqrt())
    return [fisher, scaled, gauss, volume, apart.cosh()]


@entry(
    id="gm-metric",
    title="The half-plane of normals: Fisher information, metric, curvature, area and distance",
    statement=sp.Tuple(
        sp.Eq(name("I", "mu", sigma), FISHER, evaluate=False),
        sp.Eq(name("g", "mu", sigma), METRIC, evaluate=False),
        sp.Eq(symbol("K"), -c),
        sp.Eq(sp.log(Differential("A") / (Differential("mu") * Differential(ell))), LOG_VOLUME),
        sp.Eq(sp.cosh(sp.sqrt(c) * Distance("z", "w")), COSH_DISTANCE),
    ),
    symbols={
        sigma: "standard deviation of the normal",
        ell: "log variance of the first point",
        ell_w: "log variance of the second point",
        delta: Meaning("distance of the locations mu and mu_w", DISTANCE),
    }
    | CURVATURE,
    conventions=[
        STANDS_FOR,
        "I is the Fisher information, g the metric, K the curvature and A the area, z = (mu, ell) and w = (mu_w, "
        "ell_w)",
    ],
    uses=["geo-distance", "geo-metric"],
    status="corrects",
    sources=[(CHO, "section 3")],
    implements=[f"{PLANE}.distance", f"{PLANE}.log_volume"],
    certificate=Certificate(
        points=grid(27, sigma=("1/3", "3"), ell=PLACES, ell_w=PLACES, delta=("1/20", "3"), c=CURVATURES),
        independent=_metric,
    ),
)
def gm_metric(claim: Any) -> Iterator[Step]:
    """The Fisher information is diag(2c, 2) / sigma^2: its second entry is 2, not 1/2. Over 2c it has curvature -c."""
    scores = (sp.sqrt(2 * c) * z / sigma, (z**2 - 1) / sigma)
    density = -((z - sp.sqrt(2 * c) * x) ** 2) / (2 * sigma**2) - sp.log(sigma)
    standard = (z - sp.sqrt(2 * c) * x) / sigma
    yield Step(
        sp.Matrix([sp.Derivative(density, x), sp.Derivative(density, sigma)]),
        sp.Matrix([score.subs(z, standard) for score in scores]),
        differentiate,
        "the scores, in the standard variable",
    )
    yield Step(
        sp.Matrix([[over_line(sp.expand(a * b * phi(z)), z) for b in scores] for a in scores]),
        claim[0].rhs,
        complete_square(z),
        "the expectations of their products",
    )
    scale = symbol("1/(2c)", positive=True)
    yield Step(FISHER * scale, claim[1].rhs, substitute({scale: 1 / (2 * c)}), "lengths divided by sqrt(2c)")
    chart = sp.Matrix([sp.log(sigma), -sp.sqrt(c) * x]).jacobian([x, sigma])
    yield Step(
        sp.MatMul(*(sp.ImmutableMatrix(part) for part in (chart.T / c, sp.diag(1, 1 / sigma**2), chart))),
        METRIC,
        matrices,
        "the horospherical metric at tau = log sigma, b = -sqrt(c) mu, lengths divided by sqrt(c)",
    )
    bend = symbol("R_0101", real=True)
    yield Step(
        bend / (METRIC[0, 0] * METRIC[1, 1]),
        claim[2].rhs,
        substitute({bend: riemann(METRIC, [x, sigma])[0, 1, 0, 1]}),
        "its curvature, from Riemann's tensor",
    )
    in_logs = sp.Matrix([x, sp.exp(ell / 2)]).jacobian([x, ell])
    yield Step(
        sp.MatMul(*(sp.ImmutableMatrix(part) for part in (in_logs.T, METRIC.subs(sigma, sp.exp(ell / 2)), in_logs))),
        metric_in_logs(),
        matrices,
        "in (mu, log sigma^2)",
    )
    yield Step(sp.log(sp.sqrt(metric_in_logs().det())), claim[3].rhs, log_expand, "the root of its determinant")
    places = {tau: ell / 2, other: ell_w / 2, delta: sp.sqrt(c) * delta}
    yield Step(
        sp.cosh(Distance("z", "w")),
        claim[4].rhs,
        use(geo_distance, places),
        "the distance there, sqrt(c) times the one here",
    )


# ---------------------------------------------------------------------------------------------- T_c

LIFT = (1 + c * x**2 + sp.exp(ell)) / (2 * sp.sqrt(c) * sp.exp(ell / 2))
TO_LORENTZ = sp.ImmutableMatrix([LIFT, LIFT - sp.exp(-ell / 2) / sp.sqrt(c), -x * sp.exp(-ell / 2)])
FROM_LORENTZ = sp.ImmutableMatrix([-x2 / (sp.sqrt(c) * (t - x1)), -2 * sp.log(sp.sqrt(c) * (t - x1))])
LOG_JACOBIAN = sp.log(LIFT) - sp.log(2) - ell / 2


def _on_hyperboloid() -> tuple[dict[str, Any], ...]:
    """Exact points with (X_0, X_1, X_2) on the hyperboloid of curvature -c, over a point of the half-plane."""
    found = []
    for p in grid(27, x=PLACES, ell=PLACES, c=["1/4", "1", "9/4", "4"], X_1=PLACES, X_2=("1/3", "3")):
        c_, a, s = p["c"], p["X_1"], p["X_2"]
        root = sp.sqrt(c_)
        over = {
            "X_0": (1 + c_ * a**2 + s**2) / (2 * root * s),
            "X_1": (-1 + c_ * a**2 + s**2) / (2 * root * s),
            "X_2": -a / s,
        }
        found.append(dict(p) | over)
    return tuple(found)


def _by_half_turn(p: Point) -> list[Any]:
    """The hyperboloid point whose inner products with three fixed images are -cosh of the half-plane's own distances.

    The images of N(0, 1), of (0, log 4) and of (1 / sqrt(c), 0) are known; distances are arcs' lengths.
    """
    root = exact(p["c"]).sqrt()
    place, height = exact(p["x"]) * root, exact(p["ell"]) / 2

    def cosh(h: arb, b: arb) -> arb:
        gap = abs(b - place)
        if gap.contains(0):
            return (h - height).cosh()
        return arc_length(h, height, gap).cosh()

    two = arb(2).log()
    at_one, above, aside = cosh(arb(0), arb(0)), cosh(two, arb(0)), cosh(arb(0), arb(1))
    # <X, (1,0,0)> , <X, (5/4, 3/4, 0)>, <X, (3/2, 1/2, -1)>: minus the three, with curvature 1
    first = at_one
    second = (first * 5 / 4 - above) * 4 / 3
    third = aside - first * 3 / 2 + second / 2
    back = [-exact(p["X_2"]) / (root * (exact(p["X_0"]) - exact(p["X_1"])))]
    back.append(-((root * (exact(p["X_0"]) - exact(p["X_1"]))).log() * 2))
    jacobian = (first / root / 2).log() - height
    return [[first / root, second / root, third / root], back, jacobian]


@entry(
    id="gm-lorentz",
    title="The isometry T_c of the half-plane with the hyperboloid, its inverse and its Jacobian",
    statement=sp.Tuple(
        sp.Eq(name("X", "z"), TO_LORENTZ, evaluate=False),
        sp.Eq(name("z", "X"), FROM_LORENTZ, evaluate=False),
        sp.Eq(sp.log(name("J", x, ell)), LOG_JACOBIAN),
    ),
    symbols={
        t: "time coordinate of X",
        x1: "its first space coordinate",
        x2: "its second space coordinate",
    }
    | VALUE
    | CURVATURE,
    conventions=[
        "the hyperboloid is -X_0^2 + X_1^2 + X_2^2 = -1 / c, of curvature -c",
        "J is the Jacobian of z = (mu, log sigma^2) to (X_1, X_2), its absolute value",
    ],
    uses=["gm-metric"],
    status="proves",
    sources=[(CHO, "appendix")],
    implements=[f"{PLANE}.to_lorentz", f"{PLANE}.from_lorentz"],
    certificate=Certificate(points=_on_hyperboloid(), independent=_by_half_turn),
)
def gm_lorentz(claim: Any) -> Iterator[Step]:
    """Horospherical coordinates of the hyperboloid at tau = log sigma, b = -sqrt(c) mu, divided by sqrt(c)."""
    yield Step(
        lorentz(ell / 2, [-sp.sqrt(c) * x]) / sp.sqrt(c), claim[0].rhs, algebra, "the embedding of geo-distance, scaled"
    )
    form = sp.diag(-1, 1, 1)
    yield Step((TO_LORENTZ.T * form * TO_LORENTZ)[0], -1 / c, algebra, "it lies on the hyperboloid of curvature -c")
    jacobian = TO_LORENTZ.jacobian([x, ell])
    yield Step(jacobian.T * form * jacobian, metric_in_logs(), algebra, "and is an isometry: the metric is pulled back")
    over = {t: TO_LORENTZ[0], x1: TO_LORENTZ[1], x2: TO_LORENTZ[2]}
    gap = sp.exp(-ell / 2) / sp.sqrt(c)
    yield Step(t - x1, gap, substitute(over), "X_0 - X_1 gives the log variance")
    read_off = sp.Matrix([-x2 * sp.exp(ell / 2), ell])
    level = substitute({ell: -2 * sp.log(sp.sqrt(c) * (t - x1))})
    yield Step(read_off, claim[1].rhs, level, "and X_2 = -e^(-ell/2) mu the location")
    undone = substitute({t - x1: gap, x2: over[x2]})
    yield Step(claim[1].rhs, sp.Matrix([x, ell]), undone, "so that from_lorentz undoes it")
    yield Step(
        (jacobian[1, 0] * jacobian[2, 1] - jacobian[1, 1] * jacobian[2, 0]) * 2 * sp.exp(ell / 2) / LIFT,
        sp.Integer(1),
        algebra,
        "the determinant is X_0 / (2 sigma), a positive number",
    )
    yield Step(sp.log(LIFT * sp.exp(-ell / 2) / 2), claim[2].rhs, log_expand, "its logarithm")


# ---------------------------------------------------------------------------------------------- isometries

IMAGE = sp.ImmutableMatrix([shift + sp.exp(stretch / 2) * x, ell + stretch])


def _image(p: Point) -> list[Any]:
    """The law of s X + t for X ~ N(sqrt(2c) mu, sigma^2): its mean over sqrt(2c), and the log of its variance."""
    root = (2 * exact(p["c"])).sqrt()
    s, off = (exact(p["s"]) / 2).exp(), root * exact(p["t"])
    scale = (exact(p["ell"]) / 2).exp()
    size = (abs(off) + s * (root * abs(exact(p["x"])) + scale)) * 2 + 1

    def moved(u: Any) -> Any:
        return s * (root * exact(p["x"]) + scale * u) + off

    mean = normal_expectation(lambda u, _: moved(u), bound=size, rate=1)
    square = normal_expectation(lambda u, _: (moved(u) - mean) ** 2, bound=8 * size * size, rate=1)
    return [[mean / root, square.log()]]


@entry(
    id="gm-affine",
    title="Affine maps of the variable are isometries of the half-plane, and simply transitive",
    statement=sp.Tuple(sp.Eq(Action("g", sp.Tuple(x, ell)), IMAGE, evaluate=False)),
    symbols={shift: "image of the location 0, over sqrt(2c)", stretch: "log of the squared factor, log s^2"}
    | VALUE
    | CURVATURE,
    conventions=["g is X -> s X + sqrt(2c) t of the normal's variable; the image of N(0, 1) is (t, log s^2)"],
    uses=["gm-metric"],
    status="proves",
    sources=[(CHO, "section 3")],
    implements=[f"{PLANE}.isometry"],
    certificate=Certificate(
        points=grid(26, x=PLACES, ell=PLACES, t=PLACES, s=PLACES, c=CURVATURES), independent=_image
    ),
)
def gm_affine(claim: Any) -> Iterator[Step]:
    """The mean is carried along, the standard deviation multiplied; the metric does not notice, whatever c."""
    yield Step(
        sp.Matrix(
            [(sp.exp(stretch / 2) * sp.sqrt(2 * c) * x + sp.sqrt(2 * c) * shift) / sp.sqrt(2 * c), ell + stretch]
        ),
        claim[0].rhs,
        algebra,
        "mean over sqrt(2c) and log variance of s X + sqrt(2c) t",
    )
    jacobian = IMAGE.jacobian([x, ell])
    yield Step(
        jacobian.T * metric_in_logs().subs(ell, IMAGE[1]) * jacobian, metric_in_logs(), algebra, "the metric is kept"
    )
    standard = substitute({x: sp.S.Zero, ell: sp.S.Zero})
    yield Step(
        IMAGE,
        sp.Matrix([shift, stretch]),
        standard,
        "N(0, 1) goes to (t, log s^2): any point, and by one map only, as t and s are read off",
    )


# ---------------------------------------------------------------------------------------------- the KL as a distance

AWAY, BACK = Divergence(name("p", d), name("p", 0)), Divergence(name("p", 0), name("p", d))
R = sp.sqrt(c) * d
FALL = sp.cosh(R) - k * sp.sinh(R)  # 1 / sigma along the ray
ASIDE = (1 - k**2) * sp.sinh(R) ** 2  # (sqrt(c) mu / sigma)^2 there
KL_ALONG = sp.log(FALL) + (FALL**-2 - 1) / 2 + ASIDE / FALL**2
THIRD = sp.sqrt(c) * k * (3 - k**2) / 6


def _expansion(p: Point) -> list[arb]:
    """Taylor arithmetic in d: the ray solves the geodesic equation, step by step, and the KL is that of two normals."""
    curvature, cosine = exact(p["c"]), exact(p["k"])
    order = 5
    # metric (dmu^2 + dy^2) / (c y^2), y = sigma / sqrt(c): mu'' = 2 mu' y' / y, y'' = (y'^2 - mu'^2) / y
    root = curvature.sqrt()
    mu, y = [arb(0), (1 - cosine**2).sqrt()], [1 / root, cosine]
    for i in range(order - 2):
        a, b = arb_series(mu, i + 2), arb_series(y, i + 2)
        da, db = a.derivative(), b.derivative()
        bend_a, bend_b = 2 * da * db / b, (db * db - da * da) / b
        mu.append(bend_a[i] / ((i + 1) * (i + 2)))
        y.append(bend_b[i] / ((i + 1) * (i + 2)))
    a, s = arb_series(mu, order), arb_series(y, order) * root
    kl = (s * s - 1) / 2 - s.log() + a * a * curvature
    back = (1 / (s * s) - 1) / 2 + s.log() + a * a * curvature / (s * s)
    both = [kl / (2 * curvature), back / (2 * curvature)]
    return [both[0][2], both[0][3], both[1][3]]


@entry(
    id="gm-kl-distance",
    title="A KL over 2c is half the squared distance to second order; the third differs with the direction",
    statement=sp.Tuple(
        sp.Eq(sp.Limit(AWAY / (2 * c * d**2), d, 0), HALF),
        sp.Eq(sp.Limit((AWAY / (2 * c) - d**2 / 2) / d**3, d, 0), THIRD),
        sp.Eq(sp.Limit((BACK / (2 * c) - d**2 / 2) / d**3, d, 0), -THIRD),
    ),
    symbols={
        d: "distance of the two points",
        k: ("cosine of its angle from upwards, the way to larger sigma", "[-1, 1]"),
    }
    | CURVATURE,
    assumptions=["from N(0, 1); by gm-affine from any point alike"],
    conventions=[
        "p(d) is the normal at distance d, p(0) the centre",
        STANDS_FOR,
    ],
    uses=["gm-metric", "gm-affine", "normal-law"],
    status="corrects",
    sources=[(CHO, "abstract")],
    certificate=Certificate(points=grid(26, d=("1/9", "1"), k=("-1", "1"), c=CURVATURES), independent=_expansion),
)
def gm_kl_distance(claim: Any) -> Iterator[Step]:
    """The source has "approximates the squared distance": it is half of it, and only the symmetric mean is so to third
    order."""
    second, third, back = (claim[i].rhs for i in range(3))
    across = symbol("m", real=True)
    yield Step(
        sp.log(1 / sigma) + (sigma**2 + (sp.sqrt(2 * c) * across / sp.sqrt(c)) ** 2 - 1) / 2,
        -sp.log(sigma) + (sigma**2 - 1) / 2 + across**2,
        log_expand,
        "KL of N(sqrt(2c) mu, sigma^2) from N(0, 1), with m = sqrt(c) mu",
    )
    height, place = 1 / FALL, sp.sqrt(1 - k**2) * sp.sinh(R) / FALL
    bend = {s: sp.Derivative(s, (d, 2)) for s in (height, place)}
    up, along = sp.Derivative(height, d), sp.Derivative(place, d)
    yield Step(
        sp.Tuple(bend[place] * height, bend[height] * height, (along**2 + up**2) / height**2),
        sp.Tuple(2 * along * up, up**2 - along**2, c),
        differentiate,
        "the geodesic of unit speed from (0, 1): 1 / sigma = cosh r - k sinh r, m = sqrt(1 - k^2) sinh(r) sigma, with "
        "r = sqrt(c) d and the metric (dm^2 + dsigma^2) / (c sigma^2)",
    )
    fall = symbol("1/sigma", positive=True)
    in_fall = sp.log(fall) + (fall**-2 - 1) / 2 + ASIDE / fall**2
    yield Step(
        -sp.log(sigma) + (sigma**2 - 1) / 2 + across**2,
        in_fall,
        substitute({sigma: 1 / fall, across: sp.sqrt(1 - k**2) * sp.sinh(R) / fall}),
        "the KL along it, by 1 / sigma",
    )
    yield Step(in_fall, KL_ALONG, substitute({fall: FALL}), "and by r")
    yield Step(
        KL_ALONG / (2 * c), second * d**2 + third * d**3, series(d, 4), "its expansion at d = 0: no constant, no slope"
    )
    reverse = -sp.log(FALL) + (FALL**2 - 1) / 2 + ASIDE
    yield Step(reverse / (2 * c), second * d**2 + back * d**3, series(d, 4), "the KL the other way round")
    kl = KL_ALONG / (2 * c)
    yield Step(kl / d**2, second, limit(d, sp.S.Zero), "the second order")
    yield Step((kl - second * d**2) / d**3, third, limit(d, sp.S.Zero), "the third")
    yield Step(
        (reverse / (2 * c) - second * d**2) / d**3, back, limit(d, sp.S.Zero), "the other way: their mean has none"
    )


FAR_UP, FAR_DOWN = 1 / (4 * c), 1 / (2 * sp.sqrt(c))
VERTICAL = (sp.exp(2 * R) - 1 - 2 * R) / (4 * c)


def _vertical(p: Point) -> list[Any]:
    """The KL of N(0, e^(2r)) from N(0, 1) by integration over its variable; its growth at d = 1e40, a ball around."""
    curvature, r = exact(p["c"]), exact(p["c"]).sqrt() * exact(p["d"])
    wide = r.exp()
    kl = normal_expectation(lambda u, _: (wide * u) ** 2 / 2 - u * u / 2 - r, bound=2 * (1 + wide * wide), rate=1)
    far = arb(10) ** 40
    shrink = (-2 * curvature.sqrt() * far).exp()
    up = ((1 - shrink) / 2 - shrink * curvature.sqrt() * far) / (2 * curvature)
    down = ((shrink - 1) / 2 + curvature.sqrt() * far) / (2 * curvature * far)
    # the rest is shrink (1 + 2 r) / (4c) upwards, and at most 1 / (4 c d) downwards
    return [kl / (2 * curvature), up + plus_minus(arb("1e-39")), down + plus_minus(1 / (2 * curvature * far))]


@entry(
    id="gm-kl-far",
    title="Far away a KL is no distance: it grows exponentially upwards and linearly downwards",
    statement=sp.Tuple(
        sp.Eq(AWAY / (2 * c), VERTICAL),
        sp.Eq(sp.Limit(AWAY / (2 * c) * sp.exp(-2 * R), d, sp.oo), FAR_UP),
        sp.Eq(sp.Limit(Divergence(name("p", -d), name("p", 0)) / (2 * c * d), d, sp.oo), FAR_DOWN),
    ),
    symbols={d: "distance along the vertical geodesic"} | CURVATURE,
    conventions=[
        "p(0) is the centre, p(d) the normal at distance d upwards, towards larger sigma, and p(-d) downwards",
    ],
    uses=["gm-metric", "normal-law"],
    status="new",
    certificate=Certificate(points=grid(26, d=("1/9", "3"), c=CURVATURES), independent=_vertical),
)
def gm_kl_far(claim: Any) -> Iterator[Step]:
    """What is left of "a local approximation of the squared distance" is the word local."""
    up = sp.exp(R)
    yield Step(-sp.log(up) / (2 * c) + (up**2 - 1) / (4 * c), claim[0].rhs, log_expand, "sigma = e^r straight up")
    yield Step(VERTICAL * sp.exp(-2 * R), claim[1].rhs, limit(d, sp.oo), "far more than d^2 / 2")
    yield Step(VERTICAL.subs(d, -d) / d, claim[2].rhs, limit(d, sp.oo), "far less than d^2 / 2")
