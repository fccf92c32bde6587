"""The entries in Typst, a variable per id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPST_HEAD = """// The formulas of hrssm, a macro per id. Written by `python -m derivations`; never edited.
// Use: #import "formulas.typ": hg-kl, then #hg-kl
// A display that is too wide for its place is scaled down to it.
#let fitted(body) = layout(place => {
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
            f"// {entry['title']} (level {entry['level']})\n#let {id} = fitted($ {entry['statement']['typst']} $)"
        )
    return "\n".join(lines) + "\n"
