"""Words of an entry as they are emitted."""

from __future__ import annotations


def one_line(words: str) -> str:
    """The words without line breaks or runs of spaces."""
    return " ".join(words.split())
