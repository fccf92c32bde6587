"""Which formula uses which: a layered drawing of the reference, one column per depth of use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from experiments.report.figures.style import TEXT_WIDTH

LEVEL_COLOURS = {"S": "#0072B2", "B": "#009E73", "N": "#E69F00", "C": "#7f7f7f"}
ROW = 0.165  # inches per entry in the fullest column


def layers(uses: Mapping[str, list[str]]) -> list[list[str]]:
    """Entries by the longest chain of uses below them; each column ordered by the mean place of what it uses.

    Entries outside `uses` are ignored. Raises ValueError when the uses form a circle.
    """
    depth: dict[str, int] = {}

    def visit(name: str, path: tuple[str, ...]) -> int:
        if name in path:
            raise ValueError(f"the uses form a circle: {' -> '.join([*path, name])}; drop one of them")
        if name not in depth:
            below = [visit(other, (*path, name)) for other in uses[name] if other in uses]
            depth[name] = 1 + max(below, default=-1)
        return depth[name]

    for name in uses:
        visit(name, ())
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in uses:
        columns[depth[name]].append(name)
    place: dict[str, float] = {}
    for column in columns:
        middle = {
            name: [place[other] for other in uses[name] if other in place] or [len(place) + 1.0] for name in column
        }
        column.sort(key=lambda name: sum(middle[name]) / len(middle[name]))
        place.update({name: (index + 0.5) / len(column) for index, name in enumerate(column)})
    return columns


def draw(formulas: Mapping[str, Any]) -> Figure:
    """The connected part of the reference; entries that neither use nor are used are left to the tables."""
    uses = {name: [u for u in entry["uses"] if u in formulas] for name, entry in formulas.items()}
    used = {u for below in uses.values() for u in below}
    uses = {name: below for name, below in uses.items() if below or name in used}
    columns = layers(uses)
    height = ROW * max((len(column) for column in columns), default=1) + 0.4
    figure = Figure(figsize=(TEXT_WIDTH, height))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    width = 1 / max(len(columns), 1)
    place = {
        name: (column_index * width + 0.01, 1 - (index + 0.5) / len(column))
        for column_index, column in enumerate(columns)
        for index, name in enumerate(column)
    }
    extent = {name: 0.0105 * len(name) * 6.3 / TEXT_WIDTH for name in place}
    for name, below in uses.items():
        for other in below:
            x, y = place[other]
            arrow = FancyArrowPatch(
                (x + extent[other], y),
                (place[name][0] - 0.004, place[name][1]),
                arrowstyle="-|>",
                mutation_scale=4,
                linewidth=0.35,
                color="#9aa4ad",
                connectionstyle="arc3,rad=0.0",
                shrinkA=0,
                shrinkB=0,
            )
            axes.add_patch(arrow)
    for name, (x, y) in place.items():
        colour = LEVEL_COLOURS.get(formulas[name]["level"][:1], "#000000")
        axes.text(
            x,
            y,
            name + "*" * formulas[name]["level"].endswith("*"),
            va="center",
            ha="left",
            fontsize=6.2,
            color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )
    for index, (level, colour) in enumerate(LEVEL_COLOURS.items()):
        axes.text(0.99 - 0.03 * (3 - index), 0.995, level, color=colour, fontsize=7, va="top", ha="right")
    return figure
