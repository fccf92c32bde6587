"""Categorical variables as a latent: one-hot samples with a straight-through gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, OneHotCategorical, TransformedDistribution
from torch.distributions.transforms import ReshapeTransform

from hrssm.latents.family import Bounds, LatentFamily

__all__ = ["Categorical"]


class Categorical(LatentFamily):
    """n categorical variables of n classes each, n^2 = dim: head (logits), n^2 numbers; a sample is n one-hot rows.

    One per cent of every law is uniform, so that no class ever has probability zero and every KL is finite. Backwards
    a sample counts as the probabilities (straight-through). Reference: Hafner et al., Mastering diverse domains
    through world models (arXiv 2301.04104). Raises ValueError unless the dimension is a square.
    """

    name = "categorical"
    uniform_share = 0.01

    def __init__(self, dim: int, bounds: Bounds | None = None) -> None:
        super().__init__(dim, bounds)
        self.classes = math.isqrt(dim)
        self.num_parameters = dim

    def probabilities(self, raw: Tensor) -> Tensor:
        """The probability (..., n, n) of each class of each variable."""
        learned = raw.unflatten(-1, (-1, self.classes)).softmax(-1)
        return (1 - self.uniform_share) * learned + self.uniform_share / self.classes

    def distribution(self, raw: Tensor) -> Distribution:
        rows = OneHotCategorical(self.probabilities(raw), validate_args=False)
        flat = ReshapeTransform(torch.Size((self.classes, self.classes)), torch.Size((self.dim,)))
        return TransformedDistribution(Independent(rows, 1, validate_args=False), flat, validate_args=False)

    def noise(self, generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard exponentials (*shape, d): the class whose exponential, divided by its probability, is least."""
        empty = torch.empty(*shape, self.noise_dim, device=generator.device, dtype=dtype)
        return empty.exponential_(generator=generator)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        """One-hot rows, side by side (..., d), whose gradient is that of the probabilities."""
        probabilities = self.probabilities(raw)
        drawn = self._one_hot(probabilities.detach() / noise.unflatten(-1, (-1, self.classes)), raw)
        return drawn + (probabilities - probabilities.detach()).flatten(-2)

    def mode(self, raw: Tensor) -> Tensor:
        """The one-hot rows (..., d) of the likeliest classes."""
        return self._one_hot(raw.unflatten(-1, (-1, self.classes)), raw)

    def kl_terms(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """The KL (...), summed over the variables."""
        q, p = self.probabilities(posterior), self.probabilities(prior)
        return {"kl": (q * (q.log() - p.log())).sum((-2, -1))}

    def entropy(self, raw: Tensor) -> Tensor:
        """The entropy (...) in nats, summed over the variables."""
        p = self.probabilities(raw)
        return -(p * p.log()).sum((-2, -1))

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        """Nothing is clamped: there are no scales."""
        return {}

    @staticmethod
    def _one_hot(scores: Tensor, like: Tensor) -> Tensor:
        best = scores.argmax(-1, keepdim=True)
        return torch.zeros_like(scores, dtype=like.dtype).scatter_(-1, best, 1.0).flatten(-2)
