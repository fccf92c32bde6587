"""The Euclidean baseline."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import (
    Independent,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    constraints,
    kl_divergence,
)
from torch.distributions.kl import register_kl

from hrssm.distributions.base import LatentDistribution, floating, positive_vector, real_vector
from hrssm.distributions.numerics.stable import exp_gap, log_ratio

__all__ = ["Gaussian"]


class Gaussian(LatentDistribution):
    """Independent normals on R^d: torch's Normal with the interface of the other families.

    Parameters, with batch shape B: loc (B, d); scale (B, d), positive. `log_prob` is with respect to dz. Its KL is
    exact from and to another one, and torch's Independent(Normal, 1), MultivariateNormal and LowRankMultivariateNormal.

    >>> q = Gaussian(torch.zeros(5, 3), torch.ones(5, 3))
    >>> q.batch_shape, q.event_shape
    (torch.Size([5]), torch.Size([3]))
    """

    arg_constraints: ClassVar = {"loc": real_vector, "scale": positive_vector}
    support: ClassVar[constraints.Constraint] = real_vector  # type: ignore[assignment]

    def __init__(self, loc: Tensor, scale: Tensor | float, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc is a scalar; it needs a last axis of d coordinates.")
        self.loc, self.scale = torch.broadcast_tensors(*floating(loc, scale))
        super().__init__(self.loc.shape[:-1], self.loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> Gaussian:
        shape = torch.Size(batch_shape) + self.event_shape
        return self._rebuilt(
            Gaussian, _instance, batch_shape, loc=self.loc.expand(shape), scale=self.scale.expand(shape)
        )

    @property
    def mean(self) -> Tensor:
        """Expectation, (B, d)."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """Maximum of the density, (B, d)."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Variance of each coordinate, (B, d)."""
        return self.scale.square()

    def rsample_from(self, noise: Tensor) -> Tensor:
        """loc + scale * noise."""
        return torch.addcmul(self.loc, self.scale, noise)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to dz, (...) for value (..., d)."""
        if self._validate_args:
            self._validate_sample(value)
        spread = ((value - self.loc) / self.scale).square().sum(-1)
        return -0.5 * spread - self._log_normaliser

    def log_measure(self, value: Tensor) -> Tensor:
        """0: the base measure is dz."""
        return torch.zeros_like(value[..., 0])

    def entropy(self) -> Tensor:
        """Differential entropy, batch shape."""
        return self._log_normaliser + 0.5 * self.loc.shape[-1]

    @property
    def _log_normaliser(self) -> Tensor:
        return torch.log(self.scale).sum(-1) + 0.5 * self.loc.shape[-1] * math.log(2 * math.pi)

    def _like(self) -> Tensor:
        return self.loc


@register_kl(Gaussian, Gaussian)
def _kl_gaussian(q: Gaussian, p: Gaussian) -> Tensor:
    if q.event_shape != p.event_shape:
        raise ValueError(f"KL between Gaussians of event shapes {tuple(q.event_shape)} and {tuple(p.event_shape)}.")
    gap = exp_gap(2 * log_ratio(q.scale, p.scale))
    return 0.5 * (gap + ((q.loc - p.loc) / p.scale).square()).sum(-1)


def _from_torch(law: Independent) -> Gaussian:
    """torch's way to write the same law."""
    base = law.base_dist
    if not isinstance(base, Normal) or law.reinterpreted_batch_ndims != 1:
        raise NotImplementedError(
            f"a KL with a Gaussian is known for Independent(Normal, 1), not for Independent({type(base).__name__}, "
            f"{law.reinterpreted_batch_ndims}); hrssm.distributions.monte_carlo_kl estimates one."
        )
    return Gaussian(base.loc, base.scale, validate_args=False)


@register_kl(Gaussian, Independent)
def _kl_gaussian_independent(q: Gaussian, p: Independent) -> Tensor:
    return _kl_gaussian(q, _from_torch(p))


@register_kl(Independent, Gaussian)
def _kl_independent_gaussian(q: Independent, p: Gaussian) -> Tensor:
    return _kl_gaussian(_from_torch(q), p)


def _correlated(law: Gaussian) -> MultivariateNormal:
    return MultivariateNormal(law.loc, scale_tril=torch.diag_embed(law.scale), validate_args=False)


def _kl_gaussian_correlated(q: Gaussian, p: MultivariateNormal | LowRankMultivariateNormal) -> Tensor:
    return kl_divergence(_correlated(q), p)


def _kl_correlated_gaussian(q: MultivariateNormal | LowRankMultivariateNormal, p: Gaussian) -> Tensor:
    return kl_divergence(q, _correlated(p))


for _family in (MultivariateNormal, LowRankMultivariateNormal):
    register_kl(Gaussian, _family)(_kl_gaussian_correlated)
    register_kl(_family, Gaussian)(_kl_correlated_gaussian)
