"""Where the walk is at step t: the exact law on nodes, by recursion in float64 (formula `tree-walk`)."""

from __future__ import annotations

import torch
from torch import Tensor

from hrssm.environments.tree import Region, Start, TreeMDP, check_lazy


def occupancy(
    mdp: TreeMDP, length: int, *, start: Start = "uniform", lazy: float = 0.0, region: Region | None = None
) -> Tensor:
    """P(node at step t), shape (T, N), float64; each row sums to one. Arguments as in `TreeMDP.walks`.

    >>> law = occupancy(TreeMDP(4, 5), 2)
    >>> torch.allclose(law.sum(dim=1), torch.ones(2, dtype=torch.float64))
    True
    """
    if length < 1:
        raise ValueError(f"length = {length}: a walk has at least one step.")
    check_lazy(lazy)
    region = region or mdp.region()
    degree, present = region.degree, region.neighbours >= 0
    law = mdp.start_law(start, region)
    laws = [law]
    for _ in range(1, length):
        outflow = torch.where(degree > 0, law / degree.clamp(min=1), 0.0)
        inflow = torch.where(present, outflow[region.neighbours.clamp(min=0)], 0.0).sum(dim=1)
        law = lazy * law + (1.0 - lazy) * inflow
        laws.append(law)
    return torch.stack(laws)


def depth_occupancy(mdp: TreeMDP, law: Tensor) -> Tensor:
    """P(depth at step t), shape (T, L + 1), float64, from P(node at step t), shape (T, N)."""
    depths = torch.zeros((law.shape[0], mdp.depth + 1), dtype=torch.float64, device=law.device)
    return depths.index_add_(1, mdp.node_depth, law)
