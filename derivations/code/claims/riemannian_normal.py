"""The claims of the Riemannian normal: its density around a table, and where its samples lie."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import sympy as sp
from torch import Tensor

from derivations.chapters.geometry.geodesics import LENGTH, v0, w
from derivations.chapters.geometry.symbols import b, other
from derivations.chapters.horospherical_gaussian.symbols import sigma, tau
from derivations.chapters.riemannian_normal.density import d as dimension
from derivations.chapters.riemannian_normal.density import rn_normaliser, sphere
from derivations.code.claim import Claim
from derivations.code.claims.geometry import APART, cosh_distance, far_distance, half_chord, is_apart, point, together
from derivations.code.guarded import radial as radial_table
from derivations.engine.notation import coordinates
from hrssm.distributions import riemannian_normal
from hrssm.distributions.riemannian_normal import RiemannianNormal, _polar


def riemannian_log_prob(z: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """log_prob of the Riemannian normal with its tabulated integral as one operator."""
    with patch.object(riemannian_normal, "log_radial_integral", radial_table.traced):
        return RiemannianNormal(loc, scale, validate_args=False).log_prob(z)


def riemannian_log_density(distance: Any, normaliser: Any, d: int) -> sp.Expr:
    """-dist^2 / (2 sigma^2) - log Z, the volume of the sphere times the integral of rn-normaliser."""
    square = (2 * sp.asinh(sp.sqrt((cosh_distance(distance, d) - 1) / 2))) ** 2
    return _log_density(square, normaliser, d)


def _log_density(square: Any, normaliser: Any, d: int) -> sp.Expr:
    return -square / (2 * sigma**2) - sp.log(sphere(d)) - sp.log(normaliser.statement.rhs.subs(dimension, d).doit())


x = sp.Symbol("x", real=True)
length = sp.Symbol("r", positive=True)


def direction(d: int, sign: int) -> list[sp.Expr]:
    """Any direction of length 1 strictly above (below) the horizon: no relation between symbols is left.

    Its height is 1 / cosh x; its side is tanh x along one fixed unit vector of R^m, as any one of them may be.
    """
    along = {2: [1], 3: [sp.Rational(3, 5), sp.Rational(4, 5)], 4: [sp.Rational(k, 7) for k in (2, 3, 6)]}
    return [sign / sp.cosh(x), *(sp.tanh(x) * y for y in along[d])]


def carried(f: Any, d: int, sign: int) -> list[sp.Expr]:
    """The point at distance r from (tau, b) in a direction u of an orthonormal frame, from geo-exp."""
    up, *sides = direction(d, sign)
    height, fibre = (e.subs(LENGTH, length).subs(v0, length * up) for e in f.statement.rhs)
    places = zip(coordinates("b", d - 1), sides, strict=True)
    return [height, *(fibre.subs({b: y, w: length * sp.exp(tau) * u}, simultaneous=True) for y, u in places)]


def polar(sign: int, half: str) -> Claim:
    """That the Riemannian normal's samples lie where geo-exp carries radius and direction."""
    return Claim(
        "hrssm.distributions.RiemannianNormal.rsample_from", "geo-exp",
        _polar, lambda d: [point(d), [length], direction(d, sign)], lambda f, d: carried(f, d, sign),
        f"the point at a radius in a direction {half} the horizon",
        words="The radius is a table of quantiles, a symbol here. The side of the direction points along one unit "
        "vector: the code and geo-exp both see it through its square and as a factor.",
    )  # fmt: skip


CLAIMS = (
    Claim(
        "hrssm.distributions.RiemannianNormal.log_prob", "geo-distance", riemannian_log_prob,
        lambda d: [point(d), point(d, other, "b'"), sigma], riemannian_log_density, also=("rn-normaliser",),
        guarded=("hrssm.geometry.series.arc_squared",), opaque=radial_table.MEANINGS, pinned=together,
        within=(is_apart, lambda d, condition: _log_density(far_distance(d, condition) ** 2, rn_normaliser, d), APART),
        through=(half_chord, "the half chord: arcosh(c) = 2 arsinh(sqrt((c - 1) / 2))"),
        words=f"The integral of the normaliser comes from a table: its logarithm is measured in balls at "
        f"{len(radial_table.SCALES)} scales for each dimension, and not bounded between them.",
    ),
    polar(1, "above"),
    polar(-1, "below"),
)  # fmt: skip
