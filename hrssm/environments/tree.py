"""The tree environment as tensors: a complete B-ary tree, its observation table, and random walks on it.

Nodes are numbered breadth first, so the nodes within a depth form a prefix. A walk of a whole batch is one
gather per time step; there is no Python loop over walks.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from hrssm.environments import shapes

Start = Literal["uniform", "stationary", "every-depth"]
Shape = Literal["regular", "irregular", "library"]
NoiseAt = Literal["node", "visit"]
DepthCode = Literal["random", "smooth"]
Counterfactual = Literal["zeros", "depth-swapped", "depth-redrawn"]


@dataclass(frozen=True)
class Walks:
    """Random walks of M members, T steps, B walks each.

    `nodes` (M, T, B) int64; `actions` (M, T, B) in {-1, 0, +1}. The action at step t is +1 if the walk has
    just gone deeper, -1 if shallower, 0 if it stayed put or t = 0.
    """

    nodes: Tensor
    actions: Tensor


@dataclass(frozen=True)
class Region:
    """Nodes that a walk may visit, and its moves there.

    `mask` (N,) bool; `neighbours` (N, K), those within the region packed to the front, padded with -1; `degree` (N,),
    how many they are, 0 outside.
    """

    mask: Tensor
    neighbours: Tensor
    degree: Tensor


class TreeMDP:
    """A tree and what is seen at its nodes (formula `tree-count`).

    `shape`: "regular", complete of this branching and depth; "irregular", with this branching in the mean; "library",
    a hierarchy read from the running Python (`hrssm.environments.shapes`), which has a branching and depth of its own.
    `noise_at`: "node", drawn once, so that a node always looks the same; "visit", drawn anew whenever it is seen.
    `depth_code`: "random", each depth an embedding of its own; "smooth", all along one direction in the order of depth,
    so that what an unseen depth looks like can be told from the others.

    Each depth has an `embedding_dim` standard-normal embedding shared by its nodes, each node one of its own
    (zero for the root); with W of `weight_scale` times standard normals, observation = tanh(W [depth
    embedding, node embedding]) + `noise` times a standard normal. All draws are made in float64
    on the CPU from `seed`, so the table does not depend on `device` or `dtype`.

    Attributes: `parent` (N,) with -1 for the root; `node_depth` (N,); `branch` (N,), the index among the
    siblings (0 for the root); `neighbours` (N, K), the parent first, then the children, padded with -1; `degree` (N,);
    `observations` (N, D), without the noise that is drawn at a visit; `visit_noise`, the scale of that.

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
        shape: Shape = "regular",
        seed: int = 42,
        observation_dim: int = 64,
        embedding_dim: int = 16,
        weight_scale: float = 0.3,
        noise: float = 0.05,
        noise_at: NoiseAt = "node",
        depth_code: DepthCode = "random",
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
        for name, given, allowed in (
            ("shape", shape, Shape),
            ("noise_at", noise_at, NoiseAt),
            ("depth_code", depth_code, DepthCode),
        ):
            if given not in get_args(allowed):
                raise ValueError(f"{name} = {given!r}: choose one of {', '.join(map(repr, get_args(allowed)))}.")
        self.branching, self.seed = branching, seed
        self.noise, self.visit_noise = (noise, 0.0) if noise_at == "node" else (0.0, noise)
        self.device, self.dtype = torch.device(device), dtype
        self._lay_out(
            shapes.library()
            if shape == "library"
            else shapes.irregular(branching, depth, seed)
            if shape == "irregular"
            else shapes.regular(branching, depth)
        )
        self._draw(observation_dim, embedding_dim, weight_scale)
        if depth_code == "smooth":
            height = torch.linspace(-1.5, 1.5, self.depth + 1, dtype=torch.float64)
            self._depth_embedding = height[:, None] * self._depth_embedding[:1]
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
        children = (self.neighbours >= 0).sum(1).cpu() - 1
        children[0] += 1
        first = 0
        for size in self.level_sizes.tolist():
            for count, nodes in _runs(children[first : first + size].tolist()):
                rows = normal((nodes, observation_dim + count * embedding_dim))
                noise.append(rows[:, :observation_dim])
                embeddings.append(rows[:, observation_dim:].reshape(-1, embedding_dim))
            first += size
        self._node_embedding = torch.from_numpy(np.concatenate(embeddings))
        self._noise = self.noise * torch.from_numpy(np.concatenate(noise))

    def _lay_out(self, parent: Tensor) -> None:
        """Builds the index tensors of the tree in breadth-first order."""
        node_depth, branch, neighbours = shapes.breadth_first(parent)
        self.num_nodes, self.depth = len(parent), int(node_depth[-1])
        self.parent = parent.to(self.device)
        self.node_depth = node_depth.to(self.device)
        self.branch = branch.to(self.device)
        self.neighbours = neighbours.to(self.device)
        self.degree = (neighbours >= 0).sum(dim=1).to(self.device)
        self.level_sizes = torch.bincount(node_depth).to(self.device)

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

    def region(self, max_depth: int | None = None, *, without: Tensor | None = None) -> Region:
        """The nodes of depth <= `max_depth` (all of them for None), but for those of `without` (N,), bool.

        Raises ValueError where a walk has no edge to move along.
        """
        mask = torch.arange(self.num_nodes, device=self.device) < self.nodes_within(max_depth)
        if without is not None:
            mask = mask & ~without
        inside = (self.neighbours >= 0) & mask[self.neighbours.clamp(min=0)] & mask[:, None]
        order = (~inside).to(torch.int8).argsort(dim=1, stable=True)
        packed = torch.where(inside, self.neighbours, -1).gather(1, order)
        degree = inside.sum(1)
        if bool((degree[mask] == 0).any()):
            raise ValueError("a region must be connected: some of its nodes have no neighbour in it.")
        return Region(mask, packed, degree)

    def held_out(self, share: float) -> Tensor:
        """Nodes (N,), bool, in subtrees that are kept from training: whole subtrees below depth 2 (below depth 1 in a
        tree of depth 2), this share of them, drawn by the tree's seed; at least one, and never all."""
        if not 0 < share < 1:
            raise ValueError(f"share = {share}: hold out more than none and less than all, such as 0.25.")
        level = min(2, self.depth - 1)
        roots = (self.node_depth == level).nonzero()[:, 0].cpu()
        count = min(max(1, round(share * len(roots))), len(roots) - 1)
        if count < 1:
            raise ValueError(f"this tree has {len(roots)} node at depth {level}: none can be held out.")
        chosen = np.random.default_rng([self.seed, 2]).permutation(len(roots))[:count]
        out = torch.zeros(self.num_nodes, dtype=torch.bool)
        out[roots[torch.from_numpy(chosen)]] = True
        for first, size in zip(self.level_sizes.cumsum(0).tolist(), self.level_sizes.tolist()[1:], strict=False):
            nodes = torch.arange(first, first + size)
            out[nodes] |= out[self.parent[nodes].cpu()]
        return out.to(self.device)

    def start_law(self, start: Start = "uniform", region: Region | None = None) -> Tensor:
        """Probability (N,) float64 of each first node, within a region where one is given.

        "uniform": all nodes alike. "stationary": proportional to the degree, the law that the walk keeps,
        which has both parities with probability 1/2, so that the step number says nothing about the depth
        (formula `tree-walk`). "every-depth": all depths alike, then all nodes of the depth.
        """
        region = region or self.region()
        if start == "uniform":
            weight = region.mask.double()
        elif start == "stationary":
            weight = region.degree.double()
        elif start == "every-depth":
            inside = torch.bincount(self.node_depth[region.mask], minlength=self.depth + 1).double()
            weight = inside.clamp(min=1).reciprocal()[self.node_depth] * region.mask
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
        region: Region | None = None,
    ) -> Walks:
        """Random walks: a start drawn by `start`, then uniform moves over the neighbours.

        Member m is drawn from `generators[m]` alone, so it does not depend on which members are drawn beside
        it. A walk stays put with probability `lazy` at each step. With `region` the start and every move stay
        within it. With "every-depth" the walks share the depths out among them evenly, in random
        order, so that every depth is visited as soon as `batch` exceeds the depth.
        """
        if length < 1 or batch < 1 or not generators:
            raise ValueError(
                f"length = {length}, batch = {batch}, {len(generators)} generators: all must be at least 1."
            )
        check_lazy(lazy)
        region = region or self.region()
        degree = region.degree
        uniforms = torch.stack(
            [torch.rand((length + 1, batch), generator=g, device=g.device, dtype=torch.float64) for g in generators]
        ).to(self.device)
        node = self._first_nodes(uniforms[:, 0], uniforms[:, length], start, region)
        nodes = [node]
        for step in range(1, length):
            u = uniforms[:, step]
            move = ((u - lazy) / (1.0 - lazy)).clamp(min=0.0)
            # The product of a uniform just below 1 and the degree may round up to the degree itself.
            slot = torch.minimum((move * degree[node]).long(), degree[node] - 1)
            there = region.neighbours[node, slot]
            node = torch.where(u < lazy, node, there) if lazy > 0 else there
            nodes.append(node)
        visited = torch.stack(nodes, dim=1)
        actions = torch.zeros(visited.shape, device=self.device, dtype=self.dtype)
        actions[:, 1:] = self.node_depth[visited].diff(dim=1).to(self.dtype)
        return Walks(visited, actions)

    def _first_nodes(self, u: Tensor, order: Tensor, start: Start, region: Region) -> Tensor:
        """First nodes (M, B) from uniforms `u`; the uniforms `order` shuffle the depths of "every-depth"."""
        if start == "every-depth":
            inside = region.mask.nonzero()[:, 0]
            sizes = torch.bincount(self.node_depth[inside])
            level = order.argsort(dim=1) % len(sizes)
            size = sizes[level]
            first = (sizes.cumsum(0) - sizes)[level]
            return inside[first + torch.minimum((u * size).long(), size - 1)]
        cumulative = self.start_law(start, region).cumsum(0)
        # The last sum may fall short of one by rounding, and a uniform may land above it.
        last = int(region.mask.nonzero()[-1])
        return torch.searchsorted(cumulative, u.contiguous(), right=True).clamp(max=last)

    def observe(self, nodes: Tensor, generators: Sequence[torch.Generator] = ()) -> Tensor:
        """Observations (M, ..., D) of `nodes` (M, ...); where noise is drawn at a visit, member m's by
        `generators[m]`.

        Raises ValueError where they are needed and not given.
        """
        seen = self.observations[nodes]
        if not self.visit_noise:
            return seen
        if len(generators) != len(nodes):
            raise ValueError(
                f"noise is drawn at each visit: give a generator for each of {len(nodes)} members, not "
                f"{len(generators)}."
            )
        draws = [torch.randn(seen.shape[1:], generator=g, device=g.device, dtype=self.dtype) for g in generators]
        return seen + self.visit_noise * torch.stack(draws).to(self.device)

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


def _runs(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each value with how often it stands in a row."""
    for value, group in itertools.groupby(values):
        yield value, len(list(group))


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
