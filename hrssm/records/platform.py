"""What computed: versions of the software, and the name of the device."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import numpy as np
import torch

from hrssm import __version__
from hrssm.records.sources import TREE

__all__ = ["commit", "device_name", "versions"]


def versions() -> dict[str, str]:
    """Versions of what computes."""
    return {
        "hrssm": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def commit() -> str | None:
    """The commit of the checkout that these sources are, with "+" where they have been edited since; None where they
    are no checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(TREE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        edited = git("status", "--porcelain", "--", "hrssm")
        return git("rev-parse", "HEAD") + ("+" if edited else "")
    except (OSError, subprocess.SubprocessError):
        return None


def device_name(device: torch.device) -> str:
    """What the device calls itself."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = next((line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
