"""What a system records: its metrics, controls, protocols and ranges, each with a label and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Vocabulary", "Word"]


@dataclass(frozen=True)
class Word:
    """A name's short label, as tables and figures print it, and one sentence that says what it is."""

    label: str
    sentence: str


@dataclass(frozen=True)
class Vocabulary:
    """All names that the rows of a system may carry; a claim or a figure that names anything else is refused.

    ``trained`` is the control that is the model itself; ``training`` names what only training records; ``evaluation``
    maps each track to the protocol that its tables show; ``curves`` is the protocol of what is evaluated during
    training; ``counterparts`` is what the intended track asks in place of a metric; ``plateau`` is the metric of
    training, recorded under ``plateau_protocol``, whose fall must have ended before a claim of the intended track is
    decided; ``seedless`` names the controls that have one value for all seeds.
    """

    metrics: Mapping[str, Word]
    controls: Mapping[str, Word]
    protocols: Mapping[str, Word]
    ranges: Mapping[str, Word]
    training: Mapping[str, Word]
    evaluation: Mapping[str, str]
    curves: str
    counterparts: Mapping[str, str]
    plateau: str
    plateau_protocol: str = "train"
    seedless: tuple[str, ...] = ("blind-clock",)

    def label(self, metric: str) -> str:
        """The short name of a metric, or of what only training records."""
        return {**self.training, **self.metrics}[metric].label if metric in self else metric

    def __contains__(self, metric: object) -> bool:
        return metric in self.metrics or metric in self.training

    def unknown(self, **given: str) -> str | None:
        """What is wrong with names given as metric=, control=, protocol= or range=; None where all are known."""
        for field, name in given.items():
            known: Mapping[str, Word] = getattr(self, f"{field}s")
            if field == "metric":
                known = {**self.metrics, **self.training}
            if name not in known:
                return f"{field} {name!r} is unknown; known: {', '.join(known)}"
        return None
