"""The compiled paper: a table for every experiment, a footer on each page, numbers and verdicts that are the data's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.report import check_paper
from experiments.report.check_paper import check_pdf, measured, pages_of
from tests.report.synthetic import SCALE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(pdfs: list[Path]) -> list[list[str]]:
    return [pages_of(pdf) for pdf in pdfs]


@pytest.fixture(scope="module")
def texts(pages: list[list[str]]) -> list[str]:
    """The text of the paper, and that of the supplement."""
    return [" ".join(" ".join(of).split()) for of in pages]


def test_a_table_for_every_experiment_and_a_footer_on_every_page(pages: list[list[str]], root: Path) -> None:
    experiments = measured(root / "results" / SCALE)
    assert len(experiments) == 10
    assert check_pdf(pages[0] + pages[1], experiments, SCALE) == []
    more = [{"id": "e91_none", "number": 91, "title": "Never run"}]
    assert check_pdf(pages[1], experiments + more, SCALE) == ["no table of e91_none (Experiment 91: Never run)"]


def test_an_experiment_that_no_section_tells_of_is_printed_all_the_same(texts: list[str]) -> None:
    assert "Is a tenth experiment like the others?" in texts[0]
    assert "One more. Dots." in texts[0]
    assert "Experiment 90: One more" in texts[1]


def test_the_command_line_finds_the_scale_by_itself(
    pdfs: list[Path],
    pages: list[list[str]],
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = dict(zip(pdfs, pages, strict=True))
    monkeypatch.setattr(check_paper, "pages_of", read.__getitem__)  # reading the PDFs again takes half a minute
    both = [str(pdf) for pdf in pdfs]
    assert check_paper.main([*both, "--results", str(root / "results")]) == 0
    count = len(pages[0]) + len(pages[1])
    assert f"a table for each of 10 experiments, {count} pages that state scale {SCALE}" in capsys.readouterr().out
    assert check_paper.main([both[0], "--results", str(root / "results")]) == 1, "the tables are in the supplement"
    assert "no table of e1_alignment" in capsys.readouterr().err
    assert check_paper.main([both[0], str(root / "none.pdf")]) == 2
    assert "none.pdf does not exist: run `make paper` first" in capsys.readouterr().err
    assert check_paper.main([*both, "--results", str(root / "elsewhere")]) == 2
    assert "the PDF is not of these results" in capsys.readouterr().err


def test_every_claim_stands_with_its_verdict(texts: list[str], root: Path) -> None:
    ledger = json.loads((root / "results" / SCALE / "ledger.json").read_text())
    for claim in ledger["claims"]:
        assert claim["id"] in texts[1].replace("- ", "-"), claim["id"]
    assert len(ledger["claims"]) > 20


def test_a_changed_result_changes_the_supplement(root: Path, texts: list[str]) -> None:
    import typst

    path = root / "results" / SCALE / "tables" / "e3_seeds.json"
    before = path.read_text()
    changed = json.loads(before)
    changed["blocks"][0]["groups"][0]["rows"][0]["trained"]["mean"] = 7.654
    assert "7.654" not in texts[1]
    path.write_text(json.dumps(changed))
    try:
        typst.compile(
            root / "paper" / "supplement.typ", output=root / "changed.pdf", root=root, sys_inputs={"scale": SCALE}
        )  # fmt: skip
    finally:
        path.write_text(before)
    assert "7.654" in " ".join(pages_of(root / "changed.pdf"))
