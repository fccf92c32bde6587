"""Small-scale expansions: how far the Horospherical Gaussian is from the Riemannian normal, in every dimension."""

from __future__ import annotations

from typing import Any

from derivations.chapters.riemannian_normal.small_scale_series import (
    as_ball,
    backward,
    exponential,
    forward,
    truncated,
    truncation,
)
from derivations.chapters.riemannian_normal.small_scale_steps import (
    backward_steps,
    beta,
    d,
    distance_polynomial,
    distance_steps,
    forward_steps,
    inside_polynomial,
    m,
    sigma,
    tau,
)
from derivations.engine.kernel import (
    Certificate,
    Step,
    acb,
    algebra,
    arb,
    differentiate,
    entry,
    exact,
    fmpq,
    grid,
    plus_minus,
    series,
    solves,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import Distance, Divergence, Meaning, Norm, Optimal, name

nu, kappa = symbol("nu", real=True), symbol("kappa", real=True)
h, f = symbol("h", real=True), symbol("f", real=True)
eps = symbol("epsilon", positive=True)
SCALED = sp.Tuple(eps * tau, eps * symbol("b"))
WRITE_UP = ("perret2026", "A.4")
DIMENSION = ("dimension", "integer >= 2")


def _fourth_coefficient(p: Any) -> arb:
    """Coefficient of eps^4 in dist((eps tau, eps b), o)^2 less that of e^(-eps tau) eps^2 |b|^2, by Cauchy.

    On |eps| <= 0.35 and for |tau| <= 2, |b|^2 <= 4, |z| <= 1/2; there |4 asinh(sqrt z)^2| <= 8 |z| <= 4,
    since its derivative is 4 times a mean of 1/(1 + z (1 - w^2)). The mean over n points of a circle of a
    fourth of that radius is off by at most 4 (0.35)^(-4) 4^(-n) / (1 - 4^(-n)).
    """
    a, b = exact(p["tau"]), exact(p["beta"])
    outer, n = arb(35) / 100, 128
    total = acb(0)
    for k in range(n):
        e = (acb(0, 1) * arb.pi() * (2 * k + 1) / n).exp() * outer / 4
        inside = (e * a / 2).sinh() ** 2 + (-e * a).exp() * e * e * b / 4
        total += 4 * inside.sqrt().asinh() ** 2 / e**4
    error = 4 / outer**4 * arb(4) ** (-n) * 2
    return total.real / n + plus_minus(error) - b * a * a / 2


@entry(
    id="a4-distance",
    title="Squared distance to the origin, to fourth order",
    statement=sp.Eq(
        sp.Limit(
            (
                Distance("o", sp.Tuple(eps * tau, eps * symbol("b"))) ** 2
                - eps**2 * tau**2
                - sp.exp(-eps * tau) * eps**2 * beta
            )
            / eps**4,
            eps,
            0,
        ),
        -(2 * tau**2 * beta + beta**2) / 12,
        evaluate=False,
    ),
    symbols={
        eps: "scale of both coordinates",
        tau: "height",
        beta: Meaning("squared length of the fibre coordinates b", Norm("b") ** 2),
        symbol("o"): Meaning("the origin", domain="H^d"),
    },
    status="new",
    conventions=["to fourth order d(o, z)^2 = tau^2 + e^(-tau) |b|^2 - (2 tau^2 |b|^2 + |b|^4)/12"],
    uses=["geo-distance"],
    certificate=Certificate(points=grid(30, tau=("-2", "2"), beta=("1/10", "4")), independent=_fourth_coefficient),
)
def a4_distance(claim: Any) -> Any:
    """Expand 4 asinh(sqrt z)^2 in z, with a remainder of known sign.

    The fibre coordinate enters as e^(-tau) |b|^2, so that the Riemannian normal's conditional fibre variance
    goes as e^tau near the origin, where HG has e^(2 tau).
    """
    yield from distance_steps()
    order = 5
    inside = inside_polynomial(eps * tau, eps**2 * beta, eps, order)
    yield Step(
        sp.sinh(eps * tau / 2) ** 2 + sp.exp(-eps * tau) * eps**2 * beta / 4,
        inside,
        series(eps, order),
        "z to fourth order in eps",
    )
    expansion = distance_polynomial(inside, eps, order)
    yield Step(4 * inside - 4 * inside**2 / 3, expansion, truncation(eps, order), "the square of z too")
    gaussian = eps**2 * tau**2 + truncated(exponential(-eps * tau, eps, order) * eps**2 * beta, eps, order)
    yield Step(expansion - gaussian, eps**4 * claim.rhs, algebra, "without tau^2 + e^(-tau) |b|^2")
    yield Step((expansion - gaussian) / eps**4, claim.rhs, algebra, "the remaining terms are of fifth order")


# ------------------------------------------------------------------------------------------- entries

RN = name("RN", "o", sigma)
HG = name("HG", 0, 0, sigma, sigma)
FORWARD, BACKWARD = Divergence(HG, RN), Divergence(RN, HG)
LAWS = "RN(o, sigma) is the Riemannian normal, HG(mu, beta, sigma, s) the horospherical Gaussian with these parameters"
DIMENSIONS = list(range(2, 31))
LEADING = (d - 1) * (d + 1) / 8


def _dimension(p: Any) -> int:
    return int(sp.Rational(p["d"])) - 1


@entry(
    id="a4-leading",
    title="Leading term of both divergences between a horospherical Gaussian and a Riemannian normal",
    statement=sp.Tuple(
        sp.Eq(sp.Limit(FORWARD / sigma**2, sigma, 0), LEADING, evaluate=False),
        sp.Eq(sp.Limit(BACKWARD / sigma**2, sigma, 0), LEADING, evaluate=False),
    ),
    symbols={d: DIMENSION, sigma: "scale of both"},
    status="corrects",
    assumptions=["d >= 2"],
    conventions=[LAWS, "the error is O(sigma^4), not O(sigma^3): both divergences are series in sigma^2"],
    uses=["a4-distance", "rn-normaliser", "hg-normaliser", "geo-horo-polar"],
    sources=[WRITE_UP],
    certificate=Certificate(
        points=grid(29, d=DIMENSIONS),
        independent=lambda p: (as_ball(forward(_dimension(p))[1]), as_ball(backward(_dimension(p))[1])),
    ),
)
def a4_leading(claim: Any) -> Any:
    """Expand normaliser and squared distance, take moments, collect sigma^2."""
    there = yield from forward_steps()
    yield Step(there[2], claim[0].rhs, algebra, "coefficient of sigma^2 of KL(HG || RN)")
    back = yield from backward_steps()
    yield Step(back[2], claim[1].rhs, algebra, "coefficient of sigma^2 of KL(RN || HG)")


@entry(
    id="a4-next",
    title="The next term of both divergences between a horospherical Gaussian and a Riemannian normal",
    statement=sp.Tuple(
        sp.Eq(
            sp.Limit((FORWARD - LEADING * sigma**2) / sigma**4, sigma, 0),
            (d - 1) * (d**2 - 3 * d - 3) / 36,
            evaluate=False,
        ),
        sp.Eq(
            sp.Limit((BACKWARD - LEADING * sigma**2) / sigma**4, sigma, 0),
            (d - 1) * (11 * d**2 + 12 * d + 3) / 72,
            evaluate=False,
        ),
    ),
    symbols={d: DIMENSION, sigma: "scale of both"},
    status="new",
    assumptions=["d >= 2"],
    conventions=[LAWS],
    uses=["a4-leading"],
    certificate=Certificate(
        points=grid(29, d=DIMENSIONS),
        independent=lambda p: (as_ball(forward(_dimension(p))[2]), as_ball(backward(_dimension(p))[2])),
    ),
)
def a4_next(claim: Any) -> Any:
    """The same expansions, one order further.

    The two directions part here: the term of KL(HG || RN) is negative for d = 2 and 3, that of KL(RN || HG)
    is positive and 5.5 times as large for large d.
    """
    there = yield from forward_steps()
    yield Step(there[4], claim[0].rhs, algebra, "coefficient of sigma^4 of KL(HG || RN)")
    back = yield from backward_steps()
    yield Step(back[4], claim[1].rhs, algebra, "coefficient of sigma^4 of KL(RN || HG)")


def _vertex(values: list[fmpq]) -> tuple[fmpq, fmpq]:
    """Place and value of the minimum of the parabola through (-1, 0, 1)."""
    low, mid, high = values
    slope, curve = (high - low) / 2, (high + low) / 2 - mid
    return -slope / (2 * curve), mid - slope * slope / (4 * curve)


def _recentred_kl(place: Any) -> Any:
    return Divergence(name("HG", place * sigma**2, 0, sigma, sigma), RN)


def _recentred(p: Any) -> tuple[Any, ...]:
    k = _dimension(p)
    place, value = _vertex([forward(k, j)[1] for j in (-1, 0, 1)])
    best = forward(k, sp.Rational(-k, 2))
    return tuple(as_ball(q) for q in (forward(k, p["nu"])[1], place, value, best[2]))


@entry(
    id="a4-recentred",
    title="The nearest location: a horospherical Gaussian against a Riemannian normal",
    statement=sp.Tuple(
        sp.Eq(
            sp.Limit(_recentred_kl(nu) / sigma**2, sigma, 0),
            (2 * nu + d - 1) ** 2 / 8 + (d - 1) / 4,
            evaluate=False,
        ),
        sp.Eq(Optimal(nu), -(d - 1) / 2),
        sp.Eq(sp.Limit(_recentred_kl(Optimal(nu)) / sigma**2, sigma, 0), (d - 1) / 4, evaluate=False),
        sp.Eq(
            sp.Limit((_recentred_kl(Optimal(nu)) - (d - 1) * sigma**2 / 4) / sigma**4, sigma, 0),
            (d - 1) * (4 * d**2 - 6 * d - 3) / 36,
            evaluate=False,
        ),
    ),
    symbols={d: DIMENSION, nu: "location of the height in units of sigma^2", sigma: "scale of both"},
    status="new",
    assumptions=["d >= 2"],
    conventions=[LAWS, "nu^* is where the first limit is smallest"],
    uses=["a4-leading"],
    implements=["hrssm.distributions.riemannian_normal.RiemannianNormal.recentred"],
    certificate=Certificate(points=grid(30, d=DIMENSIONS, nu=("-5", "5")), independent=_recentred),
)
def a4_recentred(claim: Any) -> Any:
    """A location of order sigma^2 is what matters: a larger one costs more than order sigma^2 by itself.

    At the best one the leading term is linear in d. The next is cubic, as at mu = 0, and larger there.
    """
    there = yield from forward_steps(location=nu)
    yield Step(there[2], claim[0].rhs, algebra, "coefficient of sigma^2 at mu = nu sigma^2")
    best = -(d - 1) / 2
    yield Step(sp.Derivative(there[2], nu), nu - best, differentiate, "zero at the best location alone")
    yield Step(nu, claim[1].rhs, solves(sp.diff(there[2], nu), nu), "the only minimum")
    yield Step(there[2], claim[2].rhs, substitute({nu: best}), "the value there")
    yield Step(there[4], claim[3].rhs, substitute({nu: best}), "and the next coefficient there")


def _scaled_kl(height: Any, fibre: Any) -> Any:
    """At the nearest coupling and location, with scales off by a multiple of sigma^3."""
    scales = (sigma * (1 + height * sigma**2), sigma * (1 + fibre * sigma**2))
    return Divergence(name("HG", Optimal(nu) * sigma**2, 0, *scales, sp.Rational(1, 2)), RN)


def _coupled(p: Any) -> tuple[Any, ...]:
    k = _dimension(p)
    half, centre = sp.Rational(1, 2), sp.Rational(-k, 2)
    general = forward(k, p["nu"], p["kappa"])[1]
    scaled = forward(k, centre, half, p["h"], p["f"])[2]
    tall, _ = _vertex([forward(k, centre, half, j, 0)[2] for j in (-1, 0, 1)])
    wide, _ = _vertex([forward(k, centre, half, 0, j)[2] for j in (-1, 0, 1)])
    scales = (sp.Rational(int(q.p), int(q.q)) for q in (tall, wide))
    best = forward(k, centre, half, *scales)
    return tuple(as_ball(q) for q in (general, scaled, tall, wide, best[2]))


@entry(
    id="a4-coupling",
    title="The nearest coupling: the coupled family against a Riemannian normal",
    statement=sp.Tuple(
        sp.Eq(
            sp.Limit(Divergence(name("HG", nu * sigma**2, 0, sigma, sigma, kappa), RN) / sigma**2, sigma, 0),
            (2 * nu + d - 1) ** 2 / 8 + (d - 1) * (2 * kappa - 1) ** 2 / 4,
            evaluate=False,
        ),
        sp.Eq(
            sp.Limit(_scaled_kl(h, f) / sigma**4, sigma, 0),
            (h - (d - 1) / 12) ** 2 + (d - 1) * (f - (4 * d - 1) / 12) ** 2 + (d - 1) * (d + 3) / 144,
        ),
        sp.Eq(Optimal(h), (d - 1) / 12),
        sp.Eq(Optimal(f), (4 * d - 1) / 12),
        sp.Eq(
            sp.Limit(_scaled_kl(Optimal(h), Optimal(f)) / sigma**4, sigma, 0), (d - 1) * (d + 3) / 144, evaluate=False
        ),
    ),
    symbols={
        d: DIMENSION,
        nu: "location of the height in units of sigma^2",
        kappa: "coupling",
        h: "deviation of the height scale, in units of sigma^3",
        f: "deviation of the fibre scale, in units of sigma^3, in the parametrisation of the coupled family",
        sigma: "scale of RN",
    },
    status="new",
    assumptions=["d >= 2"],
    conventions=[
        LAWS + ", and its coupling where one is given",
        "nu^* is that of a4-recentred, h^* and f^* are where the second limit is smallest",
    ],
    uses=["a4-recentred", "hgk-density"],
    implements=["hrssm.distributions.riemannian_normal.RiemannianNormal.recentred"],
    certificate=Certificate(
        points=grid(30, d=DIMENSIONS, nu=("-4", "4"), kappa=("-1", "2"), h=("-1", "2"), f=("-2", "5")),
        independent=_coupled,
    ),
)
def a4_coupling(claim: Any) -> Any:
    """The coupling costs (d-1)(2 kappa - 1)^2/4 sigma^2, so kappa = 1/2 alone has no term of order sigma^2.

    Scales off by order sigma would cost order sigma^2 themselves (last steps), so they are off by sigma^2 at
    most; they then enter at sigma^4, through two squares.
    """
    there = yield from forward_steps(location=nu, coupling=kappa)
    yield Step(there[2], claim[0].rhs, algebra, "coefficient of sigma^2, whatever h and f of order sigma^2")
    yield Step(there[2].subs(nu, -(d - 1) / 2), (d - 1) * (2 * kappa - 1) ** 2 / 4, algebra, "at the best location")
    half = sp.Rational(1, 2)
    scaled = yield from forward_steps(location=-(d - 1) / 2, coupling=half, height=h, fibre=f)
    yield Step(scaled[2], sp.S.Zero, algebra, "at kappa = 1/2 nothing is left at order sigma^2")
    yield Step(scaled[4], claim[1].rhs, algebra, "coefficient of sigma^4 there: two squares and a remainder")
    yield Step(sp.Derivative(scaled[4], h), 2 * (h - (d - 1) / 12), differentiate, "zero at the best height scale")
    yield Step(sp.Derivative(scaled[4], f), 2 * (d - 1) * (f - (4 * d - 1) / 12), differentiate, "and fibre scale")
    best = {h: (d - 1) / 12, f: (4 * d - 1) / 12}
    yield Step(h, claim[2].rhs, solves(2 * (h - (d - 1) / 12), h), "best height scale")
    yield Step(f, claim[3].rhs, solves(2 * (f - (4 * d - 1) / 12), f), "best fibre scale")
    yield Step(scaled[4], claim[4].rhs, substitute(best), "what remains at the best scales")
    yield Step(
        (1 + best[f] * sigma**2) * sp.exp(-(d - 1) / 2 * sigma**2 / 2),
        1 + (d + 2) * sigma**2 / 12,
        series(sigma, 4),
        "the fibre scale at tau = 0 is s e^(mu/2): sigma (1 + (m + 3) sigma^2/12)",
    )
    yield Step(
        -sp.log(1 + h * sigma) - m * sp.log(1 + f * sigma) + ((1 + h * sigma) ** 2 + m * (1 + f * sigma) ** 2 - d) / 2,
        (h**2 + m * f**2) * sigma**2,
        series(sigma, 3),
        "scales off by order sigma, h sigma and f sigma: by symmetry in t they meet no other term of order sigma",
    )
