"""Smooth functions that are dear to compute, tabulated once as piecewise polynomials and as good as exact afterwards.

A function is interpolated in Chebyshev nodes on a grid of unit boxes, in float64: its coordinates run from 0 to the
number of boxes. Values and derivatives of any order in every coordinate come from the same coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

__all__ = ["constant_in_graphs", "interpolate", "powers", "running_integral", "tabulate"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Polynomials of degree 11 in each coordinate: boxes a few times smaller than the distance to the function's nearest
# complex singularity then reach rounding error.
_TERMS = 12
# Elements taken at a time: few enough for their coefficients to stay in the processor's cache.
_PIECE = 8192
_DEGREES = np.arange(_TERMS)
_NODES = np.cos(math.pi * (_DEGREES + 0.5) / _TERMS)
# From values at the nodes to Chebyshev coefficients, and from these to coefficients of powers. In one matrix the
# steps would lose two digits: the second multiplies small numbers by large ones.
_SERIES = np.cos(math.pi * np.outer(_DEGREES, _DEGREES + 0.5) / _TERMS) * np.where(_DEGREES > 0, 2, 1)[:, None] / _TERMS
_POWERS = np.stack([np.pad(np.polynomial.chebyshev.cheb2poly(e), (0, _TERMS))[:_TERMS] for e in np.eye(_TERMS)], 1)
_POWERS = 2.0 ** _DEGREES[:, None] * _POWERS  # powers of a coordinate that runs over [-1/2, 1/2]


def constant_in_graphs(function: _Function) -> _Function:
    """Mark a function whose result a compiled graph takes as a constant, so that its body is not traced.

    It sets what `torch.compiler.assume_constant_result` sets; calling that one would import the whole compiler
    wherever this package is imported.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def tabulate(function: Callable[..., Tensor], *boxes: int, device: torch.device | str = "cpu") -> Tensor:
    """The coefficients, (*boxes, 12, ...), of a function of one float64 coordinate per entry of `boxes`.

    The function is given each coordinate's nodes as a vector, on the CPU, and returns its values on their grid, to
    which more axes may follow.
    """
    # Built once and kept: neither the caller's inference mode nor its default device may leave a mark on a table.
    with torch.inference_mode(False), torch.no_grad(), torch.device("cpu"):
        axes = [torch.from_numpy(np.arange(n)[:, None] + (_NODES + 1) / 2).flatten() for n in boxes]
        values = function(*axes)
        values = values.reshape([size for n in boxes for size in (n, _TERMS)] + [*values.shape[len(boxes) :]])
        for axis in range(1, 2 * len(boxes), 2):
            for matrix in (_SERIES, _POWERS):
                values = (values.movedim(axis, -1) @ torch.from_numpy(matrix.T)).movedim(-1, axis)
        grid = 2 * len(boxes)
        return (
            values.permute([*range(0, grid, 2), *range(1, grid, 2), *range(grid, values.dim())]).contiguous().to(device)
        )


def powers(t: Tensor) -> Tensor:
    """1, t, ..., t^11, (..., 12): with t the place in a box less its middle, what the coefficients multiply."""
    return torch.linalg.vander(t, N=_TERMS)


def running_integral(values: Tensor) -> Tensor:
    """The integral from 0 to each node, of values (..., boxes * 12) at the nodes of one coordinate."""
    series = [np.polynomial.chebyshev.chebint(column, lbnd=-1) / 2 for column in _SERIES.T]
    within, whole = (
        torch.from_numpy(np.stack([np.polynomial.chebyshev.chebval(x, c) for c in series])) for x in (_NODES, 1.0)
    )
    boxed = values.unflatten(-1, (-1, _TERMS))
    before = (boxed @ whole).cumsum(-1)
    return (boxed @ within + torch.nn.functional.pad(before[..., :-1], (1, 0)).unsqueeze(-1)).flatten(-2)


def interpolate(coefficients: Tensor, x: Tensor, y: Tensor | None = None) -> Tensor:
    """The tabulated function of one coordinate or two (...), differentiable; NaN where a coordinate is NaN.

    Coordinates are for the caller to hold within the boxes: outside, the outermost polynomial goes on.
    """
    if y is not None:
        x, y = torch.broadcast_tensors(x, y)
    boxes = tuple(coefficients.shape[: 1 if y is None else 2])
    return _Interpolate.apply(coefficients.flatten(0, len(boxes) - 1), boxes, x, y)  # type: ignore[no-any-return]


class _Interpolate(torch.autograd.Function):
    # autograd would keep the gathered coefficients of every element; the slopes are as cheap as the value.
    generate_vmap_rule = True

    @staticmethod
    def forward(coefficients: Tensor, boxes: tuple[int, ...], x: Tensor, y: Tensor | None) -> Tensor:  # type: ignore[override]
        return _derivative(coefficients, boxes, x, y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        coefficients, ctx.boxes, x, y = inputs
        ctx.save_for_backward(coefficients, x, y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        coefficients, x, y = ctx.saved_tensors
        _, _, by_x, by_y = ctx.needs_input_grad
        return (
            None,
            None,
            grad * _derivative(coefficients, ctx.boxes, x, y, (1, 0)) if by_x else None,
            grad * _derivative(coefficients, ctx.boxes, x, y, (0, 1)) if by_y else None,
        )


def _derivative(
    coefficients: Tensor, boxes: tuple[int, ...], x: Tensor, y: Tensor | None, orders: tuple[int, int] = (0, 0)
) -> Tensor:
    """The derivative of these orders, by operations that autograd can follow further."""
    places = [place.reshape(-1) for place in (x, y) if place is not None]
    if x.numel() <= _PIECE:
        return _piece(coefficients, boxes, places, orders).reshape(x.shape)
    pieces = zip(*(place.split(_PIECE) for place in places), strict=True)
    return torch.cat([_piece(coefficients, boxes, piece, orders) for piece in pieces]).reshape(x.shape)


def _piece(coefficients: Tensor, boxes: tuple[int, ...], places: Sequence[Tensor], orders: tuple[int, int]) -> Tensor:
    found = [place.long().clamp(0, count - 1) for place, count in zip(places, boxes, strict=True)]
    bases = [_differentiated(place - box - 0.5, n) for place, box, n in zip(places, found, orders, strict=False)]
    index = found[0] if len(found) == 1 else found[0] * boxes[1] + found[1]
    values = coefficients.index_select(0, index)
    for basis in bases[:0:-1]:
        values = torch.bmm(values, basis.unsqueeze(-1)).squeeze(-1)
    return (values * bases[0]).sum(-1)


def _differentiated(t: Tensor, order: int) -> Tensor:
    """The derivatives of the powers of t (N), (N, 12)."""
    derivatives = powers(t)
    for _ in range(order):
        degrees = torch.arange(_TERMS, dtype=t.dtype, device=t.device)
        derivatives = degrees * torch.nn.functional.pad(derivatives[:, :-1], (1, 0))
    return derivatives
