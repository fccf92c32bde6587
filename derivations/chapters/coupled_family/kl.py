"""KL within the coupled family: one coupling, two couplings, the two ends, and invariance under isometries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.coupled_family.density import COUPLING, COUPLINGS, HALF, kappa, kappa_p, kappa_q
from derivations.chapters.horospherical_gaussian.kl import (
    KL_DRIFT,
    KL_FIBRE,
    KL_HEIGHT,
    KL_NAMES,
    fibre_symbols,
    hg_kl_height,
)
from derivations.chapters.horospherical_gaussian.symbols import (
    HG,
    ISOMETRY,
    LOCATION,
    PAIR,
    REAL,
    SCALE,
    SCALES,
    beta,
    delta,
    m,
    mu,
    mu_p,
    mu_q,
    s,
    s_p,
    s_q,
    sigma,
    sigma_q,
    t,
    tau,
    u,
)
from derivations.enclosures.density import moved_parameters
from derivations.enclosures.gaussian import kl_double_sum, kl_parts, law
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
    sp,
    substitute,
    symbol,
    use,
)
from derivations.engine.notation import Action, At, Divergence, Pushforward, name, over_line, phi

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
    return sp.Eq(Divergence("q", "p"), total)


def conditional_steps(widths_q: Any, widths_p: Any) -> Iterator[Step]:
    """The KL of the fibre given tau: one coordinate, all with a width and an offset each, and with equal widths."""
    w_q, w_p, offset = symbol("w_q", positive=True), symbol("w_p", positive=True), symbol("h", real=True)
    one = sp.log(w_p / w_q) - HALF + (w_q**2 + offset**2) / (2 * w_p**2)
    ratio = sp.log(w_p / w_q) - u**2 / 2 + (w_q * u + offset) ** 2 / (2 * w_p**2)
    yield Step(
        over_line(sp.expand(ratio) * phi(u), u),
        one,
        complete_square(u),
        "given tau, one coordinate: widths w_q and w_p, offset h of the locations",
    )
    own_q, own_p = sp.Function("w_q", positive=True), sp.Function("w_p", positive=True)
    apart, before, i = sp.Function("h", real=True), symbol("J", real=True), symbol("i", integer=True, positive=True)

    def at(index: Any) -> dict[Any, Any]:
        return {w_q: own_q(index), w_p: own_p(index), offset: apart(index)}

    added = sp.expand(ratio.subs(at(m + 1)))
    yield Step(
        name("KL", "given tau"),
        sp.Sum(one.subs(at(i)), (i, 1, m)),
        fubini(m, 1, one.subs(at(sp.S.One)), before, over_line((before + added) * phi(u), u)),
        "all coordinates, each with its own widths, one after another",
    )
    yield Step(
        sp.Sum(one.subs(offset, apart(i)), (i, 1, m)),
        m * one.subs(offset, 0) + sp.Sum(apart(i) ** 2, (i, 1, m)) / (2 * w_p**2),
        induction(m, 1),
        "with equal widths; the squared offsets add up to delta^2",
    )
    log_ratio = sp.log(widths_p) - sp.log(widths_q)
    yield Step(
        m * one.subs({offset: 0, w_q: widths_q, w_p: widths_p}) + delta**2 / (2 * widths_p**2),
        m * (log_ratio - HALF + widths_q**2 / (2 * widths_p**2)) + delta**2 / (2 * widths_p**2),
        log_expand,
        "at the widths of the family",
    )


@entry(
    id="hgk-kl",
    title="KL within the coupled family, one coupling",
    statement=sp.Eq(Divergence("q", "p"), KL_HEIGHT + HGK_FIBRE + HGK_DRIFT),
    symbols={kappa: "coupling of q and of p"} | PAIR,
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
    yield Step(over_line(offset * phi(t), t), HGK_DRIFT, complete_square(t), "its expectation: the drift term")
    yield Step(
        Divergence("q", "p", "height") + HGK_FIBRE + HGK_DRIFT,
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
    statement=sp.Eq(Divergence("q", "p"), KL_HEIGHT + MIXED_FIBRE + MIXED_DRIFT),
    symbols={kappa_q: "coupling of q", kappa_p: "coupling of p"} | PAIR,
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
        Divergence("q", "p", "height") + MIXED_FIBRE + MIXED_DRIFT,
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
    title="The two ends of the family",
    statement=sp.Tuple(
        sp.Eq(At(Divergence("q", "p"), kappa, 1), KL_HEIGHT + KL_FIBRE + KL_DRIFT),
        sp.Eq(At(Divergence("q", "p", "drift"), kappa, 0), delta**2 / (2 * s_p**2) * sp.exp(-2 * mu_p)),
    ),
    symbols={kappa: "coupling of q and of p"} | PAIR,
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
MOVED = Action("g", sp.Tuple(mu, beta, sigma, s, kappa))


@entry(
    id="hgk-isometry",
    title="Every coupling is equivariant under the isometries",
    statement=sp.Tuple(
        sp.Eq(Divergence(Pushforward("g", "q"), Pushforward("g", "p")), KL_HEIGHT + MIXED_FIBRE + MIXED_DRIFT),
        sp.Eq(
            MOVED,
            sp.ImmutableMatrix([mu + a, sp.exp(a) * beta + c, sigma, s, kappa]),
            evaluate=False,
        ),
    ),
    symbols={kappa_q: "coupling of q", kappa_p: "coupling of p"}
    | PAIR
    | LOCATION
    | SCALES
    | COUPLING
    | {beta: "fibre location, a coordinate", a: "shift of the height by g", c: "shift of that coordinate by g"},
    conventions=[ISOMETRY],
    uses=["hgk-kl-mixed", "geo-isometry"],
    status="new",
    implements=[f"{HG}.moved"],
    certificate=Certificate(
        points=tuple(
            dict(p)
            | {"a": sp.Rational(i % 7 - 3, 2), "c": sp.Rational(i % 5 - 2), "kappa": p["kappa_p"]}
            | {"mu": p["mu_q"], "beta": p["mu_p"], "sigma": p["sigma_q"], "s": p["s_q"]}
            for i, p in enumerate(grid(26, **KL_AXES, kappa_q=COUPLINGS, kappa_p=COUPLINGS))
        ),
        independent=lambda p: [_kl_moved(p), moved_parameters(p, "kappa")],
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
        sp.ImmutableMatrix([tau + a, sp.exp(a) * b + c, sigma, s, kappa]),
        claim[1].rhs,
        substitute({tau: mu, b: beta}),
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
