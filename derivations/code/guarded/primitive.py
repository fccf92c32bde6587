"""What a guarded function of `hrssm` is to a proof of the code: one operator with an exact meaning.

A function that computes one elementary function by two formulas, each where it keeps its digits, has its meaning as one
exact expression. Its kind (`taylor`, `gamma`) knows how to prove from the traced graph that every
branch is that expression: identically, or up to a relative deviation that is bounded rigorously. Larger proofs then
see the function as one operator with that meaning; `derivations.code.guarded.table` lists all of them.
"""

from __future__ import annotations

import pkgutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sympy as sp
import torch

#: Half a unit in the last place of float64, relative: what a branch may deviate by at most, unless its kind says more.
ROUNDING = sp.Rational(1, 2**53)


@dataclass(frozen=True)
class Primitive(ABC):
    """A guarded function: its dotted name, its meaning as an exact expression, and how many tensors it takes."""

    name: str
    meaning: Callable[..., sp.Expr]
    arguments: int = 1

    def value(self, *arguments: Any) -> Any:
        """The meaning at these arguments."""
        return self.meaning(*arguments)

    @abstractmethod
    def examine(self) -> Examination:
        """Prove that every branch computes the meaning."""


@dataclass(frozen=True)
class Examination:
    """What the branches of a primitive came to: verdict, number of branches, largest relative deviation."""

    name: str
    verdict: str
    branches: int
    deviation: float
    detail: str = ""


def function_of(name: str) -> Any:
    """The object that a dotted name means."""
    return pkgutil.resolve_name(name)


def on_branch(e: Any, condition: Any) -> Any:
    """An expression on a branch: of what a meaning is piecewise, the piece that the branch is in.

    A Piecewise of which the branch does not say that is left as it is.
    """
    atoms = sp.And.make_args(condition)
    holds = {_canonical(atom) for atom in atoms}
    fails = {_canonical(sp.Not(atom)) for atom in atoms}

    def piece(*cases: Any) -> Any:
        for value, of in cases:
            if of == sp.true or _canonical(of) in holds:
                return value
            if _canonical(of) not in fails:
                break
        return sp.Piecewise(*cases)

    return sp.sympify(e).replace(sp.Piecewise, piece)


def pieces(e: Any, condition: Any) -> list[Any]:
    """A branch, or its parts on either side of what the pieces of an expression on it depend on."""
    left = [of for p in on_branch(e, condition).atoms(sp.Piecewise) for _, of in p.args if of != sp.true]
    if not left:
        return [condition]
    return [part for side in (left[0], sp.Not(left[0])) for part in pieces(e, sp.And(condition, side))]


def _canonical(condition: Any) -> Any:
    """A condition as SymPy writes it in a Piecewise."""
    return sp.Piecewise((1, condition), (0, True)).args[0][1] if condition not in (sp.true, sp.false) else condition


# ------------------------------------------------------------------------------------------- opaque calls

_LIBRARY = torch.library.Library("derivations", "FRAGMENT")
_OPERATORS: dict[str, Any] = {}


def operator(name: str, function: Callable[..., Any], arguments: int) -> Any:
    """A torch operator that runs `function` and shows up in a trace as one node."""
    short = name.replace(".", "_")
    if short not in _OPERATORS:
        inputs = ", ".join(f"Tensor a{i}" for i in range(arguments))
        _LIBRARY.define(f"{short}({inputs}) -> Tensor")
        # a kernel must not return its input itself
        _LIBRARY.impl(short, lambda *a: function(*a).clone(), "CompositeExplicitAutograd")
        _OPERATORS[short] = getattr(torch.ops.derivations, short)
    return _OPERATORS[short]


@contextmanager
def opaque(meanings: Mapping[str, tuple[int, Callable[..., Any]]]) -> Iterator[dict[str, Callable[..., Any]]]:
    """Within the block the named functions of `hrssm` are traced as one node each.

    `meanings` gives for each dotted name its number of arguments and its exact meaning on scalars; what is yielded is
    the table of meanings under the operators' names, for `aten.branches`.
    """
    changed: list[tuple[Any, str, Any]] = []
    table: dict[str, Callable[..., Any]] = {}
    try:
        for name, (arguments, meaning) in meanings.items():
            original = function_of(name)
            replacement = operator(name, original, arguments)
            table[name.replace(".", "_")] = meaning
            for module in [m for k, m in list(sys.modules.items()) if k.startswith("hrssm") and m is not None]:
                for attribute, value in list(vars(module).items()):
                    if value is original:
                        changed.append((module, attribute, original))
                        setattr(module, attribute, replacement)
        yield table
    finally:
        for module, attribute, original in changed:
            setattr(module, attribute, original)
