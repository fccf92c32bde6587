"""The coupled family HG_kappa: tau ~ N(mu, sigma^2), b given tau ~ N(beta, s^2 e^(2 mu + 2 kappa (tau - mu)) I).

kappa, the coupling, says how far the fibre's width follows the height: kappa = 1 is the Horospherical Gaussian,
whose width is s e^tau; at kappa = 0 the width is s e^mu, fixed by the location. Every member moves under the
isometries (a, c) with sigma, s and kappa unchanged, and every KL within the family is in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.horospherical_gaussian.density import Z, e
from derivations.chapters.horospherical_gaussian.symbols import (
    FIBRE,
    HG,
    LOCATION,
    OFFSET,
    REAL,
    SCALE,
    SCALES,
    VOLUME,
    beta,
    m,
    mu,
    s,
    sigma,
    t,
    tau,
    u,
)
from derivations.enclosures.density import log_density, mode, sample
from derivations.enclosures.gaussian import half_line, law, radial_mean
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    complete_square,
    entry,
    exact,
    fubini,
    grid,
    log_expand,
    matrices,
    normal_expectation,
    solves,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import Expectation, Meaning, Norm, Optimal, Variance, coordinates, name, over_line, phi

HALF = sp.Rational(1, 2)
kappa = symbol("kappa", real=True)
kappa_q, kappa_p = symbol("kappa_q", real=True), symbol("kappa_p", real=True)
COUPLING = {kappa: "coupling"}
COUPLINGS = ("-1", "2")
radius = symbol("rho", nonnegative=True)
k = sp.Symbol("k", integer=True, positive=True)


def log_width(loc: Any, width: Any, coupling: Any, height: Any = tau) -> Any:
    """Logarithm of the fibre's standard deviation at a height."""
    return sp.log(width) + loc + coupling * (height - loc)


# ------------------------------------------------------------------------------------ density, sampler

WIDTH = s * sp.exp(mu + kappa * (tau - mu))
LOG_DENSITY = (
    -((tau - mu) ** 2) / (2 * sigma**2) - radius**2 / (2 * WIDTH**2) + m * (1 - kappa) * (tau - mu) - sp.log(Z)
)


def _log_density(p: Point) -> arb:
    """Log of e^(exponent) over its integral in volume, the exponent written without mu in the linear term."""
    loc, scale, width, coupling = law(p, "", "kappa")
    n, height = int(p["m"]), exact(p["tau"])
    sphere = 2 * arb.pi() ** (arb(n) / 2) / (arb(n) / 2).gamma()
    radial = half_line(lambda x, _: x ** (n - 1), bound=arb(n - 1).fac() if n > 1 else 1, rate=1)

    def weight(z: Any, _: bool) -> Any:
        h = loc + scale * z
        return (n * (1 - coupling) * h + n * (loc + coupling * (h - loc)) - n * h).exp()

    total = normal_expectation(weight, bound=2 * weight(arb(0), False), rate=0)
    total = total * (2 * arb.pi()).sqrt() * scale * width**n * sphere * radial
    at = width * (loc + coupling * (height - loc)).exp()
    exponent = -((height - loc) ** 2) / (2 * scale**2) - exact(p["rho"]) ** 2 / (2 * at**2)
    return exponent + n * (1 - coupling) * height - total.log()


@entry(
    id="hgk-density",
    title="Density of the coupled family",
    statement=sp.Eq(sp.log(name("q", tau, "b")), LOG_DENSITY),
    symbols={tau: "height"} | OFFSET | COUPLING | LOCATION | SCALES | FIBRE,
    conventions=[VOLUME],
    uses=["geo-volume", "hg-normaliser"],
    status="new",
    implements=[f"{HG}.log_prob"],
    in_coordinates=lambda d: log_density_in_coordinates(d),
    certificate=Certificate(
        points=grid(26, tau=REAL, rho=("0", "3"), mu=REAL, sigma=SCALE, s=SCALE, kappa=COUPLINGS, m=[1, 2, 3, 7, 15]),
        independent=_log_density,
        bits=320,
    ),
)
def hgk_density(claim: Any) -> Iterator[Step]:
    """The product of the two normal densities, over the volume's density e^(-m tau); its integral is one."""
    joint = (
        -((tau - mu) ** 2) / (2 * sigma**2)
        - sp.log(2 * sp.pi) / 2
        - sp.log(sigma)
        - radius**2 / (2 * WIDTH**2)
        - m * (sp.log(2 * sp.pi) / 2 + log_width(mu, s, kappa))
    )
    yield Step(joint + m * tau, claim.rhs, log_expand, "log of the density in dtau db, minus log e^(-m tau)")
    for n in (1, 2, 3):
        bs = coordinates("b", n)
        density = sp.exp(claim.rhs.subs({radius: sp.Symbol("R"), m: n}) - n * tau).subs(
            sp.Symbol("R") ** 2, sum(x**2 for x in bs)
        )
        inner = density
        for x in bs:
            inner = over_line(inner, x)
        yield Step(
            inner,
            sp.exp(-((tau - mu) ** 2) / (2 * sigma**2)) / (sp.sqrt(2 * sp.pi) * sigma),
            complete_square(*bs),
            f"integrated over the fibre, volume included: the height's density, outright for d = {n + 1}",
        )
    before, at = symbol("J", positive=True), symbol("w", positive=True)
    one_more = over_line(before * sp.exp(-(u**2) / (2 * at**2)) / (sp.sqrt(2 * sp.pi) * at), u)
    fibre = fubini(m, 1, sp.S.One, before, one_more)
    yield Step(name("fibre_integral", m), sp.S.One, fibre, "and in any dimension, one coordinate after another")
    marginal = sp.exp(-((tau - mu) ** 2) / (2 * sigma**2)) / (sp.sqrt(2 * sp.pi) * sigma)
    yield Step(over_line(marginal, tau), sp.S.One, complete_square(tau), "and over the height: one")


def log_density_in_coordinates(d: int) -> Any:
    """hgk-density with a fibre scale per coordinate and the offsets b_i - beta_i spelled out, for
    dimension d."""
    n = d - 1
    widths, bs, betas = coordinates("s", n, positive=True), coordinates("b", n), coordinates("beta", n)
    value = -((tau - mu) ** 2) / (2 * sigma**2) + n * (1 - kappa) * (tau - mu) - sp.log(sp.sqrt(2 * sp.pi) * sigma)
    for w, x, y in zip(widths, bs, betas, strict=True):
        value += -((x - y) ** 2) * sp.exp(-2 * mu - 2 * kappa * (tau - mu)) / (2 * w**2)
        value -= sp.log(sp.sqrt(2 * sp.pi) * w)
    return sp.Eq(sp.log(name("q", tau)), value)


@entry(
    id="hgk-sampler",
    title="The sampler of the coupled family",
    statement=sp.Tuple(
        sp.Eq(name("tau", t), mu + sigma * t),
        sp.Eq(name("b", t, e), beta + s * sp.exp(mu + kappa * sigma * t) * e),
        sp.Eq(
            sp.log(name("q", name("tau", t), name("b", t, e))),
            -(t**2) / 2 - radius**2 / 2 + m * (1 - kappa) * sigma * t - sp.log(Z),
        ),
    ),
    symbols=COUPLING
    | LOCATION
    | SCALES
    | FIBRE
    | {
        t: "standard normal noise of the height",
        e: "standard normal noise of one fibre coordinate",
        beta: "location of that coordinate",
        radius: Meaning("length of all the fibre noise", Norm("epsilon")),
    },
    conventions=[VOLUME],
    uses=["hgk-density"],
    status="new",
    implements=[f"{HG}.rsample_from", f"{HG}.rsample_and_log_prob"],
    certificate=Certificate(
        points=grid(
            26,
            t=("-3", "3"),
            rho=("0", "3"),
            mu=REAL,
            sigma=SCALE,
            s=SCALE,
            kappa=COUPLINGS,
            m=[1, 2, 7],
            beta=REAL,
            epsilon=("-3", "3"),
        ),
        independent=lambda p: [*sample(p, "kappa"), _log_density_at_noise(p)],
    ),
)
def hgk_sampler(claim: Any) -> Iterator[Step]:
    """Put the sample into the density; given tau the fibre is normal with the stated width by
    construction."""
    yield Step(tau, claim[0].rhs, solves((tau - mu) / sigma - t, tau), "the height: t standardises it")
    yield Step(beta + WIDTH * e, claim[1].rhs, substitute({tau: mu + sigma * t}), "a fibre coordinate")
    at_sample = LOG_DENSITY.subs({radius: radius * WIDTH}).subs(tau, mu + sigma * t)
    yield Step(at_sample, claim[2].rhs, algebra, "the density of hgk-density at the sample, |b - beta| = width |eps|")
    for n in (1, 2, 3):
        us = coordinates("u", n)
        image = sp.Matrix([claim[0].rhs, *(claim[1].rhs.subs({e: x, beta: 0}) for x in us)])
        stretch = s**n * sp.exp(n * (mu + kappa * sigma * t))
        jacobian = sp.Determinant(image.jacobian([t, *us]))
        yield Step(jacobian, sigma * stretch, matrices, f"Jacobian, outright for d = {n + 1}")
        pushed = sp.exp(claim[2].rhs.subs(m, n) - n * (mu + sigma * t)) * sigma * stretch
        noise = sp.exp(-(t**2) / 2 - radius**2 / 2) / (2 * sp.pi) ** sp.Rational(n + 1, 2)
        yield Step(pushed, noise, algebra, "density times volume times Jacobian is the density of the noise")


def _log_density_at_noise(p: Point) -> arb:
    loc, scale, width, coupling = law(p, "", "kappa")
    height = loc + scale * exact(p["t"])
    at = width * (loc + coupling * (height - loc)).exp()
    n = int(p["m"])
    fibre = exact(p["rho"]) * at
    normal = -((height - loc) ** 2) / (2 * scale**2) - scale.log() - fibre**2 / (2 * at**2) - n * at.log()
    return normal - (n + 1) * (2 * arb.pi()).log() / 2 + n * height


# ------------------------------------------------------------------------------------------ moments


@entry(
    id="hgk-moments",
    title="Mean, variance and mode of the coupled family",
    statement=sp.Tuple(
        sp.Eq(Expectation("b"), beta),
        sp.Eq(Variance("b"), s**2 * sp.exp(2 * mu + 2 * kappa**2 * sigma**2)),
        sp.Eq(Optimal("tau"), mu + m * (1 - kappa) * sigma**2),
    ),
    symbols=COUPLING | LOCATION | SCALES | FIBRE | {beta: "location of the fibre, one coordinate of b"},
    conventions=["tau^* is the height of the mode of the density in volume; the mode's fibre coordinate is beta"],
    uses=["hgk-density", "hgk-sampler"],
    status="new",
    implements=[f"{HG}.mean", f"{HG}.variance", f"{HG}.mode"],
    certificate=Certificate(
        points=grid(26, mu=REAL, sigma=SCALE, s=SCALE, kappa=COUPLINGS, m=[1, 2, 3, 7], beta=REAL),
        independent=lambda p: [*_moments(p), mode(log_density(p, "kappa", int(p["m"])))[0]],
        bits=320,
    ),
)
def hgk_moments(claim: Any) -> Iterator[Step]:
    """As for kappa = 1, with the moment of hg-mgf at exponent 2 kappa; the mode solves a linear equation."""
    place = beta + s * sp.exp(mu + kappa * sigma * t) * u
    yield Step(
        over_line(over_line(sp.expand(place * phi(u)), u) * phi(t), t),
        claim[0].rhs,
        complete_square(u, t),
        "the mean",
    )
    yield Step(
        over_line(over_line(sp.expand((place - beta) ** 2) * phi(u), u) * phi(t), t),
        claim[1].rhs,
        complete_square(u, t),
        "the variance",
    )
    at_beta = LOG_DENSITY.subs(radius, 0)
    top = mu + m * (1 - kappa) * sigma**2
    gap = at_beta.subs(tau, top) - at_beta
    yield Step(gap, (tau - top) ** 2 / (2 * sigma**2), algebra, "off the mode a square is lost; off beta another")
    slope = sp.diff(at_beta, tau)
    yield Step(tau, claim[2].rhs, solves(slope, tau), "where the slope of the log-density vanishes")


def _moments(p: Point) -> tuple[arb, arb]:
    loc, scale, width, coupling = law(p, "", "kappa")
    first = normal_expectation(lambda z, _: z, bound=1, rate=1)
    second = normal_expectation(lambda z, _: z * z, bound=2, rate=1)

    def growth(power: int) -> arb:
        return normal_expectation(
            lambda z, _: (power * (loc + coupling * scale * z)).exp(),
            bound=(power * loc).exp(),
            rate=power * abs(coupling) * scale,
        )

    return exact(p["beta"]) + width * growth(1) * first, width**2 * growth(2) * second


@entry(
    id="hgk-entropy",
    title="Entropy of the coupled family: free of the location and of the coupling",
    statement=sp.Eq(name("H", "q"), (m + 1) * sp.log(2 * sp.pi * sp.E) / 2 + sp.log(sigma) + m * sp.log(s)),
    symbols=SCALES | FIBRE,
    conventions=[VOLUME, "for a fibre scale per coordinate m log s becomes the sum of log s_i"],
    uses=["hgk-sampler"],
    status="new",
    implements=[f"{HG}.entropy"],
    certificate=Certificate(
        points=grid(26, sigma=SCALE, s=SCALE, m=[1, 2, 3, 7, 15], mu=REAL, kappa=COUPLINGS),
        independent=lambda p: _entropy(p),
    ),
)
def hgk_entropy(claim: Any) -> Iterator[Step]:
    """Minus the expectation of the log-density at the sample; the tilt m (1 - kappa) sigma t has mean
    zero."""
    at_sample = t**2 / 2 + radius**2 / 2 - m * (1 - kappa) * sigma * t + sp.log(Z)
    mean = over_line(sp.expand(at_sample) * phi(t), t)
    yield Step(mean, HALF + radius**2 / 2 + sp.log(Z), complete_square(t), "over the height's noise")
    before = symbol("J", positive=True)
    one_more = over_line((before + u**2) * phi(u), u)
    yield Step(name("E", "|epsilon|^2"), m, fubini(m, 1, sp.S.One, before, one_more), "over the fibre's")
    yield Step(HALF + m / 2 + sp.log(Z), claim.rhs, log_expand, "the sum")


def _entropy(p: Point) -> arb:
    loc, scale, width, coupling = law(p, "", "kappa")
    n = int(p["m"])

    def minus_log(z: Any, _: bool) -> Any:
        height = loc + scale * z
        at = width.log() + loc + coupling * (height - loc)
        return z * z / 2 + scale.log() + n * at - n * height

    size = 1 + abs(scale.log()) + n * (abs(width.log()) + 2 * abs(loc) + (abs(coupling) + 1) * scale)
    over_height = normal_expectation(minus_log, bound=size, rate=1)
    return over_height + radial_mean(2, n) / 2 + (n + 1) * (2 * arb.pi()).log() / 2
