"""A horospherical law as seen from the centre of a Riemannian normal: moved there by an isometry, which keeps scales.

The isometry (a, c).(tau, b) = (tau + a, e^a b + c) takes HG(mu, beta, sigma, s) to HG(mu + a, e^a beta + c, sigma, s)
(`geo-isometry`, `hg-kl-isometry`); every coupling has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from hrssm.reference.parameters import Horospherical, RiemannianNormal


def number(value: Fraction) -> arb:
    """An exact rational as a ball at the working precision."""
    return arb(fmpq(value.numerator, value.denominator))


@dataclass(frozen=True)
class Group:
    """Fibre coordinates of one scale: how many, the square of the scale, and the squared norm of their centre."""

    count: int
    square: arb
    offset: arb


class Relative:
    """mu, sigma, kappa and the groups of fibre coordinates, with the Riemannian normal at the origin."""

    def __init__(self, law: Horospherical, normal: RiemannianNormal) -> None:
        self.m = law.dim - 1
        self.mu = number(law.height_loc - normal.height_loc)
        self.sigma, self.kappa = number(law.height_scale), number(law.coupling)
        shrink = (-2 * number(normal.height_loc)).exp()
        gaps = [x - y for x, y in zip(law.fibre_loc, normal.fibre_loc, strict=True)]
        self.centred = not any(gaps)
        self.groups = []
        for scale in sorted(set(law.fibre_scale)):
            own = [g for g, s in zip(gaps, law.fibre_scale, strict=True) if s == scale]
            offset = shrink * number(sum((g * g for g in own), Fraction(0)))
            self.groups.append(Group(len(own), number(scale) ** 2, offset))

    def spread(self, tau: Any) -> Any:
        """e^-tau Var(b_i given tau) / s_i^2."""
        return (2 * (1 - self.kappa) * self.mu + (2 * self.kappa - 1) * tau).exp()

    def mean_exponential(self, rate: arb) -> arb:
        """E e^(rate tau) (`hg-mgf`)."""
        return (rate * self.mu + rate * rate * self.sigma * self.sigma / 2).exp()

    def mean_cosh(self) -> arb:
        """E cosh dist, from the moment generating function of the height."""
        offset = sum((g.offset for g in self.groups), arb(0))
        width = sum((g.count * g.square for g in self.groups), arb(0))
        up, down = self.mean_exponential(arb(1)), self.mean_exponential(arb(-1))
        wide = (2 * (1 - self.kappa) * self.mu).exp() * self.mean_exponential(2 * self.kappa - 1)
        return (up + down + offset * down + width * wide) / 2

    def sector(self, turn: float = 0.0) -> float:
        """A y, below the largest, such that for |arg s| <= turn and |Im tau| <= y the numbers s e^tau, s e^-tau,
        s e^((2 kappa - 1) tau) and, off centre, e^(2 kappa tau) have real parts > 0."""
        rates = [1.0, abs(float(2 * self.kappa - 1)), 0.0 if self.centred else abs(float(2 * self.kappa))]
        return (math.pi / 2 - turn - 1e-3) / max(rates)
