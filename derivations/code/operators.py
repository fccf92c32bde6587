"""What each ATen operator means on arrays of SymPy expressions, and how comparisons fork the path through a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp


def elementwise(rule: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """A rule for scalars as one for arrays, with broadcasting."""
    return lambda *args, **_: array(np.frompyfunc(rule, len(args), 1)(*args))


def array(value: Any) -> np.ndarray:
    """A value as an array of objects."""
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
    return array(np.sum(x, axis=axes, keepdims=keepdim)) if axes else x


def _mean(x: np.ndarray, dim: Any = None, keepdim: bool = False, **_: Any) -> np.ndarray:
    total = _sum(x, dim, keepdim)
    return array(total * sp.Rational(total.size, x.size))


def _norm(x: np.ndarray, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> np.ndarray:
    if float(ord) != 2:
        raise NotImplementedError(f"a vector norm of order {ord}; only 2 is read")
    return elementwise(sp.sqrt)(_sum(array(x * x), dim, keepdim))


def _select(x: np.ndarray, dim: int, index: int) -> np.ndarray:
    return array(np.take(x, index, axis=dim))


def _slice(x: np.ndarray, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> np.ndarray:
    where: list[slice] = [slice(None)] * x.ndim
    where[dim] = slice(start, None if end is None or end > 2**62 else end, step)
    return x[tuple(where)]


def _expand(x: np.ndarray, size: Sequence[int], **_: Any) -> np.ndarray:
    lead = len(size) - x.ndim
    shape = [x.shape[i - lead] if n == -1 else n for i, n in enumerate(size)]
    return array(np.broadcast_to(x, shape))


def _squeeze(x: np.ndarray, dim: Any = None) -> np.ndarray:
    axes = range(x.ndim) if dim is None else (dim if isinstance(dim, list | tuple) else (dim,))
    return array(np.squeeze(x, axis=tuple(a for a in axes if x.shape[a] == 1)))


def _full(size: Sequence[int], value: Any, **_: Any) -> np.ndarray:
    out = np.empty(tuple(size), dtype=object)
    out[...] = value
    return out


class Path:
    """One way through the branches of a graph: the comparisons met so far, each with the side taken."""

    current: Path | None = None

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
        known = Path.current.known if Path.current else lambda _: None
        return not any(known(c) is False for c in condition.args) and all(_holds(c) for c in condition.args)
    if isinstance(condition, sp.Or):
        return any(_holds(c) for c in condition.args)
    if Path.current is None:
        raise ValueError(f"the comparison {condition} forks the formula; evaluate it with `branches`")
    return Path.current.side(condition)


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
        x = elementwise(_larger)(x, low)
    return x if high is None else elementwise(_smaller)(x, high)


def _logsumexp(x: np.ndarray, dim: Any, keepdim: bool = False) -> np.ndarray:
    return elementwise(sp.log)(_sum(elementwise(sp.exp)(x), dim, keepdim))


def _softplus(x: Any) -> Any:
    return sp.log(1 + sp.exp(x))


def _index(x: np.ndarray, indices: Sequence[Any]) -> np.ndarray:
    at = tuple(slice(None) if i is None else np.asarray(i, dtype=np.int64) for i in indices)
    return array(x[at])


def _same(x: Any, *_: Any, **__: Any) -> np.ndarray:
    return array(x)


#: What each ATen operator means. The name is the operator's packet; overloads (Tensor, Scalar, ...) share a meaning.
MEANING: dict[str, Callable[..., Any]] = {
    "add": lambda x, y, alpha=1, **_: array(x + y * alpha),
    "sub": lambda x, y, alpha=1, **_: array(x - y * alpha),
    "rsub": lambda x, y, alpha=1, **_: array(y - x * alpha),
    "mul": lambda x, y: array(x * y),
    "div": lambda x, y: array(x / y),
    "reciprocal": lambda x: array(1 / x),
    "neg": lambda x: array(-x),
    "pow": elementwise(lambda x, y: sp.Pow(x, y)),
    "square": lambda x: array(x * x),
    "sqrt": elementwise(sp.sqrt),
    "rsqrt": elementwise(lambda x: 1 / sp.sqrt(x)),
    "exp": elementwise(sp.exp),
    "exp2": elementwise(lambda x: sp.Integer(2) ** x),
    "expm1": elementwise(lambda x: sp.exp(x) - 1),
    "log": elementwise(sp.log),
    "log1p": elementwise(lambda x: sp.log(1 + x)),
    "log2": elementwise(lambda x: sp.log(x) / sp.log(2)),
    "sinh": elementwise(sp.sinh),
    "cosh": elementwise(sp.cosh),
    "tanh": elementwise(sp.tanh),
    "asinh": elementwise(sp.asinh),
    "acosh": elementwise(sp.acosh),
    "atanh": elementwise(sp.atanh),
    "sin": elementwise(sp.sin),
    "cos": elementwise(sp.cos),
    "atan2": elementwise(sp.atan2),
    "erf": elementwise(sp.erf),
    "erfc": elementwise(sp.erfc),
    "special_erfcx": elementwise(lambda x: sp.exp(x**2) * sp.erfc(x)),
    "special_log_ndtr": elementwise(lambda x: sp.log(sp.erfc(-x / sp.sqrt(2)) / 2)),
    "special_ndtr": elementwise(lambda x: sp.erfc(-x / sp.sqrt(2)) / 2),
    "lgamma": elementwise(sp.loggamma),
    "digamma": elementwise(sp.digamma),
    "abs": elementwise(_magnitude),
    "sign": elementwise(_sign),
    "softplus": elementwise(_softplus),
    "logaddexp": elementwise(lambda x, y: sp.log(sp.exp(x) + sp.exp(y))),
    "logsumexp": _logsumexp,
    "hypot": elementwise(lambda x, y: sp.sqrt(x**2 + y**2)),
    "maximum": elementwise(_larger),
    "minimum": elementwise(_smaller),
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": lambda x, high: _clamp(x, None, high),
    "where": elementwise(_choose),
    "gt": elementwise(lambda x, y: _compare(sp.Gt, x, y)),
    "ge": elementwise(lambda x, y: _compare(sp.Ge, x, y)),
    "lt": elementwise(lambda x, y: _compare(sp.Lt, x, y)),
    "le": elementwise(lambda x, y: _compare(sp.Le, x, y)),
    "eq": elementwise(lambda x, y: sp.Eq(x, y)),
    "ne": elementwise(lambda x, y: sp.Ne(x, y)),
    "logical_not": elementwise(sp.Not),
    "logical_and": elementwise(sp.And),
    "logical_or": elementwise(sp.Or),
    "bitwise_and": elementwise(sp.And),
    "bitwise_or": elementwise(sp.Or),
    "bitwise_not": elementwise(sp.Not),
    "sum": _sum,
    "mean": _mean,
    "linalg_vector_norm": _norm,
    "cumsum": lambda x, dim, **_: array(np.cumsum(x, axis=dim)),
    "dot": lambda x, y: array(np.sum(x * y)),
    "mv": lambda x, y: array(np.sum(x * y, axis=-1)),
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
    "unbind": lambda x, dim=0: [array(np.take(x, i, axis=dim)) for i in range(x.shape[dim])],
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
    "arange": lambda *a, **_: array(np.array([sp.Integer(i) for i in range(*(int(n) for n in a))], dtype=object)),
    "addcmul": lambda x, a, b, value=1: array(x + value * a * b),
    "addcdiv": lambda x, a, b, value=1: array(x + value * a / b),
    "clone": _same,
    "detach": _same,
    "alias": _same,
    "lift_fresh_copy": _same,
    "_to_copy": _same,
    "contiguous": _same,
}
#: Arguments that count places rather than enter the formula: they stay Python integers.
SHAPES = {
    "sum", "mean", "select", "slice", "expand", "view", "_unsafe_view", "unsqueeze", "squeeze", "permute", "transpose",
    "cat", "stack", "flip", "split", "split_with_sizes", "unbind", "zeros", "ones", "new_zeros", "new_ones", "arange",
    "cumsum", "logsumexp", "linalg_vector_norm", "index",
}  # fmt: skip
