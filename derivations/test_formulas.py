"""Every entry of the reference: its proof, its certificate, its mutants; and the graph of the entries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from derivations.contents import collect
from derivations.engine import mutation
from derivations.engine.certificate import MINIMUM_POINTS
from derivations.engine.kernel import Formula, verify_part

FORMULAS = collect()
BIBLIOGRAPHY = Path(__file__).parents[1] / "paper" / "references.bib"
ENTRIES = [pytest.param(f, id=f.id) for f in FORMULAS.values()]


@pytest.mark.parametrize("formula", ENTRIES)
def test_proof(formula: Formula) -> None:
    if formula.cited:
        pytest.skip("cited, not proved")
    report = verify_part(formula, "proof")
    assert report is not None
    if not report["steps"]:
        pytest.skip("enclosed, not proved")
    assert report["verdict"] == "true", report["detail"]


@pytest.mark.parametrize("formula", ENTRIES)
def test_certificate(formula: Formula) -> None:
    report = verify_part(formula, "certificate")
    if report is None:
        pytest.skip(f"no certificate: {formula.uncertified or 'cited'}")
    assert report["verdict"] == "true", report["detail"]
    assert report["points"] >= MINIMUM_POINTS


@pytest.mark.parametrize("formula", ENTRIES)
def test_mutation(formula: Formula) -> None:
    report = verify_part(formula, "mutation")
    assert report is not None
    assert not report["surviving"]
    assert formula.cited or len(report["killed"]) >= 4, report


def test_uses_exist_and_do_not_circle() -> None:
    def depth(key: str, path: tuple[str, ...]) -> int:
        assert key in FORMULAS, f"{path[-1]} uses {key}, which is no entry"
        assert key not in path, f"circle: {' -> '.join((*path, key))}"
        return 1 + max((depth(u, (*path, key)) for u in FORMULAS[key].uses), default=0)

    for key in FORMULAS:
        depth(key, ())


def test_sources_are_in_the_bibliography() -> None:
    keys = set(re.findall(r"^@\w+\{([^,]+),", BIBLIOGRAPHY.read_text(encoding="utf-8"), re.MULTILINE))
    for formula in FORMULAS.values():
        assert {key for key, _ in formula.sources} <= keys, formula.id


def test_few_proofs_lean_on_a_theorem_and_each_says_where_it_stands() -> None:
    keys = set(re.findall(r"^@\w+\{([^,]+),", BIBLIOGRAPHY.read_text(encoding="utf-8"), re.MULTILINE))
    leaning = {}
    for id, formula in FORMULAS.items():
        proof = verify_part(formula, "proof")
        if proof and (accepted := [step for step in proof["steps"] if step["theorem"]]):
            leaning[id] = accepted
    assert len(leaning) <= 8, leaning.keys()
    for id, steps in leaning.items():
        for step in steps:
            title, source, place = step["theorem"]
            assert all((title, place)), id
            assert source in keys, id


def test_equivalent_mutants_are_mutants() -> None:
    for formula in FORMULAS.values():
        if formula.equivalent:
            names = {name for name, _ in mutation.mutants(formula.statement, limit=10_000)}
            names |= {name for name, _ in (formula.extra_mutants() if formula.extra_mutants else ())}
            assert set(formula.equivalent) <= names, formula.id
