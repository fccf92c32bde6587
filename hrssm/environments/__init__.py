"""Environments as tensors: the tree of the write-up, its walks and their exact occupancy."""

from hrssm.environments.occupancy import depth_occupancy, occupancy
from hrssm.environments.tree import Counterfactual, Start, TreeMDP, Walks

__all__ = ["Counterfactual", "Start", "TreeMDP", "Walks", "depth_occupancy", "occupancy"]
