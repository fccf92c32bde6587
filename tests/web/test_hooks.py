"""Links of a built page lead on where no server completes them."""

from __future__ import annotations

import pytest

from web.hooks import explicit


@pytest.mark.parametrize(
    ("address", "complete"),
    [
        ("../hg-kl/", "../hg-kl/index.html"),
        ("../hg-kl/#proof", "../hg-kl/index.html#proof"),
        (".", "./index.html"),
        ("..", "../index.html"),
        ("./", "./index.html"),
        ("#proof", "#proof"),
        ("", ""),
        ("a.css", "a.css"),
        ("https://example.org/a/", "https://example.org/a/"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_a_folder_is_named_with_its_file(address: str, complete: str) -> None:
    assert explicit(address) == complete
