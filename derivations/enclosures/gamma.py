"""Expectations under a gamma law by rigorous quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import ctx

from derivations.engine.ball_arithmetic import plus_minus
from derivations.engine.kernel import acb, arb

# ------------------------------------------------------------------------------------ independent roads


def gamma_integrals(shape: arb, fs: list[Callable[[Any], Any]], bound: Any = 1) -> list[arb]:
    """The integral of f(y) h(y) over the line for each f, with h(y) = exp((a + 1) y - a (e^y - 1)); rigorous.

    The caller vouches that |f(y)| <= bound e^(|y| / 4) for y < 0 and bound e^(5 y / 4) for y > 0. Below -T there is
    h <= e^(a + (a + 1) y); above T, e^y >= e^T (1 + y - T).
    """
    quarter, wanted = arb(1) / 4, arb(2) ** (-ctx.prec - 10) / (abs(bound) + 1)
    falls, rises = shape + 1 - quarter, shape + 1 + 5 * quarter

    def right(cut: int) -> arb:
        steep = shape * arb(cut).exp()
        return (shape + rises * cut - steep).exp() / (steep - rises) if steep > rises else arb(1)

    low = high = 8
    while not (shape - falls * low).exp() / falls < wanted:
        low += 4
    while not right(high) < wanted:
        high += 1
    tail = ((shape - falls * low).exp() / falls + right(high)) * (abs(bound) + 1)

    def total(f: Callable[[Any], Any]) -> arb:
        def weighted(z: Any, _: bool) -> Any:
            return f(z) * ((shape + 1) * z - shape * (z.exp() - 1)).exp()

        ends = ((-low, -4), (-4, 0), (0, 4), (4, high))
        return sum((acb.integral(weighted, acb(p), acb(q)).real for p, q in ends), plus_minus(tail))

    return [total(f) for f in fs]


def gamma_mean(shape: arb, f: Callable[[Any], Any], bound: Any) -> arb:
    """E[f(y)] under the density proportional to h; its normaliser is integrated too, there is no gamma function."""
    body, mass = gamma_integrals(shape, [f, lambda z: z * 0 + 1], bound)
    return body / mass
