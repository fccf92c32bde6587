"""Evaluation of a trained VAE with its controls: the same test images, the same draws, and what a number must survive.

Controls: the untrained ensemble, latents of other images, and the best decoder that ignores z, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrssm.data.images import Images, ImageSet
from hrssm.evaluation.factors import active, best_correlation, neighbours_r2
from hrssm.evaluation.likelihood import Likelihood
from hrssm.records.record import Row
from hrssm.systems.vae.edges import edges
from hrssm.systems.vae.learner import VAELearner, build_model
from hrssm.systems.vae.model import VAE
from hrssm.systems.vae.score import log_likelihood
from hrssm.systems.vae.settings import Settings

__all__ = ["NO_SEED", "blind", "evaluate", "heads", "locations"]

NO_SEED = -1  # the control that ignores z has no seed: its rows stand under this one
Array = NDArray[np.float64]
FACTORS = ("x", "y", "size")
RANGES = {"in": "test", "unseen": "unseen"}


def evaluate(
    settings: Settings, learner: VAELearner, seeds: Sequence[int], say: Callable[[str], None]
) -> Iterator[Row]:
    """The rows of every living member under every control, on the test part and on unseen episodes where there are."""
    alive = [k for k, lives in enumerate(learner.alive.tolist()) if lives]
    images, samples = learner.images, settings.evaluation.samples
    trained, untrained = learner.best_model(), build_model(settings, seeds, learner.device)
    where = (settings.data_seed, settings.training.steps)
    known = images["valid"].sample(settings.evaluation.images)
    for range_, part in RANGES.items():
        if part not in images.splits:
            continue
        chosen = images[part].sample(settings.evaluation.images)
        for control, model, shuffled in (
            ("trained", trained, False),
            ("untrained", untrained, False),
            ("shuffled", trained, True),
        ):
            say(f"evaluating {part}, {control}")
            scored = log_likelihood(model, chosen, seeds, samples=samples, shuffled=shuffled)
            for k in alive:
                for metric, values in scored.items():
                    yield Row(seeds[k], *where, "test", control, range_, metric, float(values[k]))
        for metric, value in blind(images, chosen, trained.likelihood).items():
            yield Row(NO_SEED, *where, "test", "blind", range_, metric, value)
        first, second = locations(trained, known), locations(trained, chosen)
        for k in alive:
            for metric, value in _held(trained, first[k], second[k], known, chosen).items():
                yield Row(seeds[k], *where, "test", "trained", range_, metric, value)
    for k in alive:
        share = 1 - len(alive) / len(seeds)
        yield Row(seeds[k], *where, "test", "trained", "in", "diverged", share)
    law = edges(build_model(settings, seeds, torch.device("cpu")).plain, seeds)
    for k in alive:
        for metric, values in law.items():
            yield Row(seeds[k], *where, "edges", "law", "in", metric, values[k])


def blind(images: ImageSet, chosen: Images, likelihood: Likelihood) -> dict[str, float]:
    """Bounds of the decoder that ignores z and is best on the training images; its KL is 0, its bound exact.

    Independent pixels: of a binary set each on with its frequency (one more image all on and one all off are counted,
    so that no pixel is impossible); of a coloured set with their means.
    """
    train, total = images["train"], torch.zeros(1)
    for start in range(0, len(train), 2000):
        total = total + train.pixels(slice(start, start + 2000)).double().sum(0)
    mean = (total + 1) / (len(train) + 2) if likelihood.binary else total / len(train)
    output = torch.logit(mean) if likelihood.binary else torch.atanh((2 * mean - 1).clamp(-1 + 1e-12, 1 - 1e-12))
    x = chosen.pixels().double()
    fit = float(likelihood.log_prob(output.expand_as(x), x).mean())
    return {"bound": fit, "elbo": fit, "reconstruction": fit, "kl": 0.0, "bound_error": 0.0, "elbo_error": 0.0}


def heads(model: VAE, images: Images, *, size: int = 500) -> Tensor:
    """The posteriors' head outputs of images, locations as coordinates, (M, N, P)."""
    found = []
    with torch.no_grad():
        for start in range(0, len(images), size):
            x = images.pixels(slice(start, start + size)).to(model.head.weight)
            found.append(model.encode(x.expand(model.members, *x.shape)))
    return torch.cat(found, 1)


def locations(model: VAE, images: Images) -> Array:
    """The posteriors' locations of images, in coordinates, (M, N, d)."""
    return model.plain.location(heads(model, images)).double().numpy(force=True)


def _held(model: VAE, first: Array, second: Array, known: Images, chosen: Images) -> dict[str, float]:
    """What one member's latents (N, d) hold of the game's score or the sprite's factors, on the chosen images."""
    held: dict[str, float] = {"active": active(second)}
    if "score" in chosen.attributes:
        lost = -known.attribute("score"), -chosen.attribute("score")
        held["score_correlation"] = best_correlation((first, lost[0]), (second, lost[1]))
        heights = [model.plain.heights(torch.from_numpy(z)) for z in (first, second)]
        beta = [np.exp(h.numpy()) for h in heights if h is not None]
        if beta:
            held["beta_correlation"] = best_correlation((beta[0], lost[0]), (beta[1], lost[1]))
    if all(name in chosen.attributes for name in FACTORS):
        truth = [np.stack([part.attribute(name) for name in FACTORS], -1) for part in (known, chosen)]
        held["factors_r2"] = float(neighbours_r2((first, truth[0]), (second, truth[1])).mean())
    return held
