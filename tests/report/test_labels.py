"""Every cell, metric and family has a name of its own in tables and figures."""

from __future__ import annotations

import pytest
from experiments.report.labels import METRICS, alignment_metric, cell_label, family_label, metric_label

from experiments.report.figures.style import COLOURS, MARKERS
from experiments.report.plan import Experiment
from hrssm.evaluation.measure import METRICS as MEASURED
from hrssm.experiment.experiment import Run
from hrssm.latents.table import LATENTS


def test_cells_of_a_table_can_be_told_apart(plan: list[Experiment]) -> None:
    for experiment in plan:
        labels = [(cell.run.track, cell_label(cell.run)) for cell in experiment.cells.values()]
        assert len(set(labels)) == len(labels), experiment.id


def test_every_family_has_a_name_a_colour_and_a_marker() -> None:
    for family in LATENTS:
        assert "-" not in family_label(family)
        assert family in COLOURS
        assert family in MARKERS
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert len(set(MARKERS.values())) == len(MARKERS)


def test_metric_names_are_measured_ones_or_training_s() -> None:
    assert set(METRICS) - set(MEASURED) == {"shift_deeper", "shift_shallower"}
    assert metric_label("branch_samples") == "branch samples"


@pytest.mark.parametrize(
    ("settings", "group", "metric"),
    [
        ({"track": "intended"}, "alignment", "rho_given_t"),
        ({}, "dynamics", "rho_height"),
        ({"latent": {"family": "gaussian"}}, "alignment", "rho_best_pc"),
        ({"latent": {"family": "gaussian"}}, "dynamics", "rho_first_pc"),
    ],
)
def test_alignment_is_measured_as_the_track_asks(settings: dict, group: str, metric: str) -> None:
    assert alignment_metric(Run.model_validate(settings), group) == metric
