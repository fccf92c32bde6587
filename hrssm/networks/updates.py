"""State updates beside the GRU: residual, direct, gated, unit-norm, and the LSTM cell.

Each takes an input x (M, N, in) and a state h (M, N, S) to the next state. ``branch`` is a network of one hidden layer
of (x, h). What the norm of a state can do under each is in `hrssm.networks.bounds`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from hrssm.networks.layers import MLP, Generators, LayerNorm, Linear, uniform
from hrssm.networks.state_update import StateUpdate

__all__ = ["CANDIDATES", "Direct", "DirectBounded", "Gated", "LSTMCell", "Residual", "ResidualLayerNorm", "UnitNorm"]


def unit(x: Tensor) -> Tensor:
    """x / max(|x|, 1e-12) over the last axis: of norm 1, and 0 at 0."""
    return F.normalize(x, dim=-1, eps=1e-12)


class _Branched(StateUpdate):
    """An update that rests on a network of (x, h)."""

    def __init__(self, generators: Generators, inputs: int, hidden: int) -> None:
        super().__init__(hidden)
        self.branch = MLP(generators, inputs + hidden, hidden, hidden)

    def branched(self, x: Tensor, h: Tensor) -> Tensor:
        return self.branch(torch.cat((x, h), -1))


class Residual(_Branched):
    """h' = h + branch(x, h)."""

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return state + self.branched(x, state)


class ResidualLayerNorm(_Branched):
    """h' = h + branch(x, LayerNorm(h)): the branch sees the direction of h alone, and its output is bounded."""

    def __init__(self, generators: Generators, inputs: int, hidden: int) -> None:
        super().__init__(generators, inputs, hidden)
        self.norm = LayerNorm(generators, hidden)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return state + self.branched(x, self.norm(state))


class Direct(_Branched):
    """h' = branch(x, h), with nothing that holds its output."""

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.branched(x, state)


class DirectBounded(_Branched):
    """h' = tanh(branch(x, h)), in (-1, 1) per coordinate."""

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.branched(x, state).tanh()


class UnitNorm(_Branched):
    """h' = unit(h + branch(x, h)): on the unit sphere from the first step on."""

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return unit(state + self.branched(x, state))


CANDIDATES: dict[str, Callable[[Tensor], Tensor]] = {"free": lambda c: c, "tanh": torch.tanh, "unit": unit}


class Gated(_Branched):
    """h' = (1 - a) h + a c, with a gate a = sigmoid(affine(x, h)) and a candidate c made of branch(x, h).

    gate: "scalar", one a for a whole state, or "elementwise", one per coordinate. candidate: a key of ``CANDIDATES``.
    """

    def __init__(self, generators: Generators, inputs: int, hidden: int, *, gate: str, candidate: str) -> None:
        super().__init__(generators, inputs, hidden)
        self.gate = Linear(generators, inputs + hidden, {"scalar": 1, "elementwise": hidden}[gate])
        self.candidate = CANDIDATES[candidate]

    def parts(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The gate (M, N, 1 or H) and the candidate (M, N, H)."""
        joint = torch.cat((x, state), -1)
        return self.gate(joint).sigmoid(), self.candidate(self.branch(joint))

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        gate, candidate = self.parts(x, state)
        return torch.lerp(state, candidate, gate)


class LSTMCell(StateUpdate):
    """torch.nn.LSTMCell with a member axis; a state holds the output h and the cell c side by side, S = 2 H.

    c' = f c + i tanh(g), h' = o tanh(c'), with gates i, f, o in (0, 1). Initialised as torch's, U(+-1/sqrt(H)).
    """

    def __init__(self, generators: Generators, inputs: int, hidden: int) -> None:
        super().__init__(hidden, 2 * hidden)
        bound = 1 / math.sqrt(hidden)
        self.input_weight = uniform(generators, inputs, 4 * hidden, bound=bound)
        self.state_weight = uniform(generators, hidden, 4 * hidden, bound=bound)
        self.input_bias = uniform(generators, 1, 4 * hidden, bound=bound)
        self.state_bias = uniform(generators, 1, 4 * hidden, bound=bound)

    def visible(self, state: Tensor) -> Tensor:
        return state[..., : self.hidden]

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        h, c = state.chunk(2, -1)
        from_input = torch.baddbmm(self.input_bias, x, self.input_weight)
        gates = from_input + torch.baddbmm(self.state_bias, h, self.state_weight)
        enter, forget, candidate, leave = gates.chunk(4, -1)
        c = forget.sigmoid() * c + enter.sigmoid() * candidate.tanh()
        return torch.cat((leave.sigmoid() * c.tanh(), c), -1)
