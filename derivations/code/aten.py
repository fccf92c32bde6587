"""Reads a torch function as mathematics: traces it to its ATen graph and evaluates that graph on SymPy symbols.

`trace` records what torch really executes (operator by operator, after every Python-level convenience is gone), and
`evaluate` runs the record on NumPy object arrays of SymPy expressions, with the broadcasting rules of torch.
What comes out is the formula that the code computes, entry by entry, and nothing of it was written twice.

A float in the graph stands for an exact number. `exact` says which: a rational with a small denominator, or a
rational multiple of a named constant, such as log(2 pi) / 2, that rounds to that float. A float that is neither is
refused: it would be a formula with a rounded constant in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from derivations.code.operators import MEANING, SHAPES, Path, array, elementwise

#: Irrational constants whose rational multiples code may hold as floats.
CONSTANTS = (
    sp.pi,
    sp.sqrt(sp.pi),
    sp.sqrt(2 * sp.pi),
    sp.sqrt(2),
    sp.log(2 * sp.pi),
    sp.log(4 * sp.pi),
    sp.log(2 * sp.pi**2),
    sp.log(2),
    sp.log(sp.pi),
    1 + sp.log(2 * sp.pi),
)


def exact(number: float | int | bool) -> Any:
    """The exact number that a float in a graph stands for; raises ValueError for one that stands for none."""
    if isinstance(number, bool | np.bool_):
        return sp.true if number else sp.false
    if isinstance(number, int | np.integer):
        return sp.Integer(int(number))
    number = float(number)
    if math.isinf(number):
        return sp.oo if number > 0 else -sp.oo
    for limit in (10**4, 10**6):  # constants are looked up in between: none of them is p/q with q < 10^4
        near = Fraction(number).limit_denominator(limit)
        if float(near) == number:
            return sp.Rational(near.numerator, near.denominator)
        for constant in CONSTANTS:
            multiple = number / float(constant)
            near = Fraction(multiple).limit_denominator(16)
            if abs(near.numerator) <= 1024 and abs(multiple - float(near)) <= 5e-16 * abs(multiple):
                return sp.Rational(near.numerator, near.denominator) * constant
    if number != 0 and abs(number) < 1e-5:  # guards such as 1e-12: exact powers of ten or of two
        power = round(math.log10(abs(number)))
        if float(f"1e{power}") == abs(number):
            return sp.sign(sp.Float(number)) * sp.Rational(10) ** power
    if math.frexp(number)[0] in (0.5, -0.5):
        return sp.Rational(number)
    raise ValueError(
        f"the graph holds the float {number!r}, which is neither a rational with denominator <= 10^6 nor a "
        f"multiple of a named constant; add the constant it stands for to derivations.code.aten.CONSTANTS"
    )


def binary(number: float | int | bool) -> Any:
    """The binary number that a float holds, exactly."""
    return exact(number) if isinstance(number, bool | int) or math.isinf(number) else sp.Rational(number)


def trace(function: Callable[..., torch.Tensor], *examples: torch.Tensor) -> torch.fx.GraphModule:
    """The ATen graph that `function` executes on `examples`, which must be distinct tensors.

    The tracer knows an input by its identity, so a tensor passed twice becomes one input and two parameters of the
    formula would silently be identified; such a call raises ValueError.
    """
    if len({id(example) for example in examples}) != len(examples):
        raise ValueError("an example tensor was passed twice; the tracer would merge the two inputs: pass clones")
    graph = make_fx(lambda *inputs: function(*inputs))(*examples)  # whose defaults are no inputs
    graph.graph.eliminate_dead_code()  # such as what asks a device whether it has float64
    graph.recompile()
    return graph


class _Symbolic(torch.fx.Interpreter):
    """Runs a graph with `MEANING` in place of torch's kernels."""

    def __init__(self, graph: torch.fx.GraphModule, meanings: Mapping[str, Callable[..., Any]], literal: bool) -> None:
        super().__init__(graph)
        self.meanings = {name: elementwise(rule) for name, rule in meanings.items()}
        self.number = binary if literal else exact

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        value = super().get_attr(target, args, kwargs)
        if not isinstance(value, torch.Tensor):
            return value
        listed = np.asarray(value.detach().cpu().tolist(), dtype=object)
        if not value.dtype.is_floating_point and value.dtype != torch.bool:
            return elementwise(sp.Integer)(listed)
        return elementwise(self.number)(listed)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        if getattr(target, "__name__", "") == "getitem":
            return args[0][args[1]]
        name = target.overloadpacket.__name__ if hasattr(target, "overloadpacket") else getattr(target, "__name__", "")
        if name in self.meanings:
            return self.meanings[name](*args)
        if name not in MEANING:
            raise NotImplementedError(f"the graph calls {target}, whose meaning is not in MEANING of {__name__}")
        if name in ("full", "new_full"):
            *shape, value = args
            args = (*shape, self.number(value) if not isinstance(value, np.ndarray) else value)
        elif name not in SHAPES:
            args = tuple(self.number(a) if isinstance(a, bool | int | float) else a for a in args)
            named = ("min", "max", "alpha", "value")
            kwargs = {k: self.number(v) if k in named and v is not None else v for k, v in kwargs.items()}
        return MEANING[name](*args, **kwargs)


def branches(
    graph: torch.fx.GraphModule,
    *inputs: Any,
    meanings: Mapping[str, Callable[..., Any]] | None = None,
    literal: bool = False,
) -> list[tuple[Any, Any]]:
    """The formulas that `graph` computes, one for each way through its comparisons (where, maximum, clamp, abs).

    `inputs` are object arrays (or nested lists) of SymPy expressions. Each result comes with the condition under
    which the code takes that way; a graph without comparisons has one, with the condition true. `meanings` are the
    exact meanings of further operators on scalars. With `literal` every float is the binary number it holds.
    """
    arrays = [array(np.array(x, dtype=object)) for x in inputs]
    waiting: list[list[tuple[Any, bool]]] = [[]]
    found: list[tuple[Any, Any]] = []
    while waiting:
        path = Path(waiting.pop())
        Path.current = path
        try:
            value = _Symbolic(graph, meanings or {}, literal).run(*arrays)
        finally:
            Path.current = None
        for i in range(len(path.preset), len(path.taken)):
            waiting.append([*path.taken[:i], (path.taken[i][0], False)])
        condition = sp.And(*(c if side else sp.Not(c) for c, side in path.taken))
        found.append((condition, value))
        if len(found) > 256:
            raise ValueError("more than 256 ways through the comparisons of one graph; claim smaller pieces")
    return found


def evaluate(graph: torch.fx.GraphModule, *inputs: Any) -> np.ndarray:
    """The formula that a graph without comparisons computes; raises ValueError for one that forks."""
    ((_, value),) = branches(graph, *inputs)
    return value
