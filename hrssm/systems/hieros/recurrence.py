"""What carries the world model through time: an S5 stack, or a GRU in its place.

Shapes: members M, steps T, batch B, width W. Both take inputs to features m, from which the prior is read, and to the
deterministic state h, which everything else reads; their own state is one tensor with the batch second.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from hrssm.networks.gru import GRUCell
from hrssm.networks.layers import Generators, Linear
from hrssm.networks.s5 import S5Stack
from hrssm.networks.twohot import symlog

__all__ = ["GRURecurrence", "Recurred", "Recurrence", "S5Recurrence"]


class Recurred(NamedTuple):
    """features and deter (M, T, B, W), and the state after each step (M, T, B, ...); one step without the T."""

    features: Tensor
    deter: Tensor
    state: Tensor


class Recurrence(Protocol):
    """A recurrence that can be reset within a pass."""

    def initial(self, batch: int) -> Tensor:
        """The state (M, B, ...) before an episode's first step."""
        ...

    def prepare(self) -> Any:
        """What single steps share as long as the weights do not change."""
        ...

    def observe(self, inputs: Tensor, state: Tensor, resets: Tensor) -> Recurred:
        """All steps of inputs (M, T, B, W) from the state before them; a step with resets (M, T, B) starts from the
        initial state instead."""
        ...

    def step(self, inputs: Tensor, state: Tensor, prepared: Any) -> Recurred:
        """One step of inputs (M, B, W)."""
        ...


class S5Recurrence(nn.Module):
    """An S5 stack: m is an affine map of its output, h = symlog of one of the real parts of all its layers' states.

    ``learned`` starts episodes from learned states instead of zeros.
    """

    def __init__(
        self, generators: Generators, width: int, states: int, *, depth: int, blocks: int, learned: bool
    ) -> None:
        super().__init__()
        self.stack = S5Stack(generators, width, states, depth=depth, blocks=blocks)
        self.to_features = Linear(generators, width, width)
        self.to_deter = Linear(generators, 2 * depth * states, width)
        zeros = self.stack.initial(1)
        self.start = nn.Parameter(torch.view_as_real(zeros)) if learned else None

    def initial(self, batch: int) -> Tensor:
        if self.start is None:
            return self.stack.initial(batch)
        return torch.view_as_complex(self.start).expand(-1, batch, -1, -1)

    def prepare(self) -> Any:
        return self.stack.discretise()

    def observe(self, inputs: Tensor, state: Tensor, resets: Tensor) -> Recurred:
        start = None if self.start is None else torch.view_as_complex(self.start)
        outputs, states = self.stack.observe(inputs, state, resets, start)
        features, deter = self._read(outputs.flatten(1, 2), states.flatten(1, 2))
        return Recurred(features.view(inputs.shape), deter.view(inputs.shape), states)

    def step(self, inputs: Tensor, state: Tensor, prepared: Any) -> Recurred:
        outputs, state = self.stack.step(inputs, state, prepared)
        return Recurred(*self._read(outputs, state), state)

    def _read(self, outputs: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        return self.to_features(outputs), symlog(self.to_deter(states.real.flatten(2)))


class GRURecurrence(nn.Module):
    """A GRU of the same width: h is its state, m an affine map of it."""

    def __init__(self, generators: Generators, width: int, *, learned: bool) -> None:
        super().__init__()
        self.cell = GRUCell(generators, width, width)
        self.to_features = Linear(generators, width, width)
        start = torch.zeros(len(generators), 1, width, device=generators[0].device)
        self.start = nn.Parameter(start) if learned else None
        self.register_buffer("zeros", start, persistent=False)

    def initial(self, batch: int) -> Tensor:
        start = self.get_buffer("zeros") if self.start is None else self.start
        return start.expand(-1, batch, -1)

    def prepare(self) -> Any:
        return None

    def observe(self, inputs: Tensor, state: Tensor, resets: Tensor) -> Recurred:
        start, states = self.initial(1), []
        for x, reset in zip(inputs.unbind(1), resets.unbind(1), strict=True):
            state = self.cell(x, torch.where(reset[..., None], start, state))
            states.append(state)
        deter = torch.stack(states, 1)
        return Recurred(self.to_features(deter.flatten(1, 2)).view(inputs.shape), deter, deter)

    def step(self, inputs: Tensor, state: Tensor, prepared: Any) -> Recurred:
        state = self.cell(inputs, state)
        return Recurred(self.to_features(state), state, state)
