"""The tree environment as tensors: a complete B-ary tree, its observation table, and random walks on it.

Nodes are numbered breadth first, so the nodes within a depth form a prefix. A walk of a whole batch is one
gather per time step; there is no Python loop over walks.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

Start = Literal["uniform", "stationary", "every-depth"]
Counterfactual = Literal["zeros", "depth-swapped", "depth-redrawn"]


@dataclass(frozen=True)
class Walks:
    """Random walks of M members, T steps, B walks each.

    `nodes` (M, T, B) int64; `actions` (M, T, B) in {-1, 0, +1}. The action at step t is +1 if the walk has
    just gone deeper, -1 if shallower, 0 if it stayed put or t = 0.
    """

    nodes: Tensor
    actions: Tensor


class TreeMDP:
    """A complete tree of given branching and depth, one fixed observation per node (formula `tree-count`).

    Each depth has an `embedding_dim` standard-normal embedding shared by its nodes, each node one of its own
    (zero for the root); with W of `weight_scale` times standard normals, observation = tanh(W [depth
    embedding, node embedding]) + `noise` times a standard normal, drawn once. All draws are made in float64
    on the CPU from `seed`, so the table does not depend on `device` or `dtype`.

    Attributes: `parent` (N,) with -1 for the root; `node_depth` (N,); `branch` (N,), the index among the
    siblings (0 for the root); `neighbours` (N, B + 1), the parent first, then the children, padded with -1;
    `degree` (N,); `observations` (N, D).

    >>> tree = TreeMDP(branching=4, depth=5)
    >>> tree.num_nodes, tuple(tree.observations.shape)
    (1365, (1365, 64))
    >>> walks = tree.walks(10, 32, [torch.Generator().manual_seed(0)])
    >>> tuple(walks.nodes.shape)
    (1, 10, 32)
    """

    def __init__(
        self,
        branching: int = 4,
        depth: int = 5,
        *,
        seed: int = 42,
        observation_dim: int = 64,
        embedding_dim: int = 16,
        weight_scale: float = 0.3,
        noise: float = 0.05,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        for name, value in {"branching": branching, "depth": depth}.items():
            if value < 1:
                raise ValueError(f"{name} = {value}: a tree needs {name} >= 1, for instance {name}=4.")
        for name, value in {"observation_dim": observation_dim, "embedding_dim": embedding_dim}.items():
            if value < 1:
                raise ValueError(f"{name} = {value}: use a positive number of dimensions, for instance 16.")
        for name, scale in {"weight_scale": weight_scale, "noise": noise}.items():
            if not scale >= 0:
                raise ValueError(f"{name} = {scale}: use a scale >= 0.")
        self.branching, self.depth, self.seed, self.noise = branching, depth, seed, noise
        self.device, self.dtype = torch.device(device), dtype
        self._lay_out()
        self._draw(observation_dim, embedding_dim, weight_scale)
        self.observations = self._table(self._depth_embedding)

    def _draw(self, observation_dim: int, embedding_dim: int, weight_scale: float) -> None:
        """Draws embeddings, W and noise in the write-up's order, so that a seed names the write-up's own tree.

        The order: depth embeddings; W; then node by node, breadth first, its noise and its children's embeddings.
        """
        # The legacy generator is the one whose stream numpy keeps frozen, and the one that the write-up drew from.
        normal = np.random.RandomState(self.seed).standard_normal
        self._depth_embedding = torch.from_numpy(normal((self.depth + 1, embedding_dim)))
        self._weight = weight_scale * torch.from_numpy(normal((observation_dim, 2 * embedding_dim)))
        noise, embeddings = [], [np.zeros((1, embedding_dim))]
        for level in range(self.depth + 1):
            children = self.branching if level < self.depth else 0
            rows = normal((self.branching**level, observation_dim + children * embedding_dim))
            noise.append(rows[:, :observation_dim])
            embeddings.append(rows[:, observation_dim:].reshape(-1, embedding_dim))
        self._node_embedding = torch.from_numpy(np.concatenate(embeddings))
        self._noise = self.noise * torch.from_numpy(np.concatenate(noise))

    def _lay_out(self) -> None:
        """Builds the index tensors of the tree in breadth-first order."""
        b, levels = self.branching, torch.arange(self.depth + 1)
        sizes = b**levels
        self.num_nodes = int(sizes.sum())
        node = torch.arange(self.num_nodes)
        parent = torch.where(node > 0, (node - 1).div(b, rounding_mode="floor"), -1)
        node_depth = torch.repeat_interleave(levels, sizes)
        children = b * node[:, None] + 1 + torch.arange(b)
        children = torch.where(node_depth[:, None] < self.depth, children, -1)
        neighbours = torch.cat([parent[:, None], children], dim=1)
        # The root has no parent: its children move up to the front, so that the first `degree` slots are the
        # neighbours.
        neighbours[0] = neighbours[0].roll(-1)
        self.parent = parent.to(self.device)
        self.node_depth = node_depth.to(self.device)
        self.branch = torch.where(node > 0, (node - 1) % b, 0).to(self.device)
        self.neighbours = neighbours.to(self.device)
        self.degree = (neighbours >= 0).sum(dim=1).to(self.device)

    def _table(self, depth_embedding: Tensor) -> Tensor:
        features = torch.cat([depth_embedding[self.node_depth.cpu()], self._node_embedding], dim=1)
        table = torch.tanh(features @ self._weight.T) + self._noise
        return table.to(device=self.device, dtype=self.dtype)

    def nodes_within(self, max_depth: int | None = None) -> int:
        """Number of nodes of depth <= `max_depth` (all of them for None); they are the first ones.

        Raises ValueError if `max_depth` is not in 1..depth: a walk needs an edge to move along.
        """
        if max_depth is None:
            return self.num_nodes
        if not 1 <= max_depth <= self.depth:
            raise ValueError(
                f"max_depth = {max_depth}: walks on this tree can be confined to a depth in 1..{self.depth}; "
                "give None for no restriction."
            )
        return sum(self.branching**level for level in range(max_depth + 1))

    def degree_within(self, max_depth: int | None = None) -> Tensor:
        """Degrees (N,) in the tree cut below `max_depth`: 1 at that depth, 0 for the nodes cut off."""
        self.nodes_within(max_depth)
        if max_depth is None:
            return self.degree
        cut = torch.where(self.node_depth == max_depth, 1, self.degree)
        return torch.where(self.node_depth > max_depth, 0, cut)

    def start_law(self, start: Start = "uniform", max_depth: int | None = None) -> Tensor:
        """Probability (N,) float64 of each first node.

        "uniform": all nodes alike. "stationary": proportional to the degree, the law that the walk keeps,
        which has both parities with probability 1/2, so that the step number says nothing about the depth
        (formula `tree-walk`). "every-depth": all depths alike, then all nodes of the depth.
        """
        allowed = self.nodes_within(max_depth)
        if start == "uniform":
            weight = (torch.arange(self.num_nodes, device=self.device) < allowed).double()
        elif start == "stationary":
            weight = self.degree_within(max_depth).double()
        elif start == "every-depth":
            top = self.depth if max_depth is None else max_depth
            weight = (self.branching ** self.node_depth.double()).reciprocal() * (self.node_depth <= top)
        else:
            raise ValueError(f"start = {start!r}: choose one of {', '.join(map(repr, get_args(Start)))}.")
        return weight / weight.sum()

    def walks(
        self,
        length: int,
        batch: int,
        generators: Sequence[torch.Generator],
        *,
        start: Start = "uniform",
        lazy: float = 0.0,
        max_depth: int | None = None,
    ) -> Walks:
        """Random walks: a start drawn by `start`, then uniform moves over the neighbours.

        Member m is drawn from `generators[m]` alone, so it does not depend on which members are drawn beside
        it. A walk stays put with probability `lazy` at each step. With `max_depth` the start and every move
        stay within that depth. With "every-depth" the walks share the depths out among them evenly, in random
        order, so that every depth is visited as soon as `batch` exceeds the depth.
        """
        if length < 1 or batch < 1 or not generators:
            raise ValueError(
                f"length = {length}, batch = {batch}, {len(generators)} generators: all must be at least 1."
            )
        check_lazy(lazy)
        degree = self.degree_within(max_depth)
        uniforms = torch.stack(
            [torch.rand((length + 1, batch), generator=g, device=g.device, dtype=torch.float64) for g in generators]
        ).to(self.device)
        node = self._first_nodes(uniforms[:, 0], uniforms[:, length], start, max_depth)
        nodes = [node]
        for step in range(1, length):
            u = uniforms[:, step]
            move = ((u - lazy) / (1.0 - lazy)).clamp(min=0.0)
            # The product of a uniform just below 1 and the degree may round up to the degree itself.
            slot = torch.minimum((move * degree[node]).long(), degree[node] - 1)
            there = self.neighbours[node, slot]
            node = torch.where(u < lazy, node, there) if lazy > 0 else there
            nodes.append(node)
        visited = torch.stack(nodes, dim=1)
        actions = torch.zeros(visited.shape, device=self.device, dtype=self.dtype)
        actions[:, 1:] = self.node_depth[visited].diff(dim=1).to(self.dtype)
        return Walks(visited, actions)

    def _first_nodes(self, u: Tensor, order: Tensor, start: Start, max_depth: int | None) -> Tensor:
        """First nodes (M, B) from uniforms `u`; the uniforms `order` shuffle the depths of "every-depth"."""
        if start == "every-depth":
            levels = (self.depth if max_depth is None else max_depth) + 1
            level = order.argsort(dim=1) % levels
            size = self.branching**level
            first = (size - 1) // (self.branching - 1) if self.branching > 1 else level
            return first + torch.minimum((u * size).long(), size - 1)
        cumulative = self.start_law(start, max_depth).cumsum(0)
        # The last sum may fall short of one by rounding, and a uniform may land above it.
        return torch.searchsorted(cumulative, u.contiguous(), right=True).clamp(max=self.nodes_within(max_depth) - 1)

    def observe(self, nodes: Tensor) -> Tensor:
        """Observations (..., D) of `nodes` (...)."""
        return self.observations[nodes]

    def counterfactual(self, kind: Counterfactual, generator: torch.Generator | None = None) -> TreeMDP:
        """The same tree, and so the same walks, with other observations.

        "zeros": nothing is seen. "depth-swapped": the depth embeddings change places, none keeps its own.
        "depth-redrawn": new depth embeddings. Node embeddings, W and noise stay. The last two draw from
        `generator`, which must live on the CPU.
        """
        if kind not in get_args(Counterfactual):
            allowed = ", ".join(map(repr, get_args(Counterfactual)))
            raise ValueError(
                f"kind = {kind!r}: choose one of {allowed}; for another walk's observations, re-pair walks."
            )
        other = copy.copy(self)
        if kind == "zeros":
            other.observations = torch.zeros_like(self.observations)
            return other
        if generator is None:
            raise ValueError(f"kind = {kind!r} draws at random: give a torch.Generator.")
        if kind == "depth-swapped":
            other._depth_embedding = self._depth_embedding[_derangement(self.depth + 1, generator)]
        else:
            shape = self._depth_embedding.shape
            other._depth_embedding = torch.randn(shape, generator=generator, dtype=torch.float64)
        other.observations = other._table(other._depth_embedding)
        return other


def check_lazy(lazy: float) -> None:
    """Raises ValueError unless 0 <= lazy < 1."""
    if not 0.0 <= lazy < 1.0:
        raise ValueError(f"lazy = {lazy}: the probability of staying put must be in [0, 1).")


def _derangement(size: int, generator: torch.Generator) -> Tensor:
    """A uniformly random permutation without a fixed point, by rejection (about e tries on average)."""
    identity = torch.arange(size)
    while True:
        order = torch.randperm(size, generator=generator)
        if not (order == identity).any():
            return order
