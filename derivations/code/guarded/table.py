"""All guarded functions of `hrssm`, by name: what each means, and the examination of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import sympy as sp

from derivations.code.guarded.gamma import GAMMA
from derivations.code.guarded.held import HELD
from derivations.code.guarded.primitive import Examination, Primitive
from derivations.code.guarded.taylor import TAYLOR

PRIMITIVES: dict[str, Primitive] = {p.name: p for p in (*TAYLOR, *GAMMA, *HELD)}


def meaning(name: str) -> tuple[int, Callable[..., sp.Expr]]:
    """The number of arguments of a guarded function and its meaning on scalars."""
    return PRIMITIVES[name].arguments, PRIMITIVES[name].value


@cache
def examine(name: str) -> Examination:
    """Prove that every branch of a guarded function computes its meaning."""
    return PRIMITIVES[name].examine()
