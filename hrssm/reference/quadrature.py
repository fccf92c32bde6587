"""Rigorous quadrature: Arb's adaptive rule, the trapezoidal rule in a strip, Gauss-Legendre in an ellipse, tails.

The two rules with a fixed number of nodes are right up to an error that falls exponentially with it, for functions
that are analytic, and bounded by something known, in a strip about the line or an ellipse about the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
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


class TooManyNodes(ArithmeticError):
    """A quadrature that takes more nodes than are worth waiting for; more bits would not help."""


#: Most nodes of a double quadrature: about a minute.
MOST_NODES = 5_000_000


def afford(nodes: float) -> None:
    """Raise TooManyNodes where that many are more than `MOST_NODES`."""
    if nodes > MOST_NODES:
        raise TooManyNodes(
            f"the quadrature takes {nodes:.1e} nodes; allowed are {MOST_NODES:.1e}, which is about a minute: ask for "
            "fewer digits, or give laws that are less wide and less far apart"
        )


def upper(x: arb) -> float:
    """About the largest number in x, or infinity for what floats cannot hold; it only steers, and proves nothing.

    Raises ArithmeticError where x is not a number, as the logarithm of a ball that holds 0 is not.
    """
    value = float(x.upper())
    if math.isnan(value):
        raise ArithmeticError("too few bits: a size that a quadrature is steered by is not known to be positive")
    return value


def strip_error(edge: arb, width: arb, step: arb) -> arb:
    """How far the infinite trapezoidal sum of f is from the integral over the line, at most.

    f is analytic for |Im x| <= width, and `edge` bounds the integral of |f| along either edge of that strip
    (Trefethen and Weideman 2014, theorem 5.1).
    """
    return 2 * edge / ((2 * arb.pi() * width / step).exp() - 1)


def strip(edge: Callable[[arb], arb], widest: float, aim: float) -> tuple[arb, arb]:
    """The longest step found, and the width it is meant for, whose strip error is about e^-aim.

    `edge` bounds the edge integral as a function of the width, for widths up to `widest`.
    """
    found = []
    for j in range(1, 25):
        width = arb(widest * j / 24)
        found.append((2 * math.pi * float(width) / max(aim + upper(edge(width).log()) + 1, 4.0), width))
    step, width = max(found, key=lambda pair: pair[0])
    return arb(step), width


#: Numbers of nodes to choose from: few, so that nodes once computed serve again.
SIZES = tuple(k * 2**e for e in range(4, 10) for k in (2, 3))


@cache
def _roots(size: int, bits: int) -> list[tuple[arb, arb]]:
    with ctx.workprec(bits):
        half = [arb.legendre_p_root(size, k, weight=True) for k in range(size // 2)]
        return [(-x, w) for x, w in half] + half[::-1]


def gauss_nodes(low: arb, high: arb, size: int) -> list[tuple[arb, arb]]:
    """Nodes and weights of the Gauss-Legendre rule of an even `size` on [low, high]."""
    middle, half = (low + high) / 2, (high - low) / 2
    return [(middle + half * x, half * w) for x, w in _roots(size, ctx.prec)]


def gauss(bound: Callable[[arb, arb], arb], low: arb, high: arb, highest: float, aim: float) -> tuple[int, arb]:
    """Size of the Gauss-Legendre rule on [low, high] whose error is about e^-aim, and that error, proved.

    `bound` is a function of (height, far): it bounds |f| in the ellipse with foci low and high and semi-minor axis
    height <= `highest`, whose points z have |Im z| <= height and |z| <= far. With r the sum of the semi-axes over half
    the distance of the foci, n nodes err by (64 / 15) bound r^(2 - 2 n) / (1 - r^-2) times that half at most (Trefethen
    2013, Approximation Theory and Approximation Practice, theorem 19.3). Raises TooManyNodes where SIZES end.
    """
    half, middle = (high - low) / 2, abs(high + low) / 2
    choices = []
    for j in range(1, 17):
        height = arb(highest * j / 16)
        flat = height / half
        size = 64 * half * bound(height, middle + half * (1 + flat * flat).sqrt()) / 15
        rate = flat.asinh()
        needed = (aim + 3 + upper(size.log()) - math.log1p(-math.exp(-2 * float(rate)))) / (2 * float(rate)) + 1
        choices.append((needed, size, rate))
    needed, size, rate = min(choices, key=lambda choice: choice[0])
    for count in SIZES:
        if count >= needed:
            shrink = (-2 * rate).exp()
            return count, size * shrink ** (count - 1) / (1 - shrink)
    raise TooManyNodes(
        f"a Gauss-Legendre rule takes {needed:.0f} nodes; allowed are {SIZES[-1]}: ask for fewer digits, or give "
        "laws that are less wide and less far apart"
    )
