"""What every latent family shares: the noise it is driven by, its support, and charts."""

from __future__ import annotations

import functools
import sys
from importlib import import_module
from typing import Any, ClassVar, TypeVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.constraint_registry import biject_to, transform_to
from torch.distributions.kl import register_kl
from torch.distributions.transforms import IndependentTransform, identity_transform

__all__ = [
    "HyperbolicDistribution",
    "LatentDistribution",
    "distinct",
    "floating",
    "hyperbolic_space",
    "positive_vector",
    "real_vector",
]


class _HyperbolicSpace(constraints.Constraint):
    """Points of H^d in horospherical coordinates: all (tau, b) of finite numbers, one point per last axis."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        return torch.isfinite(value).all(-1)

    def __repr__(self) -> str:
        return "HyperbolicSpace()"


class _Vector(constraints.independent):
    """Vectors whose entries are all in a constraint; torch's own refuses an empty batch of them."""

    def check(self, value: Tensor) -> Tensor:
        return self.base_constraint.check(value).all(-1)


hyperbolic_space = _HyperbolicSpace()
real_vector, positive_vector = _Vector(constraints.real, 1), _Vector(constraints.positive, 1)

for _registry in (biject_to, transform_to):
    _registry.register(_HyperbolicSpace, lambda constraint: identity_transform)
    _registry.register(_Vector, lambda c, to=_registry: IndependentTransform(to(c.base_constraint), 1))

_Family = TypeVar("_Family", bound="LatentDistribution")


def floating(*parameters: Tensor | float) -> list[Tensor]:
    """Parameters as tensors of one floating-point dtype, which is that of the tensors among them, promoted.

    Numbers and tensors of integers take it; where there is no other, it is torch's default dtype.
    """
    tensors = [p for p in parameters if isinstance(p, Tensor)]
    dtypes = {p.dtype for p in tensors if p.dtype.is_floating_point}
    dtype = functools.reduce(torch.promote_types, dtypes) if dtypes else torch.get_default_dtype()
    device = tensors[0].device if tensors else None
    return [
        p.to(dtype) if isinstance(p, Tensor) else torch.as_tensor(p, dtype=dtype, device=device) for p in parameters
    ]


def distinct(x: Tensor) -> Tensor:
    """The entries of a tensor that was expanded, as a prior's parameters are: it broadcasts against what x does."""
    return x[tuple(slice(1) if stride == 0 else slice(None) for stride in x.stride())]


class LatentDistribution(Distribution):
    """A law on a latent space that is driven by standard normal noise of the shape of its samples.

    `rsample(shape)` is `rsample_from(base_noise(shape))`. Draw the noise yourself (from one generator per
    ensemble member, say) and pass it to `rsample_from` where a sample must not depend on what else was drawn.

    `log_prob` is with respect to the base measure of the family, which on a curved space is its Riemannian volume.
    What moves through the coordinates of a sample, as MCMC does (HMC, NUTS), needs the density with respect to them:
    `log_prob(z) + log_measure(z)`, which is the `log_prob` of `CoordinateDensity(law)`. KLs are the same in both.
    """

    # torch declares these as properties; every family, torch's own among them, sets them as class attributes.
    arg_constraints: ClassVar[dict[str, constraints.Constraint]]  # type: ignore[assignment]
    support: ClassVar[constraints.Constraint]  # type: ignore[assignment]
    has_rsample = True
    #: What `repr` shows besides the names of `arg_constraints`.
    _further: ClassVar[tuple[str, ...]] = ()

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

    def log_measure(self, value: Tensor) -> Tensor:
        """Log-density of the base measure with respect to that of the coordinates, (...) for value (..., d)."""
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

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in (*self.arg_constraints, *self._further)}
        shown = (f"{n}: {v.size() if isinstance(v, Tensor) and v.numel() != 1 else v}" for n, v in values.items())
        return f"{type(self).__name__}({', '.join(shown)})"


class HyperbolicDistribution(LatentDistribution):
    """A law of H^d in horospherical coordinates, whose `log_prob` is with respect to the Riemannian volume."""

    support = hyperbolic_space

    def log_measure(self, value: Tensor) -> Tensor:
        """Log-density of the volume with respect to dtau db, -(d - 1) tau, (...) for value (..., d) (`geo-volume`)."""
        return -(value.shape[-1] - 1) * value[..., 0]


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
