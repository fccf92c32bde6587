"""The dependency graph as an SVG whose nodes are links: an arrow runs from what is used to what uses it."""

from __future__ import annotations

from collections.abc import Mapping

from web import markup
from web.markup import LEVELS, chapter_name, entry_link, text
from web.reference import Reference

WIDE, HIGH = 178, 22  # of a node
GAP, ROW = 70, 28  # between columns, and from one node of a column to the next


def page(reference: Reference) -> str:
    """The graph, its key, and the same in words."""
    here = "graph/"
    keys = "".join(f'<span class="badge level-{k}">{k}</span> {text(v)} ' for k, v in LEVELS.items())
    parts = [
        "<p>An arrow runs from an entry to those that use it; each column rests on those to its left. Every node is "
        "a link. "
        f"Colours are levels of proof: {keys}</p>",
        f'<div class="graph" tabindex="0" role="group" aria-label="dependency graph">{svg(reference, here)}</div>',
        "## In words",
    ]
    for chapter, ids in reference.chapters.items():
        linked = [i for i in ids if reference.entries[i]["uses"]]
        items = (
            f"{entry_link(i, here)} uses " + ", ".join(entry_link(u, here) for u in reference.entries[i]["uses"])
            for i in linked
        )
        if linked:
            parts += [f"### {text(chapter_name(chapter))}", markup.listing(items)]
    return markup.page("Dependency graph", *parts, wide=True)


def columns(uses: Mapping[str, list[str]]) -> list[list[str]]:
    """Ids by depth: an entry stands one column right of the last that it uses; within a column near what it uses."""
    depth: dict[str, int] = {}

    def place(id: str) -> int:
        if id not in depth:
            depth[id] = 1 + max((place(used) for used in uses[id]), default=-1)
        return depth[id]

    found: list[list[str]] = [[] for _ in range(1 + max(map(place, uses), default=-1))]
    for id in uses:
        found[depth[id]].append(id)
    height: dict[str, float] = {}
    for column in found:
        order = {id: i for i, id in enumerate(column)}
        column.sort(
            key=lambda id: (sum(height[u] for u in uses[id]) / len(uses[id]) if uses[id] else order[id], order[id])
        )
        height |= {id: i / max(1, len(column) - 1) for i, id in enumerate(column)}
    return found


def svg(reference: Reference, here: str) -> str:
    """The drawing. Entries without a neighbour stand in columns of their own below the others."""
    alone = [id for id, e in reference.entries.items() if not e["uses"] and not reference.used_by[id]]
    uses = {id: list(e["uses"]) for id, e in reference.entries.items() if id not in alone}
    places: dict[str, tuple[float, float]] = {}
    drawn = columns(uses)
    tallest = max(map(len, drawn), default=0)
    for x, column in enumerate(drawn):
        start = (tallest - len(column)) / 2
        places |= {id: (x * (WIDE + GAP) + 4, (start + y) * ROW + 4) for y, id in enumerate(column)}
    across = max(1, len(drawn))
    for i, id in enumerate(alone):
        places[id] = (i % across * (WIDE + GAP) + 4, (tallest + 1 + i // across) * ROW + 4)
    wide = max(x for x, _ in places.values()) + WIDE + 4
    high = max(y for _, y in places.values()) + HIGH + 4
    arrows = "".join(_arrow(places[used], places[id]) for id, below in uses.items() for used in below)
    nodes = "".join(_node(id, reference, places[id], here) for id in places)
    return (
        f'<svg viewBox="0 0 {wide:g} {high:g}" width="{wide:g}" height="{high:g}" role="img" '
        'aria-label="Which entry uses which; the same stands in words below.">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0 8 4 0 8z"/></marker></defs><g class="arrows">{arrows}</g>{nodes}</svg>'
    )


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (u, v) = start, end
    x, y, v = x + WIDE, y + HIGH / 2, v + HIGH / 2
    bend = (u - x) / 2
    return f'<path d="M{x:g} {y:g}C{x + bend:g} {y:g} {u - bend:g} {v:g} {u:g} {v:g}"/>'


def _node(id: str, reference: Reference, place: tuple[float, float], here: str) -> str:
    entry, (x, y) = reference.entries[id], place
    size = min(12.0, 1.62 * WIDE / max(1, len(id)))
    return (
        f'<a href="{"../" * here.count("/")}{id}/" class="level-{markup.attribute(entry["level"][:1])}">'
        f"<title>{text(entry['title'])}</title>"
        f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="4"/>'
        f'<text x="{x + WIDE / 2:g}" y="{y + HIGH / 2 + 4:g}" font-size="{size:.3g}">{text(id)}</text></a>'
    )
