"""Smooth functions that are dear to compute, tabulated once as piecewise polynomials and as good as exact afterwards.

A function of one coordinate or two in [0, 1] is interpolated in Chebyshev nodes on a grid of boxes of equal width:
polynomials of degree 11 in float64, and of degree 4 in twice as many boxes in float32, which is a fifth of the work.
Values and derivatives of any order in every coordinate come from the same coefficients.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from hrssm.distributions.numerics.functions import apply, in_pieces

__all__ = [
    "constant_in_graphs",
    "in_float32",
    "interpolate",
    "interpolate_each",
    "outside_modes",
    "running_integral",
    "tabulate",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Degree(NamedTuple):
    """How polynomials of so many terms are found from their values in the Chebyshev nodes of a box."""

    nodes: np.ndarray
    series: np.ndarray
    powers: np.ndarray


@functools.cache
def _degree(terms: int) -> _Degree:
    degrees = np.arange(terms)
    nodes = np.cos(math.pi * (degrees + 0.5) / terms)
    # From values at the nodes to Chebyshev coefficients, and from these to coefficients of powers of a coordinate that
    # runs over [-1/2, 1/2]. In one matrix the steps would lose two digits: the second multiplies small numbers by large
    # ones.
    series = np.cos(math.pi * np.outer(degrees, degrees + 0.5) / terms) * np.where(degrees > 0, 2, 1)[:, None] / terms
    cheb = np.stack([np.pad(np.polynomial.chebyshev.cheb2poly(e), (0, terms))[:terms] for e in np.eye(terms)], 1)
    return _Degree(nodes, series, 2.0 ** degrees[:, None] * cheb)


def constant_in_graphs(function: _Function) -> _Function:
    """Mark a function whose result a compiled graph takes as a constant, so that its body is not traced.

    It sets what `torch.compiler.assume_constant_result` sets; calling that one would import the whole compiler
    wherever this package is imported.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@contextlib.contextmanager
def outside_modes() -> Iterator[None]:
    """For what is built once and kept: no mode of the caller's may leave a mark on it."""
    with _disable_current_modes(), torch.inference_mode(False), torch.no_grad(), torch.device("cpu"):
        yield


def _grid(boxes: int, dtype: torch.dtype) -> tuple[int, int]:
    """How many boxes, of so many given for float64, and terms a table of this dtype has along a coordinate."""
    return (boxes, 12) if dtype == torch.float64 else (2 * boxes, 5)


def tabulate(
    function: Callable[..., Tensor], *boxes: int, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
) -> Tensor:
    """The coefficients, (boxes, ..., terms, ...), of a function of one coordinate in [0, 1] per entry of `boxes`.

    The function is given each coordinate's nodes as a float64 vector, on the CPU, and returns its values on their grid,
    to which more axes may follow.
    """
    with outside_modes():
        counts = [_grid(n, dtype) for n in boxes]
        axes = [
            torch.from_numpy(((np.arange(n)[:, None] + (_degree(terms).nodes + 1) / 2) / n).flatten())
            for n, terms in counts
        ]
        values = function(*axes)
        values = values.reshape([size for count in counts for size in count] + [*values.shape[len(boxes) :]])
        for axis, (_, terms) in enumerate(counts):
            for matrix in (_degree(terms).series, _degree(terms).powers):
                values = (values.movedim(2 * axis + 1, -1) @ torch.from_numpy(matrix.T)).movedim(-1, 2 * axis + 1)
        grid = 2 * len(boxes)
        order = [*range(0, grid, 2), *range(1, grid, 2), *range(grid, values.dim())]
        return values.permute(order).to(device, dtype).contiguous()


def in_float32(table: Tensor, device: torch.device) -> Tensor:
    """The table in float32 of the function of a float64 table."""
    axes = table.dim() // 2
    return tabulate(
        lambda *places: interpolate(table, *torch.meshgrid(*places, indexing="ij")),
        *table.shape[:axes],
        dtype=torch.float32,
        device=device,
    )


def running_integral(values: Tensor, boxes: int) -> Tensor:
    """The integral from 0 to each node, of values (..., boxes * terms) at the nodes of one coordinate."""
    boxed = values.unflatten(-1, (boxes, -1))
    degree = _degree(boxed.shape[-1])
    series = [np.polynomial.chebyshev.chebint(column, lbnd=-1) / (2 * boxes) for column in degree.series.T]
    within, whole = (
        torch.from_numpy(np.stack([np.polynomial.chebyshev.chebval(x, c) for c in series])) for x in (degree.nodes, 1.0)
    )
    before = (boxed @ whole).cumsum(-1)
    return (boxed @ within + torch.nn.functional.pad(before[..., :-1], (1, 0)).unsqueeze(-1)).flatten(-2)


def interpolate(coefficients: Tensor, x: Tensor, y: Tensor | None = None, *, order: int = 0) -> Tensor:
    """The tabulated function of one coordinate or two (...), or a derivative of it in the first coordinate.

    Differentiable; NaN where a coordinate is NaN.
    Coordinates are for the caller to hold within [0, 1]: outside, the outermost polynomial goes on.
    """
    if y is not None:
        x, y = torch.broadcast_tensors(x, y)
    return _derivative(coefficients, x, y, order, 0)


def interpolate_each(coefficients: Tensor, x: Tensor) -> Tensor:
    """Several functions of one coordinate (...), tabulated together along a last axis: (..., functions)."""
    box, offset = _in_box(x.reshape(-1), coefficients.shape[0])
    basis = torch.linalg.vander(offset, N=coefficients.shape[1]).unsqueeze(1)
    return torch.bmm(basis, coefficients.index_select(0, box)).reshape(*x.shape, -1)


def _derivative(coefficients: Tensor, x: Tensor, y: Tensor | None, by_x: int, by_y: int) -> Tensor:
    """The derivative of these orders, with the slopes that its backward pass needs."""
    slopes = (torch.is_grad_enabled() and place is not None and place.requires_grad for place in (x, y))
    return apply(_Interpolate, coefficients, x, y, by_x, by_y, *slopes)[0]


class _Interpolate(torch.autograd.Function):
    """A derivative of an interpolated function, and beside it that of one order more in the coordinates that need it.

    autograd would keep the coefficients of every element, and this way they are gathered once.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(  # type: ignore[override]
        coefficients: Tensor, x: Tensor, y: Tensor | None, by_x: int, by_y: int, slope_x: bool, slope_y: bool
    ) -> tuple[Tensor, ...]:
        places = [place for place in (x, y) if place is not None]
        orders, slopes = (by_x, by_y), (slope_x, slope_y)
        return in_pieces(lambda *piece: _piece(coefficients, piece, orders, slopes), 8192, *places)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        coefficients, x, y, by_x, by_y, slope_x, slope_y = inputs
        ctx.orders = by_x, by_y
        ctx.beside = [axis for axis, given in enumerate((slope_x, slope_y)) if given]
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(coefficients, x, y, *output[1:])
        ctx.save_for_forward(coefficients, x, y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        slopes = {axis: ctx.saved_tensors[3 + n] for n, axis in enumerate(ctx.beside)}
        if torch.is_grad_enabled():  # they are wanted as functions
            slopes = {}
        needs_x, needs_y = ctx.needs_input_grad[1:3]
        by = [grad * _slope(ctx, axis, slopes) if needed else None for axis, needed in enumerate((needs_x, needs_y))]
        return None, *by, None, None, None, None

    @staticmethod
    def tangent(
        ctx: Any, _: Any, along_x: Tensor | None, along_y: Tensor | None, *__: Any
    ) -> tuple[Tensor | None, ...]:
        first, *more = (by * _slope(ctx, axis, {}) for axis, by in enumerate((along_x, along_y)) if by is not None)
        return sum(more, first), *(None for _ in ctx.beside)


def _slope(ctx: Any, axis: int, known: dict[int, Tensor]) -> Tensor:
    if axis in known:
        return known[axis]
    coefficients, x, y, *_ = ctx.saved_tensors
    by_x, by_y = ctx.orders
    return _derivative(coefficients, x, y, by_x + (axis == 0), by_y + (axis == 1))


def _piece(
    coefficients: Tensor, places: Sequence[Tensor], orders: Sequence[int], slopes: Sequence[bool]
) -> list[Tensor]:
    """Of coordinates (N) the derivative of these orders, and those of one order more that are asked for."""
    boxes, terms = coefficients.shape[: len(places)], coefficients.shape[-1]
    placed = [_in_box(place, count) for place, count in zip(places, boxes, strict=True)]
    found, offsets = [box for box, _ in placed], [offset for _, offset in placed]
    index = found[0] if len(found) == 1 else found[0] * boxes[1] + found[1]
    rows = coefficients.flatten(0, len(places) - 1).index_select(0, index)

    def within(order: int) -> Sequence[Tensor]:
        """What is left for the first coordinate, (N) for each power."""
        if len(places) == 1:
            return rows.unbind(-1)
        powers = boxes[1] ** order * _differentiated(torch.linalg.vander(offsets[1], N=terms), order)
        return torch.bmm(rows, powers.unsqueeze(-1)).squeeze(-1).unbind(-1)

    inner = within(orders[1])
    values = [_polynomial(inner, offsets[0], orders[0], boxes[0])]
    if slopes[0]:
        values.append(_polynomial(inner, offsets[0], orders[0] + 1, boxes[0]))
    if slopes[1]:
        values.append(_polynomial(within(orders[1] + 1), offsets[0], orders[0], boxes[0]))
    return values


def _polynomial(coefficients: Sequence[Tensor], t: Tensor, order: int, scale: int) -> Tensor:
    """A derivative of the polynomial in t with these coefficients, t being `scale` times the variable."""
    for _ in range(order):
        coefficients = [scale * n * c for n, c in enumerate(coefficients)][1:]
    *rest, total = coefficients
    for c in reversed(rest):
        total = torch.addcmul(c, total, t)
    return total


def _in_box(place: Tensor, boxes: int) -> tuple[Tensor, Tensor]:
    """The box of a place in [0, 1], and where it is in the box, from its middle."""
    scaled = place * boxes
    box = scaled.long().clamp(0, boxes - 1)
    return box, scaled - box - 0.5


def _differentiated(powers: Tensor, order: int) -> Tensor:
    """The derivatives of powers, (N, terms)."""
    degrees = torch.arange(powers.shape[-1], dtype=powers.dtype, device=powers.device)
    for _ in range(order):
        powers = degrees * torch.nn.functional.pad(powers[:, :-1], (1, 0))
    return powers
