"""What the pages are made from: the registry, its MathML, the sources, the accuracy table, and the claims with what was
found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from hrssm import formulas
from web.library import ROOT, Library

#: Scales whose results may be there, the most telling first.
SCALES = ("archive", "published", "laptop", "smoke")


@dataclass(frozen=True)
class Source:
    """A source as a reader wants it: who, what, where, when."""

    authors: str
    title: str
    place: str
    year: str

    def words(self) -> str:
        """The source in one line."""
        return ", ".join(part for part in (self.authors, self.title, self.place, self.year) if part)


class Reference:
    """Everything that pages are made from, below the root of a checkout."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.library = Library(root)
        self.entries: Mapping[str, Mapping[str, Any]] = formulas.entries()
        self.mathml: Mapping[str, Mapping[str, Any]] = json.loads(formulas.read("mathml.json"))

    @cached_property
    def chapters(self) -> dict[str, list[str]]:
        """Ids by chapter, in reading order."""
        found: dict[str, list[str]] = {}
        for id, entry in self.entries.items():
            found.setdefault(entry["chapter"], []).append(id)
        return found

    @cached_property
    def used_by(self) -> dict[str, list[str]]:
        """Which entries use an entry."""
        found: dict[str, list[str]] = {id: [] for id in self.entries}
        for id, entry in self.entries.items():
            for used in entry["uses"]:
                found[used].append(id)
        return found

    @cached_property
    def implementers(self) -> dict[str, list[str]]:
        """Which entries a function implements, by its dotted name."""
        found: dict[str, list[str]] = {}
        for id, entry in self.entries.items():
            for name in entry["implements"]:
                found.setdefault(name, []).append(id)
        return dict(sorted(found.items()))

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The bibliography by key."""
        text = (self.root / "paper" / "references.bib").read_text(encoding="utf-8")
        return {key: _source(body) for key, body in re.findall(r"^@\w+\{([^,]+),\n(.*?)^\}", text, re.M | re.S)}

    @cached_property
    def experiments(self) -> dict[str, tuple[Path, dict[str, Any]]]:
        """The experiment files by id, as they stand, with their folder's name before ids that are there twice."""
        found: dict[str, tuple[Path, dict[str, Any]]] = {}
        for path in sorted((self.root / "experiments").glob("*/*.yaml")):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            if isinstance(content, dict) and "cells" in content and "id" in content:
                key = content["id"] if content["id"] not in found else f"{path.parent.name}-{content['id']}"
                found[key] = (path, content)
        return found

    @cached_property
    def ledger(self) -> dict[str, Any] | None:
        """The ledger of the most telling scale that was run here; None where none was."""
        for scale in SCALES:
            path = self.root / "results" / scale / "ledger.json"
            if path.is_file():
                return json.loads(path.read_text(encoding="utf-8"))
        return None


def _source(body: str) -> Source:
    fields = {k: re.sub(r"[{}]", "", v) for k, v in re.findall(r"^\s*(\w+)\s*=\s*(?:\{(.*)\}|\w+),?$", body, re.M)}
    year = re.search(r"year\s*=\s*\{?(\d+)", body)
    place = next(
        (fields[k] for k in ("journal", "booktitle", "publisher", "howpublished", "note") if fields.get(k)), ""
    )
    authors = [name.split(",")[0].strip() for name in fields.get("author", "").split(" and ")]
    shown = ", ".join(authors) if len(authors) < 4 else f"{authors[0]} et al."
    return Source(shown, fields.get("title", ""), place, year[1] if year else "")
