"""Pages made from the reference as it is: every entry has one, and what it says is the registry's."""

from __future__ import annotations

import re

import pytest

from hrssm import formulas
from hrssm.citation import cite
from web.pages import claims, formula, graph, indexes, library
from web.reference import Reference

REFERENCE = Reference()
IDS = list(formulas.entries())


@pytest.mark.parametrize("id", IDS)
def test_the_page_of_a_formula(id: str) -> None:
    entry, page = REFERENCE.entries[id], formula.page(id, REFERENCE)
    assert page.count("<math") >= 1 + len(entry["symbols"])
    assert page.count("<li><p>") == len(entry["steps"])
    assert f"<code>{entry['digest']}</code>" in page
    for used in entry["uses"]:
        assert f'href="../{used}/"' in page
    for name in entry["implements"]:
        assert REFERENCE.library.find(name) is not None, f"{name} is not found in the library's text"


def test_a_page_cites_as_the_command_line_does() -> None:
    page = formula.page("hg-kl", REFERENCE)
    for format in ("bibtex", "latex", "typst", "text", "python"):
        for line in cite("hg-kl", format).strip().split("\n"):
            assert line in page


def test_no_id_takes_the_address_of_another_page() -> None:
    others = {"index", "chapters", "symbols", "functions", "graph", "ledger", "experiments", "accuracy", "library"}
    assert not others & set(IDS)


def test_uses_and_used_by_are_each_other() -> None:
    for id, entry in REFERENCE.entries.items():
        for used in entry["uses"]:
            assert id in REFERENCE.used_by[used]


def test_columns_of_the_graph_rest_on_those_to_their_left() -> None:
    uses = {"c": ["a", "b"], "a": [], "b": ["a"], "d": ["a"]}
    assert graph.columns(uses) == [["a"], ["d", "b"], ["c"]] or graph.columns(uses) == [["a"], ["b", "d"], ["c"]]
    drawn = graph.columns({id: list(e["uses"]) for id, e in REFERENCE.entries.items()})
    depth = {id: i for i, column in enumerate(drawn) for id in column}
    assert all(depth[used] < depth[id] for id, e in REFERENCE.entries.items() for used in e["uses"])


def test_the_graph_has_every_entry_and_every_use() -> None:
    drawn = graph.svg(REFERENCE, "graph/")
    assert drawn.count("<rect") == len(IDS)
    assert drawn.count("<path") == 1 + sum(len(e["uses"]) for e in REFERENCE.entries.values())  # one is the arrow's tip
    assert 'href="../hg-kl/"' in drawn


def test_the_ledger_has_every_claim() -> None:
    page = claims.ledger(REFERENCE)
    for key, (_, content) in REFERENCE.experiments.items():
        for claim in content.get("claims", ()):
            assert f'href="../experiments/{key}/#{claim["id"]}"' in page
    decided = [id for id, e in REFERENCE.entries.items() if e["status"] != "new"]
    assert all(f'href="../{id}/"' in page for id in decided)


def test_the_ledger_shows_what_came_out(monkeypatch: pytest.MonkeyPatch) -> None:
    key, (_, content) = next((k, v) for k, v in REFERENCE.experiments.items() if v[1].get("claims"))
    claim = content["claims"][0]
    found = {
        "id": claim["id"],
        "experiment": content["id"],
        "verdict": "fails",
        "why": "as it fell",
        "difference": {"mean": -0.25, "low": -0.5, "high": -0.125, "n": 5},
    }
    monkeypatch.setattr(REFERENCE, "ledger", {"scale": "smoke", "claims": [found]}, raising=False)
    row = next(
        r for r in re.findall(r"<tr>.*?</tr>", claims.ledger(REFERENCE)) if f"experiments/{key}/#{claim['id']}" in r
    )
    assert "fails" in row
    assert "as it fell" in row
    assert "-0.25 &#91;-0.5, -0.125&#93;, 5 seeds" in row


def test_indexes_lead_to_every_entry() -> None:
    symbols, functions = indexes.symbols(REFERENCE), indexes.functions(REFERENCE)
    for id, entry in REFERENCE.entries.items():
        assert not entry["symbols"] or f'href="../{id}/"' in symbols
        assert not entry["implements"] or f'href="../{id}/"' in functions


def test_a_function_is_found_with_its_lines() -> None:
    found = REFERENCE.library.find("hrssm.geometry.horospherical.distance")
    assert found is not None
    assert found.code.startswith("def distance(")
    assert found.address == "library/hrssm.geometry.horospherical/#hrssm.geometry.horospherical.distance"
    registered = REFERENCE.library.find("hrssm.distributions.HorosphericalGaussian.kl")
    assert registered is not None
    assert registered.name == "HorosphericalGaussian"
    assert REFERENCE.library.find("hrssm.geometry.horospherical.no_such") is None


def test_every_module_with_a_docstring_has_a_page() -> None:
    pages = library.pages(REFERENCE)
    assert {"hrssm.distributions.horospherical_gaussian", "hrssm.geometry"} <= set(pages)
    assert all(f'href="{path}/"' in library.contents(REFERENCE) for path in pages)


def test_sources_are_read_from_the_bibliography() -> None:
    source = REFERENCE.sources["perret2026"]
    assert (source.authors, source.title, source.year) == ("Perret", "Hyperbolic Recurrent State-Space Model", "2026")
    assert {s["key"] for e in REFERENCE.entries.values() for s in e["sources"]} <= set(REFERENCE.sources)
