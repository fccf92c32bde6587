"""Every family, with random parameters, for the tests that all of them must pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hrssm.distributions import (
    Gaussian,
    GaussianManifoldNormal,
    HorosphericalGaussian,
    LatentDistribution,
    Product,
    RiemannianNormal,
    WrappedNormal,
)
from hrssm.geometry import horospherical as geometry


@dataclass(frozen=True)
class Family:
    """A family as the tests see it.

    `parameters(batch, d, generator)` draws float64 parameters for samples of dimension d; `log_measure(z)` is
    the log-density of the family's base measure with respect to the coordinates of a sample.
    """

    build: Callable[..., LatentDistribution]
    parameters: Callable[[tuple[int, ...], int, torch.Generator], dict[str, Tensor]]
    log_measure: Callable[[Tensor], Tensor]

    def draw(
        self, batch: tuple[int, ...] = (), d: int = 4, seed: int = 0, dtype: torch.dtype = torch.float64
    ) -> LatentDistribution:
        parameters = self.parameters(batch, d, torch.Generator().manual_seed(seed))
        return self.build(**{name: value.to(dtype) for name, value in parameters.items()})


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def _scale(generator: torch.Generator, *shape: int) -> Tensor:
    return 0.3 + 0.6 * torch.rand(shape, dtype=torch.float64, generator=generator)


def _horospherical(per_coordinate: bool, coupling: bool) -> Callable[..., dict[str, Tensor]]:
    def parameters(batch: tuple[int, ...], d: int, g: torch.Generator) -> dict[str, Tensor]:
        drawn = {
            "height_loc": _normal(g, *batch),
            "fibre_loc": _normal(g, *batch, d - 1),
            "height_scale": _scale(g, *batch),
            "fibre_scale": _scale(g, *batch, d - 1) if per_coordinate else _scale(g, *batch),
        }
        return drawn | ({"coupling": _scale(g, *batch)} if coupling else {})

    return parameters


def _manifold_measure(z: Tensor) -> Tensor:
    # dvol = dmu dlog(sigma^2) / (2 sqrt(c) sigma) per plane, at the curvature used below
    return (-0.5 * z[..., 1::2] - math.log(2 * math.sqrt(0.5))).sum(-1)


FAMILIES = {
    "HorosphericalGaussian": Family(HorosphericalGaussian, _horospherical(False, False), geometry.log_volume),
    "HorosphericalGaussian-diagonal": Family(HorosphericalGaussian, _horospherical(True, False), geometry.log_volume),
    "HorosphericalGaussian-coupled": Family(HorosphericalGaussian, _horospherical(False, True), geometry.log_volume),
    "RiemannianNormal": Family(
        RiemannianNormal,
        lambda batch, d, g: {"loc": _normal(g, *batch, d), "scale": _scale(g, *batch)},
        geometry.log_volume,
    ),
    "WrappedNormal": Family(
        WrappedNormal,
        lambda batch, d, g: {"loc": _normal(g, *batch, d), "scale": _scale(g, *batch, d)},
        geometry.log_volume,
    ),
    "GaussianManifoldNormal": Family(
        lambda **parameters: GaussianManifoldNormal(**parameters, curvature=0.5),
        lambda batch, d, g: {
            "loc": _normal(g, *batch, d // 2),
            "log_variance": _normal(g, *batch, d // 2),
            "log_dispersion": 0.5 * _normal(g, *batch, d // 2),
        },
        _manifold_measure,
    ),
    "Product-HorosphericalGaussian": Family(
        lambda validate_args=None, **parameters: Product(
            HorosphericalGaussian(**parameters, validate_args=validate_args), validate_args=validate_args
        ),
        lambda batch, d, g: _horospherical(False, False)((*batch, d // 2), 2, g),
        lambda z: geometry.log_volume(z.unflatten(-1, (-1, 2))).sum(-1),
    ),
    "Product-RiemannianNormal": Family(
        lambda validate_args=None, **parameters: Product(
            RiemannianNormal(**parameters, validate_args=validate_args), validate_args=validate_args
        ),
        lambda batch, d, g: {"loc": _normal(g, *batch, d // 2, 2), "scale": _scale(g, *batch, d // 2)},
        lambda z: geometry.log_volume(z.unflatten(-1, (-1, 2))).sum(-1),
    ),
    "Gaussian": Family(
        Gaussian,
        lambda batch, d, g: {"loc": _normal(g, *batch, d), "scale": _scale(g, *batch, d)},
        lambda z: torch.zeros_like(z[..., 0]),
    ),
}
