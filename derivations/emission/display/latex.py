"""A layout as LaTeX mathematics; needs amsmath and amssymb."""

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
LETTERS = {"infinity": r"\infty", "epsilon": r"\varepsilon", "phi": r"\varphi"}
OPERATORS = ("log", "sinh", "cosh", "tanh", "coth", "sin", "cos", "tan", "max", "min", "exp", "sup", "arctan", "arcsin")
SIGNS = {
    ">=": r"\ge", "<=": r"\le", "!=": r"\ne", "||": r"\,\Vert\,", "|": r"\mid", "dot": r"\cdot", "->": r"\to",
    "and": r"\wedge", "or": r"\vee", "\\": r"\backslash", "~": r"\approx", "d": r"\mathrm{d}",
}  # fmt: skip
FENCES = {
    "(": ("(", ")"), "[": ("[", "]"), "|": (r"\lvert ", r" \rvert"), "||": (r"\lVert ", r" \rVert"),
    "floor": (r"\lfloor ", r" \rfloor"), "ceil": (r"\lceil ", r" \rceil"),
}  # fmt: skip
BIG = {"sum": r"\sum", "prod": r"\prod", "int": r"\int", "lim": r"\lim"}


def latex(node: Node) -> str:
    """One line of mathematics, without the dollar signs."""
    match node:
        case Letter(name):
            return LETTERS.get(name, name if len(name) == 1 else f"\\{name}")
        case Word(text, bold):
            return rf"\mathbb{{{text}}}" if bold else f"\\{text}" if text in OPERATORS else rf"\mathrm{{{text}}}"
        case Number(text):
            return text.replace("...", r"\ldots")
        case Sign(name):
            return SIGNS.get(name, name)
        case Row(parts):
            return " ".join(map(_part, parts)).replace(" ,", ",").replace(" !", "!")
        case Times(factors):
            return " ".join(map(latex, dotted(factors)))
        case Plus(terms):
            return _sum(terms)
        case Script(base, low, high):
            stem = latex(base) if isinstance(base, Letter | Word | Number | Fence) else f"{{{latex(base)}}}"
            return stem + (f"_{_group(low)}" if low else "") + (_raised(high) if high else "")
        case Over(top, bottom, slanted):
            return f"{latex(top)} / {latex(bottom)}" if slanted else rf"\frac{{{latex(top)}}}{{{latex(bottom)}}}"
        case Root(body):
            return rf"\sqrt{{{latex(body)}}}"
        case Fence(kind, body):
            return _fenced(kind, body)
        case Apply(head, arguments, bare, brackets):
            inside = joined(arguments)
            return f"{_head(head)} {latex(inside)}" if bare else _head(head) + _fenced(brackets, inside)
        case Big(sign, low, high, body):
            bounds = (f"_{_group(low)}" if low else "") + (f"^{_group(high)}" if high else "")
            return f"{BIG[sign]}{bounds} {latex(body)}"
        case Grid(kind, rows):
            return _grid(kind, rows)


def _part(node: Node) -> str:
    """A part of a row; words between formulas keep their spaces."""
    return rf"\text{{{node.text} }}" if isinstance(node, Word) and node.text in ("if", "otherwise") else latex(node)


def _head(node: Node) -> str:
    match node:
        case Word(text, False) if text not in OPERATORS:
            return rf"\operatorname{{{text}}}"
        case Script(Word() as word, low, high):
            return _head(word) + (f"_{_group(low)}" if low else "") + (_raised(high) if high else "")
        case _:
            return latex(node)


def _group(node: Node) -> str:
    text = latex(node)
    return text if len(text) == 1 else f"{{{text}}}"


def _raised(high: Node) -> str:
    return high.name if isinstance(high, Sign) and set(high.name) == {"'"} else f"^{_group(high)}"


def _fenced(kind: str, body: Node) -> str:
    left, right = FENCES[kind]
    if height(body) <= 1:
        return f"{left}{latex(body)}{right}"
    return rf"\left{left.strip()} {latex(body)} \right{right.strip()}"


def _sum(terms: tuple[tuple[bool, Node], ...]) -> str:
    signs = [("- " if i else "-") if negative else "+ " if i else "" for i, (negative, _) in enumerate(terms)]
    return " ".join(sign + latex(term) for sign, (_, term) in zip(signs, terms, strict=True))


def _grid(kind: str, rows: tuple[tuple[Node, ...], ...]) -> str:
    tall = kind != "binomial" and any(height(cell) > 1 for row in rows for cell in row)
    style, gap = (r"\displaystyle ", r" \\[1ex] ") if tall else ("", r" \\ ")
    cells = [[style + _part(cell) for cell in row] for row in rows]
    if kind == "binomial":
        return rf"\binom{{{cells[0][0]}}}{{{cells[1][0]}}}"
    if kind == "table":
        head, *body = (" & ".join(row) for row in cells)
        columns = "r|" + "r" * (len(rows[0]) - 1)
        return rf"\begin{{array}}{{{columns}}} {head} \\ \hline " + gap.join(body) + r" \end{array}"
    name = "cases" if kind == "cases" else "pmatrix"
    return rf"\begin{{{name}}} " + gap.join(" & ".join(row) for row in cells) + rf" \end{{{name}}}"


def display(shown: Display) -> str:
    """A statement as one display: `aligned` at its signs where it has several lines, long sums broken."""
    many = list(shown.lines())
    if len(many) == 1 and len(pack(many[0], LINE)) == 1:
        return _line(many[0], aligned=False)
    lines = [r",\quad ".join((_line(first), *(_line(x, False) for x in more))) for first, *more in shown.rows]
    lines += [rf"\text{{{word} }} {_line(short)}" for word, short in shown.explained()]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _line(line: Line, aligned: bool = True) -> str:
    if line.table:
        return f"&{latex(line.left)} {SIGNS.get(line.sign, line.sign)} \\\\\n&{latex(line.right)}"
    first, *more = pack(line, LINE) if aligned else [list(line.terms)]
    out = f"{latex(line.left)} {'&' if aligned else ''}{SIGNS.get(line.sign, line.sign)} {_sum(tuple(first))}"
    for terms in more:
        negative, _ = terms[0]
        out += " \\\\\n&\\quad {}" + ("" if negative else "+ ") + _sum(tuple(terms))
    return out
