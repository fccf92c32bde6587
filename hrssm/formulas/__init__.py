"""The reference as data: every formula with its statement, domain, proof, certificate and who implements it.

The files beside this one are written by `python -m derivations` and never edited. Reading them needs the standard
library alone.

>>> entry("hg-kl")["title"]
'KL between two Horospherical Gaussians'
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["LEVELS", "digest", "entries", "entry", "mark", "read", "search"]

#: What each level of proof means, the strongest first.
LEVELS = {
    "S": "symbolic, every step checked",
    "S*": "symbolic, some steps accepted by a cited theorem and not checked",
    "B": "ball enclosure",
    "B*": "ball enclosure, some steps accepted by a cited theorem and not checked",
    "N": "numeric",
    "C": "cited",
}


@cache
def _registry() -> Mapping[str, Any]:
    return json.loads(read("registry.json"))


def read(name: str) -> str:
    """The text of an emitted file: registry.json, formulas.tex, formulas.typ, formulas.bib or mathml.json."""
    return files("hrssm.formulas").joinpath(name).read_text(encoding="utf-8")


def digest() -> str:
    """Digest of the sources that the reference was emitted from."""
    return _registry()["digest"]


def entries() -> Mapping[str, Mapping[str, Any]]:
    """All entries by id, chapters in reading order.

    An entry holds title, chapter, statement (srepr, latex, typst, text, unicode, python), symbols (name, role, domain,
    text, unicode), assumptions, conventions, digest, uses, sources, implements, code, level, verdict, status,
    certificate, mutation, steps and unchecked: the steps that are accepted by a theorem (its name, source and place,
    and how it applies) and not checked.
    """
    return _registry()["formulas"]


def mark(found: Mapping[str, Any]) -> str:
    """The level of an entry, with the number of unchecked steps behind its star: S, S*1, B, ..."""
    return f"{found['level']}{len(found['unchecked']) or ''}"


def entry(id: str) -> Mapping[str, Any]:
    """The entry with this id; raises KeyError that names the nearest ids for one that is not there."""
    try:
        return entries()[id]
    except KeyError:
        near = difflib.get_close_matches(id, entries(), n=3, cutoff=0.4)
        hint = f"near it: {', '.join(near)}" if near else f"there are {len(entries())}, listed by `hrssm formulas`"
        raise KeyError(f"no formula has the id {id!r}; {hint}") from None


def search(word: str | None = None, chapter: str | None = None) -> dict[str, Mapping[str, Any]]:
    """The entries of a chapter, or with a word in id, title, statement or symbols; both where both are given.

    Raises ValueError for a chapter that does not exist.
    """
    chapters = list(dict.fromkeys(e["chapter"] for e in entries().values()))
    if chapter is not None:
        wanted = chapter.lower().replace(" ", "_").replace("-", "_")
        if wanted not in chapters:
            raise ValueError(f"chapter was given as {chapter!r}; allowed are {', '.join(chapters)}")
        chapter = wanted
    return {
        id: found
        for id, found in entries().items()
        if (chapter is None or found["chapter"] == chapter) and (word is None or word.lower() in _words(id, found))
    }


def _words(id: str, found: Mapping[str, Any]) -> str:
    roles = " ".join(f"{s['name']} {s['role']}" for s in found["symbols"])
    return f"{id} {found['title']} {found['statement']['text']} {roles} {' '.join(found['implements'])}".lower()
