"""A page per module of the library, from its docstrings, and the list of them by room."""

from __future__ import annotations

import griffe

from web import markup
from web.markup import link, text
from web.reference import Reference


def contents(reference: Reference) -> str:
    """The rooms of the library with their modules, each with its first sentence."""
    rooms: dict[str, list[griffe.Module]] = {}
    for module in reference.library.modules():
        parts = module.path.split(".")
        rooms.setdefault(".".join(parts[:2]), []).append(module)
    blocks = [
        "<p>Read from the docstrings; shapes, units, errors and the formula that a function computes stand there.</p>"
    ]
    for room, modules in rooms.items():
        head = f"## {text(room)}" if len(modules) > 1 else ""
        rows = (
            f"{link(f'{m.path}/', f'<code>{text(m.path)}</code>')} {text(_sentence(m))}" for m in modules if _says(m)
        )
        blocks += [head, markup.listing(rows)]
    return markup.page("Library", *blocks)


def module(path: str, reference: Reference) -> str:
    """A module: mkdocstrings sets it."""
    return f"---\ntitle: {path}\n---\n\n# `{path}`\n\n::: {path}\n"


def pages(reference: Reference) -> list[str]:
    """The modules that have a page."""
    return [module.path for module in reference.library.modules() if _says(module)]


def _says(module: griffe.Module) -> bool:
    return module.docstring is not None


def _sentence(module: griffe.Module) -> str:
    words = " ".join((module.docstring.value if module.docstring else "").split("\n\n")[0].split())
    return words.split(". ")[0].rstrip(".") + "."
