"""Every figure of the paper: `python -m experiments.figures --scale smoke`.

Writes `results/{scale}/figures/*.svg` from the summary. Bars and bands are 95 % intervals over
seeds; small points and thin lines single seeds; crosses printed numbers; black dashes the blind clock.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.report.figures.formulas import draw
from experiments.report.figures.style import COLOURS, CONTROL_STYLES, MARKERS, VARIANT_COLOURS, grid, save, style
from experiments.report.labels import alignment_metric, cell_label, family_label, metric_label, variant
from experiments.report.ledger import REGISTRY
from experiments.report.plan import Experiment, RecordError, read_plan
from experiments.report.summary import parser, read_summary
from experiments.report.tables import COUNTERPARTS, PROTOCOLS, Printed, read_printed
from hrssm.experiment.experiment import Run

TRACK_TITLES = {"published": "as published", "intended": "as intended"}


class Data:
    """The summary rows of one experiment, selected by name."""

    def __init__(self, experiment: Experiment, summary: pd.DataFrame, printed: Sequence[Printed]) -> None:
        self.experiment = experiment
        self.rows = summary[summary["experiment"] == experiment.id]
        self.printed = printed
        self.track = {name: cell.run.track for name, cell in experiment.cells.items()}

    @property
    def tracks(self) -> list[str]:
        """The tracks that this experiment has, published first."""
        return [track for track in TRACK_TITLES if track in self.track.values()]

    def cells(self, track: str) -> list[str]:
        """The cells of a track in the order of the file."""
        return [cell for cell in self.experiment.cells if self.track.get(cell) == track]

    def select(self, cell: str, metric: str, *, control: str = "trained", where: str = "in", final: bool = True):
        """The rows of one quantity under the protocol of the cell's track, in order of steps."""
        rows = self.rows
        # Curves are recorded under the published protocol alone, whatever the track.
        protocol = PROTOCOLS[self.track[cell]] if final else "published"
        chosen = (rows["cell"] == cell) & (rows["metric"] == metric) & (rows["control"] == control)
        chosen &= (rows["distribution"] == where) & (rows["protocol"] == protocol) & (rows["final"] == final)
        return rows[chosen & (rows["n"] > 0)].sort_values("step")

    def clock_of_curve(self, cell: str, metric: str) -> pd.DataFrame:
        """What the blind clock scores on the walks that curves are recorded on."""
        rows = self.rows
        chosen = (rows["cell"] == cell) & (rows["metric"] == metric) & (rows["control"] == "blind-clock")
        return rows[chosen & (rows["protocol"] == "published") & (rows["distribution"] == "in")]

    def run(self, cell: str) -> Run:
        """The settings of `cell`."""
        return self.experiment.cells[cell].run

    def alignment(self, cell: str) -> str:
        """The alignment metric of `cell`."""
        return alignment_metric(self.run(cell), self.experiment.group)

    def family(self, cell: str) -> str:
        """The latent family of `cell`."""
        return self.run(cell).latent.family

    def colour(self, cell: str) -> str:
        """The colour of `cell`: its prior's or decoder's where that is special, else its family's."""
        model = self.run(cell).model
        keys = (model.prior, model.decoder)
        return next((VARIANT_COLOURS[key] for key in keys if key in VARIANT_COLOURS), COLOURS[self.family(cell)])

    def marker(self, cell: str) -> str:
        """The marker of the family of `cell`."""
        return MARKERS[self.family(cell)]

    def printed_value(self, cell: str, metric: str, where: str = "in") -> float | None:
        """The printed number of the end of a run, or None."""
        for entry in self.printed:
            at_end = entry.get("step") == entry.get("of")
            same = (entry["cell"], entry["metric"]) == (cell, metric) and at_end
            if same and entry.get("distribution", "in") == where and entry["value"] is not None:
                return float(entry["value"])
        return None


def draw_estimate(axes: Axes, x: float, row: pd.Series, colour: str, marker: str) -> None:
    """Mean with its interval at `x`, and the single seeds beside it."""
    values = np.asarray(row["values"], dtype=float)
    values = values[np.isfinite(values)]
    axes.plot(np.full(values.size, x), values, ".", color=colour, alpha=0.35, markersize=3, zorder=2)
    error = None
    if math.isfinite(row["low"]):
        error = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
    axes.errorbar([x], [row["mean"]], yerr=error, fmt=marker, color=colour, capsize=2, elinewidth=1, zorder=3)


def draw_cells(axes: Axes, data: Data, track: str, metric: Callable[[str], str]) -> None:
    """One column per cell: estimate, its clock and untrained model as short rules, the printed cross."""
    cells = [cell for cell in data.cells(track) if len(data.select(cell, metric(cell)))]
    for x, cell in enumerate(cells):
        name = metric(cell)
        draw_estimate(axes, x, data.select(cell, name).iloc[-1], data.colour(cell), data.marker(cell))
        for control, look in CONTROL_STYLES.items():
            rows = data.select(cell, name, control=control)
            if len(rows):
                axes.plot([x - 0.35, x + 0.35], [rows.iloc[-1]["mean"]] * 2, **look)  # pyright: ignore
        value = data.printed_value(cell, name)
        if value is not None:
            axes.plot([x + 0.18], [value], "x", color="black", markersize=4.5, zorder=4)
    axes.set_xticks(
        range(len(cells)),
        [cell_label(data.run(cell), dimension=False) for cell in cells],
        rotation=35,
        ha="right",
    )
    axes.set_xlim(-0.6, max(len(cells), 1) - 0.4)
    axes.set_title(TRACK_TITLES[track])


def draw_dimensions(axes: Axes, data: Data, track: str, metric: Callable[[str], str]) -> None:
    """Estimates against the latent dimension, one line per family, of cells that differ in nothing else."""
    by_family: dict[str, list[tuple[int, str]]] = {}
    for cell in data.cells(track):
        if not variant(data.run(cell)) and len(data.select(cell, metric(cell))):
            by_family.setdefault(data.family(cell), []).append((data.run(cell).latent.dim, cell))
    ticks = sorted({d for cells in by_family.values() for d, _ in cells})
    for place, (family, cells) in enumerate(sorted(by_family.items())):
        cells.sort()
        shift = 1.0 + 0.06 * (place - (len(by_family) - 1) / 2)
        xs, means = [d * shift for d, _ in cells], []
        for x, (_, cell) in zip(xs, cells, strict=True):
            row = data.select(cell, metric(cell)).iloc[-1]
            means.append(row["mean"])
            draw_estimate(axes, x, row, COLOURS[family], MARKERS[family])
            value = data.printed_value(cell, metric(cell))
            if value is not None:
                axes.plot([x * 1.12], [value], "x", color=COLOURS[family], markersize=4.5, zorder=4)
        axes.plot(xs, means, color=COLOURS[family], linewidth=0.8, alpha=0.7)
    for control, look in CONTROL_STYLES.items():
        points: dict[int, list[float]] = {}
        for cells in by_family.values():
            for d, cell in cells:
                rows = data.select(cell, metric(cell), control=control)
                if len(rows):
                    points.setdefault(d, []).append(float(rows.iloc[-1]["mean"]))
        if points:
            axes.plot(sorted(points), [float(np.mean(points[d])) for d in sorted(points)], **look)  # pyright: ignore
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("latent dimension $d$")
    axes.set_title(TRACK_TITLES[track])


def draw_curves(axes: Axes, data: Data, track: str, metric: Callable[[str], str]) -> None:
    """Band, mean and single seeds over training steps, a colour per cell, printed checkpoints as crosses."""
    for cell in data.cells(track):
        name = metric(cell)
        rows = data.select(cell, name, final=False)
        if not len(rows):
            continue
        colour, steps = data.colour(cell), rows["step"].to_numpy(dtype=float)
        members = pd.DataFrame(
            [dict(zip(s, v, strict=True)) for s, v in zip(rows["seeds"], rows["values"], strict=True)]
        )
        for column in members.columns:
            axes.plot(steps, members[column].to_numpy(dtype=float), color=colour, linewidth=0.4, alpha=0.45)
        low, high = rows["low"].to_numpy(dtype=float), rows["high"].to_numpy(dtype=float)
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(steps, rows["mean"].to_numpy(dtype=float), color=colour)
        draw_printed_curve(axes, data, cell, name, steps[-1])
        clock = data.clock_of_curve(cell, name)
        if len(clock):
            axes.axhline(clock.iloc[-1]["mean"], **CONTROL_STYLES["blind-clock"])  # pyright: ignore
    axes.set_xlabel("training step")
    axes.set_title(TRACK_TITLES[track])


def draw_printed_curve(axes: Axes, data: Data, cell: str, metric: str, last: float) -> None:
    """The printed checkpoints of a cell, placed at the same fraction of our own run."""
    for entry in data.printed:
        if (entry["cell"], entry["metric"]) == (cell, metric) and "of" in entry and not entry.get("other_run"):
            x = last * entry["step"] / entry["of"]
            axes.plot([x], [entry["value"]], "x", color=data.colour(cell), markersize=4.5, zorder=4)


def draw_ranges(axes: Axes, data: Data, track: str, metric: Callable[[str], str]) -> None:
    """Inside and outside the training depths, one line per seed and one estimate per range and cell."""
    cells = [cell for cell in data.cells(track) if len(data.select(cell, metric(cell)))]
    for place, cell in enumerate(cells):
        colour, name = data.colour(cell), metric(cell)
        shift = 0.16 * (place - (len(cells) - 1) / 2)
        ends = [data.select(cell, name, where=where) for where in ("in", "out")]
        for x, rows, where in zip((0, 1), ends, ("in", "out"), strict=True):
            if not len(rows):
                continue
            draw_estimate(axes, x + shift, rows.iloc[-1], colour, data.marker(cell))
            clock = data.select(cell, name, control="blind-clock", where=where)
            if len(clock):
                axes.plot([x - 0.4, x + 0.4], [clock.iloc[-1]["mean"]] * 2, **CONTROL_STYLES["blind-clock"])  # pyright: ignore
            value = data.printed_value(cell, name, where)
            if value is not None:
                axes.plot([x + shift + 0.06], [value], "x", color=colour, markersize=4.5, zorder=4)
        if all(len(rows) for rows in ends):
            for low, high in zip(ends[0].iloc[-1]["values"], ends[1].iloc[-1]["values"], strict=True):
                axes.plot([shift, 1 + shift], [low, high], color=colour, linewidth=0.4, alpha=0.45)
    axes.axhline(0, color="#999999", linewidth=0.6)
    axes.set_xticks([0, 1], ["within the\ntraining depths", "beyond them"])
    axes.set_xlim(-0.5, 1.5)
    axes.set_title(TRACK_TITLES[track])


def legend(figure: Figure, data: Data, *, cells: bool, extra: Iterable[str] = ()) -> None:
    """One legend under the panels: families (or cells), then what dashes and crosses mean."""
    shown: dict[str, Line2D] = {}
    for cell in data.experiment.cells:
        name = cell_label(data.run(cell), dimension=False) if cells else family_label(data.family(cell))
        colour = data.colour(cell) if cells else COLOURS[data.family(cell)]
        shown.setdefault(name, Line2D([], [], color=colour, marker=data.marker(cell)))
    for control in extra:
        name = {"blind-clock": "blind clock", "untrained": "untrained"}[control]
        shown[name] = Line2D([], [], **CONTROL_STYLES[control])  # pyright: ignore
    if any(entry["value"] is not None for entry in data.printed):
        shown["printed"] = Line2D([], [], color="black", marker="x", linestyle="none")
    figure.legend(
        list(shown.values()),
        list(shown),
        loc="outside lower center",
        ncols=min(len(shown), 4),
        handlelength=2.2,
    )


def frame(panels: Sequence[Axes], metric: str) -> None:
    """Hold the common limits of a row near its points: an interval of two seeds may be far wider than all else.

    Bars that reach beyond the frame are cut by it, visibly. Correlations stay in [-1, 1], other metrics above 0.
    """
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
    lowest, highest = (-1.05, 1.05) if metric.startswith("rho") else (0.0, math.inf)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(max(low, min(points) - room, lowest), min(high, max(points) + room, highest))


Drawer = Callable[[Axes, Data, str, Callable[[str], str]], None]


def rows_of_panels(
    data: Data,
    drawer: Drawer,
    metrics: Sequence[tuple[str, Callable[[str], str]]],
    *,
    cells: bool,
    controls: Sequence[str],
) -> Figure:
    """A grid with a row per metric and a column per track."""
    figure, lines = grid(len(metrics), len(data.tracks))
    for line, (label, metric) in zip(lines, metrics, strict=True):
        for axes, track in zip(line, data.tracks, strict=True):
            drawer(axes, data, track, metric)
            if not axes.has_data():
                axes.text(
                    0.5, 0.5, "never measured on these walks", transform=axes.transAxes, ha="center", color="#777777"
                )
                axes.set_xticks([])
        line[0].set_ylabel(label)
        frame(line, metric(data.cells(data.tracks[0])[0]))
    for line in lines[1:]:
        for axes in line:
            axes.set_title("")
    legend(figure, data, cells=cells, extra=controls)
    return figure


def make_figures(data: Data) -> dict[str, Figure]:
    """The figures of one experiment by name."""
    both = ("blind-clock", "untrained")
    align: tuple[str, Callable[[str], str]] = ("rank correlation with depth", data.alignment)

    def fixed(metric: str) -> tuple[str, Callable[[str], str]]:
        def name(cell: str) -> str:
            return COUNTERPARTS.get(metric, metric) if data.run(cell).track == "intended" else metric

        return metric_label(metric), name

    number = data.experiment.number
    if number == 2:
        probes = [fixed("depth_probe_accuracy"), fixed("branch_probe_accuracy")]
        return {
            "e2_mse": rows_of_panels(data, draw_dimensions, [fixed("mse")], cells=False, controls=both),
            "e2_probes": rows_of_panels(data, draw_dimensions, probes, cells=False, controls=both),
        }
    name = f"e{number}"
    if number == 3:
        return {name: rows_of_panels(data, draw_curves, [align], cells=False, controls=both[:1])}
    if number in (5, 7):
        return {name: rows_of_panels(data, draw_curves, [fixed("mse"), align], cells=True, controls=both[:1])}
    if number == 8:
        return {name: rows_of_panels(data, draw_dimensions, [align], cells=False, controls=both)}
    if number == 9:
        return {name: rows_of_panels(data, draw_ranges, [align], cells=True, controls=both[:1])}
    metrics = [align] if number == 1 else [fixed("mse"), align]
    return {name: rows_of_panels(data, draw_cells, metrics, cells=False, controls=both)}


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: 0 when every figure was drawn, 2 with the remedy when a record is missing."""
    arguments = parser(__doc__).parse_args(argv)
    try:
        plan = read_plan(arguments.experiments)
        summary = read_summary(arguments.results, arguments.scale)
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    printed: dict[str, Any] = read_printed(arguments.experiments)
    drawn = 0
    with style():
        for experiment in plan:
            data = Data(experiment, summary, printed.get(experiment.id, []))
            for name, figure in make_figures(data).items():
                save(figure, arguments.results / arguments.scale / "figures" / f"{name}.svg")
                drawn += 1
        if REGISTRY.is_file():
            formulas = json.loads(REGISTRY.read_text(encoding="utf-8"))["formulas"]
            save(draw(formulas), arguments.results / arguments.scale / "figures" / "dependencies.svg")
            drawn += 1
    print(f"figures: {drawn} drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
