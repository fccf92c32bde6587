"""What every script of this folder takes, and how it says that a record is missing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrssm.experiment.experiment import Experiment, ExperimentError, load_all, load_scale
from hrssm.records.record import RecordError
from hrssm.training.scale import Scale

__all__ = ["Paths", "command"]


@dataclass(frozen=True)
class Paths:
    """Where a script reads and writes: the runs of one scale, and the experiment files."""

    scale: str
    folder: Path
    experiments: Path
    systems: tuple[str, ...]

    def plan(self) -> dict[str, Experiment]:
        """The experiments by id, as far as the scale goes."""
        scale = self.settings()
        return {id: experiment.at(scale) for id, experiment in load_all(self.experiments, self.systems).items()}

    def settings(self) -> Scale:
        """The scale itself."""
        return load_scale(self.experiments / "scales.yaml", self.scale)


def command(description: str | None, work: Callable[[Paths], str], argv: Sequence[str] | None = None) -> int:
    """Run a script: its one line is printed; exit status 0, or 2 with one paragraph when a record is missing."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--scale", required=True, help="a scale of scales.yaml: the folder below --results")
    made.add_argument("--results", type=Path, default=Path("results"), help="where the runs are (default: results)")
    made.add_argument("--experiments", type=Path, default=Path("experiments"), help="where the YAML files are")
    made.add_argument("--systems", default="", help="systems, separated by commas; all of them if not given")
    given = made.parse_args(argv)
    systems = tuple(name for name in given.systems.split(",") if name)
    try:
        print(work(Paths(given.scale, given.results / given.scale, given.experiments, systems)))
    except (RecordError, ExperimentError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
