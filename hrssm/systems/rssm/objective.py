"""The training loss: reconstruction plus weighted KL terms, per member.

Two tracks: ``mse`` is the write-up's loss, which averages over the observation's coordinates (obj-scale); ``gaussian``
is the ELBO under a Gaussian likelihood of known scale, which sums over them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hrssm.systems.rssm.model import RSSM, Rollout
from hrssm.systems.rssm.settings import Objective

__all__ = ["loss", "sum_terms"]


def loss(objective: Objective, model: RSSM, rollout: Rollout, observations: Tensor, step: int) -> dict[str, Tensor]:
    """Terms per member, each (M,): "loss", "mse", "kl", the family's own KL terms, and how often a clamp acted.

    ``observations`` is (M, T, B, D); ``step`` counts from 0 and sets the warm-up.
    """
    squared = (rollout.reconstruction - observations).square().flatten(1)
    mse = squared.mean(1)
    if objective.reconstruction == "mse":
        fit = mse
    else:
        width = observations.shape[-1]
        variance = objective.likelihood_scale**2
        fit = width * (mse / (2 * variance) + 0.5 * math.log(2 * math.pi * variance))
    log_drift_max = objective.log_drift_max
    terms = model.family.kl_terms(rollout.posterior, rollout.prior, rollout.stoch, log_drift_max=log_drift_max)
    if objective.drift == "frozen":
        terms["drift"] = model.family.frozen_drift(rollout.posterior, rollout.prior)
    kl = sum_terms(terms)
    weighted = sum_terms({name: _weight(objective, name) * term for name, term in terms.items()})
    if objective.free_nats > 0:
        weighted = torch.where(kl > objective.free_nats, weighted, weighted.new_tensor(objective.free_nats))
    ramp = min(1.0, (step + 1) / objective.warmup) if objective.warmup else 1.0
    report = {"loss": fit + ramp * weighted.flatten(1).mean(1), "mse": mse, "kl": kl.flatten(1).mean(1)}
    report |= {f"kl_{name}": term.flatten(1).mean(1) for name, term in terms.items() if name != "kl"}
    return report | model.family.clamp_rates(
        rollout.posterior, rollout.prior, rollout.stoch, log_drift_max=log_drift_max
    )


def _weight(objective: Objective, term: str) -> float:
    """The weight of a KL term: the height's own, and the fibre's for everything else."""
    if term == "drift" and objective.drift == "none":
        return 0.0
    return objective.height_weight if term == "height" else objective.fibre_weight


def sum_terms(terms: dict[str, Tensor]) -> Tensor:
    """The sum of KL terms of one shape."""
    return torch.stack(list(terms.values())).sum(0)
