"""The tables: every printed number once, beside the right measurement."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from experiments.report import tables as script
from experiments.report.printed import Printed, read_printed
from experiments.report.select import Selection
from experiments.report.statistics import Interval
from experiments.report.tables import against, make_table, nearest_step
from hrssm.experiment.experiment import Experiment, ExperimentError
from hrssm.systems.kinds import kind
from tests.report.synthetic import SCALE, TRAINING_ERROR

CONTROLS = [name for name in kind("rssm").vocabulary.controls if name != "trained"]
# Recorded while training, because they are weights and not measures of a posterior.
WEIGHTS = {"shift_deeper", "shift_shallower"}


@pytest.fixture(scope="module")
def tables(plan: dict[str, Experiment], summary: pd.DataFrame, printed: dict[str, list[Printed]]) -> dict[str, dict]:
    return {id: make_table(Selection(e, summary), printed[id]) for id, e in plan.items()}


def rows_of(table: dict, track: str, metric: str) -> list[dict]:
    blocks = [b for b in table["blocks"] if b["track"] == track]
    return [row for b in blocks for g in b["groups"] if g["metric"] == metric for row in g["rows"]]


def test_printed_numbers_are_all_there(printed: dict[str, list[Printed]]) -> None:
    # As many as the tables and figures of the write-up and its repository hold, dashes included.
    counts = {experiment: len(entries) for experiment, entries in printed.items() if experiment.startswith("e")}
    assert counts == {
        "e1_alignment": 4,
        "e2_dimensions": 35,
        "e3_seeds": 2,
        "e4_weights": 12,
        "e5_long": 28,
        "e6_decoder": 8,
        "e7_action_prior": 9,
        "e8_longer_walks": 10,
        "e9_depth_generalisation": 4,
    }


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            "{cell: hg-d61, metric: mse, value: 0.4, place: p}",
            "cell: e3_seeds has no cell 'hg-d61'; its cells are: hg-",
        ),
        ("{cell: hg-d16, metric: msee, value: 0.4, place: p}", "metric: metric 'msee' is unknown; known: mse, kl"),
        ("{cell: hg-d16, metric: mse, range: out-, value: 0.4, place: p}", "range: range 'out-' is unknown; known: in"),
        ("{cell: hg-d16, metric: mse, value: 0.4}", "place: Field required"),
        ("{cell: hg-d16, metric: mse, place: p}", "value: Field required"),
        ("{cell: hg-d16, metric: mse, value: .nan, place: p}", "value: Input should be a finite number"),
        ("{cell: hg-d16, metric: mse, value: 0.4, place: p, spead: 1}", "spead: unknown key"),
        ("{cell: hg-d16, metric: mse, value: 0.4, place: p, step: 9}", "step and of belong together"),
        ("{cell: hg-d16, metric: mse, value: 0.4, place: p, step: 9, of: 8}", "step 9 lies beyond the 8 steps"),
        ("{cell: hg-d16, metric: mse, value: 0.4, place: p, origin: hearsay}", "origin: Input should be 'write-up'"),
    ],
)
def test_a_printed_number_of_nothing_is_refused(
    tmp_path: Path, plan: dict[str, Experiment], entry: str, words: str
) -> None:
    file = tmp_path / "rssm" / "printed.yaml"
    file.parent.mkdir()
    file.write_text(f"source: someone\nvalues:\n  e3_seeds:\n    - {entry}\n")
    with pytest.raises(ExperimentError) as caught:
        read_printed(tmp_path, plan)
    assert str(caught.value).startswith(f"{file}:4: ")
    assert words in str(caught.value)


def test_every_printed_number_is_in_its_table(tables: dict[str, dict], printed: dict[str, list[Printed]]) -> None:
    for experiment, entries in printed.items():
        groups = [g for b in tables[experiment]["blocks"] if b["track"] == "published" for g in b["groups"]]
        shown = {
            (row["cell"], group["metric"], row["printed"]["step"], row["range"], row["printed"]["value"])
            for group in groups
            for row in group["rows"]
            if row["printed"]
        }
        for entry in entries:
            assert (entry.cell, entry.metric, entry.step, entry.range, entry.value) in shown


def test_a_row_s_numbers_are_its_cell_s(tables: dict[str, dict], results: Path) -> None:
    """The row of a cell against the file that its run wrote."""
    (row,) = [r for r in rows_of(tables["e3_seeds"], "published", "mse") if r["cell"] == "gaussian-d16"]
    recorded = pd.read_parquet(results / SCALE / "e3_seeds" / "gaussian-d16" / "evaluation.parquet")
    mine = recorded.query("metric == 'mse' and protocol == 'published' and range == 'in'")
    assert row["values"] == mine.query("control == 'trained'").sort_values("seed")["value"].tolist()
    for control in CONTROLS:
        values = mine.query(f"control == '{control}'")["value"]
        assert row["controls"][control]["mean"] == pytest.approx(values.mean()), control
        assert row["controls"][control]["n"] == len(values)


def test_a_magnitude_is_compared_with_magnitudes(tables: dict[str, dict]) -> None:
    (row,) = [r for r in rows_of(tables["e1_alignment"], "published", "rho_height") if r["cell"] == "hg-d16"]
    assert row["magnitude"]
    assert row["printed"]["value"] == 0.306
    assert row["trained"]["mean"] == pytest.approx(sum(map(abs, row["values"])) / 5)


def test_a_checkpoint_is_compared_at_the_same_fraction(tables: dict[str, dict]) -> None:
    rows = rows_of(tables["e7_action_prior"], "published", "rho_height")
    steps = {row["printed"]["step"]: row["step"] for row in rows if row["cell"] == "hg"}
    assert steps == {5000: 10, 15000: 30, 30000: 60, 50000: 100}
    early = next(row for row in rows if row["step"] == 10)
    assert early["controls"]["untrained"] is None, "controls belong to the weights of the end"
    assert early["controls"]["blind-clock"] is not None


def test_the_repository_is_not_printed_twice(tables: dict[str, dict]) -> None:
    rows = rows_of(tables["e5_long"], "published", "rho_height")
    at_end = [row for row in rows if row["printed"]["step"] == 50000]
    assert [row["printed"]["value"] for row in at_end] == [0.2]


def test_every_trained_row_has_its_controls(tables: dict[str, dict]) -> None:
    for table in tables.values():
        groups = [g for b in table["blocks"] for g in b["groups"] if g["metric"] not in WEIGHTS]
        rows = [row for g in groups for row in g["rows"]]
        final = [r for r in rows if r["trained"] and r["step"] is None]
        assert final
        for row in final:
            assert list(row["controls"]) == CONTROLS == list(table["columns"])
            assert all(row["controls"][name] is not None for name in CONTROLS), row


def test_the_intended_track_asks_with_the_clock_removed(tables: dict[str, dict]) -> None:
    assert rows_of(tables["e1_alignment"], "intended", "rho_given_t")
    assert not rows_of(tables["e1_alignment"], "intended", "rho_height")
    assert {b["track"]: b["protocol"] for b in tables["e1_alignment"]["blocks"]} == {
        "published": "published",
        "intended": "every_depth",
    }


def test_learned_offsets_are_those_of_the_last_step(tables: dict[str, dict]) -> None:
    (row,) = rows_of(tables["e7_action_prior"], "published", "shift_deeper")
    assert row["cell"] == "action"
    assert row["printed"]["value"] == 0.0008
    assert row["trained"]["mean"] == pytest.approx(0.3 / 100 + 0.002)


def test_the_error_is_the_evaluation_s(tables: dict[str, dict]) -> None:
    for table in tables.values():
        for track in ("published", "intended"):
            rows = rows_of(table, track, "mse")
            assert rows
            assert all(row["trained"]["mean"] < TRAINING_ERROR / 10 for row in rows), "training's error in the table"


def test_experiment_nine_shows_both_ranges(tables: dict[str, dict]) -> None:
    rows = rows_of(tables["e9_depth_generalisation"], "published", "rho_height")
    assert {(r["cell"], r["range"], r["printed"]["value"]) for r in rows} == {
        ("hg", "in", 0.334),
        ("hg", "out", 0.536),
        ("action", "in", 0.108),
        ("action", "out", -0.511),
    }
    assert {r["range"]: r["range_label"] for r in rows} == {"in": "", "out": "unseen depths"}


def test_where_an_interval_lies() -> None:
    clock = Interval(1, 0.3, float("nan"), float("nan"))
    assert against(Interval(5, 0.5, 0.4, 0.6), clock) == "above"
    assert against(Interval(5, 0.1, 0.0, 0.2), clock) == "below"
    assert against(Interval(5, 0.3, 0.2, 0.4), clock) == "not separated"
    assert against(Interval(5, 0.3, 0.2, 0.4), None) is None


def test_the_nearest_step_of_a_curve() -> None:
    curve = pd.DataFrame({"step": [100, 200, 300, 1000]})
    assert nearest_step(curve, 0.1) == 100
    assert nearest_step(curve, 0.24) == 200
    assert nearest_step(curve, 1.0) == 1000
    assert nearest_step(curve.iloc[:0], 0.5) is None


def test_the_command_line_writes_a_file_for_every_experiment(
    results: Path, plan: dict[str, Experiment], tables: dict[str, dict], arguments: list[str]
) -> None:
    assert script.main(arguments) == 0
    for id, experiment in plan.items():
        written = json.loads((results / SCALE / "tables" / f"{id}.json").read_text())
        assert written == json.loads(json.dumps(tables[id]))
        assert (written["number"], written["title"]) == (experiment.number, experiment.title)
    assert len(list((results / SCALE / "tables").iterdir())) == len(plan)


def test_printed_numbers_are_counted_against_the_clock(
    summary: pd.DataFrame, select, printed: dict[str, list[Printed]]
) -> None:
    clock = summary["control"] == "blind-clock"
    for value, expected in ((0.3, 1), (0.31, 2)):
        frame = summary.copy()
        frame.loc[clock, "values"] = pd.Series([[value]] * int(clock.sum()), index=frame.index[clock])
        # Printed: 0.306 and 0.275 on the default tree, 0.836 and 0.832 on the flat one.
        table = make_table(select("e1_alignment", frame), printed["e1_alignment"])
        assert (table["printed_beside_clock"], table["printed_within_clock"]) == (4, expected)


def test_printed_numbers_inside_our_intervals_are_counted(
    summary: pd.DataFrame, select, printed: dict[str, list[Printed]]
) -> None:
    """Four numbers are printed for experiment 1: put our values around two of them, and beside the others."""
    frame = summary[summary["experiment"] == "e1_alignment"].copy()
    trained = (frame["control"] == "trained") & frame["final"]
    for cell, metric, values in (
        ("hg-d16", "rho_height", [-0.2, 0.4, -0.3, 0.35, 0.25]),  # the printed 0.306 is a magnitude
        ("gaussian-d16", "rho_best_pc", [0.2, 0.3, 0.25, 0.35, 0.3]),
        ("flat-hg-d16", "rho_height", [0.1, 0.11, 0.12, 0.1, 0.11]),
        ("flat-gaussian-d16", "rho_best_pc", [0.1, 0.11, 0.12, 0.1, 0.11]),
    ):
        rows = trained & (frame["cell"] == cell) & (frame["metric"] == metric)
        frame.loc[rows, "values"] = pd.Series([values] * int(rows.sum()), index=frame.index[rows])
    table = make_table(select("e1_alignment", frame), printed["e1_alignment"])
    assert (table["printed"], table["compared"], table["covered"]) == (4, 4, 2)
    places = [row["against"]["blind-clock"] for b in table["blocks"] for g in b["groups"] for row in g["rows"]]
    assert table["clock"] == {place: places.count(place) for place in ("above", "below", "not separated")}
