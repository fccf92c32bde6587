"""The gated recurrent unit with a member axis."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hrssm.networks.layers import Generators, uniform
from hrssm.networks.state_update import StateUpdate

__all__ = ["GRUCell", "gru_gates"]


class GRUCell(StateUpdate):
    """The gated recurrent unit of torch.nn.GRUCell with a member axis, split in its two affine maps and its gates.

    The maps give (M, N, 3 H) in the order reset, update, candidate; ``gru_gates`` joins them with the previous state
    into the next one. Initialised as torch's, U(+-1/sqrt(H)).
    """

    def __init__(self, generators: Generators, inputs: int, hidden: int) -> None:
        super().__init__(hidden)
        bound = 1 / math.sqrt(hidden)
        self.input_weight = uniform(generators, inputs, 3 * hidden, bound=bound)
        self.state_weight = uniform(generators, hidden, 3 * hidden, bound=bound)
        self.input_bias = uniform(generators, 1, 3 * hidden, bound=bound)
        self.state_bias = uniform(generators, 1, 3 * hidden, bound=bound)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        from_input = torch.baddbmm(self.input_bias, x, self.input_weight)
        return gru_gates(from_input, torch.baddbmm(self.state_bias, state, self.state_weight), state)


def gru_gates(from_input: Tensor, from_state: Tensor, h: Tensor) -> Tensor:
    """The gates of a GRU: reset r, update u, candidate n, next state n + u (h - n)."""
    reset_input, update_input, candidate_input = from_input.chunk(3, -1)
    reset_state, update_state, candidate_state = from_state.chunk(3, -1)
    reset, update = (reset_input + reset_state).sigmoid(), (update_input + update_state).sigmoid()
    candidate = torch.addcmul(candidate_input, reset, candidate_state).tanh()
    return torch.lerp(candidate, h, update)
