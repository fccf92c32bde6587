"""A state update that integrates moves, and a readout of the depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hrssm.networks.layers import Generators, Linear
from hrssm.networks.table import state_update

__all__ = ["Integrator"]


class Integrator(nn.Module):
    """The update named, from inputs (M, N, in), and an affine readout of what is visible of its state.

    ``generators`` holds one generator per member, which draws its initial weights.
    """

    def __init__(self, update: str, generators: Generators, inputs: int, hidden: int, levels: int) -> None:
        super().__init__()
        self.cell = state_update(update, generators, inputs, hidden)
        self.readout = Linear(generators, hidden, levels)

    def begin(self, opening: Tensor) -> Tensor:
        """The state (M, N, S) after the first input (M, N, in)."""
        return self.cell(opening, opening.new_zeros(*opening.shape[:2], self.cell.width))

    def read(self, states: Tensor) -> Tensor:
        """Logits (M, T, N, levels) of states (M, T, N, S)."""
        members, steps, rows, _ = states.shape
        visible = self.cell.visible(states).reshape(members, steps * rows, self.cell.hidden)
        return self.readout(visible).view(members, steps, rows, -1)

    def forward(self, opening: Tensor, inputs: Tensor) -> Tensor:
        """Logits (M, T, N, levels) after each of the inputs (M, T, N, in)."""
        state, states = self.begin(opening), []
        for x in inputs.unbind(1):
            state = self.cell(x, state)
            states.append(state)
        return self.read(torch.stack(states, 1))
