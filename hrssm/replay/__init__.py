"""Replay for agents: a ring on disk, and the laws by which windows of it are drawn.

Usable alone: it needs NumPy and PyTorch, and knows no agent.

    from hrssm.replay import Field, ReplayBuffer, TimeBalanced

    ring = ReplayBuffer({"frame": Field((64, 64, 3), torch.uint8), "reward": Field()}, capacity=100_000,
                        directory=Path("runs/ring"), law=TimeBalanced(0.3))
    ring.add(frame=frame[None], reward=[0.0])        # one row per environment
    batch = ring.sample(16, 64)                      # {"frame": (16, 64, 64, 64, 3), "reward": (16, 64)}
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrssm.replay.buffer import Field, ReplayBuffer
    from hrssm.replay.samplers import Beta, Law, Printed, Shipped, TimeBalanced, Uniform

_HOME = {"Field": "buffer", "ReplayBuffer": "buffer"} | dict.fromkeys(
    ("Beta", "Law", "Printed", "Shipped", "TimeBalanced", "Uniform"), "samplers"
)

__all__ = ["Beta", "Field", "Law", "Printed", "ReplayBuffer", "Shipped", "TimeBalanced", "Uniform"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"hrssm.replay.{_HOME[name]}"), name)
    raise AttributeError(f"module 'hrssm.replay' has no attribute {name!r}")
