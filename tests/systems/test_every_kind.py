"""Members that do not depend on each other, checkpoints that resume bit for bit, members that stop alone."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pandas as pd
import pytest
import torch

from hrssm.experiment.experiment import Run
from hrssm.latents.table import LATENTS
from hrssm.records.record import RecordError, read_manifest, source_digest
from hrssm.training import loop
from hrssm.training.loop import Interrupted, Name, train

NAME = Name("e0_test", "cell", "smoke")
CPU = torch.device("cpu")


def tiny(**changes: object) -> Run:
    settings: dict = {
        "environment": {"branching": 2, "depth": 3, "observation_dim": 8, "embedding_dim": 4},
        "latent": {"family": "hg", "dim": 3},
        "model": {"hidden": 8, "embedding": 8},
        "training": {"steps": 12, "batch": 4, "length": 3, "evaluate_every": 6},
        "evaluation": {"walks": 6, "length": 4},
    }
    return Run.model_validate(settings | changes)


def quiet(line: str) -> None:
    pass


def go(run: Run, seeds: list[int], directory: Path, **options: object) -> dict:
    return train(run, seeds, directory, NAME, device=CPU, say=quiet, **options)  # type: ignore[arg-type]


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return torch.load(directory / "checkpoint.pt", weights_only=True)["model"]


@pytest.mark.parametrize("family", sorted(LATENTS))
def test_member_k_of_n_is_the_run_of_member_k_alone(tmp_path, family):
    run = tiny(latent={"family": family, "dim": 4})
    go(run, [3, 4, 5], tmp_path / "together")
    go(run, [4], tmp_path / "alone")
    together, alone = weights(tmp_path / "together"), weights(tmp_path / "alone")
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name][1], tensor[0], rtol=2e-4, atol=2e-6)
    keys = ["step", "protocol", "metric"]
    losses = [
        pd.read_parquet(tmp_path / d / "metrics.parquet")
        .query("seed == 4 and metric == 'loss'")
        .set_index(keys)["value"]
        for d in ("together", "alone")
    ]
    assert len(losses[0]) == 12
    pd.testing.assert_series_equal(*losses, rtol=1e-3)


def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, monkeypatch):
    run = tiny()
    go(run, [0, 1], tmp_path / "whole")
    monkeypatch.setattr(loop, "_log", interrupt_at(7, loop._log))
    with pytest.raises(Interrupted, match="step 7 of 12"):
        go(run, [0, 1], tmp_path / "parts")
    assert not (tmp_path / "parts" / "manifest.json").exists()
    with pytest.raises(RecordError, match="only partly trained"):
        read_manifest(tmp_path / "parts")
    monkeypatch.undo()
    go(run, [0, 1], tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    first, second = (pd.read_parquet(tmp_path / d / "metrics.parquet") for d in ("whole", "parts"))
    pd.testing.assert_frame_equal(first, second)


def interrupt_at(step: int, original):
    def logged(state, *rest):
        original(state, *rest)
        if state.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return logged


def test_a_member_that_diverges_stops_alone_and_is_named(tmp_path, monkeypatch):
    run = tiny()
    build = loop.build_model

    def poisoned(run, seeds, device):
        model = build(run, seeds, device)
        if 1 in seeds:
            model.decoder.layers[0].weight.data[seeds.index(1)] = float("nan")
        return model

    go(run, [0, 2], tmp_path / "healthy")
    monkeypatch.setattr(loop, "build_model", poisoned)
    manifest = go(run, [0, 1, 2], tmp_path / "mixed")
    assert manifest["members"]["0"] == {"ended": "finished", "step": 12, "cause": None}
    assert manifest["members"]["1"]["ended"] == "diverged"
    assert manifest["members"]["1"]["step"] == 0
    assert "mse is nan" in manifest["members"]["1"]["cause"]
    mixed, healthy = weights(tmp_path / "mixed"), weights(tmp_path / "healthy")
    for name, tensor in healthy.items():
        torch.testing.assert_close(mixed[name][[0, 2]], tensor, rtol=2e-4, atol=2e-6)
    assert set(pd.read_parquet(tmp_path / "mixed" / "metrics.parquet")["seed"]) == {0, 2}


def test_a_whole_run_is_left_alone_and_another_one_is_refused(tmp_path):
    go(tiny(), [0], tmp_path)
    before = (tmp_path / "checkpoint.pt").stat().st_mtime_ns
    go(tiny(), [0], tmp_path)
    assert (tmp_path / "checkpoint.pt").stat().st_mtime_ns == before
    other = tiny(latent={"family": "gaussian", "dim": 3})
    with pytest.raises(RecordError, match=r"config_hash .* instead of"):
        go(other, [0], tmp_path)
    go(other, [0], tmp_path, overwrite=True)
    assert read_manifest(tmp_path)["config"]["latent"]["family"] == "gaussian"


def test_a_run_of_other_sources_is_refused(tmp_path):
    go(tiny(), [0], tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["source_digest"] == source_digest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"source_digest": "0" * 12}))
    with pytest.raises(RecordError, match="must not be mixed"):
        read_manifest(tmp_path)


def test_the_loss_falls(tmp_path):
    run = tiny(training={"steps": 150, "batch": 16, "length": 4, "learning_rate": 3e-3})
    go(run, [0, 1], tmp_path)
    frame = pd.read_parquet(tmp_path / "metrics.parquet").query("metric == 'mse'")
    assert frame[frame.step > 140]["value"].mean() < 0.8 * frame[frame.step < 10]["value"].mean()
