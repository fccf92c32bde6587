"""The systems by name. A name is all that is known of one here; its modules are imported when they are asked for.

A system `kind` is a package with four modules: ``settings`` (class ``Settings``) and ``vocabulary`` (``VOCABULARY``),
which need no PyTorch, ``learner`` (function ``build``) and ``evaluate`` (function ``evaluate``).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from hrssm.records.sources import sources
from hrssm.training.settings import Settings
from hrssm.training.vocabulary import Vocabulary

if TYPE_CHECKING:
    from hrssm.training.loop import Build
    from hrssm.training.score import Evaluate

__all__ = ["KINDS", "Kind", "kind"]


@dataclass(frozen=True)
class Kind:
    """A system: where it is, and its four parts."""

    name: str
    room: str

    @property
    def settings(self) -> type[Settings]:
        """The class of its settings."""
        return import_module(f"{self.room}.settings").Settings

    @property
    def vocabulary(self) -> Vocabulary:
        """What its rows may say."""
        return import_module(f"{self.room}.vocabulary").VOCABULARY

    @property
    def build(self) -> Build:
        """From settings, seeds and device to a learner."""
        return import_module(f"{self.room}.learner").build

    @property
    def evaluate(self) -> Evaluate:
        """From settings, learner and seeds to rows."""
        return import_module(f"{self.room}.evaluate").evaluate

    @property
    def training_roots(self) -> tuple[str, ...]:
        """The modules from which all that training runs is imported, but for those that settings name."""
        return ("hrssm.training.loop", f"{self.room}.learner")

    @property
    def evaluation_roots(self) -> tuple[str, ...]:
        """The modules from which all that evaluating runs is imported, but for those that settings name."""
        return ("hrssm.training.score", f"{self.room}.learner", f"{self.room}.evaluate")

    def training_sources(self, settings: Settings) -> dict[str, str]:
        """The files that training with these settings runs, with their hashes."""
        return sources(*self.training_roots, *settings.modules())

    def evaluation_sources(self, settings: Settings) -> dict[str, str]:
        """The files that evaluating a run of these settings runs, with their hashes."""
        return sources(*self.evaluation_roots, *settings.modules())


KINDS: dict[str, Kind] = {name: Kind(name, f"hrssm.systems.{name}") for name in ("rssm", "updates", "vae", "hieros")}


def kind(name: str) -> Kind:
    """The system of this name; raises ValueError naming those that there are."""
    if name not in KINDS:
        raise ValueError(f"kind {name!r} is unknown; known kinds: {', '.join(KINDS)}")
    return KINDS[name]
