"""What the training loop asks of a system: the contract that lets it train any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from hrssm.records.record import Row

__all__ = ["Learner", "one_member"]


class Learner(Protocol):
    """An ensemble in training: everything that changes from step to step, a member per seed.

    alive (members,): bool, which members have had a finite loss and gradient at every step so far; one that has not is
    out from then on and must not touch the others.
    parameters: how many numbers one member trains.
    A learner may also have ``facts``, what the manifest is to say of its data (hashes, counts), as JSON can write it.
    """

    @property
    def alive(self) -> Tensor: ...

    @property
    def parameters(self) -> int: ...

    def step(self, number: int) -> dict[str, Tensor]:
        """Take one step, after ``number`` before it; what it saw by name, each (members,), detached."""
        ...

    def measure(self, number: int) -> Sequence[Row]:
        """What the system itself records after ``number`` steps, living members only; () where nothing is due."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as tensors, numbers, strings, lists and dictionaries of them.

        Under "model" stand the weights, tensors with the member axis first, from which `one_member` takes one.
        """
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state that ``state_dict`` gave."""
        ...


def one_member(state: dict[str, Any], member: int) -> dict[str, Tensor]:
    """The weights of one member of a learner's state, as those of an ensemble of one."""
    return {name: tensor[member : member + 1].contiguous() for name, tensor in state["model"].items()}
