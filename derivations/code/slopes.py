"""The derivatives that `hrssm` writes by hand: each backward pass is the derivative of what its function means.

A `torch.autograd.Function` takes its derivative from a formula of its own, which the proof of its values does not see.
Here the whole pass is traced, from the upstream gradient to what reaches an argument, and compared with the derivative
of the exact meaning that `derivations.code.guarded.table` proves for the function.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
import torch
from torch import Tensor

import hrssm.distributions
import hrssm.geometry
from derivations.code import aten
from derivations.code.guarded import table as guarded
from derivations.code.guarded.primitive import Examination, function_of, on_branch, opaque, pieces
from derivations.code.proof import examples
from derivations.code.rewrites import close


@dataclass(frozen=True)
class Slope:
    """What a function with a backward pass of its own means.

    `meaning` takes the symbols of its inputs, one symbol or one list for each tensor, to the entries of its result.
    `known` are values that some of them have wherever the function is called; they are put in after differentiation.
    """

    inputs: Sequence[Any]
    meaning: Callable[..., Sequence[sp.Expr]]
    known: Mapping[sp.Symbol, Any] = field(default_factory=dict)


def _of(name: str) -> Slope:
    """The meaning of a guarded function, which `derivations.code.guarded.table` proves."""
    primitive = guarded.PRIMITIVES[name]
    arguments = sp.symbols(f"x:{primitive.arguments}", positive=True)
    return Slope(arguments, lambda *x: [primitive.meaning(*x)])


def _polar(loc: Any, radius: Any, up: Any, down: Any, side: Any) -> list[sp.Expr]:
    """loc . (tau, b) with e^(-tau) = up e^(-r) + down e^r and b = sinh(r) e^tau u_b; a claim proves the value."""
    r = radius[0]
    fall = up[0] * sp.exp(-r) + down[0] * sp.exp(r)
    fibre = [b + sp.exp(loc[0]) * sp.sinh(r) / fall * u for b, u in zip(loc[1:], side, strict=True)]
    return [loc[0] - sp.log(fall), *fibre]


_DISTRIBUTIONS = "hrssm.distributions"
_NUMERICS = f"{_DISTRIBUTIONS}.numerics"
_GAMMA = f"{_NUMERICS}.gamma_functions"
_A, _B, _R = sp.Symbol("a", positive=True), sp.Symbol("b", positive=True), sp.Symbol("r", real=True)
_LOC, _SIDE = sp.symbols("t:3", real=True), sp.symbols("u:2", real=True)
_RADIUS, _UP, _DOWN = (sp.symbols(f"{x}:1", positive=True) for x in ("r", "up", "down"))
#: Functions with a backward pass of their own, and what they mean.
SLOPES = {
    f"{_NUMERICS}.stable._ExpGap": _of(f"{_NUMERICS}.stable.exp_gap"),
    f"{_NUMERICS}.stable._LogRatio": _of(f"{_NUMERICS}.stable.log_ratio"),
    f"{_GAMMA}._DigammaNext": _of(f"{_GAMMA}.digamma_next"),
    f"{_GAMMA}._DigammaGap": _of(f"{_GAMMA}.digamma_gap"),
    f"{_GAMMA}._Stirling": _of(f"{_GAMMA}.stirling"),
    f"{_GAMMA}._StirlingSlope": _of(f"{_GAMMA}.stirling_slope"),
    # b is a e^r, and what changes with it is counted as the ratio's
    f"{_GAMMA}._GammaBregman": Slope(
        (_A, _B, _R),
        lambda a, b, r: [guarded.PRIMITIVES[f"{_GAMMA}.gamma_bregman"].meaning(a, a * sp.exp(r), r)],
        {_B: _A * sp.exp(_R)},
    ),
    f"{_DISTRIBUTIONS}.riemannian_normal._Polar": Slope(
        (_LOC, _RADIUS, _UP, _DOWN, _SIDE), _polar, {_DOWN[0]: 1 - _UP[0]}
    ),
}
#: Those whose values are no closed form, and why their derivative is none either.
NUMERIC = {
    f"{_NUMERICS}.tables._Interpolate": "polynomials from a table, differentiated as polynomials",
    f"{_NUMERICS}.radial._Cumulants": "cumulants from a table, of which each is the derivative of the one before",
}
#: Bases of such functions, which are none themselves.
_BASES = {f"{_GAMMA}._OfOne"}


def functions() -> Iterator[str]:
    """Every class of the geometry and the distributions that has a backward pass of its own."""
    rooms = [
        found.name
        for package in (hrssm.geometry, hrssm.distributions)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for room in rooms:
        for name, value in vars(importlib.import_module(room)).items():
            own = isinstance(value, type) and issubclass(value, torch.autograd.Function) and value.__module__ == room
            if own and f"{room}.{name}" not in _BASES:
                yield f"{room}.{name}"


def trace(function: torch.autograd.Function, index: int, upstream: Tensor, *inputs: Tensor) -> torch.fx.GraphModule:
    """The graph from the upstream gradient and the inputs of a function to the gradient of input `index`."""

    def pull(given: Tensor, *values: Tensor) -> Tensor:
        leaves = [value.detach().requires_grad_() for value in values]
        result = function.apply(*leaves)
        # A slope that was found with the value is taken as a function again.
        value = result[0] if isinstance(result, tuple) else result
        found = torch.autograd.grad(value, leaves, given, create_graph=True, materialize_grads=True)
        return found[index].detach()

    return aten.trace(pull, upstream, *inputs)


def examine(name: str) -> Examination:
    """Prove that the backward pass of a function is the derivative of its meaning, in every argument and branch."""
    slope = SLOPES[name]
    others = {other: guarded.meaning(other) for other in guarded.PRIMITIVES if guarded.PRIMITIVES[other].arguments != 2}
    result = slope.meaning(*slope.inputs)
    shape = np.shape(slope.inputs[0])
    upstream = np.array(sp.symbols(f"g:{len(result)}", real=True), dtype=object).reshape(shape)
    total = sp.Add(*(g * y for g, y in zip(upstream.flat, result, strict=True)))
    numbers, ways = examples([upstream, *slope.inputs]), 0
    for index, given in enumerate(slope.inputs):
        with opaque(others) as table:
            graph = trace(function_of(name), index, *numbers)
        called = {
            node.target.overloadpacket.__name__ for node in graph.graph.nodes if hasattr(node.target, "overloadpacket")
        }
        for other in (other for other in others if other.replace(".", "_") in called):
            if guarded.examine(other).verdict != "true":
                return Examination(name, "unknown", ways, 0.0, f"{other} is not proved")
        for condition, value in aten.branches(graph, upstream, *slope.inputs, meanings=table):
            for found, x in zip(value.flat, np.array(given, dtype=object).flat, strict=True):
                wanted, found = (sp.sympify(e).subs(slope.known) for e in (sp.diff(total, x), found))
                for piece in pieces(wanted, condition):
                    ways += 1
                    if close(on_branch(found, piece), on_branch(wanted, piece)) is None:
                        detail = f"the derivative in {x} on {piece} is {found}, not {wanted}"
                        return Examination(name, "false", ways, 0.0, detail)
    return Examination(name, "true", ways, 0.0)
