"""The checks of a built site can fail: a link that leads nowhere, a heavy page, a script from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from web import check

PAGE = '<a href="other/index.html#here">x</a> <script src="a.js"></script>'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "other" / "index.html").write_text('<p id="here">x</p> <a href="../">up</a>')
    (tmp_path / "a.js").write_text("")
    return tmp_path


def test_a_site_in_order(site: Path) -> None:
    assert list(check.broken(site)) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("other/index.html#here", "there/index.html", "there/index.html leads nowhere"),
        ("#here", "#there", "has no such place"),
        ("a.js", "https://elsewhere.example/a.js", "fetches https://elsewhere.example/a.js from elsewhere"),
        ("x</a>", "x" * check.HEAVIEST, "bytes, more than"),
    ],
)
def test_what_is_wrong_is_named(site: Path, old: str, new: str, words: str) -> None:
    (site / "index.html").write_text(PAGE.replace(old, new))
    assert any(words in fault for fault in check.broken(site))


def test_the_graph_may_be_heavy(site: Path) -> None:
    (site / "graph").mkdir()
    (site / "graph" / "index.html").write_text("x" * (check.HEAVIEST + 1))
    assert list(check.broken(site)) == []
