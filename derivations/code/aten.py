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
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
import torch
from torch.fx.experimental.proxy_tensor import make_fx

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
    return make_fx(lambda *inputs: function(*inputs))(*examples)  # whose defaults are no inputs


def _elementwise(rule: Callable[..., Any]) -> Callable[..., np.ndarray]:
    return lambda *args, **_: _array(np.frompyfunc(rule, len(args), 1)(*args))


def _array(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value
    out = np.empty(np.shape(value), dtype=object)
    out[...] = value
    return out


def _sum(x: np.ndarray, dim: Any = None, keepdim: bool = False, **_: Any) -> np.ndarray:
    if dim is None or (isinstance(dim, list | tuple) and len(dim) == 0):
        axes = tuple(range(x.ndim))
    else:
        axes = tuple(dim) if isinstance(dim, list | tuple) else (dim,)
    return _array(np.sum(x, axis=axes, keepdims=keepdim)) if axes else x


def _mean(x: np.ndarray, dim: Any = None, keepdim: bool = False, **_: Any) -> np.ndarray:
    total = _sum(x, dim, keepdim)
    return _array(total * sp.Rational(total.size, x.size))


def _norm(x: np.ndarray, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> np.ndarray:
    if float(ord) != 2:
        raise NotImplementedError(f"a vector norm of order {ord}; only 2 is read")
    return _elementwise(sp.sqrt)(_sum(_array(x * x), dim, keepdim))


def _select(x: np.ndarray, dim: int, index: int) -> np.ndarray:
    return _array(np.take(x, index, axis=dim))


def _slice(x: np.ndarray, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> np.ndarray:
    where: list[slice] = [slice(None)] * x.ndim
    where[dim] = slice(start, None if end is None or end > 2**62 else end, step)
    return x[tuple(where)]


def _expand(x: np.ndarray, size: Sequence[int], **_: Any) -> np.ndarray:
    lead = len(size) - x.ndim
    shape = [x.shape[i - lead] if n == -1 else n for i, n in enumerate(size)]
    return _array(np.broadcast_to(x, shape))


def _squeeze(x: np.ndarray, dim: Any = None) -> np.ndarray:
    axes = range(x.ndim) if dim is None else (dim if isinstance(dim, list | tuple) else (dim,))
    return _array(np.squeeze(x, axis=tuple(a for a in axes if x.shape[a] == 1)))


def _full(size: Sequence[int], value: Any, **_: Any) -> np.ndarray:
    out = np.empty(tuple(size), dtype=object)
    out[...] = value
    return out


class _Path:
    """One way through the branches of a graph: the comparisons met so far, each with the side taken."""

    current: _Path | None = None

    def __init__(self, taken: list[tuple[Any, bool]]) -> None:
        self.taken, self.preset = [], list(taken)

    def known(self, comparison: Any) -> bool | None:
        """The side taken at this comparison before, if it was met."""
        for known, side in self.taken:
            if comparison == known:
                return side
            if comparison == sp.Not(known):
                return not side
        return None

    def side(self, comparison: Any) -> bool:
        known = self.known(comparison)
        if known is not None:
            return known
        side = self.preset[len(self.taken)][1] if len(self.taken) < len(self.preset) else True
        self.taken.append((comparison, side))
        return side


def _holds(condition: Any) -> bool:
    """Whether a condition holds on the current path; an undecided comparison forks the path."""
    if isinstance(condition, bool | np.bool_):
        return bool(condition)
    if condition in (sp.true, sp.false):
        return condition == sp.true
    if isinstance(condition, sp.Not):
        return not _holds(condition.args[0])
    if isinstance(condition, sp.And):
        known = _Path.current.known if _Path.current else lambda _: None
        return not any(known(c) is False for c in condition.args) and all(_holds(c) for c in condition.args)
    if isinstance(condition, sp.Or):
        return any(_holds(c) for c in condition.args)
    if _Path.current is None:
        raise ValueError(f"the comparison {condition} forks the formula; evaluate it with `branches`")
    return _Path.current.side(condition)


def _choose(condition: Any, yes: Any, no: Any) -> Any:
    return yes if yes == no or _holds(condition) else no


def _compare(relation: Any, a: Any, b: Any) -> Any:
    try:
        return relation(a, b)
    except TypeError:  # SymPy's attempt to decide a long comparison can run into nan
        return relation(a, b, evaluate=False)


def _larger(a: Any, b: Any) -> Any:
    return _choose(_compare(sp.Ge, a, b), a, b)


def _smaller(a: Any, b: Any) -> Any:
    return _choose(_compare(sp.Le, a, b), a, b)


def _magnitude(x: Any) -> Any:
    value = sp.Abs(x)
    return value if not value.has(sp.Abs) else _choose(sp.Ge(x, 0), x, -x)


def _sign(x: Any) -> Any:
    value = sp.sign(x)
    return value if value.is_number else _choose(sp.Ge(x, 0), sp.Integer(1), sp.Integer(-1))  # torch: sign(0) = 0


def _clamp(x: np.ndarray, low: Any = None, high: Any = None, **named: Any) -> np.ndarray:
    low, high = named.get("min", low), named.get("max", high)
    if low is not None:
        x = _elementwise(_larger)(x, low)
    return x if high is None else _elementwise(_smaller)(x, high)


def _logsumexp(x: np.ndarray, dim: Any, keepdim: bool = False) -> np.ndarray:
    return _elementwise(sp.log)(_sum(_elementwise(sp.exp)(x), dim, keepdim))


def _softplus(x: Any) -> Any:
    return sp.log(1 + sp.exp(x))


def _index(x: np.ndarray, indices: Sequence[Any]) -> np.ndarray:
    at = tuple(slice(None) if i is None else np.asarray(i, dtype=np.int64) for i in indices)
    return _array(x[at])


def _same(x: Any, *_: Any, **__: Any) -> np.ndarray:
    return _array(x)


#: What each ATen operator means. The name is the operator's packet; overloads (Tensor, Scalar, ...) share a meaning.
MEANING: dict[str, Callable[..., Any]] = {
    "add": lambda x, y, alpha=1, **_: _array(x + y * alpha),
    "sub": lambda x, y, alpha=1, **_: _array(x - y * alpha),
    "rsub": lambda x, y, alpha=1, **_: _array(y - x * alpha),
    "mul": lambda x, y: _array(x * y),
    "div": lambda x, y: _array(x / y),
    "reciprocal": lambda x: _array(1 / x),
    "neg": lambda x: _array(-x),
    "pow": _elementwise(lambda x, y: sp.Pow(x, y)),
    "square": lambda x: _array(x * x),
    "sqrt": _elementwise(sp.sqrt),
    "rsqrt": _elementwise(lambda x: 1 / sp.sqrt(x)),
    "exp": _elementwise(sp.exp),
    "exp2": _elementwise(lambda x: sp.Integer(2) ** x),
    "expm1": _elementwise(lambda x: sp.exp(x) - 1),
    "log": _elementwise(sp.log),
    "log1p": _elementwise(lambda x: sp.log(1 + x)),
    "log2": _elementwise(lambda x: sp.log(x) / sp.log(2)),
    "sinh": _elementwise(sp.sinh),
    "cosh": _elementwise(sp.cosh),
    "tanh": _elementwise(sp.tanh),
    "asinh": _elementwise(sp.asinh),
    "acosh": _elementwise(sp.acosh),
    "atanh": _elementwise(sp.atanh),
    "sin": _elementwise(sp.sin),
    "cos": _elementwise(sp.cos),
    "atan2": _elementwise(sp.atan2),
    "erf": _elementwise(sp.erf),
    "erfc": _elementwise(sp.erfc),
    "special_erfcx": _elementwise(lambda x: sp.exp(x**2) * sp.erfc(x)),
    "special_log_ndtr": _elementwise(lambda x: sp.log(sp.erfc(-x / sp.sqrt(2)) / 2)),
    "special_ndtr": _elementwise(lambda x: sp.erfc(-x / sp.sqrt(2)) / 2),
    "lgamma": _elementwise(sp.loggamma),
    "digamma": _elementwise(sp.digamma),
    "abs": _elementwise(_magnitude),
    "sign": _elementwise(_sign),
    "softplus": _elementwise(_softplus),
    "logaddexp": _elementwise(lambda x, y: sp.log(sp.exp(x) + sp.exp(y))),
    "logsumexp": _logsumexp,
    "hypot": _elementwise(lambda x, y: sp.sqrt(x**2 + y**2)),
    "maximum": _elementwise(_larger),
    "minimum": _elementwise(_smaller),
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": lambda x, high: _clamp(x, None, high),
    "where": _elementwise(_choose),
    "gt": _elementwise(lambda x, y: _compare(sp.Gt, x, y)),
    "ge": _elementwise(lambda x, y: _compare(sp.Ge, x, y)),
    "lt": _elementwise(lambda x, y: _compare(sp.Lt, x, y)),
    "le": _elementwise(lambda x, y: _compare(sp.Le, x, y)),
    "eq": _elementwise(lambda x, y: sp.Eq(x, y)),
    "ne": _elementwise(lambda x, y: sp.Ne(x, y)),
    "logical_not": _elementwise(sp.Not),
    "logical_and": _elementwise(sp.And),
    "logical_or": _elementwise(sp.Or),
    "bitwise_and": _elementwise(sp.And),
    "bitwise_or": _elementwise(sp.Or),
    "bitwise_not": _elementwise(sp.Not),
    "sum": _sum,
    "mean": _mean,
    "linalg_vector_norm": _norm,
    "cumsum": lambda x, dim, **_: _array(np.cumsum(x, axis=dim)),
    "dot": lambda x, y: _array(np.sum(x * y)),
    "mv": lambda x, y: _array(np.sum(x * y, axis=-1)),
    "select": _select,
    "slice": _slice,
    "expand": _expand,
    "view": lambda x, size: x.reshape(tuple(size)),
    "_unsafe_view": lambda x, size: x.reshape(tuple(size)),
    "unsqueeze": lambda x, dim: np.expand_dims(x, dim),
    "squeeze": _squeeze,
    "permute": lambda x, dims: np.transpose(x, dims),
    "transpose": lambda x, a, b: np.swapaxes(x, a, b),
    "t": lambda x: x.T,
    "cat": lambda xs, dim=0: np.concatenate(list(xs), axis=dim),
    "stack": lambda xs, dim=0: np.stack(list(xs), axis=dim),
    "flip": lambda x, dims: np.flip(x, tuple(dims)),
    "split": lambda x, size, dim=0: np.split(x, range(size, x.shape[dim], size), axis=dim),
    "split_with_sizes": lambda x, sizes, dim=0: np.split(x, np.cumsum(sizes)[:-1], axis=dim),
    "unbind": lambda x, dim=0: [_array(np.take(x, i, axis=dim)) for i in range(x.shape[dim])],
    "index": _index,
    "zeros_like": lambda x, **_: _full(x.shape, sp.Integer(0)),
    "ones_like": lambda x, **_: _full(x.shape, sp.Integer(1)),
    "full_like": lambda x, value, **_: _full(x.shape, value),
    "zeros": lambda size, **_: _full(size, sp.Integer(0)),
    "ones": lambda size, **_: _full(size, sp.Integer(1)),
    "new_zeros": lambda x, size, **_: _full(size, sp.Integer(0)),
    "new_ones": lambda x, size, **_: _full(size, sp.Integer(1)),
    "full": _full,
    "new_full": lambda x, size, value, **_: _full(size, value),
    "scalar_tensor": lambda value, **_: _full((), value),
    "arange": lambda *a, **_: _array(np.array([sp.Integer(i) for i in range(*(int(n) for n in a))], dtype=object)),
    "addcmul": lambda x, a, b, value=1: _array(x + value * a * b),
    "addcdiv": lambda x, a, b, value=1: _array(x + value * a / b),
    "clone": _same,
    "detach": _same,
    "alias": _same,
    "lift_fresh_copy": _same,
    "_to_copy": _same,
    "contiguous": _same,
}
#: Arguments that count places rather than enter the formula: they stay Python integers.
_SHAPES = {
    "sum", "mean", "select", "slice", "expand", "view", "_unsafe_view", "unsqueeze", "squeeze", "permute", "transpose",
    "cat", "stack", "flip", "split", "split_with_sizes", "unbind", "zeros", "ones", "new_zeros", "new_ones", "arange",
    "cumsum", "logsumexp", "linalg_vector_norm", "index",
}  # fmt: skip


class _Symbolic(torch.fx.Interpreter):
    """Runs a graph with `MEANING` in place of torch's kernels."""

    def __init__(self, graph: torch.fx.GraphModule, meanings: Mapping[str, Callable[..., Any]], literal: bool) -> None:
        super().__init__(graph)
        self.meanings = {name: _elementwise(rule) for name, rule in meanings.items()}
        self.number = binary if literal else exact

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        value = super().get_attr(target, args, kwargs)
        if not isinstance(value, torch.Tensor):
            return value
        listed = np.asarray(value.detach().cpu().tolist(), dtype=object)
        if not value.dtype.is_floating_point and value.dtype != torch.bool:
            return _elementwise(sp.Integer)(listed)
        return _elementwise(self.number)(listed)

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
        elif name not in _SHAPES:
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
    arrays = [_array(np.array(x, dtype=object)) for x in inputs]
    waiting: list[list[tuple[Any, bool]]] = [[]]
    found: list[tuple[Any, Any]] = []
    while waiting:
        path = _Path(waiting.pop())
        _Path.current = path
        try:
            value = _Symbolic(graph, meanings or {}, literal).run(*arrays)
        finally:
            _Path.current = None
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
