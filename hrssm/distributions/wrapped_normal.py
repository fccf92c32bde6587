"""The wrapped normal in half-space coordinates."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions.kl import register_kl

from hrssm.distributions.base import HyperbolicDistribution, floating, positive_vector, real_vector
from hrssm.distributions.monte_carlo import MonteCarloEstimate, monte_carlo_entropy, monte_carlo_kl
from hrssm.distributions.numerics.precision import wide
from hrssm.geometry import horospherical as geometry
from hrssm.geometry import series

__all__ = ["WrappedNormal"]


class WrappedNormal(HyperbolicDistribution):
    """The image of N(0, diag(scale^2)) on the tangent space at loc under the exponential map, on H^d.

    Tangent vectors are written in the orthonormal frame (dtau, exp(-tau) db) of horospherical coordinates, so
    the family is equivariant under `geometry.isometry`: moving loc moves the law and leaves scale alone. With
    one scale for all directions the frame does not matter, and the law is the one of Nagano et al. (2019), "A
    wrapped normal distribution on hyperbolic space for gradient-based learning", ICML.

    Parameters, with batch shape B:
        loc: a point in horospherical coordinates (B, d), d >= 2.
        scale: positive, (B, d) with the height direction first; a last axis of 1 is one scale for all
            directions.

    Its KL with any law of H^d is a `MonteCarloEstimate`; so is its entropy.

    >>> q = WrappedNormal(torch.zeros(5, 3), torch.ones(5, 1))
    >>> z = q.rsample()
    >>> z.shape, q.log_prob(z).shape
    (torch.Size([5, 3]), torch.Size([5]))
    """

    arg_constraints: ClassVar = {"loc": real_vector, "scale": positive_vector}

    def __init__(self, loc: Tensor, scale: Tensor | float, validate_args: bool | None = None) -> None:
        if loc.dim() < 1 or loc.shape[-1] < 2:
            raise ValueError(f"loc has shape {tuple(loc.shape)}; it needs a last axis of d >= 2 coordinates.")
        self.loc, self.scale = torch.broadcast_tensors(*floating(loc, scale))
        super().__init__(self.loc.shape[:-1], self.loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> WrappedNormal:
        shape = torch.Size(batch_shape) + self.event_shape
        return self._rebuilt(
            WrappedNormal, _instance, batch_shape, loc=self.loc.expand(shape), scale=self.scale.expand(shape)
        )

    @property
    def mean(self) -> Tensor:
        """Frechet mean: loc, by the symmetry of the law under the point reflection at loc, (B, d)."""
        return self.loc

    def moved(self, g: Tensor) -> WrappedNormal:
        """The law of isometry(g, z)."""
        return WrappedNormal(geometry.isometry(g, self.loc), self.scale, validate_args=self._validate_args)

    def rsample_from(self, noise: Tensor) -> Tensor:
        """loc . exp_origin(scale * noise)."""
        return geometry.isometry(self.loc, geometry.exp_origin(self.scale * noise))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to the Riemannian volume, (...) for value (..., d).

        log N(v; 0, scale^2) - (d - 1) log(sinh(r) / r) with v the logarithm of value at loc and r = |v|. It is
        worked out in float64 where there is one: v_0 is a difference of numbers of the size of sinh(r).
        """
        if self._validate_args:
            self._validate_sample(value)
        tangent = geometry.log_origin(geometry.relative(wide(self.loc), wide(value)))
        return self._log_prob_of_tangent(tangent).to(self.loc.dtype)

    def rsample_and_log_prob(
        self, sample_shape: Size | tuple[int, ...] = (), *, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A sample and its log-density, which skips the logarithm map."""
        tangent = self.scale * (self.base_noise(sample_shape) if noise is None else noise)
        value = geometry.isometry(self.loc, geometry.exp_origin(tangent))
        return value, self._log_prob_of_tangent(tangent)

    def entropy(self) -> MonteCarloEstimate:
        """Entropy with respect to the Riemannian volume, estimated."""
        return monte_carlo_entropy(self)

    def _log_prob_of_tangent(self, tangent: Tensor) -> Tensor:
        dimension, scale = self.loc.shape[-1], self.scale.to(tangent.dtype)
        spread = (tangent / scale).square().sum(-1)
        normaliser = torch.log(scale).sum(-1) + 0.5 * dimension * math.log(2 * math.pi)
        return -0.5 * spread - normaliser - (dimension - 1) * series.log_sinhc(tangent.square().sum(-1))

    def _like(self) -> Tensor:
        return self.loc


@register_kl(WrappedNormal, WrappedNormal)
def _kl_wrapped_normal(q: WrappedNormal, p: WrappedNormal) -> MonteCarloEstimate:
    """No closed form and no symmetry: the mean of log q - log p over samples of q, typed as an estimate."""
    return monte_carlo_kl(q, p)
