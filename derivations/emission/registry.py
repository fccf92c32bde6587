"""Writes the reference: hrssm/formulas/registry.json, formulas.tex, formulas.typ, formulas.bib and mathml.json.

The files hold what the proofs brought out and nothing that depends on when or where they ran: emitted twice,
they are the same bytes. Nothing in them is edited by hand; `python -m derivations` writes them, and
`python -m derivations --check` fails when what is committed differs or when the level of an entry fell.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from derivations import contents
from derivations.code import run as code_run
from derivations.code.claim import ClaimReport
from derivations.emission import browser, steps
from derivations.emission.bibtex import bibliography
from derivations.emission.display import latex, text, typst, unicode
from derivations.emission.display.arrange import Arranger
from derivations.emission.display.statements import arrange, display
from derivations.emission.latex import latex_file
from derivations.emission.python import python
from derivations.emission.typst import typst_file
from derivations.emission.words import one_line
from derivations.engine import serial
from derivations.engine.formula import Formula, Sym
from derivations.engine.kernel import Report
from hrssm import __version__
from hrssm.records import sources

ROOM = Path(__file__).parents[2] / "hrssm" / "formulas"
LEVELS = ("-", "C", "N", "B*", "B", "S*", "S")  # weakest first; * where a step is accepted in words


def emit(formulas: Mapping[str, Formula], reports: Sequence[Report], check: bool = False, jobs: int = 2) -> int:
    """Write the reference, or with `check` compare it with what is committed.

    Exit status 1 when a level fell against what is committed, when the proof of the code fails, or, with
    `check`, when a file differs.
    """
    claims = code_run.verify_all(jobs)
    status = 0
    for claim in claims:
        if claim.verdict not in ("true", "numeric"):
            print(
                f"code proof {claim.verdict}: {claim.implements} against {claim.formula}: {claim.detail}",
                file=sys.stderr,
            )
            status = 1
    files = build(formulas, reports, claims)
    for id, before, after in fallen(files["registry.json"]):
        print(f"the level of {id} fell from {before} to {after}", file=sys.stderr)
        status = 1
    for name, content in files.items():
        path = ROOM / name
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != content):
            print(
                f"hrssm/formulas/{name} differs from what the proofs emit: run python -m derivations",
                file=sys.stderr,
            )
            status = 1
        elif not check:
            path.write_text(content, encoding="utf-8")
    return status


def check_sources() -> int:
    """Exit status 1, with the remedy, unless the committed reference was emitted from these very proofs."""
    path = ROOM / "registry.json"
    committed = json.loads(path.read_text(encoding="utf-8"))["digest"] if path.is_file() else "nothing"
    if committed == digest():
        print(f"the reference was emitted from these sources: {committed}")
        return 0
    print(
        f"hrssm/formulas was emitted from {committed}, and these proofs are {digest()}: run python -m derivations",
        file=sys.stderr,
    )
    return 1


def committed() -> dict[str, Any]:
    """The entries of the committed reference; none where there is none."""
    path = ROOM / "registry.json"
    return json.loads(path.read_text(encoding="utf-8"))["formulas"] if path.is_file() else {}


def fallen(registry: str) -> list[tuple[str, str, str]]:
    """The entries whose level is lower in `registry` than in the committed one: (id, before, after)."""
    before = committed()
    after = json.loads(registry)["formulas"]
    return [
        (id, entry["level"], after[id]["level"] if id in after else "-")
        for id, entry in before.items()
        if LEVELS.index(after[id]["level"] if id in after else "-") < LEVELS.index(entry["level"])
    ]


def build(formulas: Mapping[str, Formula], reports: Sequence[Report], claims: Sequence[ClaimReport]) -> dict[str, str]:
    """The text of each file, by name."""
    found, before = {report.id: report for report in reports}, committed()
    entries = {
        id: describe(formula, [c for c in claims if c.formula == id])
        | {"history": history(before.get(id, {}).get("history", []), digest_of(formula))}
        | outcome(formula, found[id])
        for id, formula in formulas.items()
    }
    registry = {"formulas": entries, "digest": digest()}
    return {
        "registry.json": json.dumps(registry, indent=1, ensure_ascii=False, sort_keys=False) + "\n",
        "formulas.tex": latex_file(entries),
        "formulas.typ": typst_file(entries),
        "formulas.bib": bibliography(entries),
        "mathml.json": json.dumps(browser.sheet(formulas, found), indent=0, ensure_ascii=False) + "\n",
    }


def digest() -> str:
    """Digest of the sources that the reference comes from."""
    return sources.digest(*roots())


def roots() -> frozenset[str]:
    """The modules whose imports the emission runs: all chapters, the claims about the code, and this room."""
    return frozenset({*contents.modules(), code_run.__name__, __name__})


def describe(formula: Formula, claims: Sequence[ClaimReport] = ()) -> dict[str, Any]:
    """What an entry states and where it comes from, as plain data."""
    shown = display(formula.shown(), Arranger.of(formula.symbols), formula.where)
    names = list(formula.implements)
    names += sorted({claim.implements for claim in claims} - set(names))
    return {
        "title": formula.title,
        "chapter": formula.chapter,
        "statement": {
            "srepr": serial.write(formula.statement),
            "latex": latex.display(shown),
            "typst": typst.display(shown),
            "text": text.display(shown),
            "unicode": unicode.display(shown),
            "python": python(formula),
        },
        "symbols": [symbol(s) for s in formula.symbols],
        "assumptions": [one_line(a) for a in formula.assumptions],
        "conventions": [one_line(c) for c in formula.conventions],
        "digest": digest_of(formula),
        "uses": list(formula.uses),
        "sources": [{"key": key, "place": place} for key, place in formula.sources],
        "implements": names,
        "code": [claim.plain() for claim in claims],
    }


def digest_of(formula: Formula) -> str:
    """What an entry states, as twelve hexadecimal digits: its relations, symbols, assumptions and conventions.

    It does not change with how the statement is printed or proved; a citation carries it.
    """
    symbols = [(serial.write(s.symbol), s.role, s.domain) for s in formula.symbols]
    prose = [[one_line(words) for words in part] for part in (formula.assumptions, formula.conventions)]
    stated = json.dumps([formula.id, serial.write(formula.statement), symbols, prose])
    return hashlib.sha256(stated.encode()).hexdigest()[:12]


def history(before: Sequence[Mapping[str, str]], own: str) -> list[dict[str, str]]:
    """Since which version an entry has stated what it states, and what it stated before: versions with digests.

    Between two versions only the last digest counts: nobody could cite another.
    """
    past = [dict(h) for h in before if h["version"] != __version__]
    return past if past and past[-1]["digest"] == own else [*past, {"version": __version__, "digest": own}]


def symbol(s: Sym) -> dict[str, str]:
    """A declared symbol: its name in code, what it stands for, where it lives, and how it is written in text."""
    node = arrange(s.symbol, Arranger.of([s]))
    written = {"text": text.text(node), "unicode": unicode.line(node) or text.text(node)}
    return {"name": s.symbol.name, "role": s.role, "domain": s.domain} | written


def outcome(formula: Formula, report: Report) -> dict[str, Any]:
    """What came out when an entry was checked, as plain data without times."""
    proof, certificate, mutation = report.proof, report.certificate, report.mutation
    return {
        "level": report.level,
        "verdict": report.verdict,
        "status": formula.status,
        "certificate": None
        if certificate is None
        else {
            "verdict": certificate["verdict"],
            "points": certificate["points"],
            "width": float(f"{certificate['width']:.1e}"),
            "mpmath_digits": certificate["mpmath_digits"],
        },
        "uncertified": one_line(formula.uncertified),
        "mutation": None
        if mutation is None
        else {
            "killed": len(mutation["killed"]),
            "surviving": list(mutation["surviving"]),
            "equivalent": [{"mutant": name, "reason": one_line(reason)} for name, reason in mutation["equivalent"]],
        },
        "steps": [
            {
                "lhs": sides[0] if (sides := steps.text(step, formula)) else step["lhs"],
                "op": step["op"],
                "rhs": sides[1] if sides else step["rhs"],
                "rewrite": step["rewrite"],
                "words": one_line(step["words"]),
                "verdict": step["verdict"],
            }
            for step in (proof or {}).get("steps", ())
        ],
        "unchecked": [
            dict(zip(("theorem", "source", "place"), step["theorem"], strict=True)) | {"words": one_line(step["words"])}
            for step in report.unchecked
        ],
    }
