"""A layout as presentation MathML, which browsers draw and screen readers speak without help."""

from __future__ import annotations

from html import escape

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
)  # fmt: skip
from derivations.emission.display.unicode import BOLD, LETTERS, SIGNS

#: A display line wider than this (in letters, about) is broken before a term of its outermost sum.
LINE = 64
FENCES = {"(": "()", "[": "[]", "{": "{}", "|": "||", "||": "‖‖", "floor": "⌊⌋", "ceil": "⌈⌉"}
BIG = {"sum": "∑", "prod": "∏", "int": "∫"}
TIMES, OF = "<mo>\u2062</mo>", "<mo>\u2061</mo>"
MINUS = "\u2212"


def mathml(node: Node) -> str:
    """One line of mathematics as elements inside <math>."""
    match node:
        case Letter(name):
            return f"<mi>{LETTERS.get(name, name)}</mi>"
        case Word(text, bold):
            return f'<mi mathvariant="normal">{BOLD.get(text, text) if bold else escape(text)}</mi>'
        case Number(digits):
            return f"<mn>{digits.replace('...', '…')}</mn>"
        case Sign(name):
            return _sign(name)
        case Row(parts):
            return _row("".join(_words(part) for part in parts))
        case Times(factors):
            return _row(TIMES.join(map(mathml, dotted(factors))).replace(f"{TIMES}<mo>⋅</mo>{TIMES}", "<mo>⋅</mo>"))
        case Plus(terms):
            return _row(_sum(terms))
        case Script():
            return _script(node)
        case Over(top, bottom, slanted):
            if slanted:
                return _row(f"{mathml(top)}<mo>/</mo>{mathml(bottom)}")
            return f"<mfrac>{mathml(top)}{mathml(bottom)}</mfrac>"
        case Root(body):
            return f"<msqrt>{mathml(body)}</msqrt>"
        case Fence(kind, body):
            return _fenced(kind, body)
        case Apply(head, arguments, bare, brackets):
            inside = joined(arguments)
            if bare:
                return _row(f'{mathml(head)}{OF}<mspace width="0.17em"/>{mathml(inside)}')
            return _row(f"{mathml(head)}{OF}{_fenced(brackets, inside)}")
        case Big(sign, low, high, body):
            return _row(_big(sign, low, high) + mathml(body))
        case Grid(kind, rows):
            return _grid(kind, rows)


def _row(inside: str) -> str:
    return f"<mrow>{inside}</mrow>"


def _words(node: Node) -> str:
    """A part of a row; words between formulas keep their spaces."""
    spoken = isinstance(node, Word) and node.text in ("if", "otherwise")
    return f"<mtext>{node.text}\u00a0</mtext>" if spoken else mathml(node)


def _sign(name: str) -> str:
    sign = escape(SIGNS.get(name, name))
    if name == "d":
        return '<mi mathvariant="normal">d</mi>'
    if name == "||":
        return '<mo lspace="0.28em" rspace="0.28em">∥</mo>'
    return f"<mo>{sign}</mo>"


def _sum(terms: tuple[tuple[bool, Node], ...]) -> str:
    out = ""
    for i, (negative, term) in enumerate(terms):
        out += (f"<mo>{MINUS}</mo>" if negative else "<mo>+</mo>" if i else "") + mathml(term)
    return out


def _script(node: Script) -> str:
    base = mathml(node.base)
    if node.low is not None and node.high is not None:
        return f"<msubsup>{base}{mathml(node.low)}{mathml(node.high)}</msubsup>"
    if node.low is not None:
        return f"<msub>{base}{mathml(node.low)}</msub>"
    return f"<msup>{base}{mathml(node.high)}</msup>" if node.high is not None else base


def _fenced(kind: str, inside: Node) -> str:
    """Brackets that stretch where what they hold is tall; otherwise a stretched variant would stand too far off."""
    left, right = FENCES[kind]
    stretchy = "true" if height(inside) > 1 else "false"
    opened = f'<mo form="prefix" stretchy="{stretchy}">{left}</mo>'
    return _row(f'{opened}{mathml(inside)}<mo form="postfix" stretchy="{stretchy}">{right}</mo>')


def _bracketed(inside: str) -> str:
    return _row(f'<mo form="prefix" stretchy="true">(</mo>{inside}<mo form="postfix" stretchy="true">)</mo>')


def _big(sign: str, low: Node | None, high: Node | None) -> str:
    if sign == "lim":
        return f'<munder><mo movablelimits="false">lim</mo>{mathml(low)}</munder>' if low else "<mo>lim</mo>"
    mark = f"<mo>{BIG[sign]}</mo>"
    under, both = ("msub", "msubsup") if sign == "int" else ("munder", "munderover")
    if low is None:
        return mark
    return (
        f"<{under}>{mark}{mathml(low)}</{under}>"
        if high is None
        else f"<{both}>{mark}{mathml(low)}{mathml(high)}</{both}>"
    )


def _grid(kind: str, rows: tuple[tuple[Node, ...], ...]) -> str:
    if kind == "binomial":
        return _bracketed(f'<mfrac linethickness="0">{mathml(rows[0][0])}{mathml(rows[1][0])}</mfrac>')
    style = ' style="text-align: left"' if kind == "cases" else ""
    body = "".join("<mtr>" + "".join(f"<mtd{style}>{mathml(cell)}</mtd>" for cell in row) + "</mtr>" for row in rows)
    if kind == "cases":
        return _row(f'<mo form="prefix" stretchy="true">{{</mo><mtable>{body}</mtable>')
    return f'<mtable class="values">{body}</mtable>' if kind == "table" else _bracketed(f"<mtable>{body}</mtable>")


def inline(node: Node) -> str:
    """A formula inside a sentence."""
    return f"<math>{mathml(node)}</math>"


def step(line: Line) -> str:
    """One relation of a proof."""
    return _block(_rows(line))


def display(shown: Display) -> str:
    """A statement as a block: one relation a row, aligned at its sign, long sums broken."""
    rows = ""
    for first, *more in shown.rows:
        rows += _rows(first, behind="".join(f'<mo>,</mo><mspace width="1.5em"/>{_whole(x)}' for x in more))
    rows += "".join(_rows(short, f"<mtext>{word}\u00a0</mtext>") for word, short in shown.explained())
    return _block(rows)


def _block(rows: str) -> str:
    return f'<math display="block"><mtable class="lines" displaystyle="true">{rows}</mtable></math>'


def _whole(line: Line) -> str:
    return f"{mathml(line.left)}{_sign(line.sign)}{_sum(line.terms)}"


def _rows(line: Line, before: str = "", behind: str = "") -> str:
    left, right = ' style="text-align: right"', ' style="text-align: left"'
    if line.table:
        both = f'<mtr><mtd{right} columnspan="2">'
        return f"{both}{mathml(line.left)}{_sign(line.sign)}</mtd></mtr>{both}{mathml(line.right)}</mtd></mtr>"
    first, *more = pack(line, LINE)
    start = f"{_sign(line.sign)}{_sum(tuple(first))}{behind if not more else ''}"
    out = f"<mtr><mtd{left}>{before}{mathml(line.left)}</mtd><mtd{right}>{start}</mtd></mtr>"
    for terms in more:
        negative, _ = terms[0]
        body = ("" if negative else "<mo>+</mo>") + _sum(tuple(terms))
        out += f'<mtr><mtd{left}></mtd><mtd{right}><mspace width="2em"/>{body}</mtd></mtr>'
    return out
