"""What a trained VAE looks like: samples of its prior, reconstructions, geodesics between latents; and its latents as a
table.

    python -m hrssm.systems.vae.pictures RUN [RUN ...] [--device auto]

writes latents.parquet and pictures.npz into the directory of each trained run.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrssm.data.images import Images
from hrssm.records.record import CHECKPOINT, MANIFEST, read_json, write_bytes
from hrssm.systems.vae.evaluate import heads
from hrssm.systems.vae.learner import VAELearner, build
from hrssm.systems.vae.model import VAE
from hrssm.systems.vae.settings import Settings
from hrssm.training import checkpoint
from hrssm.training.device import choose_device
from hrssm.training.seeds import generators

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LATENTS", "PICTURES", "interpolation", "latents", "pictures", "reconstructions", "samples"]

LATENTS, PICTURES = "latents.parquet", "pictures.npz"

Pictures = NDArray[np.float32]


def samples(model: VAE, seeds: Sequence[int], count: int) -> Pictures:
    """Expected images of latents drawn from the prior, (M, count, C, 64, 64) in [0, 1]."""
    weight, plain = model.head.weight, model.family
    draws = generators(seeds, "samples", weight.device)
    noise = torch.stack([plain.noise(g, count) for g in draws]).to(weight.dtype)
    prior = torch.zeros(len(seeds), count, plain.num_parameters, dtype=weight.dtype, device=weight.device)
    return _seen(model, plain.sample(prior, noise))


def reconstructions(model: VAE, images: Images) -> Pictures:
    """Expected images of the posteriors' locations, (M, N, C, 64, 64) in [0, 1]."""
    return _seen(model, model.plain.location(heads(model, images)))


def interpolation(model: VAE, images: Images, steps: int) -> Pictures:
    """Along the geodesic from each image's latent to the next one's, at even shares, (M, N - 1, steps, C, 64, 64)."""
    places = model.plain.location(heads(model, images))
    share = torch.linspace(0, 1, steps, dtype=places.dtype, device=places.device)
    start, end = (z.unsqueeze(2).expand(-1, -1, steps, -1) for z in (places[:, :-1], places[:, 1:]))
    path = model.plain.between(start, end, share.expand(start.shape[:-1]))
    return _seen(model, path.flatten(1, 2)).reshape(len(places), -1, steps, *images.pixels().shape[1:])


def latents(learner: VAELearner, part: str = "test") -> pd.DataFrame:
    """A row per seed and image of a part: the posterior's location z0, z1, ..., its log scales s0, s1, ..., and what is
    known of the image."""
    import pandas as pd

    images = learner.images[part]
    model, frames = learner.best_model(), []
    raw = heads(model, images)
    places = model.plain.location(raw).double().numpy(force=True)
    scales = model.plain.log_scales(raw).double().numpy(force=True)
    known = {name: images.attribute(name) for name in images.attributes}
    for k, seed in enumerate(learner.seeds):
        columns = {f"z{i}": places[k, :, i] for i in range(places.shape[-1])}
        columns |= {f"s{i}": scales[k, :, i] for i in range(scales.shape[-1])}
        frames.append(pd.DataFrame({"seed": seed, "image": np.arange(len(images)), **columns, **known}))
    return pd.concat(frames, ignore_index=True)


def pictures(learner: VAELearner, *, count: int = 8, steps: int = 9) -> dict[str, Pictures]:
    """All of the above for the first member: "images", "reconstructions", "samples", "interpolation"."""
    model, images = learner.best_model(), learner.images["test"].sample(count)
    return {
        "images": images.pixels().numpy(force=True),
        "reconstructions": reconstructions(model, images)[0],
        "samples": samples(model, learner.seeds, count)[0],
        "interpolation": interpolation(model, images, steps)[0],
    }


def _seen(model: VAE, stoch: Tensor) -> Pictures:
    with torch.no_grad():
        return model.likelihood.mean(model.decode(stoch)).float().numpy(force=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="directories of trained runs")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args(argv)
    device = choose_device(given.device)
    for run in given.runs:
        manifest = read_json(run / MANIFEST)
        learner = build(Settings.model_validate(manifest["settings"]), manifest["seeds"], device)
        learner.load_state_dict(checkpoint.load(run / CHECKPOINT, device)["learner"])
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **pictures(learner))
        write_bytes(run / PICTURES, buffer.getvalue())
        buffer = io.BytesIO()
        latents(learner).to_parquet(buffer, index=False)
        write_bytes(run / LATENTS, buffer.getvalue())
        print(f"{run}: {PICTURES}, {LATENTS}")


if __name__ == "__main__":
    main()
