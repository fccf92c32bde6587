"""E[dist^2] under a horospherical law by its definition: an integral over the height and the length of b.

dist^2 = 4 arsinh(sqrt z)^2 with z = sinh^2(tau / 2) + e^-tau |b|^2 / 4, and |b| is the smallest width times the rho of
`radius`. Where Re z >= -1/2, |dist^2| <= 8 |z| and |dist| <= log(4 + 4 |z|) + pi. At real points dist^2 is at most 4 z
and at most 2 tau^2 + 1 + 2 e^-|tau| (e^-tau |b|^2): for tau > 0 by way of (tau, 0), else by arcosh(c) <= log(2 c).

The length is integrated by Gauss-Legendre, the height by the trapezoidal rule: E[dist^2 given tau] is analytic for
|Im tau| <= y with, on centre, the y of `Relative.sector`; off centre with b as the variable, whose density has modulus
cos(2 kappa y)^(-m/2) times a normal density of variance larger by 1 / cos(2 kappa y). In both cases Re cosh dist >= 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from flint import arb

from hrssm.reference.quadrature import afford, ball, gauss, normal_tail, strip, strip_error, upper
from hrssm.reference.radius import Radius
from hrssm.reference.relative import Relative

#: Most terms of the series for unequal fibre scales.
MOST_TERMS = 4500


def possible(law: Relative, aim: float) -> bool:
    """Whether the density of |b| is quick to compute: one fibre scale, or unequal ones on centre and not too far apart.

    Off centre the series for unequal scales grows with the square of |beta| over the width of the fibre, which has
    no bound as the height varies.
    """
    if len(law.groups) == 1:
        return True
    radius, nowhere = _radius(law), [arb(0)] * len(law.groups)
    return law.centred and radius.terms(nowhere, radius.window(arb(0), aim)[1], aim)[0] <= MOST_TERMS


def mean_square(law: Relative, aim: float) -> arb:
    """E[dist^2] as a ball of radius about e^-aim."""
    lift, m = 4 * (law.mean_cosh() + 1), law.m

    def edge(a: arb) -> arb:
        turn = arb(1) if law.centred else (2 * abs(law.kappa) * a * law.sigma).cos() ** (-arb(m) / 2 - 1)
        return (a * a / 2).exp() * lift * turn

    step, width = strip(edge, min(law.sector() / float(law.sigma), 2 * math.sqrt(aim)), aim + 2)
    count = math.ceil(math.sqrt(2 * aim) / float(step))
    while not upper(_beyond(law, step * count)) < math.exp(-aim - 1):
        count += 1
        afford(200 * count)  # a typical number of nodes for the length
    given = _Given(law, aim)
    total = arb(0)
    for k in range(-count, count + 1):
        t = step * k
        weight = step * (-t * t / 2).exp() * (2 * arb.pi()).rsqrt()
        total += weight * given(law.mu + law.sigma * t, aim + 3 + upper(weight.log()))
    return total + ball(strip_error(edge(width), width, step) + _beyond(law, step * count))


def _radius(law: Relative) -> Radius:
    return Radius([(g.count, g.square / law.groups[0].square if i else arb(1)) for i, g in enumerate(law.groups)])


def _beyond(law: Relative, cut: arb) -> arb:
    """A bound on the nodes with |t| > cut, where E[dist^2 given tau] <= 4 E[z given tau] <= 2 E[cosh dist]."""
    down = 1 + sum((g.offset for g in law.groups), arb(0))
    wide = sum((g.count * g.square for g in law.groups), arb(0)) * law.spread(law.mu)
    total = arb(0)
    for factor, rate in ((law.mu.exp(), 1), (down * (-law.mu).exp(), -1), (wide, 2 * law.kappa - 1)):
        for slope in (rate * law.sigma, -rate * law.sigma):
            if not cut > slope:
                return arb("inf")
            total += factor * normal_tail(0, slope, cut)
    return total


class _Given:
    """E[dist^2 given tau], by quadrature over the length."""

    def __init__(self, law: Relative, aim: float) -> None:
        self.law, self.aim, self.radius = law, aim, _radius(law)
        # on centre the density is the same at every height, and what was computed of it serves again
        self.panels: dict[tuple[float, float, int], list[tuple[arb, arb]]] = {}

    def __call__(self, tau: arb, aim: float) -> arb:
        law, radius = self.law, self.radius
        square = law.spread(tau) * law.groups[0].square
        rise, spread = (tau / 2).sinh() ** 2, square / 4
        deltas = [(-tau).exp() * g.offset / square for g in law.groups]
        far = sum(deltas, arb(0))
        tall, wide = rise, spread  # dist^2 <= 4 (tall + wide rho^2) at real points
        if rise > (tau * tau + 1) / 2:
            tall, wide = tau * tau / 2 + arb(1) / 4, 2 * (-abs(tau)).exp() * spread
        mean = tall + wide * (far + sum((n * v for n, v in radius.groups), arb(0)))
        if aim + upper((4 * mean).log()) < 0:
            return ball(4 * mean)
        delta = arb(0) if law.centred else far.sqrt()
        low, high = radius.window(delta, self.aim if law.centred else max(aim + upper((1 + mean).log()), 1.0))

        def bound(height: arb, far: arb) -> arb:
            z = rise + spread * far * far
            return radius.bound(height, far) * (8 * z).min(((4 + 4 * z).log() + arb.pi()) ** 2)

        total, error = arb(0), tall * radius.outside(low, high, delta, 0) + wide * radius.outside(low, high, delta, 2)
        for start, end, highest in _pieces(low, high, upper((rise + arb(1) / 2) / spread)):
            size, missed = gauss(bound, start, end, min(highest, 2 * math.sqrt(max(aim, 4.0))), aim + 1)
            error += missed / 4
            for square, weight in self.panel(start, end, size, deltas, high, aim):
                half = (rise + spread * square).sqrt().asinh()
                total += weight * half * half
        return 4 * (total + ball(error))

    def panel(self, start: arb, end: arb, size: int, deltas: list[arb], high: arb, aim: float) -> list[tuple[arb, arb]]:
        if not self.law.centred:
            return self.radius.panel(start, end, size, deltas, high, aim)
        key = (float(start), float(end), size)
        if key not in self.panels:
            self.panels[key] = self.radius.panel(start, end, size, deltas, high, self.aim)
        return self.panels[key]


def _pieces(low: arb, high: arb, room: float) -> Iterator[tuple[arb, arb, float]]:
    """The window in one piece or in pieces that double, each with a height up to which Re rho^2 >= -room.

    On [x, 2 x] or less the ellipses of height 0.6 x keep to Re rho^2 >= 0.
    """
    height = arb(2) ** math.floor(math.log2(room) / 2)
    if 3 * height > high - low:
        yield low, high, math.sqrt(room) * 0.999
        return
    start = low
    while start < high:
        end = start + height if start < height else 2 * start
        end = end if end < high else high
        yield start, end, max(0.999 * float(height), 0.6 * float(start))
        start = end
