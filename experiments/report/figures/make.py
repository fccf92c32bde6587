"""Every figure that the experiments ask for: `python -m experiments.report.figures.make --scale smoke`.

Writes `results/{scale}/figures/*.svg` from the summary. Bars and bands are 95 % intervals over seeds; small points and
thin lines single seeds; crosses printed numbers; dashes the controls.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.command import Paths, command
from experiments.report.figures.curves import draw_curves
from experiments.report.figures.data import Data
from experiments.report.figures.formulas import draw
from experiments.report.figures.horizons import draw_horizons
from experiments.report.figures.panels import draw_cells, draw_dimensions, draw_ranges, frame, legend
from experiments.report.figures.style import grid, save, style
from experiments.report.ledger import REGISTRY
from experiments.report.printed import read_printed
from experiments.report.select import Selection
from experiments.report.summary import read_summary
from hrssm.training.settings import Track

DRAW: dict[str, Callable[[Axes, Data, Track, str], None]] = {
    "cells": draw_cells,
    "dimensions": draw_dimensions,
    "curves": draw_curves,
    "ranges": draw_ranges,
    "horizons": draw_horizons,
}


def make_figure(data: Data) -> Figure:
    """A grid with a row per metric and a column per track."""
    figure, lines = grid(len(data.figure.metrics), len(data.tracks))
    for line, metric in zip(lines, data.figure.metrics, strict=True):
        for axes, track in zip(line, data.tracks, strict=True):
            DRAW[data.figure.draw](axes, data, track, metric)
            if not axes.has_data():
                axes.text(
                    0.5, 0.5, "never measured on these walks", transform=axes.transAxes, ha="center", color="#777777"
                )
                axes.set_xticks([])
        first = data.metric(data.cells(data.tracks[0])[0], metric)
        known = metric in data.experiment.vocabulary
        line[0].set_ylabel(data.experiment.vocabulary.label(metric) if known else ALIASES[metric])
        frame(line, first)
    for line in lines[1:]:
        for axes in line:
            axes.set_title("")
    legend(figure, data)
    return figure


#: What a figure calls a metric that differs from cell to cell.
ALIASES = {"alignment": "rank correlation with depth"}


def _work(paths: Paths) -> str:
    summary, plan = read_summary(paths.folder), paths.plan()
    printed = read_printed(paths.experiments, plan)
    drawn = 0
    with style():
        for experiment in plan.values():
            selection = Selection(experiment, summary)
            for figure in experiment.figures:
                data = Data(figure, selection, printed[experiment.id])
                save(make_figure(data), paths.folder / "figures" / f"{figure.name}.svg")
                drawn += 1
        formulas = json.loads(REGISTRY.read_text(encoding="utf-8"))["formulas"]
        save(draw(formulas), paths.folder / "figures" / "dependencies.svg")
    return f"figures: {drawn + 1} drawn"


main = partial(command, __doc__, _work)

if __name__ == "__main__":
    sys.exit(main())
