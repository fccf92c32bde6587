"""The state updates by name: what can be known of each before its module is imported, and how to build it.

Settings are checked against this table without PyTorch, and a run's sources hold the module of its own update alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hrssm.networks.layers import Generators
    from hrssm.networks.state_update import StateUpdate

__all__ = ["UPDATES", "Entry", "check", "state_update"]


@dataclass(frozen=True)
class Entry:
    """One update: where its class is, the options that make it this one, and what it is called in print."""

    module: str
    cls: str
    label: str
    options: Mapping[str, str] = field(default_factory=dict)


_UPDATES = "hrssm.networks.updates"


def _gated(gate: str, candidate: str) -> Entry:
    return Entry(_UPDATES, "Gated", f"{gate} gate, {candidate} candidate", {"gate": gate, "candidate": candidate})


UPDATES: dict[str, Entry] = {
    "gru": Entry("hrssm.networks.gru", "GRUCell", "GRU"),
    "lstm": Entry(_UPDATES, "LSTMCell", "LSTM"),
    "residual": Entry(_UPDATES, "Residual", "residual"),
    "residual-layernorm": Entry(_UPDATES, "ResidualLayerNorm", "residual, LayerNorm in the branch"),
    "direct": Entry(_UPDATES, "Direct", "direct"),
    "direct-bounded": Entry(_UPDATES, "DirectBounded", "direct, tanh output"),
    "gated": _gated("elementwise", "tanh"),
    "gated-free": _gated("elementwise", "free"),
    "gated-unit": _gated("elementwise", "unit"),
    "gated-scalar": _gated("scalar", "tanh"),
    "gated-scalar-free": _gated("scalar", "free"),
    "gated-scalar-unit": _gated("scalar", "unit"),
    "unit-norm": Entry(_UPDATES, "UnitNorm", "residual, projected to norm 1"),
}


def check(name: str) -> Entry:
    """The entry of an update; raises ValueError naming those that are known."""
    if name not in UPDATES:
        raise ValueError(f"state update {name!r} is unknown; known updates: {', '.join(sorted(UPDATES))}")
    return UPDATES[name]


def state_update(name: str, generators: Generators, inputs: int, hidden: int) -> StateUpdate:
    """An update with a member per generator, which draws its weights; raises ValueError for an unknown name.

    >>> import torch
    >>> update = state_update("gated", [torch.Generator().manual_seed(0)], inputs=3, hidden=4)
    >>> update(torch.ones(1, 2, 3), torch.zeros(1, 2, update.width)).shape
    torch.Size([1, 2, 4])
    """
    entry = check(name)
    return getattr(import_module(entry.module), entry.cls)(generators, inputs, hidden, **entry.options)
