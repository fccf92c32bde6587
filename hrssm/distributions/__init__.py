"""Probability laws on hyperbolic space, each a `torch.distributions.Distribution`.

`log_prob` is with respect to the Riemannian volume, the curvature is -1 (`GaussianManifoldNormal` takes any),
and a point of H^d is one tensor (..., d) in horospherical coordinates, the height first. Every family is driven by
standard normal noise of the shape of its samples: `q.rsample_from(q.base_noise(shape))`. What is named here is
imported from its module when it is used: one law does not run the others' files.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hrssm.distributions.base import LatentDistribution as LatentDistribution
    from hrssm.distributions.base import hyperbolic_space as hyperbolic_space
    from hrssm.distributions.charts import BallTransform as BallTransform
    from hrssm.distributions.charts import CoordinateDensity as CoordinateDensity
    from hrssm.distributions.charts import HalfPlaneTransform as HalfPlaneTransform
    from hrssm.distributions.charts import LorentzTransform as LorentzTransform
    from hrssm.distributions.charts import hyperboloid as hyperboloid
    from hrssm.distributions.charts import unit_ball as unit_ball
    from hrssm.distributions.gaussian import Gaussian as Gaussian
    from hrssm.distributions.gaussian_manifold_normal import GaussianManifoldNormal as GaussianManifoldNormal
    from hrssm.distributions.gaussian_manifold_normal import half_planes as half_planes
    from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian as HorosphericalGaussian
    from hrssm.distributions.horospherical_gaussian import KLTerms as KLTerms
    from hrssm.distributions.horospherical_gaussian import kl_terms as kl_terms
    from hrssm.distributions.monte_carlo import MonteCarloEstimate as MonteCarloEstimate
    from hrssm.distributions.monte_carlo import monte_carlo_entropy as monte_carlo_entropy
    from hrssm.distributions.monte_carlo import monte_carlo_kl as monte_carlo_kl
    from hrssm.distributions.product import Product as Product
    from hrssm.distributions.riemannian_normal import RiemannianNormal as RiemannianNormal
    from hrssm.distributions.wrapped_normal import WrappedNormal as WrappedNormal

_WHERE = {
    "LatentDistribution": "base",
    "hyperbolic_space": "base",
    "BallTransform": "charts",
    "CoordinateDensity": "charts",
    "HalfPlaneTransform": "charts",
    "LorentzTransform": "charts",
    "hyperboloid": "charts",
    "unit_ball": "charts",
    "Gaussian": "gaussian",
    "GaussianManifoldNormal": "gaussian_manifold_normal",
    "half_planes": "gaussian_manifold_normal",
    "HorosphericalGaussian": "horospherical_gaussian",
    "KLTerms": "horospherical_gaussian",
    "kl_terms": "horospherical_gaussian",
    "MonteCarloEstimate": "monte_carlo",
    "monte_carlo_entropy": "monte_carlo",
    "monte_carlo_kl": "monte_carlo",
    "Product": "product",
    "RiemannianNormal": "riemannian_normal",
    "WrappedNormal": "wrapped_normal",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(f"hrssm.distributions.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'hrssm.distributions' has no attribute {name!r}")
