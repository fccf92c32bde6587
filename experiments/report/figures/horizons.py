"""Panels against the length of a roll-out."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from experiments.report.figures.data import TRACK_TITLES, Data
from experiments.report.figures.style import control_style
from hrssm.evaluation.horizons import FACTORS, range_of
from hrssm.training.settings import Track

SPREAD = 30  # a metric that is positive and varies by more than this is drawn on a logarithmic axis


def draw_horizons(axes: Axes, data: Data, track: Track, metric: str) -> None:
    """Mean and interval at each horizon, a line per cell; what is undefined from some horizon on ends there."""
    drawn: list[float] = []
    for cell in data.cells(track):
        found = [(factor, data.rows(cell, metric, range=range_of(factor))) for factor in FACTORS]
        ends = [(factor, rows.iloc[-1]) for factor, rows in found if len(rows)]
        if not ends:
            continue
        colour, marker = data.looks[cell]
        x = np.array([factor for factor, _ in ends], dtype=float)
        low, mean, high = (np.array([row[name] for _, row in ends], dtype=float) for name in ("low", "mean", "high"))
        axes.plot(x, mean, marker=marker, color=colour)
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        drawn += [float(value) for value in mean]
        for control in data.figure.controls:
            rule = [(f, data.rows(cell, metric, control=control, range=range_of(f))) for f, _ in ends]
            points = [(factor, rows.iloc[-1]["mean"]) for factor, rows in rule if len(rows)]
            if points:
                axes.plot(*zip(*points, strict=True), **control_style(control))
    if drawn and min(drawn) > 0 and max(drawn) > SPREAD * min(drawn):
        axes.set_yscale("log")
    axes.set_xscale("log")
    axes.set_xticks(FACTORS, [f"{factor}×" for factor in FACTORS])
    axes.minorticks_off()
    axes.set_xlabel("length of the roll-out, in training lengths")
    axes.set_title(TRACK_TITLES[track])
