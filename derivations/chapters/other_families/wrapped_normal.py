"""The laws that stand beside the horospherical ones: the wrapped normal on H^d and the normal on R^d.

The wrapped normal is the image of N(0, diag(sigma^2)) under the exponential map, so its density needs one thing: by
how much that map stretches volume. The normal is the Euclidean baseline.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportCallIssue=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.horospherical_gaussian.density import coordinates
from derivations.chapters.horospherical_gaussian.kl import KL_HEIGHT, hg_kl_height
from derivations.chapters.horospherical_gaussian.symbols import (
    FUBINI,
    REAL,
    SCALE,
    mu,
    mu_p,
    mu_q,
    name,
    over_line,
    phi,
    sigma,
    sigma_p,
    sigma_q,
    t,
)
from derivations.engine.kernel import (  # fmt: skip
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    argument,
    complete_square,
    entry,
    exact,
    grid,
    induction,
    log_expand,
    modulo,
    normal_expectation,
    sp,
    symbol,
    use,
)

r = symbol("r", positive=True)
theta = symbol("theta", real=True)
c, sn = symbol("cos_theta", real=True), symbol("sin_theta", nonnegative=True)
cosh, sinh = symbol("cosh_r", positive=True), symbol("sinh_r", positive=True)
m = symbol("m", integer=True, positive=True)
square = symbol("Q", nonnegative=True)
logs = symbol("L", real=True)
x = symbol("x", real=True)

# ---------------------------------------------------------------------------------- the wrapped normal

LOG_WRAPPED = -square / 2 - logs - (m + 1) * sp.log(2 * sp.pi) / 2 - m * sp.log(sp.sinh(r) / r)


def wrapped_in_coordinates(d: int) -> Any:
    """wn-density with the tangent vector v and the scales sigma_i spelled out, for dimension d."""
    v, scales = coordinates("v", d), coordinates("sigma", d, positive=True)
    values = {
        square: sp.Add(*((y / s) ** 2 for y, s in zip(v, scales, strict=True))),
        logs: sp.Add(*(sp.log(s) for s in scales)),
        r: sp.sqrt(sp.Add(*(y**2 for y in v))),
        m: d - 1,
    }
    return sp.Eq(name("log_density", "v"), LOG_WRAPPED.subs(values))


def _wrapped(p: Point) -> arb:
    """The normal density over the volume stretch of the exponential map: the Gram determinant of its derivative.

    On the hyperboloid exp(v) = cosh r e_0 + (sinh r / r) v; v points along (1, ..., 1).
    """
    from flint import arb_mat

    d, length = int(p["m"]) + 1, exact(p["r"])
    part = length / arb(d).sqrt()
    ratio = length.sinh() / length
    bend = (length * length.cosh() - length.sinh()) / length**3
    columns = []
    for i in range(d):
        columns.append([ratio * part] + [part * part * bend + (ratio if i == j else 0) for j in range(d)])
    gram = [[sum((a * b for a, b in zip(u[1:], w[1:], strict=True)), -u[0] * w[0]) for w in columns] for u in columns]
    density = -exact(p["Q"]) / 2 - exact(p["L"]) - d * (2 * arb.pi()).log() / 2
    return density - arb_mat(gram).det().log() / 2


@entry(
    id="wn-density",
    title="Density of the wrapped normal",
    statement=sp.Eq(name("log_density", "v"), LOG_WRAPPED),
    symbols={
        square: "squared length of v over the scales, sum of v_i^2 / sigma_i^2",
        logs: "sum of the log sigma_i",
        r: "length |v| of the tangent vector v, the logarithm of the point at the centre",
        m: "dimension of the fibre, d - 1",
    },
    conventions=[
        "density with respect to the Riemannian volume, curvature -1",
        "v in an orthonormal frame at the centre; at v = 0 the last term is its limit 0",
    ],
    uses=["geo-horo-polar"],
    status="new",
    sources=[("nagano2019wrapped", "section 3")],
    in_coordinates=wrapped_in_coordinates,
    certificate=Certificate(
        points=grid(26, Q=("0", "9"), L=REAL, r=("1/100", "6"), m=[1, 2, 3, 7]), independent=_wrapped
    ),
)
def wn_density(claim: Any) -> Iterator[Step]:
    """The exponential map carries polar coordinates to polar coordinates; the volumes are r^m and sinh(r)^m."""
    fall = cosh - c * sinh  # e^(-tau), from geo-horo-polar; cosh and sinh of r, c = cos theta and sn = sin theta
    side = sn * sinh / fall

    def slope(f: Any, variable: sp.Symbol) -> Any:
        if variable is r:
            return sp.diff(f, cosh) * sinh + sp.diff(f, sinh) * cosh
        return -sp.diff(f, c) * sn + sp.diff(f, sn) * c

    for a, b, value in ((r, r, sp.S.One), (r, theta, sp.S.Zero), (theta, theta, sinh**2)):
        rise = slope(-sp.log(fall), a) * slope(-sp.log(fall), b)
        yield Step(
            rise + fall**2 * slope(side, a) * slope(side, b),
            value,
            modulo([cosh**2 - sinh**2 - 1, sn**2 + c**2 - 1], cosh, sn, sinh, c),
            f"the metric dtau^2 + e^(-2 tau) |db|^2 in polar coordinates: the entry of d{a} d{b}",
        )
    yield Step(
        fall**2 * side**2,
        sinh**2 * sn**2,
        algebra,
        "b keeps its direction, so the other angles enter as |b|^2 e^(-2 tau) times the metric of the sphere S^(m-1)",
    )
    yield Step(
        name("volume", r), name("volume", r), argument,
        "hence the metric is dr^2 + sinh(r)^2 times the round metric of S^m, whose volume is sinh(r)^m dr dsigma; the "
        "tangent space has r^m dr dsigma with the same r and direction",
    )  # fmt: skip
    k = sp.Symbol("k", integer=True, positive=True)
    yield Step(
        sp.Product(sp.sinh(r) / r, (k, 1, m)), (sp.sinh(r) / r) ** m, induction(m, 1), "the ratio of the two volumes"
    )
    for d in (2, 3, 4):
        scales, v = coordinates("sigma", d, positive=True), coordinates("v", d)
        density = sp.Mul(
            *(sp.exp(-(y**2) / (2 * s**2)) / (sp.sqrt(2 * sp.pi) * s) for y, s in zip(v, scales, strict=True))
        )
        yield Step(
            sp.log(density),
            sp.Add(*(-(y**2) / (2 * s**2) - sp.log(s) for y, s in zip(v, scales, strict=True)))
            - d * sp.log(2 * sp.pi) / 2,
            log_expand,
            f"the normal density on the tangent space, outright for d = {d}",
        )
    yield Step(
        -square / 2 - logs - (m + 1) * sp.log(2 * sp.pi) / 2 - sp.log((sp.sinh(r) / r) ** m),
        claim.rhs,
        log_expand,
        "divided by the stretch of volume",
    )


# ------------------------------------------------------------------------------------------ the normal

LOG_NORMAL = -((x - mu) ** 2) / (2 * sigma**2) - sp.log(sigma) - sp.log(2 * sp.pi) / 2
ENTROPY_NORMAL = sp.log(2 * sp.pi * sp.E) / 2 + sp.log(sigma)


def _log_normal(p: Point) -> arb:
    """The exponent less the logarithm of its integral."""
    scale, half = exact(p["sigma"]), arb(1) / 2
    total = normal_expectation(lambda z, _: z * 0 + 1, bound=1) * (2 * arb.pi()).sqrt() * scale
    return -((exact(p["x"]) - exact(p["mu"])) ** 2) * half / (scale * scale) - total.log()


def _entropy_normal(p: Point) -> arb:
    scale = exact(p["sigma"])
    level = (2 * arb.pi()).log() / 2 + scale.log()
    return normal_expectation(lambda z, _: z * z / 2 + level, bound=1 + abs(level), rate=1)


def _kl_normal(p: Point) -> arb:
    shift = exact(p["mu_q"]) - exact(p["mu_p"])
    one, two = exact(p["sigma_q"]), exact(p["sigma_p"])
    gap = (two / one).log()

    def ratio(z: Any, _: bool) -> Any:
        away = (shift + one * z) / two
        return gap - z * z / 2 + away * away / 2

    size = abs(gap) + 1 + (abs(shift) + one) ** 2 / (two * two)
    return normal_expectation(ratio, bound=2 * size, rate=1)


@entry(
    id="normal-law",
    title="Density, entropy and KL of the normal, one coordinate",
    statement=sp.Tuple(
        sp.Eq(name("log_density", x), LOG_NORMAL),
        sp.Eq(name("H", sigma), ENTROPY_NORMAL),
        sp.Eq(name("KL", "q", "p"), KL_HEIGHT),
    ),
    symbols={
        x: "value", mu: "location", sigma: "scale", mu_q: "location of q", mu_p: "location of p",
        sigma_q: "scale of q", sigma_p: "scale of p",
    },
    conventions=["with respect to dx; for independent coordinates each of the three is a sum over coordinates"],
    uses=["hg-kl-height"],
    status="new",
    certificate=Certificate(
        points=grid(26, x=REAL, mu=REAL, sigma=SCALE, mu_q=REAL, mu_p=REAL, sigma_q=SCALE, sigma_p=SCALE),
        independent=lambda p: [_log_normal(p), _entropy_normal(p), _kl_normal(p)],
    ),
)  # fmt: skip
def normal_law(claim: Any) -> Iterator[Step]:
    """Gaussian integrals in the standard variable t = (x - mu) / sigma."""
    total = over_line(sp.exp(-((x - mu) ** 2) / (2 * sigma**2)), x)
    yield Step(total, sp.sqrt(2 * sp.pi) * sigma, complete_square(x), "the normaliser")
    yield Step(
        -((x - mu) ** 2) / (2 * sigma**2) - sp.log(sp.sqrt(2 * sp.pi) * sigma), claim[0].rhs, log_expand, "log density"
    )
    minus = -LOG_NORMAL.subs(x, mu + sigma * t)
    yield Step(
        over_line(sp.expand(minus) * phi(t), t), sp.Rational(1, 2) + sp.log(sigma) + sp.log(2 * sp.pi) / 2,
        complete_square(t), "minus its expectation",
    )  # fmt: skip
    yield Step(sp.Rational(1, 2) + sp.log(sigma) + sp.log(2 * sp.pi) / 2, claim[1].rhs, log_expand, "the entropy")
    yield Step(name("KL_height", "q", "p"), claim[2].rhs, use(hg_kl_height), "the height term is the KL of two normals")
    yield Step(name("sum", m), name("sum", m), argument, FUBINI)
