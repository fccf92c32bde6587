"""The published Atari100k table recomputed: its aggregates, and on how many games a method is the best."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hrssm.evaluation.returns import AGGREGATES, normalised
from hrssm.experiment.yaml_file import YamlFile

__all__ = ["best_games", "read_table", "recomputed"]

Table = Mapping[str, Any]


def read_table(path: Path = Path("experiments/hieros/printed.yaml")) -> Table:
    """Methods, printed aggregates and scores by game."""
    return YamlFile(path).data["atari100k"]


def recomputed(table: Table) -> dict[str, dict[str, float]]:
    """By method and aggregate, in per cent: what follows from the printed rows, one score a game and method."""
    rows = np.array(list(table["scores"].values()), dtype=float)
    scores = normalised(rows[:, 2:].T, rows[:, 0], rows[:, 1])
    return {
        method: {name: 100 * statistic(scores[k : k + 1]) for name, statistic in AGGREGATES.items()}
        for k, method in enumerate(table["methods"])
    }


def best_games(table: Table, method: str) -> tuple[list[str], list[str]]:
    """The games on which a method is ahead of all others, and those on which it ties with the best of them."""
    k = table["methods"].index(method)
    alone, tied = [], []
    for game, (_, _, *scores) in table["scores"].items():
        others = max(score for j, score in enumerate(scores) if j != k)
        if scores[k] > others:
            alone.append(game)
        elif scores[k] == others:
            tied.append(game)
    return alone, tied
