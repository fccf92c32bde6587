"""The emitted reference: the same bytes every time, what the entries say, never at a lower level; and it compiles."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import mpmath
import pytest
import sympy as sp
import typst

from derivations.code.claim import ClaimReport
from derivations.contents import collect
from derivations.emission import registry as emission
from derivations.emission import steps
from derivations.emission.latex import latex_macro
from derivations.emission.python import python
from derivations.engine import serial
from derivations.engine.ball_arithmetic import ball, precision
from derivations.engine.kernel import Report, relations, verify_part

FORMULAS = collect()
COMMITTED = json.loads((emission.ROOM / "registry.json").read_text(encoding="utf-8"))["formulas"]
SOME = {id: FORMULAS[id] for id in list(FORMULAS)[::6]}


def report(id: str, level: str = "S") -> Report:
    """A report as a check would give it, without checking."""
    certificate = {"verdict": "true", "points": 25, "width": 1.25e-40, "mpmath_digits": 50}
    mutation = {"killed": [("a", "B")] * 4, "surviving": [], "equivalent": []}
    proof = {
        "steps": [
            {"lhs": "x", "op": "==", "rhs": "x", "rewrite": "algebra", "words": "so\n it is", "verdict": "true"}
            | {"theorem": () if level == "S" else ("T", "perret2026", "A.1")}
        ]
    }
    return Report(id, "true", level, proof, certificate, mutation, {"proof": 1.0})


CLAIM = ClaimReport("hrssm.geometry.distance", "geo-distance", "", "true", (2, 3, 4), 2, ("algebra",), (), "")


def test_emitted_twice_identical_bytes() -> None:
    reports = [report(id) for id in SOME]
    assert emission.build(SOME, reports, [CLAIM]) == emission.build(SOME, reports, [CLAIM])


def test_times_do_not_enter() -> None:
    slow = [Report(id, "true", "S", None, None, None, {"proof": 99.0}) for id in SOME]
    quick = [Report(id, "true", "S", None, None, None, {"proof": 0.1}) for id in SOME]
    assert emission.build(SOME, slow, []) == emission.build(SOME, quick, [])


def test_a_level_that_fell_is_named() -> None:
    after = {id: {"level": "B" if id == "hg-kl" else entry["level"]} for id, entry in COMMITTED.items()}
    assert emission.fallen(json.dumps({"formulas": after})) == [("hg-kl", "S", "B")]


def test_an_entry_that_vanished_is_named() -> None:
    after = {id: {"level": entry["level"]} for id, entry in COMMITTED.items() if id != "hg-kl"}
    assert emission.fallen(json.dumps({"formulas": after})) == [("hg-kl", "S", "-")]


def test_a_star_is_below_its_level_and_its_words_are_emitted() -> None:
    assert emission.LEVELS.index("B") < emission.LEVELS.index("S*") < emission.LEVELS.index("S")
    files = emission.build({"hg-kl": FORMULAS["hg-kl"]}, [report("hg-kl", "S*")], [])
    found = json.loads(files["registry.json"])["formulas"]["hg-kl"]
    assert found["unchecked"] == [{"theorem": "T", "source": "perret2026", "place": "A.1", "words": "so it is"}]
    assert "level S*, verdict true" in files["formulas.bib"]
    assert "Steps that are not checked: 1, by T (perret2026, A.1)" in files["formulas.bib"]


def test_what_is_committed_has_every_entry_in_order() -> None:
    assert list(COMMITTED) == list(FORMULAS)


@pytest.mark.parametrize("id", FORMULAS)
def test_what_is_committed_is_what_the_entry_says(id: str) -> None:
    """Statement, symbols and sources; `python -m derivations --check` compares the outcomes and every byte."""
    assert id in COMMITTED, f"{id} is not emitted: run python -m derivations"
    said = emission.describe(FORMULAS[id])
    for key in ("title", "chapter", "statement", "symbols", "assumptions", "conventions", "digest", "uses", "sources"):
        assert COMMITTED[id][key] == said[key], f"{id}: {key} differs from the entry: run python -m derivations"
    assert set(said["implements"]) <= set(COMMITTED[id]["implements"])


@pytest.mark.parametrize("id", FORMULAS)
def test_no_level_fell(id: str) -> None:
    formula, level = FORMULAS[id], COMMITTED[id]["level"]
    if level in ("S", "B"):
        part = verify_part(formula, "proof" if level == "S" else "certificate")
        assert part is not None
        assert part["verdict"] == "true", f"{id} was at level {level}"


def test_equal_expressions_are_written_alike() -> None:
    one, other = sp.Symbol("n", positive=True, integer=True), sp.Symbol("n", integer=True, positive=True)
    assert (
        serial.write(2 - one)
        == serial.write(2 - other)
        == "Add(Integer(2), Mul(Integer(-1), " + ("Symbol('n', integer=True, positive=True)))")
    )


@pytest.mark.parametrize("id", FORMULAS)
def test_a_statement_survives_srepr(id: str) -> None:
    with sp.evaluate(False):
        back = serial.read(serial.write(FORMULAS[id].statement))
    assert back.free_symbols == FORMULAS[id].statement.free_symbols
    assert len(relations(back)) == len(relations(FORMULAS[id].statement))


@pytest.mark.parametrize("id", FORMULAS)
def test_the_python_of_an_entry_computes_its_right_side(id: str) -> None:
    formula, code = FORMULAS[id], python(FORMULAS[id])
    if code is None or formula.certificate is None:
        pytest.skip("no numbers in it")
    space: dict = {}
    exec(code, space)
    function = space[id.replace("-", "_")]
    point = formula.certificate.points[len(formula.certificate.points) // 2]
    sides = [r.rhs for r in relations(formula.statement)]
    free = {s for side in sides for s in side.free_symbols}
    arguments = [sp.Rational(point[s.symbol.name]) for s in formula.symbols if s.symbol in free]
    with mpmath.workdps(50):
        got = function(*(mpmath.mpf(int(a.p)) / int(a.q) if a.q != 1 else int(a) for a in arguments))
    for one, side in zip(got if len(sides) > 1 else [got], sides, strict=True):
        entries = list(side) if isinstance(side, sp.MatrixBase) else [side]
        for value, exactly in zip(list(one) if isinstance(one, mpmath.matrix) else [one], entries, strict=True):
            with precision(200):
                enclosed = ball(exactly, point)
            assert abs(float(enclosed.mid()) - float(value)) <= 1e-12 * (1 + abs(float(value)))


def test_a_digest_is_that_of_what_is_stated() -> None:
    """It moves with the statement and its domain, and with nothing about how they are printed or proved."""
    formula = FORMULAS["hg-kl-drift"]
    own = emission.digest_of(formula)
    assert own == COMMITTED["hg-kl-drift"]["digest"]
    twice = sp.Eq(formula.statement.lhs, 2 * formula.statement.rhs)
    narrower = (replace(formula.symbols[0], domain="positive"), *formula.symbols[1:])
    assert emission.digest_of(replace(formula, statement=twice)) != own
    assert emission.digest_of(replace(formula, symbols=narrower)) != own
    assert emission.digest_of(replace(formula, assumptions=("d = 2",))) != own
    drawn = (replace(formula.symbols[0], shown=None), *formula.symbols[1:])
    assert emission.digest_of(replace(formula, title="another", uses=(), where={}, symbols=drawn)) == own


def test_steps_are_printed_in_the_notation_of_the_entry() -> None:
    formula = FORMULAS["hg-kl-drift"]
    step = {"sides": tuple(map(serial.write, (formula.statement.lhs, formula.statement.rhs)))}
    left, right = steps.text(step, formula) or ("", "")
    assert left == "KL_drift(q || p)"
    assert right == "|beta_q - beta_p|^2/(2*s_p^2)*e^(2*sigma_q^2 - 2*mu_q)"
    assert steps.text({"sides": None}, formula) is None


def test_every_formula_and_step_has_mathml() -> None:
    sheet = json.loads((emission.ROOM / "mathml.json").read_text(encoding="utf-8"))
    assert list(sheet) == list(FORMULAS)
    for id, entry in sheet.items():
        for written in [entry["statement"], *entry["symbols"].values(), *filter(None, entry["steps"])]:
            ElementTree.fromstring(written)
        assert len(entry["steps"]) == len(COMMITTED[id]["steps"])


def test_a_macro_and_an_item_per_id() -> None:
    files = {
        name: (emission.ROOM / name).read_text(encoding="utf-8")
        for name in ("formulas.typ", "formulas.tex", "formulas.bib")
    }
    for id in FORMULAS:
        assert f"\n#let {id} = " in files["formulas.typ"]
        assert f"\\newcommand{{\\{latex_macro(id)}}}" in files["formulas.tex"]
        assert files["formulas.bib"].count(f"@misc{{{id},") == 1
    macros = [latex_macro(id) for id in FORMULAS]
    assert len(set(macros)) == len(macros)
    assert all(re.fullmatch("[A-Za-z]+", macro) for macro in macros)


def test_every_typst_macro_compiles(tmp_path) -> None:
    (tmp_path / "formulas.typ").write_text((emission.ROOM / "formulas.typ").read_text(encoding="utf-8"))
    shown = "\n".join(f"= {id}\n#formulas.{id}" for id in COMMITTED)
    (tmp_path / "all.typ").write_text(f'#import "formulas.typ"\n#set page(width: 16cm)\n{shown}\n')
    assert typst.compile(str(tmp_path / "all.typ"), root=str(tmp_path))[:5] == b"%PDF-"
