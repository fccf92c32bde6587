"""Gamma-function remainders, for laws with gamma factors of any shape parameter.

Stirling's remainder is S(a) = log Gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2; for large a it is small,
and the differences that the closed forms need are taken of S, not of log Gamma. Series: Abramowitz and Stegun
6.1.41, 6.3.18, 6.4.12.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "digamma_gap",
    "log_gamma_bregman",
    "stirling",
    "stirling_bregman",
    "trigamma_next",
]

# B_2n / (2n (2n - 1)) for n = 1, 2, ...: S(a) = sum of these over a^(2n - 1)
_STIRLING = [
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400, 43867 / 244188,
    -174611 / 125400, 77683 / 5796,
]  # fmt: skip
_CURVATURE = [(2 * n + 1) * (2 * n + 2) * c for n, c in enumerate(_STIRLING)]
_SERIES_FROM = 10.0

# 8-point Gauss-Legendre on [0, 1]
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_NODES = (_POINTS + 1) / 2
_RULE = _NODES.tolist(), (_WEIGHTS / 2 * (1 - _NODES)).tolist()  # the rule's weights times 1 - t


def stirling(a: Tensor) -> Tensor:
    """S(a) for a > 0."""
    large = a > _SERIES_FROM
    big, moderate = _split(a, large)
    direct = torch.lgamma(moderate) - (moderate - 0.5) * torch.log(moderate) + moderate
    direct = direct - 0.5 * math.log(2 * math.pi)
    return torch.where(large, _series(big, _STIRLING) / big, direct)


def stirling_slope(a: Tensor) -> Tensor:
    """S'(a) = digamma(a) - log a + 1 / (2 a) for a > 0; negative."""
    large = a > _SERIES_FROM
    big, moderate = _split(a, large)
    direct = digamma_next(moderate) - torch.log(moderate) - 0.5 / moderate
    return torch.where(large, _series(big, [-(2 * n + 1) * c for n, c in enumerate(_STIRLING)]) / big.square(), direct)


def digamma_gap(a: Tensor) -> Tensor:
    """digamma(a + 1) - log a = 1 / (2 a) + S'(a) for a > 0; positive."""
    large = a > _SERIES_FROM
    big, moderate = _split(a, large)
    return torch.where(large, 0.5 / big + stirling_slope(big), digamma_next(moderate) - torch.log(moderate))


def digamma_next(a: Tensor) -> Tensor:
    """digamma(a + 1), with a derivative that is accurate (torch's own is off by 1e-9)."""
    return _DigammaNext.apply(a)  # type: ignore[no-any-return]


class _DigammaNext(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor) -> Tensor:  # type: ignore[override]
        return torch.digamma(a + 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad * trigamma_next(ctx.saved_tensors[0])


def trigamma_next(a: Tensor) -> Tensor:
    """trigamma(a + 1) for a > 0, by its recurrence up to the series (torch's is off by 1e-9)."""
    shifted = a + _SERIES_FROM
    total = 1 / shifted + 0.5 / shifted.square() + _series(shifted, _CURVATURE) / (shifted * shifted.square())
    for n in range(1, int(_SERIES_FROM)):
        total = total + 1 / (a + n).square()
    return total


def stirling_curvature(a: Tensor) -> Tensor:
    """S''(a) = trigamma(a) - 1 / a - 1 / (2 a^2) for a > 0; positive."""
    large = a > _SERIES_FROM
    big, moderate = _split(a, large)
    direct = trigamma_next(moderate) + 0.5 / moderate.square() - 1 / moderate
    return torch.where(large, _series(big, _CURVATURE) / (big * big.square()), direct)


def stirling_bregman(a: Tensor, b: Tensor, step: Tensor) -> Tensor:
    """S(b) - S(a) - S'(a) step for b = a + step, never negative, to full relative accuracy.

    The step is an argument of its own because the caller knows digits of it that b - a has lost.
    """
    far = stirling(b) - stirling(a) - stirling_slope(a) * step
    return _bregman(a, step, far, stirling_curvature)


def log_gamma_bregman(a: Tensor, b: Tensor, step: Tensor) -> Tensor:
    """The same of log Gamma(1 + a): log Gamma(1 + b) - log Gamma(1 + a) - digamma(1 + a) step."""
    far = torch.lgamma(1 + b) - torch.lgamma(1 + a) - digamma_next(a) * step
    return _bregman(a, step, far, trigamma_next)


def _bregman(a: Tensor, step: Tensor, far: Tensor, curvature: Callable[[Tensor], Tensor]) -> Tensor:
    """f(a + step) - f(a) - f'(a) step, given as `far` for large steps.

    For small ones it is step^2 int_0^1 (1 - t) f''(a + t step) dt by 8-point Gauss-Legendre.
    """
    near = step.abs() < 0.25 * a
    close = torch.where(near, step, torch.zeros_like(step))
    nodes, weights = (a.new_tensor(numbers) for numbers in _RULE)
    curved = curvature(a.unsqueeze(-1) + nodes * close.unsqueeze(-1))
    return torch.where(near, close.square() * (weights * curved).sum(-1), far)


def _split(a: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
    """Harmless arguments for the branch that is not taken, so that its gradient stays finite."""
    fill = torch.full_like(a, _SERIES_FROM)
    return torch.where(large, a, fill), torch.where(large, fill, a)


def _series(a: Tensor, coefficients: list[float]) -> Tensor:
    square = 1 / a.square()
    total = torch.full_like(a, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * square + coefficient
    return total
