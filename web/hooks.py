"""What MkDocs calls: the pages made from the reference, the way through them, and links that work without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from web.pages import chapters, claims, formula, graph, indexes, library
from web.reference import Reference

ASSETS = Path(__file__).parent / "assets"
REFERENCE = Reference()


def pages(reference: Reference) -> dict[str, str]:
    """Every page that is made, by its path below the site."""
    made = {
        "index.md": chapters.home(reference),
        "chapters/index.md": chapters.contents(reference),
        "symbols.md": indexes.symbols(reference),
        "functions.md": indexes.functions(reference),
        "graph.md": graph.page(reference),
        "ledger.md": claims.ledger(reference),
        "experiments/index.md": claims.experiments(reference),
        "library/index.md": library.contents(reference),
    }
    made |= {f"chapters/{name}/index.md": chapters.chapter(name, reference) for name in reference.chapters}
    made |= {f"{id}.md": formula.page(id, reference) for id in reference.entries}
    made |= {f"experiments/{key}.md": claims.experiment(key, reference) for key in reference.experiments}
    made |= {f"library/{path}.md": library.module(path, reference) for path in library.pages(reference)}
    return made


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The way through the pages: each chapter holds its formulas."""
    from web.markup import chapter_name

    parts: list[Any] = ["chapters/index.md"]
    for name, ids in REFERENCE.chapters.items():
        parts.append({chapter_name(name): [f"chapters/{name}/index.md", *(f"{id}.md" for id in ids)]})
    config.nav = [
        {"Home": "index.md"},
        {"Chapters": parts},
        {"Symbols": "symbols.md"},
        {"Functions": "functions.md"},
        {"Graph": "graph.md"},
        {"Ledger": "ledger.md"},
        {"Experiments": "experiments/index.md"},
        {"Accuracy": "accuracy.md"},
        {"Library": "library/index.md"},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and the assets to the documents that are files."""
    for path, content in pages(REFERENCE).items():
        files.append(File.generated(config, path, content=content))
    for asset in sorted(ASSETS.iterdir()):
        files.append(File.generated(config, f"assets/{asset.name}", abs_src_path=str(asset)))
    return files


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Link the formulas that docstrings name; point links at `index.html`, which no server may be there to add."""
    if page.file.src_uri.startswith("library/"):
        output = re.sub(r"<code>([a-z0-9-]+)</code>", _to_entry, output)
    return re.sub(r'(<a\b[^>]*?\bhref=")([^"]*)(")', lambda m: m[1] + explicit(m[2]) + m[3], output)


def _to_entry(code: re.Match[str]) -> str:
    """The id of a formula in a docstring as a link to it."""
    id = code[1]
    return f'<a href="../../{id}/">{code[0]}</a>' if id in REFERENCE.entries else code[0]


def explicit(address: str) -> str:
    """A relative address of a folder with the name of its file."""
    if re.match(r"[a-z]+:|//|#|/", address):
        return address
    path, hash, place = address.partition("#")
    if path in ("", ".", "..") or path.endswith("/"):
        path = f"{path.rstrip('/')}/index.html" if path else path
    return path + hash + place


def on_post_build(config: MkDocsConfig) -> None:
    """The search index with full addresses, and as a script: a page that was opened as a file may not fetch it."""
    folder = Path(config.site_dir) / "search"
    index = json.loads((folder / "search_index.json").read_text(encoding="utf-8"))
    for entry in index["docs"]:
        path, hash, place = entry["location"].partition("#")
        entry["location"] = (f"{path}index.html" if path.endswith("/") or not path else path) + hash + place
    written = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    (folder / "search_index.json").write_text(written, encoding="utf-8")
    (folder / "search_index.js").write_text(f"var __index = {written}", encoding="utf-8")
