"""What a figure draws: the summary of one experiment, its printed numbers, and a look for every cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pandas as pd

from experiments.report.figures.style import looks
from experiments.report.printed import Printed
from experiments.report.select import Selection
from hrssm.experiment.claims import Figure, Quantity
from hrssm.training.settings import Settings, Track

__all__ = ["TRACK_TITLES", "Data"]

TRACK_TITLES: dict[Track, str] = {"published": "as published", "intended": "as intended"}


class Data:
    """One figure's view of an experiment: cells by track, rows by quantity, a colour and a marker per cell."""

    def __init__(self, figure: Figure, selection: Selection, printed: Sequence[Printed]) -> None:
        self.figure, self.selection, self.printed = figure, selection, printed
        self.experiment = selection.experiment
        names = {cell: self._key(cell) for cell in self.experiment.shown}
        found = looks(names.values())
        self.looks = {cell: found[name] for cell, name in names.items()}
        self.names = names

    def _key(self, cell: str) -> str:
        settings = self.settings(cell)
        return settings.label(dimension=False) if self.figure.by_cell else settings.family

    def settings(self, cell: str) -> Settings:
        """The settings of `cell`."""
        return self.experiment.of(cell)

    @property
    def tracks(self) -> list[Track]:
        """The tracks of this experiment whose cells have been run (all of them where none has), published first."""
        there = {self.settings(cell).track for cell in self.experiment.shown}
        run = {self.settings(cell).track for cell in self.experiment.shown if self.selection.measured(cell)}
        return [track for track in get_args(Track) if track in (run or there)]

    def cells(self, track: Track) -> list[str]:
        """The cells of a track in the order of the file."""
        return [cell for cell in self.experiment.shown if self.settings(cell).track == track]

    def metric(self, cell: str, name: str) -> str:
        """The metric that a figure's metric means for a cell: of its settings, and of its track."""
        settings = self.settings(cell)
        resolved = settings.resolve(name, self.experiment.group)
        if resolved == name and settings.track == "intended":
            return self.experiment.vocabulary.counterparts.get(name, name)
        return resolved

    def rows(self, cell: str, name: str, *, control: str = "trained", range: str = "in") -> pd.DataFrame:
        """The rows of a metric at the end of a cell's run."""
        return self.selection.rows(self.selection.quantity(cell, self.metric(cell, name), control=control, range=range))

    def curve(self, cell: str, name: str, *, control: str = "trained") -> pd.DataFrame:
        """The rows of a metric over training; of a control, its rows at the end on the curve's walks."""
        metric, vocabulary = self.metric(cell, name), self.experiment.vocabulary
        protocol = vocabulary.curves if metric in vocabulary.metrics else "train"
        quantity = Quantity(cell=cell, metric=metric, control=control, protocol=protocol)
        return self.selection.rows(quantity, final=control != "trained")

    def printed_value(self, cell: str, name: str, range: str = "in") -> float | None:
        """The printed number of the end of a run, or None."""
        metric = self.metric(cell, name)
        for entry in self.printed:
            same = (entry.cell, entry.metric, entry.range) == (cell, metric, range)
            if same and entry.at_end and entry.value is not None:
                return entry.value
        return None
