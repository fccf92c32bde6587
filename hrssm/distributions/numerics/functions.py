"""Functions whose derivatives are written by hand, in reverse mode and in forward mode."""

from __future__ import annotations

import functools
from typing import Any

import torch

__all__ = ["apply"]


def apply(function: type[torch.autograd.Function], *inputs: Any) -> Any:
    """`function.apply`, with the rule for forward mode that the class has under the name `tangent`.

    Not as its `jvp`: torch.compile refuses a function that has one, so in a compiled graph it has none.
    """
    return (function if torch.compiler.is_compiling() else _with_forward_mode(function)).apply(*inputs)


@functools.cache
def _with_forward_mode(function: Any) -> type[torch.autograd.Function]:
    return type(function.__name__, (function,), {"jvp": staticmethod(function.tangent)})
