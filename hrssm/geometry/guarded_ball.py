"""The Poincare ball with the guards of published code: each an option, and each counted where it acts.

Published models keep the ball's formulas finite by additive constants and clamps. They change the numbers: a projection
to radius 0.99 ends the world at distance 5.293 from the centre, and a distance clamped at 1 - 1e-5 never exceeds 12.21
and has no gradient there. `hrssm.geometry.ball` needs none of them; this class is for models as they were published.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["GuardedBall"]


@dataclass
class GuardedBall:
    """Functions of `hrssm.geometry.ball` under guards; the defaults are those of the published covariant world model.

    `acted` counts, per guard, the points at which it moved what it guards by more than a relative `tolerance`. An
    option of 0 (of 1 for `max_radius`) switches a guard off.
    """

    max_radius: float = 0.99
    """Points further out are scaled back to this Euclidean radius."""
    denominator: float = 1e-5
    """Added to the denominator of a Mobius sum."""
    distance_margin: float = 1e-5
    """The hyperbolic tangent of half a distance is clamped to [margin, 1 - margin]."""
    metric: float = 1e-6
    """Added to 1 - |z|^2 and to lambda^2 where they divide, and the margin of |z|^2 below 1."""
    length: float = 1e-8
    """The least length that a vector is divided by."""
    tolerance: float = 1e-3
    """What counts as moved, relative to the result."""
    _counts: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def project(self, z: Tensor) -> Tensor:
        """z, scaled back to `max_radius` where it is further out."""
        size = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
        outside = size > self.max_radius
        self._count("max_radius", outside)
        return torch.where(outside, z * (self.max_radius / size.clamp_min(self.length)), z)

    def conformal_factor(self, z: Tensor) -> Tensor:
        """2 / (1 - min(|z|^2, 1 - metric) + metric), (..., 1)."""
        square = z.square().sum(-1, keepdim=True)
        guarded = 1 - square.clamp_max(1 - self.metric) + self.metric
        self._count("metric", (guarded - (1 - square)).abs() > self.tolerance * (1 - square).abs())
        return 2 / guarded

    def inverse_metric(self, z: Tensor) -> Tensor:
        """1 / (lambda^2 + metric), (..., 1)."""
        return 1 / (self.conformal_factor(z).square() + self.metric)

    def mobius_add(self, x: Tensor, y: Tensor) -> Tensor:
        """The Mobius sum with the guarded denominator."""
        dot = (x * y).sum(-1, keepdim=True)
        xx, yy = x.square().sum(-1, keepdim=True), y.square().sum(-1, keepdim=True)
        below = 1 + 2 * dot + xx * yy
        self._count("denominator", self.denominator > self.tolerance * below)
        return ((1 + 2 * dot + yy) * x + (1 - xx) * y) / (below + self.denominator)

    def distance(self, z: Tensor, w: Tensor) -> Tensor:
        """2 artanh of the clamped length of the Mobius difference, (...)."""
        size = torch.linalg.vector_norm(self.mobius_add(-z, w), dim=-1)
        clamped = size.clamp(self.distance_margin, 1 - self.distance_margin)
        self._count("distance_margin", clamped != size)
        return 2 * torch.atanh(clamped)

    def exp(self, z: Tensor, v: Tensor) -> Tensor:
        """The exponential map at z."""
        size = torch.linalg.vector_norm(v, dim=-1, keepdim=True).clamp_min(self.length)
        return self.mobius_add(z, torch.tanh(self.conformal_factor(z) * size / 2) * v / size)

    def exp_origin(self, v: Tensor) -> Tensor:
        """The exponential map at the centre, tanh|v| v / |v|."""
        size = torch.linalg.vector_norm(v, dim=-1, keepdim=True).clamp_min(self.length)
        return torch.tanh(size) * v / size

    def log_origin(self, w: Tensor) -> Tensor:
        """The logarithm map at the centre, with the length clamped as a distance's."""
        size = torch.linalg.vector_norm(w, dim=-1, keepdim=True)
        clamped = size.clamp(self.distance_margin, 1 - self.distance_margin)
        self._count("distance_margin", clamped != size)
        return torch.atanh(clamped) * w / size.clamp_min(self.length)

    def log(self, z: Tensor, w: Tensor) -> Tensor:
        """The logarithm map at z."""
        return 2 / self.conformal_factor(z) * self.log_origin(self.mobius_add(-z, w))

    def christoffel(self, z: Tensor, v: Tensor) -> Tensor:
        """Gamma^k_ij v^i v^j with the guarded conformal factor."""
        dot, square = (z * v).sum(-1, keepdim=True), v.square().sum(-1, keepdim=True)
        return self.conformal_factor(z) * (2 * dot * v - square * z)

    def scalar_transport(self, w: Tensor, v: Tensor) -> Tensor:
        """What stands in for parallel transport of v from the centre to w, at half its scale: v / lambda(w)."""
        return v / self.conformal_factor(w)

    @property
    def acted(self) -> dict[str, int]:
        """How many points each guard has moved so far."""
        return {guard: int(count) for guard, count in self._counts.items()}

    def _count(self, guard: str, where: Tensor) -> None:
        # Summed as tensors: reading a number would make a device wait.
        before = self._counts.get(guard)
        self._counts[guard] = where.sum() if before is None else before + where.sum()
