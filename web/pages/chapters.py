"""The home page, the list of chapters, and a page per chapter with every statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hrssm import __version__
from web import markup
from web.markup import LEVELS, chapter_name, entry_link, link, text
from web.reference import Reference


def home(reference: Reference) -> str:
    """The first page: what this is, how to read it, and the ways in."""
    entries = reference.entries
    counts = {k: sum(e["level"].startswith(k) for e in entries.values()) for k in LEVELS}
    levels = markup.table(
        ("level", "meaning", "entries"),
        ((f'<span class="badge level-{k}">{k}</span>', text(LEVELS[k]), str(n)) for k, n in counts.items() if n),
    )
    ways = (
        ("chapters/", "Chapters", "every statement in reading order"),
        ("symbols/", "Symbols", "which formulas a letter stands in, and for what"),
        ("functions/", "Functions", "which formulas a function of the library computes, proved or not"),
        ("graph/", "Dependency graph", "which entry rests on which"),
        ("ledger/", "Ledger", "the claims of the write-ups, and what became of them"),
        ("accuracy/", "Accuracy", "the code's rounding error, against ball arithmetic"),
        ("library/", "Library", "the Python package, module by module"),
    )
    return markup.page(
        "hrssm",
        f"<p>The verified reference for hyperbolic latent world models, version {text(__version__)}: {len(entries)} "
        "formulas, each with its statement, its proof step by step, a certificate in ball arithmetic, and the code "
        "that is shown to compute it. Every formula has a permanent address, such as "
        f"{entry_link('hg-kl', '')}, and can be cited in five formats.</p>",
        markup.listing(f"{link(to, name)}: {text(words)}" for to, name, words in ways),
        "## Levels of proof",
        levels,
        description="The verified reference for hyperbolic latent world models",
    )


def contents(reference: Reference) -> str:
    """All chapters with the names of their entries."""
    parts = []
    for chapter, ids in reference.chapters.items():
        to = link(f"{chapter}/", text(chapter_name(chapter)))
        parts.append(f'<h2 id="{chapter}">{to}</h2>')
        parts.append(markup.listing(_title(id, reference.entries[id], "chapters/") for id in ids))
    return markup.page("Chapters", *parts)


def chapter(name: str, reference: Reference) -> str:
    """A chapter: every entry with its statement."""
    here, parts = f"chapters/{name}/", []
    for id in reference.chapters[name]:
        entry = reference.entries[id]
        to = entry_link(id, here, text(entry["title"]))
        mark = f'<span class="badge level-{entry["level"][:1]}">{text(entry["level"])}</span>'
        parts.append(f'<h2 id="{id}">{to}</h2>\n<p class="about"><code>{text(id)}</code> {mark}</p>')
        parts.append(markup.formula(reference.mathml[id]["statement"], entry["statement"]["text"]))
    return markup.page(chapter_name(name), *parts)


def _title(id: str, entry: Mapping[str, Any], here: str) -> str:
    return f"{entry_link(id, here)} {text(entry['title'])}"
