"""A page per formula: what it states and where, its proof, who implements it, how to cite it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hrssm import __version__
from hrssm.citation import FORMATS, cite
from web import markup
from web.markup import STATUSES, entry_link, text
from web.reference import Reference

#: How each format of a citation is called on its tab, and as what its code is coloured.
NAMES = {"bibtex": ("BibTeX", "bibtex"), "latex": ("LaTeX", "latex"), "typst": ("Typst", "text"),
         "text": ("Text", "text"), "python": ("Python", "python")}  # fmt: skip


def page(id: str, reference: Reference) -> str:
    """The page of a formula as Markdown; its address is its id."""
    entry, here = reference.entries[id], f"{id}/"
    return markup.page(
        entry["title"],
        _heading(id, entry, reference, here),
        markup.formula(reference.mathml[id]["statement"], entry["statement"]["text"]),
        _symbols(id, entry, reference),
        _prose("Assumptions", entry["assumptions"], reference, here),
        _prose("Conventions", entry["conventions"], reference, here),
        "## Proof\n\n" + (_proof(id, entry, reference) or "It is cited, not proved here."),
        _certificate(entry),
        _implemented(entry, reference, here),
        _neighbours(id, entry, reference, here),
        _sources(entry, reference),
        "## Cite { data-search-exclude }\n\n" + markup.tabs(_citations(id)),
        "## History { data-search-exclude }\n\n" + _history(entry),
        description=f"{entry['title']}: formula {id} of the verified reference",
        weight=3,
    )


def _heading(id: str, entry: Mapping[str, Any], reference: Reference, here: str) -> str:
    chapter = markup.link(f"chapters/{entry['chapter']}/", text(markup.chapter_name(entry["chapter"])), here)
    address = f'<a class="address" href="./" title="permanent address of this page"><code>/{text(id)}/</code></a>'
    return f'<p class="about">{address} · {chapter} · {markup.badge(entry)} · {_status(entry)}</p>'


def _status(entry: Mapping[str, Any]) -> str:
    places = ", ".join(text(f"{s['key']} {s['place']}".strip()) for s in entry["sources"])
    word = STATUSES[entry["status"]]
    return f"{word} {places}" if places and entry["status"] != "new" else word


def _symbols(id: str, entry: Mapping[str, Any], reference: Reference) -> str:
    drawn = reference.mathml[id]["symbols"]
    rows = [
        (drawn[s["name"]], text(s["role"]), text(s["domain"]), f"<code>{text(s['name'])}</code>")
        for s in entry["symbols"]
    ]
    return "## Symbols\n\n" + markup.table(("symbol", "what it is", "where it lives", "in code"), rows) if rows else ""


def _prose(heading: str, sentences: list[str], reference: Reference, here: str) -> str:
    items = markup.listing(markup.prose(words, reference.entries, here) for words in sentences)
    return f"## {heading}\n\n{items}" if items else ""


def _proof(id: str, entry: Mapping[str, Any], reference: Reference) -> str:
    def step(step: Mapping[str, Any], drawn: str | None) -> str:
        plain = f"{step['lhs']} {step['op'].replace('==', '=')} {step['rhs']}"
        shown = markup.formula(drawn, plain) if drawn else f"<pre><code>{text(_short(plain))}</code></pre>"
        by = f'<span class="by">{text(step["rewrite"])}: {text(step["verdict"])}</span>'
        return f"<p>{markup.prose(step['words'], reference.entries, f'{id}/')} {by}</p>{shown}"

    drawn = reference.mathml[id]["steps"]
    return markup.listing((step(s, d) for s, d in zip(entry["steps"], drawn, strict=True)), "ol", "proof")


def _short(words: str, most: int = 1200) -> str:
    return words if len(words) <= most else f"{words[:most]} ..."


def _certificate(entry: Mapping[str, Any]) -> str:
    found, mutation, lines = entry["certificate"], entry["mutation"], []
    if found:
        lines.append(
            f"{text(found['verdict'])} at {found['points']} exact points; balls of relative width "
            f"{found['width']:.0e} or less; {found['mpmath_digits']} digits shared with mpmath"
        )
    elif entry["uncertified"]:
        lines.append(f"none: {text(entry['uncertified'])}")
    if mutation and mutation["killed"] + len(mutation["surviving"]):
        killed = mutation["killed"]
        lines.append(f"{killed} of {killed + len(mutation['surviving'])} wrong versions of it are refuted")
        lines += [
            f"another way to write it: <code>{text(m['mutant'])}</code>: {text(m['reason'])}"
            for m in mutation["equivalent"]
        ]
    return f"## Certificate\n\n{markup.listing(lines)}" if lines else ""


def _implemented(entry: Mapping[str, Any], reference: Reference, here: str) -> str:
    proved: dict[str, list[str]] = {}
    for claim in entry["code"]:
        verdict = {"true": "proved to compute it", "numeric": "shown on numbers"}.get(
            claim["verdict"], claim["verdict"]
        )
        where = f", in dimensions {', '.join(map(str, claim['dimensions']))}" if claim.get("dimensions") else ""
        variant = f"{claim['variant']}: " if claim.get("variant") else ""
        proved.setdefault(claim["implements"], []).append(f"{variant}{verdict}{where}")

    def item(name: str) -> str:
        found = reference.library.find(name)
        if found is None:
            return f"<code>{text(name)}</code>"
        verdicts = "".join(f"<br>{text(words)}" for words in proved.get(name, ()))
        lines = f"<summary>{text(found.file)}, lines {found.first} to {found.last}</summary>"
        code = f"<pre><code>{text(_head(found.code))}</code></pre>"
        to = markup.link(found.address, f"<code>{text(name)}</code>", here)
        return f"{to}{verdicts}<details data-search-exclude>{lines}{code}</details>"

    items = markup.listing(map(item, entry["implements"]))
    return f"## Implemented by\n\n{items}" if items else ""


def _head(code: str, most: int = 60) -> str:
    lines = code.split("\n")
    return code if len(lines) <= most else "\n".join([*lines[:most], f"... {len(lines) - most} more lines"])


def _neighbours(id: str, entry: Mapping[str, Any], reference: Reference, here: str) -> str:
    def links(ids: list[str]) -> str:
        return markup.listing(f"{entry_link(i, here)} {text(reference.entries[i]['title'])}" for i in ids)

    uses, used = links(entry["uses"]), links(reference.used_by[id])
    return "\n\n".join(f"## {name}\n\n{items}" for name, items in (("Uses", uses), ("Used by", used)) if items)


def _sources(entry: Mapping[str, Any], reference: Reference) -> str:
    def item(source: Mapping[str, str]) -> str:
        found = reference.sources.get(source["key"])
        place = f": {text(source['place'])}" if source["place"] else ""
        return f"<code>{text(source['key'])}</code> {text(found.words()) if found else ''}{place}"

    items = markup.listing(map(item, entry["sources"]))
    return f"## Sources\n\n{items}" if items else ""


def _citations(id: str) -> Iterator[tuple[str, str]]:
    for format in FORMATS:
        try:
            code = cite(id, format)
        except ValueError:  # no numbers in it, so no Python
            continue
        name, language = NAMES[format]
        yield name, markup.fenced(code, language)


def _history(entry: Mapping[str, Any]) -> str:
    rows = [(text(h["version"]), f"<code>{text(h['digest'])}</code>") for h in entry["history"]]
    now = (
        f"<p>This is the entry of hrssm {text(__version__)}. Its digest is that of what it states: the same digest is "
        "the same formula.</p>"
    )
    return now + markup.table(("since version", "digest"), rows)
