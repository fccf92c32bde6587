"""Path integration: from the depth at the start and the moves, name the depth at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hrssm.environments.tree import TreeMDP
from hrssm.systems.updates.settings import Moves

__all__ = ["Paths", "Task"]


@dataclass(frozen=True)
class Paths:
    """Sequences of moves: start (M, B), the depth before the first move; moves (M, T, B), +1 deeper and -1 shallower;
    depths (M, T, B) after each move. Depths are int64 in 0 .. L."""

    start: Tensor
    moves: Tensor
    depths: Tensor


class Task:
    """The moves of a law, as the numbers that a state update sees: ``inputs`` columns.

    The first input names the depth at the start, each further one a move.
    """

    def __init__(self, data: Moves, device: torch.device) -> None:
        self.data, self.device, self.levels = data, device, data.depth + 1
        self.inputs = 2 + self.levels
        self.tree = None
        if data.law == "tree":
            self.tree = TreeMDP(data.branching, data.depth, observation_dim=1, embedding_dim=1, device=device)

    def draw(self, length: int, batch: int, generators: Sequence[torch.Generator]) -> Paths:
        """Sequences of ``length`` moves, member m drawn from ``generators[m]``; the depth has one law at every step."""
        if self.tree is not None:
            walks = self.tree.walks(length + 1, batch, generators, start="stationary")
            depths = self.tree.node_depth[walks.nodes]
            return Paths(depths[:, 0], walks.actions[:, 1:].long(), depths[:, 1:])
        deeper = 0.5 if self.data.law == "balanced" else self.data.branching / (self.data.branching + 1)
        starts, moves = [], []
        for g in generators:
            starts.append(torch.randint(self.levels, (batch,), generator=g, device=g.device))
            draws = torch.rand((length, batch), generator=g, device=g.device)
            moves.append(torch.where(draws < deeper, 1, -1))
        start, move = torch.stack(starts).to(self.device), torch.stack(moves).to(self.device)
        return Paths(start, move, (start[:, None] + move.cumsum(1)) % self.levels)

    def opening(self, start: Tensor) -> Tensor:
        """The first input (M, B, inputs)."""
        return F.pad(F.one_hot(start, self.levels), (2, 0)).to(torch.get_default_dtype())

    def encode(self, moves: Tensor) -> Tensor:
        """Moves (...) as inputs (..., inputs)."""
        deeper = (moves > 0).long()
        return F.pad(F.one_hot(deeper, 2), (0, self.levels)).to(torch.get_default_dtype())

    def parity_accuracy(self) -> float:
        """How often the likeliest depth of the right parity is right: what the start and the step number alone tell.

        Of an even number of levels, or on the tree, a move changes the parity of the depth.
        """
        law = torch.full((self.levels,), 1 / self.levels, dtype=torch.float64)
        if self.tree is not None:
            law = torch.zeros_like(law).index_add(
                0, self.tree.node_depth.cpu(), self.tree.start_law("stationary").cpu()
            )
        elif self.levels % 2:
            return float(law.max())
        return float(law[0::2].max() + law[1::2].max())
