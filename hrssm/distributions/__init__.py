"""Probability laws on hyperbolic space, each a `torch.distributions.Distribution`.

`log_prob` is with respect to the Riemannian volume, the curvature is -1 (`GaussianManifoldNormal` takes any),
and a point of H^d is one tensor (..., d) in horospherical coordinates, the height first. Every family is
driven by
standard normal noise of the shape of its samples: `q.rsample_from(q.base_noise(shape))`.
"""

from hrssm.distributions import cross_kl  # noqa: F401  (registers the KLs between families)
from hrssm.distributions.base import LatentDistribution, hyperbolic_space
from hrssm.distributions.charts import (
    BallTransform,
    CoordinateDensity,
    HalfPlaneTransform,
    LorentzTransform,
    hyperboloid,
    unit_ball,
)
from hrssm.distributions.gaussian import Gaussian
from hrssm.distributions.gaussian_manifold_normal import GaussianManifoldNormal, half_planes
from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian, KLTerms, kl_terms
from hrssm.distributions.monte_carlo import MonteCarloEstimate, monte_carlo_entropy, monte_carlo_kl
from hrssm.distributions.riemannian_normal import RiemannianNormal
from hrssm.distributions.wrapped_normal import WrappedNormal

__all__ = [
    "BallTransform",
    "CoordinateDensity",
    "Gaussian",
    "GaussianManifoldNormal",
    "HalfPlaneTransform",
    "HorosphericalGaussian",
    "KLTerms",
    "LatentDistribution",
    "LorentzTransform",
    "MonteCarloEstimate",
    "RiemannianNormal",
    "WrappedNormal",
    "half_planes",
    "hyperbolic_space",
    "hyperboloid",
    "kl_terms",
    "monte_carlo_entropy",
    "monte_carlo_kl",
    "unit_ball",
]
