"""One way to look up a quantity in the summary: ledger, tables and figures all use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from experiments.report.statistics import Interval, Key, pooled
from hrssm.experiment.claims import Quantity
from hrssm.experiment.experiment import Experiment

__all__ = ["STILL_FALLING", "Selection", "fall", "seed_values"]


class Selection:
    """The rows of one experiment in the summary."""

    def __init__(self, experiment: Experiment, summary: pd.DataFrame) -> None:
        self.experiment = experiment
        rows = summary[summary["experiment"] == experiment.id]
        keys = ["cell", "metric", "control", "protocol", "range", "final"]
        self._groups: Mapping[Any, pd.DataFrame] = {key: group for key, group in rows.groupby(keys)}
        self._cells = set(rows["cell"])

    def measured(self, cell: str) -> bool:
        """Whether a cell, or any cell of a pool, has been run."""
        return cell in self._cells

    def rows(self, quantity: Quantity, *, final: bool = True) -> pd.DataFrame:
        """The rows of a quantity in order of steps: one at the end of a run, or with final=False its curve."""
        q = quantity
        found = self._groups.get((q.cell, q.metric, q.control, q.protocol, q.range, final))
        if found is None:
            return pd.DataFrame(columns=["step", "n", "mean", "low", "high", "data_seeds", "seeds", "values"])
        return found[found["n"] > 0].sort_values("step")

    def quantity(self, cell: str, metric: str, *, control: str = "trained", range: str = "in") -> Quantity:
        """A quantity under the protocol that shows the cell's track; what only training records, under its own."""
        vocabulary, track = self.experiment.vocabulary, self.experiment.of(cell).track
        protocol = vocabulary.evaluation[track] if metric in vocabulary.metrics else "train"
        return Quantity(cell=cell, metric=metric, control=control, range=range, protocol=protocol)

    def converged(self, cell: str) -> bool:
        """Whether a cell's training error had stopped falling when its run ended."""
        metric = self.experiment.vocabulary.plateau
        protocol = self.experiment.vocabulary.plateau_protocol
        fallen = fall(self.rows(Quantity(cell=cell, metric=metric, protocol=protocol), final=False))
        return fallen is not None and fallen < STILL_FALLING

    def estimate(self, quantity: Quantity) -> Interval:
        """The interval over seeds of a quantity at the end of its run; n = 0 where it was not measured."""
        return pooled(seed_values(self.rows(quantity), absolute=quantity.absolute))


#: A run has reached its plateau when its error falls by less than this share over the last quarter of the training,
#: against the quarter before it.
STILL_FALLING = 0.02


def fall(rows: pd.DataFrame) -> float | None:
    """By what share a curve (a row per step, with the seeds' mean) fell over its last quarter; None where it is too
    short to tell."""
    if rows.empty:
        return None
    last = rows["step"].max()
    before = rows[(rows["step"] > last / 2) & (rows["step"] <= 3 * last / 4)]["mean"].mean()
    after = rows[rows["step"] > 3 * last / 4]["mean"].mean()
    share = (before - after) / abs(before)
    return float(share) if math.isfinite(share) else None


def seed_values(rows: pd.DataFrame, *, absolute: bool = False) -> dict[Key, float]:
    """The finite value of the last row for each data seed and seed; empty where nothing was measured."""
    if rows.empty:
        return {}
    row = rows.iloc[-1]
    found = zip(row["data_seeds"], row["seeds"], row["values"], strict=True)
    finite = {(int(data), int(seed)): float(value) for data, seed, value in found if math.isfinite(value)}
    return {key: abs(value) for key, value in finite.items()} if absolute else finite
