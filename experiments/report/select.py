"""One way to look up a quantity in the summary: ledger, tables and figures all use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from experiments.report.statistics import Interval, interval
from hrssm.experiment.claims import Quantity
from hrssm.experiment.experiment import Experiment

__all__ = ["Selection", "seed_values"]


class Selection:
    """The rows of one experiment in the summary."""

    def __init__(self, experiment: Experiment, summary: pd.DataFrame) -> None:
        self.experiment = experiment
        rows = summary[summary["experiment"] == experiment.id]
        keys = ["cell", "metric", "control", "protocol", "range", "final"]
        self._groups: Mapping[Any, pd.DataFrame] = {key: group for key, group in rows.groupby(keys)}
        self.metrics = set(rows["metric"])

    def rows(self, quantity: Quantity, *, final: bool = True) -> pd.DataFrame:
        """The rows of a quantity in order of steps: one at the end of a run, or with final=False its curve."""
        q = quantity
        found = self._groups.get((q.cell, q.metric, q.control, q.protocol, q.range, final))
        if found is None:
            return pd.DataFrame(columns=["step", "n", "mean", "low", "high", "seeds", "values"])
        return found[found["n"] > 0].sort_values("step")

    def quantity(self, cell: str, metric: str, *, control: str = "trained", range: str = "in") -> Quantity:
        """A quantity under the protocol that shows the cell's track; what only training records, under its own."""
        vocabulary, track = self.experiment.vocabulary, self.experiment.cells[cell].of.track
        protocol = vocabulary.evaluation[track] if metric in vocabulary.metrics else "train"
        return Quantity(cell=cell, metric=metric, control=control, range=range, protocol=protocol)

    def estimate(self, quantity: Quantity) -> Interval:
        """The interval over seeds of a quantity at the end of its run; n = 0 where it was not measured."""
        return interval(seed_values(self.rows(quantity), absolute=quantity.absolute).values())


def seed_values(rows: pd.DataFrame, *, absolute: bool = False) -> dict[int, float]:
    """The finite value of the last row for each seed; empty where nothing was measured."""
    if rows.empty:
        return {}
    row = rows.iloc[-1]
    pairs = zip(row["seeds"], row["values"], strict=True)
    finite = {int(seed): float(value) for seed, value in pairs if math.isfinite(value)}
    return {seed: abs(value) for seed, value in finite.items()} if absolute else finite
