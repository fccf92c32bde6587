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
    argument,
    differentiate,
    entry,
    exact,
    grid,
    integral,
    integrate,
    limit,
    plus_minus,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import name

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
    angles = [symbol(f"theta_{i}", positive=True) for i in (1, 2, 3)]
    units = {
        1: [sp.cos(angles[0]), sp.sin(angles[0])],
        2: [sp.cos(angles[0]), sp.sin(angles[0]) * sp.cos(angles[1]), sp.sin(angles[0]) * sp.sin(angles[1])],
    }
    first = units[2]
    units[3] = [*first[:2], first[2] * sp.cos(angles[2]), first[2] * sp.sin(angles[2])]
    elements = {1: sp.S.One, 2: sp.sin(angles[0]), 3: sp.sin(angles[0]) ** 2 * sp.sin(angles[1])}
    areas = {1: 2 * sp.pi, 2: 4 * sp.pi, 3: 2 * sp.pi**2}
    for n, unit in units.items():
        points = sp.Matrix([sp.cosh(r), *(sp.sinh(r) * u for u in unit)])
        jacobian = points.jacobian([r, *angles[:n]])
        gram = jacobian.T * sp.diag(-1, *([1] * (n + 1))) * jacobian
        pythagoras = {sp.sin(a) ** 2: 1 - sp.cos(a) ** 2 for a in angles}
        sines = [sp.S.One, sp.sin(angles[0]) ** 2, sp.sin(angles[0]) ** 2 * sp.sin(angles[1]) ** 2]
        polar = sp.diag(1, *(sp.sinh(r) ** 2 * f for f in sines[:n]))
        yield Step(
            gram.applyfunc(sp.expand),
            polar,
            substitute(pythagoras),
            f"the metric in polar coordinates on the hyperboloid, d = {n + 1}",
        )
        yield Step(
            polar.det(),
            sp.sinh(r) ** (2 * n) * elements[n] ** 2,
            algebra,
            "its determinant: sinh^m r times the sphere's",
        )
        area = elements[n]
        for i, a in enumerate(angles[:n]):
            area = sp.Integral(area, (a, 0, 2 * sp.pi if i == n - 1 else sp.pi))
        yield Step(area, areas[n], integrate, f"area of the unit sphere, d = {n + 1}")
        yield Step(areas[n], SPHERE.subs(m, n), algebra, "as given by the Gamma function")
        primitive = sp.expand(RADIAL.subs(m, n).doit())
        yield Step(
            sp.Integral(sp.sinh(x) ** n, (x, 0, r)),
            primitive,
            antiderivative(primitive.subs(r, x), x, sp.S.Zero, r),
            f"the radial integral, d = {n + 1}",
        )
        yield Step(areas[n] * primitive, claim[0].rhs.subs(m, n).doit(), algebra, f"the statement at d = {n + 1}")
    yield Step(
        SPHERE * RADIAL,
        claim[0].rhs,
        argument,
        "in any dimension the metric in polar coordinates is dr^2 + sinh^2 r times that of the unit sphere "
        "(the step on "
        "the speed in geo-distance); sinh^m r = 2^(-m) sum_k (-1)^k C(m, k) e^((m - 2k) r) is integrated "
        "term by term",
    )
    yield Step(sp.diff(sp.sinh(r) ** m, r) / sp.sinh(r) ** m, m * sp.cosh(r) / sp.sinh(r), algebra, "V''/V'")
    u = symbol("u", positive=True)
    yield Step(
        (m * sp.cosh(r) / sp.sinh(r)).rewrite(sp.exp).subs(r, -sp.log(u)),
        claim[1].rhs,
        limit(u, 0),
        "its limit, u = e^(-r); V'/V has the same one by l'Hospital, as V and V' tend to infinity",
    )
    step = sp.log(B) / m
    yield Step(sp.exp(m * step), B, algebra, "volume grows by B over this radius")
    yield Step(step, claim[2].rhs, algebra, "the cost of one level")


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
    for n in (1, 2, 3):
        yield Step(
            sp.sqrt(sp.diag(*([sp.exp(-2 * tau)] * n)).det()),
            sp.exp(-n * tau),
            algebra,
            f"volume density of the horosphere's metric e^(-2 tau) |db|^2, d = {n + 1}",
        )
    yield Step(
        area * sp.exp(-m * tau),
        claim[0].rhs,
        algebra,
        "constant over the patch; the general m as in geo-volume",
    )
    yield Step(
        sp.Integral(area * sp.exp(-m * x), (x, tau, sp.oo)),
        claim[1].rhs,
        antiderivative(-area * sp.exp(-m * x) / m, x, tau, sp.oo),
        "all room above the patch, finite; below it is infinite",
    )
    gap = 2 * sp.sinh(1) * sp.exp(tau)
    yield Step(
        COSH_DISTANCE.subs({other: tau}).subs(delta, gap),
        sp.cosh(2),
        algebra,
        "centres at this gap are at distance 2, so unit balls touch",
    )
    yield Step(
        gap,
        claim[2].rhs,
        algebra,
        "the number of disjoint balls over a cube of side L is about (L/spacing)^m",
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
