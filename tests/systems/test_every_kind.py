"""What every system promises: members that do not depend on each other, runs that resume bit for bit, members that stop
alone, rows within the vocabulary, and a digest that moves with its own sources only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from hrssm.records.record import RecordError
from hrssm.records.run import inspect
from hrssm.records.sources import PACKAGES, TREE, digest_of, sources
from hrssm.systems.kinds import KINDS, kind
from hrssm.training import checkpoint
from hrssm.training.interrupt import Interrupted
from tests.systems.tiny import CPU, TINY, evaluate, go, quiet, tiny, training_sources

SEEDS = [3, 4, 5]
EVERY = pytest.mark.parametrize("name", KINDS)


def tensors(of: Any, at: str = "") -> dict[str, torch.Tensor]:
    """Every tensor in nested dictionaries and lists, by its path."""
    if isinstance(of, torch.Tensor):
        return {at: of}
    pairs = of.items() if isinstance(of, dict) else enumerate(of) if isinstance(of, list | tuple) else ()
    return {path: t for key, value in pairs for path, t in tensors(value, f"{at}/{key}").items()}


def learned(directory: Path) -> dict[str, torch.Tensor]:
    return tensors(checkpoint.load(directory / "checkpoint.pt", CPU)["learner"])


def curves(directory: Path) -> pd.DataFrame:
    return pd.read_parquet(directory / "metrics.parquet")


def test_every_kind_has_tiny_settings() -> None:
    assert set(TINY) == set(KINDS)


@EVERY
def test_settings_and_vocabulary_need_no_torch(name: str) -> None:
    code = f"import sys; from hrssm.systems.kinds import kind; k = kind({name!r}); k.settings, k.vocabulary; "
    done = subprocess.run([sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], cwd=TREE)
    assert done.returncode == 0


@EVERY
def test_member_k_of_n_is_the_run_of_member_k_alone(name: str, tmp_path: Path) -> None:
    settings = tiny(name)
    go(settings, SEEDS, tmp_path / "together")
    go(settings, SEEDS[1:2], tmp_path / "alone")
    keys = ["step", "protocol", "control", "range", "metric"]
    together = curves(tmp_path / "together").query(f"seed == {SEEDS[1]}").set_index(keys)["value"]
    alone = curves(tmp_path / "alone").set_index(keys)["value"]
    assert len(alone) > 0
    pd.testing.assert_series_equal(together.sort_index(), alone.sort_index(), rtol=2e-3, atol=1e-5)


@EVERY
def test_seeds_differ(name: str, tmp_path: Path) -> None:
    go(tiny(name), SEEDS, tmp_path)
    last = curves(tmp_path).query("metric == 'loss'").groupby("seed")["value"].last()
    assert last.nunique() == len(SEEDS)


@EVERY
def test_an_interrupted_run_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    settings = tiny(name)
    go(settings, SEEDS, tmp_path / "whole")
    with pytest.raises(Interrupted, match="step 7 of 12"):
        go(settings, SEEDS, tmp_path / "parts", build=interrupted_at(7, kind(name).build))
    assert inspect(tmp_path / "parts").word == "interrupted"
    go(settings, SEEDS, tmp_path / "parts")
    whole, parts = learned(tmp_path / "whole"), learned(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[path], parts[path]) for path in whole)
    pd.testing.assert_frame_equal(curves(tmp_path / "whole"), curves(tmp_path / "parts"))


def interrupted_at(step: int, build):
    """Learners during whose step number ``step`` the process is told to stop."""

    def build_interrupted(settings, seeds, device):
        learner = build(settings, seeds, device)
        take = learner.step

        def told(number):
            if number == step - 1:
                os.kill(os.getpid(), signal.SIGINT)
            return take(number)

        learner.step = told
        return learner

    return build_interrupted


def poisoned(victim: int, build):
    """Learners of which the member with seed ``victim`` begins with weights that are not numbers."""

    def build_poisoned(settings, seeds, device):
        learner = build(settings, seeds, device)
        if victim in seeds:
            state = learner.state_dict()
            for path, tensor in tensors(state).items():
                if tensor.is_floating_point() and tensor.ndim > 1 and len(tensor) == len(seeds) and "adam" not in path:
                    tensor[seeds.index(victim)] = float("nan")
            learner.load_state_dict(state)
        return learner

    return build_poisoned


@EVERY
def test_a_member_that_diverges_stops_alone_and_is_named(name: str, tmp_path: Path) -> None:
    settings = tiny(name)
    build = kind(name).build
    go(settings, [3, 5], tmp_path / "healthy")
    said: list[str] = []
    manifest = go(settings, SEEDS, tmp_path / "mixed", build=poisoned(4, build), say=said.append)
    assert manifest["members"]["3"] == {"ended": "finished", "step": 12, "cause": None}
    assert manifest["members"]["4"]["ended"] == "diverged"
    assert manifest["members"]["4"]["step"] == 0
    assert "nan" in manifest["members"]["4"]["cause"]
    assert any("seed 4 stopped at step 0" in line for line in said)
    keys = ["seed", "step", "protocol", "metric"]
    mixed, healthy = (curves(tmp_path / d).set_index(keys)["value"].sort_index() for d in ("mixed", "healthy"))
    pd.testing.assert_series_equal(mixed, healthy, rtol=2e-3, atol=1e-5)
    evaluate(settings, tmp_path / "mixed", build=poisoned(4, build))
    assert 4 not in set(pd.read_parquet(tmp_path / "mixed" / "evaluation.parquet")["seed"])


@EVERY
def test_when_every_member_is_dead_training_stops_and_says_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"every member has diverged by step 1 of 12 \(seed 3: .*nan"):
        go(tiny(name), [3], tmp_path, build=poisoned(3, kind(name).build))
    assert inspect(tmp_path).word == "interrupted"


@EVERY
def test_every_row_lies_in_the_vocabulary(name: str, tmp_path: Path) -> None:
    settings, vocabulary = tiny(name), kind(name).vocabulary
    go(settings, SEEDS[:2], tmp_path)
    evaluate(settings, tmp_path)
    assert inspect(tmp_path).word == "evaluated"
    trained, scored = curves(tmp_path), pd.read_parquet(tmp_path / "evaluation.parquet")
    assert set(trained.query("protocol == 'train'")["metric"]) <= set(vocabulary.training)
    for frame in (trained.query("protocol != 'train'"), scored):
        assert set(frame["metric"]) <= set(vocabulary.metrics)
        assert set(frame["control"]) <= set(vocabulary.controls)
        assert set(frame["protocol"]) <= set(vocabulary.protocols)
        assert set(frame["range"]) <= set(vocabulary.ranges)
    assert set(scored["control"]) == set(vocabulary.controls), "a control that is never measured"
    assert set(vocabulary.evaluation.values()) <= set(scored["protocol"])
    assert not scored.duplicated(["seed", "protocol", "control", "range", "metric"]).any()
    for word in [*vocabulary.metrics.values(), *vocabulary.controls.values(), *vocabulary.training.values()]:
        assert word.label
        assert word.sentence


@EVERY
def test_a_digest_moves_with_what_a_run_executes_and_with_nothing_else(name: str, tmp_path: Path) -> None:
    settings = tiny(name)
    roots = (*kind(name).training_roots, *settings.modules())
    for package in PACKAGES:
        shutil.copytree(TREE / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", ".cache"))
    executed = training_sources(settings)
    before = digest_of(sources(*roots, tree=tmp_path))
    assert before == digest_of(executed)
    everything = {p.relative_to(tmp_path).as_posix() for p in (tmp_path / "hrssm").rglob("*.py")}
    others = [f for f in everything if f not in executed]
    assert f"hrssm/systems/{name}/learner.py" in executed
    assert "hrssm/cli/app.py" in others
    assert not [f for f in executed if f.startswith("hrssm/systems/") and f.split("/")[2] not in (name, "__init__.py")]
    for file in others:
        (tmp_path / file).write_text((tmp_path / file).read_text() + "# edited\n")
    assert digest_of(sources(*roots, tree=tmp_path)) == before
    for file in sorted(executed)[::7]:
        text = (tmp_path / file).read_text()
        (tmp_path / file).write_text(text + "# edited\n")
        assert digest_of(sources(*roots, tree=tmp_path)) != before, file
        (tmp_path / file).write_text(text)


@EVERY
def test_everything_imported_while_training_is_in_the_digest(name: str) -> None:
    """The closure is read from the sources; this asks Python itself."""
    code = (
        "import sys, torch, tempfile, pathlib\n"
        "from tests.systems.tiny import *\n"
        f"settings = tiny({name!r})\n"
        "go(settings, [0], pathlib.Path(tempfile.mkdtemp()))\n"
        "files = (getattr(m, '__file__', None) for n, m in sys.modules.items() if n.split('.')[0] == 'hrssm')\n"
        "loaded = {file for file in files if file}\n"
        "known = {str(TREE / f) for f in training_sources(settings)}\n"
        "print('\\n'.join(sorted(loaded - known)))\n"
    ).replace("from tests", "from hrssm.records.sources import TREE\nfrom tests")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=TREE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    unseen = {Path(line).relative_to(TREE).as_posix() for line in done.stdout.split()}
    # What only this test needs to call them: the table of kinds, and the evaluation that tiny.py offers as well.
    assert unseen <= {"hrssm/systems/kinds.py", "hrssm/training/score.py", "hrssm/training/vocabulary.py"}


@EVERY
def test_a_whole_run_is_left_alone_and_another_one_is_refused(name: str, tmp_path: Path) -> None:
    go(tiny(name), [3], tmp_path)
    before = (tmp_path / "checkpoint.pt").stat().st_mtime_ns
    go(tiny(name), [3], tmp_path)
    assert (tmp_path / "checkpoint.pt").stat().st_mtime_ns == before
    other = tiny(name, training=TINY[name]["training"] | {"steps": 13})
    with pytest.raises(RecordError, match=r"settings_digest was .* and is .*--overwrite"):
        go(other, [3], tmp_path)
    go(other, [3], tmp_path, overwrite=True)
    manifest = inspect(tmp_path).manifest
    assert manifest
    assert manifest["settings"]["training"]["steps"] == 13


@EVERY
def test_starting_over_takes_the_older_evaluation_away(name: str, tmp_path: Path) -> None:
    settings = tiny(name)
    go(settings, [3], tmp_path)
    evaluate(settings, tmp_path)
    go(settings, [3, 4], tmp_path, overwrite=True)
    assert inspect(tmp_path).word == "trained"
    assert not (tmp_path / "evaluation.parquet").exists()


@EVERY
def test_settings_survive_their_own_manifest(name: str) -> None:
    settings = tiny(name)
    assert kind(name).settings.model_validate(settings.model_dump()).digest() == settings.digest()
    assert settings.work() > 0
    assert quiet("") is None
