"""The schema: what is refused, and that the error says where and what was expected."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hrssm.experiment.experiment import ExperimentError, files, load, load_all, load_scale
from hrssm.systems.rssm.settings import Settings
from hrssm.training.scale import Scale

ROOT = Path(__file__).parents[2]
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


def write(path: Path, text: str | bytes) -> Path:
    file = path / "e0_test.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_cells_inherit_the_base(tmp_path: Path) -> None:
    experiment = load(write(tmp_path, FILE))
    one = experiment.cell("one")
    assert isinstance(one, Settings)
    assert (one.latent.dim, one.latent.family) == (4, "hg")
    assert experiment.cell("two").training.steps == 100
    assert experiment.cells["three"].source == ("e1_alignment", "flat-hg-d16")
    assert list(experiment.own()) == ["one", "two"]
    assert experiment.seeds(3) == [3, 4, 5]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("      dim: 8", "      dims: 8", 16, "dims: unknown key; known here: family, dim"),
        ("      dim: 8", "      dim: 1", 16, "dim: Input should be greater than or equal to 2 (given: '1')"),
        ("      dim: 8", "      dim: 10000000", 16, "dim: Input should be less than or equal to 4096"),
        ("      dim: 8", "      dim: wide", 16, "dim: Input should be a valid integer"),
        ("      dim: 8", '      dim: "8"', 16, "dim: Input should be a valid integer"),
        ("      dim: 8", "      dim: true", 16, "dim: Input should be a valid integer"),
        ("      dim: 8", "      dim: 8.0", 16, "dim: Input should be a valid integer"),
        ("      dim: 8", "      dim: .nan", 16, "dim: Input should be a valid integer"),
        ("      dim: 8", "      scale_max: .inf", 16, "scale_max: Input should be a finite number"),
        ("      dim: 8", "      scale_max: !!float x", 16, "could not convert string to float"),
        ("      dim: 8", f"      dim: {'9' * 5000}", 16, "a number of 5000 characters; at most 30"),
        ("      dim: 8", "      dim: !!bool maybe", 16, "not valid YAML: bool that cannot be read"),
        ("      dim: 8", "      dim: 2026-13-45", 16, "dim: Input should be a valid integer"),
        ("      dim: 8", "      dim: !!timestamp 2026-13-45", 16, "month must be in 1..12"),
        ("      dim: 8", "      dim: !!python/name:os.system", 16, "could not determine a constructor"),
        ("      dim: 8", "      dim: !!set {a, b}", 16, "dim: Input should be a valid integer"),
        ("steps: 100", "steps: -5", 10, "steps: Input should be greater than or equal to 1"),
        ("steps: 100", "steps: 99999999999999999999", 10, "steps: Input should be less than or equal to 1000000000"),
        ("steps: 100", "steps: true", 10, "steps: Input should be a valid integer"),
        ("steps: 100", 'steps: "40"', 10, "steps: Input should be a valid integer"),
        ("steps: 100", "steps: null", 10, "steps: Input should be a valid integer"),
        ("steps: 100", "steps: [100]", 10, "steps: Input should be a valid integer"),
        ("batch: 8", "batch: 10000000", 10, "batch: Input should be less than or equal to 1000000"),
        ("family: hg", "family: hgg", 11, "latent family 'hgg' is unknown; known families: "),
        ("family: hg", "family: hg, scale_min: -1", 11, "scale_min: Input should be greater than 0 (given: '-1')"),
        ("first_seed: 3", "first_sed: 3", 8, "first_sed: unknown key"),
        ("first_seed: 3", "first_seed: -3", 8, "first_seed: Input should be greater than or equal to 0"),
        ("first_seed: 3", "first_seed: 2147483648", 8, "first_seed: Input should be less than 2147483648"),
        ("first_seed: 3", "first_seed: 3\ndata_seeds: [1, 1]", 9, "data_seeds: 1 is given twice"),
        ("first_seed: 3", "first_seed: 3\ndata_seeds: [-1]", 9, "Input should be greater than or equal to 0"),
        ("one: {latent: {dim: 4}}", "one: {latent: {dim: 4}, latent: {dim: 5}}", 13, "key 'latent' is given twice"),
        ("one: {latent: {dim: 4}}", "one: {kind: chess}", 13, "kind: kind 'chess' is unknown; known kinds: rssm"),
        ("one: {latent: {dim: 4}}", "one: {kind: [rssm]}", 13, "kind: kind ['rssm'] is unknown"),
        ("one: {latent: {dim: 4}}", "one: {data: {depth: 100}}", 13, "depth: Input should be less than or equal to 64"),
        ("one: {latent: {dim: 4}}", "one: {data: {depth: 60}}", 13, "has 1.77e+36 nodes; at most"),
        ("one: {latent: {dim: 4}}", "one: {data: {max_depth: 6}}", 13, "max_depth 6 lies beyond the tree"),
        (
            "one: {latent: {dim: 4}}",
            "one: {evaluation: {max_depth: 9}}",
            13,
            "evaluation.max_depth 9 lies beyond the tree, whose depth is 5",
        ),
        ("one: {latent: {dim: 4}}", "one: {starts_from: nowhere}", 13, "starts_from: String should match pattern"),
        ("one: {latent: {dim: 4}}", "one: &a {latent: *a}", 13, "an alias that stands for a part of itself"),
        ("one: {latent: {dim: 4}}", "1: {latent: {dim: 4}}", 13, "key '1' must be a word; put it in quotes"),
        ("one: {latent: {dim: 4}}", "? [one]\n  : {}", 13, "a key must be a word"),
        ("one: {latent: {dim: 4}}", "one: {latent: {family: gaussian}, model: {prior: action}}", 13, "with a height"),
        ("question: Is it so?", "question: [so, so", 5, "not valid YAML"),
        ("question: Is it so?", "question: *nowhere", 4, "not valid YAML: found undefined alias"),
        ("question: Is it so?", "question: " + "[" * 100, 4, "nested more than 24 deep"),
        ("question: Is it so?", "question: " + "[" * 40_000, 4, "nested more than 24 deep"),
        ("question: Is it so?", "question: \x00", 4, "special characters are not allowed"),
        (
            "{same_as: e1_alignment/flat-hg-d16}",
            "{same_as: e1, latent: {dim: 3}}",
            17,
            "only 'same_as: experiment/cell'",
        ),
        ("{same_as: e1_alignment/flat-hg-d16}", "{same_as: [a/b]}", 17, "only 'same_as: experiment/cell'"),
        ("cells:\n", "cell:\n", 12, "cell: unknown key"),
        ("metrics: [mse]", "metrics: [msee]", 6, "metrics: metric 'msee' is unknown"),
        ("metrics: [mse]", "metrics: {mse: 1}", 6, "metrics: Input should be a valid list"),
        ("base:\n", "base:\n  kind: chess\n", 10, "kind: kind 'chess' is unknown"),
    ],
)
def test_an_error_names_file_line_key_and_what_was_expected(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert FILE.count(old) == 1
    file = write(tmp_path, FILE.replace(old, new))
    with pytest.raises(ExperimentError) as caught:
        load(file)
    assert any(text.startswith(f"{file}:{line}:") and words in text for text in str(caught.value).splitlines()), str(
        caught.value
    )


@pytest.mark.parametrize(
    "name", ["../../x", "/abs/x", "", ".", "..", ".x", "a b", "a\nb", "a;b", "a\0b", "ä", "a/b", "$(x)"]
)
@pytest.mark.parametrize("where", ["id", "cell", "group"])
def test_a_name_that_would_become_a_path_is_refused(tmp_path: Path, name: str, where: str) -> None:
    quoted = '"' + name.replace("\n", "\\n").replace("\0", "\\0") + '"'
    old = {"id": "id: e0_test", "cell": "one:", "group": "group: alignment"}[where]
    text = FILE.replace(old, {"id": f"id: {quoted}", "cell": f"{quoted}:", "group": f"group: {quoted}"}[where])
    line = {"id": 1, "cell": 13, "group": 3}[where]
    file = write(tmp_path, text)
    with pytest.raises(ExperimentError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}:{line}:")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1: a mapping of keys was expected"),
        (b"[]", ":1: a mapping of keys was expected"),
        (b"null", ":1: a mapping of keys was expected"),
        (b"--- a\n--- b\n", "but found another document"),
        (b"id: a\ntitle: \xff\xfe\n", ":2: is not UTF-8 (byte 0xff); save it as UTF-8"),
        ("id: a".encode("utf-16"), ":1: is not UTF-8"),
        (b"id: " + b"x" * 2**20, "is too long; an experiment file has at most 1048576 bytes"),
        (FILE.replace("cells:", "cells: {}\nold:").encode(), ":12: cells: Dictionary should have at least 1 item"),
        (b"cells: {}\n", ": id: Field required"),
    ],
)
def test_what_is_no_experiment_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(ExperimentError) as caught:
        load(file)
    assert str(caught.value).startswith(str(file))
    assert words in str(caught.value)


def test_a_billion_laughs_are_counted_before_they_are_told(tmp_path: Path) -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 10)]
    with pytest.raises(ExperimentError, match="aliases blow this file up to more than 20000 values"):
        load(write(tmp_path, "\n".join(lines)))


def test_merged_maps_are_counted_as_well(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{k}: &a{k} {{<<: [{', '.join([f'*a{k - 1}'] * 10)}]}}" for k in range(1, 10)]
    with pytest.raises(ExperimentError, match="aliases blow this file up"):
        load(write(tmp_path, "\n".join(lines)))


def test_text_is_read_as_utf8_whatever_the_locale(tmp_path: Path) -> None:
    file = write(tmp_path, FILE.replace("Is it so?", "Größer als τ?"))
    code = f"from hrssm.experiment.experiment import load; print(ascii(load({str(file)!r}).question))"
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code],
        env={"LC_ALL": "C", "PYTHONPATH": str(ROOT), "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ascii("Größer als τ?")), done.stderr


def test_an_unknown_cell_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    experiment = load(write(tmp_path, FILE))
    with pytest.raises(ExperimentError, match="no cell 'four'; its cells are: one, two"):
        experiment.cell("four")
    with pytest.raises(ExperimentError, match="is the run e1_alignment/flat-hg-d16"):
        experiment.cell("three")


def folder_of(path: Path, **texts: str) -> Path:
    (path / "rssm").mkdir()
    for name, text in texts.items():
        (path / "rssm" / f"{name}.yaml").write_text(text.replace("e0_test", name))
    return path


OWN = FILE.replace("  three: {same_as: e1_alignment/flat-hg-d16}\n", "")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({}, "holds no experiment: give the folder that holds them"),
        ({"e1_a": FILE}, "e1_alignment/flat-hg-d16, named by cell three, does not exist; allowed are e1_a"),
        ({"e1_a": FILE.replace("e1_alignment/flat-hg-d16", "e1_a/four")}, "e1_a/four, named by cell three, does not"),
        (
            {"e1_a": OWN + "  x: {same_as: e1_a/y}\n  y: {same_as: e1_a/x}\n"},
            "same_as of x leads back to itself; give one its settings",
        ),
        ({"e1_a": OWN + "  x: {starts_from: e1_a/x}\n"}, "starts_from of cell x leads back to itself"),
        ({"e1_a": OWN + "  x: {starts_from: e1_a/z}\n"}, "cell x starts from e1_a/z, which is no run of its own"),
    ],
)
def test_references_that_lead_nowhere_are_refused(tmp_path: Path, texts: dict[str, str], words: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        load_all(folder_of(tmp_path, **texts))
    assert words in str(caught.value)


def test_two_files_of_one_id_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, e1_a=OWN)
    (folder / "rssm" / "e2_b.yaml").write_text(OWN.replace("e0_test", "e1_a"))
    with pytest.raises(ExperimentError, match=r"e2_b.yaml: id 'e1_a' is that of .*e1_a.yaml as well"):
        load_all(folder)


def test_experiments_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, e10_c=OWN, e2_b=OWN, e1_a=OWN)
    (folder / "rssm" / "printed.yaml").write_text("values: {}\n")
    (folder / "rssm" / ".#e1_a.yaml").write_text("an editor's lock")
    assert [path.stem for path in files(folder)] == ["e1_a", "e2_b", "e10_c"]
    (folder / "rssm" / "ablation.yaml").write_text("a: 1\n")
    with pytest.raises(ExperimentError, match=r"ablation.yaml:1: id: Field required"):
        load_all(folder)  # what lies in a system's folder is an experiment: none is left out in silence


def test_a_scale_shrinks_what_it_says_and_keeps_shares() -> None:
    run = Settings.model_validate({"training": {"steps": 10000, "evaluate_every": 1000}, "objective": {"warmup": 2000}})
    scale = Scale(seeds=2, width=0.25, steps=0.01, at_least=50, batch=0.5, learning_rate=2.0, evaluation_walks=7)
    small = run.scaled(scale)
    assert (small.model.hidden, small.model.encoder.width) == (64, 32)
    assert (small.training.steps, small.objective.warmup, small.training.evaluate_every) == (100, 20, 10)
    assert (small.training.batch, small.training.learning_rate, small.evaluation.walks) == (16, 6e-4, 7)
    assert run.scaled(Scale(seeds=5)) == run


@pytest.mark.parametrize(
    "wrong", ["seeds: 0", "seeds: -1", "seeds: 1000001", "width: 0", "width: 2", "steps: .nan", "x: 1"]
)
def test_a_scale_is_checked(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "scales.yaml"
    file.write_text(f"a:\n  seeds: 1\nb:\n  {wrong}\n")
    with pytest.raises(ExperimentError) as caught:
        load_scale(file, "b")
    assert any(f"{file}:4: {wrong.split(':')[0]}: " in line for line in str(caught.value).splitlines()), caught.value


def test_the_experiments_of_the_project_load() -> None:
    plan = load_all(ROOT / "experiments")
    assert {f"e{k}" for k in range(1, 10)} <= {id.split("_")[0] for id in plan}
    assert all(id == experiment.id == experiment.path.stem for id, experiment in plan.items())
    for scale in ("smoke", "laptop", "published"):
        for experiment in plan.values():
            for settings in experiment.own().values():
                settings.scaled(load_scale(ROOT / "experiments/scales.yaml", scale))
    with pytest.raises(ExperimentError, match="there is no scale 'huge'; the scales are: smoke, laptop, published"):
        load_scale(ROOT / "experiments/scales.yaml", "huge")


def test_a_digest_is_of_the_settings() -> None:
    other = Settings.model_validate({"training": {"steps": 7}})
    assert Settings().digest() == Settings().digest() != other.digest()
