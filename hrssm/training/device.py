"""Which device to train on."""

from __future__ import annotations

import torch

from hrssm.training.settings import DEVICES

__all__ = ["choose_device"]


def choose_device(name: str) -> torch.device:
    """The device for "auto" (a CUDA device where there is one), "cpu", "cuda" or "mps".

    Raises ValueError where there is no such device.
    """
    if name not in DEVICES:
        raise ValueError(f"device {name!r} is unknown; give {', '.join(DEVICES[:-1])} or {DEVICES[-1]}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda was asked for, and PyTorch sees no CUDA device; use --device cpu or auto")
    if name == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device mps was asked for, and PyTorch sees no Metal device; use --device cpu or auto")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
