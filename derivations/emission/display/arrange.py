"""From SymPy to the layout of a formula, set the way a reader writes it.

Habits of SymPy are undone on the way: square roots that stand side by side are joined, powers with a negative exponent
go under the bar, a leading minus is drawn out, terms with one denominator share it, and factors and terms come in the
order in which the entry declares its symbols. What each kind of expression becomes is said in `arithmetic` and
`functions`, how relations come into lines in `statements`; this module holds what they share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from derivations.emission.display.layout import Fence, Node, Row, Sign

#: Binding strengths, loosest first: a whole formula, a sum, a product, a power's base.
FORMULA, SUM, PRODUCT, BASE = range(4)
SIGNS = {
    "Equality": "=", "Unequality": "!=", "GreaterThan": ">=", "LessThan": "<=", "StrictGreaterThan": ">",
    "StrictLessThan": "<",
}  # fmt: skip

Rule = Callable[["Arranger", Any, int], Node]
#: What an expression becomes, by the name of its class; `statements` puts the rules of the other modules here.
RULES: dict[str, Rule] = {}


@dataclass(frozen=True)
class Arranger:
    """How the symbols of one entry are written, in which order they come, and whether an exponent is being set."""

    shown: Mapping[sp.Symbol, Any] = field(default_factory=dict)
    order: Mapping[sp.Symbol, int] = field(default_factory=dict)
    raised: bool = False

    @classmethod
    def of(cls, symbols: Iterable[Any]) -> Arranger:
        """For an entry's declared symbols (`derivations.engine.formula.Sym`)."""
        declared = list(symbols)
        return cls(
            {s.symbol: s.shown for s in declared if s.shown is not None},
            {s.symbol: i for i, s in enumerate(declared)},
        )

    def lay(self, e: Any, around: int = FORMULA) -> Node:
        """The layout of an expression inside something that binds as strongly as `around`."""
        for kind in [AppliedUndef] if isinstance(e, AppliedUndef) else type(e).__mro__:
            rule = RULES.get(kind.__name__)
            if rule is not None:
                return rule(self, e, around)
        raise NotImplementedError(
            f"no layout for {type(e).__name__}: {e}; add a rule to derivations.emission.display.functions"
        )

    def all(self, many: Iterable[Any]) -> tuple[Node, ...]:
        """The layouts of several expressions."""
        return tuple(self.lay(e) for e in many)

    def above(self) -> Arranger:
        """The same in an exponent."""
        return replace(self, raised=True)

    def place(self, e: Any) -> int:
        """Where an expression comes by the order of declaration: the place of the first of its symbols."""
        return min((self.order.get(s, len(self.order)) for s in e.free_symbols), default=len(self.order))


def wrap(node: Node, own: int, around: int) -> Node:
    """Brackets around what binds less strongly than its surroundings."""
    return Fence("(", node) if own < around else node


def _relation(a: Arranger, e: Any, around: int) -> Node:
    return wrap(Row((a.lay(e.lhs), Sign(SIGNS[type(e).__name__]), a.lay(e.rhs))), FORMULA, around)


def _together(sign: str) -> Rule:
    def rule(a: Arranger, e: Any, around: int) -> Node:
        parts: list[Node] = []
        for i, argument in enumerate(_ordered(e.args, a)):
            parts += [Sign(sign)] * bool(i) + [a.lay(argument, SUM)]
        return wrap(Row(tuple(parts)), FORMULA, around)

    return rule


def _ordered(arguments: Sequence[Any], a: Arranger) -> list[Any]:
    return sorted(arguments, key=lambda e: (a.place(e), sp.default_sort_key(e)))


RULES |= {name: _relation for name in SIGNS} | {"And": _together("and"), "Or": _together("or")}
