"""Where a symbol is used, and which formulas a function computes."""

from __future__ import annotations

import re

from web import markup
from web.markup import entry_link, text
from web.reference import Reference


def symbols(reference: Reference) -> str:
    """Every symbol as it is written, with what it stands for and where."""
    here = "symbols/"
    found: dict[str, dict[str, list[str]]] = {}
    drawn: dict[str, str] = {}
    for id, entry in reference.entries.items():
        for symbol in entry["symbols"]:
            written = symbol["text"]
            drawn.setdefault(written, reference.mathml[id]["symbols"][symbol["name"]])
            found.setdefault(written, {}).setdefault(symbol["role"], []).append(id)
    rows = []
    for written in sorted(found, key=_place):
        for i, (role, ids) in enumerate(found[written].items()):
            links = " ".join(entry_link(id, here) for id in ids)
            rows.append((drawn[written] if not i else "", text(role), links))
    words = "<p>Letters as they are written in the statements, with what they stand for. Search finds roles too.</p>"
    return markup.page("Symbols", words, markup.table(("symbol", "what it is", "in"), rows, "wide"), wide=True)


def _place(written: str) -> tuple[str, str]:
    """Letters first, by the alphabet, whatever bars stand around them."""
    return (re.sub(r"[^A-Za-z]", "", written).lower(), written)


def functions(reference: Reference) -> str:
    """Every function of the library that an entry names, with how far it is proved to compute it."""
    here, rows = "functions/", []
    for name, ids in reference.implementers.items():
        found = reference.library.find(name)
        shown = f"<code>{text(name.removeprefix('hrssm.'))}</code>"
        function = markup.link(found.address, shown, here) if found else shown
        rows.append((function, "<br>".join(f"{entry_link(id, here)} {_proved(name, id, reference)}" for id in ids)))
    words = (
        "<p>Functions, methods and classes that compute a formula of the reference. <i>Proved</i>: the function's "
        "traced operations were reduced to the formula, in the dimensions and variants that the formula's page "
        "names. <i>Numeric</i>: shown on numbers, as a table or a series stands for the formula.</p>"
    )
    return markup.page("Functions", words, markup.table(("function", "formulas"), rows, "wide"), wide=True)


def _proved(name: str, id: str, reference: Reference) -> str:
    verdicts = {c["verdict"] for c in reference.entries[id]["code"] if c["implements"] == name}
    return "proved" if "true" in verdicts else "numeric" if "numeric" in verdicts else "named"
