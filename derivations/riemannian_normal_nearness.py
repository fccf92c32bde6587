"""How near the Horospherical Gaussian is to the Riemannian normal: expansions in sigma, in every dimension.

With q = HG_kappa(mu, 0, ., .) and p = RN(o, sigma), both divergences are normalisers, a constant and moments
of squared distances. The squared distance is 4 asinh(sqrt z)^2 with z = sinh^2(tau/2) + e^(-tau) |b|^2 / 4,
whose power series has remainders of known sign and size on all of z >= 0: so the expansions hold with error
bounds, though the series they come from diverge.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from derivations.kernel import (
    Certificate,
    Step,
    acb,
    algebra,
    antiderivative,
    arb,
    argument,
    differentiate,
    entry,
    exact,
    fmpq,
    grid,
    integrate,
    plus_minus,
    series,
    sp,
    symbol,
)
from derivations.nearness_series import (
    as_ball,
    backward,
    even_moment,
    expectation,
    exponential,
    forward,
    mean,
    rising,
    truncated,
    truncation,
)

d = symbol("d", integer=True, positive=True)
m = d - 1
sigma = symbol("sigma", positive=True)
nu, kappa = symbol("nu", real=True), symbol("kappa", real=True)
h, f = symbol("h", real=True), symbol("f", real=True)
tau, t, u = symbol("tau", real=True), symbol("t", real=True), symbol("u", real=True)
beta = symbol("beta", nonnegative=True)  # |b|^2
X, Y = symbol("X", nonnegative=True), symbol("Y", nonnegative=True)
z, x, w, r, eps = (symbol(n, positive=True) for n in ("z", "x", "w", "r", "epsilon"))
fibre_count = symbol("m", positive=True)
E = sp.Function("E")
KL = sp.Function("KL")
WRITE_UP = ("perret2026", "A.4")
DIMENSION = ("dimension", "integer >= 2")

Expansion = Generator[Step, None, dict[int, Any]]


# ------------------------------------------------------------------------------------------- the distance


def squared_distance(height: Any, square: Any) -> Any:
    """dist(z, o)^2 for z of that height and |b|^2, by geo-distance in the form cosh r - 1 = 2 sinh^2(r/2)."""
    return 4 * sp.asinh(sp.sqrt(sp.sinh(height / 2) ** 2 + sp.exp(-height) * square / 4)) ** 2


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
                sp.Function("dist")(eps * tau, eps**2 * beta) ** 2
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
    symbols={tau: "height", beta: "|b|^2", eps: "scale of both coordinates"},
    status="new",
    conventions=["to fourth order dist^2 = tau^2 + e^(-tau) |b|^2 - (2 tau^2 |b|^2 + |b|^4)/12"],
    uses=["geo-distance"],
    certificate=Certificate(
        points=grid(30, tau=("-2", "2"), beta=("1/10", "4")), independent=_fourth_coefficient
    ),
)
def a4_distance(claim: Any) -> Any:
    """Expand 4 asinh(sqrt z)^2 in z, with a remainder of known sign.

    The fibre coordinate enters as e^(-tau) |b|^2, so that the Riemannian normal's conditional fibre variance
    goes as e^tau near the origin, where HG has e^(2 tau).
    """
    yield from distance_steps()
    order = 5
    inside = _inside(eps * tau, eps**2 * beta, eps, order)
    yield Step(
        sp.sinh(eps * tau / 2) ** 2 + sp.exp(-eps * tau) * eps**2 * beta / 4,
        inside,
        series(eps, order),
        "z to fourth order in eps",
    )
    expansion = _distance_polynomial(inside, eps, order)
    yield Step(4 * inside - 4 * inside**2 / 3, expansion, truncation(eps, order), "the square of z too")
    gaussian = eps**2 * tau**2 + truncated(exponential(-eps * tau, eps, order) * eps**2 * beta, eps, order)
    yield Step(expansion - gaussian, eps**4 * claim.rhs, algebra, "without tau^2 + e^(-tau) |b|^2")
    yield Step((expansion - gaussian) / eps**4, claim.rhs, algebra, "the remaining terms are of fifth order")


def distance_steps() -> Any:
    """Steps for the power series of dist^2 in z and the bounds on its remainder."""
    y = symbol("y", nonnegative=True)
    yield Step(
        (sp.cosh(x) - 1) / 2,
        sp.sinh(x / 2) ** 2,
        algebra,
        "so that r = 2 asinh(sqrt z) with z = (cosh r - 1)/2",
    )
    yield Step(
        ((sp.cosh(tau) + sp.exp(-tau) * beta / 2) - 1) / 2,
        sp.sinh(tau / 2) ** 2 + sp.exp(-tau) * beta / 4,
        algebra,
        "z in horospherical coordinates, from geo-distance",
    )
    yield Step(
        4 * sp.asinh(x) ** 2,
        4 * x**2 - sp.Rational(4, 3) * x**4 + sp.Rational(32, 45) * x**6,
        series(x, 8),
        "the power series in z = x^2",
    )
    yield Step(
        sp.Derivative(4 * sp.asinh(sp.sqrt(z)) ** 2, z),
        4 * sp.asinh(sp.sqrt(z)) / sp.sqrt(z * (1 + z)),
        differentiate,
        "its derivative in z",
    )
    root = sp.sqrt(z / (1 + z))
    yield Step(
        sp.Integral(1 / (1 + z * (1 - w**2)), (w, 0, 1)),
        sp.atanh(root) / sp.sqrt(z * (1 + z)),
        antiderivative(sp.atanh(w * root) / sp.sqrt(z * (1 + z)), w, sp.S.Zero, sp.S.One),
        "which is 4 times this mean over w, since atanh(sqrt(z/(1+z))) = asinh(sqrt z)",
    )
    yield Step(
        1 / (1 + y),
        1 - y + y**2 - y**3 / (1 + y),
        algebra,
        "y = z (1 - w^2) >= 0: the partial sums of the geometric series lie on alternate sides, so those "
        "of dist^2 in z do too, and each remainder is at most the first term left out",
    )


def _inside(height: Any, square: Any, s: sp.Symbol, order: int) -> Any:
    """z as a polynomial in s below s^order, for polynomials height (no constant term) and |b|^2."""
    power, total = sp.S.One, sp.S.Zero
    for n in range(1, (order + 1) // 2):
        power = truncated(power * height**2, s, order)
        total += power / (2 * sp.factorial(2 * n))
    return sp.expand(total + truncated(exponential(-height, s, order) * square / 4, s, order))


def _distance_polynomial(inside: Any, s: sp.Symbol, order: int) -> Any:
    """4 z - 4 z^2/3 + 32 z^3/45 below s^order."""
    square = truncated(inside**2, s, order)
    cube = truncated(square * inside, s, order)
    return truncated(4 * inside - sp.Rational(4, 3) * square + sp.Rational(32, 45) * cube, s, order)


# ------------------------------------------------------------------------------------------- moments


NORMAL_AND_CHI = {t: lambda n: 0 if n % 2 else even_moment(n // 2), X: lambda n: rising(m, n)}
CHI = {Y: lambda n: rising(d, n)}
SPHERE = {u: lambda n: 0 if n % 2 else sp.Integer(even_moment(n // 2)) / rising(d, n // 2)}


def moment_steps() -> Any:
    """Steps for the moments of t ~ N(0, 1) and of |eps|^2 = X ~ chi-squared of m degrees of freedom."""
    normal_density = sp.exp(-(t**2) / 2) / sp.sqrt(2 * sp.pi)
    for n in (2, 4, 6):
        integral = sp.Integral(t**n * normal_density, (t, -sp.oo, sp.oo))
        yield Step(integral, sp.Integer(even_moment(n // 2)), integrate, f"E[t^{n}]")
    n = symbol("n", nonnegative=True)
    yield Step(
        sp.Derivative(-2 * x ** (n + fibre_count / 2) * sp.exp(-x / 2), x),
        (x - (fibre_count + 2 * n)) * x ** (n + fibre_count / 2 - 1) * sp.exp(-x / 2),
        differentiate,
        "integrated over x > 0 the left side vanishes: E[X^(n+1)] = (m + 2n) E[X^n] for every m > 0, hence "
        "E[X^n] = m (m+2) ... (m+2n-2)",
    )
    for dim in (2, 3, 4):
        k = sp.Rational(dim - 1)
        density = x ** (k / 2 - 1) * sp.exp(-x / 2) / (2 ** (k / 2) * sp.gamma(k / 2))
        for power in (1, 2, 3):
            integral = sp.Integral(x**power * density, (x, 0, sp.oo))
            yield Step(integral, rising(dim - 1, power), integrate, f"E[X^{power}], outright for d = {dim}")


def normaliser_steps() -> Expansion:
    """Steps for log Z_RN - (d/2) log(2 pi sigma^2); returns its coefficients of sigma^2 and sigma^4."""
    log_ratio = x**2 / 6 - x**4 / 180
    yield Step(
        sp.sinh(x),
        truncated(x * exponential(log_ratio, x, 7), x, 7),
        series(x, 7),
        "so log(sinh x / x) = x^2/6 - x^4/180 + O(x^6)",
    )
    power = exponential((m * log_ratio).subs(x, sigma * sp.sqrt(Y)), sigma, 6)
    yield Step(
        1 + m * Y * sigma**2 / 6 + (m**2 * Y**2 / 72 - m * Y**2 / 180) * sigma**4,
        power,
        truncation(sigma, 6),
        "(sinh r / r)^m with r^2 = sigma^2 Y: against e^(-r^2/(2 sigma^2)) r^m dr, Y is chi-squared of d "
        "degrees",
    )
    average = mean(power, CHI)
    yield Step(E(power), average, expectation("chi-squared-moments", CHI), "E[Y^n] = d (d+2) ... (d+2n-2)")
    excess = sp.expand(average - 1)
    log = truncated(excess - excess**2 / 2, sigma, 6)
    yield Step(
        exponential(log, sigma, 6),
        average,
        truncation(sigma, 6),
        "the logarithm of that mean, whose remainder is O(sigma^6) since 0 <= log(sinh x / x) <= x^2/6",
    )
    return {n: sp.factor(log.coeff(sigma, n)) for n in (2, 4)}


def forward_steps(
    location: Any = sp.S.Zero, coupling: Any = sp.S.One, height: Any = sp.S.Zero, fibre: Any = sp.S.Zero
) -> Expansion:
    """Steps for KL(HG_kappa(nu sigma^2, 0, sigma (1 + h sigma^2), sigma (1 + f sigma^2)) || RN(o, sigma)).

    Returns the coefficients of sigma^2 and sigma^4.
    """
    yield Step(
        KL(sigma),
        sp.log(sp.Function("Z_RN")(sigma) / sp.Function("Z_HG")(sigma))
        - d / 2
        + E(sp.Function("dist")(z) ** 2) / (2 * sigma**2),
        argument,
        "log-densities: under q the exponent of q has mean d/2, and m tau - m mu - m kappa (tau - mu), the "
        "base measure against the conditional scale, has mean 0; for m fibre coordinates by Fubini",
    )  # fmt: skip
    yield from distance_steps()
    order = 7
    steps = (1 + height * sigma**2) * sigma * t
    mu = location * sigma**2
    tall = sp.expand(mu + steps)
    spread = sp.expand(2 * mu + 2 * coupling * steps)
    growth = exponential(spread - tall, sigma, order - 2)
    yield Step(
        sp.exp(spread - tall),
        growth,
        series(sigma, order - 2),
        "e^(-tau) |b|^2 is (fibre scale)^2 X times this: tau = mu + (height scale) t, and b has the "
        "conditional scale s e^(mu + kappa (tau - mu))",
    )
    rise = _inside(tall, sp.S.Zero, sigma, order)
    yield Step(sp.sinh(tall / 2) ** 2, rise, series(sigma, order), "the other part of z")
    inside = sp.expand(
        rise + truncated((1 + fibre * sigma**2) ** 2 * sigma**2 * X * growth / 4, sigma, order)
    )
    yield Step(
        rise + (1 + fibre * sigma**2) ** 2 * sigma**2 * X * growth / 4,
        inside,
        truncation(sigma, order),
        "z through sigma^6",
    )
    square = truncated(inside**2, sigma, order)
    yield Step(inside**2, square, truncation(sigma, order), "its square")
    cube = truncated(square * inside, sigma, order)
    yield Step(square * inside, cube, truncation(sigma, order), "its cube")
    polynomial = _distance_polynomial(inside, sigma, order)
    yield Step(
        4 * inside - sp.Rational(4, 3) * square + sp.Rational(32, 45) * cube,
        polynomial,
        truncation(sigma, order),
        "dist^2 through sigma^6; the fourth power of z, which bounds what is left out, has mean O(sigma^8)",
    )
    yield from moment_steps()
    average = mean(polynomial, NORMAL_AND_CHI)
    yield Step(E(polynomial), average, expectation("moments", NORMAL_AND_CHI), "the mean over t and X")
    normaliser = yield from normaliser_steps()
    logs = {2: height + m * fibre, 4: -(height**2 + m * fibre**2) / 2}
    yield Step(
        sp.log(1 + height * sigma**2) + m * sp.log(1 + fibre * sigma**2),
        logs[2] * sigma**2 + logs[4] * sigma**4,
        series(sigma, 5),
        "the scales in the normaliser of q",
    )
    yield Step(sp.expand(average).coeff(sigma, 2) / 2, d / 2, algebra, "the KL has no term of order 0")
    halves = {n: sp.expand(average).coeff(sigma, n + 2) / 2 for n in (2, 4)}
    return {n: sp.expand(normaliser[n] - logs[n] + halves[n]) for n in (2, 4)}


def backward_steps() -> Expansion:
    """Steps for KL(RN(o, sigma) || HG(0, 0, sigma, sigma)); returns as `forward_steps` does."""
    shrink = sp.cosh(r) - u * sp.sinh(r)
    yield Step(
        2 * shrink * sp.cosh(r) - 1 - shrink**2,
        sp.sinh(r) ** 2 * (1 - u**2),
        algebra,
        "e^(-2 tau) |b|^2 = 2 e^(-tau) (cosh r - cosh tau) with e^(-tau) = cosh r - u sinh r, u the cosine "
        "of the angle to the upward axis (geo-horo-polar)",
    )
    yield from sphere_steps()
    yield Step(E(1 - u**2), m / d, expectation("sphere-moments", SPHERE), "so its mean is (m/d) sinh^2 r")
    order = 7
    height = truncated(sp.series(sp.log(shrink), r, 0, order).removeO(), r, order)
    square = truncated(height**2, r, order)
    yield Step(
        truncated(exponential(height, r, order), r, order),
        sum((r**n / sp.factorial(n) * (-u if n % 2 else 1) for n in range(order)), sp.S.Zero),
        truncation(r, order),
        "-tau as a series in r: its exponential is cosh r - u sinh r",
    )
    average = mean(square, SPHERE)
    yield Step(
        E(square),
        average,
        expectation("sphere-moments", SPHERE),
        "mean of tau^2 over the sphere of radius r; it is smooth in r^2 and at most r^2 (the height is "
        "1-Lipschitz), so the remainder is at most a constant times r^8 for all r",
    )
    sinh_squared = r**2 + r**4 / 3 + 2 * r**6 / 45
    yield Step(sp.sinh(r) ** 2, sinh_squared, series(r, order), "and sinh^2 r")
    log_ratio = x**2 / 6 - x**4 / 180
    weight = exponential((m * log_ratio).subs(x, sigma * sp.sqrt(Y)), sigma, 6)
    inside = sp.expand((average - r**2 + m / d * sinh_squared).subs(r, sigma * sp.sqrt(Y)))
    numerator = truncated(inside * weight, sigma, 7)
    yield Step(inside * weight, numerator, truncation(sigma, 7), "times (sinh r / r)^m, r^2 = sigma^2 Y")
    top = mean(numerator, CHI)
    yield Step(E(numerator), top, expectation("chi-squared-moments", CHI), "its mean over Y")
    normaliser = yield from normaliser_steps()
    bottom = mean(weight, CHI)
    ratio = _quotient(top, bottom, 7)
    yield Step(ratio * bottom, top, truncation(sigma, 7), "divided by the mean of the weight")
    result = {n: sp.factor(-normaliser[n] + ratio.coeff(sigma, n + 2) / 2) for n in (2, 4)}
    yield Step(sp.factor(ratio.coeff(sigma, 2)), sp.S.Zero, algebra, "the KL has no term of order 0")
    return result


def _quotient(top: Any, bottom: Any, order: int) -> Any:
    excess = sp.expand(bottom - 1)
    inverse = sp.expand(1 - excess + excess**2)
    return truncated(sp.expand(top) * inverse, sigma, order)


def sphere_steps() -> Any:
    """Steps for the moments of one coordinate u of a uniform point of the unit sphere of R^d."""
    n = symbol("n", positive=True)
    yield Step(
        sp.Derivative((2 * n - 1) * sp.log(u) + (d - 1) / 2 * sp.log(1 - u**2), u),
        ((2 * n - 1) - (d + 2 * n - 2) * u**2) / (u * (1 - u**2)),
        differentiate,
        "logarithmic derivative of u^(2n-1) (1 - u^2)^((d-1)/2), which vanishes at both ends of [-1, 1]; "
        "so against (1 - u^2)^((d-3)/2), (d + 2n - 2) E[u^(2n)] = (2n - 1) E[u^(2n-2)]",
    )
    angle = symbol("theta", real=True)
    for dim in (2, 3, 4):
        for power in (2, 4):
            weight = sp.sin(angle) ** (dim - 2)
            total = sp.integrate(weight, (angle, 0, sp.pi))
            yield Step(
                sp.Integral(sp.cos(angle) ** power * weight / total, (angle, 0, sp.pi)),
                SPHERE[u](power).subs(d, dim),
                integrate,
                f"E[u^{power}], outright for d = {dim}",
            )


# ------------------------------------------------------------------------------------------- entries

FORWARD = sp.Function("KL_HG_RN")(sigma)
BACKWARD = sp.Function("KL_RN_HG")(sigma)
DIMENSIONS = list(range(2, 31))
LEADING = (d**2 - 1) / 8


def _dimension(p: Any) -> int:
    return int(sp.Rational(p["d"])) - 1


@entry(
    id="a4-leading",
    title="Leading term of both divergences between HG(0, 0, sigma, sigma) and RN(o, sigma)",
    statement=sp.Tuple(
        sp.Eq(sp.Limit(FORWARD / sigma**2, sigma, 0), LEADING, evaluate=False),
        sp.Eq(sp.Limit(BACKWARD / sigma**2, sigma, 0), LEADING, evaluate=False),
    ),
    symbols={d: DIMENSION, sigma: "scale of both"},
    status="corrects",
    assumptions=["d >= 2"],
    conventions=["the error is O(sigma^4), not O(sigma^3): both divergences are series in sigma^2"],
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
    title="The sigma^4 term of both divergences between HG(0, 0, sigma, sigma) and RN(o, sigma)",
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


def _recentred(p: Any) -> tuple[Any, ...]:
    k = _dimension(p)
    place, value = _vertex([forward(k, j)[1] for j in (-1, 0, 1)])
    best = forward(k, sp.Rational(-k, 2))
    return tuple(as_ball(q) for q in (forward(k, p["nu"])[1], place, value, best[2]))


@entry(
    id="a4-recentred",
    title="The nearest location: HG(mu, 0, sigma, sigma) against RN(o, sigma)",
    statement=sp.Tuple(
        sp.Eq(
            sp.Limit(sp.Function("KL_HG_RN")(nu * sigma**2, sigma) / sigma**2, sigma, 0),
            (2 * nu + d - 1) ** 2 / 8 + (d - 1) / 4,
            evaluate=False,
        ),
        sp.Eq(sp.Function("nu_best")(d), -(d - 1) / 2),
        sp.Eq(sp.Function("leading_best")(d), (d - 1) / 4),
        sp.Eq(sp.Function("next_best")(d), (d - 1) * (4 * d**2 - 6 * d - 3) / 36),
    ),
    symbols={d: DIMENSION, sigma: "scale of both", nu: "location of the height in units of sigma^2"},
    status="new",
    assumptions=["d >= 2"],
    conventions=["next_best is the coefficient of sigma^4 at nu = -(d - 1)/2"],
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
    yield Step(best, claim[1].rhs, algebra, "the only minimum")
    yield Step(there[2].subs(nu, best), claim[2].rhs, algebra, "the value there")
    yield Step(there[4].subs(nu, best), claim[3].rhs, algebra, "and the next coefficient there")


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
    title="The nearest coupling: HG_kappa against RN(o, sigma)",
    statement=sp.Tuple(
        sp.Eq(
            sp.Limit(sp.Function("KL_HG_RN")(nu * sigma**2, sigma, kappa) / sigma**2, sigma, 0),
            (2 * nu + d - 1) ** 2 / 8 + (d - 1) * (2 * kappa - 1) ** 2 / 4,
            evaluate=False,
        ),
        sp.Eq(
            sp.Function("next_at_one_half")(d, h, f),
            (h - (d - 1) / 12) ** 2 + (d - 1) * (f - (4 * d - 1) / 12) ** 2 + (d - 1) * (d + 3) / 144,
        ),
        sp.Eq(sp.Function("h_best")(d), (d - 1) / 12),
        sp.Eq(sp.Function("f_best")(d), (4 * d - 1) / 12),
        sp.Eq(sp.Function("next_best")(d), (d - 1) * (d + 3) / 144),
    ),
    symbols={
        d: DIMENSION,
        sigma: "scale of RN",
        nu: "location of the height in units of sigma^2",
        kappa: "coupling",
        h: "height scale sigma (1 + h sigma^2)",
        f: "fibre scale sigma (1 + f sigma^2), in the parametrisation of the coupled family",
    },
    status="new",
    assumptions=["d >= 2"],
    conventions=["next_at_one_half is the coefficient of sigma^4 at kappa = 1/2, nu = -(d - 1)/2"],
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
    yield Step(
        there[2].subs(nu, -(d - 1) / 2), (d - 1) * (2 * kappa - 1) ** 2 / 4, algebra, "at the best location"
    )
    half = sp.Rational(1, 2)
    scaled = yield from forward_steps(location=-(d - 1) / 2, coupling=half, height=h, fibre=f)
    yield Step(scaled[2], sp.S.Zero, algebra, "at kappa = 1/2 nothing is left at order sigma^2")
    yield Step(scaled[4], claim[1].rhs, algebra, "coefficient of sigma^4 there: two squares and a remainder")
    yield Step(
        sp.Derivative(scaled[4], h), 2 * (h - (d - 1) / 12), differentiate, "zero at the best height scale"
    )
    yield Step(
        sp.Derivative(scaled[4], f), 2 * (d - 1) * (f - (4 * d - 1) / 12), differentiate, "and fibre scale"
    )
    best = {h: (d - 1) / 12, f: (4 * d - 1) / 12}
    yield Step(best[h], claim[2].rhs, algebra, "best height scale")
    yield Step(best[f], claim[3].rhs, algebra, "best fibre scale")
    yield Step(scaled[4].subs(best), claim[4].rhs, algebra, "what remains at the best scales")
    yield Step(
        (1 + best[f] * sigma**2) * sp.exp(-(d - 1) / 2 * sigma**2 / 2),
        1 + (d + 2) * sigma**2 / 12,
        series(sigma, 4),
        "the fibre scale at tau = 0 is s e^(mu/2): sigma (1 + (m + 3) sigma^2/12)",
    )
    yield Step(
        -sp.log(1 + h * sigma)
        - m * sp.log(1 + f * sigma)
        + ((1 + h * sigma) ** 2 + m * (1 + f * sigma) ** 2 - d) / 2,
        (h**2 + m * f**2) * sigma**2,
        series(sigma, 3),
        "scales off by order sigma, h sigma and f sigma: by symmetry in t they meet no other term of order "
        "sigma",
    )
