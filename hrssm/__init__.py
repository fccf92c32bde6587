"""The verified reference for hyperbolic latent world models."""

from importlib.metadata import version

__version__ = version("hrssm")
