"""The law of the length rho of a normal vector with unequal variances and any centre: its density rho^(m-1) Theta(rho).

The smallest variance is 1, the others are v_i > 1, and delta_i is the squared norm of the centre in group i. Theta is
the mean over the sphere of a normal density, so that moving rho to x + i a multiplies it by e^(a^2/2) at most, and
Theta(x) <= K e^(-(|x| - delta)^2 / (2 v)), v the largest variance.

For one variance it is a 0F1. For several it is K e^(-rho^2/2 - sum delta_i / (2 v_i)) sum_k c_k rho^(2k) / (m/2)_k,
with the c_k >= 0 of the generating function G(u) = prod (1 - g_i u)^(-n_i/2) exp(delta_i u / (4 v_i^2 (1 - g_i u))),
g_i = (1 - 1/v_i) / 2, n_i the multiplicities (Ruben 1962); it follows from the moment generating function of rho^2
term by term.
"""

from __future__ import annotations

import math

from flint import arb, arb_poly

from hrssm.reference.quadrature import ball, gauss_nodes, log_concave_tail, upper


class Radius:
    """Windows, bounds and values of Theta for (multiplicity, variance) groups, smallest variance first."""

    def __init__(self, groups: list[tuple[int, arb]]) -> None:
        self.groups = groups
        self.m = sum(count for count, _ in groups)
        half = arb(self.m) / 2
        self.widest = groups[-1][1]
        self.constant = 2 / (2**half * half.gamma())
        for count, v in groups:
            self.constant *= v ** (-arb(count) / 2)

    def window(self, delta: arb, aim: float) -> tuple[arb, arb]:
        """Where rho is followed: the rest has a probability of about e^-aim, and so has its second moment."""
        wide, level = upper(self.widest), upper(self.constant.log())
        middle, reach = math.floor(upper(delta)), math.ceil(math.sqrt(2 * wide * aim))
        while (reach - 1) ** 2 < 2 * wide * (aim + 3 + level + (self.m + 1) * math.log(middle + reach)) or (
            reach - 1
        ) * (middle + reach) < (self.m + 1) * wide:
            reach += 1
        return arb(max(0, middle - reach)), arb(middle + reach)

    def outside(self, low: arb, high: arb, delta: arb, power: int) -> arb:
        """A bound on the mean of rho^power outside the window."""
        k = self.m - 1 + power

        def f(end: arb) -> arb:
            return self.constant * end**k * (-((end - delta) ** 2) / (2 * self.widest)).exp()

        return log_concave_tail(f(high), (high - delta) / self.widest - k / high) + low * f(low)

    def bound(self, height: arb, far: arb) -> arb:
        """A bound on the density where |Im rho| <= height and |rho| <= far."""
        return self.constant * (height * height / 2).exp() * far ** (self.m - 1)

    def panel(self, start: arb, end: arb, size: int, deltas: list[arb], high: arb, aim: float) -> list[tuple[arb, arb]]:
        """(rho^2, weight times density) at the Gauss-Legendre nodes of a part of the window, which ends at `high`; the
        density to about e^-aim."""
        nodes = gauss_nodes(start, end, size)
        level = sum((-d / (2 * v) for d, (_, v) in zip(deltas, self.groups, strict=True)), arb(0))
        panel = [(x * x, w * self.constant * x ** (self.m - 1) * (level - x * x / 2).exp()) for x, w in nodes]
        if len(deltas) == 1:
            if deltas[0] == 0:
                return panel
            half = arb(self.m) / 2
            return [(x, w * (x * deltas[0] / 4).hypgeom_0f1(half)) for x, w in panel]
        polynomial, left_out, u = self._series(deltas, high, aim)
        order = len(polynomial)
        series = arb_poly(polynomial)
        pole = arb(self.m) / 2 + order
        return [(x, w * (series(x) + ball(left_out * (x / u) ** order / (1 - x / u / pole)))) for x, w in panel]

    def terms(self, deltas: list[arb], high: arb, aim: float) -> tuple[int, arb, arb]:
        """How many terms of the series are enough up to rho = high; and u, G(u), for the remainder."""
        u = arb(9) / (10 * (1 - 1 / self.widest) / 2)
        log_size = arb(0)
        for d, (count, v) in zip(deltas, self.groups, strict=True):
            one = 1 - (1 - 1 / v) / 2 * u
            log_size += d * u / (4 * v * v * one) - count * one.log() / 2
        half, square = self.m / 2, upper(high * high)
        start = sum((-d / (2 * v) for d, (_, v) in zip(deltas, self.groups, strict=True)), arb(0))
        needed = aim + 6 + upper(log_size + self.constant.log() + self.m * high.log() + start - high * high / 2)
        terms = math.ceil(max(square / 2, 2 * square / upper(u))) + 1
        slope = math.log(square / upper(u))
        while math.lgamma(half + terms) - math.lgamma(half) - terms * slope < needed:
            terms += 1
        return terms, u, log_size.exp()

    def _series(self, deltas: list[arb], high: arb, aim: float) -> tuple[list[arb], arb, arb]:
        """c_k / (m/2)_k for k < n; what (rho^2 / u)^n multiplies in a bound of term n, as c_k <= G(u) u^-k; and u."""
        terms, u, size = self.terms(deltas, high, aim)
        # G' = G sum_i (n_i g_i / 2 + p_i h_i) h_i with h_i = 1 / (1 - g_i u): recurrences without a minus sign
        parts = [
            (count * (1 - 1 / v) / 4, d / (4 * v * v), (1 - 1 / v) / 2)
            for d, (count, v) in zip(deltas, self.groups, strict=True)
        ]
        once, twice = [arb(0)] * len(parts), [arb(0)] * len(parts)
        value, rising, coefficients = arb(1), arb(1), []
        for k in range(terms):
            coefficients.append(value / rising)
            rising *= arb(self.m) / 2 + k
            total = arb(0)
            for i, (slope, push, rate) in enumerate(parts):
                once[i] = value + rate * once[i]
                total += slope * once[i]
                if push != 0:
                    twice[i] = once[i] + rate * twice[i]
                    total += push * twice[i]
            value = total / (k + 1)
        return coefficients, size / rising, u
