"""The figures exist, show what they should, and are the same bytes from the same data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.report.figures import make as script
from experiments.report.figures.data import Data
from experiments.report.figures.formulas import layers
from experiments.report.figures.make import ALIASES, DRAW, make_figure
from experiments.report.figures.style import FIXED, save, style
from experiments.report.printed import Printed
from hrssm.experiment.experiment import Experiment
from hrssm.systems.kinds import KINDS, kind
from tests.report.synthetic import SCALE

NAMES = {"e1", "e2_mse", "e2_probes", "e3", "e4", "e5", "e6", "e7", "e8", "e9"}


@pytest.fixture
def draw(plan: dict[str, Experiment], printed: dict[str, list[Printed]], select):
    """A figure of an experiment by name, of the summary or of a changed copy of it."""

    def drawn(id: str, name: str, frame: pd.DataFrame | None = None):
        (figure,) = [f for f in plan[id].figures if f.name == name]
        with style():
            return make_figure(Data(figure, select(id, frame), printed[id]))

    return drawn


def test_the_experiments_have_their_figures(plan: dict[str, Experiment]) -> None:
    names = [figure.name for e in plan.values() for figure in e.figures]
    assert set(names) >= NAMES
    assert len(set(names)) == len(names), "two figures of one name: one would overwrite the other"


@pytest.mark.slow
def test_every_figure_shows_something_in_every_panel(plan: dict[str, Experiment], draw, tmp_path: Path) -> None:
    for experiment in plan.values():
        for asked in experiment.figures:
            figure = draw(experiment.id, asked.name)
            tracks = {cell.of.track for cell in experiment.cells.values()}
            assert len(figure.axes) == len(asked.metrics) * len(tracks)
            assert all(axes.has_data() for axes in figure.axes), f"{asked.name} has an empty panel"
            assert all(line[0].get_ylabel() for line in zip(figure.axes[:: len(tracks)], strict=True))
            save(figure, tmp_path / f"{asked.name}.svg")
            assert (tmp_path / f"{asked.name}.svg").read_text().startswith("<?xml")


@pytest.mark.slow
def test_the_script_writes_what_the_files_ask_for(
    results: Path, summary: pd.DataFrame, plan: dict[str, Experiment], arguments: list[str]
) -> None:
    assert script.main(arguments) == 0
    written = {path.stem for path in (results / SCALE / "figures").glob("*.svg")}
    assert written - {"clock"} == {f.name for e in plan.values() for f in e.figures} | {"dependencies"}


def test_the_same_data_give_the_same_bytes(draw, tmp_path: Path) -> None:
    for turn in ("first", "second"):
        save(draw("e9_depth_generalisation", "e9"), tmp_path / f"{turn}.svg")
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_curves_show_band_mean_and_every_seed(draw) -> None:
    axes = draw("e3_seeds", "e3").axes[0]
    blue = [line for line in axes.lines if line.get_color() == FIXED["HG"][0] and len(line.get_xdata()) > 2]
    assert len(blue) == 5 + 1, "five seeds and their mean"
    assert len(axes.collections) == 2, "a band for each family"


def test_dimensions_carry_printed_crosses(draw) -> None:
    figure = draw("e2_dimensions", "e2_mse")
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert sorted(float(c.get_ydata()[0]) for c in crosses) == [0.405] * 9 + [0.406]
    assert not [line for line in figure.axes[1].lines if line.get_marker() == "x"]


def test_ranges_carry_the_printed_number_of_each(draw) -> None:
    crosses = [line for line in draw("e9_depth_generalisation", "e9").axes[0].lines if line.get_marker() == "x"]
    assert {(round(float(c.get_xdata()[0])), float(c.get_ydata()[0])) for c in crosses} == {
        (0, 0.334), (1, 0.536), (0, 0.108), (1, -0.511),
    }  # fmt: skip


def test_layers_put_what_is_used_first() -> None:
    columns = layers({"c": ["a", "b"], "a": [], "b": ["a"], "d": []})
    assert [sorted(column) for column in columns] == [["a", "d"], ["b"], ["c"]]
    with pytest.raises(ValueError, match="a -> b -> a"):
        layers({"a": ["b"], "b": ["a"]})


def test_a_wide_interval_does_not_flatten_the_points(draw, summary: pd.DataFrame) -> None:
    frame = summary.copy()
    frame["low"], frame["high"] = frame["mean"] - 50, frame["mean"] + 50
    low, high = draw("e1_alignment", "e1", frame).axes[0].get_ylim()
    assert -1.05 <= low < high <= 1.05


def test_a_metric_that_was_never_defined_is_said_to_be_missing(draw, summary: pd.DataFrame) -> None:
    # The published branch probe is fitted on more than twenty samples only, which its walks do not give.
    fitted = (summary["metric"] != "branch_probe_accuracy") | (summary["protocol"] != "published")
    figure = draw("e2_dimensions", "e2_probes", summary[fitted])
    empty = [axes for axes in figure.axes if not axes.has_data()]
    assert [text.get_text() for axes in empty for text in axes.texts] == ["never measured on these walks"]


def test_controls_of_a_figure_are_drawn_and_named(draw) -> None:
    figure = draw("e1_alignment", "e1")
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert {"HG", "Gaussian", "clock", "untrained", "printed"} == set(words)


def test_every_way_to_draw_is_known_and_every_alias_has_words(plan: dict[str, Experiment]) -> None:
    assert {figure.draw for e in plan.values() for figure in e.figures} <= set(DRAW)
    assert {alias for name in KINDS for alias in kind(name).settings.aliases} <= set(ALIASES)
