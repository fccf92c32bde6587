"""Enclosures of E[dist^2] under HG and of E[tau^2] under RN(o, sigma), d even: a trapezoidal rule.

HG stands for HG(0, 0, sigma, sigma).

For f analytic in |Im x| <= a and small at its ends, the infinite trapezoidal sum with step h is off by at
most M / (e^(2 pi a/h) - 1), M the sum of the integrals of |f| over the two edges of the strip (Trefethen
and Weideman 2014, theorem 5.1). Both expectations are double integrals whose second variable enters evenly
when m = d - 1 is odd, so both are sums over the whole plane. Every constant below is an upper bound in ball
arithmetic; floats only choose steps.

**HG.** tau = sigma t, |b| = sigma e^tau rho, density of (t, rho) proportional to e^(-(t^2 + rho^2)/2)
rho^(m-1), and dist^2 = 4 asinh(sqrt z)^2, z = sinh^2(tau/2) + sigma^2 e^tau rho^2/4. In the strips |Im tau|
<= pi/2 (rho real) and |sigma Im rho| <= 1 (tau real) Re z >= -1/2, so |dist^2| <= 8 |z|: its derivative in
z is 4 times a mean of 1/(1 + z v) over v in [0, 1].

**RN.** |b| = 2 e^(tau/2) sinh(w/2) turns the volume into e^(-m tau/2) sinh^(m-1)(w/2) cosh(w/2), up to a
constant, and the distance into cosh r = cosh tau + cosh w - 1, even in tau and w. Move tau or w to x + i a,
|a| < pi/2, the other real: then r = p + i q with |q| <= a and p >= |x|, because adding a real B >= 0 to
cosh(x + i a) moves r by dB / sinh r, which lowers |q| and raises p; and cosh p >= |cosh r| >= Re cosh r. So
|e^(-r^2/(2 sigma^2))| <= e^(a^2/(2 sigma^2)) e^(-p^2/(2 sigma^2)), and the edge integrals are bounded by
integrals over p of the weight's mass below p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from flint import arb

from derivations.enclosures.radial import closed_normaliser
from derivations.engine.ball_arithmetic import exact, plus_minus, precision

BITS = 176
NATS = 105  # what is left out is below e^-105 of the result
CANCELLING = 4000  # bits for the alternating closed form of the normaliser


def _dyadic(x: float) -> arb:
    return arb(math.floor(x * 2**24)) / 2**24


def sphere(n: int) -> arb:
    """Volume of the unit sphere of R^n."""
    return 2 * arb.pi() ** (arb(n) / 2) / (arb(n) / 2).gamma()


def normaliser(m: int, scale: str) -> arb:
    """The radial normaliser of RN, by its closed form at a precision that outlasts its cancellation."""
    with precision(CANCELLING):
        return closed_normaliser(m, exact(scale))


def log_normaliser_ratio(m: int, scale: str) -> arb:
    """log of Z_RN / Z_HG for HG(0, 0, sigma, sigma)."""
    s, n = exact(scale), m + 1
    return (sphere(n) * normaliser(m, scale) / ((2 * arb.pi()) ** (arb(n) / 2) * s**n)).log()


def radial_second_moment(m: int, scale: str) -> arb:
    """E[r^2] under RN(o, sigma), by rn-moment."""
    with precision(CANCELLING):
        s, root = exact(scale), arb(2).sqrt()
        total, slope = arb(0), arb(0)
        for j in range(m + 1):
            n, c = m - 2 * j, (-1) ** j * math.comb(m, j)
            rise = (n * n * s * s / 2).exp() * (1 + (n * s / root).erf())
            total += c * rise
            slope += c * (n * n * s * rise + n * (2 / arb.pi()).sqrt())
        return s * s + s**3 * slope / total


def mean_sinh_squared(m: int, scale: str) -> arb:
    """E[sinh^2 r] under RN(o, sigma): a quotient of two normalisers."""
    with precision(CANCELLING):
        return closed_normaliser(m + 2, exact(scale)) / closed_normaliser(m, exact(scale))


# ------------------------------------------------------------------------------------------- HG


def _odd_factorial(n: int) -> int:
    return math.prod(range(1, 2 * n, 2))


def _edge_moment(half: int, a: arb) -> arb:
    """Mean of (x^2 + a^2)^half over a standard normal x."""
    return sum((math.comb(half, j) * a ** (2 * (half - j)) * _odd_factorial(j) for j in range(half + 1)), arb(0))


def gaussian_mean_square(m: int, scale: str) -> arb:
    """E[dist(z, o)^2] under HG(0, 0, sigma, sigma), m odd."""
    s, size, half = exact(scale), float(exact(scale)), (m - 1) // 2
    reach = math.sqrt(2 * NATS) + 1
    wide = min(math.pi / (2 * size), math.sqrt(2 * NATS))
    step_t = _dyadic(2 * math.pi * wide / (NATS + wide * wide / 2))
    count_t, strip_t = math.ceil(reach / float(step_t)), _dyadic(wide * 0.999)
    constant = 2 / arb(2) ** (arb(m) / 2) / (arb(m) / 2).gamma()

    def growth(a: float) -> float:
        edge = (constant * _edge_moment(half + 1, arb(a))).log() + 2
        return max(0.0, float(edge)) + a * a / 2

    steps = [(2 * math.pi * a / (NATS + growth(a)), a) for a in (j / (16 * size) for j in range(1, 17))]
    best = max(steps)
    step_r, strip_r = _dyadic(best[0]), _dyadic(best[1])
    count_r = math.ceil((math.sqrt(m) + reach) / float(step_r))

    squares = [(step_r * j) ** 2 for j in range(count_r + 1)]
    weights = [constant * step_r * q**half * (-q / 2).exp() for q in squares]
    weights[0] = weights[0] / 2
    # edges of the strip in rho, for the two parts of |z|, and the nodes left out in rho
    edge = constant * (2 * arb.pi()).sqrt() * (strip_r**2 / 2).exp()
    edge = 8 * edge / ((2 * arb.pi() * strip_r / step_r).exp() - 1)
    flat, square = edge * _edge_moment(half, strip_r), edge * _edge_moment(half + 1, strip_r)
    last = squares[-1] / 2
    flat += 4 * last.gamma_upper(arb(m) / 2, regularized=1)
    square += 4 * m * last.gamma_upper(arb(m) / 2 + 1, regularized=1)

    total, error = arb(0), arb(0)
    for i in range(-count_t, count_t + 1):
        t = step_t * i
        tau = s * t
        low, rise = (tau / 2).sinh() ** 2, s * s * tau.exp() / 4
        inner = arb(0)
        for q, weight in zip(squares, weights, strict=True):
            half_distance = (low + rise * q).sqrt().asinh()
            inner += weight * half_distance * half_distance
        density = step_t * (-t * t / 2).exp() * (2 * arb.pi()).rsqrt()
        total += 4 * inner * density
        error += density * (flat * low + square * rise)
    # the strip in t, |z| <= (cosh x + 1)/2 + sigma^2 e^x rho^2/4, and the nodes left out: dist^2 <= 4 z
    lift = (s * s / 2).exp()
    error += (
        16
        * (strip_t**2 / 2).exp()
        * ((lift + 1) / 2 + s * s * m * lift / 4)
        / ((2 * arb.pi() * strip_t / step_t).exp() - 1)
    )
    error += (1 + s * s * m) * lift * ((step_t * count_t - s) / arb(2).sqrt()).erfc()
    return total + plus_minus(error)


def alternating_mean_square(m: int, scale: str, terms: int = 60) -> arb:
    """The same expectation from the series of dist^2 in z, whose partial sums lie on alternate sides of it.

    The means of the powers of z are closed; the series diverges, so this is an enclosure for small sigma
    only.
    """
    with precision(1200):
        s = exact(scale)
        lift = [(q * q * s * s / 2).exp() for q in range(terms + 2)]
        total, widest = arb(0), None
        for k in range(1, terms + 2):
            power = arb(0)
            for n in range(k + 1):
                inner = sum(
                    ((-1) ** j * math.comb(2 * (k - n), j) * lift[abs(k - j)] for j in range(2 * (k - n) + 1)),
                    arb(0),
                )
                power += math.comb(k, n) * s ** (2 * n) * math.prod(range(m, m + 2 * n, 2)) * inner
            term = power * 2 / (k * k * math.comb(2 * k, k))
            if k > terms or (widest is not None and term < arb(2) ** (-150) and term < widest):
                return total + plus_minus(term)
            widest = term
            total += (-1) ** (k + 1) * term
    raise AssertionError("unreachable")


# ------------------------------------------------------------------------------------------- RN


def _against_gaussian(mass: Callable[[arb], arb], constant: arb, rate: int, s: arb, start: float, nats: float) -> arb:
    """Upper bound of the integral of mass(p) d(-e^(-p^2/(2 s^2))) over p > start.

    `mass` is increasing and at most constant e^(rate p). Upper sums up to where the Gaussian has fallen by
    `nats` beyond the peak rate s^2; then the exponential bound.
    """
    size = float(s)
    end = max(start, rate * size * size) + math.sqrt(2 * nats) * size
    pieces = math.ceil(2 * (end - start) / size)
    low = arb(start)
    width = (arb(end) - low) / pieces
    total, before, p = arb(0), (-low * low / (2 * s * s)).exp(), low
    for j in range(pieces):
        p = low + width * (j + 1)
        after = (-p * p / (2 * s * s)).exp()
        total += mass(p) * (before - after)
        before = after
    beyond = s * (arb.pi() / 2).sqrt() * ((p - rate * s * s) / (s * arb(2).sqrt())).erfc()
    total += constant * ((rate * p - p * p / (2 * s * s)).exp() + rate * (arb(rate) ** 2 * s * s / 2).exp() * beyond)
    return arb(total.upper())


def _edge_height(m: int, s: arb, a: arb, power: int, nats: float) -> arb:
    """Integral of the integrand's modulus over one edge Im tau = a, over x and w > 0."""
    cos = a.cos()

    def mass(p: arb) -> arb:
        room = ((p.cosh() - cos) / 2) ** (arb(m) / 2) * 2 / m  # w up to cosh w = cosh p + 1 - cos a
        return 2 * p * (p * p + a * a) ** (power // 2) * (m * p / 2).cosh() * room

    return (a * a / (2 * s * s)).exp() * _against_gaussian(mass, 8 * (2 + a * a), m + 2, s, 0.0, nats)


def _edge_width(m: int, s: arb, a: arb, power: int, step: arb, nats: float) -> arb:
    """Integral over one edge Im w = a, summed over the nodes in tau of that step."""
    cos = a.cos()

    def mass(p: arb) -> arb:
        top = (p.cosh() + 1 - cos).acosh()  # |tau| <= top
        nodes = (2 * top + step) * top**power * (m * top / 2).cosh()
        return nodes * 2 * p * ((p.cosh() - cos) / 2) ** ((m - 1) // 2) * (p / 2).cosh()

    # top <= p + 2 and x^k <= k! e^x bound the mass by 8 e^(m + 8) e^((m + 5) p)
    return (a * a / (2 * s * s)).exp() * _against_gaussian(mass, 8 * arb(m + 8).exp(), m + 5, s, 0.0, nats)


def _best_strip(edge: Callable[[arb], arb], target: float, size: float) -> tuple[arb, arb]:
    """Step and half-width of the strip that need the fewest nodes for an error of e^target."""
    found = []
    for j in range(1, 17):
        a = 1.54 * j / 16
        if a <= 40 * size:
            wide = _dyadic(a)
            found.append((2 * math.pi * a / (float(edge(wide).log()) - target), wide))
    step, wide = max(found, key=lambda pair: pair[0])
    return _dyadic(step), wide


def riemannian_height_moment(m: int, scale: str, power: int = 2) -> arb:
    """E[tau^power] under RN(o, sigma), m odd, power 2 or (to test the rule) 0."""
    s, size = exact(scale), float(exact(scale))
    whole = sphere(m + 1) / sphere(m) * normaliser(m, scale) / arb(2) ** (m - 1)
    target = float(whole.log()) + power * math.log(size) - NATS
    nats = NATS + 40
    step_t, strip_t = _best_strip(lambda a: _edge_height(m, s, a, power, nats), target, size)
    step_w, strip_w = _best_strip(lambda a: _edge_width(m, s, a, power, step_t, nats), target, size)

    def beyond(p: arb) -> arb:
        """Weight of the nodes with r <= p, which have |tau| <= p and w <= p."""
        nodes = (2 * p + step_t) * (p + step_w)
        return nodes * p**power * (m * p / 2).cosh() * (p / 2).sinh() ** (m - 1) * (p / 2).cosh()

    radius = m * size * size
    while float(beyond(arb(radius)).log()) - radius * radius / (2 * size * size) > target - 3:
        radius += size / 4
    error = 2 * _edge_height(m, s, strip_t, power, nats) / ((2 * arb.pi() * strip_t / step_t).exp() - 1)
    error += _edge_width(m, s, strip_w, power, step_t, nats) / ((2 * arb.pi() * strip_w / step_w).exp() - 1)
    error += _against_gaussian(beyond, 4 * (1 + step_t) * (1 + step_w), m + 3, s, radius, nats)

    rises = [(step_w * j).cosh() - 1 for j in range(math.ceil(radius / float(step_w)) + 1)]
    weights = [step_w * (q / 2) ** ((m - 1) // 2) * ((q + 2) / 2).sqrt() for q in rises]
    weights[0] = weights[0] / 2
    sharp, limit, total = -1 / (2 * s * s), math.cosh(radius), arb(0)
    for i in range(min(power, 1), math.ceil(radius / float(step_t)) + 1):
        tau = step_t * i
        height, inner = tau.cosh(), arb(0)
        for q, weight in zip(rises, weights, strict=True):
            c = height + q
            if c > limit:
                break
            r = c.acosh()
            inner += weight * (r * r * sharp).exp()
        total += step_t * inner * tau**power * (m * tau / 2).cosh() * (2 if i else 1)
    return (total + plus_minus(error)) / whole


# ------------------------------------------------------------------------------------------- divergences


@cache
def divergences(dimension: int, scale: str) -> tuple[arb, arb]:
    """KL(HG(0,0,sigma,sigma) || RN(o,sigma)) and KL(RN || HG) as balls, for an even dimension."""
    if dimension % 2:
        raise ValueError(f"dimension {dimension}: the rule needs m = d - 1 odd")
    m = dimension - 1
    with precision(BITS):
        s = exact(scale)
        logs = log_normaliser_ratio(m, scale)
        there = logs - arb(dimension) / 2 + gaussian_mean_square(m, scale) / (2 * s * s)
        spread = riemannian_height_moment(m, scale) + arb(m) / dimension * mean_sinh_squared(m, scale)
        back = -logs + (spread - radial_second_moment(m, scale)) / (2 * s * s)
    return there, back
