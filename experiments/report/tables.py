"""One table per experiment, as data: `python -m experiments.report.tables --scale smoke`.

Writes `results/{scale}/tables/{experiment}.json`: for each track, metric by metric, one row per cell with the printed
number, our mean and 95 % interval over seeds, and the controls. The paper only typesets it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, get_args

import pandas as pd

from experiments.report.command import Paths, command
from experiments.report.printed import Printed, read_printed
from experiments.report.select import Selection, seed_values
from experiments.report.statistics import Interval, pooled
from experiments.report.summary import read_summary
from hrssm.records.record import write_json
from hrssm.training.settings import Track

#: The control of a system that no observation enters: printed numbers are held against it.
CLOCK = "blind-clock"


def nearest_step(curve: pd.DataFrame, fraction: float) -> int | None:
    """The recorded step closest to `fraction` of the last one, or None for an empty curve."""
    steps = sorted(curve["step"].unique())
    return min(steps, key=lambda step: abs(step - fraction * steps[-1])) if steps else None


def measured(rows: pd.DataFrame, magnitude: bool) -> Interval | None:
    """The interval of a selection's last row, over absolute values where those were printed."""
    result = pooled(seed_values(rows, absolute=magnitude))
    return result if result.n else None


def against(trained: Interval, control: Interval | None) -> str | None:
    """Where the interval of `trained` lies relative to a control's mean: above, below or not separated."""
    if control is None or not (math.isfinite(trained.low) and math.isfinite(control.mean)):
        return None
    return "above" if trained.low > control.mean else "below" if trained.high < control.mean else "not separated"


def make_row(
    selection: Selection, cell: str, metric: str, where: str, printed: Printed | None
) -> dict[str, Any] | None:
    """One row: the trained value at the printed step (or the end), its controls, and the printed number."""
    magnitude = printed is not None and printed.magnitude
    quantity = selection.quantity(cell, metric, range=where)
    rows, step = selection.rows(quantity), None
    if printed is not None and printed.step is not None and printed.of is not None:
        curve = selection.rows(quantity, final=False)
        step = nearest_step(curve, printed.step / printed.of)
        rows = curve[curve["step"] == step]
    trained = measured(rows, magnitude)
    if trained is None and printed is None:
        return None
    names = [name for name in selection.experiment.vocabulary.controls if name != "trained"]
    controls = {
        name: measured(selection.rows(selection.quantity(cell, metric, control=name, range=where)), magnitude)
        for name in names
    }
    if printed is not None and not printed.at_end:
        # The other controls belong to the trained weights of the end; the clock has none.
        controls = {name: control if name == CLOCK else None for name, control in controls.items()}
    value = None if printed is None else printed.value
    covered = None
    if trained is not None and value is not None and math.isfinite(trained.low):
        covered = trained.low <= value <= trained.high
    return {
        "cell": cell,
        "label": selection.experiment.of(cell).label(),
        "range": where,
        "range_label": selection.experiment.vocabulary.ranges[where].label,
        "step": None if step is None else int(step),
        "magnitude": magnitude,
        "printed": None if printed is None else printed.model_dump(),
        "trained": trained.as_json() if trained else None,
        "values": [] if rows.empty else [float(v) if math.isfinite(v) else None for v in rows.iloc[-1]["values"]],
        "controls": {name: control.as_json() if control else None for name, control in controls.items()},
        "against": {name: against(trained, control) if trained else None for name, control in controls.items()},
        "covered": covered,
    }


def make_rows(
    selection: Selection, cells: Sequence[str], metric: str, printed: Sequence[Printed]
) -> Iterator[dict[str, Any]]:
    """The rows of one metric: each printed number once, and every cell that was measured without one."""
    for cell in cells:
        for where in selection.experiment.vocabulary.ranges:
            same = [p for p in printed if (p.cell, p.metric, p.range) == (cell, metric, where)]
            matching = sorted(without_repeats(same), key=lambda p: p.step or 0)
            for entry in matching or [None]:
                row = make_row(selection, cell, metric, where, entry)
                if row is not None:
                    yield row


def without_repeats(entries: Sequence[Printed]) -> list[Printed]:
    """Without the repository's copy of a number that the write-up prints for the same step."""
    told = {(p.step, p.value) for p in entries if p.origin != "repository"}
    return [p for p in entries if p.origin != "repository" or (p.step, p.value) not in told]


def make_table(selection: Selection, printed: Sequence[Printed]) -> dict[str, Any]:
    """The table of one experiment; blocks are tracks, groups are metrics, rows are cells."""
    experiment, vocabulary = selection.experiment, selection.experiment.vocabulary
    metrics = list(dict.fromkeys([*experiment.metrics, *(p.metric for p in printed)]))
    blocks = []
    for track in get_args(Track):
        cells = [name for name in experiment.shown if experiment.of(name).track == track]
        entries = printed if track == "published" else []
        shown = metrics if track == "published" else dict.fromkeys(vocabulary.counterparts.get(m, m) for m in metrics)
        groups = [
            {"metric": metric, "label": vocabulary.label(metric), "rows": rows}
            for metric in shown
            if (rows := list(make_rows(selection, cells, metric, entries)))
        ]
        if groups:
            blocks.append({"track": track, "protocol": vocabulary.evaluation[track], "groups": groups})
    rows = [row for block in blocks for group in block["groups"] for row in group["rows"]]
    compared = [row["covered"] for row in rows if row["covered"] is not None]
    clocked = [row["against"][CLOCK] for row in rows if row["against"].get(CLOCK)]
    beside_clock = [
        abs(row["printed"]["value"]) <= abs(row["controls"][CLOCK]["mean"])
        for block in blocks
        for group in block["groups"]
        for row in group["rows"]
        if group["metric"].startswith(("rho", "depth_probe")) and row["controls"].get(CLOCK)
        if row["printed"] and row["printed"]["value"] is not None
    ]
    return {
        "experiment": experiment.id,
        "system": experiment.system,
        "number": experiment.number,
        "title": experiment.title,
        "group": experiment.group,
        "question": experiment.question,
        "setup": experiment.setup,
        "does_not_show": experiment.does_not_show,
        "columns": {name: word.label for name, word in vocabulary.controls.items() if name != "trained"},
        "figures": [{"name": figure.name, "caption": figure.caption} for figure in experiment.figures],
        "blocks": blocks,
        "measured": any(row["trained"] is not None for row in rows),
        "printed": sum(row["printed"] is not None and row["printed"]["value"] is not None for row in rows),
        "compared": len(compared),
        "covered": sum(compared),
        "printed_beside_clock": len(beside_clock),
        "printed_within_clock": sum(beside_clock),
        "clock": {place: clocked.count(place) for place in ("above", "below", "not separated")},
    }


def _work(paths: Paths) -> str:
    summary, plan = read_summary(paths.folder), paths.plan()
    printed = read_printed(paths.experiments, plan)
    for experiment in plan.values():
        table = make_table(Selection(experiment, summary), printed[experiment.id])
        write_json(paths.folder / "tables" / f"{experiment.id}.json", table)
    return f"tables: {len(plan)} written"


main = partial(command, __doc__, _work)

if __name__ == "__main__":
    sys.exit(main())
