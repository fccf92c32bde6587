"""Pieces of pages: escaped text, formulas that copy as text, tables, links between pages."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from html import escape
from typing import Any

#: What the marks beside a formula mean, in a few words.
LEVELS = {
    "S": "proved symbolically",
    "B": "enclosed in ball arithmetic",
    "N": "high-precision numerics",
    "C": "cited",
    "-": "not established",
}
STATUSES = {"proves": "as stated in", "refutes": "refutes", "corrects": "corrects", "new": "new"}


def text(words: str) -> str:
    """Plain words as HTML; Markdown sees nothing to set in them."""
    return "".join(f"&#{ord(c)};" if c in "*_`\\[]|#" else escape(c) for c in words)


def formula(mathml: str, plain: str) -> str:
    """A displayed formula in a box that scrolls by keyboard; copied as text it is `plain`."""
    body = mathml.replace("<math ", f'<math alttext="{attribute(plain)}" ', 1)
    return f'<div class="formula" tabindex="0" role="group" aria-label="formula" data-search-exclude>{body}</div>'


def attribute(words: str) -> str:
    """Words inside an attribute, on one line of the page."""
    return escape(words, quote=True).replace("\n", "&#10;")


def badge(entry: Mapping[str, Any]) -> str:
    """Level and verdict of an entry as a mark whose colour says the level."""
    level, verdict = entry["level"], entry["verdict"]
    words = LEVELS.get(level[:1], "")
    return (
        f'<span class="badge level-{attribute(level[:1])}" title="{attribute(words)}">{text(level)}</span> '
        f"<span>{text(words)}, verdict {text(verdict)}</span>"
    )


def link(target: str, words: str, here: str = "") -> str:
    """A link to a page by its address below the root, from the page at `here` (as `chapters/geometry/`)."""
    return f'<a href="{"../" * here.count("/")}{target}">{words}</a>'


def entry_link(id: str, here: str, words: str | None = None) -> str:
    """A link to a formula's page."""
    return link(f"{id}/", words if words is not None else f"<code>{text(id)}</code>", here)


def prose(words: str, ids: Container[str], here: str) -> str:
    """A sentence in which the ids of formulas are links."""
    parts = re.split(r"([a-z0-9]+(?:-[a-z0-9]+)+)", words)
    return "".join(entry_link(part, here, text(part)) if part in ids else text(part) for part in parts)


def listing(items: Iterable[str], kind: str = "ul", name: str = "") -> str:
    """A list of pieces of HTML; empty for none."""
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f'<{kind} class="{name}">{rows}</{kind}>' if rows else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], name: str = "") -> str:
    """A table of pieces of HTML in a box that scrolls; empty without rows."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return ""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    return (
        f'<div class="md-typeset__scrollwrap {name}" tabindex="0" role="group" aria-label="table">'
        f'<div class="md-typeset__table"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div></div>'
    )


def fenced(code: str, language: str = "text") -> str:
    """A block of code that Markdown sets, with its button to copy."""
    return f"```` {language}\n{code.strip(chr(10))}\n````"


def tabs(pieces: Iterable[tuple[str, str]]) -> str:
    """Tabs, each a name and Markdown."""
    return "\n\n".join(
        f'=== "{name}"\n\n' + "\n".join(f"    {row}" for row in body.split("\n")) for name, body in pieces
    )


def page(title: str, *parts: str, description: str = "", wide: bool = False, weight: int = 1) -> str:
    """A page: front matter, title, parts with blank lines between them.

    A wide one has no contents at its side; search puts one of more weight before others.
    """
    front = f"---\ntitle: {_quoted(title)}\n" + (f"description: {_quoted(description)}\n" if description else "")
    front += ("hide: [toc]\n" if wide else "") + (f"search: {{boost: {weight}}}\n" if weight != 1 else "") + "---"
    return "\n\n".join([front, f"# {text(title)}", *(part for part in parts if part)]) + "\n"


def _quoted(words: str) -> str:
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def chapter_name(chapter: str) -> str:
    """A chapter's folder as a heading."""
    return chapter.replace("_", " ").capitalize().replace("gaussian", "Gaussian").replace("riemannian", "Riemannian")
