"""From horospherical coordinates to the hyperboloid and to the Poincare ball, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from hrssm.geometry.horospherical import direction, join, separation

__all__ = ["from_ball", "from_lorentz", "to_ball", "to_lorentz"]


def to_lorentz(z: Tensor) -> Tensor:
    """Coordinates X (..., d + 1) on the hyperboloid -X_0^2 + X_1^2 + ... = -1, time first  (`geo-ball-map`).

    X_0 - X_1 = exp(-tau) and (X_2, ...) = exp(-tau) b.
    """
    height, side = z[..., :1], z[..., 1:]
    down = torch.exp(-height)
    lift = down * side.square().sum(-1, keepdim=True) / 2
    return torch.cat((torch.cosh(height) + lift, torch.sinh(height) + lift, down * side), dim=-1)


def from_lorentz(x: Tensor) -> Tensor:
    """Inverse of `to_lorentz`; x (..., d + 1) is taken to lie on the hyperboloid  (`geo-ball-map`)."""
    time, axis, rest = x[..., :1], x[..., 1:2], x[..., 2:]
    # log(X_0 + |X_1|) never cancels; on the upper side X_0 - X_1 = (1 + |rest|^2) / (X_0 + X_1).
    rise = torch.log(time + axis.abs())
    height = torch.where(axis >= 0, rise - torch.log1p(rest.square().sum(-1, keepdim=True)), -rise)
    return join(height, rest * torch.exp(height))


def to_ball(z: Tensor) -> Tensor:
    """Coordinates (..., d) in the Poincare ball, the origin at its centre  (`geo-ball-map`).

    The upward axis goes to the first coordinate. Beyond distance 17 (float32) or 37 (float64) from the origin
    the ball cannot tell a point from the boundary; horospherical coordinates still do.
    """
    far, radius, _ = (x.unsqueeze(-1) for x in separation(z, torch.zeros_like(z)))
    x = to_lorentz(torch.where(far, torch.zeros_like(z), z))
    return torch.where(far, direction(z, radius), x[..., 1:] / (1 + x[..., :1]))


def from_ball(p: Tensor) -> Tensor:
    """Inverse of `to_ball`; p (..., d) with |p| < 1  (`geo-ball-map`)."""
    axis, rest = p[..., :1], p[..., 1:]
    square = p.square().sum(-1, keepdim=True)
    radius_gap = torch.log1p(-square)
    rest_squared = rest.square().sum(-1, keepdim=True)
    # |p - e_1|^2, without cancellation near the upper end of the axis
    opposite = (1 - axis).square() + rest_squared
    height = radius_gap - torch.where(axis.abs() < 0.25, torch.log1p(square - 2 * axis), torch.log(opposite))
    return join(height, 2 * rest / opposite)
