"""Bounds on the log-likelihood of images under an ensemble, with draws that belong to the member."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hrssm.data.images import Images
from hrssm.evaluation.likelihood import bound
from hrssm.systems.vae.model import VAE
from hrssm.training.seeds import generators

__all__ = ["log_likelihood"]

DECODED = 1000
"""Images that are decoded at once, per member, at the most."""


def log_likelihood(
    model: VAE, images: Images, seeds: Sequence[int], *, samples: int, shuffled: bool = False
) -> dict[str, Tensor]:
    """Means over the images in nats, per member (M,): the bounds with their errors, and the ELBO's two parts.

    "bound" and "bound_error" are of ``samples`` weights, "elbo" and "elbo_error" of one, "negative_elbo" minus it;
    "reconstruction" is E log p(x | z) and "kl" what it loses to the ELBO; "effective" is the effective number of
    weights. Every call draws the same noise. shuffled: z is drawn from the posterior of another image, the next one.
    """
    weight = model.head.weight
    draws = generators(seeds, "evaluation noise", weight.device)
    pixels = images.pixels().to(weight)
    x = torch.cat((pixels, pixels.roll(-1, 0) if shuffled else pixels), 1)  # what is scored and what is encoded
    fits: list[Tensor] = []

    def weights(part: Tensor, count: int) -> Tensor:
        shown, seen = part.chunk(2, -3)
        noise = torch.stack([model.plain.noise(g, count, part.shape[1]) for g in draws]).to(weight.dtype)
        log_weights, fit = model.log_weights(shown, noise, seen=seen)
        fits.append(fit.double().mean(0))
        return log_weights

    found = bound(weights, x.expand(len(seeds), *x.shape), samples, decoded=DECODED).mean()
    reconstruction = torch.cat(fits, -1).mean(-1)
    return {
        "bound": found.bound,
        "bound_error": found.bound_error,
        "elbo": found.elbo,
        "elbo_error": found.elbo_error,
        "negative_elbo": -found.elbo,
        "reconstruction": reconstruction,
        "kl": reconstruction - found.elbo,
        "effective": found.effective,
    }
