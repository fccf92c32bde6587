"""Every cell, metric and family has a name of its own in tables and figures."""

from __future__ import annotations

import pytest

from experiments.report.figures.style import CONTROL_STYLES, FIXED, PALETTE, SHAPES, control_style, looks
from hrssm.experiment.experiment import Experiment
from hrssm.latents.table import LATENTS
from hrssm.systems.kinds import KINDS, kind
from hrssm.systems.rssm.settings import Settings

EVERY = pytest.mark.parametrize("name", KINDS)


def test_cells_of_a_table_can_be_told_apart(plan: dict[str, Experiment]) -> None:
    for experiment in plan.values():
        labels = [(cell.of.track, cell.of.label()) for cell in experiment.cells.values()]
        assert len(set(labels)) == len(labels), experiment.id


def test_every_family_has_a_name_of_its_own() -> None:
    labels = [entry.label for entry in LATENTS.values()]
    assert len(set(labels)) == len(labels)
    assert not [label for label in labels if "-" in label], "a label is words, not a key"


def test_what_keeps_its_look_is_a_family_and_looks_like_no_other() -> None:
    assert set(FIXED) <= {entry.label for entry in LATENTS.values()}
    assert len(set(FIXED.values())) == len(FIXED)
    assert len({marker for _, marker in FIXED.values()}) == len(FIXED), "markers differ, so that figures read in grey"


def test_names_in_one_figure_look_different(plan: dict[str, Experiment]) -> None:
    for experiment in plan.values():
        families = {cell.of.family for cell in experiment.cells.values()}
        labels = {cell.of.label(dimension=False) for cell in experiment.cells.values()}
        for names in (families, labels):
            found = looks(sorted(names))
            assert len(set(found.values())) == len(names), (experiment.id, found)
    many = [f"rule {k}" for k in range(len(PALETTE))]
    assert list(looks(many).values()) == list(zip(PALETTE, SHAPES, strict=True))
    assert looks(["HG", "rule"])["HG"] == FIXED["HG"] == looks(["rule", "HG"])["HG"]


@EVERY
def test_labels_of_a_vocabulary_are_its_words(name: str) -> None:
    vocabulary = kind(name).vocabulary
    for words in (vocabulary.metrics, vocabulary.training, vocabulary.controls, vocabulary.protocols):
        assert len({word.label for word in words.values()}) == len(words), "two names with one label"
    for metric in {**vocabulary.metrics, **vocabulary.training}:
        assert vocabulary.label(metric)
    assert vocabulary.label("no_such_metric") == "no_such_metric"
    for metric, counterpart in vocabulary.counterparts.items():
        assert metric in vocabulary.metrics
        assert counterpart in vocabulary.metrics
    assert {*vocabulary.evaluation.values(), vocabulary.curves, "train"} <= set(vocabulary.protocols)


@EVERY
def test_a_vocabulary_names_what_is_unknown(name: str) -> None:
    vocabulary = kind(name).vocabulary
    for field in ("metric", "control", "protocol", "range"):
        known = list(getattr(vocabulary, f"{field}s"))
        assert vocabulary.unknown(**{field: known[0]}) is None
        words = vocabulary.unknown(**{field: known[0] + "x"})
        assert words is not None
        assert words.startswith(f"{field} '{known[0]}x' is unknown; known: {', '.join(known)}")


def test_controls_are_drawn_apart() -> None:
    assert set(CONTROL_STYLES) <= set(kind("rssm").vocabulary.controls)
    drawn = [control_style(name)["linestyle"] for name in ("blind-clock", "untrained", "zeros")]
    assert len(set(drawn)) == 3


@pytest.mark.parametrize(
    ("settings", "group", "metric"),
    [
        ({"track": "intended"}, "alignment", "rho_given_t"),
        ({"track": "intended", "latent": {"family": "gaussian"}}, "dynamics", "rho_given_t"),
        ({}, "alignment", "rho_height"),
        ({}, "dynamics", "rho_height"),
        ({"latent": {"family": "gaussian"}}, "alignment", "rho_best_pc"),
        ({"latent": {"family": "gaussian"}}, "dynamics", "rho_first_pc"),
    ],
)
def test_alignment_is_measured_as_the_track_asks(settings: dict, group: str, metric: str) -> None:
    found = Settings.model_validate(settings)
    assert found.resolve("alignment", group) == metric
    assert found.resolve("mse", group) == "mse"
