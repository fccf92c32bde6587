"""The compiled paper: nine tables, a footer on each page, numbers and verdicts that are the data's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.report import check_paper
from experiments.report.check_paper import check_pdf, pages_of


@pytest.fixture(scope="module")
def pages(pdf: Path) -> list[str]:
    return pages_of(pdf)


def test_nine_tables_and_a_footer_on_every_page(pages: list[str], summary: dict[str, Any]) -> None:
    assert len(pages) > 10
    assert check_pdf(pages, summary, "smoke") == []


def test_the_command_line_finds_the_scale_by_itself(
    pdf: Path,
    pages: list[str],
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check_paper, "pages_of", lambda path: pages)  # reading the PDF again takes half a minute
    assert check_paper.main([str(pdf), "--results", str(root / "results")]) == 0
    assert "nine tables" in capsys.readouterr().out
    assert check_paper.main([str(root / "none.pdf")]) == 2
    assert "`make paper` first" in capsys.readouterr().err
    assert check_paper.main([str(pdf), "--results", str(root / "elsewhere")]) == 2


def test_every_claim_stands_with_its_verdict(pages: list[str], root: Path) -> None:
    ledger = json.loads((root / "results" / "smoke" / "ledger.json").read_text())
    text = " ".join(" ".join(pages).split())
    for claim in ledger["claims"]:
        assert claim["id"] in text.replace("- ", "-"), claim["id"]
    assert len(ledger["claims"]) > 20


def test_a_changed_result_changes_the_paper(root: Path, pages: list[str]) -> None:
    import typst

    path = root / "results" / "smoke" / "tables" / "e3_seeds.json"
    before = path.read_text()
    table = json.loads(before)
    table["blocks"][0]["groups"][0]["rows"][0]["trained"]["mean"] = 7.654
    assert "7.654" not in " ".join(pages)
    path.write_text(json.dumps(table))
    try:
        typst.compile(
            root / "paper" / "paper.typ",
            output=root / "changed.pdf",
            root=root,
            sys_inputs={"scale": "smoke"},
        )
    finally:
        path.write_text(before)
    assert "7.654" in " ".join(pages_of(root / "changed.pdf"))
