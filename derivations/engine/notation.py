"""The notation of the field as SymPy objects: differentials, norms, distances, isometries, divergences, expectations.

A statement names its quantities by these, and the printers know how each is written; so what is printed is the
statement itself. They have no value of their own and SymPy leaves them standing. `Meaning` says how a symbol of an
entry is written where that is not its name: `delta` as the norm of a difference. Quantities without a notation of
their own are named by `name`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import sympy as sp


@dataclass(frozen=True)
class Meaning:
    """What a symbol of an entry stands for in words, how it is written, and where it lives if its assumptions do not
    say it."""

    role: str
    shown: Any = None
    domain: str = ""


def name(text: str, *arguments: Any) -> Any:
    """An undefined function that names a quantity; names given as text stand for symbols."""
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


class Notation(sp.Function):
    """A quantity that is named and not computed; names given as text stand for symbols.

    `mark` is what stands for it in program text.
    """

    mark: ClassVar[str]

    @property
    def is_number(self) -> bool:
        """False: it has no value, even where no symbol is left in it."""
        return False

    def __new__(cls, *arguments: Any) -> Any:
        return super().__new__(cls, *(sp.Symbol(a) if isinstance(a, str) else a for a in arguments))

    @classmethod
    def eval(cls, *arguments: Any) -> None:
        """Nothing is ever evaluated."""

    def _sympystr(self, printer: Any) -> str:
        return f"{self.mark}({', '.join(printer._print(a) for a in self.args)})"


class Differential(Notation):
    """The differential dx of a coordinate, or of a measure."""

    mark = "d"


class Norm(Notation):
    """The Euclidean norm of a vector."""

    mark = "norm"


class Modulus(Notation):
    """The modulus |z| of a complex number."""

    mark = "abs"


class Distance(Notation):
    """The hyperbolic distance d(z, w)."""

    mark = "dist"


class Volume(Notation):
    """The Riemannian volume of a set; without arguments, the measure."""

    mark = "vol"


class ExponentialMap(Notation):
    """exp_z(v): where the geodesic from z with velocity v is at time one."""

    mark = "exp"


class LogarithmMap(Notation):
    """log_z(w): the inverse of the exponential map at z."""

    mark = "log"


class Busemann(Notation):
    """B_xi(z): the Busemann function of the ideal point xi."""

    mark = "B"


class Action(Notation):
    """g . z: an isometry at a point."""

    mark = "act"


class Composition(Notation):
    """g h: the composition of two isometries."""

    mark = "product"


class Inverse(Notation):
    """The inverse of an isometry."""

    mark = "inverse"


class Pushforward(Notation):
    """g_* q: the law of g . z for z of law q."""

    mark = "push"


class Law(Notation):
    """A law by its name and the parameters that it depends on: written as the name alone."""

    mark = "law"


class Divergence(Notation):
    """KL(q || p); with a third argument the part of it that this names, such as its height term."""

    mark = "KL"


class Expectation(Notation):
    """E[x]; with a second argument, under that law."""

    mark = "E"


class Variance(Notation):
    """Var[x]."""

    mark = "Var"


class Supremum(Notation):
    """The largest value of x over all that the entry's assumptions leave open: sup x."""

    mark = "sup"


class Probability(Notation):
    """P(event)."""

    mark = "P"


class Given(Notation):
    """x | y: a quantity or an event under conditions."""

    mark = "given"


class Optimal(Notation):
    """The value of a symbol or of a function at an optimum: written with a star."""

    mark = "best"


class At(Notation):
    """A quantity where a symbol has a value: x at y = 1."""

    mark = "at"


class Rounded(Notation):
    """A number in units of its k-th decimal, rounded to a whole number of them: the arguments are x and k."""

    mark = "rounded"
