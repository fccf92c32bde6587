"""Mutants: small wrong versions of a statement. A proof or certificate that accepts one is worthless.

The default generator alters the right side of an equation at one place: a coefficient, a sign, an exponent,
a dropped term, an added constant, or q and p swapped. An inequality is made to say more than it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp

from derivations.engine.certificate import relations

LIMIT = 14


def mutants(statement: Any, limit: int = LIMIT) -> list[tuple[str, Any]]:
    """Mutants of a statement as (name, statement): relations and kinds in turn, deterministic.

    Up to `limit` of them, or up to six per relation where a statement has many.
    """
    many = relations(statement)
    pools: dict[tuple[str, int], list[Candidate]] = {}
    for index, relation in enumerate(many):
        for kind, make in _candidates(relation):
            pools.setdefault((kind, index), []).append(make)
    chosen: dict[str, Any] = {}
    seen: set[Any] = set()
    queues = {key: _spread(pools[key]) for key in sorted(pools)}
    limit = max(limit, 6 * len(many))
    while len(chosen) < limit and any(queues.values()):
        for (kind, index), queue in queues.items():
            made = None
            while queue and made is None:  # candidates that turn out to be the same statement are passed over
                made = queue.pop(0)()
            if made is not None and len(chosen) < limit:
                label, mutated = made
                name = f"[{index}] {kind}: {label}" if len(many) > 1 else f"{kind}: {label}"
                whole = sp.Tuple(*many[:index], mutated, *many[index + 1 :]) if len(many) > 1 else mutated
                if whole not in seen:
                    seen.add(whole)
                    chosen[name] = whole
    return list(chosen.items())


Candidate = Callable[[], tuple[str, Any] | None]


def _candidates(relation: Any) -> Iterator[tuple[str, Candidate]]:
    """Of an equation, its right side altered in one place; of an inequality, one that says more."""
    lhs, rhs = relation.lhs, relation.rhs
    if isinstance(relation, sp.Eq):
        yield from _alter(lhs, rhs)
        return
    up = 1 if isinstance(relation, sp.Ge | sp.Gt) else -1

    def other(label: str, new: Any) -> Candidate:
        return lambda: (label, new)

    for amount in (sp.S.One, sp.Rational(1, 100)):
        bound = relation.func(lhs, rhs + up * amount, evaluate=False)
        yield "constant", other(f"bound moved by {up * amount}", bound)
    lower = (-lhs, rhs) if up > 0 else (lhs, -rhs)
    yield "sign", other("larger side negated", relation.func(*lower, evaluate=False))
    yield "sign", other("relation reversed", relation.reversedsign.func(lhs, rhs, evaluate=False))


def _spread(queue: list[Any]) -> list[Any]:
    """Reorder so that the first few are spread over the expression: ends first, then the middle."""
    if len(queue) < 3:
        return list(queue)
    step = next(k for k in (7, 5, 3, 11, 13, 17) if len(queue) % k)
    return [queue[(i * step) % len(queue)] for i in range(len(queue))]


def _alter(lhs: Any, expr: Any) -> Iterator[tuple[str, Candidate]]:
    def candidate(path: tuple[int, ...] | None, old: Any, new: Any) -> Candidate:
        def make() -> tuple[str, Any] | None:
            changed = new if path is None else _replace(expr, path, new)
            if changed is None or _same(changed, expr):
                return None
            return f"{old} -> {_short(new)}" if path is None else f"{_short(old)} -> {_short(new)}", sp.Eq(
                lhs, changed, evaluate=False
            )

        return make

    if isinstance(expr, sp.Expr) and not isinstance(expr, sp.MatrixBase):
        for kind, new in (
            ("coefficient", 2 * expr),
            ("coefficient", expr * sp.Rational(99, 100)),
            ("sign", -expr),
            ("constant", expr + 1),
        ):
            yield kind, candidate(None, "all of it", new)
    for path, node in _sites(expr, ()):
        for kind, new in _variants(node):
            yield kind, candidate(path, node, new)
    swapped = _swap(expr)
    if swapped is not None:
        yield "swap", lambda: None if _same(swapped, expr) else ("q <-> p", sp.Eq(lhs, swapped, evaluate=False))


def _variants(node: Any) -> Iterator[tuple[str, Any]]:
    if node.is_Rational:
        return  # whole numbers are altered with the expression that they are
    if isinstance(node, sp.Add):
        for term in node.args:
            yield "sign", node - 2 * term
            yield "dropped", node - term
            yield "coefficient", node + term
    elif isinstance(node, sp.Pow):
        base, exponent = node.args
        yield (
            "exponent",
            base ** (exponent + 1) if exponent.is_number and exponent != -1 else base ** (2 * exponent),
        )
    elif isinstance(node, sp.exp):
        yield "exponent", sp.exp(2 * node.args[0])
        yield "sign", sp.exp(-node.args[0])
    elif isinstance(node, sp.Function) and len(node.args) == 1:
        yield "coefficient", node.func(2 * node.args[0])
        yield "coefficient", 2 * node
    else:
        yield "coefficient", 2 * node
        yield "sign", -node


def _children(node: Any) -> list[tuple[int, Any]]:
    if isinstance(node, sp.MatrixBase):
        return list(enumerate(node.flat()))
    if isinstance(node, sp.Sum | sp.Product | sp.Integral | sp.Derivative):
        return [(0, node.args[0])]
    if isinstance(node, sp.Piecewise):
        return []
    return list(enumerate(node.args))


def _sites(node: Any, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Any]]:
    if isinstance(node, sp.Expr) and not isinstance(node, sp.MatrixBase):
        if not (node.is_Rational and path):
            yield path, node
        if node.is_Symbol:
            return
    for index, child in _children(node):
        if isinstance(node, sp.Pow) and index == 1:
            continue  # exponents are altered at the power itself
        if child.is_Symbol and isinstance(node, sp.Mul | sp.Add):
            continue
        yield from _sites(child, (*path, index))


def _replace(node: Any, path: tuple[int, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(node, sp.MatrixBase):
        flat = list(node.flat())
        flat[path[0]] = _replace(flat[path[0]], path[1:], new)
        return sp.ImmutableMatrix(*node.shape, flat)
    args = list(node.args)
    args[path[0]] = _replace(args[path[0]], path[1:], new)
    return node.func(*args)


def _swap(expr: Any) -> Any:
    names = {s.name: s for s in expr.free_symbols}
    pairs = {}
    for name, symbol in names.items():
        if name.endswith("_q") and name[:-2] + "_p" in names:
            other = names[name[:-2] + "_p"]
            pairs |= {symbol: other, other: symbol}
    return expr.subs(pairs, simultaneous=True) if pairs else None


def _same(a: Any, b: Any) -> bool:
    if a == b:
        return True
    if isinstance(a, sp.Basic) and a.has(sp.Sum):
        return False  # expanding sums takes seconds; a mutant that is equivalent is then listed by its entry
    try:
        gap = a - b
        return bool(gap.is_zero_matrix) if isinstance(gap, sp.MatrixBase) else sp.expand(gap) == 0
    except TypeError:
        return False


def _short(expr: Any) -> str:
    text = str(expr)
    return text if len(text) <= 60 else text[:57] + "..."
