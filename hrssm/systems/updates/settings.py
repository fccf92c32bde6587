"""What a run of a state update is: the moves it integrates, the update, its training and its roll-out."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator

from hrssm.networks import table
from hrssm.training.scale import Scale
from hrssm.training.settings import Settings as Base
from hrssm.training.settings import Strict, Training

LAWS = {"tree": "on the tree", "balanced": "balanced moves", "drifting": "drifting moves"}


class Moves(Strict):
    """Moves up and down a B-ary tree, and the depth that they lead to.

    law: "tree", the random walk on the tree of this depth L; its moves sum to at most L. "drifting", the walk far from
    the root of the infinite tree, deeper with probability B/(B + 1), and "balanced", deeper or shallower alike; their
    depth counts modulo L + 1, as it grows without bound, in the mean by (B - 1)/(B + 1) a step and by nothing.
    """

    law: Literal["tree", "balanced", "drifting"] = "tree"
    branching: int = Field(default=4, ge=2, le=100)
    depth: int = Field(default=5, ge=1, le=12)


class Model(Strict):
    """The state update, by its name in `hrssm.networks.table`, and the width of its state."""

    update: str = "gru"
    hidden: int = Field(default=64, ge=1, le=2**14)

    @field_validator("update")
    @classmethod
    def _known(cls, update: str) -> str:
        table.check(update)
        return update


class Integrating(Training):
    """The loop's settings, and how many moves a training sequence has."""

    steps: int = Field(default=2000, ge=1, le=10**9)
    batch: int = Field(default=64, ge=1, le=10**6)
    learning_rate: float = Field(default=1e-3, gt=0, le=1e3)
    clip: float = Field(default=1.0, gt=0)
    length: int = Field(default=20, ge=2, le=10**5)


class Evaluation(Strict):
    """How many sequences are rolled out, and up to how many times the length of a training sequence."""

    sequences: int = Field(default=16, ge=1, le=10**5)
    rollout: int = Field(default=1000, ge=1, le=10**5)


class Settings(Base):
    """Everything that determines the runs of one cell, but for their seeds."""

    kind: Literal["updates"] = "updates"
    data: Moves = Moves()
    model: Model = Model()
    training: Integrating = Integrating()  # type: ignore[assignment]
    evaluation: Evaluation = Evaluation()

    def scaled(self, scale: Scale) -> Self:
        evaluation = {
            "sequences": min(self.evaluation.sequences, scale.evaluation_walks),
            "rollout": min(self.evaluation.rollout, scale.rollout),
        }
        return self.model_copy(
            update={
                "model": self.model.model_copy(update={"hidden": scale.narrow(self.model.hidden)}),
                "training": scale.training(self.training),
                "evaluation": self.evaluation.model_copy(update=evaluation),
            }
        )

    def work(self) -> float:
        t, hidden = self.training, self.model.hidden
        return float(t.steps * t.batch * t.length * 3 * 4 * hidden * hidden)

    def modules(self) -> tuple[str, ...]:
        return (table.UPDATES[self.model.update].module,)

    @property
    def family(self) -> str:
        return table.UPDATES[self.model.update].label

    def label(self, *, dimension: bool = True) -> str:
        """A run in words.

        >>> Settings.model_validate({"model": {"update": "gated"}, "data": {"law": "drifting"}}).label()
        'elementwise gate, tanh candidate, drifting moves'
        """
        return ", ".join(word for word in (self.family, self.variant()) if word)

    def variant(self) -> str:
        return "" if self.data.law == "tree" else LAWS[self.data.law]
