"""How runs shrink for a laptop or a smoke test."""

from __future__ import annotations

from pydantic import Field

from hrssm.training.settings import MOST_STEPS, Strict, Training

__all__ = ["ARCHIVE", "Scale"]

#: The scale whose runs are those of the archive: full length, not trained by the build but replicated.
ARCHIVE = "archive"


class Scale(Strict):
    """How a run shrinks: factors on widths, steps and batch, with floors; and how many seeds it gets."""

    seeds: int = Field(ge=1, le=10**6)
    data_seeds: int = Field(default=10**6, ge=1, description="data seeds that a pool of cells keeps")
    width: float = Field(default=1.0, gt=0, le=1)
    steps: float = Field(default=1.0, gt=0, le=1)
    at_least: int = Field(
        default=1, ge=1, le=MOST_STEPS, description="steps that no run goes below, unless its full length is shorter"
    )
    batch: float = Field(default=1.0, gt=0, le=1)
    learning_rate: float = Field(default=1.0, gt=0, description="factor on the learning rate, for the shorter training")
    evaluation_walks: int = Field(default=10**9, ge=2, description="what an evaluation scores is at most so much")
    rollout: int = Field(
        default=10**9, ge=1, description="a roll-out is at most so many times as long as a training sequence"
    )
    cells_per_job: int = Field(default=1, ge=1, description="cells that one job of the pipeline trains")

    @property
    def whole(self) -> bool:
        """Whether runs keep their full width, length and batch."""
        return self.width == self.steps == self.batch == 1

    def length(self, full: int) -> int:
        """Steps of a run whose full length is ``full``."""
        return min(full, max(self.at_least, round(full * self.steps)))

    def share(self, of: int, full: int) -> int:
        """``of`` steps out of ``full`` at the shorter length; 0 stays 0, anything else is at least 1."""
        return max(1, round(of * self.length(full) / full)) if of else 0

    def narrow(self, width: int, at_least: int = 8) -> int:
        """A layer's width at this scale."""
        return min(width, max(at_least, round(width * self.width)))

    def training(self, full: Training) -> Training:
        """The loop's settings at this scale; the evaluation's interval keeps its share of the training."""
        return full.model_copy(
            update={
                "steps": self.length(full.steps),
                "batch": max(2, round(full.batch * self.batch)),
                "learning_rate": full.learning_rate * self.learning_rate,
                "evaluate_every": self.share(full.evaluate_every, full.steps),
            }
        )
