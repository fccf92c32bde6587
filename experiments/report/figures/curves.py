"""Panels over training steps."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from experiments.report.figures.data import TRACK_TITLES, Data
from experiments.report.figures.style import control_style
from hrssm.training.settings import Track


def draw_curves(axes: Axes, data: Data, track: Track, metric: str) -> None:
    """Band, mean and single seeds over training steps, a colour per cell, printed checkpoints as crosses."""
    for cell in data.cells(track):
        rows = data.curve(cell, metric)
        if not len(rows):
            continue
        colour, steps = data.looks[cell][0], rows["step"].to_numpy(dtype=float)
        members = pd.DataFrame(
            [
                dict(zip(zip(d, s, strict=True), v, strict=True))
                for d, s, v in zip(rows["data_seeds"], rows["seeds"], rows["values"], strict=True)
            ]
        )
        for column in members.columns:
            axes.plot(steps, members[column].to_numpy(dtype=float), color=colour, linewidth=0.4, alpha=0.45)
        low, high = rows["low"].to_numpy(dtype=float), rows["high"].to_numpy(dtype=float)
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(steps, rows["mean"].to_numpy(dtype=float), color=colour)
        draw_printed_curve(axes, data, cell, data.metric(cell, metric), steps[-1])
        for control in data.figure.controls:
            rule = data.curve(cell, metric, control=control)
            if len(rule):
                axes.axhline(rule.iloc[-1]["mean"], **control_style(control))
    axes.set_xlabel("training step")
    axes.set_title(TRACK_TITLES[track])


def draw_printed_curve(axes: Axes, data: Data, cell: str, metric: str, last: float) -> None:
    """The printed checkpoints of a cell, placed at the same fraction of our own run."""
    for entry in data.printed:
        if (entry.cell, entry.metric) != (cell, metric) or entry.other_run or entry.value is None:
            continue
        if entry.step is not None and entry.of is not None:
            x = last * entry.step / entry.of
            axes.plot([x], [entry.value], "x", color=data.looks[cell][0], markersize=4.5, zorder=4)
