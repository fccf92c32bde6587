"""The entries as a bibliography, an item per id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derivations.emission.words import one_line
from hrssm import __version__


def bibliography(entries: Mapping[str, Any]) -> str:
    """A citable item per id."""
    return "\n".join(bib_item(id, entry) for id, entry in entries.items())


def bib_item(id: str, entry: Mapping[str, Any]) -> str:
    """One entry as a BibTeX item whose key is its id."""
    note = f"Formula {id} of the verified reference, level {entry['level']}, verdict {entry['verdict']}"
    note += f", digest {entry['digest']}"
    if entry["unchecked"]:
        leans = "; ".join(f"{u['theorem']} ({u['source']}, {u['place']})" for u in entry["unchecked"])
        note += f". Steps that are not checked: {len(entry['unchecked'])}, by {leans}"
    if entry["sources"]:
        places = "; ".join(f"{s['key']}, {s['place']}" if s["place"] else s["key"] for s in entry["sources"])
        note += f". {'Refuted' if entry['status'] == 'refutes' else 'Stated'} there: {places}"
    return (
        f"@misc{{{id},\n"
        "  author = {{The hrssm authors}},\n"
        f"  title = {{{{{one_line(entry['title'])}}}}},\n"
        "  howpublished = {hrssm: the verified reference for hyperbolic latent world models},\n"
        f"  version = {{{__version__}}},\n"
        f"  note = {{{note}}},\n"
        "  year = {2026}\n"
        "}\n"
    )
