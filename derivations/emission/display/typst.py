"""A layout as Typst mathematics."""

from __future__ import annotations

from derivations.emission.display.layout import (
    Apply,
    Big,
    Display,
    Fence,
    Grid,
    Letter,
    Line,
    Node,
    Number,
    Over,
    Plus,
    Root,
    Row,
    Script,
    Sign,
    Times,
    Word,
    dotted,
    height,
    joined,
    pack,
)

#: A display line wider than this (in letters, about) is broken before a term of its outermost sum.
LINE = 64
LETTERS = {"phi": "phi.alt"}
OPERATORS = ("log", "sinh", "cosh", "tanh", "coth", "sin", "cos", "tan", "max", "min", "exp", "sup")
SIGNS = {
    "||": "bar.v.double", "|": "bar.v", "\\": "without", "~": "approx", "d": "dif", "*": "ast.op",
}  # fmt: skip
FENCES = {
    "(": ("(", ")"), "[": ("[", "]"), "|": ("abs(", ")"), "||": ("norm(", ")"), "floor": ("floor(", ")"),
    "ceil": ("ceil(", ")"),
}  # fmt: skip
BIG = {"sum": "sum", "prod": "product", "int": "integral", "lim": "lim"}


def typst(node: Node) -> str:
    """One line of mathematics, without the dollar signs."""
    match node:
        case Letter(name):
            return LETTERS.get(name, name)
        case Word(text, bold):
            return f"bb({text})" if bold else text if text in OPERATORS else f'upright("{text}")'
        case Number(text):
            return text.replace("...", " dots.h")
        case Sign(name):
            return SIGNS.get(name, name)
        case Row(parts):
            return " ".join(map(_part, parts)).replace(" ,", ",")
        case Times(factors):
            return " ".join(map(typst, dotted(factors)))
        case Plus(terms):
            return _sum(terms)
        case Script(base, low, high):
            return typst(base) + _scripts(low, high)
        case Over(top, bottom, slanted):
            return f"{typst(top)} slash {typst(bottom)}" if slanted else f"frac({typst(top)}, {typst(bottom)})"
        case Root(body):
            return f"sqrt({typst(body)})"
        case Fence(kind, body):
            return FENCES[kind][0] + typst(body) + FENCES[kind][1]
        case Apply(head, arguments, bare, brackets):
            inside = joined(arguments)
            return f"{_head(head)} {typst(inside)}" if bare else _head(head) + typst(Fence(brackets, inside))
        case Big(sign, low, high, body):
            return f"{BIG[sign]}{_scripts(low, high)} {typst(body)}"
        case Grid(kind, rows):
            return _grid(kind, rows)


def _part(node: Node) -> str:
    """A part of a row; words between formulas keep their spaces."""
    return f'"{node.text} "' if isinstance(node, Word) and node.text in ("if", "otherwise") else typst(node)


def _head(node: Node) -> str:
    match node:
        case Word(text, False) if text not in OPERATORS:
            return f'op("{text}")'
        case Script(Word() as word, low, high):
            return _head(word) + _scripts(low, high)
        case _:
            return typst(node)


def _scripts(low: Node | None, high: Node | None) -> str:
    primes = isinstance(high, Sign) and set(high.name) == {"'"}
    raised = "" if high is None else typst(high) if primes else f"^({typst(high)})"
    return (raised if primes else "") + (f"_({typst(low)})" if low else "") + ("" if primes else raised)


def _sum(terms: tuple[tuple[bool, Node], ...]) -> str:
    signs = [("- " if i else "-") if negative else "+ " if i else "" for i, (negative, _) in enumerate(terms)]
    return " ".join(sign + typst(term) for sign, (_, term) in zip(signs, terms, strict=True))


def _grid(kind: str, rows: tuple[tuple[Node, ...], ...]) -> str:
    if kind == "binomial":
        return f"binom({typst(rows[0][0])}, {typst(rows[1][0])})"
    tall = any(height(cell) > 1 for row in rows for cell in row)
    cells = [[f"display({_part(cell)})" if height(cell) > 1 else _part(cell) for cell in row] for row in rows]
    gap = "gap: #0.6em, " if tall else ""
    if kind == "cases":
        return f"cases({gap}{', '.join(' & quad '.join(row) for row in cells)})"
    body = "; ".join(", ".join(row) for row in cells)
    if kind == "table":
        return f"mat(delim: #none, align: #right, augment: #(hline: 1, vline: 1), column-gap: #1.2em, {body})"
    return f"mat({'row-' + gap if tall else ''}{body})"


def display(shown: Display) -> str:
    """A statement as one display: relations below each other, aligned at their signs, long sums broken."""
    many = list(shown.lines())
    alone = len(many) == 1 and len(pack(many[0], LINE)) == 1
    lines = [", quad ".join((_line(first, not alone), *(_line(x, False) for x in more))) for first, *more in shown.rows]
    lines += [f'"{word} " {_line(short, True)}' for word, short in shown.explained()]
    return " \\\n".join(lines)


def _line(line: Line, aligned: bool) -> str:
    if line.table:
        return f"&{typst(line.left)} {SIGNS.get(line.sign, line.sign)} \\\n&{typst(line.right)}"
    first, *more = pack(line, LINE) if aligned else [list(line.terms)]
    out = f"{typst(line.left)} {'&' if aligned else ''}{SIGNS.get(line.sign, line.sign)} {_sum(tuple(first))}"
    for terms in more:
        negative, _ = terms[0]
        out += ' \\\n&quad "" ' + ("" if negative else "+ ") + _sum(tuple(terms))
    return out
