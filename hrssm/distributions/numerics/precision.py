"""The precision that a law is worked out in: float64 wherever there is one."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["wide", "wide_dtype"]


def wide_dtype(device: torch.device) -> torch.dtype:
    """float64, or float32 on a device that has no float64 (Apple's MPS): it is asked for one."""
    try:
        torch.empty((), dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return torch.float32
    return torch.float64


def wide(x: Tensor) -> Tensor:
    """x in `wide_dtype` of its device."""
    return x.to(wide_dtype(x.device))
