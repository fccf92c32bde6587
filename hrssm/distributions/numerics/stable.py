"""Elementary functions that keep their digits where two nearly equal numbers would be subtracted."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from hrssm.distributions.numerics.functions import apply

__all__ = ["exp_gap", "held", "log_cosh", "log_ratio"]

# sinh(x) - x = x^3 times this polynomial in x^2
_SINH_GAP = [1 / math.factorial(n) for n in range(3, 17, 2)]


def exp_gap(x: Tensor) -> Tensor:
    """exp(x) - 1 - x, never negative, to full relative accuracy; its derivative is expm1(x).

    For |x| < 1/2 it is 2 sinh(x / 2)^2 + (sinh(x) - x), the bracket by its Taylor polynomial of degree 15 (9 in
    float32), whose remainder is below 2e-19 (2e-10) of the value; beyond, the difference itself.
    """
    return apply(_ExpGap, x)


def log_ratio(a: Tensor, b: Tensor) -> Tensor:
    """log(a / b) for positive a and b, to full relative accuracy where they are nearly equal.

    Both branches are the same function: log1p((a - b) / b) keeps the digits of a - b, log(a / b) those of a
    ratio far from 1.
    """
    return apply(_LogRatio, *torch.broadcast_tensors(a, b))


def held(exponent: Tensor, like: Tensor) -> Tensor:
    """An exponent, held where its exponential, times 1e8, leaves the range of the dtype of `like`.

    For a factor of what may be 0, where an infinity would give NaN. Of a number to which the factor is applied twice,
    half of the exponent each time, nothing sees the hold: it is 0, or its square is out of range all the same.
    """
    return exponent.clamp_max(math.floor(math.log(torch.finfo(like.dtype).max)) - 20)


def log_cosh(x: Tensor) -> Tensor:
    """log(cosh(x)), without overflow."""
    return x.abs() + torch.log1p(torch.exp(-2 * x.abs())) - math.log(2)


# The derivatives are written out, not left to differentiate through both branches of every `where`: they are as
# accurate, and cost one operation where the polynomial's would cost twenty.


class _ExpGap(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:  # type: ignore[override]
        square = x * x
        *rest, before, last = _SINH_GAP if x.dtype == torch.float64 else _SINH_GAP[:4]
        odd = square * last + before
        for coefficient in reversed(rest):
            odd = odd * square + coefficient
        half = torch.sinh(x / 2)
        near = 2 * half * half + odd * square * x
        return torch.where(x.abs() < 0.5, near, torch.expm1(x) - x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad * torch.expm1(ctx.saved_tensors[0])

    @staticmethod
    def tangent(ctx: Any, tangent: Tensor) -> Tensor:
        return tangent * torch.expm1(ctx.saved_tensors[0])


class _LogRatio(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:  # type: ignore[override]
        difference = (a - b) / b
        near = difference.abs() < 0.5
        return torch.where(near, torch.log1p(difference), torch.log(a / b))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        a, b = ctx.saved_tensors
        return (grad / a if ctx.needs_input_grad[0] else None, -grad / b if ctx.needs_input_grad[1] else None)

    @staticmethod
    def tangent(ctx: Any, by_a: Tensor | None, by_b: Tensor | None) -> Tensor:
        a, b = ctx.saved_tensors
        rise = torch.zeros_like(a) if by_a is None else by_a / a
        return rise if by_b is None else rise - by_b / b
