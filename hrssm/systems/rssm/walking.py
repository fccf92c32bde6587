"""From settings to the tree, where training walks on it, and what evaluation scores apart."""

from __future__ import annotations

import torch
from torch import Tensor

from hrssm.environments.tree import Region, TreeMDP
from hrssm.systems.rssm.settings import Settings

__all__ = ["build_tree", "evaluation_region", "ranges", "training_region"]


def build_tree(settings: Settings, device: torch.device, dtype: torch.dtype = torch.float32) -> TreeMDP:
    """The tree with its observations."""
    data = settings.data
    return TreeMDP(
        data.branching,
        data.depth,
        shape=data.shape,
        seed=settings.data_seed,
        observation_dim=data.observation_dim,
        embedding_dim=data.embedding_dim,
        noise=data.noise,
        noise_at=data.noise_at,
        depth_code=data.depth_code,
        device=device,
        dtype=dtype,
    )


def training_region(settings: Settings, tree: TreeMDP) -> Region:
    """Where training walks: all but what is held out."""
    without = tree.held_out(settings.data.held_out) if settings.data.held_out else None
    return tree.region(settings.data.max_depth, without=without)


def evaluation_region(settings: Settings, tree: TreeMDP) -> Region:
    """Where evaluation walks: the whole tree, unless the settings confine it to some depths."""
    return tree.region(settings.evaluation.max_depth)


def ranges(settings: Settings, tree: TreeMDP) -> list[tuple[str, Tensor | None]]:
    """The nodes (N,), bool, that are scored apart: "in", and "out" where there are some that training never visited.

    None stands for all nodes.
    """
    unseen = torch.zeros(tree.num_nodes, dtype=torch.bool, device=tree.device)
    if settings.evaluation.out_of_distribution_depth is not None:
        unseen |= tree.node_depth >= settings.evaluation.out_of_distribution_depth
    if settings.data.held_out:
        unseen |= tree.held_out(settings.data.held_out)
    return [("in", ~unseen), ("out", unseen)] if bool(unseen.any()) else [("in", None)]
