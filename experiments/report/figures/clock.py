"""The share of walks at each depth, by step: what a clock can know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from experiments.report.figures.style import grid

__all__ = ["clock_figure"]


def clock_figure(facts: Mapping[str, Mapping[str, Any]]) -> Figure:
    """P(depth at step t) as stacked bars, for uniform and for stationary starts."""
    figure, lines = grid(1, 3)
    shades = ("#f0f0f0", "#d0d1e6", "#a6bddb", "#67a9cf", "#3690c0", "#02818a", "#016450", "#003c30")
    for axes, (key, title) in zip(
        lines[0],
        (
            ("short", "uniform start"),
            ("stationary", "stationary start"),
            ("every_depth", "start at every depth"),
        ),
        strict=True,
    ):
        rows, base = facts[key]["depth_by_step"], [0.0] * len(facts[key]["depth_by_step"])
        for depth in range(len(rows[0])):
            heights = [row[depth] for row in rows]
            axes.bar(
                range(len(rows)),
                heights,
                bottom=base,
                color=shades[depth],
                edgecolor="#555555",
                linewidth=0.3,
                width=0.9,
                label=f"depth {depth}",
            )
            base = [low + height for low, height in zip(base, heights, strict=True)]
        axes.set_title(title)
        axes.set_xlabel("step $t$")
        axes.set_ylim(0, 1)
        axes.set_xticks(range(0, len(rows), 3))
        axes.grid(visible=False)
    lines[0][0].set_ylabel("share of walks")
    handles, labels = lines[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=1.2)
    return figure
