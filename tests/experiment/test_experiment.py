"""The schema: what is refused, and that the error says where and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from hrssm.experiment.experiment import ExperimentError, Run, Scale, load, load_scale

FILE = """\
id: e0_test
title: A test
group: alignment
question: Is it so?
setup: small
metrics: [mse]
does_not_show: []
first_seed: 3
base:
  training: {steps: 100, batch: 8}
  latent: {family: hg}
cells:
  one: {latent: {dim: 4}}
  two:
    latent:
      dim: 8
  three: {same_as: e1_alignment/flat-hg-d16}
"""


def write(path: Path, text: str) -> Path:
    file = path / "e0_test.yaml"
    file.write_text(text)
    return file


def test_cells_inherit_the_base(tmp_path):
    experiment = load(write(tmp_path, FILE))
    assert experiment.cell("one").latent.dim == 4
    assert experiment.cell("two").training.steps == 100
    assert experiment.same_as == {"three": "e1_alignment/flat-hg-d16"}
    assert experiment.seeds(3) == [3, 4, 5]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("      dim: 8", "      dims: 8", 16, "dims: unknown key; known here: family, dim"),
        ("      dim: 8", "      dim: 1", 16, "dim: Input should be greater than or equal to 2 (given: 1)"),
        ("      dim: 8", "      dim: wide", 16, "dim: Input should be a valid integer"),
        ("steps: 100", "steps: -5", 10, "steps: Input should be greater than or equal to 1"),
        ("family: hg", "family: hgg", 11, "latent family 'hgg' is unknown; known families: gaussian"),
        (
            "family: hg",
            "family: hg, scale_min: -1",
            11,
            "scale_min: Input should be greater than 0 (given: -1)",
        ),
        ("first_seed: 3", "first_sed: 3", 8, "first_sed: unknown key"),
        (
            "one: {latent: {dim: 4}}",
            "one: {latent: {dim: 4}, latent: {dim: 5}}",
            13,
            "key 'latent' is given twice",
        ),
        ("question: Is it so?", "question: [so, so", 5, "not valid YAML"),
        (
            "{same_as: e1_alignment/flat-hg-d16}",
            "{same_as: e1, latent: {dim: 3}}",
            17,
            "only 'same_as: experiment/cell'",
        ),
        (
            "one: {latent: {dim: 4}}",
            "one: {latent: {family: gaussian}, model: {prior: action}}",
            13,
            "need a latent with a height",
        ),
    ],
)
def test_an_error_names_file_line_key_and_what_was_expected(tmp_path, old, new, line, words):
    assert old in FILE
    file = write(tmp_path, FILE.replace(old, new))
    with pytest.raises(ExperimentError) as caught:
        load(file)
    message = str(caught.value)
    assert words in message
    assert any(text.startswith(f"{file}:{line}:") for text in message.splitlines()), message


def test_an_unknown_cell_is_answered_with_the_known_ones(tmp_path):
    experiment = load(write(tmp_path, FILE))
    with pytest.raises(ExperimentError, match="no cell 'four'; its cells are: one, two"):
        experiment.cell("four")
    with pytest.raises(ExperimentError, match="is the run e1_alignment/flat-hg-d16"):
        experiment.cell("three")


def test_a_scale_shrinks_what_it_says_and_keeps_shares():
    run = Run.model_validate({"training": {"steps": 10000, "evaluate_every": 1000}, "objective": {"warmup": 2000}})
    small = Scale(seeds=2, width=0.25, steps=0.01, at_least=50, batch=0.5, learning_rate=2.0, evaluation_walks=7).apply(
        run
    )
    assert (small.model.hidden, small.model.embedding) == (64, 32)
    assert (small.training.steps, small.objective.warmup, small.training.evaluate_every) == (100, 20, 10)
    assert (small.training.batch, small.training.learning_rate, small.evaluation.walks) == (16, 6e-4, 7)
    assert Scale(seeds=5).apply(run) == run


def test_the_experiments_of_the_project_load_and_refer_to_cells_that_exist():
    files = sorted(Path("experiments").glob("e*.yaml"))
    experiments = {file.stem: load(file) for file in files}
    assert len(experiments) == 9
    for name, experiment in experiments.items():
        assert experiment.id == name
        for target in experiment.same_as.values():
            other, cell = target.split("/")
            assert cell in experiments[other].cells
    for scale in ("smoke", "laptop", "published"):
        load_scale("experiments/scales.yaml", scale)
    with pytest.raises(ExperimentError, match="there is no scale 'huge'; the scales are: smoke, laptop, published"):
        load_scale("experiments/scales.yaml", "huge")


def test_a_digest_is_of_the_settings():
    assert Run().digest() == Run().digest() != Run.model_validate({"training": {"steps": 7}}).digest()
