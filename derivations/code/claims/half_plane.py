"""The claims of `hrssm.geometry.half_plane` and of its transform, at curvatures whose roots are rational."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from derivations.chapters.geometry.half_plane import PLANE, c, ell, shift, stretch, t, x, x1, x2
from derivations.code.claim import Claim
from derivations.code.claims.geometry import (
    FAR,
    exponential,
    far_exponential,
    is_far,
    length_as_symbol,
    straight,
    v0,
)
from hrssm.distributions.charts import HalfPlaneTransform
from hrssm.geometry import half_plane

SERIES = "hrssm.geometry.series"
ONE_PLANE = (2,)
x_w = sp.Symbol("x_w", real=True)


def claims_at(curvature: float) -> tuple[Claim, ...]:
    """What the functions compute on the plane of curvature minus this."""
    words, number = f"curvature -{curvature:g}", sp.Rational(curvature)

    def at(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *points: function(*points, curvature)

    def here(side: Any) -> Any:
        return [entry.subs(c, number) for entry in side] if isinstance(side, sp.MatrixBase) else side.subs(c, number)

    time = sp.sqrt(1 / number + x1**2 + x2**2)
    transform = HalfPlaneTransform(curvature)
    return (
        Claim(
            f"{PLANE}.to_lorentz", "gm-lorentz", at(half_plane.to_lorentz), lambda d: [[x, ell]],
            lambda f, d: here(f.statement[0].rhs), words, dimensions=ONE_PLANE,
        ),
        Claim(
            f"{PLANE}.from_lorentz", "gm-lorentz", at(half_plane.from_lorentz), lambda d: [[time, x1, x2]],
            lambda f, d: [v.subs(t, time) for v in here(f.statement[1].rhs)], words, dimensions=ONE_PLANE,
            through=(
                lambda e: sp.sympify(e).replace(lambda p: p.is_Pow and p.exp == sp.S.Half, lambda p: t),
                "X_0 as one symbol",
            ),
            relation=lambda d: (time**2 - t**2, t),
        ),
        Claim(
            f"{PLANE}.log_volume", "gm-metric", at(half_plane.log_volume), lambda d: [[x, ell]],
            lambda f, d: here(f.statement[3].rhs), words, dimensions=ONE_PLANE,
        ),
        Claim(
            "hrssm.distributions.HalfPlaneTransform.log_abs_det_jacobian", "gm-lorentz",
            lambda z: transform.log_abs_det_jacobian(z, transform._call(z)), lambda d: [[x, ell]],
            lambda f, d: here(f.statement[2].rhs), words, dimensions=ONE_PLANE,
        ),
    )  # fmt: skip


def from_chart(place: list[Any]) -> list[Any]:
    """(mu, log sigma^2) of the point (tau, b) that the origin's tangent vector goes to, for curvature -1."""
    at_origin = {sp.Symbol("tau", real=True): 0, sp.Symbol("b_1", real=True): 0}
    height, fibre = (sp.sympify(e).subs(at_origin) for e in place)
    return [-fibre, 2 * height]


CLAIMS = (
    Claim(
        f"{PLANE}.exp_origin", "geo-exp", half_plane.exp_origin, lambda d: [[v0, sp.Symbol("v_b_1", real=True)]],
        lambda f, d: from_chart(exponential(f, d)), "curvature -1", guarded=(f"{SERIES}.sinhc",), dimensions=ONE_PLANE,
        within=(is_far, lambda d, condition: from_chart(far_exponential(d, condition, True)), FAR), pinned=straight,
        through=(length_as_symbol, "the lengths |v| and |v_b| as functions of one symbol"),
    ),
    Claim(
        f"{PLANE}.isometry", "gm-affine", half_plane.isometry, lambda d: [[shift, stretch], [x, ell]],
        lambda f, d: list(f.statement[0].rhs), dimensions=ONE_PLANE,
    ),
    *claims_at(0.25),
    *claims_at(4.0),
)  # fmt: skip
