"""What an experiment asserts and shows: quantities, claims with their rules, figures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hrssm.training.settings import NAME, Strict
from hrssm.training.vocabulary import Vocabulary

__all__ = ["Claim", "Figure", "Quantity", "misnamed"]


class Quantity(Strict):
    """One measured number per seed: a metric of a cell, under a control and a protocol, over a range of the data."""

    cell: str
    metric: str
    control: str = "trained"
    protocol: str = "published"
    range: str = "in"
    absolute: bool = False


class Claim(Strict):
    """A statement with its decision rule, fixed before the run.

    The 95 % t interval over seeds of quantity - against (paired by seed) decides: ``holds`` when all of it satisfies
    the relation to the margin, ``fails`` when none of it does, ``undecided`` otherwise. "=" asks for |difference| <=
    margin.
    """

    id: str = Field(pattern=NAME)
    statement: str
    source: str
    quantity: Quantity
    against: Quantity | float = 0.0
    relation: Literal[">", "<", "="]
    margin: float = Field(default=0.0, ge=0)


class Figure(Strict):
    """A figure of an experiment: a row of panels per metric, a column per track.

    draw: "cells" (one column per cell), "dimensions" (against the latent dimension), "curves" (against the training
    step), "ranges" (one of the two ``ranges`` of the data beside the other) or "horizons" (against the length of a
    roll-out). A metric may be one that the system's settings resolve cell by cell, such as "alignment". Colours and
    legend are those of the families, or of the cells with ``by_cell``.
    """

    name: str = Field(pattern=NAME)
    draw: Literal["cells", "dimensions", "curves", "ranges", "horizons"]
    metrics: list[str] = Field(min_length=1)
    caption: str
    by_cell: bool = False
    controls: list[str] = Field(default=[])
    ranges: list[str] = Field(default=["in", "out"], min_length=2, max_length=2)


def misnamed(vocabulary: Vocabulary, quantity: Quantity) -> tuple[str, str] | None:
    """The key of a quantity that names what the system does not record, and what is wrong with it; None if all is
    well."""
    for key in ("metric", "control", "protocol", "range"):
        if wrong := vocabulary.unknown(**{key: getattr(quantity, key)}):
            return key, wrong
    return None
