"""Numbers of any size as a law over bins: symlog and its inverse, and the two-hot code between neighbouring bins.

Reference: Hafner et al., Mastering diverse domains through world models (arXiv 2301.04104).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["TwoHot", "symexp", "symlog"]


def symlog(x: Tensor) -> Tensor:
    """sign(x) log(1 + |x|): the identity near 0, a logarithm far from it."""
    return x.sign() * x.abs().log1p()


def symexp(x: Tensor) -> Tensor:
    """sign(x) (exp|x| - 1), the inverse of symlog."""
    return x.sign() * x.abs().expm1()


class TwoHot:
    """A number as a law over bins that are evenly spaced in symlog space, for a head that puts out their logits.

    A number is coded by the two bins around its symlog, each the heavier the nearer it is; what lies beyond the
    outermost bins counts as the outermost.
    """

    def __init__(self, bins: int = 255, low: float = -20.0, high: float = 20.0) -> None:
        self.bins, self.low, self.high = bins, low, high
        self.width = (high - low) / (bins - 1)

    def log_prob(self, logits: Tensor, *values: Tensor) -> Tensor:
        """Cross-entropies of the values' codes with the law of logits (..., bins), negated, summed over values."""
        logs = F.log_softmax(logits, -1)
        total = torch.zeros_like(values[0])
        for value in values:
            place = ((symlog(value) - self.low) / self.width).clamp(0, self.bins - 1)
            below = place.floor().clamp(max=self.bins - 2).nan_to_num()  # what is not a number stays in the share
            pair = logs.gather(-1, torch.stack((below, below + 1), -1).long())
            total = total + torch.lerp(pair[..., 0], pair[..., 1], place - below)
        return total

    def mean(self, logits: Tensor) -> Tensor:
        """The number (...) that logits (..., bins) stand for: symexp of the mean in symlog space."""
        bins = torch.linspace(self.low, self.high, self.bins, dtype=logits.dtype, device=logits.device)
        return symexp(logits.softmax(-1) @ bins)
