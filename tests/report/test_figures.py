"""The figures exist, show what they should, and are the same bytes from the same data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.report.figures.formulas import layers
from experiments.report.figures.make import Data, make_figures
from experiments.report.figures.style import COLOURS, save, style
from experiments.report.plan import Experiment
from experiments.report.tables import read_printed
from tests.report.conftest import EXPERIMENTS

PRINTED = read_printed(EXPERIMENTS)
NAMES = {
    1: {"e1"},
    2: {"e2_mse", "e2_probes"},
    3: {"e3"},
    4: {"e4"},
    5: {"e5"},
    6: {"e6"},
    7: {"e7"},
    8: {"e8"},
    9: {"e9"},
}


def drawn(experiment: Experiment, summary: pd.DataFrame, folder: Path) -> list[Path]:
    """The figures of an experiment, saved below `folder`."""
    with style():
        figures = make_figures(Data(experiment, summary, PRINTED[experiment.id]))
        for name, figure in figures.items():
            assert all(axes.has_data() for axes in figure.axes), f"{name} has an empty panel"
            save(figure, folder / f"{name}.svg")
    return sorted(folder.glob("*.svg"))


@pytest.mark.parametrize("number", sorted(NAMES))
def test_every_experiment_has_its_figures(
    number: int, plan: list[Experiment], summary: pd.DataFrame, tmp_path: Path
) -> None:
    assert {path.stem for path in drawn(plan[number - 1], summary, tmp_path)} == NAMES[number]


def test_the_same_data_give_the_same_bytes(plan: list[Experiment], summary: pd.DataFrame, tmp_path: Path) -> None:
    first, second = (drawn(plan[8], summary, tmp_path / turn) for turn in ("first", "second"))
    assert first[0].read_bytes() == second[0].read_bytes()


def test_curves_show_band_mean_and_every_seed(plan: list[Experiment], summary: pd.DataFrame) -> None:
    experiment = plan[2]
    with style():
        figure = make_figures(Data(experiment, summary, PRINTED[experiment.id]))["e3"]
    axes = figure.axes[0]
    blue = [line for line in axes.lines if line.get_color() == COLOURS["hg"] and len(line.get_xdata()) > 2]
    assert len(blue) == 5 + 1, "five seeds and their mean"
    assert len(axes.collections) == 2, "a band for each family"


def test_dimensions_carry_printed_crosses(plan: list[Experiment], summary: pd.DataFrame) -> None:
    experiment = plan[1]
    with style():
        figure = make_figures(Data(experiment, summary, PRINTED[experiment.id]))["e2_mse"]
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert sorted(float(c.get_ydata()[0]) for c in crosses) == [0.405] * 9 + [0.406]
    assert not [line for line in figure.axes[1].lines if line.get_marker() == "x"]


def test_layers_put_what_is_used_first() -> None:
    columns = layers({"c": ["a", "b"], "a": [], "b": ["a"], "d": []})
    assert [sorted(column) for column in columns] == [["a", "d"], ["b"], ["c"]]
    with pytest.raises(ValueError, match="a -> b -> a"):
        layers({"a": ["b"], "b": ["a"]})


def test_a_wide_interval_does_not_flatten_the_points(plan: list[Experiment], summary: pd.DataFrame) -> None:
    frame = summary.copy()
    frame["low"], frame["high"] = frame["mean"] - 50, frame["mean"] + 50
    with style():
        figure = make_figures(Data(plan[0], frame, PRINTED["e1_alignment"]))["e1"]
    low, high = figure.axes[0].get_ylim()
    assert -1.05 <= low < high <= 1.05


def test_a_metric_that_was_never_defined_is_said_to_be_missing(plan: list[Experiment], summary: pd.DataFrame) -> None:
    # The published branch probe is fitted on more than twenty samples only, which its walks do not give.
    fitted = (summary["metric"] != "branch_probe_accuracy") | (summary["protocol"] != "published")
    with style():
        figure = make_figures(Data(plan[1], summary[fitted], PRINTED["e2_dimensions"]))["e2_probes"]
    empty = [axes for axes in figure.axes if not axes.has_data()]
    assert [text.get_text() for axes in empty for text in axes.texts] == ["never measured on these walks"]
