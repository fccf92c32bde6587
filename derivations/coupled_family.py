"""The coupled family HG_kappa: tau ~ N(mu, sigma^2), b given tau ~ N(beta, s^2 e^(2 mu + 2 kappa (tau - mu)) I).

kappa, the coupling, says how far the fibre's width follows the height: kappa = 1 is the Horospherical Gaussian,
whose width is s e^tau; at kappa = 0 the width is s e^mu, fixed by the location. Every member moves under the
isometries (a, c) with sigma, s and kappa unchanged, and every KL within the family is in closed form.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportCallIssue=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.gaussian_routes import half_line, kl_double_sum, kl_parts, law, radial_mean
from derivations.horospherical_gaussian import (
    FIBRE,
    FUBINI,
    HG,
    LOCATION,
    PAIR,
    REAL,
    SCALE,
    SCALES,
    VOLUME,
    Z,
    beta,
    coordinates,
    delta,
    e,
    m,
    mu,
    mu_p,
    mu_q,
    name,
    over_line,
    phi,
    s,
    s_p,
    s_q,
    sigma,
    sigma_q,
    t,
    tau,
    u,
)
from derivations.horospherical_kl import (
    KL_DRIFT,
    KL_FIBRE,
    KL_HEIGHT,
    KL_NAMES,
    fibre_symbols,
    hg_kl_height,
)
from derivations.kernel import (
    PROVED_ONLY,
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    complete_square,
    differentiate,
    entry,
    exact,
    grid,
    induction,
    log_expand,
    normal_expectation,
    sp,
    substitute,
    symbol,
    use,
)

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
    statement=sp.Eq(name("log_density", tau, radius), LOG_DENSITY),
    symbols={tau: "height", radius: "distance |b - beta|"} | LOCATION | SCALES | COUPLING | FIBRE,
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
    yield Step(sp.Product(sp.exp(-tau), (k, 1, m)), sp.exp(-m * tau), induction(m, 1), FUBINI)
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
    return sp.Eq(name("log_density", tau), value)


@entry(
    id="hgk-sampler",
    title="The sampler of the coupled family",
    statement=sp.Tuple(
        sp.Eq(name("tau", t), mu + sigma * t),
        sp.Eq(name("b", t, e), beta + s * sp.exp(mu + kappa * sigma * t) * e),
        sp.Eq(
            name("log_density", t, radius),
            -(t**2) / 2 - radius**2 / 2 + m * (1 - kappa) * sigma * t - sp.log(Z),
        ),
    ),
    symbols=LOCATION
    | SCALES
    | COUPLING
    | FIBRE
    | {
        t: "standard normal noise of the height",
        e: "standard normal noise of one fibre coordinate",
        beta: "location of that coordinate",
        radius: "length |eps| of the fibre noise",
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
        independent=lambda p: [PROVED_ONLY, PROVED_ONLY, _log_density_at_noise(p)],
    ),
)
def hgk_sampler(claim: Any) -> Iterator[Step]:
    """Put the sample into the density; given tau the fibre is normal with the stated width by
    construction."""
    yield Step(mu + sigma * t, claim[0].rhs, algebra, "the height")
    yield Step(beta + WIDTH * e, claim[1].rhs, substitute({tau: mu + sigma * t}), "a fibre coordinate")
    at_sample = LOG_DENSITY.subs({radius: radius * WIDTH}).subs(tau, mu + sigma * t)
    yield Step(at_sample, claim[2].rhs, algebra, "the density of hgk-density at the sample, |b - beta| = width |eps|")
    for n in (1, 2, 3):
        us = coordinates("u", n)
        image = sp.Matrix([claim[0].rhs, *(claim[1].rhs.subs({e: x, beta: 0}) for x in us)])
        stretch = s**n * sp.exp(n * (mu + kappa * sigma * t))
        yield Step(image.jacobian([t, *us]).det(), sigma * stretch, algebra, f"Jacobian, outright for d = {n + 1}")
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
        sp.Eq(name("E", "b"), beta),
        sp.Eq(name("Var", "b"), s**2 * sp.exp(2 * mu + 2 * kappa**2 * sigma**2)),
        sp.Eq(name("mode", "tau"), mu + m * (1 - kappa) * sigma**2),
    ),
    symbols=LOCATION | SCALES | COUPLING | FIBRE | {beta: "fibre location, one coordinate"},
    conventions=["the mode is that of the density in volume; its fibre coordinate is beta"],
    uses=["hgk-density", "hgk-sampler"],
    status="new",
    implements=[f"{HG}.mean", f"{HG}.variance", f"{HG}.mode"],
    certificate=Certificate(
        points=grid(26, mu=REAL, sigma=SCALE, s=SCALE, kappa=COUPLINGS, m=[1, 2, 3, 7], beta=REAL),
        independent=lambda p: [*_moments(p), PROVED_ONLY],
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
    yield Step(sp.solve(slope, tau)[0], claim[2].rhs, algebra, "where the slope of the log-density vanishes")


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
    title="Entropy of the coupled family: free of mu and of kappa",
    statement=sp.Eq(name("H", sigma, s, m), (m + 1) * sp.log(2 * sp.pi * sp.E) / 2 + sp.log(sigma) + m * sp.log(s)),
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
    yield Step(over_line(u**2 * phi(u), u), sp.S.One, complete_square(u), "E[eps_i^2], so that E|eps|^2 = m")
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


# ------------------------------------------------------------------------------------------- KL

SHIFT = mu_q - mu_p
RATIO = s_q**2 / s_p**2 * sp.exp(2 * (1 - kappa) * SHIFT)
HGK_FIBRE = m * (RATIO - 1 - sp.log(RATIO)) / 2
HGK_DRIFT = delta**2 / (2 * s_p**2) * sp.exp(-2 * (1 - kappa) * mu_p - 2 * kappa * mu_q + 2 * kappa**2 * sigma_q**2)
GAP = (kappa_q - kappa_p) * sigma_q
MIXED_RATIO = s_q**2 / s_p**2 * sp.exp(2 * (1 - kappa_p) * SHIFT + 2 * GAP**2)
MIXED_FIBRE = m * (MIXED_RATIO - 1 + sp.log(s_p**2 / s_q**2) - 2 * (1 - kappa_p) * SHIFT) / 2
MIXED_DRIFT = (
    delta**2 / (2 * s_p**2) * sp.exp(-2 * (1 - kappa_p) * mu_p - 2 * kappa_p * mu_q + 2 * kappa_p**2 * sigma_q**2)
)
KL_AXES = {
    "mu_q": REAL,
    "mu_p": REAL,
    "sigma_q": ("1/20", "3/2"),
    "sigma_p": SCALE,
    "s_q": SCALE,
    "s_p": SCALE,
    "delta": ("0", "3"),
    "m": [1, 2, 3, 15],
}


def kl_by_integrals(p: Point, q_name: str | None, p_name: str | None) -> arb:
    """The KL as the sum of three rigorous integrals; a coupling without a name is 1."""
    return sum(kl_parts(law(p, "_q", q_name), law(p, "_p", p_name), exact(p["delta"]), int(p["m"])), arb(0))


def kl_in_coordinates(d: int, mixed: bool = False) -> Any:
    """hgk-kl or hgk-kl-mixed with fibre scales s_q_i, s_p_i and locations beta_q_i, beta_p_i, for
    dimension d."""
    total = KL_HEIGHT
    ratio, drift = (MIXED_RATIO, MIXED_DRIFT) if mixed else (RATIO, HGK_DRIFT)
    for sq, sp_, bq, bp in zip(*fibre_symbols(d - 1), strict=True):
        here = ratio.subs({s_q: sq, s_p: sp_})
        log_here = sp.log(sq**2 / sp_**2) + 2 * (1 - (kappa_p if mixed else kappa)) * SHIFT
        total += (here - 1 - log_here) / 2 + drift.subs({delta: bq - bp, s_p: sp_})
    return sp.Eq(name("KL", "q", "p"), total)


def conditional_steps(widths_q: Any, widths_p: Any) -> Iterator[Step]:
    """The KL of the fibre given tau: one coordinate, then d = 2, 3, 4 with a width and offset per
    coordinate."""
    w_q, w_p, offset = symbol("w_q", positive=True), symbol("w_p", positive=True), symbol("h", real=True)
    one = sp.log(w_p / w_q) - HALF + (w_q**2 + offset**2) / (2 * w_p**2)
    ratio = sp.log(w_p / w_q) - u**2 / 2 + (w_q * u + offset) ** 2 / (2 * w_p**2)
    yield Step(
        over_line(sp.expand(ratio) * phi(u), u),
        one,
        complete_square(u),
        "given tau, one coordinate: widths w_q and w_p, offset h of the locations",
    )
    for n in (1, 2, 3):
        sq, sp_, bq, bp = fibre_symbols(n)
        us = coordinates("u", n)
        total, target = sp.S.Zero, sp.S.Zero
        for x, y, b1, b2, z in zip(sq, sp_, bq, bp, us, strict=True):
            here = {w_q: x, w_p: y, offset: b1 - b2, u: z}
            total += ratio.subs(here)
            target += one.subs(here)
        inner = sp.expand(total)
        for z in us:
            inner = over_line(inner * phi(z), z)
        yield Step(inner, target, complete_square(*us), f"all coordinates, each with its own widths: d = {n + 1}")
    yield Step(sp.Sum(one.subs(offset, 0), (k, 1, m)), m * one.subs(offset, 0), induction(m, 1), FUBINI)
    log_ratio = sp.log(widths_p) - sp.log(widths_q)
    yield Step(
        m * one.subs({offset: 0, w_q: widths_q, w_p: widths_p}) + delta**2 / (2 * widths_p**2),
        m * (log_ratio - HALF + widths_q**2 / (2 * widths_p**2)) + delta**2 / (2 * widths_p**2),
        log_expand,
        "at the widths of the family; the offsets add up to delta^2",
    )


@entry(
    id="hgk-kl",
    title="KL within the coupled family, one coupling",
    statement=sp.Eq(name("KL", "q", "p"), KL_HEIGHT + HGK_FIBRE + HGK_DRIFT),
    symbols=PAIR | {kappa: "coupling of q and of p"},
    conventions=["for a fibre scale per coordinate the fibre and drift terms are sums over coordinates"],
    uses=["hgk-density", "hg-kl-height"],
    status="new",
    implements=KL_NAMES,
    in_coordinates=kl_in_coordinates,
    certificate=Certificate(
        points=grid(28, **KL_AXES, kappa=COUPLINGS),
        independent=lambda p: kl_by_integrals(p, "kappa", "kappa"),
        numeric=lambda p: kl_double_sum(p, "kappa", "kappa"),
        numeric_points=2,
        numeric_digits=40,
    ),
)
def hgk_kl(claim: Any) -> Iterator[Step]:
    """Given tau the KL of the fibre has a width ratio free of tau; only the offset needs an expectation."""
    w_q, w_p = (s_.subs({tau: mu_q + sigma_q * t}) for s_ in _widths(kappa, kappa))
    yield from conditional_steps(w_q, w_p)
    yield Step(w_q**2 / w_p**2, RATIO, algebra, "the ratio of the variances has no tau")
    conditional = m * (sp.log(w_p) - sp.log(w_q) - HALF + RATIO / 2)
    yield Step(conditional, HGK_FIBRE, log_expand, "the fibre term, before any integral over the height")
    offset = delta**2 / 2 * sp.exp(-2 * (sp.log(s_p) + mu_p + kappa * (mu_q + sigma_q * t - mu_p)))
    yield Step(delta**2 / (2 * w_p**2), offset, algebra, "the offset's part as an exponential in t")
    yield Step(over_line(offset * phi(t), t), HGK_DRIFT, complete_square(t), "its expectation: the drift term")
    yield Step(
        name("KL_height", "q", "p") + HGK_FIBRE + HGK_DRIFT,
        claim.rhs,
        use(hg_kl_height),
        "the sum, with the height term",
    )
    yield from contains(claim, mixed=False)


def _widths(first: Any, second: Any) -> tuple[Any, Any]:
    return (
        s_q * sp.exp(mu_q + first * (tau - mu_q)),
        s_p * sp.exp(mu_p + second * (tau - mu_p)),
    )


def contains(claim: Any, mixed: bool) -> Iterator[Step]:
    """The version with a scale per coordinate reduces to the statement at equal scales."""
    for d in (2, 3, 4):
        sq, sp_, bq, bp = fibre_symbols(d - 1)
        equal = {x: s_q for x in sq} | {x: s_p for x in sp_}
        squared = sum((x - y) ** 2 for x, y in zip(bq, bp, strict=True))
        yield Step(
            kl_in_coordinates(d, mixed).rhs,
            claim.rhs.subs({m: d - 1}).subs(delta**2, squared),
            substitute(equal),
            f"the version with a scale per coordinate contains it, d = {d}",
        )


@entry(
    id="hgk-kl-mixed",
    title="KL within the coupled family, different couplings",
    statement=sp.Eq(name("KL", "q", "p"), KL_HEIGHT + MIXED_FIBRE + MIXED_DRIFT),
    symbols=PAIR | {kappa_q: "coupling of q", kappa_p: "coupling of p"},
    conventions=["for a fibre scale per coordinate the fibre and drift terms are sums over coordinates"],
    uses=["hgk-density", "hg-kl-height"],
    status="new",
    implements=KL_NAMES,
    in_coordinates=lambda d: kl_in_coordinates(d, mixed=True),
    certificate=Certificate(
        points=grid(28, **KL_AXES, kappa_q=COUPLINGS, kappa_p=COUPLINGS),
        independent=lambda p: kl_by_integrals(p, "kappa_q", "kappa_p"),
        numeric=lambda p: kl_double_sum(p, "kappa_q", "kappa_p"),
        numeric_points=2,
        numeric_digits=40,
    ),
)
def hgk_kl_mixed(claim: Any) -> Iterator[Step]:
    """The width ratio is now log-normal under q: one more exponential moment."""
    w_q, w_p = (s_.subs({tau: mu_q + sigma_q * t}) for s_ in _widths(kappa_q, kappa_p))
    yield from conditional_steps(w_q, w_p)
    ratio = sp.exp(2 * sp.expand(sp.expand_log(sp.log(w_q) - sp.log(w_p)) - sp.log(s_q / s_p).expand()))
    yield Step(w_q**2 / w_p**2, s_q**2 / s_p**2 * ratio, algebra, "the ratio of the variances, an exponential in t")
    yield Step(
        over_line(s_q**2 / s_p**2 * ratio * phi(t), t),
        MIXED_RATIO,
        complete_square(t),
        "its expectation under q",
    )
    logs = sp.expand(sp.expand_log(sp.log(w_p) - sp.log(w_q)))
    yield Step(
        over_line(sp.expand(m * (logs - HALF) * phi(t)), t) + m * MIXED_RATIO / 2,
        MIXED_FIBRE,
        complete_square(t),
        "the expected log-ratio, with it the fibre term",
    )
    offset = delta**2 / 2 * sp.exp(-2 * (sp.log(s_p) + mu_p + kappa_p * (mu_q + sigma_q * t - mu_p)))
    yield Step(over_line(offset * phi(t), t), MIXED_DRIFT, complete_square(t), "the drift term")
    yield Step(
        name("KL_height", "q", "p") + MIXED_FIBRE + MIXED_DRIFT,
        claim.rhs,
        use(hg_kl_height),
        "the sum, with the height term",
    )
    yield Step(
        MIXED_FIBRE + MIXED_DRIFT,
        HGK_FIBRE + HGK_DRIFT,
        substitute({kappa_q: kappa, kappa_p: kappa}),
        "at equal couplings it is hgk-kl",
    )
    yield from contains(claim, mixed=True)


@entry(
    id="hgk-limit",
    title="The two ends of the family: kappa = 1 and kappa = 0",
    statement=sp.Tuple(
        sp.Eq(name("KL_1", "q", "p"), KL_HEIGHT + KL_FIBRE + KL_DRIFT),
        sp.Eq(name("drift_0", "q", "p"), delta**2 / (2 * s_p**2) * sp.exp(-2 * mu_p)),
    ),
    symbols=PAIR,
    uses=["hgk-kl", "hg-kl"],
    status="new",
    certificate=Certificate(
        points=grid(26, **KL_AXES),
        independent=lambda p: [
            kl_by_integrals(p, None, None),
            kl_parts((*law(p, "_q")[:3], arb(0)), (*law(p, "_p")[:3], arb(0)), exact(p["delta"]), int(p["m"]))[2],
        ],
    ),
)
def hgk_limit(claim: Any) -> Iterator[Step]:
    """Put the two values of kappa into hgk-kl: at 0 the drift term is free of q, so no moment can explode."""
    whole = KL_HEIGHT + HGK_FIBRE + HGK_DRIFT
    yield Step(whole, claim[0].rhs, substitute({kappa: sp.S.One}), "kappa = 1")
    yield Step(HGK_DRIFT, claim[1].rhs, substitute({kappa: sp.S.Zero}), "kappa = 0")
    yield Step(
        sp.Derivative(HGK_DRIFT.subs(kappa, 0), mu_q),
        sp.S.Zero,
        differentiate,
        "no moment of q is left in the drift",
    )


a, c, b = (symbol(n, real=True) for n in ("a", "c", "b"))


@entry(
    id="hgk-isometry",
    title="Every coupling is equivariant under the isometries (a, c)",
    statement=sp.Tuple(
        sp.Eq(name("KL", "gq", "gp"), KL_HEIGHT + MIXED_FIBRE + MIXED_DRIFT),
        sp.Eq(
            name("moved", mu, beta, sigma, s, kappa),
            sp.ImmutableMatrix([mu + a, sp.exp(a) * beta + c, sigma, s, kappa]),
            evaluate=False,
        ),
    ),
    symbols=PAIR
    | {kappa_q: "coupling of q", kappa_p: "coupling of p"}
    | LOCATION
    | SCALES
    | COUPLING
    | {beta: "fibre location, a coordinate", a: "shift of the height", c: "shift of that coordinate"},
    uses=["hgk-kl-mixed", "geo-isometry"],
    status="new",
    implements=[f"{HG}.moved"],
    certificate=Certificate(
        points=tuple(
            dict(p) | {"a": sp.Rational(i % 7 - 3, 2), "c": 1, "mu": 0, "beta": 1, "sigma": 1, "s": 1, "kappa": 1}
            for i, p in enumerate(grid(26, **KL_AXES, kappa_q=COUPLINGS, kappa_p=COUPLINGS))
        ),
        independent=lambda p: [_kl_moved(p), PROVED_ONLY],
    ),
)
def hgk_isometry(claim: Any) -> Iterator[Step]:
    """The density in volume is carried along, for every kappa; hence every KL."""
    new_mu, new_beta, new_sigma, new_s, new_kappa = claim[1].rhs

    def log_density(loc: Any, place: Any, scale: Any, width: Any, coupling: Any, height: Any, fibre: Any) -> Any:
        spread = 2 * (sp.log(width) + loc + coupling * (height - loc))
        z = sp.log(scale) + sp.log(width) + sp.log(2 * sp.pi)
        square = (fibre - place) ** 2 * sp.exp(-spread) / 2
        return -((height - loc) ** 2) / (2 * scale**2) - square + (1 - coupling) * (height - loc) - z

    yield Step(
        log_density(new_mu, new_beta, new_sigma, new_s, new_kappa, tau + a, sp.exp(a) * b + c),
        log_density(mu, beta, sigma, s, kappa, tau, b),
        algebra,
        "density in volume at (tau + a, e^a b + c), one fibre coordinate (the others are alike); volume is invariant",
    )
    yield Step(
        sp.ImmutableMatrix([tau + a, sp.exp(a) * b + c, sigma, s, kappa]).subs({tau: mu, b: beta}),
        claim[1].rhs,
        algebra,
        "the locations move as points do",
    )
    moves = {mu_q: mu_q + a, mu_p: mu_p + a, delta: sp.exp(a) * delta}
    whole = KL_HEIGHT + MIXED_FIBRE + MIXED_DRIFT
    yield Step(whole.subs(moves, simultaneous=True), claim[0].rhs, algebra, "hgk-kl-mixed at the moved parameters")


def _kl_moved(p: Point) -> arb:
    shift = exact(p["a"])
    (mu1, *rest1), (mu2, *rest2) = law(p, "_q", "kappa_q"), law(p, "_p", "kappa_p")
    moved = exact(p["delta"]) * shift.exp()
    return sum(kl_parts((mu1 + shift, *rest1), (mu2 + shift, *rest2), moved, int(p["m"])), arb(0))
