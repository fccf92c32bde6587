"""KL between two Horospherical Gaussians: height, fibre and drift terms, and what they do not depend on.

The log-ratio of the densities splits into a height part, a fibre part and what the offset of the fibre
locations adds; the volume cancels. Each part is integrated by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.horospherical_gaussian.density import hg_mgf
from derivations.chapters.horospherical_gaussian.symbols import (
    HG,
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
    u,
)
from derivations.enclosures.gaussian import kl_double_sum, kl_parts, law
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
    sp,
    substitute,
    symbol,
    use,
)
from derivations.engine.notation import Divergence, Expectation, coordinates, name, over_line, phi

KL_HEIGHT = sp.log(sigma_p / sigma_q) + (sigma_q**2 + (mu_q - mu_p) ** 2) / (2 * sigma_p**2) - sp.Rational(1, 2)
KL_FIBRE = m * (sp.log(s_p / s_q) + s_q**2 / (2 * s_p**2) - sp.Rational(1, 2))
KL_DRIFT = delta**2 / (2 * s_p**2) * sp.exp(-2 * mu_q + 2 * sigma_q**2)
KL_NAMES = [f"{HG}.kl", "hrssm.distributions.kl_terms"]


def kl_in_coordinates(d: int) -> Any:
    """hg-kl with a fibre scale s_q_i, s_p_i per coordinate and delta spelled out, for dimension d."""
    n = d - 1
    sq, sp_, bq, bp = fibre_symbols(n)
    fibre = sum(sp.log(y / x) + x**2 / (2 * y**2) - sp.Rational(1, 2) for x, y in zip(sq, sp_, strict=True))
    drift = sum((x - y) ** 2 / (2 * w**2) for x, y, w in zip(bq, bp, sp_, strict=True))
    return sp.Eq(Divergence("q", "p"), KL_HEIGHT + fibre + drift * sp.exp(-2 * mu_q + 2 * sigma_q**2))


def fibre_symbols(n: int) -> tuple[list[sp.Symbol], ...]:
    return (
        coordinates("s_q", n, positive=True),
        coordinates("s_p", n, positive=True),
        coordinates("beta_q", n),
        coordinates("beta_p", n),
    )


def kl_terms_by_integrals(p: Point) -> tuple[arb, arb, arb]:
    return kl_parts(law(p, "_q"), law(p, "_p"), exact(p["delta"]), int(p["m"]))


HEIGHT_RATIO = sp.log(sigma_p / sigma_q) - t**2 / 2 + (mu_q + sigma_q * t - mu_p) ** 2 / (2 * sigma_p**2)


@entry(
    id="hg-kl-height",
    title="Height term of the KL",
    statement=sp.Eq(Divergence("q", "p", "height"), KL_HEIGHT),
    symbols={k: v for k, v in PAIR.items() if k in KL_HEIGHT.free_symbols},
    status="proves",
    sources=[(SOURCE, "A.2")],
    implements=["hrssm.distributions.kl_terms"],
    certificate=Certificate(
        points=grid(mu_q=REAL, mu_p=REAL, sigma_q=SCALE, sigma_p=SCALE),
        independent=lambda p: kl_terms_by_integrals(dict(p) | {"s_q": 1, "s_p": 1, "delta": 0, "m": 1})[0],
    ),
)
def hg_kl_height(claim: Any) -> Iterator[Step]:
    """The KL of two normal laws, integrated."""
    log_q = -((tau - mu_q) ** 2) / (2 * sigma_q**2) - sp.log(sigma_q)
    log_p = -((tau - mu_p) ** 2) / (2 * sigma_p**2) - sp.log(sigma_p)
    yield Step(
        (log_q - log_p).subs(tau, mu_q + sigma_q * t),
        HEIGHT_RATIO,
        algebra,
        "the log-ratio at tau = mu_q + sigma_q t",
    )
    yield Step(
        over_line(sp.expand(HEIGHT_RATIO) * phi(t), t),
        claim.rhs,
        complete_square(t),
        "its expectation over t",
    )


@entry(
    id="hg-kl-fibre",
    title="Fibre term of the KL",
    statement=sp.Eq(Divergence("q", "p", "fibre"), KL_FIBRE),
    symbols={k: v for k, v in PAIR.items() if k in KL_FIBRE.free_symbols},
    conventions=["for a fibre scale per coordinate, m times the bracket becomes the sum of the brackets"],
    status="proves",
    sources=[(SOURCE, "A.2")],
    implements=["hrssm.distributions.kl_terms"],
    certificate=Certificate(
        points=grid(s_q=SCALE, s_p=SCALE, m=[1, 2, 3, 4, 7, 15, 31, 63]),
        independent=lambda p: kl_terms_by_integrals(
            dict(p) | {"mu_q": 0, "mu_p": 0, "sigma_q": 1, "sigma_p": 1, "delta": 0}
        )[1],
    ),
)
def hg_kl_fibre(claim: Any) -> Iterator[Step]:
    """At equal locations the conditional log-ratio of one coordinate, b - beta = s_q e^tau eps, does not see
    tau."""
    width_q, width_p = s_q * sp.exp(tau), s_p * sp.exp(tau)
    offset = s_q * sp.exp(tau) * u
    ratio = -(offset**2) / (2 * width_q**2) - sp.log(width_q) + offset**2 / (2 * width_p**2) + sp.log(width_p)
    plain = sp.log(s_p / s_q) - u**2 / 2 + s_q**2 * u**2 / (2 * s_p**2)
    yield Step(ratio, plain, algebra, "the height cancels in every coordinate: b is measured in e^tau on both sides")
    one = sp.log(s_p / s_q) + s_q**2 / (2 * s_p**2) - sp.Rational(1, 2)
    yield Step(over_line(sp.expand(plain) * phi(u), u), one, complete_square(u), "one coordinate")
    before = symbol("J", real=True)
    one_more = over_line((before + sp.expand(plain)) * phi(u), u)
    yield Step(claim.lhs, claim.rhs, fubini(m, 1, one, before, one_more), "and their sum, one coordinate after another")
    sq, sp_ = sp.Function("s_q", positive=True), sp.Function("s_p", positive=True)
    i = symbol("i", integer=True, positive=True)

    def own(k: Any) -> Any:
        return sp.log(sp_(k) / sq(k)) + sq(k) ** 2 / (2 * sp_(k) ** 2) - sp.Rational(1, 2)

    wider = plain.subs({s_q: sq(m + 1), s_p: sp_(m + 1)})
    one_more = over_line((before + sp.expand(wider)) * phi(u), u)
    yield Step(
        name("KL_fibre", "scales"),
        sp.Sum(own(i), (i, 1, m)),
        fubini(m, 1, own(sp.S.One), before, one_more),
        "with a scale per coordinate",
    )


@entry(
    id="hg-kl-drift",
    title="Drift term of the KL",
    statement=sp.Eq(Divergence("q", "p", "drift"), KL_DRIFT),
    symbols={k: v for k, v in PAIR.items() if k in KL_DRIFT.free_symbols},
    conventions=["for a fibre scale per coordinate, delta^2/s_p^2 becomes the sum of (beta_q,i - beta_p,i)^2/s_p,i^2"],
    uses=["hg-mgf"],
    status="proves",
    sources=[(SOURCE, "A.2")],
    implements=["hrssm.distributions.kl_terms"],
    certificate=Certificate(
        points=grid(mu_q=REAL, sigma_q=SCALE, s_p=SCALE, delta=("0", "3")),
        independent=lambda p: kl_terms_by_integrals(dict(p) | {"mu_p": 0, "sigma_p": 1, "s_q": 1, "m": 1})[2],
    ),
)
def hg_kl_drift(claim: Any) -> Iterator[Step]:
    """What the offset of the fibre locations adds to the log-ratio, in expectation: the drift moment of
    hg-mgf."""
    apart, before = sp.Function("beta_q - beta_p", real=True), symbol("J", nonnegative=True)
    sq, sp_ = sp.Function("s_q", positive=True), sp.Function("s_p", positive=True)
    i = symbol("i", integer=True, positive=True)

    def own(k: Any) -> Any:
        return apart(k) ** 2 * sp.exp(-2 * tau) / (2 * sp_(k) ** 2)

    noise = sq(m + 1) * sp.exp(tau) * u
    added = ((apart(m + 1) + noise) ** 2 - noise**2) * sp.exp(-2 * tau) / (2 * sp_(m + 1) ** 2)
    yield Step(
        name("E", "offset given tau"),
        sp.Sum(own(i), (i, 1, m)),
        fubini(m, 1, own(sp.S.One), before, over_line((before + sp.expand(added)) * phi(u), u)),
        "at b = beta_q + s_q e^tau eps, one coordinate after another: the cross terms have mean zero; at one scale the "
        "sum is delta^2 e^(-2 tau) / (2 s_p^2)",
    )
    conditional = delta**2 / (2 * s_p**2) * Expectation(sp.exp(-2 * tau))
    yield Step(
        conditional,
        claim.rhs,
        use(hg_mgf, {mu: mu_q, sigma: sigma_q}),
        "the drift moment under q",
    )


@entry(
    id="hg-kl",
    title="KL between two Horospherical Gaussians",
    statement=sp.Eq(Divergence("q", "p"), KL_HEIGHT + KL_FIBRE + KL_DRIFT),
    symbols=PAIR,
    conventions=["for a fibre scale per coordinate see hg-kl-fibre and hg-kl-drift"],
    uses=["hg-kl-height", "hg-kl-fibre", "hg-kl-drift", "hg-normaliser"],
    status="proves",
    sources=[(SOURCE, "A.2")],
    implements=KL_NAMES,
    in_coordinates=kl_in_coordinates,
    certificate=Certificate(
        points=PAIR_GRID,
        independent=lambda p: sum(kl_terms_by_integrals(p), arb(0)),
        numeric=kl_double_sum,
        numeric_points=2,
        numeric_digits=40,
    ),
)
def hg_kl(claim: Any) -> Iterator[Step]:
    """The log-ratio is a height part, a fibre part and an offset part; each has been integrated."""
    square_q, square_p = symbol("S_q", nonnegative=True), symbol("S_p", nonnegative=True)

    def log_density(loc: Any, scale: Any, width: Any, square: Any) -> Any:
        z = sp.sqrt(2 * sp.pi) * scale * (2 * sp.pi * width**2) ** (m / 2)
        return -((tau - loc) ** 2) / (2 * scale**2) - square * sp.exp(-2 * tau) / (2 * width**2) - sp.log(z)

    ratio = log_density(mu_q, sigma_q, s_q, square_q) - log_density(mu_p, sigma_p, s_p, square_p)
    height = HEIGHT_RATIO.subs(t, (tau - mu_q) / sigma_q)
    fibre = m * sp.log(s_p / s_q) + square_q * sp.exp(-2 * tau) * (1 / s_p**2 - 1 / s_q**2) / 2
    offset = (square_p - square_q) * sp.exp(-2 * tau) / (2 * s_p**2)
    yield Step(ratio, height + fibre + offset, algebra, "S_q = |b - beta_q|^2, S_p = |b - beta_p|^2: three parts")
    mean_fibre = fibre.subs(square_q, m * s_q**2 * sp.exp(2 * tau))
    yield Step(mean_fibre, KL_FIBRE, algebra, "E[S_q given tau] = m s_q^2 e^(2 tau): the fibre term")
    parts = Divergence("q", "p", "height") + Divergence("q", "p", "fibre") + Divergence("q", "p", "drift")
    statements = sp.Tuple(hg_kl_height.statement, hg_kl_fibre.statement, hg_kl_drift.statement)
    _, fibre_d, drift_d = statements
    yield Step(
        parts.subs(fibre_d.lhs, fibre_d.rhs).subs(drift_d.lhs, drift_d.rhs),
        claim.rhs,
        use(hg_kl_height),
        "the sum",
    )
    for d in (2, 3, 4):
        equal = {x: s_q for x in fibre_symbols(d - 1)[0]} | {x: s_p for x in fibre_symbols(d - 1)[1]}
        squared = sum((x - y) ** 2 for x, y in zip(*fibre_symbols(d - 1)[2:], strict=True))
        yield Step(
            kl_in_coordinates(d).rhs,
            claim.rhs.subs({m: d - 1}).subs(delta**2, squared),
            substitute(equal),
            f"the version with a scale per coordinate contains it, d = {d}",
        )
