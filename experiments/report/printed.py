"""The numbers that a source prints, beside which ours are put: `experiments/<system>/printed.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from hrssm.experiment.experiment import Experiment
from hrssm.experiment.yaml_file import YamlFile
from hrssm.training.settings import Strict

__all__ = ["Printed", "read_printed"]


class Printed(Strict):
    """One printed number: of a cell and a metric, with its place in the source.

    ``step`` and ``of`` say where in training it was read, of how many steps; ``value`` None is a dash in the source;
    ``magnitude`` marks an absolute value, ``other_run`` a number of another run than the cell's.
    """

    cell: str
    metric: str
    value: float | None
    place: str
    step: int | None = Field(default=None, ge=0)
    of: int | None = Field(default=None, ge=1)
    range: str = "in"
    spread: float | None = None
    magnitude: bool = False
    other_run: bool = False
    origin: Literal["write-up", "repository"] = "write-up"

    @model_validator(mode="after")
    def _within(self) -> Self:
        if (self.step is None) != (self.of is None):
            raise ValueError("step and of belong together: a number read at a step out of so many")
        if self.step is not None and self.of is not None and self.step > self.of:
            raise ValueError(f"step {self.step} lies beyond the {self.of} steps of the run")
        return self

    @property
    def at_end(self) -> bool:
        """Whether it is a number of the end of the run."""
        return self.step == self.of


class _File(Strict):
    """What is not ``values`` belongs to the paper's text, which reads it itself."""

    model_config = ConfigDict(extra="allow")

    values: dict[str, list[Printed]] = Field(default={})


def read_printed(experiments: Path, plan: Mapping[str, Experiment]) -> dict[str, list[Printed]]:
    """The printed numbers of the experiments of ``plan``, by id.

    Raises ExperimentError with file and line where one belongs to no cell, or to a metric or range that its system does
    not record.
    """
    found: dict[str, list[Printed]] = {id: [] for id in plan}
    for path in sorted(experiments.glob("*/printed.yaml")):
        source = YamlFile(path)
        for id, entries in source.validate(_File, source.data).values.items():
            if id not in plan:
                continue
            cells, vocabulary = plan[id].cells, plan[id].vocabulary
            for index, entry in enumerate(entries):
                wrong: dict[str, str | None] = {"cell": None}
                if entry.cell not in cells:
                    wrong["cell"] = f"{id} has no cell {entry.cell!r}; its cells are: {', '.join(cells)}"
                wrong |= {key: vocabulary.unknown(**{key: getattr(entry, key)}) for key in ("metric", "range")}
                for key, words in wrong.items():
                    if words:
                        raise source.error(("values", id, index, key), key, words)
            found[id] += entries
    return found
