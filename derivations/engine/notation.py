"""How statements are written: names of quantities, rows of coordinates, the normal density, integrals over the line."""

from __future__ import annotations

from typing import Any

import sympy as sp


def name(text: str, *arguments: Any) -> Any:
    """An undefined function that names a quantity."""
    return sp.Function(text)(*(sp.Symbol(a) if isinstance(a, str) else a for a in arguments))


def coordinates(stem: str, n: int, **assumptions: bool) -> list[sp.Symbol]:
    """Symbols stem_1 ... stem_n, real unless told otherwise."""
    return [sp.Symbol(f"{stem}_{i + 1}", **(assumptions or {"real": True})) for i in range(n)]


def phi(x: Any) -> Any:
    """Density of the standard normal."""
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


def over_line(f: Any, x: sp.Symbol) -> Any:
    """The unevaluated integral of f over x in R."""
    return sp.Integral(f, (x, -sp.oo, sp.oo))
