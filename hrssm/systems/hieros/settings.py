"""What an agent's run is: its task, world model, actor and critics, levels, replay and training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hrssm.latents.table import LATENTS, check
from hrssm.training.scale import Scale
from hrssm.training.settings import Settings as Base
from hrssm.training.settings import Strict, Training

WIDEST = 2**14
LARGEST_REPLAY = 10**9
"""Bytes of observations that a run may remember."""

Width = Annotated[int, Field(ge=1, le=WIDEST)]


class Tree(Strict):
    """Reach hidden leaves of the tree in their order; ``data_seed`` draws the tree and the leaves."""

    name: Literal["tree"] = "tree"
    branching: int = Field(default=3, ge=2, le=100)
    depth: int = Field(default=4, ge=1, le=12)
    goals: int = Field(default=1, ge=1)
    length: int = Field(default=20, ge=2, le=10**5, description="observations in an episode")
    observation_dim: int = Field(default=64, ge=1, le=4096)


class PinPad(Strict):
    """Step on pads in a hidden order, which ``data_seed`` draws."""

    name: Literal["pinpad"] = "pinpad"
    pads: int = Field(default=3, ge=2, le=6)
    observation: Literal["vector", "image"] = "vector"
    length: int = Field(default=2000, ge=2, le=10**6)


class Atari(Strict):
    """One Atari game under the Atari100k protocol; needs the extra ``atari``."""

    name: Literal["atari"] = "atari"
    game: str = Field(pattern=r"^[a-z0-9_]+$")
    limit: int = Field(default=54_000, ge=1, description="steps of four frames in an episode")


class Latent(Strict):
    """The family of the discrete or continuous state, and its dimension: n^2 for n categoricals of n classes."""

    family: str = "categorical"
    dim: int = Field(default=1024, ge=2, le=2**14)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check(self.family, self.dim)
        return self


class WorldModel(Strict):
    """Encoder, recurrence, prior, and the heads on (z, h).

    recurrence: "s5", or "gru" in its place; width: of what goes through it and of h; states, depth, blocks: of the S5
    stack; initial: what an episode's recurrence starts from, zeros (as the published code does) or a learned state (as
    its slides say); hidden, layers: of the networks around it; image_depth: channels after the first convolution;
    dynamics, representation: weights of the two KLs; free_nats: each element's KL counts only above this, before the
    mean.
    """

    latent: Latent = Latent()
    recurrence: Literal["s5", "gru"] = "s5"
    width: Width = 256
    states: Width = 128
    depth: int = Field(default=4, ge=1, le=64)
    blocks: int = Field(default=4, ge=1, le=64)
    initial: Literal["zero", "learned"] = "zero"
    hidden: Width = 512
    layers: int = Field(default=2, ge=1, le=16)
    image_depth: int = Field(default=24, ge=1, le=512)
    dynamics: float = Field(default=0.5, ge=0)
    representation: float = Field(default=0.1, ge=0)
    free_nats: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.recurrence == "s5" and self.states % self.blocks:
            raise ValueError(f"states {self.states} cannot be cut into {self.blocks} blocks: choose a multiple of them")
        return self


class ActorCritic(Strict):
    """How actions are learned in imagination.

    horizon: imagined steps; discount, trace: gamma and lambda of the returns; entropy: its weight; normalise: divide
    advantages by the returns' spread ("percentile", which the published code computes and leaves unused) or not
    ("none", as it runs); slow: how much of the critic its slow copy takes over at each update; inputs: what the actor
    sees besides state and goal.
    """

    horizon: int = Field(default=16, ge=1, le=1000)
    discount: float = Field(default=0.997, gt=0, le=1)
    trace: float = Field(default=0.95, ge=0, le=1)
    entropy: float = Field(default=3e-4, ge=0)
    normalise: Literal["percentile", "none"] = "percentile"
    slow: float = Field(default=0.02, gt=0, le=1)
    inputs: Annotated[tuple[Literal["reward", "continue", "entropy"], ...], Field(strict=False)] = (
        "reward",
        "continue",
        "entropy",
    )
    hidden: Width = 512
    layers: int = Field(default=2, ge=1, le=16)


class Replay(Strict):
    """How many decisions are kept, and by which law the start of a window is drawn among them."""

    capacity: int = Field(default=1_000_000, ge=2, le=10**9)
    law: Literal["uniform", "time-balanced", "beta"] = "time-balanced"
    tau: float = Field(default=0.3, ge=0, le=1, description="lean of the time-balanced law towards the new")
    power: float = Field(default=1.5, ge=1, description="of the beta law")


class Learning(Training):
    """The loop's settings; a step is ``decisions_per_update`` decisions and one update of every part.

    batch, length: windows of an update and their steps; prefill: random decisions before the first step;
    learning_rate and clip are the world model's, actor_learning_rate and actor_clip those of actors and critics.
    """

    steps: int = Field(default=100_000, ge=1, le=10**9)
    batch: int = Field(default=16, ge=1, le=10**6)
    length: int = Field(default=64, ge=2, le=10**5)
    learning_rate: float = Field(default=1e-4, gt=0, le=1e3)
    clip: float = Field(default=1000.0, gt=0)
    actor_learning_rate: float = Field(default=3e-5, gt=0, le=1e3)
    actor_clip: float = Field(default=100.0, gt=0)
    decisions_per_update: int = Field(default=1, ge=1, le=10**6)
    prefill: int = Field(default=1024, ge=1, le=10**9)


class Evaluation(Strict):
    """Episodes that each seed's agent plays after training."""

    episodes: int = Field(default=100, ge=1, le=10**6)


class Settings(Base):
    """Everything that determines the runs of one agent, but for their seeds."""

    kind: Literal["hieros"] = "hieros"
    data_seed: int = Field(default=1, ge=0, lt=2**31, description="seed of the task")
    task: Tree | PinPad | Atari = Field(default=Tree(), discriminator="name")
    model: WorldModel = WorldModel()
    agent: ActorCritic = ActorCritic()
    replay: Replay = Replay()
    training: Learning = Learning()  # type: ignore[assignment]
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _check(self) -> Self:
        kept = min(self.replay.capacity, self.training.prefill)
        if kept < self.training.length:
            raise ValueError(
                f"replay.capacity {self.replay.capacity} and training.prefill {self.training.prefill} must both hold a "
                f"window of training.length {self.training.length}"
            )
        if (held := self.replay.capacity * self._frame()) > LARGEST_REPLAY:
            raise ValueError(
                f"replay.capacity {self.replay.capacity} would take {held / 1e9:.1f} GB: a run's replay is held in "
                f"memory and in its checkpoint, so give at most {LARGEST_REPLAY // self._frame()} for this task"
            )
        return self

    def _frame(self) -> int:
        """Bytes of one observation."""
        images = self.task.name == "atari" or (self.task.name == "pinpad" and self.task.observation == "image")
        return 64 * 64 * 3 if images else 4 * (self.task.observation_dim if self.task.name == "tree" else 64)

    def scaled(self, scale: Scale) -> Self:
        # The sizes that solve the small tasks are floors: below them nothing is learned at any length.
        model, agent, training = self.model, self.agent, scale.training(self.training)
        return self.model_copy(
            update={
                "model": model.model_copy(
                    update={
                        "width": scale.narrow(model.width, 64),
                        "states": model.blocks * max(1, scale.narrow(model.states, 32) // model.blocks),
                        "hidden": scale.narrow(model.hidden, 64),
                        "image_depth": scale.narrow(model.image_depth),
                    }
                ),
                "agent": agent.model_copy(update={"hidden": scale.narrow(agent.hidden, 64)}),
                "training": training,
                "evaluation": Evaluation(episodes=min(self.evaluation.episodes, scale.evaluation_walks)),
            }
        )

    def work(self) -> float:
        t, width = self.training, self.model.hidden
        images = 64 * 64 * 16 * self.model.image_depth if self.task.name == "atari" else 0
        rows = t.batch * t.length
        return float(t.steps * rows * (self.agent.horizon * width * (width + self.model.latent.dim) + images))

    def modules(self) -> tuple[str, ...]:
        environments = {"tree": "tree_task", "pinpad": "pinpad", "atari": "atari"}
        return (LATENTS[self.model.latent.family].module, f"hrssm.environments.{environments[self.task.name]}")

    @property
    def family(self) -> str:
        """The agent's recurrence in words."""
        return {"s5": "S5", "gru": "GRU"}[self.model.recurrence]

    def variant(self) -> str:
        """The task, and what sets the agent apart, in words."""
        task = self.task
        if task.name == "tree":
            words = [f"{'one goal' if task.goals == 1 else f'{task.goals} goals'} at depth {task.depth}"]
        else:
            words = [f"{task.pads} pads" if task.name == "pinpad" else task.game]
        if self.agent.normalise == "none":
            words.append("advantages not normalised")
        if self.model.initial == "learned":
            words.append("learned initial state")
        return ", ".join(words)

    def label(self, *, dimension: bool = True) -> str:
        """An agent in words: recurrence, then task.

        >>> Settings().label()
        'S5, one goal at depth 4'
        """
        return f"{self.family}, {self.variant()}"
