"""The Horospherical Gaussian as a source of noise: entropy, moments and mode, Fisher information,
attenuation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.horospherical_gaussian.density import Z, e, hg_mgf, hg_moment_fibre, normaliser_by_integrals
from derivations.chapters.horospherical_gaussian.symbols import (
    FIBRE,
    HG,
    LOCATION,
    REAL,
    SCALE,
    SCALES,
    SOURCE,
    VOLUME,
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
from derivations.enclosures.density import log_density, mode
from derivations.enclosures.gaussian import half_line, law, radial_mean
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    antiderivative,
    arb,
    arb_series,
    complete_square,
    differentiate,
    entry,
    exact,
    fubini,
    grid,
    log_expand,
    normal_expectation,
    sign,
    sp,
    substitute,
    symbol,
    use,
)
from derivations.engine.notation import Expectation, Variance, coordinates, name, over_line, phi

HALF = sp.Rational(1, 2)
LOG_DENSITY = -((tau - mu) ** 2) / (2 * sigma**2) - radius**2 * sp.exp(-2 * tau) / (2 * s**2) - sp.log(Z)
ENTROPY = (m + 1) * sp.log(2 * sp.pi * sp.E) / 2 + sp.log(sigma) + m * sp.log(s)


def _entropy(p: Point) -> arb:
    """-E[log density], the normaliser and both second moments being integrals."""
    square = normal_expectation(lambda z, _: z * z, bound=2, rate=1)
    return normaliser_by_integrals(dict(p) | {"mu": 0}).log() + square / 2 + radial_mean(2, int(p["m"])) / 2


@entry(
    id="hg-entropy",
    title="Entropy of the Horospherical Gaussian",
    statement=sp.Eq(name("H", "q"), ENTROPY),
    symbols=SCALES | FIBRE,
    conventions=[VOLUME, "for a fibre scale per coordinate m log s becomes the sum of log s_i"],
    uses=["hg-normaliser", "hg-moment-fibre"],
    status="new",
    certificate=Certificate(points=grid(sigma=SCALE, s=SCALE, m=[1, 2, 3, 7, 15, 31]), independent=_entropy),
)
def hg_entropy(claim: Any) -> Iterator[Step]:
    """-E[log density] = log Z + 1/2 + m/2: neither moment knows mu."""
    z = (tau - mu) / sigma
    log_z, height, fibre = symbol("log Z", real=True), symbol("t", real=True), symbol("|epsilon|", nonnegative=True)
    standardised = substitute({log_z: sp.log(Z), height: z, fibre: sp.exp(-tau) * radius / s})
    yield Step(log_z + height**2 / 2 + fibre**2 / 2, -LOG_DENSITY, standardised, "minus the log-density in volume")
    yield Step(over_line(t**2 * phi(t), t), sp.S.One, complete_square(t), "E[(tau - mu)^2]/sigma^2 = 1")
    yield Step(
        Expectation(sp.exp(-2 * tau) * radius**2) / (2 * s**2),
        m / 2,
        use(hg_moment_fibre),
        "the fibre's second moment",
    )
    yield Step(sp.log(Z) + HALF + m / 2, claim.rhs, log_expand, "their sum")


# ----------------------------------------------------------------------------------------- moments


@entry(
    id="hg-moments",
    title="Mean, variance and mode",
    statement=sp.Tuple(
        sp.Eq(Expectation("b"), beta),
        sp.Eq(Variance("b"), s**2 * sp.exp(2 * mu + 2 * sigma**2)),
        sp.Eq(Variance("tau"), sigma**2),
        sp.Eq(name("mode", "q"), sp.ImmutableMatrix([mu, beta]), evaluate=False),
    ),
    symbols=LOCATION | SCALES | {beta: "location of the fibre, one coordinate of b"},
    conventions=[
        "the mode is that of the density in volume",
        "coordinates of the fibre are alike: one is stated",
    ],
    uses=["hg-mgf", "hg-sampler"],
    status="new",
    implements=[f"{HG}.mean", f"{HG}.variance", f"{HG}.mode"],
    certificate=Certificate(
        points=grid(mu=REAL, sigma=SCALE, s=SCALE, beta=REAL),
        independent=lambda p: [*_moments(p), mode(log_density(p))],
    ),
)
def hg_moments(claim: Any) -> Iterator[Step]:
    """Integrate over eps at fixed height, then over the height."""
    place = beta + s * sp.exp(tau) * u
    mean = over_line(sp.expand(place * phi(u)), u)
    yield Step(mean, claim[0].rhs, complete_square(u), "E[b given tau], which has no tau, so E[b]")
    yield Step(
        over_line(sp.expand((place - beta) ** 2) * phi(u), u),
        s**2 * sp.exp(2 * tau),
        complete_square(u),
        "Var(b given tau); the conditional mean has no variance to add",
    )
    yield Step(
        s**2 * Expectation(sp.exp(r * tau)).subs(r, 2),
        claim[1].rhs,
        use(hg_mgf, {r: sp.Integer(2)}),
        "the moment of hg-mgf at r = 2",
    )
    yield Step(over_line((sigma * t) ** 2 * phi(t), t), claim[2].rhs, complete_square(t), "the height is normal")
    top_tau, top_b = claim[3].rhs
    b = symbol("b", real=True)
    density = -((tau - mu) ** 2) / (2 * sigma**2) - (b - beta) ** 2 * sp.exp(-2 * tau) / (2 * s**2)
    gradient = sp.Matrix([sp.Derivative(density, tau), sp.Derivative(density, b)])
    slopes = sp.Matrix([sp.diff(density, tau), sp.diff(density, b)])
    yield Step(
        gradient,
        slopes,
        differentiate,
        "gradient of the log-density, one fibre coordinate",
    )
    top = substitute({tau: top_tau, b: top_b})
    yield Step(slopes, sp.zeros(2, 1), top, "it vanishes at the stated point")
    yield Step(sp.S.Zero, density, sign, "and the log-density there, 0 up to a constant, is the largest value", ">=")
    places = sp.ImmutableMatrix([mu + sigma * t, beta + s * sp.exp(tau) * u])
    both = substitute({t: sp.S.Zero, u: sp.S.Zero})
    yield Step(places, claim[3].rhs, both, "the point, unique: both squares, t^2 and eps^2, must vanish")


def _moments(p: Point) -> tuple[arb, arb, arb]:
    loc, scale, width, _ = law(p, "")
    place = exact(p["beta"])
    growth = normal_expectation(lambda z, _: (2 * (loc + scale * z)).exp(), bound=(2 * loc).exp(), rate=2 * scale)
    stretch = normal_expectation(lambda z, _: (loc + scale * z).exp(), bound=loc.exp(), rate=scale)
    first = normal_expectation(lambda z, _: z, bound=1, rate=1)
    second = normal_expectation(lambda z, _: z * z, bound=2, rate=1)
    mean = place * normal_expectation(lambda z, _: 1 + 0 * z, bound=1) + width * stretch * first
    return mean, width**2 * growth * second, scale**2 * second


# ------------------------------------------------------------------------------------------ Fisher

FISHER = sp.ImmutableMatrix(
    sp.diag(1 / sigma**2, 2, sp.exp(-2 * mu + 2 * sigma**2) / s**2, 2 * m),
)


@entry(
    id="hg-fisher",
    title="Fisher information",
    statement=sp.Eq(name("I", mu, sp.log(sigma), "beta_i", sp.log(s)), FISHER, evaluate=False),
    symbols=LOCATION | SCALES | FIBRE,
    conventions=[
        "order of the parameters: mu, log sigma, one coordinate of beta (they are alike, and uncorrelated), log s"
    ],
    uses=["hg-mgf", "hg-normaliser", "hg-sampler"],
    status="new",
    certificate=Certificate(
        points=grid(mu=REAL, sigma=SCALE, s=SCALE, m=[1, 2, 3, 7, 15]), independent=lambda p: _fisher(p)
    ),
)
def hg_fisher(claim: Any) -> Iterator[Step]:
    """Minus the expected Hessian of the log-density; the certificate uses the score instead."""
    log_sigma, log_s = symbol("log_sigma", real=True), symbol("log_s", real=True)
    for n in (1, 2, 3):
        bs, betas, us = coordinates("b", n), coordinates("beta", n), coordinates("u", n)
        squares = sum((x - y) ** 2 for x, y in zip(bs, betas, strict=True))
        density = (
            -((tau - mu) ** 2) * sp.exp(-2 * log_sigma) / 2
            - squares * sp.exp(-2 * tau - 2 * log_s) / 2
            - log_sigma
            - n * log_s
        )
        parameters = [mu, log_sigma, *betas, log_s]
        hessian = sp.hessian(density, parameters)
        sample = {x: y + sp.exp(log_s + mu + sp.exp(log_sigma) * t) * z for x, y, z in zip(bs, betas, us, strict=True)}
        sample[tau] = mu + sp.exp(log_sigma) * t
        at_sample = (-hessian).subs(sample).applyfunc(lambda h: sp.expand(sp.powsimp(sp.expand(h))))
        at_sample = at_sample.subs({sp.exp(log_sigma): sigma, log_sigma: sp.log(sigma), log_s: sp.log(s)})

        def mean(h: Any, noise: list[sp.Symbol]) -> Any:
            for z in noise:
                h = over_line(h * phi(z), z)
            return h

        stated = claim.rhs.subs(m, n)
        middle = [[stated[2, 2] if i == j else sp.S.Zero for j in range(n)] for i in range(n)]
        target = sp.zeros(n + 3, n + 3)
        for i, row in enumerate(middle):
            for j, value in enumerate(row):
                target[2 + i, 2 + j] = value
        ends = {0: 0, 1: 1, n + 2: 3}
        for i, k in ends.items():
            for j, k2 in ends.items():
                target[i, j] = stated[k, k2]
            for j in range(n):
                target[i, 2 + j], target[2 + j, i] = stated[k, 2], stated[2, k]
        yield Step(
            at_sample.applyfunc(lambda h, noise=[*us, t]: mean(h, noise)),
            target,
            complete_square(*us, t),
            f"expectation over the noise, every entry, outright for d = {n + 1}",
        )
    u, before, entry_s = symbol("u", real=True), symbol("J", positive=True), symbol("I_log_s", positive=True)
    one_more = over_line((before + 2 * u**2) * phi(u), u)
    yield Step(
        name("I_log_s", m),
        2 * m,
        fubini(m, 1, sp.Integer(2), before, one_more),
        "in any dimension the log-density is a sum over fibre coordinates: the entry of log s grows with each",
    )
    entries = sp.ImmutableMatrix(sp.diag(FISHER[0, 0], FISHER[1, 1], FISHER[2, 2], entry_s))
    yield Step(entries, claim.rhs, substitute({entry_s: 2 * m}), "and no other entry sees a second coordinate")


def _fisher(p: Point) -> list[arb]:
    """Expected outer product of the score (t/sigma, t^2 - 1, e^(-tau) eps_i/s, |eps|^2 - m), by integrals."""
    loc, scale, width, _ = law(p, "")
    n = int(p["m"])

    def mean(power: int) -> arb:
        return normal_expectation(lambda z, _: z**power, bound=max(1, [1, 1, 2, 6, 24][power]), rate=1)

    def tilted(f: Any, bound: int) -> arb:
        low = (-loc).exp()
        return normal_expectation(lambda z, _: f(z) * (-(loc + scale * z)).exp(), bound=bound * low, rate=scale + 1)

    one, two, three, four = (mean(k) for k in (1, 2, 3, 4))
    shrink2 = normal_expectation(lambda z, _: (-2 * (loc + scale * z)).exp(), bound=(-2 * loc).exp(), rate=2 * scale)
    r2, r4 = radial_mean(2, n), radial_mean(4, n)
    excess = r2 - n  # E[|eps|^2 - m]
    mixed = three + (n - 1) * one * two - n * one  # E[eps_i (|eps|^2 - m)]
    row0 = [
        two / scale**2,
        (three - one) / scale,
        tilted(lambda z: z, 1) * one / (scale * width),
        one * excess / scale,
    ]
    row1 = [row0[1], four - 2 * two + 1, tilted(lambda z: z * z - 1, 3) * one / width, (two - 1) * excess]
    row2 = [row0[2], row1[2], shrink2 * two / width**2, tilted(lambda z: 1 + 0 * z, 1) * mixed / width]
    row3 = [row0[3], row1[3], row2[3], r4 - 2 * n * r2 + n * n]
    return [*row0, *row1, *row2, *row3]


# ------------------------------------------------------------------------------------- attenuation


ANSWER = sp.Derivative(name("b", mu), mu)


@entry(
    id="hg-attenuation",
    title="How strongly a sample's fibre coordinate answers to the height location",
    statement=sp.Tuple(
        sp.Eq(ANSWER, s * sp.exp(mu + sigma * t) * e),
        sp.Eq(Expectation(ANSWER), 0),
        sp.Eq(Expectation(sp.Abs(ANSWER)), s * sp.sqrt(2 / sp.pi) * sp.exp(mu + sigma**2 / 2)),
        sp.Eq(Expectation(ANSWER**2), s**2 * sp.exp(2 * mu + 2 * sigma**2)),
    ),
    symbols=LOCATION | SCALES | {t: "noise of the height", e: "noise of the fibre coordinate"},
    conventions=[
        "b(mu) is one fibre coordinate of the sample at fixed noise; E[e^tau], the write-up's expected amplification, "
        "is E|db/dmu| over s sqrt(2/pi)"
    ],
    uses=["hg-mgf", "hg-sampler"],
    status="corrects",
    sources=[(SOURCE, "A.3")],
    certificate=Certificate(
        points=grid(mu=REAL, sigma=SCALE, s=SCALE, t=("-3", "3"), epsilon=("-3", "3")),
        independent=lambda p: _attenuation(p),
    ),
)
def hg_attenuation(claim: Any) -> Iterator[Step]:
    """Differentiate the sampler; t and eps are independent, so the moments factor."""
    yield Step(
        sp.Derivative(beta + s * sp.exp(mu + sigma * t) * e, mu),
        claim[0].rhs,
        differentiate,
        "pathwise derivative",
    )
    yield Step(over_line(u * phi(u), u), claim[1].rhs, complete_square(u), "E[eps] = 0, and with it the mean")
    positive = symbol("v", nonnegative=True)
    yield Step(
        sp.Integral(positive * phi(positive), (positive, 0, sp.oo)),
        1 / sp.sqrt(2 * sp.pi),
        antiderivative(-phi(positive), positive, sp.S.Zero, sp.oo),
        "half of E|eps|",
    )
    yield Step(
        s * (2 / sp.sqrt(2 * sp.pi)) * Expectation(sp.exp(tau)),
        claim[2].rhs,
        use(hg_mgf),
        "E|eps| = 2/sqrt(2 pi), times the attenuation",
    )
    yield Step(over_line(u**2 * phi(u), u), sp.S.One, complete_square(u), "E[eps^2]")
    yield Step(
        s**2 * Expectation(sp.exp(r * tau)).subs(r, 2),
        claim[3].rhs,
        use(hg_mgf, {r: sp.Integer(2)}),
        "times E[e^(2 tau)]",
    )
    yield Step(
        claim[2].lhs / (s * sp.sqrt(2 / sp.pi)),
        sp.exp(mu + sigma**2 / 2),
        use(claim[2]),
        "so E[e^tau] is the mean size of the answer in units of s sqrt(2/pi)",
    )


def _attenuation(p: Point) -> list[arb]:
    loc, scale, width, _ = law(p, "")
    first = normal_expectation(lambda z, _: (loc + scale * z).exp(), bound=loc.exp(), rate=scale)
    second = normal_expectation(lambda z, _: (2 * (loc + scale * z)).exp(), bound=(2 * loc).exp(), rate=2 * scale)
    absolute = 2 * half_line(lambda z, _: z, bound=1, rate=1) / (2 * arb.pi()).sqrt()
    odd = normal_expectation(lambda z, _: z, bound=1, rate=1)
    even = normal_expectation(lambda z, _: z * z, bound=2, rate=1)
    path = width * (arb_series([loc, 1], 2) + scale * exact(p["t"])).exp() * exact(p["epsilon"])  # b - beta in mu
    return [path[1], width * first * odd, width * first * absolute, width**2 * second * even]
