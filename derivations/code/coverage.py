"""Which functions of `hrssm` an entry must claim, under one spelling of their names."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import torch
from torch.distributions import kl as registered_kl

import hrssm.distributions as laws
from hrssm.citation import resolve


def public_formulas() -> Iterator[str]:
    """Every function of `hrssm` that must be claimed by an entry: geometry, log_prob, entropy and registered KLs."""
    for found in pkgutil.iter_modules(laws.__path__, f"{laws.__name__}."):
        import_module(found.name)  # a KL is registered when the module that holds it is imported
    for name in ("distance", "exp", "log"):
        yield f"hrssm.geometry.{name}"
    for name in laws.__all__:
        family = getattr(laws, name)
        if isinstance(family, type) and issubclass(family, torch.distributions.Distribution):
            for method in ("log_prob", "entropy"):
                if method in vars(family):
                    yield f"hrssm.distributions.{name}.{method}"
    for q, p in registered_kl._KL_REGISTRY:
        if q.__module__.startswith("hrssm.") and q is not laws.LatentDistribution:
            yield kl_name(q, p)


def kl_name(q: type, p: type) -> str:
    """The name under which an entry claims the registered KL of two families: Class.kl, or Class.kl_Other."""
    name = f"hrssm.distributions.{q.__name__}.kl"
    return name if q is p else f"{name}_{p.__name__}"


def canonical(name: str) -> str:
    """One spelling for every dotted name of the same thing: a class by the room that exports it."""
    found = resolve(name)
    family = next((x for x in found if isinstance(x, type)), None)
    if family is None:
        return name
    return ".".join([f"hrssm.distributions.{family.__name__}", *name.split(f"{family.__name__}", 1)[1].split(".")[1:]])


def implementation(name: str) -> set[str]:
    """The modules that hold what a dotted name means: that of the function or of the class, and of a registered KL.

    Raises ModuleNotFoundError or AttributeError for a name that means nothing.
    """
    owner, _, _ = name.rpartition(".")
    is_member = owner.rpartition(".")[2][:1].isupper()
    registered = {
        function.__module__ for pair, function in registered_kl._KL_REGISTRY.items() if kl_name(*pair) == name
    }
    return {pkgutil.resolve_name(owner if is_member else name).__module__, *registered}
