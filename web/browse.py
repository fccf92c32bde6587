"""A built site in Debian's Chromium, opened as files: what a reader would stumble on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

#: A wide screen on light and a phone's on dark.
SCREENS = ((1280, 900, "light"), (390, 800, "dark"))
#: The pages that are looked at.
PAGES = ("", "hg-kl", "chapters/geometry", "graph", "ledger", "symbols", "functions", "library")
#: What is in the clipboard after the first formula was selected and copied.
COPY = """() => {
  const selection = document.getSelection();
  selection.selectAllChildren(document.querySelector(".formula"));
  let text = "";
  const seen = (event) => (text = event.clipboardData.getData("text/plain"));
  document.addEventListener("copy", seen);
  document.execCommand("copy");
  document.removeEventListener("copy", seen);
  return text;
}"""


def faults(site: Path, pictures: Path | None = None) -> Iterator[str]:
    """What is wrong with the site on both screens, in words; `pictures` are taken on the way."""
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"))
        for wide, high, scheme in SCREENS:
            for words in _visit(browser, site, wide, high, scheme, pictures):
                yield f"on a screen of {wide}: {words}"
        browser.close()


def _visit(browser: Browser, site: Path, wide: int, high: int, scheme: str, pictures: Path | None) -> Iterator[str]:
    context = browser.new_context(viewport={"width": wide, "height": high}, color_scheme=scheme)  # type: ignore[arg-type]
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"{request.url} could not be fetched"))
    for name in PAGES:
        _open(page, site, name)
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=pictures / f"{name.replace('/', '-') or 'home'}-{wide}.png")
        beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if beyond > 0:
            yield f"{name or 'home'}: {beyond} pixels beyond the screen"
    yield from _formula(page, site)
    yield from _search(page, site)
    yield from _graph(page, site)
    yield from said
    context.close()


def _open(page: Page, site: Path, name: str) -> None:
    page.goto((site / name / "index.html").as_uri())
    page.wait_for_timeout(300)


def _formula(page: Page, site: Path) -> Iterator[str]:
    """A formula has a height, is copied as text, and its citation by its button."""
    _open(page, site, "hg-kl")
    box = page.locator(".formula math").first.bounding_box()
    if not box or box["height"] < 30:
        yield f"hg-kl: its formula is drawn as {box}"
    copied = page.evaluate(COPY)
    if "KL(q || p) = log(sigma_p/sigma_q)" not in copied:
        yield f"hg-kl: its formula is copied as {copied!r}"
    page.locator(".tabbed-content button[data-clipboard-target], .tabbed-content .md-code__button").first.click()
    page.wait_for_timeout(200)
    cited = page.evaluate("navigator.clipboard.readText()")
    if "@misc{hg-kl," not in cited:
        yield f"hg-kl: the button beside its citation copies {cited[:80]!r}"


def _search(page: Page, site: Path) -> Iterator[str]:
    """KL finds the formula, and the keyboard alone gets there."""
    _open(page, site, "")
    page.keyboard.press("/")
    page.wait_for_timeout(300)
    page.keyboard.type("KL")
    try:
        page.locator(".md-search-result__link[href*='hg-kl/index.html']").first.wait_for(timeout=20_000)
    except BrowserError as error:
        yield f"search: does not find hg-kl by KL: {str(error).splitlines()[0]}"


def _graph(page: Page, site: Path) -> Iterator[str]:
    """A node of the graph is a link that the keyboard reaches."""
    _open(page, site, "graph")
    page.locator("svg a", has_text="geo-metric").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    if not page.url.endswith("/geo-metric/index.html"):
        yield f"graph: the node of geo-metric leads to {page.url}"
