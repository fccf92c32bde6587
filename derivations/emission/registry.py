"""Writes the reference: hrssm/formulas/registry.json, formulas.tex, formulas.typ and formulas.bib.

The four files hold what the proofs brought out and nothing that depends on when or where they ran: emitted twice,
they are the same bytes. Nothing in them is edited by hand; `python -m derivations` writes them, and
`python -m derivations --check` fails when what is committed differs or when the level of an entry fell.
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.printing.pycode import MpmathPrinter

from derivations import contents
from derivations.code import run as code_run
from derivations.code.claim import ClaimReport
from derivations.emission import typst_printer
from derivations.engine.kernel import Formula, Report, relations
from hrssm.records import sources

ROOM = Path(__file__).parents[2] / "hrssm" / "formulas"
FILES = ("registry.json", "formulas.tex", "formulas.typ", "formulas.bib")
LEVELS = "-CNBS"  # weakest first


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
    for name, text in files.items():
        path = ROOM / name
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            print(
                f"hrssm/formulas/{name} differs from what the proofs emit: run python -m derivations",
                file=sys.stderr,
            )
            status = 1
        elif not check:
            path.write_text(text, encoding="utf-8")
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


def fallen(registry: str) -> list[tuple[str, str, str]]:
    """The entries whose level is lower in `registry` than in the committed one: (id, before, after)."""
    path = ROOM / "registry.json"
    if not path.is_file():
        return []
    before = json.loads(path.read_text(encoding="utf-8"))["formulas"]
    after = json.loads(registry)["formulas"]
    return [
        (id, entry["level"], after[id]["level"] if id in after else "-")
        for id, entry in before.items()
        if LEVELS.index(after[id]["level"] if id in after else "-") < LEVELS.index(entry["level"])
    ]


def build(formulas: Mapping[str, Formula], reports: Sequence[Report], claims: Sequence[ClaimReport]) -> dict[str, str]:
    """The text of each file, by name."""
    found = {report.id: report for report in reports}
    entries = {
        id: describe(formula, [c for c in claims if c.formula == id]) | outcome(formula, found[id])
        for id, formula in formulas.items()
    }
    registry = {"formulas": entries, "digest": digest()}
    return {
        "registry.json": json.dumps(registry, indent=1, ensure_ascii=False, sort_keys=False) + "\n",
        "formulas.tex": latex_file(entries),
        "formulas.typ": typst_file(entries),
        "formulas.bib": bibliography(entries),
    }


def digest() -> str:
    """Digest of the sources that the reference comes from."""
    return sources.digest(*roots())


def roots() -> frozenset[str]:
    """The modules whose imports the emission runs: all chapters, the claims about the code, and this room."""
    return frozenset({*contents.modules(), code_run.__name__, __name__})


def describe(formula: Formula, claims: Sequence[ClaimReport] = ()) -> dict[str, Any]:
    """What an entry states and where it comes from, as plain data."""
    names = list(formula.implements)
    names += sorted({claim.implements for claim in claims} - set(names))
    return {
        "title": formula.title,
        "chapter": formula.chapter,
        "statement": {
            "srepr": sp.srepr(formula.statement),
            "latex": latex(formula.statement),
            "typst": typst_printer.display(formula.statement),
            "text": text(formula.statement),
            "python": python(formula),
        },
        "symbols": [{"name": s.symbol.name, "role": s.role, "domain": s.domain} for s in formula.symbols],
        "assumptions": [_one_line(a) for a in formula.assumptions],
        "conventions": [_one_line(c) for c in formula.conventions],
        "uses": list(formula.uses),
        "sources": [{"key": key, "place": place} for key, place in formula.sources],
        "implements": names,
        "code": [claim.plain() for claim in claims],
    }


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
        "uncertified": _one_line(formula.uncertified),
        "mutation": None
        if mutation is None
        else {
            "killed": len(mutation["killed"]),
            "surviving": list(mutation["surviving"]),
            "equivalent": [{"mutant": name, "reason": _one_line(reason)} for name, reason in mutation["equivalent"]],
        },
        "steps": [
            {
                key: _one_line(step[key]) if key == "words" else step[key]
                for key in ("lhs", "op", "rhs", "rewrite", "words", "verdict")
            }
            for step in (proof or {}).get("steps", ())
        ],
    }


def _one_line(words: str) -> str:
    return " ".join(words.split())


# ------------------------------------------------------------------------------------ statements as text


def text(statement: Any) -> str:
    """A statement in plain text, one relation a line."""
    signs = {"Equality": "=", "Unequality": "!=", "GreaterThan": ">=", "LessThan": "<=",
             "StrictGreaterThan": ">", "StrictLessThan": "<"}  # fmt: skip
    return "\n".join(f"{sp.sstr(r.lhs)} {signs[r.func.__name__]} {sp.sstr(r.rhs)}" for r in relations(statement))


def latex(statement: Any) -> str:
    """A statement in LaTeX, relations below each other."""
    return " \\\\\n".join(sp.latex(r, mul_symbol=None, ln_notation=False) for r in relations(statement))


class _Python(MpmathPrinter):
    """mpmath code; finite sums become generator sums, which mpmath.nsum would only approximate."""

    def _print_Sum(self, expr: Any) -> str:
        return self._loop("mpmath.fsum", expr)

    def _print_Product(self, expr: Any) -> str:
        return self._loop("mpmath.fprod", expr)

    def _loop(self, function: str, expr: Any) -> str:
        loops = " ".join(
            f"for {self._print(i)} in range(int({self._print(a)}), int({self._print(b)}) + 1)"
            for i, a, b in expr.limits
        )
        return f"{function}({self._print(expr.function)} {loops})"

    def _print_binomial(self, expr: Any) -> str:
        return f"mpmath.binomial({', '.join(self._print(a) for a in expr.args)})"

    def _print_Derivative(self, expr: Any) -> str:
        raise NotImplementedError

    def _print_Limit(self, expr: Any) -> str:
        raise NotImplementedError

    def _print_MatrixBase(self, expr: Any) -> str:
        rows = (", ".join(self._print(expr[i, j]) for j in range(expr.cols)) for i in range(expr.rows))
        return f"mpmath.matrix([{', '.join(f'[{row}]' for row in rows)}])"

    _print_ImmutableDenseMatrix = _print_MatrixBase
    _print_MutableDenseMatrix = _print_MatrixBase


def python(formula: Formula) -> str | None:
    """A Python function of the symbols that returns the right side by mpmath; None where it has no numbers."""
    many = relations(formula.statement)
    sides = [r.rhs for r in many]
    free = {s for side in sides for s in side.free_symbols}
    if any(side.has(sp.Integral, sp.core.function.AppliedUndef, sp.Limit, sp.Order) for side in sides):
        return None
    arguments = [s.symbol for s in formula.symbols if s.symbol in free]
    if not all(str(s).isidentifier() for s in arguments) or len(free - set(arguments)):
        return None
    rename = {s: sp.Symbol("lambda_") for s in arguments if s.name == "lambda"}
    printer = _Python({"fully_qualified_modules": True})
    try:
        bodies = [str(printer.doprint(side.xreplace(rename))) for side in sides]
    except (NotImplementedError, TypeError, ValueError):
        return None
    if any("Not supported" in body for body in bodies):
        return None
    value = bodies[0] if len(bodies) == 1 else "(" + ", ".join(bodies) + ")"
    given = ", ".join(str(rename.get(s, s)) for s in arguments)
    function = formula.id.replace("-", "_")
    heading = _one_line(formula.title).replace('"', "'")
    return f'def {function}({given}):\n    """{heading} ({formula.id})."""\n    import mpmath\n\n    return {value}\n'


# ------------------------------------------------------------------------------------------------ files


def latex_file(entries: Mapping[str, Any]) -> str:
    r"""A macro per id, named \hrssm and the id in capitals at its words: \hrssmHgKl."""
    lines = [
        "% The formulas of hrssm, a macro per id. Written by `python -m derivations`; never edited.",
        "% Needs amsmath. Use: \\[ \\hrssmHgKl \\]",
    ]
    for id, entry in entries.items():
        lines.append(f"% {id}: {entry['title']} (level {entry['level']})")
        body = entry["statement"]["latex"]
        if "\\\\\n" in body:
            body = "\\begin{gathered}\n" + body + "\n\\end{gathered}"
        lines.append(f"\\newcommand{{\\{latex_macro(id)}}}{{{body}}}")
    return "\n".join(lines) + "\n"


def latex_macro(id: str) -> str:
    """The name of an id's LaTeX macro: letters only, digits spelled out."""
    spelled = {"0": "Zero", "1": "One", "2": "Two", "3": "Three", "4": "Four", "5": "Five", "6": "Six", "7": "Seven",
               "8": "Eight", "9": "Nine"}  # fmt: skip
    words = "".join(part.capitalize() for part in id.split("-"))
    return "hrssm" + re.sub(r"\d", lambda d: spelled[d[0]], words)


TYPST_HEAD = """// The formulas of hrssm, a macro per id. Written by `python -m derivations`; never edited.
// Use: #import "formulas.typ": hg-kl, then #hg-kl
// A display that is too wide for its place is scaled down to it.
#let display(body) = layout(place => {
  let size = measure(body)
  if place.width > 0pt and size.width > place.width {
    scale(100% * (place.width / size.width), reflow: true, body)
  } else { body }
})
"""


def typst_file(entries: Mapping[str, Any]) -> str:
    """A variable per id that holds the displayed formula."""
    lines = [TYPST_HEAD]
    for id, entry in entries.items():
        lines.append(
            f"// {entry['title']} (level {entry['level']})\n#let {id} = display($ {entry['statement']['typst']} $)"
        )
    return "\n".join(lines) + "\n"


def bibliography(entries: Mapping[str, Any]) -> str:
    """A citable item per id."""
    return "\n".join(bib_item(id, entry) for id, entry in entries.items())


def bib_item(id: str, entry: Mapping[str, Any]) -> str:
    """One entry as a BibTeX item whose key is its id."""
    note = f"Formula {id} of the verified reference, level {entry['level']}, verdict {entry['verdict']}"
    if entry["sources"]:
        places = "; ".join(f"{s['key']}, {s['place']}" if s["place"] else s["key"] for s in entry["sources"])
        note += f". {'Refuted' if entry['status'] == 'refutes' else 'Stated'} there: {places}"
    return (
        f"@misc{{{id},\n"
        "  author = {{The hrssm authors}},\n"
        f"  title = {{{{{_one_line(entry['title'])}}}}},\n"
        "  howpublished = {hrssm: the verified reference for hyperbolic latent world models},\n"
        f"  note = {{{note}}},\n"
        "  year = {2026}\n"
        "}\n"
    )
