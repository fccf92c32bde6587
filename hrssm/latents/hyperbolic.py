"""What every latent on H^d has in horospherical coordinates: the maps at the origin, the height, geodesics."""

from __future__ import annotations

from torch import Tensor

from hrssm.geometry import horospherical as geometry
from hrssm.latents.family import LatentFamily

__all__ = ["HyperbolicLatent"]


class HyperbolicLatent(LatentFamily):
    """A family on H^d, its samples in horospherical coordinates."""

    def exp_origin(self, tangent: Tensor) -> Tensor:
        return geometry.exp_origin(tangent)

    def log_origin(self, stoch: Tensor) -> Tensor:
        return geometry.log_origin(stoch)

    def heights(self, stoch: Tensor) -> Tensor:
        return stoch[..., :1]

    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        return geometry.exp(start, share.unsqueeze(-1) * geometry.log(start, end))
