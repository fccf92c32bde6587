"""Panels that show the end of a run: cells side by side, against the dimension, one range beside another."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.report.figures.data import TRACK_TITLES, Data
from experiments.report.figures.style import control_style
from hrssm.training.settings import Track

LEGEND_LETTERS = 100  # that fit beside each other under a figure, a handle counting as six


def draw_estimate(axes: Axes, x: float, row: pd.Series, colour: str, marker: str) -> None:
    """Mean with its interval at `x`, and the single seeds beside it."""
    values = np.asarray(row["values"], dtype=float)
    values = values[np.isfinite(values)]
    axes.plot(np.full(values.size, x), values, ".", color=colour, alpha=0.35, markersize=3, zorder=2)
    error = None
    if math.isfinite(row["low"]):
        error = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
    axes.errorbar([x], [row["mean"]], yerr=error, fmt=marker, color=colour, capsize=2, elinewidth=1, zorder=3)


def draw_cells(axes: Axes, data: Data, track: Track, metric: str) -> None:
    """One column per cell: estimate, its clock and untrained model as short rules, the printed cross."""
    cells = [cell for cell in data.cells(track) if len(data.rows(cell, metric))]
    for x, cell in enumerate(cells):
        draw_estimate(axes, x, data.rows(cell, metric).iloc[-1], *data.looks[cell])
        for control in data.figure.controls:
            rows, look = data.rows(cell, metric, control=control), control_style(control)
            if len(rows):
                axes.plot([x - 0.35, x + 0.35], [rows.iloc[-1]["mean"]] * 2, **look)
        value = data.printed_value(cell, metric)
        if value is not None:
            axes.plot([x + 0.18], [value], "x", color="black", markersize=4.5, zorder=4)
    names = [data.settings(cell).label(dimension=False) for cell in cells]
    if len(set(names)) < len(names):  # cells that differ in nothing but their size
        names = [data.settings(cell).label() for cell in cells]
    axes.set_xticks(range(len(cells)), names, rotation=35, ha="right")
    axes.set_xlim(-0.6, max(len(cells), 1) - 0.4)
    axes.set_title(TRACK_TITLES[track])


def draw_dimensions(axes: Axes, data: Data, track: Track, metric: str) -> None:
    """Estimates against the latent dimension, one line per family, of cells that differ in nothing else."""
    by_family: dict[str, list[tuple[int, str]]] = {}
    for cell in data.cells(track):
        settings = data.settings(cell)
        if settings.size is not None and not settings.variant() and len(data.rows(cell, metric)):
            by_family.setdefault(settings.family, []).append((settings.size, cell))
    ticks = sorted({d for cells in by_family.values() for d, _ in cells})
    for place, (_, cells) in enumerate(sorted(by_family.items())):
        cells.sort()
        shift = 1.0 + 0.06 * (place - (len(by_family) - 1) / 2)
        xs, means = [d * shift for d, _ in cells], []
        for x, (_, cell) in zip(xs, cells, strict=True):
            row = data.rows(cell, metric).iloc[-1]
            means.append(row["mean"])
            draw_estimate(axes, x, row, *data.looks[cell])
            value = data.printed_value(cell, metric)
            if value is not None:
                axes.plot([x * 1.12], [value], "x", color=data.looks[cell][0], markersize=4.5, zorder=4)
        axes.plot(xs, means, color=data.looks[cells[0][1]][0], linewidth=0.8, alpha=0.7)
    for control in data.figure.controls:
        look = control_style(control)
        points: dict[int, list[float]] = {}
        for cells in by_family.values():
            for d, cell in cells:
                rows = data.rows(cell, metric, control=control)
                if len(rows):
                    points.setdefault(d, []).append(float(rows.iloc[-1]["mean"]))
        if points:
            axes.plot(sorted(points), [float(np.mean(points[d])) for d in sorted(points)], **look)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("latent dimension $d$")
    axes.set_title(TRACK_TITLES[track])


def draw_ranges(axes: Axes, data: Data, track: Track, metric: str) -> None:
    """One range of the data beside another, one line per seed and one estimate per range and cell."""
    cells = [cell for cell in data.cells(track) if len(data.rows(cell, metric))]
    shown: list[float] = []
    for place, cell in enumerate(cells):
        colour = data.looks[cell][0]
        shift = 0.16 * (place - (len(cells) - 1) / 2)
        ends = [data.rows(cell, metric, range=where) for where in data.figure.ranges]
        for x, rows, where in zip((0, 1), ends, data.figure.ranges, strict=True):
            if not len(rows):
                continue
            shown.append(float(rows.iloc[-1]["mean"]))
            draw_estimate(axes, x + shift, rows.iloc[-1], colour, data.looks[cell][1])
            for control in data.figure.controls:
                rule = data.rows(cell, metric, control=control, range=where)
                if len(rule):
                    axes.plot([x - 0.4, x + 0.4], [rule.iloc[-1]["mean"]] * 2, **control_style(control))
            value = data.printed_value(cell, metric, where)
            if value is not None:
                axes.plot([x + shift + 0.06], [value], "x", color=colour, markersize=4.5, zorder=4)
        if all(len(rows) for rows in ends):
            for low, high in zip(ends[0].iloc[-1]["values"], ends[1].iloc[-1]["values"], strict=True):
                axes.plot([shift, 1 + shift], [low, high], color=colour, linewidth=0.4, alpha=0.45)
    spread = max(shown, default=0.0) - min(shown, default=0.0)
    if min(shown, default=0.0) - 3 * spread <= 0 <= max(shown, default=0.0) + 3 * spread:
        axes.axhline(0, color="#999999", linewidth=0.6)
    ranges = data.experiment.vocabulary.ranges
    axes.set_xticks([0, 1], [textwrap.fill(ranges[where].sentence, 24) for where in data.figure.ranges])
    axes.set_xlim(-0.5, 1.5)
    axes.set_title(TRACK_TITLES[track])


def legend(figure: Figure, data: Data) -> None:
    """One legend under the panels: families (or cells), then what dashes and crosses mean."""
    shown: dict[str, Line2D] = {}
    for cell, name in data.names.items():
        colour, marker = data.looks[cell]
        shown.setdefault(name, Line2D([], [], color=colour, marker=marker))
    for control in data.figure.controls:
        shown[data.experiment.vocabulary.controls[control].label] = Line2D([], [], **control_style(control))
    if any(entry.value is not None for entry in data.printed):
        shown["printed"] = Line2D([], [], color="black", marker="x", linestyle="none")
    columns = min(len(shown), 4, LEGEND_LETTERS // (max(map(len, shown)) + 6))
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=columns, handlelength=2.2)


def frame(panels: Sequence[Axes], metric: str) -> None:
    """Hold the common limits of a row near its points: an interval of two seeds may be far wider than all else.

    Bars that reach beyond the frame are cut by it, visibly. Correlations stay in [-1, 1], other metrics above 0 if all
    their points do. A logarithmic axis needs no such hold.
    """
    if panels[0].get_yscale() == "log":
        return
    points = [
        float(y)
        for axes in panels
        for line in axes.lines
        if line.get_marker() not in ("_", "|")
        for y in np.asarray(line.get_ydata(), dtype=float)
        if math.isfinite(y)
    ]
    if not points:
        return
    room = 0.6 * (max(points) - min(points)) or 0.1
    lowest, highest = (-1.05, 1.05) if metric.startswith("rho") else (0.0 if min(points) >= 0 else -math.inf, math.inf)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(max(low, min(points) - room, lowest), min(high, max(points) + room, highest))
