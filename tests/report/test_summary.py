"""The summary against numbers computed by hand from the records."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.report.plan import COLUMNS, RecordError
from experiments.report.statistics import interval
from experiments.report.summary import KEYS, main, read_summary, summarise, write_json


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


def test_quantities_are_not_mixed(summary: pd.DataFrame) -> None:
    assert not summary.duplicated(KEYS).any()
    trained = summary[(summary.control == "trained") & summary.final]
    assert set(trained["n"]) == {5}


def test_the_description_says_what_ran(results: Path) -> None:
    described = json.loads((results / "smoke" / "summary.json").read_text())
    assert described["scale"] == "smoke"
    assert described["seeds"] == [5]
    assert described["device_names"] == ["invented"]
    assert len(described["experiments"]) == 9
    assert described["members"] == 5 * len(described["runs"])
    assert described["wall_seconds"] == pytest.approx(1.5 * len(described["runs"]))


def test_the_command_line_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scale", "smoke", "--results", str(tmp_path)]) == 2
    assert "`make paper` trains what is missing" in capsys.readouterr().err
    with pytest.raises(RecordError, match=r"run `python -m experiments\.aggregate --scale smoke` first"):
        read_summary(tmp_path, "smoke")


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"x": math.nan})
    assert not (tmp_path / "a.json").exists()
