"""Means under a Riemannian normal at the origin: of tau, tau^2, e^(-2 kappa tau) and e^(-2 kappa tau) |b|^2.

Each is a double integral, and is taken in two systems of coordinates.

**Horospherical**: |b| = 2 e^(tau/2) sinh(w/2) makes cosh r = cosh tau + cosh w - 1 and the volume 2^m e^(-m tau/2)
sinh^(m-1)(w/2) cosh(w/2) / 2 dtau dw; trapezoidal in tau, Gauss-Legendre in w. With tau or w moved to x + i a, |a| <
pi/2, and the other real, r = p + i q has |q| <= |a|, p >= |x|, p >= (the other) - 2: adding a real B >= 0 to
cosh(x + i a) moves r by dB / sinh r, which lowers |q| and raises p, and cosh p >= Re cosh r >= cosh(other) - 1. So
|e^(-r^2/(2 sigma^2))| <= e^(a^2/(2 sigma^2)) e^(-x^2/(4 sigma^2)) e^(-(other - 2)_+^2/(4 sigma^2)).

**Polar**: with cos theta = -tanh x, theta the angle from the upward axis, e^-tau = cosh(x + r) / cosh x and
e^-tau |b| = sinh r / cosh x (`geo-horo-polar`), and x has a density proportional to sech^m x; Gauss-Legendre in x and
in r. With one of them moved by i a, |cosh| shrinks by cos a at most, so |tau| <= |Re r| + log(1 / cos a) + 2 a.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from flint import arb

from hrssm.reference.quadrature import afford, ball, gauss, gauss_nodes, strip, strip_error, upper


class Means(NamedTuple):
    """Expectations under a Riemannian normal at the origin."""

    height: arb
    height_squared: arb
    shrink: arb
    spread: arb


def sphere(n: int) -> arb:
    """Volume of the unit sphere of R^n."""
    return 2 * arb.pi() ** (arb(n) / 2) / (arb(n) / 2).gamma()


def _gaussian(rate: arb, deviation: arb, cut: arb | None = None) -> arb:
    """Integral of e^(rate x - x^2 / (2 deviation^2)) over the line, or over x > cut."""
    whole = (2 * arb.pi()).sqrt() * deviation * (rate * rate * deviation * deviation / 2).exp()
    if cut is None:
        return whole
    return whole * ((cut - rate * deviation * deviation) / (deviation * arb(2).sqrt())).erfc() / 2


def _cut(rate: arb, deviation: arb, log_factor: float, aim: float) -> arb:
    """A cut beyond which that integral, times e^log_factor, is about e^-aim; past the peak."""
    size, peak = float(deviation), upper(rate * deviation * deviation)
    nats = aim + max(0.0, log_factor + upper(_gaussian(rate, deviation).log())) + 1
    return arb(math.ceil(64 * (peak + size * math.sqrt(2 * nats)) / size)) / 64 * deviation


def _half_line(
    end: arb, rate: arb, deviation: arb, sigma: arb, factor: arb, aim: float
) -> tuple[list[tuple[arb, arb]], arb]:
    """Gauss-Legendre nodes on [0, end], in pieces, and their error for an integrand that is analytic for |Im x| < pi/2
    and below factor e^(rate |x| - x^2/(2 deviation^2) + height^2/(2 sigma^2)), x its real part."""
    count = math.ceil(float(end) / 5)
    nodes, error, peak = [], arb(0), rate * deviation * deviation
    for k in range(count):
        low, high = end * k / count, end * (k + 1) / count

        def bound(height: arb, far: arb, low: arb = low, high: arb = high) -> arb:
            near, x = low + high - far, peak
            x = far if peak > far else near if near > peak else peak
            return factor * (rate * x - x * x / (2 * deviation * deviation) + (height / sigma) ** 2 / 2).exp()

        size, missed = gauss(bound, low, high, min(1.5, 2 * math.sqrt(aim) * float(sigma)), aim + math.log(count))
        nodes += gauss_nodes(low, high, size)
        error += missed
    return nodes, error


def horospherical(m: int, sigma: arb, kappa: arb, radial: arb, aim: float) -> Means:
    """The means to about e^-aim, from the integral over tau and w; `radial` is the radial normaliser.

    For real and for complex nodes the integrands are below 4 e^(rise |x| - x^2/(4 sigma^2)) in tau times
    e^(over |x| - x^2/(4 sigma^2)) in w, but for the shift by 2.
    """
    factor = 4 * sphere(m) * 2 ** (m - 1) / (sphere(m + 1) * radial)
    wide = sigma * arb(2).sqrt()
    rise, over = arb(m) / 2 + 1 + 2 * abs(kappa), arb(m) / 2 + 1
    tall, broad = 2 * _gaussian(rise, wide), _gaussian(over, wide)
    highest = min(1.5, 2 * math.sqrt(aim) * float(sigma))

    def edge(a: arb) -> arb:
        return factor * (a * a / (2 * sigma * sigma)).exp() * tall * (2 * over).exp() * (2 + broad)

    step, width = strip(edge, highest, aim)
    last = _cut(rise, wide, upper((factor * broad).log()), aim)
    count = math.ceil(float(last / step))
    last = step * count
    peak = 4 * step * (rise * rise * sigma * sigma).exp()  # what a sum can exceed its integral by
    end = _cut(over, wide, upper((factor * (tall + peak)).log()), aim)

    shifted = factor * (2 * rise).exp() * (4 + tall + peak)
    half_line, error = _half_line(end, over, wide, sigma, shifted, aim)
    error += strip_error(edge(width), width, step)
    error += 2 * factor * broad * _gaussian(rise, wide, last) + factor * (tall + peak) * _gaussian(over, wide, end)
    # nodes far out are left out: so many of them, each below its bound on the real plane
    corner = factor * (rise * last + over * end).exp() * (2 * last + step) * end
    limit = aim + max(upper(corner.log()), 0.0)
    error += corner * arb(-limit).exp()

    nodes = []
    for w, weight in half_line:
        chord = (w / 2).sinh()
        nodes.append((2 * chord * chord, weight * chord ** (m - 1) * (w / 2).cosh(), 4 * chord * chord))
    radius, sharp = float(sigma) * math.sqrt(2 * limit + 2), -1 / (2 * sigma * sigma)
    furthest = math.cosh(radius) if radius < 700 else math.inf
    totals = [arb(0)] * 4
    afford(count * len(nodes))
    for k in range(count + 1):
        tau = step * k
        cosh, plain, squared = tau.cosh(), arb(0), arb(0)
        for lift, weight, square in nodes:
            if float(cosh) + float(lift) > furthest:
                break
            r = (cosh + lift).acosh()
            value = weight * (r * r * sharp).exp()
            plain += value
            squared += value * square
        for x in (tau, -tau) if k else (tau,):
            down, tilt = (-m * x / 2).exp(), (-2 * kappa * x).exp()
            for i, value in enumerate((x * plain, x * x * plain, tilt * plain, tilt * x.exp() * squared)):
                totals[i] += down * value
    return Means(*(total * step * factor / 4 + ball(error) for total in totals))


def polar(m: int, sigma: arb, kappa: arb, radial: arb, aim: float) -> Means:
    """The means to about e^-aim, from the integral over r and the angle; `radial` only steers.

    The angle's integral is cut at the heights where cosh x and cosh(x + r) turn: x < -r, -r < x < 0, x > 0; in
    the outer two y = e^(x + r), y = e^-x is the variable. All integrands are below `most` e^(rate |r|).
    """
    rate = 4 + 2 * abs(kappa)
    most = _most(arb(3) / 2, kappa)
    scale = most / radial
    end = _cut(m + rate, sigma, upper(scale.log()), aim)

    nodes, error = _half_line(end, m + rate, sigma, sigma, scale, aim)
    error += scale * _gaussian(m + rate, sigma, end)
    afford(200 * len(nodes))  # a typical number of nodes for the angle
    angles = (arb(m + 1) / 2).gamma() / (arb.pi().sqrt() * (arb(m) / 2).gamma())  # 1 / integral of sech^m
    normaliser, totals = arb(0), [arb(0)] * 4
    for r, weight in nodes:
        mass = weight * (-r * r / (2 * sigma * sigma)).exp() * r.sinh() ** m / radial
        normaliser += mass
        share = mass * (rate * r).exp()
        nats = aim + math.log(len(nodes)) + upper(share.log())
        if nats < 0:  # on the real plane the integrands are below 2 e^(rate r)
            error += 2 * share
            continue
        means, missed = _angle(m, kappa, r, nats + upper(angles.log()))
        error += share * angles * missed
        for i, mean in enumerate(means):
            totals[i] += mass * angles * mean
    return Means(*((total + ball(error)) / (normaliser + ball(error)) for total in totals))


def _most(a: arb, kappa: arb) -> arb:
    """A bound on the four integrands over e^(rate |Re r|), for x or r off the real axis by a at most."""
    far = 1 - a.cos().log() + 2 * a
    return 2 * far * far * a.cos() ** -(4 + 2 * abs(kappa))


def _angle(m: int, kappa: arb, r: arb, aim: float) -> tuple[list[arb], arb]:
    """Integrals of sech^m x f over x for the four f, and their error over e^(rate r)."""
    up, down, sinh_squared = r.exp(), (-r).exp(), r.sinh() ** 2

    def middle(height: arb, _: arb) -> arb:
        return height.cos() ** -m * _most(height, kappa)

    def outer(height: arb, far: arb) -> arb:
        # |Im y| <= 0.6: 1 + y^2 and 1 + y^2 e^(-2 r) have real parts >= 0.64 and are below 1 + far^2
        turn = (1 + far * far) / arb("0.64")
        f = 2 * (1 + turn.log() + arb.pi()) ** 2 * turn ** (4 + 2 * abs(kappa))
        return (2 * far / arb("0.64")) ** (m + 2) * f

    totals = [arb(0)] * 4

    def add(weight: arb, sech: arb, inverse: arb) -> None:
        """A node: e^-tau = inverse, |b|^2 = (sinh r sech / inverse)^2."""
        tau, tilt = -inverse.log(), inverse ** (2 * kappa)
        values = (tau, tau * tau, tilt, tilt * sinh_squared * (sech / inverse) ** 2)
        for i, value in enumerate(values):
            totals[i] += weight * value

    size, error = gauss(middle, -r, arb(0), 1.5, aim)
    for x, weight in gauss_nodes(-r, arb(0), size):
        sech = x.sech()
        add(weight * sech**m, sech, (x + r).cosh() * sech)
    size, missed = gauss(outer, arb(0), arb(1), 0.6, aim)
    for y, weight in gauss_nodes(arb(0), arb(1), size):
        square = y * y
        one, other = 1 + square, up + square * down
        sech = 2 * y / one
        add(weight * sech**m / y, sech, other / one)
        sech = 2 * y / other
        add(weight * sech**m / y, sech, one / other)
    return totals, error + 2 * missed
