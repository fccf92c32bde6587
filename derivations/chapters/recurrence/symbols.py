"""The symbols of the chapter, and the norm of a sum of two vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import arb

from derivations.engine.kernel import sp, symbol

a, b = symbol("a", nonnegative=True), symbol("b", nonnegative=True)
phi, x = symbol("phi", real=True), symbol("x", nonnegative=True)
T = symbol("T", nonnegative=True, integer=True)


def norm_of_sum(first: Any, second: Any) -> Any:
    """|u + v| for vectors of these norms at an angle of 2 phi: whatever the dimension, two vectors lie in a plane."""
    return sp.sqrt((first - second) ** 2 + 4 * first * second * sp.cos(phi) ** 2)


PARALLEL, OPPOSITE = {phi: sp.S.Zero}, {phi: sp.pi / 2}


def direction() -> tuple[arb, ...]:
    """A unit vector in R^3, at the working precision."""
    return tuple(arb(n) / 7 for n in (2, 3, 6))


def length(vector: Sequence[arb]) -> arb:
    """The norm of a vector of balls."""
    return sum((v * v for v in vector), arb(0)).sqrt()
