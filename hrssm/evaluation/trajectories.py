"""What evaluation reads: one member's posteriors on evaluation walks, beside the ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Trajectories:
    """One member on B evaluation walks of T steps; the time index is axis 0.

    `nodes`, `depth`, `branch`: integers (T, B). `observations`, `reconstructions`: (T, B, D). `location`: (T,
    B, d), the posterior location; where `has_height`, entry 0 is the height and the others the fibre.
    `attenuation`: (T, B), E[e^tau] = exp(mu + sigma^2 / 2) under the posterior (formula `hg-attenuation`), or
    None. `kl_terms`: (T, B) each, in nats; "kl" always, "height", "fibre" and "drift" for horospherical
    families.

    Raises ValueError if a shape does not fit that of `nodes`, or "kl" is missing.
    """

    nodes: Integers
    depth: Integers
    branch: Integers
    observations: Array
    reconstructions: Array
    location: Array
    has_height: bool
    attenuation: Array | None = None
    kl_terms: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        grid = self.nodes.shape
        if len(grid) != 2:
            raise ValueError(f"nodes has shape {grid}: it must be (steps, walks).")
        flat: dict[str, np.ndarray | None] = {
            "depth": self.depth,
            "branch": self.branch,
            "attenuation": self.attenuation,
        }
        flat |= {f"kl_terms[{name!r}]": term for name, term in self.kl_terms.items()}
        for name, array in flat.items():
            if array is not None and array.shape != grid:
                raise ValueError(f"{name} has shape {array.shape}: it must be that of nodes, {grid}.")
        deep = {
            "observations": self.observations,
            "reconstructions": self.reconstructions,
            "location": self.location,
        }
        for name, array in deep.items():
            if array.ndim != 3 or array.shape[:2] != grid:
                raise ValueError(f"{name} has shape {array.shape}: it must be {grid} and one more axis.")
        if self.observations.shape != self.reconstructions.shape:
            raise ValueError(
                f"reconstructions has shape {self.reconstructions.shape}: it must be that of observations, "
                f"{self.observations.shape}."
            )
        if "kl" not in self.kl_terms:
            raise ValueError(f"kl_terms holds {sorted(self.kl_terms)}: it must hold 'kl', the whole divergence.")
