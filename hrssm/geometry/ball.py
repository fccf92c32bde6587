"""Hyperbolic space H^D of curvature -1 as the Poincare ball: points z (..., D) with |z| < 1, any D >= 1.

The metric is lambda(z)^2 |dz|^2 with lambda(z) = 2 / (1 - |z|^2) (`ball-metric`). A *vector* v has coordinate
components dz and length lambda |v|; a *covector* p pairs with vectors by p . v and has length |p| / lambda. Their
components in the orthonormal frame at z are lambda v and p / lambda: transport and isometries turn those and do nothing
else. All functions broadcast over leading axes. The space of curvature -c is this one with every length divided by
sqrt(c).

Accuracy: 1 - |x + y|^2 and its like are never formed by subtraction. With s = x + y everything comes from |s|^2 and the
gaps 1 - |x|^2, 1 - |y|^2, sums of positive numbers, so that points close to each other keep every digit that the
inputs hold, near the boundary too. Removable singularities are filled by power series (`hrssm.geometry.series`).
Nothing is clamped: beyond distance 17 (float32) or 37 (float64) from the centre a ball cannot tell a point from its
boundary, and what comes out there is outside; `require_inside` says so. Horospherical coordinates still tell them apart
(`hrssm.geometry.charts`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hrssm.geometry import series

__all__ = [
    "Isometry",
    "christoffel",
    "conformal_factor",
    "distance",
    "distance_squared",
    "exp",
    "exp_origin",
    "gap",
    "gyration",
    "log",
    "log_origin",
    "mobius_add",
    "relative",
    "require_inside",
    "transport",
    "transport_covector",
]


def gap(z: Tensor) -> Tensor:
    """1 - |z|^2, (..., 1): what is left to the boundary."""
    return 1 - _square(z)


def conformal_factor(z: Tensor) -> Tensor:
    """lambda(z) = 2 / (1 - |z|^2), (..., 1): a vector v has length lambda |v|, a covector p |p| / lambda."""
    return 2 / gap(z)


def require_inside(z: Tensor, name: str = "z") -> None:
    """Raises ValueError where a point (..., D) is not inside the ball, or is no number."""
    size = torch.linalg.vector_norm(z.detach(), dim=-1)
    outside = ~(size < 1)
    if outside.any():
        raise ValueError(
            f"{name}: {int(outside.sum())} of {outside.numel()} points are not inside the ball, the first has |z| = "
            f"{float(size[outside][0]):.9g}: give points with |z| < 1, for instance exp_origin of a tangent vector."
        )


def mobius_add(x: Tensor, y: Tensor) -> Tensor:
    """The Mobius sum of x and y, (..., D): y moved by the isometry that takes the centre to x  (`ball-mobius`).

    ((1 + 2 x.y + |y|^2) x + (1 - |x|^2) y) / (1 + 2 x.y + |x|^2 |y|^2), written in x + y.
    """
    total, here = x + y, gap(x)
    square = _square(total)
    return (here * total + square * x) / (square + here * gap(y))


def relative(z: Tensor, w: Tensor) -> Tensor:
    """The point w as seen from z: mobius_add(-z, w), 0 where they agree."""
    return mobius_add(-z, w)


def distance(z: Tensor, w: Tensor) -> Tensor:
    """Geodesic distance between points z and w, (..., D) each, giving (...)  (`ball-distance`).

    Exactly 0 with gradient 0 where z = w.
    """
    square = half_chord_squared(z, w)
    apart = square > 0
    # The inner where keeps the infinite slope of sqrt at 0 out of the backward pass.
    half_chord = torch.sqrt(torch.where(apart, square, torch.ones_like(square)))
    return 2 * torch.asinh(torch.where(apart, half_chord, square))


def distance_squared(z: Tensor, w: Tensor) -> Tensor:
    """Squared geodesic distance, smooth everywhere, (...)  (`ball-distance`)."""
    return series.arc_squared(half_chord_squared(z, w))


def half_chord_squared(z: Tensor, w: Tensor) -> Tensor:
    """sinh(dist / 2)^2 = |z - w|^2 / ((1 - |z|^2)(1 - |w|^2)), (...)  (`ball-distance`)."""
    return (_square(z - w) / (gap(z) * gap(w))).squeeze(-1)


def exp(z: Tensor, v: Tensor) -> Tensor:
    """Exponential map at z of the vector v: the end of the geodesic that leaves z with velocity v  (`ball-exp`)."""
    here = gap(z)
    half = v / here
    square = _square(half)
    there = half * series.tanhc(square)  # z + there, a Mobius sum; 1 - |there|^2 is sech^2, which does not cancel
    along = _square(z + there) + here * series.sech_squared(square)
    return z + here * (there + _square(there) * z) / along


def exp_origin(v: Tensor) -> Tensor:
    """Exponential map at the centre, tanh|v| v / |v|; the length of v is 2 |v|  (`ball-exp`)."""
    return v * series.tanhc(_square(v))


def log(z: Tensor, w: Tensor) -> Tensor:
    """Logarithm map: the vector v at z with exp(z, v) = w  (`ball-log`)."""
    apart = w - z
    square, here, there = _square(apart), gap(z), gap(w)
    return series.arc_over_sinh(square / (here * there)) * (here * apart - square * z) / there


def log_origin(w: Tensor) -> Tensor:
    """Logarithm map at the centre, artanh|w| w / |w|  (`ball-log`)."""
    there = gap(w)
    return series.arc_over_sinh(_square(w) / there) / there * w


def gyration(u: Tensor, w: Tensor, x: Tensor) -> Tensor:
    """gyr[u, w] x, by which Mobius addition fails to be associative, in O(D)  (`ball-gyration`).

    u + (w + x) = (u + w) + gyr[u, w] x in Mobius sums. It is the rotation of the plane of u and w that is the Cayley
    transform of (u w' - w u') / (1 + u.w).
    """
    total = u + w
    square, along = _square(total), _dot(total, u)

    def wedge(x: Tensor) -> Tensor:
        """(u w' - w u') x"""
        return u * _dot(total, x) - total * _dot(u, x)

    cosine = (gap(u) + gap(w) + square) / 2  # 1 + u.w
    sine_squared = _square(u) * square - along.square()
    once = wedge(x)
    # Orthogonal to rounding whatever the gaps have lost: the divisor is made of the two that are in the numerator.
    return x + 2 * (cosine * once + wedge(once)) / (cosine.square() + sine_squared)


def transport(z: Tensor, w: Tensor, v: Tensor) -> Tensor:
    """Parallel transport of the vector v at z to w along their geodesic  (`ball-transport`)."""
    return gap(w) / gap(z) * gyration(w, -z, v)


def transport_covector(z: Tensor, w: Tensor, p: Tensor) -> Tensor:
    """Parallel transport of the covector p at z to w along their geodesic  (`ball-transport`)."""
    return gap(z) / gap(w) * gyration(w, -z, p)


def christoffel(z: Tensor, v: Tensor) -> Tensor:
    """Gamma^k_ij v^i v^j = (4 (z.v) v - 2 |v|^2 z) / (1 - |z|^2)  (`ball-geodesic`).

    Geodesics have z'' = -christoffel(z, z').
    """
    return (4 * _dot(z, v) * v - 2 * _square(v) * z) / gap(z)


@dataclass(frozen=True)
class Isometry:
    """The isometry z -> translation + rotation z (a Mobius sum), and what it does to tangent spaces  (`ball-isometry`).

    `translation` (..., D) is the image of the centre; `rotation` (..., D, D) an orthogonal matrix, None for none.
    """

    translation: Tensor
    rotation: Tensor | None = None

    def __call__(self, z: Tensor) -> Tensor:
        """The image of the point z."""
        return mobius_add(self.translation, self._turn(z))

    def frame(self, z: Tensor, e: Tensor) -> Tensor:
        """The image of a vector or covector at z, both given by components in the orthonormal frames."""
        return gyration(self.translation, self._turn(z), self._turn(e))

    def vector(self, z: Tensor, v: Tensor) -> Tensor:
        """The image, at self(z), of the vector v at z."""
        return gap(self(z)) / gap(z) * self.frame(z, v)

    def covector(self, z: Tensor, p: Tensor) -> Tensor:
        """The image, at self(z), of the covector p at z: pairings with vectors are kept."""
        return gap(z) / gap(self(z)) * self.frame(z, p)

    def _turn(self, x: Tensor) -> Tensor:
        return x if self.rotation is None else (self.rotation @ x.unsqueeze(-1)).squeeze(-1)


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(-1, keepdim=True)


def _square(x: Tensor) -> Tensor:
    return x.square().sum(-1, keepdim=True)
