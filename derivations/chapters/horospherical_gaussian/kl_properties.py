"""The KL between Horospherical Gaussians: its sign, what it does not depend on, and how its drift term behaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.horospherical_gaussian.density import hg_mgf
from derivations.chapters.horospherical_gaussian.kl import (
    HEIGHT_RATIO,
    KL_DRIFT,
    KL_FIBRE,
    KL_HEIGHT,
    kl_terms_by_integrals,
)
from derivations.chapters.horospherical_gaussian.symbols import (
    HG,
    ISOMETRY,
    PAIR,
    PAIR_GRID,
    REAL,
    SCALE,
    SOURCE,
    delta,
    m,
    mu,
    mu_p,
    mu_q,
    s_p,
    s_q,
    sigma,
    sigma_p,
    sigma_q,
    t,
    tau,
)
from derivations.enclosures.density import moved_parameters
from derivations.enclosures.gaussian import kl_parts, law
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    ball,
    combination,
    convex,
    differentiate,
    entry,
    exact,
    grid,
    normal_expectation,
    sign,
    solves,
    sp,
    split,
    substitute,
    symbol,
    use,
)
from derivations.engine.notation import Action, Divergence, Expectation, Law, Pushforward, name

x = symbol("x", positive=True)
CONVEX = x - 1 - sp.log(x)


@entry(
    id="hg-kl-nonneg",
    title="Each term of the KL is non-negative, and all vanish only where the parameters agree",
    statement=sp.Tuple(
        sp.Ge(KL_HEIGHT, 0, evaluate=False),
        sp.Ge(KL_FIBRE, 0, evaluate=False),
        sp.Ge(KL_DRIFT, 0, evaluate=False),
    ),
    symbols=PAIR,
    uses=["hg-kl"],
    status="new",
    sources=[(SOURCE, "A.2")],
    certificate=Certificate(
        points=(
            {"mu_q": 1, "mu_p": 1, "sigma_q": 1, "sigma_p": 1, "s_q": 1, "s_p": 1, "delta": 0, "m": 3},
            *PAIR_GRID[:27],
        ),
        independent=lambda p: list(kl_terms_by_integrals(p)),
    ),
)
def hg_kl_nonneg(claim: Any) -> Iterator[Step]:
    """x - 1 - log x >= 0 with equality at 1 only; the rest is squares."""
    yield Step(CONVEX, sp.S.Zero, convex(x, sp.S.One), "strictly convex with its minimum at 1: zero there only", ">=")
    ratio, widths = (sigma_q / sigma_p) ** 2, (s_q / s_p) ** 2
    places = (mu_q - mu_p) ** 2
    half = sp.Rational(1, 2)
    yield Step(
        claim[0].lhs,
        claim[0].rhs,
        combination((half, CONVEX, {x: ratio}), (1 / (2 * sigma_p**2), places)),
        "the first step at sigma_q^2/sigma_p^2, and a square; zero iff sigma_q = sigma_p and mu_q = mu_p",
        ">=",
    )
    yield Step(
        claim[1].lhs,
        claim[1].rhs,
        combination((m * half, CONVEX, {x: widths})),
        "the first step at x = s_q^2/s_p^2; zero iff s_q = s_p",
        ">=",
    )
    moment = sp.exp(-2 * mu_q + 2 * sigma_q**2)
    yield Step(
        claim[2].lhs,
        claim[2].rhs,
        combination((moment / (2 * s_p**2), delta**2)),
        "a square times a positive number; zero iff beta_q = beta_p",
        ">=",
    )


kappa, lam = symbol("kappa", real=True), symbol("lambda", real=True)
DRIFT_KAPPA = delta**2 / (2 * s_p**2) * sp.exp(-2 * kappa * mu_q + 2 * kappa**2 * sigma_q**2)


def _kl_log_linear(p: Point) -> arb:
    """The KL for widths s e^(kappa tau): HG_kappa with s replaced by s e^((kappa - 1) mu)."""
    k = exact(p["kappa"])
    (mu1, sigma1, s1, _), (mu2, sigma2, s2, _) = law(p, "_q"), law(p, "_p")
    q = (mu1, sigma1, s1 * ((k - 1) * mu1).exp(), k)
    return sum(kl_parts(q, (mu2, sigma2, s2 * ((k - 1) * mu2).exp(), k), exact(p["delta"]), int(p["m"])), arb(0))


@entry(
    id="hg-kl-measure-free",
    title="The KL knows neither the base measure nor the coupling that cancels it",
    statement=sp.Eq(Divergence("q", "p", lam), KL_HEIGHT + KL_FIBRE + DRIFT_KAPPA),
    symbols={kappa: "exponent: Var(b_i given tau) = s^2 e^(2 kappa tau) in both q and p"}
    | PAIR
    | {lam: "exponent of the base measure"},
    conventions=["densities with respect to e^(-lambda tau) dtau db, lambda any real: the right side has no lambda"],
    uses=["hg-kl", "hg-mgf"],
    status="corrects",
    sources=[(SOURCE, "A.2")],
    certificate=Certificate(
        points=grid(
            28,
            mu_q=REAL,
            mu_p=REAL,
            sigma_q=("1/20", "3/2"),
            sigma_p=SCALE,
            s_q=SCALE,
            s_p=SCALE,
            delta=("0", "3"),
            m=[1, 2, 3, 15],
            kappa=("-1", "2"),
        ),
        independent=_kl_log_linear,
    ),
)
def hg_kl_measure_free(claim: Any) -> Iterator[Step]:
    """A base measure e^(-lambda tau) adds lambda tau to both log-densities; the widths' ratio is free of
    tau."""
    square_q, square_p = symbol("S_q", nonnegative=True), symbol("S_p", nonnegative=True)

    def log_density(loc: Any, scale: Any, width: Any, square: Any, weight: Any) -> Any:
        height = -((tau - loc) ** 2) / (2 * scale**2) - sp.log(scale)
        fibre = -square * sp.exp(-2 * kappa * tau) / (2 * width**2) - m * (sp.log(width) + kappa * tau)
        return height + fibre + weight * tau

    q, p = (mu_q, sigma_q, s_q, square_q), (mu_p, sigma_p, s_p, square_p)
    ratio = log_density(*q, 0) - log_density(*p, 0)
    log_q, log_p = symbol("log q", real=True), symbol("log p", real=True)
    weighted = substitute({log_q: log_density(*q, lam), log_p: log_density(*p, lam)})
    yield Step(log_q - log_p, ratio, weighted, "the base measure cancels, whatever it is")
    height = HEIGHT_RATIO.subs(t, (tau - mu_q) / sigma_q)
    shrink = sp.exp(-2 * kappa * tau)
    fibre = m * sp.log(s_p / s_q) + square_q * shrink * (1 / s_p**2 - 1 / s_q**2) / 2
    offset = (square_p - square_q) * shrink / (2 * s_p**2)
    yield Step(ratio, height + fibre + offset, algebra, "three parts, as for kappa = 1")
    mean = fibre.subs(square_q, m * s_q**2 * sp.exp(2 * kappa * tau))
    yield Step(mean, KL_FIBRE, algebra, "E[S_q given tau] = m s_q^2 e^(2 kappa tau)")
    r = symbol("r", real=True)
    yield Step(
        delta**2 / (2 * s_p**2) * Expectation(sp.exp(r * tau)),
        DRIFT_KAPPA.subs(kappa, -r / 2),
        use(hg_mgf, {mu: mu_q, sigma: sigma_q}),
        "E[S_p - S_q given tau] = delta^2 (as in hg-kl-drift), and the moment at r = -2 kappa",
    )
    terms = sp.symbols("height fibre drift", real=True)
    summed = substitute(dict(zip(terms, (KL_HEIGHT, KL_FIBRE, DRIFT_KAPPA), strict=True)))
    yield Step(sp.Add(*terms), claim.rhs, summed, "the sum")


a, c, beta, b = (symbol(n, real=True) for n in ("a", "c", "beta", "b"))
s = symbol("s", positive=True)
MOVED = Action("g", sp.Tuple(mu, beta, sigma, s))


@entry(
    id="hg-kl-isometry",
    title="The KL is invariant under the isometries, and how they move the law",
    statement=sp.Tuple(
        sp.Eq(Divergence(Pushforward("g", "q"), Pushforward("g", "p")), KL_HEIGHT + KL_FIBRE + KL_DRIFT),
        sp.Eq(
            MOVED,
            sp.ImmutableMatrix([mu + a, sp.exp(a) * beta + c, sigma, s]),
            evaluate=False,
        ),
    ),
    symbols=PAIR
    | {mu: "height location", beta: "fibre location, a coordinate", sigma: "height scale", s: "fibre scale"}
    | {a: "shift of the height by g", c: "shift of the fibre by g, the same coordinate"},
    conventions=[ISOMETRY],
    uses=["hg-kl", "geo-isometry"],
    status="new",
    sources=[(SOURCE, "A.2")],
    implements=[f"{HG}.moved"],
    certificate=Certificate(
        points=tuple(
            dict(p)
            | {"a": sp.Rational(i % 7 - 3, 2), "c": sp.Rational(i % 5 - 2)}
            | {"mu": p["mu_q"], "beta": p["mu_p"], "sigma": p["sigma_q"], "s": p["s_q"]}
            for i, p in enumerate(PAIR_GRID[:26])
        ),
        independent=lambda p: [_kl_moved(p), moved_parameters(p)[:4]],
    ),
)
def hg_kl_isometry(claim: Any) -> Iterator[Step]:
    """The density of the moved law at the moved point is the old density at the old point; so is every KL."""
    new_mu, new_beta, new_sigma, new_s = claim[1].rhs

    def log_density(loc: Any, place: Any, scale: Any, width: Any, height: Any, fibre: Any) -> Any:
        z = sp.log(sp.sqrt(2 * sp.pi) * scale) + sp.log(2 * sp.pi * width**2) / 2
        return -((height - loc) ** 2) / (2 * scale**2) - (fibre - place) ** 2 * sp.exp(-2 * height) / (2 * width**2) - z

    yield Step(
        log_density(new_mu, new_beta, new_sigma, new_s, tau + a, sp.exp(a) * b + c),
        log_density(mu, beta, sigma, s, tau, b),
        algebra,
        "density in volume at (tau + a, e^a b + c), one fibre coordinate (the others are alike); the "
        "volume is invariant",
    )
    moved = sp.ImmutableMatrix([tau + a, sp.exp(a) * b + c, sigma, s])
    as_points = substitute({tau: mu, b: beta})
    yield Step(moved, claim[1].rhs, as_points, "the locations move as points do, the scales stay")
    moves = {mu_q: mu_q + a, mu_p: mu_p + a, delta: sp.exp(a) * delta}
    kl = KL_HEIGHT + KL_FIBRE + KL_DRIFT
    yield Step(
        kl.subs(moves, simultaneous=True),
        claim[0].rhs,
        algebra,
        "hg-kl at the moved parameters, delta moving to e^a delta",
    )


def _kl_moved(p: Point) -> arb:
    shift = exact(p["a"])
    (mu1, *rest1), (mu2, *rest2) = law(p, "_q"), law(p, "_p")
    delta_moved = exact(p["delta"]) * shift.exp()
    return sum(kl_parts((mu1 + shift, *rest1), (mu2 + shift, *rest2), delta_moved, int(p["m"])), arb(0))


# ------------------------------------------------------------------------------------------- drift

DRIFT = Divergence(Law("q", mu_q, sigma_q), "p", "drift")
DRIFT_SYMBOLS = {k: v for k, v in PAIR.items() if k in KL_DRIFT.free_symbols}


def _drift(p: Point) -> arb:
    return kl_terms_by_integrals(dict(p) | {"mu_p": 0, "sigma_p": 1, "s_q": 1, "m": 1})[2]


def _drift_slopes(p: Point) -> tuple[arb, arb]:
    """Derivatives of the drift term in mu_q and sigma_q, taken under the integral over the height."""
    loc, scale, _, _ = law(dict(p) | {"s_q": 1}, "_q")
    factor = exact(p["delta"]) ** 2 / (2 * exact(p["s_p"]) ** 2)
    top = (-2 * loc).exp()

    def moment(z: Any) -> Any:
        return (-2 * (loc + scale * z)).exp()

    in_mu = normal_expectation(lambda z, _: -2 * moment(z), bound=2 * top, rate=2 * scale)
    in_sigma = normal_expectation(lambda z, _: -2 * z * moment(z), bound=2 * top, rate=2 * scale + 1)
    return factor * in_mu, factor * in_sigma


@entry(
    id="hg-drift-monotone",
    title="The drift term falls with the height of q and rises with its scale",
    statement=sp.Tuple(
        sp.Eq(sp.Derivative(DRIFT, mu_q), -2 * KL_DRIFT),
        sp.Eq(sp.Derivative(DRIFT, sigma_q), 4 * sigma_q * KL_DRIFT),
    ),
    symbols=DRIFT_SYMBOLS,
    uses=["hg-kl-drift"],
    status="proves",
    sources=[(SOURCE, "A.2")],
    certificate=Certificate(
        points=grid(mu_q=REAL, sigma_q=SCALE, s_p=SCALE, delta=("1/10", "3")),
        independent=lambda p: list(_drift_slopes(p)),
    ),
)
def hg_drift_monotone(claim: Any) -> Iterator[Step]:
    """Differentiate hg-kl-drift."""
    yield Step(sp.Derivative(KL_DRIFT, mu_q), claim[0].rhs, differentiate, "in the height location")
    yield Step(sp.Derivative(KL_DRIFT, sigma_q), claim[1].rhs, differentiate, "in the height scale")
    yield Step(
        KL_DRIFT,
        sp.S.Zero,
        sign,
        "the drift is a product of squares and positive factors, so both signs are fixed",
        ">=",
    )


C = symbol("C", real=True)
CLAMPED_DRIFT = Divergence(Law("q", mu_q, sigma_q), "p", "clamped")
LOG_MOMENT = -2 * mu_q + 2 * sigma_q**2
CAP = delta**2 * sp.exp(C) / (2 * s_p**2)
CLAMPED = delta**2 / (2 * s_p**2) * sp.exp(sp.Min(LOG_MOMENT, C))


@entry(
    id="hg-drift-clamp",
    title="A drift term whose log-moment is clamped is the smaller of the term and a cap, and has no gradient there",
    statement=sp.Tuple(
        sp.Eq(CLAMPED_DRIFT, CLAMPED),
        sp.Le(CLAMPED, KL_DRIFT, evaluate=False),
        sp.Eq(
            sp.Derivative(CLAMPED_DRIFT, mu_q),
            sp.Piecewise((-2 * KL_DRIFT, LOG_MOMENT < C), (0, True)),
        ),
        sp.Eq(name("mu", sigma_q, C), sigma_q**2 - C / 2),
    ),
    symbols=DRIFT_SYMBOLS | {C: "where the logarithm of the moment is clamped (10 in the write-up's code)"},
    assumptions=["the derivative is stated off the kink, -2 mu_q + 2 sigma_q^2 != C"],
    conventions=[
        "clamped means the smaller of the drift term and |beta_q - beta_p|^2 e^C / (2 s_p^2)",
        "mu(sigma_q, C) is the height location mu_q below which the clamp acts",
    ],
    uses=["hg-kl-drift", "hg-drift-monotone"],
    status="corrects",
    sources=[(SOURCE, "A.5")],
    certificate=Certificate(
        points=grid(mu_q=("-6", "2"), sigma_q=SCALE, s_p=SCALE, delta=("1/10", "3"), C=["-1", "2", "5", "10"]),
        independent=lambda p: [
            _drift(p).min(exact(p["delta"]) ** 2 * exact(p["C"]).exp() / (2 * exact(p["s_p"]) ** 2)),
            None,
            _drift_slopes(p)[0] if ball(LOG_MOMENT - C, p) < 0 else arb(0),
            (_drift(dict(p) | {"mu_q": 0, "s_p": 1, "delta": 1}).log() + arb(2).log() - exact(p["C"])) / 2,
        ],
    ),
)
def hg_drift_clamp(claim: Any) -> Iterator[Step]:
    """exp is increasing, so clamping its argument is taking a minimum; a constant has no gradient."""
    line, h = symbol("y", real=True), symbol("h", nonnegative=True)
    above_line, factor = sp.exp(line) - 1 - line, delta**2 / (2 * s_p**2)
    least = factor * sp.Min(sp.exp(LOG_MOMENT), sp.exp(C))
    either_way = split(C, LOG_MOMENT, h, algebra, algebra)
    yield Step(least, claim[0].rhs, either_way, "exp is increasing: C = log-moment + h, and C = log-moment - h")
    yield Step(above_line, sp.S.Zero, convex(line, sp.S.Zero), "e^y >= 1 + y", ">=")
    reported = factor * sp.exp(LOG_MOMENT - h)
    clamps = combination((reported, above_line, {line: h}), (reported, h))
    yield Step(
        claim[1].lhs,
        claim[1].rhs,
        split(C, LOG_MOMENT, h, sign, clamps),
        "equal below C; where the clamp acts the exact drift is larger by e^h - 1 >= 0 in units of the cap: what is "
        "reported is no KL",
        "<=",
    )
    yield Step(sp.Derivative(CAP, mu_q), sp.S.Zero, differentiate, "above C the gradient in mu_q is zero")
    yield Step(sp.Derivative(CAP, sigma_q), sp.S.Zero, differentiate, "and in sigma_q")
    yield Step(sp.Derivative(KL_DRIFT, mu_q), -2 * KL_DRIFT, differentiate, "below C it is that of hg-drift-monotone")
    slopes = sp.Piecewise((sp.Derivative(KL_DRIFT, mu_q), LOG_MOMENT < C), (sp.Derivative(CAP, mu_q), True))
    yield Step(slopes, claim[2].rhs, differentiate, "case by case")
    yield Step(mu_q, claim[3].rhs, solves(LOG_MOMENT - C, mu_q), "where the log-moment, falling in mu_q, meets C")
    yield Step(
        sigma_q**2 - C / 2,
        sp.Integer(20),
        substitute({sigma_q: 5, C: 10}),
        "with the write-up's C = 10 and largest scale 5 it acts at every height location up to 20, so on "
        "all of |tau| <= 8",
    )
