"""No number of a run is typed in the paper; the scan that says so would see one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.report.check_paper import STRUCTURE, check_pdf, check_sources, typed_numbers

PAPER = Path(__file__).parents[2] / "paper"
SOURCES = "".join(path.read_text(encoding="utf-8") for path in PAPER.rglob("*.typ"))


def test_the_sources_type_no_number() -> None:
    assert check_sources(PAPER) == []


@pytest.mark.parametrize(
    "text",
    [
        "The printed alignment is 0.306.",
        "It was $0.306$ in one run.",
        "It holds in 32 % of the runs.",
        "We set $d = 16$.",
        "On average $rho = 0.3$.",
        "With 5 seeds.",
        "#text(size: 9pt)[about 0.405]",
        "#number(0.306)",
        "The error fell to .405",
        "#table(columns: 3, [0.68])",
        "Experiment 3 has the most seeds.",
    ],
)
def test_a_typed_number_is_seen(text: str) -> None:
    assert typed_numbers(f"= Title\n{text}\n") == [(2, text)]


@pytest.mark.parametrize(
    "text",
    [
        "#text(size: 7.5pt)[x]",
        "#number(environment.short.clock.rho_height, digits: 3)",
        "In the plane $HH^2$ with $e^(-2 tau)$ and curvature $-1$.",
        "As the write-up has it @perret2026.",
        "// a comment may say 0.306",
        "All intervals are 95 % Student intervals.",
        '#experiment("e3_seeds", [x])',
    ],
)
def test_typesetting_is_let_through(text: str) -> None:
    assert typed_numbers(text) == []


def test_a_comment_does_not_hide_what_follows_it() -> None:
    assert typed_numbers("/* one\n two */ then 0.306") == [(2, "two */ then 0.306")]


def test_every_exception_has_a_use_and_a_reason() -> None:
    for pattern, reason in STRUCTURE:
        assert reason
        assert re.search(pattern, SOURCES), f"nothing in the paper needs {pattern!r} any more; remove it"


EXPERIMENTS = [
    {"id": "e1_one", "number": 1, "title": "Height and depth"},
    {"id": "e4_four", "number": 4, "title": "Weights"},
    {"id": "u1_other", "number": 1, "title": "Does a state grow?"},
    {"id": "e14_more", "number": 14, "title": "One more of them"},
]
TABLES = " ".join(f"Table {k + 2}. Experiment {e['number']}: {e['title']}." for k, e in enumerate(EXPERIMENTS))
FOOTER = "Scale smoke · seeds per cell: 2 · device: cpu"


def test_a_missing_table_is_named() -> None:
    assert check_pdf([f"{TABLES} {FOOTER}"], EXPERIMENTS, "smoke") == []
    for title, words in (
        ("Experiment 4:", "no table of e4_four (Experiment 4: Weights)"),
        ("Does a state", "no table of u1_other (Experiment 1: Does a state grow?)"),
    ):
        assert check_pdf([f"{TABLES.replace(title, 'x')} {FOOTER}"], EXPERIMENTS, "smoke") == [words]


def test_nothing_measured_is_no_excuse() -> None:
    assert check_pdf([FOOTER], [], "smoke") == ["no experiment was measured"]


def test_a_page_without_its_footer_is_named() -> None:
    wrong = check_pdf([f"{TABLES} {FOOTER}", FOOTER.replace("smoke", "laptop")], EXPERIMENTS, "smoke")
    assert wrong == ["page 2 does not state: Scale smoke"]
