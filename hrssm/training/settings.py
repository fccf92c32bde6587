"""What every system's settings share: strict models, the optimiser's settings, and what identifies a run.

Nothing here needs PyTorch. A system's own settings derive from ``Settings``.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from hrssm.training.scale import Scale

__all__ = ["DEVICES", "MOST_STEPS", "NAME", "Settings", "Strict", "Track", "Training", "within"]

#: What --device may be; auto is a CUDA device where there is one.
DEVICES = ("auto", "cpu", "cuda", "mps")
Track = Literal["published", "intended"]
#: What an experiment, a cell or anything else may be called that becomes part of a path.
NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
MOST_STEPS = 10**9
LARGEST_SEED = 2**31 - 1
#: Points of a training curve that are logged.
LOGGED_POINTS = 200


class Strict(BaseModel):
    """A model that refuses unknown keys, numbers that are not finite, and values of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class Training(Strict):
    """The loop's and the optimiser's settings; ``evaluate_every`` (steps, 0 for never) asks for a curve of the system's
    own evaluation."""

    steps: int = Field(default=15000, ge=1, le=MOST_STEPS)
    batch: int = Field(default=32, ge=1, le=10**6)
    learning_rate: float = Field(default=3e-4, gt=0, le=1e3)
    clip: float = Field(default=100.0, gt=0)
    evaluate_every: int = Field(default=0, ge=0, le=MOST_STEPS)

    def logged(self, number: int) -> bool:
        """Whether the loop logs after ``number`` steps: some 200 times in a run, at its end, and, so that a run can be
        told by its beginning, after 1, 2, 4, 8, ... steps."""
        early = number & (number - 1) == 0
        return early or number % max(1, self.steps // LOGGED_POINTS) == 0 or number == self.steps

    def evaluated(self, number: int) -> bool:
        """Whether a point of the evaluation's curve is due after ``number`` steps."""
        return bool(self.evaluate_every) and (number % self.evaluate_every == 0 or number == self.steps)


class Settings(Strict):
    """Everything that determines the runs of one cell, but for their seeds.

    A system derives its own from this: it fixes ``kind``, adds its parts, and says how they shrink (``scaled``), what
    they cost (``work``) and which modules they name (``modules``).
    """

    kind: str
    track: Track = "published"
    data_seed: int = Field(default=0, ge=0, lt=2**31, description="seed of the data, which all seeds of a cell share")
    starts_from: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        description="experiment/cell whose trained state this phase starts from",
    )  # fmt: skip
    training: Training = Training()

    @abstractmethod
    def scaled(self, scale: Scale) -> Self:
        """The settings at a scale: widths, steps and batch shrunk, intervals at their share of the training."""

    @abstractmethod
    def work(self) -> float:
        """What one member costs, in units of multiply-adds: to order jobs and to ask for time."""

    #: Names that figures may use for a metric that depends on the settings, which ``resolve`` looks up.
    aliases: ClassVar[tuple[str, ...]] = ()

    def resolve(self, metric: str, group: str) -> str:
        """The metric that a name stands for in a cell of these settings, in an experiment of this group."""
        return metric

    def label(self, *, dimension: bool = True) -> str:
        """A run in words, as tables and figures print it; ``dimension`` says whether its size is told."""
        return self.kind

    @property
    def family(self) -> str:
        """What figures colour a run by, in words: its latent family, its rule, its agent."""
        return self.kind

    @property
    def size(self) -> int | None:
        """The dimension that figures put on an axis, where the system has one."""
        return None

    def variant(self) -> str:
        """What sets a run apart besides family and size, in words; empty for the plain one."""
        return ""

    def modules(self) -> tuple[str, ...]:
        """Modules that these settings name, beside those of the system itself: their sources are the run's as well."""
        return ()

    def digest(self) -> str:
        """A hash of the settings, twelve hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()[:12]


def within(seeds: Sequence[int]) -> list[int]:
    """The seeds, if every one of them is in range; raises ValueError saying what the range is."""
    for seed in seeds:
        if not 0 <= seed <= LARGEST_SEED:
            raise ValueError(f"seed {seed} is out of range; seeds are 0 to {LARGEST_SEED}")
    return list(seeds)
