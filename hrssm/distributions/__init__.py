"""Probability laws on hyperbolic space, each a `torch.distributions.Distribution`."""

from hrssm.distributions.base import LatentDistribution, hyperbolic_space
from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian, KLTerms, kl_terms

__all__ = ["HorosphericalGaussian", "KLTerms", "LatentDistribution", "hyperbolic_space", "kl_terms"]
