"""The Horospherical Gaussian HG(mu, beta, sigma, s): normaliser, moments, sampler, entropy, KL, Fisher
information.

Density with respect to the Riemannian volume dvol = e^(-m tau) dtau db, with m = d - 1:

    Z^(-1) exp(-(tau - mu)^2 / (2 sigma^2) - |b - beta|^2 / (2 s^2 e^(2 tau))).

Write tau = mu + sigma t and b = beta + s e^tau eps. Everything below rests on two facts: given tau the m
fibre coordinates are independent normals, and their Jacobian e^(m tau) meets the volume's e^(-m tau).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flint import arb_mat

from derivations.chapters.horospherical_gaussian.symbols import (
    FIBRE,
    HG,
    LOCATION,
    OFFSET,
    REAL,
    SCALE,
    SCALES,
    SOURCE,
    VOLUME,
    b,
    beta,
    m,
    mu,
    r,
    radius,
    s,
    sigma,
    t,
    tau,
    u,
)
from derivations.enclosures.density import sample
from derivations.enclosures.gaussian import half_line, law, radial_mean
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    complete_square,
    differentiate,
    entry,
    exact,
    fubini,
    grid,
    induction,
    log_expand,
    matrices,
    normal_expectation,
    solves,
    sp,
    substitute,
    symbol,
    theorem,
)
from derivations.engine.notation import (
    Differential,
    Expectation,
    Meaning,
    Norm,
    Volume,
    coordinates,
    name,
    over_line,
    phi,
)


def fibre_exponent(kappa: Any = 1) -> Any:
    """One coordinate's share of the exponent when Var(b given tau) = s^2 e^(2 kappa tau)."""
    return -((b - beta) ** 2) / (2 * s**2 * sp.exp(2 * kappa * tau))


# -------------------------------------------------------------------------------------- normaliser

Z = sp.sqrt(2 * sp.pi) * sigma * (2 * sp.pi * s**2) ** (m / 2)


def normaliser_by_integrals(p: Point, kappa: arb | int = 1) -> arb:
    """Z by definition: radial integral over the fibre, then the integral over the height, with e^(-m tau)."""
    loc, scale, width, _ = law(p, "")
    n = int(p["m"])
    sphere = 2 * arb.pi() ** (arb(n) / 2) / (arb(n) / 2).gamma()
    radial = half_line(lambda x, _: x ** (n - 1), bound=arb(n - 1).fac() if n > 1 else 1, rate=1)
    k = arb(kappa) if isinstance(kappa, int) else kappa

    def integrand(z: Any, _: bool) -> Any:
        height = loc + scale * z
        return (n * k * height).exp() * (-n * height).exp()

    rate = abs(n * (k - 1) * scale)
    over_height = normal_expectation(integrand, bound=(n * (k - 1) * loc).exp(), rate=rate)
    return width**n * sphere * radial * over_height * (2 * arb.pi()).sqrt() * scale


@entry(
    id="hg-normaliser",
    title="Normaliser of the Horospherical Gaussian",
    statement=sp.Eq(name("Z", sigma, s), Z),
    symbols=SCALES | FIBRE,
    conventions=[VOLUME],
    uses=["geo-volume"],
    status="proves",
    sources=[(SOURCE, "A.1")],
    certificate=Certificate(
        points=grid(mu=REAL, sigma=SCALE, s=SCALE, m=[1, 2, 3, 15, 63]), independent=normaliser_by_integrals
    ),
)
def hgnormaliser_by_integrals(claim: Any) -> Iterator[Step]:
    """The fibre integral gives e^(m tau), the volume has e^(-m tau), and what is left does not know mu."""
    width = sp.sqrt(2 * sp.pi) * s * sp.exp(tau)
    yield Step(
        over_line(sp.exp(fibre_exponent()), b),
        width,
        complete_square(b),
        "one fibre coordinate, at fixed tau",
    )
    power = (2 * sp.pi * s**2) ** (m / 2) * sp.exp(m * tau)
    before, fibre = symbol("J", positive=True), symbol("F", positive=True)
    one_more = over_line(before * sp.exp(fibre_exponent()), b)
    yield Step(name("fibre_integral", m), power, fubini(m, 1, width, before, one_more), "one coordinate after another")
    cancelled = substitute({fibre: power})
    yield Step(fibre * sp.exp(-m * tau), (2 * sp.pi * s**2) ** (m / 2), cancelled, "the volume cancels e^(m tau)")
    height = sp.exp(-((tau - mu) ** 2) / (2 * sigma**2))
    yield Step(
        over_line(height * (2 * sp.pi * s**2) ** (m / 2), tau),
        claim.rhs,
        complete_square(tau),
        "the height integral; mu is gone and beta went before it",
    )


kappa = symbol("kappa", real=True)
LOG_Z_KAPPA = sp.log(Z) + m * (kappa - 1) * mu + m**2 * (kappa - 1) ** 2 * sigma**2 / 2


@entry(
    id="hg-normaliser-unique",
    title="The only scale function whose normaliser is free of the location",
    statement=sp.Tuple(
        sp.Eq(sp.log(name("Z", mu, sigma, s, kappa)), LOG_Z_KAPPA),
        sp.Eq(sp.Derivative(sp.log(name("Z", mu, sigma, s, kappa)), mu), m * (kappa - 1)),
    ),
    symbols={kappa: "exponent: Var(b given tau) = s^2 e^(2 kappa tau)"} | LOCATION | SCALES | FIBRE,
    assumptions=["the weight v(tau)^m e^(-m tau) is integrable against every N(mu, sigma^2), for one fixed sigma > 0"],
    conventions=[VOLUME],
    uses=["hg-normaliser"],
    status="corrects",
    sources=[(SOURCE, "A.1")],
    certificate=Certificate(
        points=grid(mu=REAL, sigma=("1/20", "3/2"), s=SCALE, kappa=("-1", "2"), m=[1, 2, 3, 7]),
        independent=lambda p: [
            normaliser_by_integrals(p, exact(p["kappa"])).log(),
            _log_normaliser_slope(p),
        ],
    ),
)
def hg_normaliser_unique(claim: Any) -> Iterator[Step]:
    """log Z is affine in mu with slope m (kappa - 1); for a general scale function, Gaussian convolution is
    injective."""
    width = sp.sqrt(2 * sp.pi) * s * sp.exp(kappa * tau)
    yield Step(over_line(sp.exp(fibre_exponent(kappa)), b), width, complete_square(b), "one fibre coordinate")
    power = (2 * sp.pi * s**2) ** (m / 2) * sp.exp(m * kappa * tau)
    before = symbol("J", positive=True)
    one_more = over_line(before * sp.exp(fibre_exponent(kappa)), b)
    yield Step(name("fibre_integral", m), power, fubini(m, 1, width, before, one_more), "one coordinate after another")
    joint = sp.exp(-((tau - mu) ** 2) / (2 * sigma**2)) * power * sp.exp(-m * tau)
    z_kappa = Z * sp.exp(m * (kappa - 1) * mu + m**2 * (kappa - 1) ** 2 * sigma**2 / 2)
    yield Step(over_line(joint, tau), z_kappa, complete_square(tau), "the height integral of a shifted normal")
    yield Step(sp.log(z_kappa), claim[0].rhs, log_expand, "its logarithm")
    yield Step(sp.Derivative(claim[0].rhs, mu), claim[1].rhs, differentiate, "slope in mu: zero iff kappa = 1")
    yield Step(
        name("w", tau),
        name("w", sp.S.Zero),
        theorem("completeness of an exponential family", "lehmann2005", "Theorem 4.3.1"),
        "for any positive v put w = v^m e^(-m tau): Z(mu) is proportional to the mean of w(tau) under N(mu, sigma^2). "
        "If Z is constant, w less that constant has mean zero for every mu, so w is constant almost everywhere: v(tau) "
        "is a multiple of e^tau",
    )


def _log_normaliser_slope(p: Point) -> arb:
    """d log Z / d mu = E_w[(tau - mu)/sigma^2] under the tilted height law, as a ratio of two integrals."""
    loc, scale, _, _ = law(p, "")
    tilt = int(p["m"]) * (exact(p["kappa"]) - 1)

    def weight(z: Any) -> Any:
        return (tilt * (loc + scale * z)).exp()

    top = (tilt * loc).exp()
    slope = normal_expectation(lambda z, _: z / scale * weight(z), bound=top / scale, rate=abs(tilt * scale) + 1)
    return slope / normal_expectation(lambda z, _: weight(z), bound=top, rate=abs(tilt * scale))


# ----------------------------------------------------------------------------------------- moments


@entry(
    id="hg-moment-fibre",
    title="Mean squared fibre offset in the horosphere's own length",
    statement=sp.Eq(Expectation(sp.exp(-2 * tau) * radius**2), m * s**2),
    symbols={
        s: "fibre scale",
        tau: "height",
    }
    | OFFSET
    | FIBRE,
    status="proves",
    sources=[(SOURCE, "A.1")],
    uses=["hg-sampler"],
    certificate=Certificate(
        points=grid(s=SCALE, m=[1, 2, 3, 4, 5, 8, 15, 31, 63]),
        independent=lambda p: exact(p["s"]) ** 2 * radial_mean(2, int(p["m"])),
    ),
)
def hg_moment_fibre(claim: Any) -> Iterator[Step]:
    """e^(-2 tau) |b - beta|^2 = s^2 |eps|^2: the height drops out before any integral is taken."""
    offset, before = symbol("b - beta", real=True), symbol("J", real=True)
    noise = substitute({offset: s * sp.exp(tau) * u})
    yield Step(sp.exp(-2 * tau) * offset**2, s**2 * u**2, noise, "b - beta = s e^tau eps, coordinate by coordinate")
    yield Step(over_line(s**2 * u**2 * phi(u), u), s**2, complete_square(u), "one coordinate")
    one_more = over_line((before + s**2 * u**2) * phi(u), u)
    yield Step(claim.lhs, claim.rhs, fubini(m, 1, s**2, before, one_more), "and their sum, one after another")


def _exponential_moment(p: Point, rate: Any) -> arb:
    loc, scale, _, _ = law(p | {"s": 1}, "")
    a = exact(rate)
    return normal_expectation(lambda z, _: (a * (loc + scale * z)).exp(), bound=(a * loc).exp(), rate=abs(a * scale))


@entry(
    id="hg-mgf",
    title="Exponential moments of the height: drift moment and attenuation",
    statement=sp.Tuple(
        sp.Eq(Expectation(sp.exp(r * tau)), sp.exp(r * mu + r**2 * sigma**2 / 2)),
        sp.Eq(Expectation(sp.exp(-2 * tau)), sp.exp(-2 * mu + 2 * sigma**2)),
        sp.Eq(Expectation(sp.exp(tau)), sp.exp(mu + sigma**2 / 2)),
    ),
    symbols={r: "exponent"} | LOCATION | {sigma: "height scale"},
    status="proves",
    sources=[(SOURCE, "A.2"), (SOURCE, "A.3")],
    implements=[f"{HG}.attenuation"],
    certificate=Certificate(
        points=grid(mu=REAL, sigma=SCALE, r=("-2", "2")),
        independent=lambda p: [_exponential_moment(p, x) for x in (p["r"], -2, 1)],
    ),
)
def hg_mgf(claim: Any) -> Iterator[Step]:
    """Complete the square in t, tau = mu + sigma t."""
    yield Step(
        over_line(sp.exp(r * (mu + sigma * t)) * phi(t), t),
        claim[0].rhs,
        complete_square(t),
        "the general exponent",
    )
    for index, (value, what) in enumerate(((-2, "the drift moment"), (1, "the attenuation")), 1):
        yield Step(claim[0].rhs, claim[index].rhs, substitute({r: value}), f"r = {value}: {what}")


# ----------------------------------------------------------------------------------------- sampler

e = symbol("epsilon", real=True)


@entry(
    id="hg-sampler",
    title="The sampler: standard normal noise to a sample",
    statement=sp.Tuple(
        sp.Eq(name("tau", t), mu + sigma * t),
        sp.Eq(name("b", t, e), beta + s * sp.exp(mu + sigma * t) * e),
        sp.Eq(
            name("q", name("tau", t), name("b", t, e)) * Differential(Volume()) / (Differential(t) * Differential(e)),
            sp.exp(-(t**2) / 2 - radius**2 / 2) / (2 * sp.pi) ** ((m + 1) / 2),
        ),
    ),
    symbols=LOCATION
    | SCALES
    | FIBRE
    | {
        t: "standard normal noise of the height",
        e: "standard normal noise of one fibre coordinate",
        beta: "location of that coordinate",
        radius: Meaning("length of all the fibre noise", Norm("epsilon")),
    },
    conventions=[
        VOLUME,
        "q is the density; what it is multiplied with is the Jacobian of (t, epsilon) -> (tau, b) in volume, all m "
        "fibre coordinates taken together",
    ],
    uses=["hg-normaliser", "geo-volume"],
    status="proves",
    sources=[(SOURCE, "A.1")],
    implements=[f"{HG}.rsample_from", f"{HG}.rsample_and_log_prob"],
    certificate=Certificate(
        points=grid(
            mu=REAL,
            sigma=SCALE,
            s=SCALE,
            beta=REAL,
            t=("-3", "3"),
            epsilon=("-3", "3"),
            rho=("0", "4"),
            m=[1, 2, 3, 5],
        ),
        independent=lambda p: [*sample(p), _pushed(p)],
    ),
)
def hg_sampler(claim: Any) -> Iterator[Step]:
    """The density at the sample times the Jacobian of the sampler is the density of the noise."""
    log_density = -((tau - mu) ** 2) / (2 * sigma**2) - (radius * s * sp.exp(tau)) ** 2 / (2 * s**2 * sp.exp(2 * tau))
    for n in (1, 2, 3):
        us = coordinates("u", n)
        height = mu + sigma * t
        image = sp.Matrix([claim[0].rhs, *(claim[1].rhs.subs({e: x, beta: 0}) for x in us)])
        jacobian = sp.Determinant(image.jacobian([t, *us]))
        yield Step(jacobian, sigma * s**n * sp.exp(n * height), matrices, f"Jacobian, outright for d = {n + 1}")
    k = sp.Symbol("k", integer=True, positive=True)
    yield Step(
        sp.Product(s * sp.exp(tau), (k, 1, m)),
        s**m * sp.exp(m * tau),
        induction(m, 1),
        "the Jacobian is block triangular: sigma for the height, a multiple s e^tau of the identity for the fibre",
    )
    pushed = sp.exp(log_density) / Z * sigma * s**m * sp.exp(m * tau) * sp.exp(-m * tau)
    yield Step(
        pushed.subs(tau, mu + sigma * t),
        claim[2].rhs,
        algebra,
        "density at the sample, times Jacobian, times volume",
    )
    yield Step(tau, claim[0].rhs, solves((tau - mu) / sigma - t, tau), "the height of the sample: t standardises it")
    yield Step(
        beta + s * sp.exp(tau) * e,
        claim[1].rhs,
        substitute({tau: mu + sigma * t}),
        "a fibre coordinate of the sample",
    )


def _pushed(p: Point) -> arb:
    """The same in numbers: the m + 1 by m + 1 Jacobian as a matrix of balls, its determinant by
    elimination."""
    loc, scale, width, _ = law(p, "")
    n, noise = int(p["m"]), exact(p["t"])
    height = loc + scale * noise
    length = exact(p["rho"]) * width * height.exp()  # |b - beta|
    eps = exact(p["rho"]) / arb(n).sqrt()  # the noise points along (1, ..., 1)
    stretch = width * height.exp()
    rows = [[scale] + [arb(0)] * n]
    for i in range(n):
        rows.append([scale * stretch * eps] + [stretch if j == i else arb(0) for j in range(n)])
    z = normaliser_by_integrals(p)
    density = (-(noise**2) / 2 - length**2 / (2 * width**2 * (2 * height).exp())).exp() / z
    return density * arb_mat(rows).det() * (-n * height).exp()
