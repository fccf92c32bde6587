"""The verified reference for hyperbolic latent world models.

Rooms are imported when they are first named, so that reading a formula does not load PyTorch:
`hrssm.distributions`, `hrssm.geometry`, `hrssm.environments`, `hrssm.models`, `hrssm.training`, `hrssm.evaluation`,
`hrssm.formulas`, `hrssm.reference`.
"""

from importlib import import_module
from importlib.metadata import version
from types import ModuleType

from hrssm.citation import cite

__all__ = ["__version__", "cite"]
__version__ = version("hrssm")

_ROOMS = ("distributions", "environments", "evaluation", "formulas", "geometry", "models", "reference", "training")


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return import_module(f"hrssm.{name}")
    raise AttributeError(f"module 'hrssm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS]
