"""A layout as plain text: ASCII in one line, with every bracket that one line needs."""

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
    derivative,
    joined,
)

SIGNS = {"dot": ".", "infinity": "oo"}
FENCES = {
    "(": ("(", ")"), "[": ("[", "]"), "|": ("|", "|"), "||": ("|", "|"), "floor": ("floor(", ")"),
    "ceil": ("ceil(", ")"),
}  # fmt: skip
#: Signs that stand close to what is beside them.
CLOSE_AFTER, CLOSE_BEFORE = ("d", "\\"), (",", "!", "\\")


def text(node: Node) -> str:
    """A formula in one line of ASCII."""
    match node:
        case Letter(name) | Word(name) | Sign(name):
            return SIGNS.get(name, name)
        case Number(digits):
            return digits
        case Row(parts):
            return _row(parts)
        case Times(factors):
            return "".join(f"{_factor(f)}{' ' if derivative(f) else '*'}" for f in factors)[:-1]
        case Plus(terms):
            return _sum(terms)
        case Script(base, low, high):
            return _script(base, low, high)
        case Over(top, bottom):
            return f"{_factor(top)}/{text(bottom) if derivative(node) else _tight(bottom)}"
        case Root(body):
            return f"sqrt({text(body)})"
        case Fence(kind, body):
            return FENCES[kind][0] + text(body) + FENCES[kind][1]
        case Apply(head, arguments, _, brackets):
            return text(head) + text(Fence(brackets, joined(arguments)))
        case Big(sign, low, high, body):
            bounds = " ".join(x for x in (text(low) if low else "", f"to {text(high)}" if high else "") if x)
            return f"{sign}{f'[{bounds}]' if bounds else ''} {_factor(body)}"
        case Grid(kind, rows):
            return _grid(kind, rows)


def _row(parts: tuple[Node, ...]) -> str:
    out = ""
    for i, part in enumerate(parts):
        before = parts[i - 1] if i else None
        bar_at_end = _is(part, ("|",)) and i == len(parts) - 1
        close = before is None or _is(part, CLOSE_BEFORE) or _is(before, CLOSE_AFTER) or bar_at_end
        out += ("" if close else " ") + text(part)
    return out


def _is(node: Node, names: tuple[str, ...]) -> bool:
    return isinstance(node, Sign) and node.name in names


def _script(base: Node, low: Node | None, high: Node | None) -> str:
    differential = isinstance(base, Row) and _is(base.parts[0], ("d",))
    single = differential or isinstance(base, Letter | Word | Number | Fence | Script | Apply | Root)
    stem = text(base) if single or (isinstance(base, Row) and _is(base.parts[-1], ("|",))) else f"({text(base)})"
    if isinstance(high, Sign):
        return stem + high.name + (f"_{_tight(low)}" if low else "")
    return stem + (f"_{_tight(low)}" if low else "") + (f"^{_tight(high)}" if high else "")


def _factor(node: Node) -> str:
    """A factor: sums in brackets."""
    return f"({text(node)})" if isinstance(node, Plus | Big) else text(node)


def _tight(node: Node) -> str:
    """What stands in a script or below a bar: in brackets unless it is one thing."""
    single = isinstance(node, Letter | Word | Number | Sign | Fence | Apply | Root | Script)
    return text(node) if single else f"({text(node)})"


def _sum(terms: tuple[tuple[bool, Node], ...]) -> str:
    out = ""
    for i, (negative, term) in enumerate(terms):
        sign = (" - " if negative else " + ") if i else ("-" if negative else "")
        out += sign + (_factor(term) if isinstance(term, Plus) else text(term))
    return out


def _grid(kind: str, rows: tuple[tuple[Node, ...], ...]) -> str:
    if kind == "binomial":
        return f"binomial({text(rows[0][0])}, {text(rows[1][0])})"
    if kind == "cases":
        return "{" + "; ".join(f"{text(value)} {text(when)}" for value, when in rows) + "}"
    if kind == "table":
        return "\n" + "\n".join("  " + "  ".join(map(text, row)) for row in rows)
    lines = [", ".join(map(text, row)) for row in rows]
    return f"({', '.join(lines)})" if all(len(row) == 1 for row in rows) else f"[{'; '.join(lines)}]"


def display(shown: Display) -> str:
    """A statement in plain text, one relation a line."""
    lines = [_line(line) for row in shown.rows for line in row]
    return "\n".join([*lines, *(f"{word} {_line(short)}" for word, short in shown.explained())])


def _line(line: Line) -> str:
    return f"{text(line.left)} {line.sign} {_sum(line.terms)}"
