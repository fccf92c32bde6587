"""What every latent family shares: the noise it is driven by, its support, and charts."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, ClassVar, TypeVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.constraint_registry import biject_to, transform_to
from torch.distributions.kl import register_kl
from torch.distributions.transforms import identity_transform

__all__ = ["LatentDistribution", "hyperbolic_space"]


class _HyperbolicSpace(constraints.Constraint):
    """Points of H^d in horospherical coordinates: all (tau, b) of finite numbers, one point per last axis."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        return torch.isfinite(value).all(-1)

    def __repr__(self) -> str:
        return "HyperbolicSpace()"


_Family = TypeVar("_Family", bound="LatentDistribution")

hyperbolic_space = _HyperbolicSpace()

biject_to.register(_HyperbolicSpace, lambda constraint: identity_transform)
transform_to.register(_HyperbolicSpace, lambda constraint: identity_transform)


class LatentDistribution(Distribution):
    """A law on a latent space that is driven by standard normal noise of the shape of its samples.

    `rsample(shape)` is `rsample_from(base_noise(shape))`. Draw the noise yourself (from one generator per
    ensemble member, say) and pass it to `rsample_from` where a sample must not depend on what else was drawn.
    `log_prob` is with respect to the Riemannian volume of the family's space.
    """

    # torch declares these as properties; every family, torch's own among them, sets them as class attributes.
    arg_constraints: ClassVar[dict[str, constraints.Constraint]]  # type: ignore[assignment]
    support: ClassVar[constraints.Constraint]  # type: ignore[assignment]
    has_rsample = True

    def base_noise(
        self, sample_shape: Size | tuple[int, ...] = (), *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Standard normal noise, sample_shape + batch_shape + event_shape."""
        shape = self._extended_shape(torch.Size(sample_shape))
        like = self._like()
        # The values of randn; but compiled code keeps the library's fast kernel, where it would inline a slow randn.
        return torch.empty(shape, dtype=like.dtype, device=like.device).normal_(generator=generator)

    def rsample_from(self, noise: Tensor) -> Tensor:
        """The sample that this noise gives; differentiable in the parameters, of the shape of the noise."""
        raise NotImplementedError

    def rsample(self, sample_shape: Size | tuple[int, ...] = ()) -> Tensor:
        """Samples with pathwise gradients, sample_shape + batch_shape + event_shape."""
        return self.rsample_from(self.base_noise(sample_shape))

    def sample(self, sample_shape: Size | tuple[int, ...] = ()) -> Tensor:
        """Samples without gradients, sample_shape + batch_shape + event_shape."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample_and_log_prob(
        self, sample_shape: Size | tuple[int, ...] = (), *, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A sample and its log-density, sharing the work; `noise` replaces the draw."""
        value = self.rsample_from(self.base_noise(sample_shape) if noise is None else noise)
        return value, self.log_prob(value)

    def _rebuilt(
        self, family: type[_Family], instance: object, batch_shape: Size | tuple[int, ...], **parameters: Any
    ) -> _Family:
        """A copy with this batch shape and these parameters, unchecked: what `expand` returns."""
        new: Any = self._get_checked_instance(family, instance)
        for name, value in parameters.items():
            setattr(new, name, value)
        Distribution.__init__(new, torch.Size(batch_shape), self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _like(self) -> Tensor:
        """A parameter that has the dtype and device of samples."""
        raise NotImplementedError


_BETWEEN_FAMILIES = "hrssm.distributions.cross_kl"


@register_kl(LatentDistribution, LatentDistribution)
def _kl_between_families(q: LatentDistribution, p: LatentDistribution) -> Tensor:
    """The KL of two families, or a refusal, from the module that knows them all."""
    _load_families()
    return sys.modules[_BETWEEN_FAMILIES].kl_between_families(q, p)


def _load_families() -> bool:
    """Imported by name, so that no family's import runs it; to a compiled graph, which cannot import, a constant."""
    return bool(import_module(_BETWEEN_FAMILIES))


_load_families._dynamo_marked_constant = True  # type: ignore[attr-defined]
