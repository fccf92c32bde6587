"""The numbers of a latent law where its head could put it at the worst: far locations, scales at their bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hrssm.latents.family import LatentFamily
from hrssm.training.seeds import generators

__all__ = ["edges"]

CORNERS = 200
RADII = (0.0, 1.0, 4.0, 16.0)
"""How far locations lie from the prior's, in the head's own coordinates."""
INSIDE = 1e-3
"""How far inside its bounds a log scale stays: at a bound itself the gradient is zero or not by rounding."""


def edges(family: LatentFamily, seeds: Sequence[int]) -> dict[str, list[float]]:
    """Per seed "edge_failures", "edge_failures_float64" and "edge_error", over 200 heads that the seed draws.

    A head's location has a random direction and one of four radii; each log scale is just inside one of its bounds, or
    0. Values are a sample, both log-densities and the KL's terms; gradients are those of the KL in the head. The error
    is the 95th percentile over heads of |gradient32 - gradient64| / (1 + |gradient64|), infinite where float32 failed.
    """
    found: dict[str, list[float]] = {"edge_failures": [], "edge_failures_float64": [], "edge_error": []}
    for generator in generators(seeds, "evaluation noise"):
        raw, noise = _heads(family, generator)
        single, fine = (_evaluate(family, raw.to(d), noise.to(d)) for d in (torch.float32, torch.float64))
        found["edge_failures"].append(_failures(single))
        found["edge_failures_float64"].append(_failures(fine))
        gradient, truth = single[-1].double(), fine[-1]
        error = (gradient - truth).norm(dim=-1) / (1 + truth.norm(dim=-1))
        worst = torch.nan_to_num(error, nan=math.inf, posinf=math.inf).sort().values
        found["edge_error"].append(float(worst[math.ceil(0.95 * CORNERS) - 1]))
    return found


def _heads(family: LatentFamily, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    direction = torch.randn(CORNERS, family.dim, generator=generator, dtype=torch.float64)
    radius = torch.tensor(RADII, dtype=torch.float64)[torch.randint(len(RADII), (CORNERS, 1), generator=generator)]
    scales = family.num_parameters - family.dim
    low, high = math.log(family.bounds.scale_min) + INSIDE, math.log(family.bounds.scale_max) - INSIDE
    # where the head puts out squares of scales, a log scale is half a column
    unit = float(family.log_scales(torch.ones(1, family.num_parameters))[0, -1])
    corner = torch.tensor([low, 0.0, high]).double()[torch.randint(3, (CORNERS, scales), generator=generator)] / unit
    location = radius * direction / direction.norm(dim=-1, keepdim=True)
    return torch.cat((location, corner), -1), family.noise(generator, CORNERS, dtype=torch.float64)


def _evaluate(family: LatentFamily, raw: Tensor, noise: Tensor) -> list[Tensor]:
    raw = raw.requires_grad_()
    z = family.sample(raw, noise)
    prior = torch.zeros_like(raw)
    terms = family.kl_terms(raw, prior, z, log_drift_max=None)
    kl = torch.stack(list(terms.values())).sum(0)
    (gradient,) = torch.autograd.grad(kl.sum(), raw)
    densities = [family.distribution(head).log_prob(z).detach() for head in (raw, prior)]
    return [z.detach(), kl.detach(), *densities, gradient]


def _failures(values: list[Tensor]) -> float:
    """The share of values, each whole at its head, that are not finite."""
    whole = torch.stack([torch.isfinite(v.reshape(CORNERS, -1)).all(-1) for v in values])
    return 1 - float(whole.double().mean())
