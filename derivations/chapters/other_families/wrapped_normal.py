"""The wrapped normal on H^d: the image of N(0, diag(sigma^2)) under the exponential map.

Its density needs one thing: by how much that map stretches volume.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flint import arb_mat

from derivations.chapters.horospherical_gaussian.symbols import REAL
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    arb,
    entry,
    exact,
    grid,
    induction,
    log_expand,
    modulo,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import ExponentialMap, Meaning, Norm, coordinates, name

r = symbol("r", positive=True)
theta = symbol("theta", real=True)
c, sn = symbol("cos_theta", real=True), symbol("sin_theta", nonnegative=True)
cosh, sinh = symbol("cosh_r", positive=True), symbol("sinh_r", positive=True)
m = symbol("m", integer=True, positive=True)
square = symbol("Q", nonnegative=True)
logs = symbol("L", real=True)

LOG_WRAPPED = -square / 2 - logs - (m + 1) * sp.log(2 * sp.pi) / 2 - m * sp.log(sp.sinh(r) / r)


INDEX = (symbol("i"), 0, m)


def _part(vector: str) -> Any:
    return sp.IndexedBase(vector)[INDEX[0]]


def wrapped_in_coordinates(d: int) -> Any:
    """wn-density with the tangent vector v and the scales sigma_i spelled out, for dimension d."""
    v, scales = coordinates("v", d), coordinates("sigma", d, positive=True)
    values = {
        square: sp.Add(*((y / s) ** 2 for y, s in zip(v, scales, strict=True))),
        logs: sp.Add(*(sp.log(s) for s in scales)),
        r: sp.sqrt(sp.Add(*(y**2 for y in v))),
        m: d - 1,
    }
    return sp.Eq(sp.log(name("q", ExponentialMap("o", "v"))), LOG_WRAPPED.subs(values))


def _wrapped(p: Point) -> arb:
    """The normal density over the volume stretch of the exponential map: the Gram determinant of its derivative.

    On the hyperboloid exp(v) = cosh r e_0 + (sinh r / r) v; v points along (1, ..., 1).
    """
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
    statement=sp.Eq(sp.log(name("q", ExponentialMap("o", "v"))), LOG_WRAPPED),
    symbols={
        symbol("o"): Meaning("centre", domain="H^d"),
        symbol("v"): Meaning("tangent vector at o", domain="R^d"),
        square: Meaning(
            "squared length of v over the scales sigma_i", sp.Sum(_part("v") ** 2 / _part("sigma") ** 2, INDEX)
        ),
        logs: Meaning("sum of the logarithms of the scales", sp.Sum(sp.log(_part("sigma")), INDEX)),
        r: Meaning("length of v", Norm("v")),
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
    down, out = symbol("e^(-tau)", positive=True), symbol("|b|", nonnegative=True)
    yield Step(
        down**2 * out**2,
        sinh**2 * sn**2,
        substitute({down: fall, out: side}),
        "b keeps its direction, so the other angles enter as |b|^2 e^(-2 tau) times the metric of the sphere S^(m-1): "
        "the metric is dr^2 + sinh(r)^2 times that of S^m",
    )
    form, k = sp.Function("g", positive=True), symbol("k", integer=True, positive=True)
    sphere = sp.Product(form(k), (k, 1, m))
    for factor, where in ((sp.sinh(r), "on the space"), (r, "on the tangent space, with the same r and direction")):
        determinant = sp.Product(factor**2 * form(k), (k, 1, m))
        yield Step(determinant, factor ** (2 * m) * sphere, induction(m, 1), f"its determinant {where}")
    above, below = symbol("v", positive=True), symbol("w", positive=True)
    ratio = substitute({above: sp.sinh(r) ** (2 * m) * sphere, below: r ** (2 * m) * sphere})
    yield Step(sp.sqrt(above / below), (sp.sinh(r) / r) ** m, ratio, "the ratio of the two volumes")
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
