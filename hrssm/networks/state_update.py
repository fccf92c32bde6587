"""What a state update is: one step of a recurrent state, with a member axis."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

__all__ = ["StateUpdate"]


class StateUpdate(nn.Module, ABC):
    """One step ``state <- update(input, state)`` of a recurrent state.

    ``hidden`` (H) is the width of what others read of a state, and ``width`` (S) that of the whole state: they differ
    where an update keeps something to itself, as an LSTM its cell. A state starts at zero, (M, N, S).
    `hrssm.networks.table` names the updates.
    """

    def __init__(self, hidden: int, width: int | None = None) -> None:
        super().__init__()
        self.hidden, self.width = hidden, width or hidden

    @abstractmethod
    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """The next state (M, N, S), from the input (M, N, in) and the state (M, N, S)."""

    def visible(self, state: Tensor) -> Tensor:
        """What others read of states (..., S): (..., H)."""
        return state
