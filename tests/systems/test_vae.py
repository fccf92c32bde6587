"""The VAE: bound and objective agree, controls mean what they say, the best weights are kept, settings that refuse."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from hrssm.cli.runs import _scales
from hrssm.evaluation.likelihood import Bernoulli
from hrssm.experiment.experiment import load as load_experiment
from hrssm.experiment.experiment import load_all
from hrssm.latents.table import LATENTS
from hrssm.records.sources import TREE
from hrssm.systems.vae.data import load
from hrssm.systems.vae.edges import edges
from hrssm.systems.vae.evaluate import blind, evaluate, locations
from hrssm.systems.vae.learner import build, build_model
from hrssm.systems.vae.pictures import main as export
from hrssm.systems.vae.score import log_likelihood
from hrssm.systems.vae.settings import GEO, Settings
from hrssm.training.scale import Scale
from tests.systems.tiny import CPU, TINY, go, quiet

SIX = ["gaussian", "gaussian-manifold-normal", "riemannian-normal-product", "wrapped-normal-product", "hg-product",
       "hg-half-product"]  # fmt: skip
LAWS = pytest.mark.parametrize("family", [*SIX, "gaussian-pairs"])


def settings(**changes: Any) -> Settings:
    return Settings.model_validate(TINY["vae"] | {"latent": {}} | changes)


def of(family: str, **changes: Any) -> Settings:
    bounds = {"scale_min": 0.001} if family.startswith("riemannian") else {}
    return settings(latent={"family": family} | bounds | changes.pop("latent", {}), **changes)


@LAWS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_mean_log_weight_is_the_objective(family: str, dtype: str) -> None:
    """log p(x | z) less the log weight is the loss's KL, closed or sampled, within 4.5 standard errors of 150 draws.

    With posteriors away from the prior; a correct model fails with probability 1e-5 a member under another seed.
    """
    chosen = of(family, model={"depth": 2, "dtype": dtype})
    model = build_model(chosen, [0, 1], CPU)
    with torch.no_grad():
        model.head.bias += 0.7
    images = load(chosen)["train"].sample(3)
    x = images.pixels().to(model.head.weight).expand(2, 3, 1, 64, 64)
    generator = torch.Generator().manual_seed(5)
    log_weights, fit = model.log_weights(x, model.plain.noise(generator, 2, 150, 3).to(x))
    sampled = (fit - log_weights).detach()
    report = model.objective(x.repeat(1, 150, 1, 1, 1), model.plain.noise(generator, 2, 450).to(x))
    assert x.dtype == report["loss"].dtype == log_weights.dtype == getattr(torch, dtype)
    error = sampled.var(0).mean(-1).sqrt() / 450**0.5
    assert ((sampled.mean((0, 2)) - report["kl"].detach()).abs() < 4.5 * 2**0.5 * error).all()
    assert (report["kl"] > 0.3).all()
    torch.testing.assert_close(report["loss"], report["kl"] - report["reconstruction"])
    scored = log_likelihood(model, images, [0, 1], samples=20)
    assert (scored["bound"] >= scored["elbo"]).all()
    torch.testing.assert_close(scored["reconstruction"] - scored["kl"], scored["elbo"])


@LAWS
def test_a_member_does_not_depend_on_its_neighbours(family: str) -> None:
    chosen = of(family)
    images = load(chosen)["test"].sample(4)
    together, alone = (build_model(chosen, seeds, CPU) for seeds in ([3, 4], [4]))
    pair = log_likelihood(together, images, [3, 4], samples=5)
    one = log_likelihood(alone, images, [4], samples=5)
    for metric, values in one.items():
        torch.testing.assert_close(pair[metric][1:], values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["gaussian-manifold-normal", "riemannian-normal-product"])
def test_learning_beats_every_control(family: str) -> None:
    """150 steps on the digits at a small width: better than untrained, than others' latents, than ignoring z."""
    chosen = of(
        family,
        data={"source": "digits"},
        model={"depth": 4},
        training={"steps": 150, "batch": 25, "learning_rate": 5e-3, "clip": 1e9, "evaluate_every": 50},
        evaluation={"images": 60, "samples": 10, "curve_samples": 2},
    )
    learner = build(chosen, [0], CPU)
    for number in range(150):
        learner.step(number)
        learner.measure(number + 1)
    rows = [r for r in evaluate(chosen, learner, [0], quiet) if r.range == "in"]
    bounds = {r.control: r.value for r in rows if r.metric == "bound"}
    assert bounds["trained"] > bounds["blind"] > bounds["untrained"]
    assert bounds["trained"] > bounds["shuffled"] + 50
    found = {r.metric: r.value for r in rows if r.control == "trained"}
    assert found["active"] >= 2
    assert found["kl"] > 1


def test_the_best_weights_by_validation_are_kept() -> None:
    """A step that ruins a member is undone for the evaluation, and for that member alone."""
    chosen = of("gaussian", training=TINY["vae"]["training"] | {"evaluate_every": 1})
    learner = build(chosen, [0, 1], CPU)
    learner.step(0)
    (first, *_), _ = learner.measure(1), learner.best_bound.clone()
    kept = {name: value.clone() for name, value in learner.model.state_dict().items()}
    with torch.no_grad():
        learner.model.decoder.bias[0] += 100.0
    bound = learner.best_bound.clone()
    learner.measure(2)
    assert first.protocol == "validation"
    best = learner.best_model().state_dict()
    for name, value in kept.items():
        assert torch.equal(best[name][0], value[0]), name
    assert learner.best_bound[0] == bound[0]
    other = build(chosen, [0, 1], CPU)
    other.load_state_dict(learner.state_dict())
    assert all(torch.equal(v, best[name]) for name, v in other.best_model().state_dict().items())


def test_the_manifest_names_the_splits(tmp_path: Path) -> None:
    chosen = settings()
    facts = go(chosen, [0], tmp_path)["facts"]
    assert facts == {"images": {"train": 48, "valid": 6, "test": 6}, "split_hashes": load(chosen).hashes(), "notes": {}}


def test_the_decoder_that_ignores_z_is_the_best_of_its_kind() -> None:
    """Frequencies of the training images maximise the likelihood of independent pixels; a change lowers it."""
    chosen = of("gaussian", data={"source": "sprites", "count": 400})
    images = load(chosen)
    best = blind(images, images["train"], Bernoulli())["bound"]
    x = images["train"].pixels().double()
    mean = (x.sum(0) + 1) / (len(x) + 2)
    assert best == pytest.approx(float(Bernoulli().log_prob(torch.logit(mean).expand_as(x), x).mean()))
    inside = (mean > 0.02).double()  # where the two added images do not matter
    for shift in (0.2, -0.2):
        assert float(Bernoulli().log_prob((torch.logit(mean) + shift * inside).expand_as(x), x).mean()) < best
    coloured = of(
        "gaussian", data={"source": "sprites", "count": 60, "coloured": True}, objective={"likelihood": "gaussian"}
    )
    found = load(coloured)
    likelihood = build_model(coloured, [0], CPU).likelihood
    value = blind(found, found["train"], likelihood)["bound"]
    x = 2 * found["train"].pixels().double() - 1
    squared = (x - x.mean(0)).square().sum((-3, -2, -1)).mean()
    assert value == pytest.approx(float(-squared - 3 * 64 * 64 / 2 * np.log(np.pi)), rel=1e-6)


@pytest.mark.parametrize("family", SIX)
def test_float64_never_fails_at_the_edges(family: str) -> None:
    found = edges(build_model(of(family, latent={"scale_min": 0.001}), [0, 1], CPU).plain, [0, 1])
    assert found["edge_failures_float64"] == [0.0, 0.0]
    assert set(found) == {"edge_failures", "edge_failures_float64", "edge_error"}


def test_curvature_only_rescales() -> None:
    """A Vanilla head of curvature c is one of curvature 1 whose prior has log gamma^2 = log c and whose mu is stretched
    by sqrt(c) (`pgm-rescaling`): the KL of the two is the same."""
    c = 0.5
    here = build_model(of("gaussian-manifold-normal", latent={"curvature": c}), [0], CPU).plain
    unit = build_model(of("gaussian-manifold-normal"), [0], CPU).plain
    raw = 0.5 * torch.randn(1, 20, 6, generator=torch.Generator().manual_seed(0))
    prior = torch.zeros_like(raw)
    z = here.sample(raw, here.noise(torch.Generator().manual_seed(1), 1, 20))
    stretched, moved = (r.clone() for r in (raw, prior))
    for r in (stretched, moved):
        r[..., :2] *= c**0.5
        r[..., 4:] += np.log(c)
    kl = here.kl_terms(raw, prior, z, log_drift_max=None)["kl"]
    torch.testing.assert_close(unit.kl_terms(stretched, moved, z, log_drift_max=None)["kl"], kl, rtol=1e-4, atol=1e-5)


def test_pictures_and_latents(tmp_path: Path) -> None:
    """Interpolations begin and end at the reconstructions; the table holds the locations and what is known."""
    chosen = of("gaussian-manifold-normal", latent={"head": "geo", "curvature": 0.5})
    go(chosen, [3, 4], tmp_path)
    export([str(tmp_path), "--device", "cpu"])
    with np.load(tmp_path / "pictures.npz") as file:
        shown = dict(file)
    assert {name: array.shape for name, array in shown.items()} == {
        "images": (6, 1, 64, 64),
        "reconstructions": (6, 1, 64, 64),
        "samples": (8, 1, 64, 64),
        "interpolation": (5, 9, 1, 64, 64),
    }
    np.testing.assert_allclose(shown["interpolation"][:, 0], shown["reconstructions"][:-1], atol=1e-5)
    np.testing.assert_allclose(shown["interpolation"][:, -1], shown["reconstructions"][1:], atol=1e-5)
    for array in shown.values():
        assert 0 <= array.min() <= array.max() <= 1
    table = pd.read_parquet(tmp_path / "latents.parquet")
    assert set(table["seed"]) == {3, 4}
    assert len(table) == 2 * len(load(chosen)["test"])
    assert {"z0", "z3", "s0", "s1", "image", "x", "size"} <= set(table.columns)


def test_geo_heads_are_those_of_the_source_by_default() -> None:
    assert [of(family).latent.geo for family in SIX] == [family in GEO for family in SIX]
    assert of("hg-product", latent={"head": "geo"}).latent.geo
    model = build_model(of("riemannian-normal-product"), [0], CPU)
    images = load(of("gaussian"))["test"].sample(2)
    tangent = model.head(model.encoder(images.pixels()[None]))[..., :4].detach()
    z = torch.from_numpy(locations(model, images)).float()
    torch.testing.assert_close(model.plain.log_origin(z), tangent, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("latent", "words"),
    [
        ({"curvature": 0.0}, "flat"),
        ({"curvature": -1.0}, "absolute value, 1"),
        ({"family": "hg-product", "curvature": 0.5}, "only family gaussian-manifold-normal"),
        ({"family": "gaussian", "head": "geo"}, "identity in flat space"),
        ({"family": "riemannian-normal-product"}, r"from 0\.001 to 3"),
        ({"family": "nonsense"}, "known families"),
        ({"family": "categorical"}, "has no density"),
        ({"scale_min": 40.0}, "below scale_max"),
    ],
)
def test_latents_that_make_no_sense_are_refused(latent: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(latent=latent)


def test_the_likelihood_must_fit_the_images() -> None:
    with pytest.raises(ValidationError, match="must be 'gaussian'"):
        settings(data={"source": "folder", "name": "cub"})
    with pytest.raises(ValidationError, match="must be 'bernoulli'"):
        settings(objective={"likelihood": "gaussian"})


def test_without_the_emulator_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ale_py", None)
    monkeypatch.delitem(sys.modules, "hrssm.environments.atari", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"hrssm\[atari\]"):
        load(settings(data={"source": "breakout", "frames": 60, "longest": 5}))


def test_a_folder_must_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    chosen = settings(data={"source": "folder", "name": "cub"}, objective={"likelihood": "gaussian"})
    monkeypatch.delenv("HRSSM_IMAGES", raising=False)
    with pytest.raises(ValueError, match="set HRSSM_IMAGES"):
        load(chosen)
    monkeypatch.setenv("HRSSM_IMAGES", str(tmp_path))
    with pytest.raises(ValueError, match="is no folder"):
        load(chosen)
    (tmp_path / "cub").mkdir()
    for k in range(12):
        Image.new("L" if k == 3 else "RGB", (8, 8)).save(tmp_path / "cub" / f"{k}.png")
    (tmp_path / "cub" / "broken.png").write_bytes(b"x")
    with pytest.warns(UserWarning, match="of the images") as told:
        assert len(load(chosen)["train"]) == 10
    assert sorted(str(w.message) for w in told) == [
        "1 of the images: grey, converted: 3.png",
        "1 of the images: unreadable, left out: broken.png",
    ]
    for k in range(4, 12):
        (tmp_path / "cub" / f"{k}.png").unlink()
    with (
        pytest.warns(UserWarning, match="of the images"),
        pytest.raises(ValueError, match="valid part of 4 images has none"),
    ):
        load(chosen)


def test_experiments_on_demand_are_written_down_and_not_run() -> None:
    folder = TREE / "experiments" / "vae"
    on_demand = sorted((folder / "on_demand").glob("*.yaml"))
    assert len(on_demand) == 4
    for path in on_demand:
        experiment = load_experiment(path)
        assert experiment.id not in load_all(TREE / "experiments", ["vae"])
        assert all(cell.of.model.depth == 32 for cell in experiment.cells.values())
        assert _scales(path) == TREE / "experiments" / "scales.yaml"


def test_scales_shrink_images_and_episodes() -> None:
    full = Settings()
    small = full.scaled(Scale(seeds=1, width=0.25, steps=0.001, batch=0.25, evaluation_walks=12))
    assert (small.model.depth, small.training.steps, small.training.batch) == (8, 80, 25)
    assert (small.data.frames, small.data.longest) == (1600, 80)
    assert (small.evaluation.images, small.evaluation.samples) == (12, 12)
    assert full.scaled(Scale(seeds=5)) == full
    assert full.work() > 100 * small.work()
    for family in LATENTS:
        if LATENTS[family].even:
            assert of(family).label()
