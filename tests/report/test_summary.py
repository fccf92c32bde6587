"""The summary against numbers computed by hand from the records."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.report import summary as script
from experiments.report.statistics import interval
from experiments.report.summary import KEYS, describe, read_summary, summarise
from hrssm.experiment.experiment import Experiment
from hrssm.records.record import COLUMNS, RecordError, write_json
from tests.report.synthetic import SCALE, STEPS


def records(values: dict[int, float]) -> pd.DataFrame:
    rows = [("e", "c", seed, 42, 10, "published", "trained", "in", "mse", v) for seed, v in values.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(track="published", final=True)


def test_one_row_per_quantity_with_its_seeds_in_order() -> None:
    row = summarise(records({2: 0.5, 0: 0.1, 1: 0.3})).iloc[0]
    assert (list(row["seeds"]), list(row["values"])) == ([0, 1, 2], [0.1, 0.3, 0.5])
    expected = interval([0.1, 0.3, 0.5])
    np.testing.assert_allclose([row["mean"], row["low"], row["high"]], [expected.mean, expected.low, expected.high])


def test_a_diverged_seed_leaves_the_mean_and_the_count() -> None:
    row = summarise(records({0: 1.0, 1: math.nan, 2: 3.0})).iloc[0]
    assert (row["n"], row["mean"]) == (2, 2.0)


@pytest.mark.parametrize("key", [key for key in KEYS if key != "track"])
def test_rows_that_differ_in_a_key_are_not_mixed(key: str) -> None:
    first = records({0: 1.0, 1: 2.0})
    second = records({0: 10.0, 1: 20.0}).assign(**{key: 20 if key == "step" else False if key == "final" else "other"})
    assert sorted(summarise(pd.concat([first, second]))["mean"]) == [1.5, 15.0]


def test_the_summary_of_a_quantity_is_of_the_rows_that_were_recorded(results: Path, summary: pd.DataFrame) -> None:
    rows = pd.read_parquet(results / SCALE / "e3_seeds" / "hg-d16" / "evaluation.parquet")
    recorded = rows.query("metric == 'rho_height' and control == 'untrained' and protocol == 'every_depth'")
    (row,) = summary.query(
        "experiment == 'e3_seeds' and cell == 'hg-d16' and metric == 'rho_height' and control == 'untrained' "
        "and protocol == 'every_depth' and final"
    ).to_dict("records")
    assert list(row["seeds"]) == sorted(recorded["seed"]) == [0, 1, 2, 3, 4]
    assert list(row["values"]) == recorded.sort_values("seed")["value"].tolist()
    assert row["mean"] == pytest.approx(recorded["value"].mean())
    assert row["step"] == STEPS[-1]


def test_quantities_are_not_mixed(summary: pd.DataFrame) -> None:
    assert not summary.duplicated(KEYS).any()
    trained = summary[(summary.control == "trained") & summary.final]
    assert set(trained["n"]) == {5}
    assert set(summary[summary.control == "blind-clock"]["n"]) == {1}


def test_the_description_says_what_ran(results: Path, summary: pd.DataFrame, plan: dict[str, Experiment]) -> None:
    described = json.loads((results / SCALE / "summary.json").read_text())
    manifests = [
        json.loads((results / SCALE / e.id / cell / "manifest.json").read_text())
        for e in plan.values()
        for cell in e.own()
    ]
    assert described["scale"] == SCALE
    assert described["seeds"] == [5]
    assert described["device_names"] == sorted({m["device_name"] for m in manifests})
    assert [(e["id"], e["number"], e["cells"]) for e in described["experiments"]] == [
        (e.id, e.number, len(e.cells)) for e in plan.values()
    ]
    assert len(described["runs"]) == len(manifests)
    assert described["members"] == 5 * len(manifests)
    assert described["stopped"] == 0
    assert described["wall_seconds"] == pytest.approx(sum(m["wall_seconds"] for m in manifests))
    assert described["source_digests"] == sorted({m["source_digest"] for m in manifests})
    assert {run["steps"] for run in described["runs"]} == {100}


def test_a_member_that_stopped_is_named(results: Path, plan: dict[str, Experiment]) -> None:
    manifest = json.loads((results / SCALE / "e3_seeds" / "hg-d16" / "manifest.json").read_text())
    manifest["members"]["2"] = {"ended": "diverged", "step": 17, "cause": "loss is nan"}
    described = describe(SCALE, {"e3_seeds": plan["e3_seeds"]}, {("e3_seeds", "hg-d16"): manifest})
    assert (described["members"], described["stopped"]) == (5, 1)
    assert described["runs"][0]["stopped"] == {"2": manifest["members"]["2"]}


def test_the_command_line_says_what_is_missing(
    tmp_path: Path, experiments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--results", str(tmp_path), "--experiments", str(experiments)]
    assert script.main(["--scale", SCALE, *given]) == 2
    assert "is missing: `make paper` makes what is missing again" in capsys.readouterr().err
    assert script.main(["--scale", "huge", *given]) == 2
    assert f"there is no scale 'huge'; the scales are: {SCALE}" in capsys.readouterr().err
    assert script.main(["--scale", SCALE, *given, "--systems", "chess"]) == 2
    assert "holds no experiment of chess; it has those of rssm" in capsys.readouterr().err
    with pytest.raises(RecordError, match=r"run `python -m experiments\.report\.summary` first"):
        read_summary(tmp_path)


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": math.nan})
    assert list(tmp_path.iterdir()) == []
