"""A formula as it stands on paper: letters, fractions, scripts, lines. What LaTeX, Typst, MathML and text are printed
from, so that each decision about how a formula reads is made once (`arrange`) and looks alike in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Letter:
    """An italic letter, Latin or the name of a Greek one; or a letter-like sign: infinity, ell, partial, d."""

    name: str


@dataclass(frozen=True)
class Word:
    """Upright text: a name of several letters, or words between formulas. `bold` is blackboard bold."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Number:
    """A number as it is written, such as 12 or 0.449060..."""

    text: str


@dataclass(frozen=True)
class Sign:
    """A relation, a bar, a comma or another sign between things, by its ASCII name: =, <=, ||, ->, and, ..."""

    name: str


@dataclass(frozen=True)
class Row:
    """Things side by side that are no product: `q || p`, `x -> 0`, `d tau`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Times:
    """Factors side by side."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Plus:
    """Terms, each with whether it is subtracted."""

    terms: tuple[tuple[bool, Node], ...]


@dataclass(frozen=True)
class Script:
    """A base with an index, a power, or both."""

    base: Node
    low: Node | None = None
    high: Node | None = None


@dataclass(frozen=True)
class Over:
    """A fraction; slanted in exponents."""

    top: Node
    bottom: Node
    slanted: bool = False


@dataclass(frozen=True)
class Root:
    """A square root."""

    body: Node


@dataclass(frozen=True)
class Fence:
    """Something between brackets or bars: ( [ | || floor ceil."""

    kind: str
    body: Node


@dataclass(frozen=True)
class Apply:
    """A function at its arguments; `bare` functions of one simple argument go without brackets, as in log x."""

    head: Node
    arguments: tuple[Node, ...]
    bare: bool = False
    brackets: str = "("


@dataclass(frozen=True)
class Big:
    """A sum, product, integral, limit or derivative in front of what it acts on: sum, prod, int, lim."""

    sign: str
    low: Node | None
    high: Node | None
    body: Node


@dataclass(frozen=True)
class Grid:
    """A column of coordinates or a matrix (kind "matrix"), cases, or a table with a heading row and column."""

    kind: str
    rows: tuple[tuple[Node, ...], ...]


Node = Letter | Word | Number | Sign | Row | Times | Plus | Script | Over | Root | Fence | Apply | Big | Grid


@dataclass(frozen=True)
class Line:
    """One relation: what stands left, the sign, and right of it the terms of the outermost sum, signed."""

    left: Node
    sign: str
    terms: tuple[tuple[bool, Node], ...]

    @property
    def right(self) -> Node:
        """The right side in one piece."""
        (negative, only), *more = self.terms
        return only if not more and not negative else Plus(self.terms)

    @property
    def table(self) -> bool:
        """Whether the right side is a table, which goes below the left side."""
        return isinstance(self.right, Grid) and self.right.kind == "table"


@dataclass(frozen=True)
class Display:
    """A statement: rows of relations that stand side by side, and what the names in them are short for."""

    rows: tuple[tuple[Line, ...], ...]
    where: tuple[Line, ...] = ()

    def lines(self) -> Iterator[Line]:
        """All relations, those of `where` last."""
        for row in self.rows:
            yield from row
        yield from self.where

    def explained(self) -> Iterator[tuple[str, Line]]:
        """What the names are short for, with the word that goes before."""
        for i, short in enumerate(self.where):
            yield "and" if i else "where", short


def children(node: Any) -> Iterator[Any]:
    """The nodes directly inside a node."""
    for name in (f.name for f in fields(node)):
        yield from _nodes(getattr(node, name))


def _nodes(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
    elif value is not None and not isinstance(value, str | bool):
        yield value


def width(node: Any) -> float:
    """About how many letters wide a formula comes out: scripts are small, a fraction is as wide as its wider half."""
    match node:
        case Letter() | Sign():
            return 1
        case Word(text) | Number(text):
            return len(text)
        case Over(top, bottom):
            return width(top) + width(bottom) + 1 if node.slanted else max(width(top), width(bottom))
        case Script(base, low, high):
            return width(base) + 0.7 * max(width(low) if low else 0, width(high) if high else 0)
        case Big(_, low, high, body):
            return 1 + max((width(x) for x in (low, high) if x is not None), default=0) / 2 + width(body)
        case Grid(_, rows):
            return 2 + sum(max(width(row[i]) for row in rows if i < len(row)) + 1 for i in range(len(rows[0])))
        case Plus(terms):
            return sum(2 + width(term) for _, term in terms) - 1
        case Fence() | Root():
            return 1.5 + sum(map(width, children(node)))
        case _:
            return sum(map(width, children(node)))


def pack(
    line: Line, limit: float, measure: Callable[[Any], float] = width, gap: int = 2
) -> list[list[tuple[bool, Node]]]:
    """The terms of a relation in rows of at most `limit`; one row where all of it fits."""
    rows: list[list[tuple[bool, Node]]] = [[]]
    used = start = measure(line.left) + gap
    for negative, term in line.terms:
        wide = measure(term) + gap
        if rows[-1] and used + wide > limit:
            rows.append([])
            used = start if len(rows) == 1 else min(start, 12)
        rows[-1].append((negative, term))
        used += wide
    return rows


def simple(node: Any) -> bool:
    """Whether a function may stand before it without brackets: a letter, a number, one of these with scripts."""
    match node:
        case Letter() | Number() | Word():
            return True
        case Script(base, _, high):
            return simple(base) and (high is None or simple(high))
        case Apply(_, _, bare):
            return bare
        case Fence(kind):
            return kind != "("
        case _:
            return False


def joined(nodes: Sequence[Node], sign: str = ",") -> Node:
    """Nodes with a sign between them."""
    if len(nodes) == 1:
        return nodes[0]
    parts: list[Node] = []
    for i, node in enumerate(nodes):
        parts += [Sign(sign), node] if i else [node]
    return Row(tuple(parts))


def dotted(factors: Sequence[Node]) -> tuple[Node, ...]:
    """Factors with a dot where a number would run into the one before it."""
    out: list[Node] = []
    for factor in factors:
        if out and _starts_with_digit(factor):
            out.append(Sign("dot"))
        out.append(factor)
    return tuple(out)


def _starts_with_digit(node: Node) -> bool:
    match node:
        case Number():
            return True
        case Script(base):
            return _starts_with_digit(base)
        case Times(factors):
            return _starts_with_digit(factors[0])
        case _:
            return False


def height(node: Any) -> int:
    """How many lines high a formula is, about: a fraction is two, a sum with limits three."""
    inside = max(map(height, children(node)), default=1)
    match node:
        case Over(top, bottom):
            return inside if node.slanted else height(top) + height(bottom)
        case Grid(_, rows):
            return sum(max(map(height, row)) for row in rows)
        case Big("lim"):
            return height(node.body)
        case Big():
            return max(inside, 2)
        case Script():
            return height(node.base)
        case _:
            return inside


def derivative(node: Any) -> bool:
    """Whether a node is a sign of differentiation such as d/dx."""
    match node:
        case Over(top, Row((Sign("d") | Letter("partial"), *_))):
            sign = top.base if isinstance(top, Script) else top
            return isinstance(sign, Sign | Letter) and sign.name in ("d", "partial")
        case _:
            return False
