"""Names as letters and words: Greek where they are Greek, upright where they are words, with their indices."""

from __future__ import annotations

import re

from derivations.emission.display.layout import Letter, Node, Number, Script, Sign, Word, joined

GREEK = frozenset(
    """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi
    omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega""".split()  # noqa: SIM905
)
#: Letter-like signs, and short forms of names.
LETTERS = {
    "l": "ell", "ell": "ell", "eps": "epsilon", "lam": "lambda", "infty": "infinity", "oo": "infinity", "perp": "perp",
}  # fmt: skip


def identifier(text: str) -> Node:
    """A symbol's or function's name: `sigma_q`, `X_0`, `MSE`, `b'`. Underscores part the stem from its indices."""
    primes = len(text) - len(text.rstrip("'"))
    stem, *indices = [part for part in text.rstrip("'").split("_") if part] or [text]
    split = re.fullmatch(r"([A-Za-z]+?)(\d+)", stem)
    if split and not indices:
        stem, indices = split[1], [split[2]]
    low = _indices(indices) if indices else None
    high = Sign("'" * primes) if primes else None
    return atom(stem) if low is None and high is None else Script(atom(stem), low, high)


def _indices(names: list[str]) -> Node:
    """Indices in a row: words as they are spoken, others with commas."""
    if all(len(n) > 1 and n.isalpha() and n not in GREEK and n not in LETTERS for n in names):
        return Word(" ".join(names))
    return joined([atom(n) for n in names]) if len(names) > 1 else atom(names[0])


def atom(text: str) -> Node:
    """A letter, a number, or a word, as the text is."""
    text = LETTERS.get(text, text)
    if text.isdigit():
        return Number(text)
    if text in GREEK or len(text) == 1 or text in LETTERS.values():
        return Letter(text)
    return Word(text)
