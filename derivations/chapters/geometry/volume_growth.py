"""Volume growth: of balls and of horospheres, and what each argument says about depth and
height."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.geometry.horospherical import COSH_DISTANCE
from derivations.chapters.geometry.symbols import CURVATURE, HEIGHTS, SOURCE, delta, m, other, tau
from derivations.enclosures.gaussian import half_line
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    antiderivative,
    arb,
    change_of_variable,
    differentiate,
    entry,
    equal_squares,
    exact,
    fubini,
    grid,
    induction,
    integral,
    integrate,
    lhopital,
    plus_minus,
    sp,
    substitute,
    sum_recursion,
    symbol,
    termwise,
)
from derivations.engine.notation import name, over_line

r, x = symbol("r", positive=True), symbol("x", real=True)
k = symbol("k", integer=True, nonnegative=True)
B = symbol("B", positive=True)
V, T = sp.Function("V"), sp.IndexedBase("T")
SPHERE = 2 * sp.pi ** ((m + 1) / 2) / sp.gamma((m + 1) / 2)
TERM = sp.Piecewise((r, sp.Eq(2 * k, m)), ((sp.exp((m - 2 * k) * r) - 1) / (m - 2 * k), True))
RADIAL = 2 ** (-m) * sp.Sum((-1) ** k * sp.binomial(m, k) * TERM, (k, 0, m))


def sphere_area(n: int) -> arb:
    """Area of the unit sphere in R^(n+1), from the Gaussian integral in polar coordinates."""
    radial = half_line(lambda z, _: z**n, bound=arb(n).fac() if n else 1, rate=1)
    return (2 * arb.pi()) ** (arb(n + 1) / 2) / radial


def _volume(p: Point) -> list[arb]:
    n, radius = int(p["m"]), exact(p["r"])
    volume = sphere_area(n) * integral(lambda z, _: z.sinh() ** n, 0, radius, bits=100)
    # V''/V' = m coth R for every R in [60, oo) at once: coth lies in [1, 1 + 3 e^(-120)]
    far = n * (1 + arb(0).union(3 * arb(-120).exp()))
    return [volume, far, exact(p["B"]).root(n).log()]


@entry(
    id="geo-ball-volume",
    title="Volume of a ball, its growth rate, and the radius that a level of a tree costs",
    statement=sp.Tuple(
        sp.Eq(V(r), SPHERE * RADIAL),
        sp.Eq(sp.Limit(sp.Derivative(sp.log(V(r)), r), r, sp.oo), m),
        sp.Eq(name("r", B), sp.log(B) / m),
    ),
    display=sp.Eq(V(r), SPHERE * 2 ** (-m) * sp.Sum((-1) ** k * sp.binomial(m, k) * T[k], (k, 0, m))),
    where={T[k]: TERM},
    symbols={
        r: "radius",
        m: "d - 1",
        k: ("index of the sum", "0, ..., m"),
        B: ("branching of the tree", "greater than 1"),
    },
    conventions=[
        CURVATURE,
        "V(r) is the volume of a ball of radius r; r(B) is the radius over which the volume grows by the factor B in "
        "the limit",
    ],
    uses=["geo-metric", "geo-distance"],
    status="proves",
    sources=[(SOURCE, "section 2")],
    certificate=Certificate(
        points=grid(27, r=("1/10", "6"), m=[1, 2, 3, 4, 7, 15], B=("3/2", "8")), independent=_volume, bits=256
    ),
)
def geo_ball_volume(claim: Any) -> Iterator[Step]:
    """Polar coordinates on the hyperboloid have the volume element sinh^m r dr; expand and integrate."""
    slope, turn = symbol("r'", real=True), symbol("|U'|", nonnegative=True)
    yield Step(
        -((sp.sinh(r) * slope) ** 2) + (sp.cosh(r) * slope) ** 2 + sp.sinh(r) ** 2 * turn**2,
        slope**2 + sp.sinh(r) ** 2 * turn**2,
        algebra,
        "the metric at cosh r X + sinh r U is dr^2 + sinh^2 r times that of the unit sphere",
    )
    form, stretch = sp.Function("g", positive=True), symbol("w", positive=True)
    j = symbol("j", integer=True, positive=True)
    yield Step(
        sp.Product(sp.sinh(r) ** 2 * form(j), (j, 1, m)),
        sp.sinh(r) ** (2 * m) * sp.Product(form(j), (j, 1, m)),
        induction(m, 1),
        "its determinant, in orthogonal coordinates of the sphere, is sinh^(2m) r times the sphere's",
    )
    yield Step(sp.sqrt(stretch), sp.sinh(r) ** m, substitute({stretch: sp.sinh(r) ** (2 * m)}), "its root")
    yield from _sphere_area()
    powers = sp.Sum((-1) ** k * sp.binomial(m, k) * sp.exp((m - 2 * k) * x), (k, 0, m))
    parts = (sp.exp(x) / 2, 1, 0), (-sp.exp(-x) / 2, 1, 1)
    yield Step(sp.sinh(x) ** m, 2 ** (-m) * powers, sum_recursion(m, *parts), "the binomial theorem")
    yield Step(sp.Integral(2 ** (-m) * powers, (x, 0, r)), RADIAL, termwise, "integrated term by term")
    area = symbol("area", positive=True)
    yield Step(area * RADIAL, claim[0].rhs, substitute({area: SPHERE}), "area of the sphere times the radial integral")
    total = sp.Integral(sp.sinh(x) ** m, (x, 0, r))
    yield Step(sp.Limit(sp.sinh(r) ** m / total, r, sp.oo), claim[1].rhs, lhopital(r), "V'/V, by V''/V' = m coth r")
    radius, factor = symbol("c", positive=True), symbol("V(r + c)/V(r)", positive=True)
    yield Step(
        sp.exp(m * radius), factor, substitute({radius: sp.log(factor) / m}), "a radius c multiplies V by e^(m c)"
    )
    yield Step(sp.log(factor) / m, claim[2].rhs, substitute({factor: B}), "the cost of one level")


def _sphere_area() -> Iterator[Step]:
    """The area of the unit sphere in R^(m+1) from the Gaussian integral, in Cartesian and in polar coordinates."""
    n, y, before = symbol("n", integer=True, positive=True), symbol("y", real=True), symbol("J", positive=True)
    yield Step(
        name("Gaussian integral over R^n", n),
        (2 * sp.pi) ** (n / 2),
        fubini(n, 1, sp.sqrt(2 * sp.pi), before, over_line(before * sp.exp(-(y**2) / 2), y)),
        "one coordinate after another",
    )
    u = symbol("u", positive=True)
    yield Step(
        sp.Integral(r**m * sp.exp(-(r**2) / 2), (r, 0, sp.oo)),
        sp.Integral((2 * u) ** (m / 2) * sp.exp(-u) / sp.sqrt(2 * u), (u, 0, sp.oo)),
        change_of_variable(r, u, sp.sqrt(2 * u)),
        "in polar coordinates: the area times this",
    )
    yield Step(
        sp.Integral((2 * u) ** (m / 2) * sp.exp(-u) / sp.sqrt(2 * u), (u, 0, sp.oo)),
        2 ** ((m - 1) / 2) * sp.gamma((m + 1) / 2),
        integrate,
        "which is a Gamma function",
    )
    yield Step(
        (2 * sp.pi) ** ((m + 1) / 2) / (2 ** ((m - 1) / 2) * sp.gamma((m + 1) / 2)),
        SPHERE,
        algebra,
        "so the area is this",
    )


# ----------------------------------------------------------------------------------------- capacity

area, mismatch = symbol("A", positive=True), symbol("g", positive=True)
level = symbol("n", real=True)


@entry(
    id="geo-capacity",
    title="Room over a patch of the fibre, and the sign that each argument gives to depth against height",
    statement=sp.Tuple(
        sp.Eq(name("S", tau), area * sp.exp(-m * tau)),
        sp.Eq(V(tau), area * sp.exp(-m * tau) / m),
        sp.Eq(name("D", tau), 2 * sp.sinh(1) * sp.exp(tau)),
        sp.Eq(sp.Derivative(name("tau", level), level), -sp.log(B) / m),
        sp.Eq(sp.Derivative(name("mu", level), level), mismatch / 2),
    ),
    symbols={
        tau: "height of the horosphere",
        level: "level of the tree, taken as continuous",
        area: "Euclidean volume of the patch of b",
        m: "d - 1",
        B: ("branching of the tree", "greater than 1"),
        mismatch: "growth rate per level of the squared fibre mismatch delta^2",
    },
    conventions=[
        CURVATURE,
        "S is the volume of the patch within its horosphere, V the volume above it; D is the Euclidean distance of b "
        "at which unit balls centred at the height become disjoint",
        "dtau/dn: such that B^n disjoint balls fit over one patch",
        "dmu/dn: such that the drift term of the KL stays the same while delta^2 grows as e^(g n)",
    ],
    uses=["geo-metric", "geo-volume", "geo-distance"],
    status="corrects",
    sources=[(SOURCE, "section 3")],
    certificate=Certificate(
        points=grid(27, tau=HEIGHTS, A=("1/10", "10"), m=[1, 2, 3, 7, 15], B=("3/2", "8"), g=("1/10", "4")),
        independent=lambda p: _capacity(p),
    ),
)
def geo_capacity(claim: Any) -> Iterator[Step]:
    """Room falls with height, so capacity puts leaves low; the drift term falls with height, so it puts
    them high."""
    j, square = symbol("j", integer=True, positive=True), symbol("w", positive=True)
    yield Step(
        sp.Product(sp.exp(-2 * tau), (j, 1, m)),
        sp.exp(-2 * m * tau),
        induction(m, 1),
        "determinant of the horosphere's metric e^(-2 tau) |db|^2",
    )
    density = substitute({square: sp.exp(-2 * m * tau)})
    yield Step(area * sp.sqrt(square), claim[0].rhs, density, "its root is constant over the patch")
    yield Step(
        sp.Integral(area * sp.exp(-m * x), (x, tau, sp.oo)),
        claim[1].rhs,
        antiderivative(-area * sp.exp(-m * x) / m, x, tau, sp.oo),
        "all room above the patch, finite; below it is infinite",
    )
    apart = sp.exp(tau) * sp.sqrt(2 * (sp.cosh(2) - 1))
    yield Step(
        COSH_DISTANCE.subs(other, tau),
        sp.cosh(2),
        substitute({delta: apart}),
        "centres at distance 2: unit balls touch",
    )
    yield Step(
        apart, claim[2].rhs, equal_squares, "the number of disjoint balls over a cube of side L is about (L/spacing)^m"
    )
    level, start = symbol("level", positive=True), symbol("tau_0", real=True)
    height = start - level * sp.log(B) / m
    yield Step(
        (-m * height) - (-m * start),
        level * sp.log(B),
        algebra,
        "log of the room gained: at this height there is room for B^level",
    )
    yield Step(sp.Derivative(height, level), claim[3].rhs, differentiate, "its slope: depth falls with height")
    mu, sigma, s = symbol("mu", real=True), symbol("sigma", positive=True), symbol("s", positive=True)
    drift = sp.exp(mismatch * level) / (2 * s**2) * sp.exp(-2 * mu + 2 * sigma**2)
    rising = start + mismatch * level / 2
    yield Step(
        drift.subs(mu, rising),
        drift.subs({mu: start, level: 0}),
        algebra,
        "on this line the drift term is constant",
    )
    yield Step(sp.Derivative(rising, level), claim[4].rhs, differentiate, "its slope: depth rises with height")


def _capacity(p: Point) -> list[arb]:
    height, patch, n = exact(p["tau"]), exact(p["A"]), int(p["m"])
    y = height.exp()
    reach = 160
    body = integral(lambda z, _: patch * (-n * (height + z)).exp(), 0, reach, bits=100)
    tail = plus_minus(patch * (-n * (height + reach)).exp())
    # the gap at which arcs between equal heights have length 2: y sinh 1 = R cos(angle), half the gap
    spacing = 2 * ((2 * arb(2).cosh() - 2).sqrt() / 2) * y
    level_cost = exact(p["B"]).root(n).log()
    drift = exact(p["g"]).exp().sqrt().log()
    return [patch / y**n, body + tail, spacing, -level_cost, drift]
