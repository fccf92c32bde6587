"""Rigorous expectations under a standard normal and a noncentral chi: Arb quadrature plus proven tails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from flint import acb, arb, ctx

Integrand = Callable[[Any], Any]


def ball(radius: arb) -> arb:
    """The ball [-radius, radius]."""
    return (-radius).union(radius)


def reach(bits: int) -> int:
    """A T with exp(-T^2/2) < 2^-bits: how far from its peak a normal integrand is followed."""
    return int((2 * 0.6931471805599454 * bits) ** 0.5) + 2


def body(function: Integrand, low: Any, high: Any, pieces: Sequence[Any] = ()) -> arb:
    """The integral of an analytic `function` over [low, high], cut at `pieces`, as a ball."""
    ends = [low, *pieces, high]
    total = arb(0)
    for a, b in pairwise(ends):
        # the absolute tolerance ends the search where the integral is 0, as the KL of a law to itself is
        total += acb.integral(lambda z, _: function(z), acb(a), acb(b), abs_tol=arb(2) ** (32 - ctx.prec)).real
    return total


def log_concave_tail(value: arb, slope: arb) -> arb:
    """A bound on the integral of a log-concave f beyond a point where f = value and (log f)' = -slope < 0.

    f lies under the exponential that touches it there, so the integral is at most value / slope. Raises
    ArithmeticError where the slope is not proved positive.
    """
    if not slope > 0:
        raise ArithmeticError(f"the tail starts before the integrand falls: slope {slope}")
    return value / slope


def normal_tail(power: int, rate: arb, cut: arb) -> arb:
    """A bound on the integral of t^power exp(rate t - t^2/2) / sqrt(2 pi) over t > cut > 0.

    The integrand is log-concave on t > 0, with (log)' = power / t + rate - t.
    """
    value = cut**power * (rate * cut - cut * cut / 2).exp() / (2 * arb.pi()).sqrt()
    return log_concave_tail(value, cut - rate - arb(power) / cut)


def normal_expectation(function: Integrand, bound: Sequence[tuple[arb, int, arb]]) -> arb:
    """E[function(t)] for a standard normal t, as a ball.

    `bound` lists (coefficient, power, rate): the caller vouches that |function(t)| is at most the sum of
    coefficient |t|^power exp(rate t) on the real line. The quadrature covers every peak t = rate and t = 0 by the
    distance that makes the tails negligible, and the tails are bounded term by term.
    """
    peaks = [0.0, *(float(rate.mid()) for _, _, rate in bound)]
    distance = reach(ctx.prec)
    low, high = int(min(peaks)) - distance, int(max(peaks)) + distance
    scale = (2 * arb.pi()).rsqrt()
    inner = sorted({round(peak) for peak in peaks})
    value = body(lambda z: function(z) * (-z * z / 2).exp() * scale, low, high, inner)
    for coefficient, power, rate in bound:
        beyond = normal_tail(power, rate, arb(high)) + normal_tail(power, -rate, arb(-low))
        value += ball(coefficient * beyond)
    return value
