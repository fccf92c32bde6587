"""Elementary functions that keep their digits where two nearly equal numbers would be subtracted."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["exp_gap", "log_ratio"]

_EXP_GAP = [1 / math.factorial(n) for n in range(2, 17)]


def exp_gap(x: Tensor) -> Tensor:
    """exp(x) - 1 - x, never negative, to full relative accuracy.

    For |x| < 1/2 the Taylor polynomial of degree 16, whose remainder is below 1e-18 of the value; beyond, the
    difference itself.
    """
    small = x.abs() < 0.5
    near = torch.full_like(x, _EXP_GAP[-1])
    for coefficient in reversed(_EXP_GAP[:-1]):
        near = near * x + coefficient
    return torch.where(small, near * x * x, torch.expm1(x) - x)


def log_ratio(a: Tensor, b: Tensor) -> Tensor:
    """log(a / b) for positive a and b, to full relative accuracy where they are nearly equal.

    Both branches are the same function: log1p((a - b) / b) keeps the digits of a - b, log(a / b) those of a
    ratio far from 1.
    """
    difference = (a - b) / b
    near = difference.abs() < 0.5
    # The unused branch is fed a harmless argument, so that its gradient stays finite.
    close = torch.log1p(torch.where(near, difference, torch.zeros_like(difference)))
    return torch.where(near, close, torch.log(a / b))
