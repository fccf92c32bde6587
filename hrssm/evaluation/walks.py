"""What the walks alone fix, before any model: their largest covariance, and what their parity tells."""

from __future__ import annotations

import math

import torch

from hrssm.environments.occupancy import depth_occupancy
from hrssm.environments.tree import TreeMDP
from hrssm.evaluation.clock import weighted_rank_correlation

__all__ = ["parity", "walk_eigenvalue"]


def walk_eigenvalue(tree: TreeMDP, law: torch.Tensor) -> float:
    """Largest eigenvalue of the covariance of all observations of a walk together (formula `obj-collapse`).

    `law` (T, N) is the occupancy of a walk that is confined to no depth and never stays put.
    """
    steps, seen, width = len(law), tree.observations, tree.observations.shape[1]
    mean = law @ seen
    ahead = [seen]
    for _ in range(1, steps):
        padded = torch.where(tree.neighbours[..., None] >= 0, ahead[-1][tree.neighbours.clamp(min=0)], 0.0)
        ahead.append(padded.sum(1) / tree.degree[:, None])
    covariance = torch.zeros((steps, width, steps, width), dtype=seen.dtype)
    for s in range(steps):
        for t in range(s, steps):
            block = (law[s][:, None] * seen).T @ ahead[t - s] - torch.outer(mean[s], mean[t])
            covariance[s, :, t], covariance[t, :, s] = block, block.T
    return float(torch.linalg.eigvalsh(covariance.reshape(steps * width, -1))[-1])


def parity(tree: TreeMDP, law: torch.Tensor) -> dict[str, float]:
    """What the parity of depth + step, constant along a walk, adds to the step (formula `tree-parity`).

    `gap` is the squared distance per coordinate between the mean observations of the two parities, averaged
    over steps; `weight` the largest KL weight at which the published loss pays for the bit; `rho` the rank
    correlation with depth of a predictor that knows step and parity and no more.
    """
    steps, branching = len(law), tree.branching
    odd = (tree.node_depth + torch.arange(steps)[:, None]) % 2 == 1
    halves = torch.stack([law * ~odd, law * odd])
    means = (halves / halves.sum(2, keepdim=True).clamp(min=1e-300)) @ tree.observations
    gap = float((means[0] - means[1]).pow(2).mean())
    joint = torch.cat([depth_occupancy(tree, half) for half in halves]) / steps
    levels = torch.arange(tree.depth + 1, dtype=torch.float64)
    expected = (joint @ levels) / joint.sum(1).clamp(min=1e-300)
    return {
        "gap": gap,
        "weight": gap * steps * (branching - 1) / (math.log(branching) * (branching + 1)),
        "rho": weighted_rank_correlation(expected, joint),
    }
