"""The tables: every printed number once, beside the right measurement."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from experiments.report.labels import CONTROLS

from experiments.report.plan import Experiment
from experiments.report.statistics import Interval
from experiments.report.tables import against, main, make_table, nearest_step, read_printed
from hrssm.evaluation.measure import METRICS
from tests.report.conftest import EXPERIMENTS

PRINTED = read_printed(EXPERIMENTS)
# Recorded while training, because they are weights and not measures of a posterior.
WEIGHTS = {"shift_deeper", "shift_shallower"}


@pytest.fixture(scope="module")
def tables(plan: list[Experiment], summary: pd.DataFrame) -> dict[str, dict]:
    return {e.id: make_table(e, summary, PRINTED[e.id]) for e in plan}


def rows_of(table: dict, track: str, metric: str) -> list[dict]:
    blocks = [b for b in table["blocks"] if b["track"] == track]
    return [row for b in blocks for g in b["groups"] if g["metric"] == metric for row in g["rows"]]


def test_printed_numbers_belong_to_cells_and_metrics(plan: list[Experiment]) -> None:
    cells = {(e.id, name) for e in plan for name in e.cells}
    for experiment, entries in PRINTED.items():
        for entry in entries:
            assert (experiment, entry["cell"]) in cells, entry
            assert entry["metric"] in METRICS or entry["metric"] in WEIGHTS, entry
            assert entry["place"]
            assert "value" in entry


def test_printed_numbers_are_all_there() -> None:
    # As many as the tables and figures of the write-up and its repository hold, dashes included.
    counts = {experiment: len(entries) for experiment, entries in PRINTED.items()}
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


def test_every_printed_number_is_in_its_table(tables: dict[str, dict]) -> None:
    for experiment, entries in PRINTED.items():
        groups = [g for b in tables[experiment]["blocks"] if b["track"] == "published" for g in b["groups"]]
        shown = {
            (
                row["cell"],
                group["metric"],
                row["printed"].get("step"),
                row["distribution"],
                row["printed"]["value"],
            )
            for group in groups
            for row in group["rows"]
            if row["printed"]
        }
        for entry in entries:
            where = entry.get("distribution", "in")
            assert (entry["cell"], entry["metric"], entry.get("step"), where, entry["value"]) in shown


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
        final = [r for r in rows if r["trained"] and r["step"] is None and r["distribution"] == "in"]
        assert final
        for row in final:
            assert all(row["controls"][name] is not None for name in CONTROLS), row


def test_the_intended_track_asks_with_the_clock_removed(tables: dict[str, dict]) -> None:
    assert rows_of(tables["e1_alignment"], "intended", "rho_given_t")
    assert not rows_of(tables["e1_alignment"], "intended", "rho_height")


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
            assert all(row["trained"]["mean"] < 2 for row in rows), "the training loss stands in the table"


def test_experiment_nine_shows_both_ranges(tables: dict[str, dict]) -> None:
    rows = rows_of(tables["e9_depth_generalisation"], "published", "rho_height")
    assert {(r["cell"], r["distribution"], r["printed"]["value"]) for r in rows} == {
        ("hg", "in", 0.334),
        ("hg", "out", 0.536),
        ("action", "in", 0.108),
        ("action", "out", -0.511),
    }


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


def test_the_command_line_writes_nine_files(results: Path) -> None:
    assert main(["--scale", "smoke", "--results", str(results), "--experiments", str(EXPERIMENTS)]) == 0
    files = sorted((results / "smoke" / "tables").glob("*.json"))
    assert len(files) == 9
    assert json.loads(files[0].read_text())["number"] == 1


def test_printed_numbers_are_counted_against_the_clock(plan: list[Experiment], summary: pd.DataFrame) -> None:
    clock = summary["control"] == "blind-clock"
    for value, expected in ((0.3, 1), (0.31, 2)):
        frame = summary.copy()
        frame.loc[clock, "values"] = pd.Series([[value]] * int(clock.sum()), index=frame.index[clock])
        # Printed: 0.306 and 0.275 on the default tree, 0.836 and 0.832 on the flat one.
        table = make_table(plan[0], frame, PRINTED["e1_alignment"])
        assert (table["printed_beside_clock"], table["printed_within_clock"]) == (4, expected)
