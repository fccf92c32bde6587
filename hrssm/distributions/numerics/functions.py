"""Functions whose derivatives are written by hand, in reverse mode and in forward mode."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["apply", "in_pieces"]


def apply(function: type[torch.autograd.Function], *inputs: Any) -> Any:
    """`function.apply`, with the rule for forward mode that the class has under the name `tangent`.

    Not as its `jvp`: torch.compile refuses a function that has one, so in a compiled graph it has none.
    """
    return (function if torch.compiler.is_compiling() else _with_forward_mode(function)).apply(*inputs)


@functools.cache
def _with_forward_mode(function: Any) -> type[torch.autograd.Function]:
    return type(function.__name__, (function,), {"jvp": staticmethod(function.tangent)})


def in_pieces(function: Callable[..., Sequence[Tensor]], size: int, *inputs: Tensor) -> tuple[Tensor, ...]:
    """An elementwise function of inputs of one shape, of so many elements at a time.

    Few enough for what is computed of each to stay in the processor's cache.
    """
    shape = inputs[0].shape
    if inputs[0].numel() <= size:
        return tuple(found.reshape(shape) for found in function(*(x.reshape(-1) for x in inputs)))
    pieces = zip(*(x.reshape(-1).split(size) for x in inputs), strict=True)
    found = [function(*piece) for piece in pieces]
    return tuple(torch.cat(parts).reshape(shape) for parts in zip(*found, strict=True))
