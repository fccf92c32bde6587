"""Functions with a removable singularity, each in the variable in which it is analytic.

Near the singularity a power series is taken, whose first neglected term is below the rounding error of float64, so that
values and gradients are finite there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["arc_over_sinh", "arc_squared", "log_sinhc", "sech_squared", "sinhc", "tanhc"]

_SINHC = [1 / math.factorial(2 * n + 1) for n in range(9)]
_LOG_SINHC = [1 / 6, -1 / 180, 1 / 2835, -1 / 37800, 1 / 467775, -691 / 3831077250, 2 / 127702575,
              -3617 / 2605132530000, 43867 / 350813659321125, -174611 / 15313294652906250]  # fmt: skip
_ARC_OVER_SINH = [(-4.0) ** n * math.factorial(n) ** 2 / math.factorial(2 * n + 1) for n in range(16)]
_ARC_SQUARED = [4 * a / (n + 1) for n, a in enumerate(_ARC_OVER_SINH)]
# tanh' = 1 - tanh^2, coefficient by coefficient
_TANHC, _SECH_SQUARED = [1.0], [1.0]
for _n in range(1, 15):
    _SECH_SQUARED.append(-sum(_TANHC[i] * _TANHC[_n - 1 - i] for i in range(_n)))
    _TANHC.append(_SECH_SQUARED[_n] / (2 * _n + 1))


def sinhc(square: Tensor) -> Tensor:
    """sinh(r) / r as a function of r^2."""
    small, near, far = _split(square, 0.5)
    root = torch.sqrt(far)
    return torch.where(small, _horner(near, _SINHC), torch.sinh(root) / root)


def log_sinhc(square: Tensor) -> Tensor:
    """log(sinh(r) / r) as a function of r^2, without overflow."""
    small, near, far = _split(square, 0.25)
    root = torch.sqrt(far)
    large = root + torch.log(-torch.expm1(-2 * root) / (2 * root))
    return torch.where(small, near * _horner(near, _LOG_SINHC), large)


def arc_squared(half_chord: Tensor) -> Tensor:
    """r^2 as a function of sinh(r / 2)^2."""
    small, near, far = _split(half_chord, 0.05)
    large = (2 * torch.asinh(torch.sqrt(far))).square()
    return torch.where(small, near * _horner(near, _ARC_SQUARED), large)


def arc_over_sinh(half_chord: Tensor) -> Tensor:
    """r / sinh(r) as a function of sinh(r / 2)^2."""
    small, near, far = _split(half_chord, 0.05)
    root = torch.sqrt(far)
    large = torch.asinh(root) / (root * torch.sqrt(1 + far))
    return torch.where(small, _horner(near, _ARC_OVER_SINH), large)


def tanhc(square: Tensor) -> Tensor:
    """tanh(r) / r as a function of r^2."""
    small, near, far = _split(square, 0.1)
    root = torch.sqrt(far)
    return torch.where(small, _horner(near, _TANHC), torch.tanh(root) / root)


def sech_squared(square: Tensor) -> Tensor:
    """1 / cosh(r)^2 = 1 - tanh(r)^2 as a function of r^2, without cancellation or overflow."""
    small, near, far = _split(square, 0.1)
    decay = torch.exp(-2 * torch.sqrt(far))
    return torch.where(small, _horner(near, _SECH_SQUARED), 4 * decay / (1 + decay).square())


def _split(x: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """Where x is small, and x with a harmless value put where the series, or the other form, is not taken.

    The branch that is not taken must stay finite: `where` multiplies its gradient by zero.
    """
    small = x < threshold
    return small, torch.where(small, x, torch.zeros_like(x)), torch.where(small, torch.ones_like(x), x)


def _horner(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """The polynomial with these coefficients, constant term first."""
    total = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total
