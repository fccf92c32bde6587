"""The PGM normal as a latent: a product of half-planes."""

from __future__ import annotations

import math

from torch import Tensor

from hrssm.distributions.gaussian_manifold_normal import GaussianManifoldNormal
from hrssm.geometry import half_plane, horospherical
from hrssm.geometry.half_plane import Curvature, checked
from hrssm.latents.family import Bounds, LatentFamily

__all__ = ["GaussianManifoldNormalLatent"]


class GaussianManifoldNormalLatent(LatentFamily):
    """PGM normal on a product of d / 2 half-planes: head (location, log variance, log dispersion), 3 d / 2 numbers.

    log beta, the height of the location in its half-plane, is held within the bounds of heights, and the square root
    of the dispersion within those of scales. The planes have curvature -c; ``curvature`` is c, a number or a tensor
    that broadcasts against a head's output, as (members, 1, 1) where it is learned.
    """

    name = "gaussian-manifold-normal"

    def __init__(self, dim: int, bounds: Bounds | None = None, curvature: Curvature = 1.0) -> None:
        super().__init__(dim, bounds)
        self.curvature = checked(curvature)
        self.planes, self.num_parameters = dim // 2, 3 * dim // 2

    def distribution(self, raw: Tensor) -> GaussianManifoldNormal:
        loc, log_variance, log_dispersion = raw.split(self.planes, -1)
        bounds = self.bounds
        log_variance = log_variance.clamp(-2 * bounds.height_max, 2 * bounds.height_max)
        log_dispersion = log_dispersion.clamp(2 * math.log(bounds.scale_min), 2 * math.log(bounds.scale_max))
        return GaussianManifoldNormal(loc, log_variance, log_dispersion, self.curvature, validate_args=False)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        return self.distribution(raw).rsample_from(noise)

    def location(self, raw: Tensor) -> Tensor:
        """The pairs (location, log variance) plane by plane, (..., d)."""
        return raw[..., : self.dim].unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)

    def log_scales(self, raw: Tensor) -> Tensor:
        """Halves of the log dispersions (..., d / 2): they are squares of scales. The log variances are heights."""
        return raw[..., self.dim :] / 2

    def clamp_rates(
        self, posterior: Tensor, prior: Tensor, stoch: Tensor, *, log_drift_max: float | None
    ) -> dict[str, Tensor]:
        rates = super().clamp_rates(posterior, prior, stoch, log_drift_max=log_drift_max)
        heights = posterior.detach()[..., self.planes : self.dim] / 2
        rates["clamped_height"] = (heights.abs() >= self.bounds.height_max).flatten(1).float().mean(1)
        return rates

    def exp_origin(self, tangent: Tensor) -> Tensor:
        """Columns as the head's: all locations, then all log variances, from pairs (v_0, v_1) plane by plane."""
        return half_plane.exp_origin(tangent.unflatten(-1, (-1, 2)), self.curvature).transpose(-1, -2).flatten(-2)

    def log_origin(self, stoch: Tensor) -> Tensor:
        return half_plane.log_origin(stoch.unflatten(-1, (-1, 2)), self.curvature).flatten(-2)

    def heights(self, stoch: Tensor) -> Tensor:
        """log sigma of each plane."""
        return stoch[..., 1::2] / 2

    def between(self, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        there, back = (half_plane.to_horospherical(z.unflatten(-1, (-1, 2)), self.curvature) for z in (start, end))
        point = horospherical.exp(there, share[..., None, None] * horospherical.log(there, back))
        return half_plane.from_horospherical(point, self.curvature).flatten(-2)
