"""Categorical variables as a latent: one-hot samples with a straight-through gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from hrssm.latents.family import Bounds, LatentFamily
from hrssm.latents.one_hot import OneHot

__all__ = ["Categorical", "OneHotColumns"]


class OneHotColumns(Distribution):
    """The law of one-hot columns, flattened (..., d), with these probabilities (..., classes, variables)."""

    arg_constraints = {}  # type: ignore[assignment]  # noqa: RUF012  (as torch's own classes declare it)

    def __init__(self, columns: OneHot, probabilities: Tensor) -> None:
        self.columns, self.probabilities = columns, probabilities
        super().__init__(probabilities.shape[:-2], torch.Size((columns.size,)), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        return (value * self.probabilities.log().flatten(-2)).sum(-1)

    def entropy(self) -> Tensor:
        return -(self.probabilities * self.probabilities.log()).sum((-2, -1))


class Categorical(LatentFamily):
    """n categorical variables of n classes each, n^2 = dim: head (logits), n^2 numbers; a sample is n one-hot columns.

    One per cent of every law is uniform, so that no class ever has probability zero and every KL is finite. Backwards
    a sample counts as the probabilities (straight-through). Reference: Hafner et al., Mastering diverse domains
    through world models (arXiv 2301.04104). Raises ValueError unless the dimension is a square.
    """

    name = "categorical"

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.columns = OneHot(math.isqrt(dim), math.isqrt(dim))
        self.num_parameters = dim

    def probabilities(self, raw: Tensor) -> Tensor:
        """The probability (..., n, n) of each class (first) of each variable (last)."""
        return self.columns.probabilities(raw)

    def distribution(self, raw: Tensor) -> Distribution:
        return OneHotColumns(self.columns, self.probabilities(raw))

    def noise(self, generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard exponentials (*shape, d)."""
        return self.columns.noise(generator, *shape, dtype=dtype)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        """One-hot columns, flattened (..., d), whose gradient is that of the probabilities."""
        probabilities = self.probabilities(raw)
        drawn = self.columns.coded(self.columns.draw(probabilities, noise), raw.dtype)
        return drawn + (probabilities - probabilities.detach()).flatten(-2)

    def mode(self, raw: Tensor) -> Tensor:
        """The one-hot columns (..., d) of the likeliest classes."""
        return self.columns.coded(self.columns.chosen(raw), raw.dtype)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """The KL (...) in nats, summed over the variables."""
        q, p = self.probabilities(posterior), self.probabilities(prior)
        return {"kl": (q * (q.log() - p.log())).sum((-2, -1))}

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """Nothing is clamped: there are no scales."""
        return {}
