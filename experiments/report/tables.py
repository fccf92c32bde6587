"""One table per experiment, as data: `python -m experiments.tables --scale smoke`.

Writes `results/{scale}/tables/{experiment}.json`: for each track, metric by metric, one row per cell with
the printed number, our mean and 95 % interval over seeds, and the controls. The paper only typesets it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from experiments.report.labels import CONTROLS, cell_label, metric_label
from experiments.report.plan import Cell, Experiment, RecordError, read_plan
from experiments.report.statistics import Interval, interval
from experiments.report.summary import parser, read_summary, write_json

# Each track is tabulated under the protocol that its question needs; the summary holds the other one as well.
PROTOCOLS = {"published": "published", "intended": "every_depth"}
# What the intended track asks in place of a published metric: the clock removed, held out, every class alike.
COUNTERPARTS = {
    "rho_height": "rho_given_t",
    "rho_best_pc": "rho_nodes",
    "rho_first_pc": "rho_nodes",
    "depth_probe_accuracy": "depth_probe_balanced",
    "branch_probe_accuracy": "branch_probe_balanced",
}
Printed = dict[str, Any]
# The summary rows of one experiment and protocol by cell, metric and range of depths.
Rows = dict[tuple[str, str, str], pd.DataFrame]


def read_printed(folder: Path) -> dict[str, list[Printed]]:
    """The printed numbers of `printed.yaml`, by experiment id."""
    return yaml.safe_load((folder / "printed.yaml").read_text(encoding="utf-8"))["values"]


def nearest_step(curve: pd.DataFrame, fraction: float) -> int | None:
    """The recorded step closest to `fraction` of the last one, or None for an empty curve."""
    steps = sorted(curve["step"].unique())
    return min(steps, key=lambda step: abs(step - fraction * steps[-1])) if steps else None


def measured(rows: pd.DataFrame, magnitude: bool) -> Interval | None:
    """The interval of the one row of a selection, over absolute values where those were printed."""
    if rows.empty:
        return None
    result = interval(abs(v) if magnitude else v for v in rows.iloc[0]["values"])
    return result if result.n else None


def against(trained: Interval, control: Interval | None) -> str | None:
    """Where the interval of `trained` lies relative to a control's mean: above, below or not separated."""
    if control is None or not (math.isfinite(trained.low) and math.isfinite(control.mean)):
        return None
    return "above" if trained.low > control.mean else "below" if trained.high < control.mean else "not separated"


def make_row(found: Rows, cell: Cell, metric: str, where: str, printed: Printed | None) -> dict[str, Any] | None:
    """One row: the trained value at the printed step (or the end), its controls, and the printed number."""
    printed = printed or {}
    magnitude = bool(printed.get("magnitude", False))
    chosen = found.get((cell.name, metric, where))
    if chosen is None:
        chosen = next(iter(found.values())).iloc[:0]
    final = chosen[chosen["final"]]
    trained_rows, step = final[final["control"] == "trained"], None
    if "step" in printed:
        curve = chosen[~chosen["final"] & (chosen["control"] == "trained")]
        step = nearest_step(curve, printed["step"] / printed["of"])
        trained_rows = curve[curve["step"] == step]
    trained = measured(trained_rows, magnitude)
    if trained is None and "value" not in printed:
        return None
    controls = {name: measured(final[final["control"] == name], magnitude) for name in CONTROLS}
    if step is not None and printed["step"] != printed["of"]:
        # The other controls belong to the trained weights of the end; the clock has none.
        controls = {name: control if name == "blind-clock" else None for name, control in controls.items()}
    value = printed.get("value")
    covered = None
    if trained is not None and value is not None and math.isfinite(trained.low):
        covered = trained.low <= value <= trained.high
    return {
        "cell": cell.name,
        "label": cell_label(cell.run),
        "distribution": where,
        "step": None if step is None else int(step),
        "magnitude": magnitude,
        "printed": printed or None,
        "trained": trained.as_json() if trained else None,
        "values": [] if trained_rows.empty else _finite(trained_rows.iloc[0]["values"]),
        "controls": {name: control.as_json() if control else None for name, control in controls.items()},
        "against": {name: against(trained, control) if trained else None for name, control in controls.items()},
        "covered": covered,
    }


def _finite(values: Sequence[float]) -> list[float | None]:
    return [float(v) if math.isfinite(v) else None for v in values]


def make_rows(found: Rows, cells: Sequence[Cell], metric: str, printed: Sequence[Printed]) -> Iterator[dict[str, Any]]:
    """The rows of one metric: each printed number once, and every cell that was measured without one."""
    wheres = [where for where in ("in", "out") if any(key[2] == where for key in found)]
    for cell in cells:
        for where in wheres:
            matching: list[Printed | None] = [
                p
                for p in printed
                if (p["cell"], p["metric"]) == (cell.name, metric) and p.get("distribution", "in") == where
            ]
            matching = without_repeats(matching)
            matching.sort(key=lambda p: (p or {}).get("step", 0))
            for entry in matching or [None]:
                row = make_row(found, cell, metric, where, entry)
                if row is not None:
                    yield row


def without_repeats(entries: list[Printed | None]) -> list[Printed | None]:
    """Without the repository's copy of a number that the write-up prints for the same step."""
    told = {(p.get("step"), p["value"]) for p in entries if p and p.get("origin") != "repository"}
    return [p for p in entries if p and (p.get("origin") != "repository" or (p.get("step"), p["value"]) not in told)]


def make_table(experiment: Experiment, summary: pd.DataFrame, printed: Sequence[Printed]) -> dict[str, Any]:
    """The table of one experiment; blocks are tracks, groups are metrics, rows are cells."""
    summary = summary[summary["experiment"] == experiment.id]
    metrics = list(dict.fromkeys([*experiment.metrics, *(p["metric"] for p in printed)]))
    blocks = []
    for track, protocol in PROTOCOLS.items():
        cells = [cell for cell in experiment.cells.values() if cell.run.track == track]
        # Learned offsets are weights, and so recorded by training alone.
        offsets = (summary["protocol"] == "train") & summary["metric"].str.startswith("shift_")
        chosen = summary[(summary["protocol"] == protocol) | offsets]
        entries = printed if track == "published" else []
        shown = metrics if track == "published" else dict.fromkeys(COUNTERPARTS.get(m, m) for m in metrics)
        found: Rows = {
            (str(cell), str(metric), str(where)): group
            for (cell, metric, where), group in chosen.groupby(["cell", "metric", "distribution"])
        }
        groups = [
            {"metric": metric, "label": metric_label(metric), "rows": rows}
            for metric in shown
            if (rows := list(make_rows(found, cells, metric, entries)))
        ]
        if groups:
            blocks.append({"track": track, "protocol": protocol, "groups": groups})
    rows = [row for block in blocks for group in block["groups"] for row in group["rows"]]
    compared = [row["covered"] for row in rows if row["covered"] is not None]
    beside_clock = [
        abs(row["printed"]["value"]) <= abs(row["controls"]["blind-clock"]["mean"])
        for block in blocks
        for group in block["groups"]
        for row in group["rows"]
        if group["metric"].startswith(("rho", "depth_probe")) and row["controls"]["blind-clock"]
        if row["printed"] and row["printed"]["value"] is not None
    ]
    clocked = [row["against"]["blind-clock"] for row in rows if row["against"]["blind-clock"]]
    return {
        "experiment": experiment.id,
        "number": experiment.number,
        "title": experiment.title,
        "group": experiment.group,
        "question": experiment.question,
        "setup": experiment.setup,
        "does_not_show": experiment.does_not_show,
        "columns": CONTROLS,
        "blocks": blocks,
        "printed": sum(row["printed"] is not None and row["printed"]["value"] is not None for row in rows),
        "compared": len(compared),
        "covered": sum(compared),
        "printed_beside_clock": len(beside_clock),
        "printed_within_clock": sum(beside_clock),
        "clock": {place: clocked.count(place) for place in ("above", "below", "not separated")},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: 0 when every table was written, 2 with the remedy when a record is missing."""
    arguments = parser(__doc__).parse_args(argv)
    try:
        plan = read_plan(arguments.experiments)
        summary = read_summary(arguments.results, arguments.scale)
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    printed = read_printed(arguments.experiments)
    for experiment in plan:
        table = make_table(experiment, summary, printed.get(experiment.id, []))
        write_json(arguments.results / arguments.scale / "tables" / f"{experiment.id}.json", table)
    print(f"tables: {len(plan)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
