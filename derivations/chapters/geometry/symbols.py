"""The symbols of hyperbolic space in horospherical coordinates, its metric, and its embedding into Minkowski space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derivations.engine.kernel import sp, symbol
from derivations.engine.notation import Meaning, Norm

SOURCE = "perret2026"
GEOMETRY = "hrssm.geometry"
HALF = sp.Rational(1, 2)
HEIGHTS = ("-3", "3")

tau, other = symbol("tau", real=True), symbol("tau_w", real=True)
b = symbol("b", real=True)
m = symbol("m", integer=True, positive=True)
delta = symbol("delta", nonnegative=True)
z, w = symbol("z"), symbol("w")
POINTS = {
    z: Meaning("first point, (tau, b)", domain="H^d"),
    w: Meaning("second point, (tau_w, b_w)", domain="H^d"),
    tau: "height of the first point",
    other: "height of the second point",
    delta: Meaning("distance of the fibre coordinates", Norm(symbol("b") - symbol("b_w"))),
}
CURVATURE = "curvature -1"


def metric(height: Any, n: int) -> Any:
    """The metric matrix in (tau, b_1, ..., b_n)."""
    return sp.diag(1, *([sp.exp(-2 * height)] * n))


def lorentz(height: Any, fibre: Sequence[Any]) -> Any:
    """X(tau, b) on the hyperboloid -X_0^2 + X_1^2 + ... = -1, with X_0 - X_1 = e^(-tau)."""
    lift = sp.exp(-height) * sum(x**2 for x in fibre) / 2
    return sp.Matrix([sp.cosh(height) + lift, sp.sinh(height) + lift, *(sp.exp(-height) * x for x in fibre)])


def minkowski(x: Any, y: Any) -> Any:
    """The inner product -x_0 y_0 + x_1 y_1 + ..."""
    return -x[0] * y[0] + sum(x[i] * y[i] for i in range(1, len(x)))
