"""The numbers that a source prints, beside which ours are put: `experiments/<system>/printed.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hrssm.experiment.yaml_file import YamlFile

__all__ = ["Printed", "read_printed"]

Printed = dict[str, Any]


def read_printed(experiments: Path) -> dict[str, list[Printed]]:
    """The printed numbers of every system, by experiment id."""
    found: dict[str, list[Printed]] = {}
    for path in sorted(experiments.glob("*/printed.yaml")):
        found |= YamlFile(path).data["values"]
    return found
