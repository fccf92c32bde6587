"""Products: independent laws, one per factor of a product of spaces."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import constraints, kl_divergence
from torch.distributions.constraint_registry import biject_to, transform_to
from torch.distributions.kl import register_kl
from torch.distributions.transforms import identity_transform

from hrssm.distributions.base import LatentDistribution
from hrssm.distributions.monte_carlo import MonteCarloEstimate

__all__ = ["Product"]


class _ProductSpace(constraints.Constraint):
    """Points of a product: ``count`` points of one space side by side on the last axis."""

    event_dim = 1
    is_discrete = False

    def __init__(self, factor: constraints.Constraint, count: int) -> None:
        self.factor, self.count = factor, count

    def check(self, value: Tensor) -> Tensor:
        return self.factor.check(value.unflatten(-1, (self.count, -1))).all(-1)

    def __repr__(self) -> str:
        return f"ProductSpace({self.factor!r}, {self.count})"


# The coordinates of every space here are all of R^d.
biject_to.register(_ProductSpace, lambda constraint: identity_transform)
transform_to.register(_ProductSpace, lambda constraint: identity_transform)


class Product(LatentDistribution):
    """The last batch axis of a law as independent factors: batch (B, n) and event (d) become B and (n d).

    A sample holds the factors' points side by side; log-densities (with respect to the product of the volumes),
    entropies and KLs add up. Raises ValueError for a law without a batch axis.

    >>> from hrssm.distributions import RiemannianNormal
    >>> q = Product(RiemannianNormal(torch.zeros(5, 3, 2), 1.0))
    >>> q.batch_shape, q.event_shape
    (torch.Size([5]), torch.Size([6]))
    """

    arg_constraints: ClassVar = {}  # type: ignore[assignment]
    _further = ("law",)

    def __init__(self, law: LatentDistribution, validate_args: bool | None = None) -> None:
        if not law.batch_shape:
            raise ValueError("the law has batch shape (); its last batch axis is to be that of the factors")
        self.law = law
        count, (dimension,) = law.batch_shape[-1], law.event_shape
        super().__init__(law.batch_shape[:-1], torch.Size((count * dimension,)), validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        return _ProductSpace(self.law.support, self.law.batch_shape[-1])

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> Product:
        law = self.law.expand(torch.Size((*batch_shape, self.law.batch_shape[-1])))
        return self._rebuilt(Product, _instance, batch_shape, law=law)

    @property
    def mean(self) -> Tensor:
        """The factors' means side by side, (B, n d)."""
        return self.law.mean.flatten(-2)

    @property
    def mode(self) -> Tensor:
        """The factors' modes side by side, (B, n d)."""
        return self.law.mode.flatten(-2)

    def rsample_from(self, noise: Tensor) -> Tensor:
        """The factors' samples of their own noise, of the shape of the noise (..., n d)."""
        return self.law.rsample_from(self.factors(noise)).flatten(-2)

    def rsample_and_log_prob(
        self, sample_shape: Size | tuple[int, ...] = (), *, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        drawn = self.base_noise(sample_shape) if noise is None else noise
        value, log_prob = self.law.rsample_and_log_prob(noise=self.factors(drawn))
        return value.flatten(-2), log_prob.sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to the product of the factors' base measures, (...) for value (..., n d)."""
        if self._validate_args:
            self._validate_sample(value)
        return self.law.log_prob(self.factors(value)).sum(-1)

    def log_measure(self, value: Tensor) -> Tensor:
        """That of the factors' base measures, summed, (...) for value (..., n d)."""
        return self.law.log_measure(self.factors(value)).sum(-1)

    def entropy(self) -> Tensor:
        """Entropy with respect to the same measure: the sum; an estimate where the factors' is one."""
        return _summed(self.law.entropy())

    def factors(self, value: Tensor) -> Tensor:
        """The points of a sample (..., n d) as (..., n, d)."""
        return value.unflatten(-1, (*self.law.batch_shape[-1:], *self.law.event_shape))

    def _like(self) -> Tensor:
        return self.law._like()


@register_kl(Product, Product)
def _kl_product(q: Product, p: Product) -> Tensor:
    if q.event_shape != p.event_shape or q.law.event_shape != p.law.event_shape:
        raise ValueError(
            f"KL between Products of {q.law.batch_shape[-1]} spaces of dimension {q.law.event_shape[0]} and "
            f"{p.law.batch_shape[-1]} of dimension {p.law.event_shape[0]}: both must live on the same space."
        )
    return _summed(kl_divergence(q.law, p.law))


def _summed(terms: Any) -> Tensor:
    """The sum over the factors, whose estimates are independent."""
    if not isinstance(terms, MonteCarloEstimate):
        return terms.sum(-1)
    total = terms.as_subclass(Tensor).sum(-1).as_subclass(MonteCarloEstimate)
    total.standard_error = terms.standard_error.square().sum(-1).sqrt()
    total.num_samples = terms.num_samples
    return total
