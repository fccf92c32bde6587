"""The table of contents: chapters in reading order, each with its modules, and all entries that they hold.

No chapter imports this module, so that a line added here makes no stored proof stale.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from derivations.engine.formula import Formula, entries_of

#: Folders of `derivations/chapters`, each with the modules that hold its entries.
CHAPTERS = {
    "geometry": ("metric", "curvature", "horospherical", "geodesics", "models", "half_plane", "volume_growth"),
    "horospherical_gaussian": ("density", "information", "kl", "kl_properties"),
    "coupled_family": ("density", "kl"),
    "riemannian_normal": ("density", "kl", "small_scale", "exact"),
    "other_families": ("wrapped_normal", "normal", "gaussian_manifold", "gaussian_manifold_symmetry"),
    "environment": ("occupancy", "clock", "observations", "embedding"),
    "objective": ("scale", "collapse", "parameter_count", "importance"),
    "recurrence": ("growth", "gates", "normalisation", "gradients", "precision"),
    "replay": ("age", "laws"),
    "state_space": ("s5",),
    "agents": ("rewards",),
    "statistics": ("rank_ceiling", "sign_test", "reconstruction_threshold"),
}


def modules() -> Iterator[str]:
    """The dotted names of the modules that hold entries, in reading order."""
    for chapter, names in CHAPTERS.items():
        for name in names:
            yield f"derivations.chapters.{chapter}.{name}"


def collect() -> dict[str, Formula]:
    """All entries by id, chapters in reading order, entries as written.

    Raises ModuleNotFoundError for a module that is listed and does not exist.
    """
    found: dict[str, Formula] = {}
    for module in modules():
        importlib.import_module(module)
        found |= {formula.id: formula for formula in entries_of(module)}
    return found
