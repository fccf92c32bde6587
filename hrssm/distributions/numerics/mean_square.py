"""The mean squared distance of a Riemannian normal to a point other than its centre, tabulated per dimension.

Along a geodesic from the centre the second derivative of dist(z, w)^2 in w is positive, so its mean over z is a sum
without cancellation, and so is what two integrations make of it: every digit of a small distance is kept. The mean is
taken over the angle first, which no scale enters, and then over the radius.

The angle theta from the geodesic is written as x = log tan(theta / 2), which turns sin(theta)^(m-1) dtheta into
sech(x)^m dx and the logarithmic corner of the distance at theta = 0 into a straight line, so that the trapezoidal rule
converges exponentially at every distance.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from hrssm.distributions.numerics.precision import wide_dtype
from hrssm.distributions.numerics.radial import SCALE_BOXES, far_scale, radial_rule
from hrssm.distributions.numerics.stable import log_cosh
from hrssm.distributions.numerics.tables import constant_in_graphs, in_float32, interpolate, running_integral, tabulate

__all__ = ["angle_rule", "mean_square_excess"]

# Boxes of equal width in log(1 + distance), up to this distance.
_BOXES, _FARTHEST = 33, 710.0
_SPAN = math.log1p(_FARTHEST)
# Of the radius, as wide.
_BOX = _SPAN / _BOXES
# Elements taken at a time: few enough to stay in the processor's cache.
_PIECE = 2**16


def mean_square_excess(scale: Tensor, between: Tensor, fibre: int) -> Tensor:
    """E dist(z, w)^2 - E dist(z, o)^2 for z of scale sigma (...) about o and dist(o, w) = between (...).

    In the precision of `between`, from tables in that of the scale. Beyond a distance of 710 it goes on as the square
    of the distance does.
    """
    scale, between = torch.broadcast_tensors(scale.to(torch.promote_types(scale.dtype, torch.float32)), between)
    far = far_scale(fibre)
    held, near = scale.clamp_max(far), between.clamp_max(_FARTHEST)
    place = (torch.log1p(near) / _SPAN).to(scale.dtype)
    ratio = interpolate(_ratio_table(fibre, scale.dtype, scale.device), held / far, place)
    # Above the table's scales the radius enters linearly, and its mean is m sigma^2.
    growth = interpolate(_growth_table(fibre, scale.dtype, scale.device), place)
    return between.square() * (ratio + fibre * (scale - held) * (scale + held) * growth)


def angle_rule(fibre: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes x = log tan(theta / 2) and weights, summing to 1, of the law of the angle on the sphere S^m."""
    step = min(0.2, 0.5 / math.sqrt(fibre))
    reach = math.ceil((34.5 / fibre + 0.7) / step)
    x = step * torch.arange(-reach, reach + 1, dtype=wide_dtype(like.device), device=like.device)
    return x, torch.softmax(-fibre * log_cosh(x), dim=0)


# A compiled graph takes the tables as constants, under names that no other module may use; building is not traced.
@constant_in_graphs
def _ratio_table(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _ratios(fibre, dtype, device)


@constant_in_graphs
def _growth_table(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _growths(fibre, dtype, device)


@functools.cache
def _ratios(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The excess over the squared distance, by scale and distance."""
    if dtype != torch.float64:
        return in_float32(_ratios(fibre, torch.float64, torch.device("cpu")), device)

    def ratio(scale_place: Tensor, place: Tensor) -> Tensor:
        rule = radial_rule(scale_place * far_scale(fibre), fibre)
        # The mean over the angle, tabulated in the radius.
        boxes = math.ceil(float(torch.log1p(rule.nodes.max())) / _BOX)
        apart = torch.expm1(_SPAN * place)
        bent = tabulate(lambda r_place: _mean_bend(torch.expm1(_BOX * boxes * r_place), apart, fibre), boxes)
        # The polynomials of the radius as rows of weights, one row per scale.
        r_place = torch.log1p(rule.nodes) / _BOX
        box = r_place.long()
        powers = torch.linalg.vander(r_place - box - 0.5, N=bent.shape[1])
        index = box.unsqueeze(-1) * bent.shape[1] + torch.arange(bent.shape[1])
        rows = torch.zeros(len(box), bent.shape[0] * bent.shape[1], dtype=torch.float64)
        rows.scatter_add_(1, index.flatten(1), (torch.exp(rule.log_weights).unsqueeze(-1) * powers).flatten(1))
        return _twice_integrated(rows @ bent.flatten(0, 1), place)

    return tabulate(ratio, SCALE_BOXES, _BOXES, device=device)


@functools.cache
def _growths(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What a unit of radius adds to the ratio where the radius is large, by distance."""
    if dtype != torch.float64:
        return in_float32(_growths(fibre, torch.float64, torch.device("cpu")), device)

    def growth(place: Tensor) -> Tensor:
        x, weights = angle_rule(fibre, place)
        apart = torch.expm1(_SPAN * place).unsqueeze(-1)
        share, rest = torch.sigmoid(2 * x), torch.sigmoid(-2 * x)
        sine_squared = 4 * share * rest / (torch.exp(-apart) + 2 * share * torch.sinh(apart)).square()
        return _twice_integrated(2 * sine_squared @ weights, place)

    return tabulate(growth, _BOXES, device=device)


def _twice_integrated(bend: Tensor, place: Tensor) -> Tensor:
    """f(D) / D^2 at the nodes from f'' there, (..., nodes), with f(0) = f'(0) = 0."""
    apart = torch.expm1(_SPAN * place)
    step = _SPAN * (1 + apart)
    return running_integral(running_integral(bend * step, _BOXES) * step, _BOXES) / apart.square()


def _mean_bend(radius: Tensor, apart: Tensor, fibre: int) -> Tensor:
    """Mean over the angle of d^2/dD^2 dist(z, w)^2 for |z| = radius (R) and D = apart (T), (R, T).

    It is 2 (rho'^2 + rho coth(rho) (1 - rho'^2)) with rho the distance. Where D > 2 r + 20 it is 2 to rounding.
    """
    x, weights = angle_rule(fibre, radius)
    share = torch.sigmoid(2 * x)
    bend = torch.full((len(radius), len(apart)), 2.0, dtype=torch.float64)
    rows, columns = torch.nonzero(apart <= 2 * radius.unsqueeze(-1) + 20, as_tuple=True)
    for row, column in zip(*(index.split(_PIECE // len(x)) for index in (rows, columns)), strict=True):
        r, t = radius[row].unsqueeze(-1), apart[column].unsqueeze(-1)
        side = torch.sinh(r) * share
        half_chord = torch.sinh((r - t) / 2).square() + side * torch.sinh(t)
        slope = side * torch.cosh(t) - torch.sinh(r - t) / 2
        # Values only, so the quotients need no series: at a zero chord they are taken at a tiny one.
        half_chord = half_chord.clamp_min(1e-300)
        squared = slope.square() / (half_chord * (1 + half_chord))
        rho = 2 * torch.asinh(torch.sqrt(half_chord))
        bend[row, column] = 2 * (squared + rho / torch.tanh(rho) * (1 - squared)) @ weights
    return bend
