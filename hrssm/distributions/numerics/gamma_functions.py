"""Gamma-function remainders, for laws with gamma factors of any shape parameter.

Stirling's remainder is S(a) = log Gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2; for large a it is small,
and the differences that the closed forms need are taken of S, not of log Gamma. Series: Abramowitz and Stegun
6.1.41, 6.3.18, 6.4.12. In float32 they are shorter, and so are the recurrences before them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrssm.distributions.numerics.functions import apply, in_pieces
from hrssm.distributions.numerics.precision import wide

__all__ = ["digamma_gap", "digamma_next", "gamma_bregman", "gamma_rise", "stirling", "trigamma_next"]

# B_2n / (2n (2n - 1)) for n = 1, 2, ...: S(a) = sum of these over a^(2n - 1)
_STIRLING = [
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400, 43867 / 244188,
    -174611 / 125400, 77683 / 5796,
]  # fmt: skip
_SLOPE = [-(2 * n + 1) * c for n, c in enumerate(_STIRLING)]
_CURVATURE = [(2 * n + 1) * (2 * n + 2) * c for n, c in enumerate(_STIRLING)]
_SERIES_FROM = 10
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


def _rule(points: int) -> list[tuple[float, float]]:
    """Nodes and weights of Gauss-Legendre on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return list(zip(((nodes + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))


_WIDE_RULE, _SINGLE_RULE = _rule(8), _rule(3)


def stirling(a: Tensor) -> Tensor:
    """S(a) for a > 0."""
    return apply(_Stirling, a)[0]


def stirling_slope(a: Tensor) -> Tensor:
    """S'(a) = digamma(a) - log a + 1 / (2 a) for a > 0; negative."""
    return apply(_StirlingSlope, a)


def stirling_curvature(a: Tensor) -> Tensor:
    """S''(a) = trigamma(a) - 1 / a - 1 / (2 a^2) for a > 0; positive."""
    return _curvatures(a)[1]


def digamma_gap(a: Tensor) -> Tensor:
    """digamma(a + 1) - log a = 1 / (2 a) + S'(a) for a > 0; positive."""
    return apply(_DigammaGap, a)


def digamma_next(a: Tensor) -> Tensor:
    """digamma(a + 1), with a derivative that is accurate (torch's own is off by 1e-9)."""
    return apply(_DigammaNext, a)


def _digamma_next(a: Tensor) -> Tensor:
    """digamma(a + 1) by its recurrence up to the series, to the digits of float32 and more."""
    shifted = a + 4
    total = torch.log(shifted) + 0.5 / shifted + _slope_series(shifted)
    for n in range(1, 5):
        total = total - 1 / (a + n)
    return total


def trigamma_next(a: Tensor) -> Tensor:
    """trigamma(a + 1) for a > 0, by its recurrence up to the series (torch's is off by 1e-9)."""
    return _curvatures(a)[0]


def _curvatures(a: Tensor) -> tuple[Tensor, Tensor]:
    """trigamma(a + 1) and S''(a), sums of positive terms: each of the recurrence of trigamma, or of S(a) - S(a + 1)."""
    shift = _shift(a)
    inverses = [1 / (a + n) for n in range(shift + 1)]
    last = inverses[-1]
    square = last * last
    rest = _polynomial(square, _CURVATURE) * (square * last)
    trigamma, stirling = torch.add(last, square, alpha=0.5) + rest, rest
    for one, following in itertools.pairwise(inverses):
        product = one * following
        stirling = torch.addcmul(stirling, product, product, value=0.5)
    for one in inverses[1:-1]:
        trigamma = torch.addcmul(trigamma, one, one)
    return trigamma, stirling


def gamma_bregman(a: Tensor, b: Tensor, ratio: Tensor) -> Tensor:
    """f(b) - f(a) - f'(a) (b - a) for b = a e^ratio, never negative, to full relative accuracy, of the shape of a.

    f is Stirling's remainder S; for a < 1, where the powers of a that it lacks would cancel, it is log Gamma(1 + a).
    The caller knows digits of b and of the ratio that either has lost of the other; the derivative is the ratio's.
    What is needed of b alone is worked out once for an entry that broadcasts.
    """
    return apply(_GammaBregman, a, b, ratio.expand_as(a))[0]


def gamma_rise(a: Tensor, b: Tensor, ratio: Tensor) -> Tensor:
    """f'(b) - f'(a) for b = a e^ratio, to full relative accuracy, with the f of `gamma_bregman`."""
    return _bregman_and_rise(a, b, ratio)[1]


def gamma_curvature(a: Tensor) -> Tensor:
    """f''(a) with the f of `gamma_bregman`."""
    return torch.where(a < 1, *_curvatures(a))


def _bregman_and_rise(a: Tensor, b: Tensor, ratio: Tensor) -> tuple[Tensor, ...]:
    of_b = (x.expand_as(a) for x in _remainders(b))
    return in_pieces(_differences, 32768, a, b.expand_as(a), ratio, *of_b)


def _differences(a: Tensor, b: Tensor, ratio: Tensor, *of_b: Tensor) -> tuple[Tensor, Tensor]:
    """The Bregman difference and the rise, as they stand for large steps, and for small ones by Gauss-Legendre.

    Those are step^2 int_0^1 (1 - t) f''(a + t step) dt and step int_0^1 f''(a + t step) dt.
    """
    plain = a < 1
    step = a * torch.expm1(ratio)
    here, slope, there, other = (
        torch.where(plain, one, rest) for one, rest in (*_in_pairs(_remainders(a)), *_in_pairs(of_b))
    )
    near = step.abs() < 0.25 * torch.where(plain, 1 + a, a)  # of the distance to the pole
    close = torch.where(near, step, torch.zeros_like(step))
    once, twice = torch.zeros_like(a), torch.zeros_like(a)
    for node, weight in _WIDE_RULE if _is_wide(a) else _SINGLE_RULE:
        curved = torch.where(plain, *_curvatures(torch.add(a, close, alpha=node)))
        once = torch.add(once, curved, alpha=weight)
        twice = torch.add(twice, curved, alpha=weight * (1 - node))
    bregman = torch.where(near, close * close * twice, there - here - slope * (b - a))
    return bregman, torch.where(near, close * once, other - slope)


def _in_pairs(x: Sequence[Tensor]) -> tuple[tuple[Tensor, Tensor], ...]:
    return (x[0], x[1]), (x[2], x[3])


def _remainders(a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log Gamma(1 + a), S(a), and their slopes digamma(1 + a) and S'(a)."""
    large = a > _SERIES_FROM
    big, moderate = _split(a, large)
    log, digamma = torch.log(moderate), digamma_next(a)
    direct = torch.lgamma(moderate) - (moderate - 0.5) * log + moderate - _HALF_LOG_TWO_PI
    value = torch.where(large, _stirling_series(big), direct)
    slope = torch.where(large, _slope_series(big), digamma - log - 0.5 / moderate)
    return torch.lgamma(1 + a), value, digamma, slope


def _is_wide(a: Tensor) -> bool:
    return a.dtype == torch.float64


def _shift(a: Tensor) -> int:
    """How far a recurrence goes before its series."""
    return _SERIES_FROM if _is_wide(a) else 4


def _split(a: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
    """Harmless arguments for the branch that is not taken."""
    fill = torch.full_like(a, _SERIES_FROM)
    return torch.where(large, a, fill), torch.where(large, fill, a)


def _polynomial(x: Tensor, coefficients: list[float]) -> Tensor:
    *rest, before, last = coefficients if _is_wide(x) else coefficients[:5]
    total = x * last + before
    for coefficient in reversed(rest):
        total = total * x + coefficient
    return total


def _stirling_series(a: Tensor) -> Tensor:
    inverse = 1 / a
    return _polynomial(inverse * inverse, _STIRLING) * inverse


def _slope_series(a: Tensor) -> Tensor:
    square = 1 / (a * a)
    return _polynomial(square, _SLOPE) * square


class _OfOne(torch.autograd.Function):
    """A function of one variable; along a direction its derivative is what it is backward."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])


class _Stirling(torch.autograd.Function):
    """S, and beside it S' for the backward pass, which shares most of the work."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        _, value, _, slope = _remainders(a)
        return value, slope

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(inputs[0], output[1])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> Tensor:  # type: ignore[override]
        a, slope = ctx.saved_tensors
        return grad * (stirling_slope(a) if torch.is_grad_enabled() else slope)  # it is wanted as a function

    @staticmethod
    def tangent(ctx: Any, along: Tensor) -> tuple[Tensor, None]:
        return along * stirling_slope(ctx.saved_tensors[0]), None


class _StirlingSlope(_OfOne):
    @staticmethod
    def forward(a: Tensor) -> Tensor:  # type: ignore[override]
        return _remainders(a)[3]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad * stirling_curvature(ctx.saved_tensors[0])

    tangent = backward


class _DigammaGap(_OfOne):
    @staticmethod
    def forward(a: Tensor) -> Tensor:  # type: ignore[override]
        large = a > _SERIES_FROM
        big, moderate = _split(a, large)
        return torch.where(large, 0.5 / big + _slope_series(big), digamma_next(moderate) - torch.log(moderate))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (a,) = ctx.saved_tensors
        return grad * (stirling_curvature(a) - 0.5 / a.square())

    tangent = backward


class _DigammaNext(_OfOne):
    @staticmethod
    def forward(a: Tensor) -> Tensor:  # type: ignore[override]
        # In float32 torch's takes twice the time of the recurrence in float64, and has fewer digits.
        return torch.digamma(a + 1) if _is_wide(a) else _digamma_next(wide(a)).to(a.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad * trigamma_next(ctx.saved_tensors[0])

    tangent = backward


class _GammaBregman(torch.autograd.Function):
    """`gamma_bregman`, and beside it `gamma_rise` for the backward pass, which shares nearly all of the work."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, b: Tensor, ratio: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        return _bregman_and_rise(a, b, ratio)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*inputs, output[1])
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Tensor, None, Tensor]:  # type: ignore[override]
        a, b, ratio, rise = ctx.saved_tensors
        if torch.is_grad_enabled():  # it is wanted as a function
            rise = gamma_rise(a, b, ratio)
        by_a, by_ratio = _slopes(a, b, ratio, rise)
        return grad * by_a, None, grad * by_ratio

    @staticmethod
    def tangent(ctx: Any, by_a: Tensor | None, _: Any, by_ratio: Tensor | None) -> tuple[Tensor, None]:
        a, b, ratio, *_ = ctx.saved_tensors
        slopes = _slopes(a, b, ratio, gamma_rise(a, b, ratio))
        first, *more = (slope * by for slope, by in zip(slopes, (by_a, by_ratio), strict=True) if by is not None)
        return sum(more, first), None


def _slopes(a: Tensor, b: Tensor, ratio: Tensor, rise: Tensor) -> tuple[Tensor, Tensor]:
    """The derivatives of `gamma_bregman` in the shape a and in the ratio."""
    return b / a * rise - gamma_curvature(a) * (a * torch.expm1(ratio)), b * rise
