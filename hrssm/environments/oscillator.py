"""An exact flow on the Poincare ball: an oscillator, Phi = (omega^2 / 2) tanh(d)^2 at distance d from the centre.

Its motion is known in closed form, free motion (omega = 0) and escape included. In the spatial coordinates of the
hyperboloid, xi = 2 z / (1 - |z|^2), every orbit is plain harmonic motion with a frequency that its energy E sets
(`dyn-oscillator`):

    xi(t) = xi cos(nu t) + xi' sin(nu t) / nu,    nu^2 = omega^2 - 2 E,

an ellipse about the centre where 2 E < omega^2. P. W. Higgs, Dynamical symmetries in a spherical geometry I, Journal of
Physics A 12 (1979) 309-323, has it on the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hrssm.geometry import ball

__all__ = ["BallOscillator", "Paths"]


class Paths(NamedTuple):
    """Frames of paths: positions and momenta (N, T, D) and actions (N, T, D).

    The action of frame t acts at t, before the flow to t + 1: an impulse, given at the centre and transported to z.
    """

    z: Tensor
    p: Tensor
    actions: Tensor


@dataclass(frozen=True)
class BallOscillator:
    """The potential, its force, and the flow."""

    dimension: int = 3
    frequency: float = 2.0

    def __post_init__(self) -> None:
        if self.dimension < 1:
            raise ValueError(f"dimension = {self.dimension}: a ball needs at least 1.")
        if not self.frequency >= 0:
            raise ValueError(f"frequency = {self.frequency}: give a number that is 0 or above.")

    def potential(self, z: Tensor) -> Tensor:
        """Phi (...), bounded by omega^2 / 2."""
        square = z.square().sum(-1)
        return 2 * self.frequency**2 * square / (1 + square).square()

    def force(self, z: Tensor) -> Tensor:
        """-dPhi (..., D)."""
        square = z.square().sum(-1, keepdim=True)
        return -4 * self.frequency**2 * (1 - square) / (1 + square) ** 3 * z

    def flow(self, z: Tensor, p: Tensor, time: float | Tensor) -> tuple[Tensor, Tensor]:
        """Position and momentum after a time (a number, or (..., 1)), exactly  (`dyn-oscillator`)."""
        gap = ball.gap(z)
        across, speed = 2 * z / gap, gap / 2 * p + (z * p).sum(-1, keepdim=True) * z
        up = (2 - gap) / gap  # the time-like coordinate, sqrt(1 + |xi|^2)
        # omega^2 - 2 E, by which omega^2 tanh(d)^2 cancels
        square = (self.frequency / up).square() - (p * p).sum(-1, keepdim=True) * gap.square() / 4
        cosine, sine = _waves(square, torch.as_tensor(time, dtype=z.dtype, device=z.device))
        across, speed = across * cosine + speed * sine, speed * cosine - square * across * sine
        up = torch.sqrt(1 + across.square().sum(-1, keepdim=True))
        return across / (1 + up), (1 + up) * speed - (across * speed).sum(-1, keepdim=True) / up * across

    def paths(
        self,
        number: int,
        frames: int,
        generator: torch.Generator,
        *,
        interval: float = 0.25,
        radius: float = 1.0,
        impulse: float = 0.2,
        dtype: torch.dtype = torch.float64,
    ) -> Paths:
        """Random paths: starts at distances up to `radius` from the centre, with speeds that keep the orbit bounded.

        Frames are `interval` apart; at each, an impulse with components of standard deviation `impulse` in the
        orthonormal frame acts, unless it would bring 2 E above 0.9 omega^2: then it is 0. Raises ValueError for fewer
        than one path or two frames, or a potential that holds nothing (frequency 0).
        """
        if number < 1 or frames < 2:
            raise ValueError(f"number = {number}, frames = {frames}: give at least 1 path of at least 2 frames.")
        if self.frequency == 0:
            raise ValueError("frequency = 0: no orbit is bounded; give a frequency above 0, or use flow itself.")

        def normal(*shape: int) -> Tensor:
            size = (number, *shape, self.dimension)
            return torch.randn(size, generator=generator, dtype=dtype, device=generator.device)

        def uniform() -> Tensor:
            return torch.rand(number, 1, generator=generator, dtype=dtype, device=generator.device)

        outward, heading, impulses = normal(), normal(), impulse * normal(frames)
        z = ball.exp_origin(outward / outward.norm(dim=-1, keepdim=True) * radius / 2 * uniform())
        room = (0.9 * self.frequency**2 - 2 * self.potential(z).unsqueeze(-1)).clamp_min(0).sqrt()
        p = ball.conformal_factor(z) * room * uniform() * heading / heading.norm(dim=-1, keepdim=True)
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for frame in range(frames):
            action = impulses[:, frame]
            kicked = p + ball.transport_covector(torch.zeros_like(z), z, 2 * action)
            energy = 2 * self.potential(z) + (kicked * kicked).sum(-1) / ball.conformal_factor(z).squeeze(-1) ** 2
            action = torch.where((energy < 0.9 * self.frequency**2).unsqueeze(-1), action, torch.zeros_like(action))
            found.append((z, p, action))
            kicked = p + ball.transport_covector(torch.zeros_like(z), z, 2 * action)
            z, p = self.flow(z, kicked, interval)
        return Paths(*(torch.stack(rows, 1) for rows in zip(*found, strict=True)))


def _waves(square: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """cos(nu t) and sin(nu t) / nu as functions of nu^2, which may have either sign."""
    rate = torch.sqrt(torch.where(square == 0, torch.ones_like(square), square.abs()))
    bound, free = square > 0, square < 0
    phase = rate * time
    cosine = torch.where(bound, torch.cos(phase), torch.where(free, torch.cosh(phase), torch.ones_like(phase)))
    sine = torch.where(bound, torch.sin(phase), torch.where(free, torch.sinh(phase), phase))
    return cosine, sine / rate
