"""The increasing map between two laws on the line, to rounding error in both tails: what quantiles are tabulated by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

__all__ = ["LineLaw"]

_PANELS = 64
_POINTS, _WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(12))


class LineLaw:
    """Laws (S) on windows from low to high, about a mode, by their log-densities: log_density takes (S, n) to (S, n).

    Masses are sums of positive terms, a Gauss-Legendre rule on each of 32 panels either side of the mode, so both tails
    have full relative accuracy. The *score* of a point is log(mass below / mass above).
    """

    def __init__(self, log_density: Callable[[Tensor], Tensor], low: Tensor, mode: Tensor, high: Tensor) -> None:
        self.log_density = log_density
        share = torch.linspace(0, 1, _PANELS // 2 + 1, dtype=low.dtype)
        left = low.unsqueeze(-1) + (mode - low).unsqueeze(-1) * share
        self.edges = torch.cat((left, mode.unsqueeze(-1) + (high - mode).unsqueeze(-1) * share[1:]), -1)
        mass = self._integral(self.edges[:, :-1], self.edges.diff())
        nothing = torch.zeros_like(mass[:, :1])
        self.below = torch.cat((nothing, mass.cumsum(-1)), -1)
        self.above = torch.cat((mass.flip(-1).cumsum(-1).flip(-1), nothing), -1)

    def score(self, x: Tensor) -> Tensor:
        """log(mass below x / mass above x), (S, n)."""
        below, above = self._masses(x)
        return torch.log(below) - torch.log(above)

    def quantile(self, score: Tensor, power: float = 1.0) -> Tensor:
        """The points with these scores, (S, n) for score (S, n) or (n).

        Newton's method on the score, which is nearly straight within a panel; in the lowest panel the search starts
        from a distribution function that goes as this power of the distance from `low`.
        """
        score = score.expand(len(self.edges), -1).contiguous()
        edge_score = torch.log(self.below) - torch.log(self.above)
        right = torch.searchsorted(edge_score, score).clamp(1, _PANELS)
        low, high = (edge_score.gather(-1, k) for k in (right - 1, right))
        left, end = (self.edges.gather(-1, k) for k in (right - 1, right))
        chord = ((score - low) / (high - low)).nan_to_num(0.5)
        rise = torch.where(torch.isinf(low), torch.exp((score - high).clamp_max(0) / power), chord)
        x = left + rise * (end - left)
        for _ in range(4):
            below, above = self._masses(x)
            slope = torch.exp(self.log_density(x)) * (1 / below + 1 / above)
            step = (torch.log(below) - torch.log(above) - score) / slope
            x = torch.minimum(torch.maximum(x - step, left + (x - left) / 8), end)
        return x

    def _masses(self, x: Tensor) -> tuple[Tensor, Tensor]:
        panel = torch.searchsorted(self.edges, x).clamp(1, _PANELS) - 1
        edge = self.edges.gather(-1, panel)
        part = self._integral(edge, x - edge)
        return self.below.gather(-1, panel) + part, self.above.gather(-1, panel) - part

    def _integral(self, start: Tensor, length: Tensor) -> Tensor:
        """The mass of [start, start + length], (S, n)."""
        points = start.unsqueeze(-1) + length.unsqueeze(-1) * ((_POINTS + 1) / 2)
        density = torch.exp(self.log_density(points.flatten(1))).unflatten(1, points.shape[1:])
        return density @ (_WEIGHTS / 2) * length
