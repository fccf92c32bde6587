"""Pieces of pages: escaped words, formulas that copy as text, links that work without a server."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from web import markup
from web.docstrings import fenced


def shown(html: str) -> str:
    """The words that a browser shows."""
    words: list[str] = []
    parser = HTMLParser()
    parser.handle_data = words.append  # type: ignore[method-assign]
    parser.feed(html)
    return "".join(words)


@pytest.mark.parametrize("words", ["a_b * c", "|x|^2 <= 1 & more", "the horosphere's", "[x](y) `z` # w", "\\tau"])
def test_words_are_shown_as_they_are_and_markdown_sees_nothing_in_them(words: str) -> None:
    html = markup.text(words)
    assert shown(html) == words
    assert not set(html.replace("&#", "")) & set("*_`\\[]|")


def test_a_formula_carries_its_text() -> None:
    html = markup.formula('<math display="block"><mi>x</mi></math>', 'a < "b"\nand c')
    assert 'alttext="a &lt; &quot;b&quot;&#10;and c"' in html
    assert "\n" not in html


def test_ids_in_prose_are_links() -> None:
    html = markup.prose("see hg-kl-fibre, not hg-kl-other or mid-rank", {"hg-kl-fibre"}, "hg-kl/")
    assert '<a href="../hg-kl-fibre/">hg-kl-fibre</a>' in html
    assert html.count("<a ") == 1
    assert shown(html) == "see hg-kl-fibre, not hg-kl-other or mid-rank"


def test_a_link_goes_up_as_far_as_its_page_lies_deep() -> None:
    assert markup.link("hg-kl/", "x", "chapters/geometry/") == '<a href="../../hg-kl/">x</a>'
    assert markup.link("hg-kl/", "x") == '<a href="hg-kl/">x</a>'


def test_examples_of_docstrings_become_code() -> None:
    assert fenced("Words.\n\n>>> f(1)\n2\n\nMore.") == "Words.\n\n```pycon\n>>> f(1)\n2\n```\n\nMore."
