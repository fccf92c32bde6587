"""Monte Carlo estimates that say in their type that they are estimates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

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
        standard_error: of the mean, same shape, without gradient; NaN for a single sample, and after the estimate
            was changed in place.
        num_samples: how many samples were averaged.

    >>> estimate = MonteCarloEstimate.of(torch.tensor([[1.0], [3.0]]))
    >>> estimate.standard_error, estimate.num_samples
    (tensor([1.]), 2)
    >>> type(2 * estimate).__name__
    'Tensor'
    """

    standard_error: Tensor
    num_samples: int

    @classmethod
    def of(cls, values: Tensor) -> MonteCarloEstimate:
        """The estimate from one value per sample, samples on the first axis."""
        fixed = values.detach()
        error = fixed.std(0) if len(values) > 1 else torch.full_like(fixed[0], float("nan"))
        return values.mean(0).as_subclass(cls)._knowing(error / len(values) ** 0.5, len(values))

    def _knowing(self, standard_error: Tensor, num_samples: int) -> MonteCarloEstimate:
        self.standard_error, self.num_samples = standard_error, num_samples
        return self

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Arithmetic on an estimate yields tensors: a product's standard error is not the factor's."""
        with torch._C.DisableTorchFunctionSubclass():
            known = [x for x in args if type(x) is cls and "standard_error" in x.__dict__]
            before = [x._version for x in known]
            result = func(*args, **(kwargs or {}))
            for estimate, version in zip(known, before, strict=True):
                if estimate._version != version:
                    estimate.standard_error = torch.full_like(estimate.standard_error, float("nan"))
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> MonteCarloEstimate:
        with torch._C.DisableTorchFunctionSubclass():
            value = copy.deepcopy(self.as_subclass(Tensor), memo)
            copied = value.as_subclass(MonteCarloEstimate)
        return copied._knowing(copy.deepcopy(self.standard_error, memo), self.num_samples)


# A saved estimate holds nothing but tensors and a number, and may be loaded with `weights_only`.
torch.serialization.add_safe_globals([MonteCarloEstimate])


def monte_carlo_kl(
    q: Distribution,
    p: Distribution,
    num_samples: int = NUM_SAMPLES,
    *,
    generator: torch.Generator | None = None,
) -> MonteCarloEstimate:
    """Estimate KL(q, p) of any two laws, of the broadcast batch shape, as the mean of log q(z) - log p(z) over z ~ q.

    Laws of this package count with respect to the coordinates of a sample, as all others do, so that they may differ in
    their base measure. Gradients are pathwise; where q has no `rsample` they are the score's. Raises ValueError where
    the shapes do not fit, or a generator is given and q is not driven by base noise.
    """
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"KL between laws of event shapes {tuple(q.event_shape)} and {tuple(p.event_shape)}: both must "
            "live on the same space."
        )
    # The samples go before the batch of both: a batch of p alone must not be taken for them.
    q = q.expand(torch.broadcast_shapes(q.batch_shape, p.batch_shape))
    value, log_q = _drawn(q, num_samples, generator)
    values = log_q - p.log_prob(value) + (_log_measure(q, value) - _log_measure(p, value))
    if not q.has_rsample:
        values = values + (log_q - log_q.detach()) * values.detach()
    return MonteCarloEstimate.of(values)


def monte_carlo_entropy(
    q: Distribution, num_samples: int = NUM_SAMPLES, *, generator: torch.Generator | None = None
) -> MonteCarloEstimate:
    """Estimate the entropy of q with respect to its base measure as the mean of -log q(z) over z ~ q.

    Raises ValueError where a generator is given and q is not driven by base noise.
    """
    return MonteCarloEstimate.of(-_drawn(q, num_samples, generator)[1])


def _drawn(q: Distribution, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Samples and their log-densities."""
    if isinstance(q, LatentDistribution):
        return q.rsample_and_log_prob(noise=q.base_noise((num_samples,), generator=generator))
    if generator is not None:
        raise ValueError(
            f"a generator was given, and {type(q).__name__} draws from torch's global one: only laws of "
            "hrssm.distributions are driven by base noise. Leave the generator out and call torch.manual_seed."
        )
    shape = torch.Size((num_samples,))
    value = q.rsample(shape) if q.has_rsample else q.sample(shape)
    return value, q.log_prob(value)


def _log_measure(law: Distribution, value: Tensor) -> Tensor | float:
    """Of the base measure with respect to the coordinates; torch's laws have no other."""
    return law.log_measure(value) if isinstance(law, LatentDistribution) else 0.0
