"""The PGM normal on the manifold of normals N(mu, sigma^2): normaliser, law, moments, entropy and KL of one half-plane.

A point of the plane is (mu, ell) with ell = log sigma^2. The exponent of the density is a KL divergence, and it splits:
with y = ell - lambda the density is a normal in mu times w^(a + 1) e^(-a w) in w = e^y, a gamma law of shape a + 1 and
mean (a + 1) / a. Everything below is that sentence. A product of n planes has sums of these formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.horospherical_gaussian.symbols import mu_p, mu_q, sigma_p, sigma_q, t
from derivations.chapters.other_families.normal import normal_law
from derivations.enclosures.gamma import gamma_integrals, gamma_mean
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    change_of_variable,
    complete_square,
    differentiate,
    entry,
    exact,
    gamma_recurrence,
    grid,
    integrate,
    log_expand,
    mp,
    normal_expectation,
    solves,
    sp,
    substitute,
    symbol,
    theorem,
    use,
)
from derivations.engine.notation import Divergence, Expectation, Meaning, Optimal, Variance, name, over_line, phi

x, ell, y = symbol("x", real=True), symbol("ell", real=True), symbol("y", real=True)
alpha, lam, g = symbol("alpha", real=True), symbol("lambda", real=True), symbol("g", real=True)
c, a, w = symbol("c", positive=True), symbol("a", positive=True), symbol("w", positive=True)
power = symbol("r", positive=True)
delta = symbol("delta", nonnegative=True)
lam_q, lam_p, g_q, g_p = (symbol(n, real=True) for n in ("lambda_q", "lambda_p", "g_q", "g_p"))
HALF = sp.Rational(1, 2)

VALUE = {x: "location mu of the normal that the point stands for", ell: "its log variance, log sigma^2"}
PARAMETERS = {alpha: "location", lam: "log beta^2, the log variance", g: "log gamma^2, the log dispersion"}
CURVATURE = {c: "minus the curvature"}
PLANES = "one half-plane; on a product of planes the logarithms, entropies and KLs are sums over the planes"
VOLUME = "density with respect to the Riemannian volume of curvature -c"
PGM = "hrssm.distributions.GaussianManifoldNormal"
CHO = ("cho2023gmvae", "section 4")


def shape_of(dispersion: Any) -> Any:
    """a = 1 / (4 c gamma^2), one less than the shape of the gamma law."""
    return sp.exp(-dispersion) / (4 * c)


def log_normaliser(shape: Any, dispersion: Any) -> Any:
    """log Z = log(2 pi gamma^2) + S(a), S Stirling's remainder."""
    remainder = sp.loggamma(shape + 1) - (shape + HALF) * sp.log(shape) + shape - sp.log(2 * sp.pi) / 2
    return sp.log(2 * sp.pi) + dispersion + remainder


def mean_log(shape: Any) -> Any:
    """E[y]: the mean of log(w)."""
    return sp.digamma(shape + 1) - sp.log(shape)


def shape_at(p: Point, side: str = "") -> arb:
    """a at a point."""
    return (-exact(p["g" + side])).exp() / (4 * exact(p["c"]))


def log_mass_at(p: Point, side: str = "") -> arb:
    """log Z by integration: sqrt(pi / (2 c)) gamma times the integral of h."""
    front = (arb.pi() / (2 * exact(p["c"]))).log() / 2 + exact(p["g" + side]) / 2
    return front + gamma_integrals(shape_at(p, side), [lambda z: z * 0 + 1])[0].log()


def exponent(shape: Any, lift: Any) -> Any:
    """Of the density, in y: 3 y / 2 - a (e^y - 1 - y), for balls."""
    return lift * 3 / 2 - shape * (lift.exp() - 1 - lift)


def _density_at(p: Point) -> tuple[arb, arb]:
    """The exponent as it is defined, with the KL of two normals, less the integrated normaliser."""
    curvature, total = exact(p["c"]), log_mass_at(p)
    v, v_0 = exact(p["ell"]).exp(), exact(p["lambda"]).exp()
    apart = exact(p["x"]) - exact(p["alpha"])
    kl = (v_0 / v).log() / 2 + (v + 2 * curvature * apart * apart) / (2 * v_0) - arb(1) / 2
    lift = exact(p["ell"]) - exact(p["lambda"])
    return total, 3 * lift / 2 - kl / (2 * curvature * exact(p["g"]).exp()) - total


def _law_at(p: Point) -> list[arb]:
    """Density times volume; the moments by integration; the mode as the root of the slope 3/2 - a (e^y - 1)."""
    shape, level = shape_at(p), exact(p["lambda"])
    law = _density_at(p)[1] - exact(p["ell"]) / 2 - (4 * exact(p["c"])).log() / 2
    ones, means, squares, widths = gamma_integrals(
        shape, [lambda z: z * 0 + 1, lambda z: z, lambda z: z * z, lambda z: z.exp()], arb(40)
    )
    spread = normal_expectation(lambda z, _: z * z, bound=2, rate=1) * (level + exact(p["g"])).exp()
    top = level + ((shape + arb(3) / 2) / shape).log()
    mean = means / ones
    return [law, level + mean, squares / ones - mean * mean, spread, level.exp() * widths / ones, top]


def _entropy_at(p: Point) -> arb:
    """Minus the mean of the log-density; that of the normal's exponent by the normal law."""
    shape, total = shape_at(p), log_mass_at(p)
    half = normal_expectation(lambda z, _: z * z / 2, bound=1, rate=1)
    size = 8 * (shape + 2)
    return total + half - gamma_mean(shape, lambda z: exponent(shape, z), size)


def _kl_at(p: Point) -> arb:
    """The mean of log q - log p, over the normal and over the gamma factor."""
    shape_q, shape_p = shape_at(p, "_q"), shape_at(p, "_p")
    gap = exact(p["lambda_q"]) - exact(p["lambda_p"])
    wide_q = (exact(p["lambda_q"]) / 2 + exact(p["g_q"]) / 2).exp()
    wide_p = (exact(p["lambda_p"]) / 2 + exact(p["g_p"]) / 2).exp()
    apart = exact(p["delta"])

    def along(z: Any, _: bool) -> Any:
        away = (apart + wide_q * z) / wide_p
        return away * away / 2 - z * z / 2

    size = 1 + (apart + wide_q) ** 2 / (wide_p * wide_p)
    flat = normal_expectation(along, bound=2 * size, rate=1)
    size = 16 * (shape_q + shape_p * gap.exp() + abs(gap) + 4) * (1 + abs(gap))
    up = gamma_mean(shape_q, lambda z: exponent(shape_q, z) - exponent(shape_p, z + gap), size)
    return flat + up - log_mass_at(p, "_q") + log_mass_at(p, "_p")


def _entropy_numeric(p: Point) -> Any:
    """-E[log p] by a plain double sum over (x, ell), against the volume."""
    c_, g_ = (mp.mpf(int(sp.Rational(p[n]).p)) / int(sp.Rational(p[n]).q) for n in ("c", "g"))
    a_ = mp.exp(-g_) / (4 * c_)

    def log_h(z: Any) -> Any:
        return (a_ + 1) * z - a_ * mp.expm1(z)

    edges = [-80, -20, -5, 0, 3, 6 + max(0, mp.log(1 / a_))]
    mass = mp.quad(lambda z: mp.exp(log_h(z)), edges)
    own = mp.quad(lambda z: mp.exp(log_h(z)) * (3 * z / 2 - a_ * (mp.expm1(z) - z)), edges) / mass
    return mp.log(mp.sqrt(mp.pi / (2 * c_)) * mp.exp(g_ / 2) * mass) + mp.mpf(1) / 2 - own


# ------------------------------------------------------------------------------------ entries

RANGE, SPREADS, CURVATURES = ("-2", "2"), ("-3", "2"), ("1/4", "2")
POINTS = grid(28, x=RANGE, ell=RANGE, alpha=RANGE, **{"lambda": RANGE}, g=SPREADS, c=CURVATURES)
PAIRS = grid(28, delta=("0", "3"), lambda_q=RANGE, lambda_p=RANGE, g_q=SPREADS, g_p=SPREADS, c=CURVATURES)
LOG_DENSITY = (
    3 * (ell - lam) / 2
    - shape_of(g) * (sp.exp(ell - lam) - 1 - (ell - lam))
    - (x - alpha) ** 2 * sp.exp(-lam - g) / 2
    - log_normaliser(shape_of(g), g)
)
LOG_LAW = (
    -((x - alpha) ** 2) * sp.exp(-lam - g) / 2
    - (lam + g) / 2
    - sp.log(2 * sp.pi) / 2
    + (shape_of(g) + 1) * (ell - lam + sp.log(shape_of(g)))
    - shape_of(g) * sp.exp(ell - lam)
    - sp.loggamma(shape_of(g) + 1)
)
ENTROPY = (
    sp.log(2 * sp.pi) / 2
    - sp.log(4 * c)
    + sp.loggamma(shape_of(g) + 1)
    + shape_of(g)
    + HALF * 3
    - (shape_of(g) + HALF * 3) * sp.digamma(shape_of(g) + 1)
)
WIDER = lam_q + g_q - lam_p - g_p
FLAT = (sp.exp(WIDER) - 1 - WIDER + delta**2 * sp.exp(-lam_p - g_p)) / 2
UP = (
    sp.loggamma(shape_of(g_p) + 1)
    - sp.loggamma(shape_of(g_q) + 1)
    + (shape_of(g_q) - shape_of(g_p)) * sp.digamma(shape_of(g_q) + 1)
    - (shape_of(g_p) + 1) * WIDER
    + (shape_of(g_q) + 1) * (sp.exp(WIDER) - 1)
)
KL = FLAT + UP


@entry(
    id="pgm-density",
    title="Normaliser and density of the PGM normal",
    statement=sp.Tuple(
        sp.Eq(sp.log(name("Z", g)), log_normaliser(shape_of(g), g)), sp.Eq(sp.log(name("q", x, ell)), LOG_DENSITY)
    ),
    symbols=VALUE | PARAMETERS | CURVATURE,
    where={a: shape_of(g)},
    conventions=[VOLUME, PLANES],
    uses=["normal-law"],
    status="new",
    sources=[CHO],
    certificate=Certificate(points=POINTS, independent=_density_at),
)
def pgm_density(claim: Any) -> Iterator[Step]:
    """(sigma / beta)^3 exp(-KL / (2 c gamma^2)) is a normal in mu times a power and an exponential of sigma^2."""
    root = sp.sqrt(2 * c)
    points = {mu_q: root * x, sigma_q: sp.exp(ell / 2), mu_p: root * alpha, sigma_p: sp.exp(lam / 2)}
    kl = (lam - ell) / 2 + (sp.exp(ell) + 2 * c * (x - alpha) ** 2) / (2 * sp.exp(lam)) - HALF
    yield Step(Divergence("q", "p"), kl, use(normal_law, points), "the KL of N(sqrt(2c) mu, sigma) from the centre")
    bare = LOG_DENSITY + log_normaliser(shape_of(g), g)
    yield Step(
        3 * (ell - lam) / 2 - kl / (2 * c * sp.exp(g)), bare, algebra, "the exponent, with a = 1 / (4 c gamma^2)"
    )
    radius = sp.exp(ell / 2) / sp.sqrt(c)
    volume = sp.exp(-ell / 2) / (2 * sp.sqrt(c))
    yield Step(
        sp.Derivative(radius, ell) / (c * radius**2),
        volume,
        differentiate,
        "the volume of the metric (dmu^2 + dr^2) / (c r^2), r = sigma / sqrt(c), in (mu, ell)",
    )
    yield Step(
        over_line(sp.exp(-((x - alpha) ** 2) * sp.exp(-lam - g) / 2), x),
        sp.sqrt(2 * sp.pi) * sp.exp((lam + g) / 2),
        complete_square(x),
        "the integral over mu",
    )
    yield Step(
        sp.log(volume) + (3 * (ell - lam) / 2 - a * (sp.exp(ell - lam) - 1 - (ell - lam))),
        (a + 1) * (ell - lam) - a * (sp.exp(ell - lam) - 1) - lam / 2 - sp.log(2 * sp.sqrt(c)),
        log_expand,
        "what is left under the integral over ell: h(y) of y = ell - lambda, times e^(-lambda/2) / (2 sqrt(c))",
    )
    euler = sp.Integral(w**a * sp.exp(-a * w), (w, 0, sp.oo))
    yield Step(
        euler,
        over_line(sp.exp((a + 1) * y - a * sp.exp(y)), y),
        change_of_variable(w, y, sp.exp(y)),
        "w = e^y; h is e^a times this integrand",
    )
    yield Step(euler, sp.gamma(a) / a**a, integrate, "Euler's integral")
    yield Step(sp.gamma(a) / a**a, sp.gamma(a + 1) / a ** (a + 1), gamma_recurrence, "one up")
    product = sp.sqrt(2 * sp.pi) * sp.exp(g / 2) / (2 * sp.sqrt(c)) * sp.exp(a) * sp.gamma(a + 1) / a ** (a + 1)
    yield Step(sp.log(product).subs(a, shape_of(g)), claim[0].rhs, gamma_recurrence, "the product of the two integrals")
    log_z = symbol("log Z", real=True)
    yield Step(bare - log_z, claim[1].rhs, substitute({log_z: claim[0].rhs}), "exponent less log Z")


@entry(
    id="pgm-law",
    title="Law, moments and mode of the PGM normal",
    statement=sp.Tuple(
        sp.Eq(sp.log(name("f", x, ell)), LOG_LAW),
        sp.Eq(Expectation(ell), lam + mean_log(shape_of(g))),
        sp.Eq(Variance(ell), sp.polygamma(1, shape_of(g) + 1)),
        sp.Eq(Variance(x), sp.exp(lam + g)),
        sp.Eq(Expectation(sp.exp(ell)), sp.exp(lam) * (1 + 4 * c * sp.exp(g))),
        sp.Eq(Optimal(ell), lam + sp.log(1 + 6 * c * sp.exp(g))),
    ),
    symbols=VALUE | PARAMETERS | CURVATURE,
    where={a: shape_of(g)},
    conventions=["f is the density with respect to dx dell", "ell^* is the mode of the " + VOLUME, PLANES],
    uses=["pgm-density"],
    status="new",
    sources=[CHO],
    certificate=Certificate(points=POINTS, independent=_law_at),
)
def pgm_law(claim: Any) -> Iterator[Step]:
    """Times the volume the density is N(alpha, beta^2 gamma^2) in mu times a gamma law of shape a + 1 in sigma^2."""
    yield Step(LOG_DENSITY - ell / 2 - sp.log(2 * sp.sqrt(c)), claim[0].rhs, gamma_recurrence, "density times volume")
    cumulants = sp.loggamma(a + 1 + power) - sp.loggamma(a + 1) - power * sp.log(a)
    moment = sp.gamma(a + 1 + power) / a ** (a + 1 + power)
    yield Step(
        sp.Integral(w ** (a + power) * sp.exp(-a * w), (w, 0, sp.oo)),
        moment,
        integrate,
        "E[w^r] of w = sigma^2 / beta^2, times the same integral at r = 0",
    )
    yield Step(sp.log(moment / moment.subs(power, 0)), cumulants, gamma_recurrence, "the logarithm of E[w^r]")
    order = symbol("n", integer=True, positive=True)
    yield Step(
        name("cumulant", y, order),
        sp.Subs(sp.Derivative(cumulants, (power, order)), power, 0),
        theorem("analyticity of a Laplace transform", "lehmann2005", "Theorem 2.7.1"),
        "E[e^(r y)] of y = log w is finite on both sides of r = 0, so it may be differentiated under the integral and "
        "its logarithm generates the cumulants of y",
    )
    yield Step(sp.Derivative(cumulants, power), sp.digamma(a + 1 + power) - sp.log(a), differentiate, "once")
    yield Step(
        lam + (sp.digamma(a + 1 + power) - sp.log(a)).subs(a, shape_of(g)),
        claim[1].rhs,
        substitute({power: 0}),
        "r = 0",
    )
    yield Step(sp.Derivative(cumulants, (power, 2)), sp.polygamma(1, a + 1 + power), differentiate, "twice")
    yield Step(sp.polygamma(1, shape_of(g) + 1 + power), claim[2].rhs, substitute({power: 0}), "r = 0")
    yield Step(
        over_line(t**2 * phi(t), t) * sp.exp(lam + g), claim[3].rhs, complete_square(t), "mu = alpha + beta gamma t"
    )
    yield Step(
        sp.exp(lam + sp.loggamma(a + 2) - sp.loggamma(a + 1) - sp.log(a)).subs(a, shape_of(g)),
        claim[4].rhs,
        gamma_recurrence,
        "the second at r = 1",
    )
    slope = sp.Rational(3, 2) - shape_of(g) * (sp.exp(ell - lam) - 1)
    yield Step(sp.Derivative(LOG_DENSITY, ell), slope, differentiate, "the slope in ell, decreasing")
    yield Step(ell, claim[5].rhs, solves(slope, ell), "its only root")


@entry(
    id="pgm-entropy",
    title="Entropy of the PGM normal",
    statement=sp.Eq(name("H", "q"), ENTROPY),
    symbols={g: PARAMETERS[g]} | CURVATURE,
    where={a: shape_of(g)},
    conventions=["entropy with respect to the Riemannian volume of curvature -c", PLANES],
    uses=["pgm-density", "pgm-law"],
    status="new",
    certificate=Certificate(
        points=grid(28, g=SPREADS, c=CURVATURES), independent=_entropy_at, numeric=_entropy_numeric
    ),
)
def pgm_entropy(claim: Any) -> Iterator[Step]:
    """Minus the mean of the log-density: it is linear in y, w and (mu - alpha)^2, whose means are known."""
    rise = symbol("Y", real=True)
    yield Step(Expectation(ell) - lam, mean_log(shape_of(g)), use(pgm_law), "the mean of y, Y below")
    yield Step(Expectation(sp.exp(ell)) * sp.exp(-lam) - 1, 4 * c * sp.exp(g), use(pgm_law), "of w - 1: it is 1 / a")
    yield Step(over_line(t**2 * phi(t), t) / 2, HALF, complete_square(t), "of (mu - alpha)^2 / (2 beta^2 gamma^2)")
    flat = 3 * rise / 2 - a * (1 / a - rise) - HALF
    yield Step(flat, (a + sp.Rational(3, 2)) * rise - sp.Rational(3, 2), algebra, "together")
    yield Step(
        log_normaliser(a, g) - flat,
        claim.rhs,
        substitute({rise: mean_log(shape_of(g)), a: shape_of(g)}),
        "log Z less that",
    )


@entry(
    id="pgm-kl",
    title="KL between PGM normals",
    statement=sp.Eq(Divergence("q", "p"), KL),
    symbols={
        delta: Meaning(
            "distance of the locations alpha_q and alpha_p",
            sp.Abs(symbol("alpha_q") - symbol("alpha_p"), evaluate=False),
        ),
        lam_q: "log beta^2 of q",
        lam_p: "log beta^2 of p",
        g_q: "log gamma^2 of q",
        g_p: "log gamma^2 of p",
    }
    | CURVATURE,
    where={symbol("a_q"): shape_of(g_q), symbol("a_p"): shape_of(g_p)},
    conventions=["q and p on planes of the same curvature -c", PLANES],
    uses=["pgm-law", "normal-law"],
    status="new",
    sources=[CHO],
    certificate=Certificate(points=PAIRS, independent=_kl_at),
)
def pgm_kl(claim: Any) -> Iterator[Step]:
    """The volume cancels in the ratio, the two factors are independent: KL of two normals, KL of two gamma laws."""
    rise, level = symbol("Y", real=True), symbol("W", positive=True)
    normals = {mu_q: delta, mu_p: 0, sigma_q: sp.exp((lam_q + g_q) / 2), sigma_p: sp.exp((lam_p + g_p) / 2)}
    yield Step(Divergence("q", "p"), FLAT, use(normal_law, normals), "the factors in mu, at distance delta")
    a_q, a_p = symbol("a_q", positive=True), symbol("a_p", positive=True)

    def log_factor(shape: Any, lift: Any, width: Any) -> Any:
        return (shape + 1) * (lift + sp.log(shape)) - shape * width - sp.loggamma(shape + 1)

    gap = lam_q - lam_p
    ratio = log_factor(a_q, rise, level) - log_factor(a_p, rise + gap, level * sp.exp(gap))
    yield Step(
        log_factor(a_q, y, sp.exp(y)) - log_factor(a_p, y + gap, sp.exp(y + gap)),
        ratio,
        substitute({rise: y, level: sp.exp(y)}),
        "the factors in ell, by pgm-law: y_p = y_q + lambda_q - lambda_p; it is linear in Y = E[y_q] and W = E[w_q]",
    )
    yield Step(Expectation(ell) - lam, mean_log(shape_of(g)), use(pgm_law), "Y")
    yield Step(Expectation(sp.exp(ell)) * sp.exp(-lam), 1 + 4 * c * sp.exp(g), use(pgm_law), "W = 1 + 1 / a_q")
    yield Step(
        ratio.subs({rise: mean_log(a_q), level: 1 + 1 / a_q}).subs({a_q: shape_of(g_q), a_p: shape_of(g_p)}),
        UP,
        algebra,
        "put in",
    )
    terms = sp.symbols("flat up", real=True)
    yield Step(sp.Add(*terms), claim.rhs, substitute(dict(zip(terms, (FLAT, UP), strict=True))), "the sum")
