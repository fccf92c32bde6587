"""Steps of the small-scale expansions, in every dimension.

With q = HG_kappa(mu, 0, ., .) and p = RN(o, sigma), both divergences are normalisers, a constant and moments
of squared distances. The squared distance is 4 asinh(sqrt z)^2 with z = sinh^2(tau/2) + e^(-tau) |b|^2 / 4,
whose power series has remainders of known sign and size on all of z >= 0: so the expansions hold with error
bounds, though the series they come from diverge.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from derivations.chapters.riemannian_normal.small_scale_series import (
    even_moment,
    expectation,
    exponential,
    mean,
    rising,
    truncated,
    truncation,
)
from derivations.engine.kernel import (
    Step,
    algebra,
    antiderivative,
    complete_square,
    differentiate,
    fubini,
    integrate,
    series,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import over_line, phi

d = symbol("d", integer=True, positive=True)
m = d - 1
sigma = symbol("sigma", positive=True)
tau, t, u = symbol("tau", real=True), symbol("t", real=True), symbol("u", real=True)
beta = symbol("beta", nonnegative=True)  # |b|^2
X, Y = symbol("X", nonnegative=True), symbol("Y", nonnegative=True)
z, x, w, r = (symbol(n, positive=True) for n in ("z", "x", "w", "r"))
fibre_count = symbol("m", positive=True)
E = sp.Function("E")
KL = sp.Function("KL")

Expansion = Generator[Step, None, dict[int, Any]]


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


def inside_polynomial(height: Any, square: Any, s: sp.Symbol, order: int) -> Any:
    """z as a polynomial in s below s^order, for polynomials height (no constant term) and |b|^2."""
    power, total = sp.S.One, sp.S.Zero
    for n in range(1, (order + 1) // 2):
        power = truncated(power * height**2, s, order)
        total += power / (2 * sp.factorial(2 * n))
    return sp.expand(total + truncated(exponential(-height, s, order) * square / 4, s, order))


def distance_polynomial(inside: Any, s: sp.Symbol, order: int) -> Any:
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
        "(sinh r / r)^m with r^2 = sigma^2 Y: against e^(-r^2/(2 sigma^2)) r^m dr, Y is chi-squared of d degrees",
    )
    average = mean(power, CHI)
    yield Step(E(power), average, expectation("chi-squared-moments", CHI), "E[Y^n] = d (d+2) ... (d+2n-2)")
    excess = sp.expand(average - 1)
    log = truncated(excess - excess**2 / 2, sigma, 6)
    yield Step(
        1 + log + log**2 / 2,
        average,
        truncation(sigma, 6),
        "the logarithm of that mean, whose remainder is O(sigma^6) since 0 <= log(sinh x / x) <= x^2/6",
    )
    return {n: sp.factor(log.coeff(sigma, n)) for n in (2, 4)}


def divergence_steps() -> Any:
    """Steps for KL(q || p) = log Z_p / Z_q - d/2 + E[dist^2] / (2 sigma^2), q = HG_kappa and p = RN."""
    before, scale = symbol("J", positive=True), symbol("sigma_tau", positive=True)
    one_more = over_line((before + u**2 / 2) * phi(u), u)
    half = fubini(d, 1, sp.Rational(1, 2), before, one_more)
    yield Step(E(sp.Symbol("exponent of q")), d / 2, half, "half a squared normal per coordinate, one after another")
    coupling = symbol("kappa", real=True)
    yield Step(
        over_line((d - 1) * (1 - coupling) * scale * t * phi(t), t),
        sp.S.Zero,
        complete_square(t),
        "the base measure against the conditional scale, m (tau - mu) - m kappa (tau - mu), has mean 0",
    )
    z_p, z_q = (sp.Function(f"Z_{n}", positive=True)(sigma) for n in ("RN", "HG"))
    mean_square = E(sp.Function("dist")(z) ** 2)
    log_q, log_p = symbol("E[log q]", real=True), symbol("E[log p]", real=True)
    densities = {log_q: -d / 2 - sp.log(z_q), log_p: -mean_square / (2 * sigma**2) - sp.log(z_p)}
    yield Step(
        log_q - log_p,
        sp.log(z_p / z_q) - d / 2 + mean_square / (2 * sigma**2),
        substitute(densities),
        "the divergence",
    )


def forward_steps(
    location: Any = sp.S.Zero, coupling: Any = sp.S.One, height: Any = sp.S.Zero, fibre: Any = sp.S.Zero
) -> Expansion:
    """Steps for KL(HG_kappa(nu sigma^2, 0, sigma (1 + h sigma^2), sigma (1 + f sigma^2)) || RN(o, sigma)).

    Returns the coefficients of sigma^2 and sigma^4.
    """
    yield from divergence_steps()
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
    rise = inside_polynomial(tall, sp.S.Zero, sigma, order)
    yield Step(sp.sinh(tall / 2) ** 2, rise, series(sigma, order), "the other part of z")
    inside = sp.expand(rise + truncated((1 + fibre * sigma**2) ** 2 * sigma**2 * X * growth / 4, sigma, order))
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
    polynomial = distance_polynomial(inside, sigma, order)
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
    if height != 0 or fibre != 0:
        yield Step(
            sp.log(1 + height * sigma**2) + m * sp.log(1 + fibre * sigma**2),
            logs[2] * sigma**2 + logs[4] * sigma**4,
            series(sigma, 5),
            "the scales in the normaliser of q",
        )
    yield Step(_second(average) / 4, d / 2, at_zero, "the KL has no term of order 0")
    halves = {n: sp.expand(average).coeff(sigma, n + 2) / 2 for n in (2, 4)}
    return {n: normaliser[n] - logs[n] + halves[n] for n in (2, 4)}


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
        sum((height**n / sp.factorial(n) for n in range(order)), sp.S.Zero),
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
    inside: Any = sp.expand((average - r**2 + m / d * sinh_squared).subs(r, sigma * sp.sqrt(Y)))
    numerator = truncated(inside * weight, sigma, 7)
    yield Step(inside * weight, numerator, truncation(sigma, 7), "times (sinh r / r)^m, r^2 = sigma^2 Y")
    top = mean(numerator, CHI)
    yield Step(E(numerator), top, expectation("chi-squared-moments", CHI), "its mean over Y")
    normaliser = yield from normaliser_steps()
    bottom = mean(weight, CHI)
    ratio = _quotient(top, bottom, 7)
    yield Step(ratio * bottom, top, truncation(sigma, 7), "divided by the mean of the weight")
    yield Step(_second(ratio), sp.S.Zero, at_zero, "the KL has no term of order 0")
    return {n: sp.expand(-normaliser[n]) + ratio.coeff(sigma, n + 2) / 2 for n in (2, 4)}


at_zero = substitute({sigma: sp.S.Zero})


def _second(polynomial: Any) -> Any:
    """Twice the coefficient of sigma^2, once sigma is put to 0."""
    return sp.Derivative(polynomial, (sigma, 2))


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
                sp.sympify(SPHERE[u](power)).subs(d, dim),
                integrate,
                f"E[u^{power}], outright for d = {dim}",
            )
