"""Hyperbolic space H^d of curvature -1 in horospherical coordinates.

A point is one tensor (..., d): the *height* tau first, then the *fibre* coordinates b (m = d - 1 of them).
With y = exp(tau) this is the upper half-space; the metric is dtau^2 + exp(-2 tau) |db|^2 (`geo-metric`). All
functions broadcast over leading axes. The space of curvature -c is this one with every length divided by
sqrt(c).

Accuracy: distances are taken from sinh(dist / 2)^2, a sum of squares, so they are never negative, and near
coincidence they keep every digit that the inputs hold. Removable singularities (coincident points, zero
tangent vectors) are filled by power series (`hrssm.geometry.series`), so values and gradients are finite there.
Beyond distance 43, where e^-dist is below rounding error, they are taken in logarithms, so that nothing overflows as
long as one of the two points is above the height -700 (float64) or -85 (float32).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hrssm.geometry import series

__all__ = [
    "busemann",
    "distance",
    "exp",
    "inverse",
    "isometry",
    "log",
    "log_volume",
    "origin",
    "relative",
    "volume",
]


def origin(dimension: int, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Tensor:
    """The point tau = 0, b = 0 of H^d, as a tensor (d,)."""
    return torch.zeros(dimension, dtype=dtype, device=device)


def isometry(g: Tensor, z: Tensor) -> Tensor:
    """Move z by the isometry g = (a, c): (tau, b) -> (tau + a, exp(a) b + c)  (`geo-isometry`).

    g (..., d) is written as the image of the origin; these isometries act simply transitively.
    """
    shift, scale = g[..., :1], torch.exp(g[..., :1])
    return join(z[..., :1] + shift, scale * z[..., 1:] + g[..., 1:])


def inverse(g: Tensor) -> Tensor:
    """The inverse of the isometry g: isometry(inverse(g), isometry(g, z)) = z  (`geo-isometry`)."""
    return torch.cat((-g[..., :1], -torch.exp(-g[..., :1]) * g[..., 1:]), dim=-1)


def relative(z: Tensor, w: Tensor) -> Tensor:
    """The point w in the coordinates whose origin is z: isometry(inverse(z), w), without its cancellation."""
    half = torch.exp(-z[..., :1] / 2)  # far down a factor alone would leave the range of numbers
    return join(w[..., :1] - z[..., :1], (w[..., 1:] - z[..., 1:]) * half * half)


def distance(z: Tensor, w: Tensor) -> Tensor:
    """Geodesic distance between points z and w, (..., d) each, giving (...)  (`geo-distance`).

    Exactly 0 with gradient 0 where z = w.
    """
    far, beyond, square = separation(z, w)
    apart = square > 0
    # The inner where keeps the infinite slope of sqrt at 0 out of the backward pass.
    half_chord = torch.sqrt(torch.where(apart, square, torch.ones_like(square)))
    return torch.where(far, beyond, 2 * torch.asinh(torch.where(apart, half_chord, square)))


def distance_squared(z: Tensor, w: Tensor) -> Tensor:
    """Squared geodesic distance, smooth everywhere, (...)  (`geo-distance`)."""
    far, beyond, square = separation(z, w)
    return torch.where(far, beyond.square(), series.arc_squared(square))


def half_chord_squared(z: Tensor, w: Tensor) -> Tensor:
    """sinh(dist / 2)^2 = sinh((tau - tau') / 2)^2 + exp(-(tau + tau')) |b - b'|^2 / 4  (`geo-distance`)."""
    return _half_chord_squared(z[..., 0] - w[..., 0], (z[..., 0] + w[..., 0]) / 2, z[..., 1:] - w[..., 1:])


def separation(z: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where two points are more than 43 apart, their distance there, and `half_chord_squared` elsewhere, (...) each.

    There dist = log(2 cosh(dist)) to rounding, and 2 cosh(dist) is e^h (1 + e^-2t |b - b'|^2) with h = |tau - tau'| and
    t the larger height. Each of the three is harmless where it is not taken.
    """
    drop, middle, side = z[..., 0] - w[..., 0], (z[..., 0] + w[..., 0]) / 2, z[..., 1:] - w[..., 1:]
    rise = drop.abs()
    top = middle + rise / 2
    # One half of the weight is applied before squaring, the other as a logarithm: neither leaves the range of numbers.
    width = (side * torch.exp(-top / 2).unsqueeze(-1)).square().sum(-1)
    aslant = width > 0
    log_width = torch.log(torch.where(aslant, width, torch.ones_like(width))) - top
    beyond = torch.where(aslant, torch.logaddexp(rise, rise + log_width), rise)
    far = beyond > 43
    nothing = torch.zeros_like(drop)
    near = _half_chord_squared(torch.where(far, nothing, drop), torch.where(far, nothing, middle), side)
    return far, beyond, near


def _half_chord_squared(drop: Tensor, middle: Tensor, side: Tensor) -> Tensor:
    # The weight is applied before squaring, so that points far down or far up do not overflow early.
    fibre = (side * torch.exp(-middle).unsqueeze(-1)).square().sum(-1)
    return torch.sinh(drop / 2).square() + fibre / 4


def exp(z: Tensor, v: Tensor) -> Tensor:
    """Exponential map at z of the tangent vector v  (`geo-exp`).

    v (..., d) holds coordinate components (dtau, db); its length is sqrt(v_0^2 + exp(-2 tau) |v_b|^2).
    """
    frame = join(v[..., :1], torch.exp(-z[..., :1]) * v[..., 1:])
    return isometry(z, exp_origin(frame))


def log(z: Tensor, w: Tensor) -> Tensor:
    """Logarithm map: the v in coordinate components with exp(z, v) = w  (`geo-log`)."""
    frame = log_origin(relative(z, w))
    return join(frame[..., :1], torch.exp(z[..., :1]) * frame[..., 1:])


def exp_origin(v: Tensor) -> Tensor:
    """Exponential map at the origin, where coordinate components are orthonormal  (`geo-exp`).

    With r = |v| and theta the angle from the upward axis, exp(-tau) = cosh r - cos(theta) sinh r
    (`geo-horo-polar`) and b = sinh(r) exp(tau) v_b / r. Neither end of the axis is evaluated by cancellation.
    """
    up, side = v[..., :1], v[..., 1:]
    side_squared = side.square().sum(-1, keepdim=True)
    square = up.square() + side_squared
    upward = up >= 0
    # Not up.abs(), whose slope at 0 is 0: this one keeps the derivative at v = 0 the identity.
    steep = torch.where(upward, up, -up)

    # Near the origin: 2 sinh(r/2)^2 + |v_0| sinh(r)/r = cosh r + |cos theta| sinh r - 1.
    far = square > 400
    near_square = torch.where(far, torch.zeros_like(square), square)
    ratio = series.sinhc(near_square)
    rise = torch.log1p(near_square * series.sinhc(near_square / 4).square() / 2 + steep * ratio)
    fall = torch.log1p(torch.where(far, torch.zeros_like(square), side_squared) * ratio.square())

    # Beyond radius 20 the decaying exponentials are below rounding error and sinh(r)^2 may overflow.
    radius = torch.sqrt(torch.where(far, square, torch.ones_like(square)))
    log_sinh = radius - math.log(2)
    aslant = far & (side_squared > 0)  # straight up or down there is no side to take the logarithm of
    log_side = torch.log(torch.where(aslant, side_squared, torch.ones_like(square)))
    log_side = log_side + 2 * (log_sinh - torch.log(radius))
    rise = torch.where(far, radius + torch.log((1 + steep / radius) / 2), rise)
    fall = torch.where(aslant, torch.logaddexp(log_side, torch.zeros_like(log_side)), fall)

    height = torch.where(upward, rise - fall, -rise)
    log_stretch = torch.where(far, log_sinh + height - torch.log(radius), torch.zeros_like(height))
    # Straight up the fibre stays 0 where its stretch overflows: the cap keeps 0 * inf out. Aslant the stretch is
    # applied half at a time: it can overflow where the stretched side, at most sinh(r), does not.
    capped = log_stretch.clamp_max(math.log(torch.finfo(v.dtype).max))
    half_stretch = torch.exp(torch.where(aslant, log_stretch, capped) / 2)
    near_stretch = ratio * torch.exp(torch.where(far, torch.zeros_like(height), height))
    return join(height, torch.where(far, side * half_stretch * half_stretch, side * near_stretch))


def log_origin(w: Tensor) -> Tensor:
    """Logarithm map at the origin: the v with exp_origin(v) = w  (`geo-log`)."""
    far, beyond, half_chord = (x.unsqueeze(-1) for x in separation(w, torch.zeros_like(w)))
    stretch = series.arc_over_sinh(half_chord)
    near = torch.where(far, torch.zeros_like(w), w)
    down, side = torch.exp(-near[..., :1]), near[..., 1:]
    up = torch.sinh(near[..., :1]) + down * side.square().sum(-1, keepdim=True) / 2
    return torch.where(far, beyond * direction(w, beyond), join(stretch * up, stretch * down * side))


def direction(w: Tensor, radius: Tensor) -> Tensor:
    """The unit tangent vector at the origin towards w, whose distance radius (..., 1) is above 43  (`geo-horo-polar`).

    With cosh r and sinh r as e^r / 2 it is (1 - 2 e^(-tau - r), 2 b e^(-tau - r)).
    """
    half = torch.exp((-w[..., :1] - radius) / 2)
    return join(1 - 2 * half.square(), 2 * w[..., 1:] * half * half)


def busemann(z: Tensor, ideal: Tensor | None = None) -> Tensor:
    """Busemann function of an ideal point, 0 at the origin, (...)  (`geo-busemann`).

    `ideal` None is the point at infinity, where the value is *minus* the height; otherwise a point (..., m)
    of the boundary plane y = 0.
    """
    height = z[..., 0]
    if ideal is None:
        return -height
    # log(e^tau + e^-tau |b - ideal|^2); far up, half of the weight goes before the square
    top = (height + height.abs()) / 2
    width = ((z[..., 1:] - ideal) * torch.exp(-top / 2).unsqueeze(-1)).square().sum(-1)
    aslant = width > 0
    log_width = torch.log(torch.where(aslant, width, torch.ones_like(width))) + top - height
    rise = torch.where(aslant, torch.logaddexp(height, log_width), height)
    return rise - torch.log1p(ideal.square().sum(-1))


def log_volume(z: Tensor) -> Tensor:
    """Log-density of the Riemannian volume with respect to dtau db: -m tau, (...)  (`geo-volume`)."""
    return -(z.shape[-1] - 1) * z[..., 0]


def volume(z: Tensor) -> Tensor:
    """Density of the Riemannian volume with respect to dtau db: exp(-m tau), (...)  (`geo-volume`)."""
    return torch.exp(log_volume(z))


def join(height: Tensor, side: Tensor) -> Tensor:
    """Concatenate height (..., 1) and fibre (..., m) after broadcasting their leading axes."""
    if height.shape[:-1] != side.shape[:-1]:
        lead = torch.broadcast_shapes(height.shape[:-1], side.shape[:-1])
        height, side = height.expand(*lead, 1), side.expand(*lead, side.shape[-1])
    return torch.cat((height, side), dim=-1)
