"""The latent families by name: what can be known of each before its module is imported, and how to get it.

Settings are checked against this table without PyTorch, and a run's sources hold the module of its own latent alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hrssm.latents.family import LatentFamily

__all__ = ["LATENTS", "Entry", "check", "known", "latent"]


@dataclass(frozen=True)
class Entry:
    """One family: where it is, what it is called in print, and what settings must respect."""

    module: str
    cls: str
    label: str
    has_height: bool = False
    even: bool = False
    square: bool = False


_ROOM = "hrssm.latents"
LATENTS: dict[str, Entry] = {
    "hg": Entry(f"{_ROOM}.horospherical", "HG", "HG", has_height=True),
    "hg-diagonal": Entry(f"{_ROOM}.horospherical", "HGDiagonal", "HG, diagonal fibre", has_height=True),
    "hg-half": Entry(f"{_ROOM}.horospherical", "HGHalf", "HG, coupling 1/2", has_height=True),
    "hg-uncoupled": Entry(f"{_ROOM}.horospherical", "HGUncoupled", "HG, coupling 0", has_height=True),
    "gaussian": Entry(f"{_ROOM}.gaussian", "Gaussian", "Gaussian"),
    "gaussian-two-scale": Entry(f"{_ROOM}.gaussian", "GaussianTwoScale", "Gaussian, two scales"),
    "gaussian-pairs": Entry(f"{_ROOM}.gaussian", "GaussianPairs", "Gaussian, a scale per pair", even=True),
    "riemannian-normal": Entry(
        f"{_ROOM}.riemannian_normal", "RiemannianNormalLatent", "Riemannian normal", has_height=True
    ),
    "wrapped-normal": Entry(f"{_ROOM}.wrapped_normal", "WrappedNormalLatent", "wrapped normal", has_height=True),
    "gaussian-manifold-normal": Entry(
        f"{_ROOM}.gaussian_manifold", "GaussianManifoldNormalLatent", "Gaussian manifold normal", even=True
    ),
    "riemannian-normal-product": Entry(
        f"{_ROOM}.riemannian_normal", "RiemannianNormalProduct", "Riemannian normal on planes", even=True
    ),
    "wrapped-normal-product": Entry(
        f"{_ROOM}.wrapped_normal", "WrappedNormalProduct", "wrapped normal on planes", even=True
    ),
    "categorical": Entry(f"{_ROOM}.categorical", "Categorical", "categorical", square=True),
    "hg-product": Entry(f"{_ROOM}.horospherical", "HGProduct", "HG on planes", even=True),
    "hg-half-product": Entry(f"{_ROOM}.horospherical", "HGHalfProduct", "HG, coupling 1/2, on planes", even=True),
}


def known(name: str) -> Entry:
    """The entry of a family; raises ValueError naming those that are known."""
    if name not in LATENTS:
        raise ValueError(f"latent family {name!r} is unknown; known families: {', '.join(sorted(LATENTS))}")
    return LATENTS[name]


def check(name: str, dim: int) -> Entry:
    """The entry of a family that has this dimension; raises ValueError saying what is allowed otherwise."""
    entry = known(name)
    if dim < 2:
        raise ValueError(f"the latent's dimension is {dim}; it must be at least 2: one height and one fibre coordinate")
    if entry.even and dim % 2:
        raise ValueError(f"the latent's dimension is {dim}; {name} has pairs of coordinates, so it must be even")
    if entry.square and math.isqrt(dim) ** 2 != dim:
        raise ValueError(
            f"the latent's dimension is {dim}; {name} has as many variables as each has classes, so it must be a square"
        )
    return entry


def latent(name: str) -> type[LatentFamily]:
    """The class of a family; raises ValueError naming those that are known."""
    entry = known(name)
    return getattr(import_module(entry.module), entry.cls)
