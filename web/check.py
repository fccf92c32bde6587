"""Check a built site: `python -m web.check site`.

Links and anchors lead somewhere, pages are light, nothing is loaded from elsewhere. In Debian's Chromium, where it and
Playwright are there: search finds a formula without a server, formulas have a height, copying one gives text, the
graph's nodes lead on, and no page writes an error to the console.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: No page but the graph is heavier than this, in bytes.
HEAVIEST = 300_000
#: What a browser fetches by itself, by element.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class _Page(HTMLParser):
    """The links, the anchors and the fetched addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif (name := FETCHED.get(tag)) and name in found:
            self.fetched.append(found[name])


def broken(site: Path) -> Iterator[str]:
    """What is wrong with the pages as files, in words."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        if path.stat().st_size > HEAVIEST and name.parts[0] != "graph":
            yield f"{name}: {path.stat().st_size} bytes, more than {HEAVIEST}"
        for address in page.fetched:
            if urlsplit(address).scheme in ("http", "https") or address.startswith("//"):
                yield f"{name}: fetches {address} from elsewhere"
        if name.name == "404.html":
            continue  # its links are from the root of a server
        for address in (*page.links, *page.fetched):
            parts = urlsplit(address)
            if parts.scheme or address.startswith("//"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{name}: {address} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name}: {address} has no such place"
    for path in sorted(site.rglob("*.css")):
        for address in re.findall(r"url\(\"?(https?:[^)\"]+)", path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: fetches {address} from elsewhere"


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 when something is wrong; says so when there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m web.check", description=__doc__)
    parser.add_argument("site", type=Path, nargs="?", default=Path("site"))
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of the pages")
    options = parser.parse_args(arguments)
    site = options.site.resolve()
    if not (site / "index.html").is_file():
        parser.error(f"{options.site} holds no built site: run make site")
    found = list(broken(site))
    if shutil.which("chromium") and importlib.util.find_spec("playwright"):
        found += importlib.import_module("web.browse").faults(site, options.pictures)
    else:
        print("no Chromium with Playwright here: the pages were checked as files only")
    print(*(found or ["the site is in order"]), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
