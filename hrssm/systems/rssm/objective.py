"""The training objective: reconstruction plus weighted KL terms, per member.

Two tracks: ``mse`` is the write-up's loss, which averages over the observation's coordinates (obj-scale); ``gaussian``
is the ELBO under a Gaussian likelihood of known scale, which sums over them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from hrssm.systems.rssm.model import RSSM, Rollout


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    reconstruction: "mse" or "gaussian"; likelihood_scale: the Gaussian's standard deviation, in observation units;
    height_weight, fibre_weight: weights of the height term, and of the fibre and drift terms (of the whole KL, both
    must agree, where a family has no such terms); warmup: steps over which the KL weight rises linearly to them from 0;
    free_nats: each element's KL counts only above this, before the mean; log_drift_max: clamp of the log drift moment
    (hg-drift-clamp), None for the exact KL.
    """

    reconstruction: Literal["mse", "gaussian"] = "mse"
    likelihood_scale: float = 1.0
    height_weight: float = 1.0
    fibre_weight: float = 1.0
    warmup: int = 0
    free_nats: float = 0.0
    log_drift_max: float | None = None

    def __call__(self, model: RSSM, rollout: Rollout, observations: Tensor, step: int) -> dict[str, Tensor]:
        """Terms per member, each (M,): "loss", "mse", "kl", the family's own KL terms, and how often a clamp acted.

        ``observations`` is (M, T, B, D); ``step`` counts from 0 and sets the warm-up.
        """
        squared = (rollout.reconstruction - observations).square().flatten(1)
        mse = squared.mean(1)
        if self.reconstruction == "mse":
            fit = mse
        else:
            width = observations.shape[-1]
            variance = self.likelihood_scale**2
            fit = width * (mse / (2 * variance) + 0.5 * math.log(2 * math.pi * variance))
        terms = model.family.kl_terms(rollout.posterior, rollout.prior, rollout.stoch, log_drift_max=self.log_drift_max)
        kl = sum_terms(terms)
        weighted = sum_terms({name: self.weight(name) * term for name, term in terms.items()})
        if self.free_nats > 0:
            weighted = torch.where(kl > self.free_nats, weighted, weighted.new_tensor(self.free_nats))
        ramp = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        report = {"loss": fit + ramp * weighted.flatten(1).mean(1), "mse": mse, "kl": kl.flatten(1).mean(1)}
        report |= {f"kl_{name}": term.flatten(1).mean(1) for name, term in terms.items() if name != "kl"}
        report |= model.family.clamp_rates(
            rollout.posterior, rollout.prior, rollout.stoch, log_drift_max=self.log_drift_max
        )
        return report

    def weight(self, term: str) -> float:
        """The weight of a KL term: the height's own, and the fibre's for everything else."""
        return self.height_weight if term == "height" else self.fibre_weight


def sum_terms(terms: dict[str, Tensor]) -> Tensor:
    """The sum of KL terms of one shape."""
    return torch.stack(list(terms.values())).sum(0)
