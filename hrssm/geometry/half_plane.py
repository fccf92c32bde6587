"""The half-plane of univariate Gaussians N(mu, sigma^2), of any curvature -c, and its map to the hyperboloid.

A point is one tensor (..., 2): mu, then log sigma^2, so that no point of R^2 is outside. With y = sigma / sqrt(c) the
metric is (dmu^2 + dy^2) / (c y^2): the Fisher metric of N(sqrt(2c) mu, sigma^2), divided by 2c (`gm-metric`). A product
of n planes is a tensor (..., n, 2).

Everything rests on one chart: (mu, log sigma^2) -> (log sigma, -sqrt(c) mu) carries the plane to the horospherical
coordinates of curvature -1, lengths multiplied by sqrt(c), and the standard normal to the origin (`gm-lorentz`). The
curvature is written as c > 0 everywhere: a number, or a tensor (whose sign is not looked at) that broadcasts against
the points' leading axes. Raises ValueError for a number that is not positive and finite.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hrssm.geometry import charts, horospherical
from hrssm.geometry.curvature import positive

__all__ = [
    "Curvature",
    "checked",
    "distance",
    "exp_origin",
    "from_horospherical",
    "from_lorentz",
    "isometry",
    "log_origin",
    "log_volume",
    "to_horospherical",
    "to_lorentz",
]

#: c > 0, of a space of curvature -c.
Curvature = float | Tensor


def checked(curvature: Curvature) -> Curvature:
    """The curvature c; raises ValueError in words where a number is not positive and finite."""
    return curvature if isinstance(curvature, Tensor) else positive(curvature)


def to_horospherical(z: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """Horospherical coordinates (tau, b) = (log sigma, -sqrt(c) mu), (..., 2); lengths there are sqrt(c) times these.

    Not `sigma / sqrt(c)`: this chart sends N(0, 1), whatever c, to the origin.
    """
    return horospherical.join(z[..., 1:] / 2, _column(-_root(curvature)) * z[..., :1])


def from_horospherical(w: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """Inverse of `to_horospherical`."""
    return horospherical.join(w[..., 1:] / _column(-_root(curvature)), 2 * w[..., :1])


def to_lorentz(z: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """The point (t, x, y) of -t^2 + x^2 + y^2 = -1 / c, (..., 3) for z (..., 2)  (`gm-lorentz`, there T_c^-1).

    t and x are (1 + c mu^2 + sigma^2) / (2 sqrt(c) sigma) and the same with -1, and y = -mu / sigma: an isometry.
    """
    return charts.to_lorentz(to_horospherical(z, curvature)) / _column(_root(curvature))


def from_lorentz(x: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """Inverse of `to_lorentz`: mu = -y / (sqrt(c) (t - x)), sigma = 1 / (sqrt(c) (t - x))  (`gm-lorentz`, there T_c).

    t - x is not formed where it would cancel.
    """
    return from_horospherical(charts.from_lorentz(_column(_root(curvature)) * x), curvature)


def distance(z: Tensor, w: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """Geodesic distance in the plane of curvature -c, (...) for z and w (..., 2)  (`gm-metric`)."""
    apart = horospherical.distance(to_horospherical(z, curvature), to_horospherical(w, curvature))
    return apart / _root(curvature)


def isometry(g: Tensor, z: Tensor) -> Tensor:
    """Move z by the affine map x -> s x + t of the Gaussian's variable, written as g = (t, log s^2), N(0, 1)'s image.

    mu -> s mu + t and sigma -> s sigma: isometries for every c, and simply transitive (`gm-affine`).
    """
    return horospherical.join(g[..., :1] + torch.exp(g[..., 1:] / 2) * z[..., :1], g[..., 1:] + z[..., 1:])


def exp_origin(v: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """Exponential map at N(0, 1) of v (..., 2), in the orthonormal frame that `to_lorentz` takes to (0, v_0, v_1).

    v_0 points to larger sigma, v_1 to smaller mu  (`geo-exp`, `gm-lorentz`).
    """
    return from_horospherical(horospherical.exp_origin(_column(_root(curvature)) * v), curvature)


def log_origin(z: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """Logarithm map at N(0, 1): the v with exp_origin(v) = z  (`geo-log`, `gm-lorentz`)."""
    return horospherical.log_origin(to_horospherical(z, curvature)) / _column(_root(curvature))


def log_volume(z: Tensor, curvature: Curvature = 1.0) -> Tensor:
    """Log-density of the area with respect to dmu dlog(sigma^2): -log(2 sqrt(c) sigma), (...)  (`gm-metric`)."""
    root = _root(curvature)
    log_root = torch.log(root) if isinstance(root, Tensor) else math.log(root)
    return -z[..., 1] / 2 - math.log(2) - log_root


def _root(curvature: Curvature) -> Curvature:
    return torch.sqrt(curvature) if isinstance(curvature, Tensor) else math.sqrt(checked(curvature))


def _column(scalar: Curvature) -> Curvature:
    """The scalar against a point's last axis."""
    return scalar.unsqueeze(-1) if isinstance(scalar, Tensor) else scalar
