"""Panels against the length of a roll-out: where their points lie, and which axis they take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes

from experiments.report.figures.data import Data
from experiments.report.figures.horizons import draw_horizons
from experiments.report.figures.panels import frame
from experiments.report.figures.style import style
from experiments.report.select import Selection
from hrssm.evaluation.horizons import FACTORS, range_of
from hrssm.experiment.experiment import load

EXPERIMENT = load(Path(__file__).parents[2] / "experiments" / "updates" / "u1_accumulation.yaml")
FIGURE = EXPERIMENT.figures[0].model_copy(update={"controls": ["untrained"]})


def panel(metric: str, values: Mapping[tuple[str, str], Mapping[int, float]]) -> Axes:
    """A panel of these means by (cell, control) and horizon."""
    rows = [
        {
            "experiment": EXPERIMENT.id, "cell": cell, "metric": metric, "control": control, "protocol": "rollout",
            "range": range_of(factor), "final": True, "step": 8, "n": 2, "mean": mean, "low": mean - 1,
            "high": mean + 1, "seeds": [0, 1], "values": [mean, mean],
        }
        for (cell, control), means in values.items()
        for factor, mean in means.items()
    ]  # fmt: skip
    data = Data(FIGURE, Selection(EXPERIMENT, pd.DataFrame(rows)), [])
    with style():
        axes = plt.subplots()[1]
        draw_horizons(axes, data, "published", metric)
        frame([axes], metric)
        plt.close(axes.figure)  # type: ignore[arg-type]
    return axes


def test_a_line_per_cell_ends_where_it_is_no_longer_defined() -> None:
    axes = panel(
        "state_norm", {("gru", "trained"): {1: 5, 10: 5, 100: 5, 1000: 5}, ("residual", "trained"): {1: 10, 10: 900}}
    )
    points = sorted(list(line.get_xdata()) for line in axes.lines)
    assert points == [[1, 10], [1, 10, 100, 1000]]
    assert axes.get_yscale() == axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"{factor}×" for factor in FACTORS]


def test_what_is_negative_is_shown_on_a_plain_axis() -> None:
    axes = panel("lyapunov", {("gru", "trained"): {1: -3.0, 10: -2.0}, ("gru", "untrained"): {1: -2.5}})
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] < -3
    assert len(axes.lines) == 2


@pytest.mark.parametrize(("most", "scale"), [(20.0, "linear"), (40.0, "log")])
def test_only_a_wide_range_takes_a_logarithmic_axis(most: float, scale: str) -> None:
    axes = panel("state_norm", {("gru", "trained"): {1: 1.0, 10: most}})
    assert axes.get_yscale() == scale
    assert all(math.isfinite(limit) for limit in axes.get_ylim())
