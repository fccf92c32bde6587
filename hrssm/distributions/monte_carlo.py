"""Monte Carlo estimates that say in their type that they are estimates."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from hrssm.distributions.base import LatentDistribution

__all__ = ["MonteCarloEstimate", "monte_carlo_entropy", "monte_carlo_kl"]

# What `kl_divergence` and `entropy` draw where they have no closed form; call the functions below for another
# number.
NUM_SAMPLES = 64


class MonteCarloEstimate(Tensor):
    """The mean over independent samples, a tensor of the batch shape that knows its error.

    It behaves as the tensor it is, and what is computed from it is a plain tensor. Besides:
        standard_error: of the mean, same shape, without gradient; NaN for a single sample.
        num_samples: how many samples were averaged.

    >>> estimate = MonteCarloEstimate.of(torch.tensor([[1.0], [3.0]]))
    >>> estimate.standard_error, estimate.num_samples
    (tensor([1.]), 2)
    >>> type(2 * estimate).__name__
    'Tensor'
    """

    standard_error: Tensor
    num_samples: int

    # Arithmetic on an estimate yields tensors: a product's standard error is not the factor's.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def of(cls, values: Tensor) -> MonteCarloEstimate:
        """The estimate from one value per sample, samples on the first axis."""
        estimate = values.mean(0).as_subclass(cls)
        estimate.num_samples = len(values)
        fixed = values.detach()
        error = fixed.std(0) if len(values) > 1 else torch.full_like(fixed[0], float("nan"))
        estimate.standard_error = error / len(values) ** 0.5
        return estimate


def monte_carlo_kl(
    q: LatentDistribution,
    p: Distribution,
    num_samples: int = NUM_SAMPLES,
    *,
    generator: torch.Generator | None = None,
) -> MonteCarloEstimate:
    """Estimate KL(q, p) as the mean of log q(z) - log p(z) over z ~ q, with pathwise gradients.

    Both log-densities must be with respect to the same measure. Raises ValueError where the event shapes
    differ.
    """
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"KL between laws of event shapes {tuple(q.event_shape)} and {tuple(p.event_shape)}: both must "
            "live on the same space."
        )
    noise = q.base_noise((num_samples,), generator=generator)
    value, log_q = q.rsample_and_log_prob(noise=noise)
    return MonteCarloEstimate.of(log_q - p.log_prob(value))


def monte_carlo_entropy(
    q: LatentDistribution, num_samples: int = NUM_SAMPLES, *, generator: torch.Generator | None = None
) -> MonteCarloEstimate:
    """Estimate the entropy of q with respect to its base measure as the mean of -log q(z) over z ~ q."""
    noise = q.base_noise((num_samples,), generator=generator)
    return MonteCarloEstimate.of(-q.rsample_and_log_prob(noise=noise)[1])
