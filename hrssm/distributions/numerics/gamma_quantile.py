"""The gamma law as the image of a normal one, in the logarithm, tabulated for every shape at once."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from hrssm.distributions.numerics.stable import exp_gap
from hrssm.distributions.numerics.tables import constant_in_graphs, interpolate, tabulate
from hrssm.distributions.numerics.transport import LineLaw

__all__ = ["log_gamma_quantile"]

# Of the noise, either way; the tails beyond hold 1e-23.
_REACH = 10.0
_SHAPE_BOXES, _NOISE_BOXES = 12, 40
_WINDOW = 11.5


def log_gamma_quantile(a: Tensor, noise: Tensor) -> Tensor:
    """log(G / a) for G ~ Gamma(a + 1), as the increasing function of standard normal noise that has this law.

    To rounding in float64, and from a smaller table in any other dtype; differentiable in both; noise beyond 10 either
    way counts as 10.

    With u = 1 / sqrt(a + 1), x = log(G / (a + 1)) / u has the log-density -(e^(u x) - 1 - u x) / u^2: the standard
    normal for u = 0, the logarithm of an exponential variable for u = 1, and smooth between.
    """
    dtype = torch.promote_types(a.dtype, noise.dtype)
    tabulated = dtype if dtype == torch.float64 else torch.float32
    shape, normal = a.to(tabulated), noise.to(tabulated)
    u = torch.rsqrt(shape + 1)
    place = (normal.clamp(-_REACH, _REACH) + _REACH) / (2 * _REACH)
    x = interpolate(_gamma_quantile_table(tabulated, u.device), u, place)
    return (u * x + torch.log1p(1 / shape)).to(dtype)


# A compiled graph takes the table as a constant, under a name that no other module may use; building is not traced.
@constant_in_graphs
def _gamma_quantile_table(dtype: torch.dtype, device: torch.device) -> Tensor:
    return _built(dtype, device)


@functools.cache
def _built(dtype: torch.dtype, device: torch.device) -> Tensor:
    def quantile(u: Tensor, place: Tensor) -> Tensor:
        normal = place * (2 * _REACH) - _REACH
        score = torch.special.log_ndtr(normal) - torch.special.log_ndtr(-normal)
        return _standard_law(u).quantile(score)

    return tabulate(quantile, _SHAPE_BOXES, _NOISE_BOXES, dtype=dtype, device=device)


def _standard_law(u: Tensor) -> LineLaw:
    """The laws of x for u (S), on windows outside which the density is below exp(-_WINDOW^2 / 2) of its peak."""
    # e^s - 1 - s = drop bounds s: it is at least s^2 / (2 + s) of |s| for s < 0, and for s > 0 at least s^2 / 2
    drop = (u * _WINDOW).square() / 2
    low = -(drop + torch.sqrt(drop.square() + 8 * drop)) / 2
    high = torch.log1p(drop + torch.sqrt(2 * drop))
    column = u.unsqueeze(-1)
    return LineLaw(lambda x: -exp_gap(column * x) / column.square(), low / u, 0 * u, high / u)
