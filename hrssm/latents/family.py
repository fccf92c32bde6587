"""What a latent family is: a head's columns, the law they stand for, a sample from explicit noise, and KL terms.

A head's output is ``(..., num_parameters)``. Its first ``dim`` columns are the location, whose first entry is the
height wherever the family has one; the others are logarithms of scales, which ``Bounds`` holds. Samples are made from
explicit base noise, so that each member of an ensemble draws from its own generator.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from hrssm.latents.table import check

__all__ = ["Bounds", "LatentFamily"]


@dataclass(frozen=True)
class Bounds:
    """Where the heads' outputs are held: scales in [scale_min, scale_max], sampled heights in [-height_max,
    height_max].

    The values of the write-up. ``clamp_rates`` reports how often each of them acts.
    """

    scale_min: float = 0.05
    scale_max: float = 5.0
    height_max: float = 8.0

    def scale(self, raw: Tensor) -> Tensor:
        """exp(raw), held within the bounds; the logarithm is held, so that a huge one gives no infinite derivative."""
        return raw.clamp(math.log(self.scale_min), math.log(self.scale_max)).exp()

    def rate(self, raw: Tensor) -> Tensor:
        """Per member, the share of log scales (M, ...) that the bounds hold."""
        outside = (raw < math.log(self.scale_min)) | (raw > math.log(self.scale_max))
        return outside.flatten(1).float().mean(1)


class LatentFamily(ABC):
    """A family of distributions over the latent (d,), parametrised by a network head.

    Attributes: name, its key in `hrssm.latents.table`; dim (d); num_parameters, of a head's output; noise_dim, of the
    base noise; has_height. Raises ValueError for a dimension that the family does not have.
    """

    name: str
    num_parameters: int
    noise_dim: int

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        self.has_height = check(self.name, dim).has_height
        self.dim, self.bounds = dim, bounds or Bounds()
        self.noise_dim = dim

    @abstractmethod
    def distribution(self, raw: Tensor) -> Distribution:
        """The distribution with event shape (d,) that a head's output (..., num_parameters) stands for."""

    @abstractmethod
    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        """A reparametrised sample (..., d) from base noise (..., noise_dim)."""

    def noise(self, generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Base noise (*shape, noise_dim): standard normals unless the family says otherwise."""
        return torch.randn(*shape, self.noise_dim, generator=generator, device=generator.device, dtype=dtype)

    def location(self, raw: Tensor) -> Tensor:
        """The posterior's location (..., d), a point as a sample is one: the height first where there is one."""
        return raw[..., : self.dim]

    def log_scales(self, raw: Tensor) -> Tensor:
        """The columns that the bounds hold, as logarithms of scales (..., num_parameters - d)."""
        return raw[..., self.dim :]

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """KL(posterior, prior), each term (...); their sum is the KL. ``stoch`` serves families without a closed
        form."""
        return {"kl": kl_divergence(self.distribution(posterior), self.distribution(prior))}

    def entropy(self, raw: Tensor) -> Tensor:
        """The entropy (...) in nats, with respect to the volume; an estimate where the law has no other."""
        return self.distribution(raw).entropy()

    def exp_origin(self, tangent: Tensor) -> Tensor:
        """The location columns (..., d) of a head whose output (..., d) is a tangent vector at the origin.

        Orthonormal components; in R^d nothing is to be done.
        """
        return tangent

    def log_origin(self, stoch: Tensor) -> Tensor:
        """The tangent vector at the origin (..., d) that the exponential map takes to a sample (..., d)."""
        return stoch

    def frozen_drift(self, posterior: Tensor, prior: Tensor) -> Tensor:
        """The drift term (...) without a gradient through its dependence on the posterior's height.

        Raises ValueError where a family has no such term.
        """
        raise ValueError(f"family {self.name} has no drift term")

    def heights(self, stoch: Tensor) -> Tensor | None:
        """Logarithms of the heights in the half-space of each hyperbolic factor, (..., factors); None in R^d."""
        return None

    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        """The point of the geodesic from ``start`` to ``end``, (..., d) each, at a share (...) of its length."""
        return torch.lerp(start, end, share.unsqueeze(-1))

    def attenuation(self, raw: Tensor) -> Tensor | None:
        """E[e^tau] (...), where it is known in closed form."""
        return None

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """Per member (M,), how often each clamp acted."""
        held = torch.stack((self.log_scales(posterior), self.log_scales(prior)), -1)
        return {"clamped_scale": self.bounds.rate(held)}
