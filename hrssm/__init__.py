"""The verified reference for hyperbolic latent world models.

Rooms, such as `hrssm.distributions` and `hrssm.formulas`, are imported when they are first named, so that reading a
formula does not load PyTorch; so is `cite`.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hrssm.citation import cite as cite

__all__ = ["__version__", "cite"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "cite":
        return import_module("hrssm.citation").cite
    if name in _rooms():
        return import_module(f"hrssm.{name}")
    raise AttributeError(f"module 'hrssm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_rooms()})


def _rooms() -> list[str]:
    return [module.name for module in iter_modules(__path__)]
