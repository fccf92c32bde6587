"""The derivatives that `hrssm` writes by hand: each backward pass is the derivative of what its function means.

A `torch.autograd.Function` takes its derivative from a formula of its own, which the proof of its values does not see.
Here the whole pass is traced, from the upstream gradient to what reaches an argument, and compared with the derivative
of the exact meaning that `derivations.guarded` proves for the function.
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOperatorIssue=false

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import sympy as sp
import torch
from torch import Tensor

import hrssm.distributions
from derivations import aten, guarded
from derivations.code_rewrites import close
from derivations.primitives import Examination, function_of, opaque

#: Functions with a backward pass of their own, and the guarded function whose values they give.
SLOPES = {
    "hrssm.distributions.stable._ExpGap": "hrssm.distributions.stable.exp_gap",
    "hrssm.distributions.stable._LogRatio": "hrssm.distributions.stable.log_ratio",
    "hrssm.distributions.gamma_functions._DigammaNext": "hrssm.distributions.gamma_functions.digamma_next",
}
#: Those whose values are no closed form, and why their derivative is none either.
NUMERIC = {
    "hrssm.distributions.tables._Interpolate": "an interpolation; tests compare its derivative with finite differences",
}


def functions() -> Iterator[str]:
    """Every class of the geometry and the distributions that has a backward pass of its own."""
    rooms = [m.name for m in pkgutil.iter_modules(hrssm.distributions.__path__, "hrssm.distributions.")]
    for room in ("hrssm.geometry", *rooms):
        for name, value in vars(importlib.import_module(room)).items():
            if isinstance(value, type) and issubclass(value, torch.autograd.Function) and value.__module__ == room:
                yield f"{room}.{name}"


def trace(function: torch.autograd.Function, index: int, upstream: Tensor, *inputs: Tensor) -> torch.fx.GraphModule:
    """The graph from the upstream gradient and the inputs of a function to the gradient of input `index`."""

    def pull(given: Tensor, *values: Tensor) -> Tensor:
        leaves = [value.detach().requires_grad_() for value in values]
        return torch.autograd.grad(function.apply(*leaves), leaves, given)[index]

    graph = aten.trace(pull, upstream, *inputs)
    graph.graph.eliminate_dead_code()  # the values, of which the derivative needs none
    graph.recompile()
    return graph


def examine(name: str) -> Examination:
    """Prove that the backward pass of a function is the derivative of its meaning, in every argument and branch."""
    primitive = guarded.PRIMITIVES[SLOPES[name]]
    others = {other: guarded.meaning(other) for other in guarded.PRIMITIVES if other != primitive.name}
    for other in others:
        if guarded.examine(other).verdict != "true":
            return Examination(name, "unknown", 0, 0.0, f"{other} is not proved")
    arguments = sp.symbols(f"x:{primitive.arguments}", positive=True)
    upstream = sp.Symbol("g", real=True)
    examples = [torch.tensor(0.75 + 0.5 * i, dtype=torch.float64) for i in range(len(arguments) + 1)]
    ways = 0
    for index, x in enumerate(arguments):
        with opaque(others) as table:
            graph = trace(function_of(name), index, *examples)
        wanted = upstream * sp.diff(primitive.meaning(*arguments), x)
        for condition, value in aten.branches(graph, upstream, *arguments, meanings=table):
            ways += 1
            if close(value.item(), wanted) is None:
                detail = f"the derivative in argument {index} on {condition} is {value.item()}, not {wanted}"
                return Examination(name, "false", ways, 0.0, detail)
    return Examination(name, "true", ways, 0.0)
