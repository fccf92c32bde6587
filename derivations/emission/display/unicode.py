"""A layout drawn with Unicode characters for a terminal: fractions in two storeys, raised exponents, tall brackets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

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
    joined,
    pack,
)  # fmt: skip

#: Columns that a display takes at most, where its terms can be broken.
COLUMNS = 88
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω", "infinity": "∞", "ell": "ℓ", "partial": "∂",
}  # fmt: skip
BOLD = {"E": "𝔼", "P": "ℙ", "R": "ℝ", "H": "ℍ"}
SIGNS = {
    ">=": "≥", "<=": "≤", "!=": "≠", "||": "‖", "|": "|", "dot": "⋅", "->": "→", "and": "∧", "or": "∨", "*": "∗",
    "\\": "∖", "~": "≈", "'": "′", "''": "″",
}  # fmt: skip
RAISED = str.maketrans("0123456789-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
BIG = {"sum": "∑", "prod": "∏", "int": "∫", "lim": "lim"}
#: Brackets in one line, and as top, middle, bottom pieces (braces also have a waist).
FENCES = {
    "(": ("()", "⎛⎜⎝", "⎞⎟⎠"), "[": ("[]", "⎡⎢⎣", "⎤⎥⎦"), "|": ("||", "│││", "│││"), "||": ("‖‖", "‖‖‖", "‖‖‖"),
    "floor": ("⌊⌋", "⎢⎢⎣", "⎥⎥⎦"), "ceil": ("⌈⌉", "⎡⎢⎢", "⎤⎥⎥"), "{": ("{}", "⎧⎪⎩", "⎫⎪⎭"),
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """Lines of equal length, and which of them is the line of writing."""

    lines: tuple[str, ...]
    base: int = 0

    @classmethod
    def of(cls, text: str) -> Block:
        return cls((text,))

    @property
    def wide(self) -> int:
        return len(self.lines[0])

    @property
    def high(self) -> int:
        return len(self.lines)

    def beside(self, other: Block) -> Block:
        """This and another, their lines of writing level."""
        above = max(self.base, other.base)
        below = max(self.high - self.base, other.high - other.base)
        return Block(
            tuple(a + b for a, b in zip(self._padded(above, below), other._padded(above, below), strict=True)), above
        )

    def _padded(self, above: int, below: int) -> list[str]:
        blank = " " * self.wide
        return [blank] * (above - self.base) + list(self.lines) + [blank] * (below - (self.high - self.base))


def stack(blocks: list[Block], base: int) -> Block:
    """Blocks below each other, centred; `base` is the line of writing."""
    wide = max(b.wide for b in blocks)
    return Block(tuple(line.center(wide) for b in blocks for line in b.lines), base)


def row(*parts: Block | str) -> Block:
    """Blocks and text side by side."""
    blocks = [Block.of(p) if isinstance(p, str) else p for p in parts]
    return reduce(Block.beside, blocks) if blocks else Block.of("")


def fenced(kind: str, inside: Block, left: bool = True, right: bool = True) -> Block:
    """A block in brackets as tall as it is."""
    flat, lefts, rights = FENCES[kind]
    if inside.high == 1:
        return row(flat[0] if left else "", inside, flat[1] if right else "")

    def side(pieces: str) -> Block:
        middle = [pieces[1]] * (inside.high - 2)
        if kind == "{" and inside.high > 2:
            middle[len(middle) // 2] = "⎨"
        return Block((pieces[0], *middle, pieces[2]), inside.base)

    return row(*([side(lefts)] if left else []), inside, *([side(rights)] if right else []))


def block(node: Node) -> Block:
    """A formula as a drawing."""
    match node:
        case Letter(name):
            return Block.of(LETTERS.get(name, name))
        case Word(text, bold):
            return Block.of(BOLD.get(text, text) if bold else text)
        case Number(digits):
            return Block.of(digits.replace("...", "…"))
        case Sign(name):
            return Block.of(SIGNS.get(name, name))
        case Row(parts):
            return _row(parts)
        case Times(factors):
            return _times(factors)
        case Plus(terms):
            return _sum(terms)
        case Script(base, low, high):
            return _script(base, low, high)
        case Over(top, bottom, slanted):
            return row(block(top), "/", block(bottom)) if slanted else _fraction(block(top), block(bottom))
        case Root(body):
            inside = block(body)
            single = inside.high == 1 and (inside.wide == 1 or isinstance(body, Letter | Number | Script))
            return row("√", inside if single else fenced("(", inside))
        case Fence(kind, body):
            return fenced(kind, block(body))
        case Apply(head, arguments, bare, brackets):
            inside = block(joined(arguments))
            if bare and inside.high == 1:
                return row(block(head), " ", inside)
            return row(block(head), fenced(brackets, inside))
        case Big(sign, low, high, body):
            return _big(sign, low, high, body)
        case Grid(kind, rows):
            return _grid(kind, rows)


def _fraction(top: Block, bottom: Block) -> Block:
    nested = "─" in top.lines[0] + bottom.lines[-1] or top.high + bottom.high > 2
    wide = max(top.wide, bottom.wide) + 2 * nested
    return stack([top, Block.of("─" * wide), bottom], top.high)


def _row(parts: tuple[Node, ...]) -> Block:
    out: list[Block | str] = []
    for i, part in enumerate(parts):
        before = parts[i - 1] if i else None
        bar_at_end = _is(part, "|") and i == len(parts) - 1
        close = before is None or _is(before, "d", "dot", "\\") or _is(part, ",", "!", "dot", "\\") or bar_at_end
        partial = isinstance(before, Letter) and before.name == "partial"
        out += [block(part)] if close or partial else [" ", block(part)]
    return row(*out)


def _is(node: Node, *names: str) -> bool:
    return isinstance(node, Sign) and node.name in names


def _times(factors: tuple[Node, ...]) -> Block:
    """Letters run together as products do; words, fractions and tall things stand apart."""
    out: list[Block | str] = []
    nodes = dotted(factors)
    for i, factor in enumerate(nodes):
        drawn = block(factor)
        if i:
            left, before = nodes[i - 1], out[-1]
            words = isinstance(factor, Apply | Big | Word | Row) or isinstance(left, Apply | Word)
            if words or drawn.high > 1 or (isinstance(before, Block) and before.high > 1):
                out.append(" ")
        out.append(drawn)
    return row(*out)


def _sum(terms: tuple[tuple[bool, Node], ...]) -> Block:
    parts: list[Block | str] = []
    for i, (negative, term) in enumerate(terms):
        sign = ("-" if negative else "") if not i else (" - " if negative else " + ")
        parts += [sign, block(term)]
    return row(*parts)


def _script(base: Node, low: Node | None, high: Node | None) -> Block:
    out = block(base)
    if low is not None:
        index = block(low)
        flat = index.lines[0].replace(", ", ",")
        lowered = flat.translate(LOWERED) if flat.isdigit() else f"_{flat}"
        out = row(out, lowered) if index.high == 1 else _low(out, index)
    if high is None:
        return out
    power = block(high)
    flat = power.lines[0]
    if power.high == 1 and (set(flat) <= set("0123456789") or flat in ("-1", "n")) and out.high == 1:
        return row(out, flat.translate(RAISED))
    if power.high == 1 and set(flat) <= set("′″∗'"):
        return row(out, flat)
    lines = [" " * out.wide + line for line in power.lines] + [line + " " * power.wide for line in out.lines]
    return Block(tuple(lines), power.high + out.base)


def _low(out: Block, index: Block) -> Block:
    lines = [line + " " * index.wide for line in out.lines] + [" " * out.wide + line for line in index.lines]
    return Block(tuple(lines), out.base)


def _big(sign: str, low: Node | None, high: Node | None, body: Node) -> Block:
    parts = [block(high)] if high is not None else []
    base = parts[0].high if parts else 0
    parts.append(Block.of(BIG[sign]))
    if low is not None:
        parts.append(block(low))
    return row(stack(parts, base), " ", block(body))


def _grid(kind: str, rows: tuple[tuple[Node, ...], ...]) -> Block:
    cells = [[block(cell) for cell in line] for line in rows]
    wide = [max(line[i].wide for line in cells) for i in range(len(cells[0]))]
    drawn: list[Block] = []
    for line in cells:
        padded = []
        for i, cell in enumerate(line):
            lines = (
                text.ljust(wide[i])
                if kind == "cases"
                else text.rjust(wide[i])
                if kind == "table"
                else text.center(wide[i])
                for text in cell.lines
            )
            padded.append(Block(tuple(lines), cell.base))
        gap = " │ " if kind == "table" else "  "
        drawn.append(row(padded[0], *(x for i, cell in enumerate(padded[1:]) for x in (gap if not i else "  ", cell))))
    if kind == "table":
        drawn.insert(1, Block.of("─" * (wide[0] + 1) + "┼" + "─" * (drawn[0].wide - wide[0] - 2)))
    high = sum(b.high for b in drawn)
    inside = stack(drawn, high // 2 if len(drawn) > 1 else drawn[0].base)
    if kind == "table":
        return inside
    return fenced("{", inside, right=False) if kind == "cases" else fenced("(", inside)


def line(node: Node) -> str | None:
    """A formula in one line; None where it needs more."""
    drawn = block(node)
    return drawn.lines[0] if drawn.high == 1 else None


def display(shown: Display) -> str:
    """A statement as a drawing, relations below each other and level at their signs."""
    heads = [(block(first.left), first, more) for first, *more in shown.rows]
    heads += [(row(f"{word} ", block(short.left)), short, []) for word, short in shown.explained()]
    left = max((head.wide for head, first, _ in heads if not first.table), default=0)
    drawn: list[Block] = []
    for head, first, more in heads:
        if first.table:
            drawn += [row(head, f" {SIGNS.get(first.sign, first.sign)}"), block(first.right)]
            continue
        beside = [part for other in more for part in (",   ", _whole(other))]
        rows = [list(first.terms)] if more else pack(first, COLUMNS - left + head.wide, lambda n: block(n).wide, gap=3)
        for i, terms in enumerate(rows):
            if i:
                start = row(" " * (left + 3), "- " if terms[0][0] else "+ ")
                terms[0] = (False, terms[0][1])
            else:
                start = row(" " * (left - head.wide), head, f" {SIGNS.get(first.sign, first.sign)} ")
            drawn.append(row(start, _sum(tuple(terms)), *(beside if i == len(rows) - 1 else [])))
    lines: list[str] = []
    for i, part in enumerate(drawn):
        if i and (part.high > 1 or drawn[i - 1].high > 1):
            lines.append("")
        lines += [text.rstrip() for text in part.lines]
    return "\n".join(lines)


def _whole(line: Line) -> Block:
    return row(block(line.left), f" {SIGNS.get(line.sign, line.sign)} ", _sum(line.terms))
