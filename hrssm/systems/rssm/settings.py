"""What an RSSM's run is: its data, encoder, latent, model, objective and evaluation."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from hrssm.latents.table import LATENTS, check, known
from hrssm.networks import table as updates
from hrssm.training.scale import Scale
from hrssm.training.settings import Settings as Base
from hrssm.training.settings import Strict, Training

MOST_NODES = 10**6
WIDEST = 2**16


class Tree(Strict):
    """Walks over a tree, and how they are drawn; the defaults are the write-up's. ``data_seed`` draws the tree.

    ``max_depth`` and ``held_out`` (a share of the subtrees) confine the walks of training; see
    `hrssm.environments.tree.TreeMDP` for the rest.
    """

    source: Literal["tree"] = "tree"
    shape: Literal["regular", "irregular", "library"] = "regular"
    branching: int = Field(default=4, ge=2, le=10**4)
    depth: int = Field(default=5, ge=1, le=64)
    observation_dim: int = Field(default=64, ge=1, le=WIDEST)
    embedding_dim: int = Field(default=16, ge=1, le=WIDEST)
    noise: float = Field(default=0.05, ge=0, le=1e6)
    noise_at: Literal["node", "visit"] = "node"
    depth_code: Literal["random", "smooth"] = "random"
    start: Literal["uniform", "stationary"] = "uniform"
    lazy: float = Field(default=0.0, ge=0, lt=1)
    max_depth: int | None = Field(default=None, ge=1)
    held_out: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.shape == "library":
            return self
        nodes = (self.branching ** (self.depth + 1) - 1) // (self.branching - 1)
        if nodes > MOST_NODES:
            raise ValueError(
                f"a tree of branching {self.branching} and depth {self.depth} has {nodes:.3g} nodes; at most "
                f"{MOST_NODES} are allowed"
            )
        if self.max_depth is not None and self.max_depth > self.depth:
            raise ValueError(f"max_depth {self.max_depth} lies beyond the tree, whose depth is {self.depth}")
        return self


class MLPEncoder(Strict):
    """Three affine maps with ELU between them, from an observation to the evidence of the posterior."""

    network: Literal["mlp"] = "mlp"
    width: int = Field(default=128, ge=1, le=WIDEST)


class Latent(Strict):
    """The latent family, its dimension, and the bounds on what its heads put out."""

    family: str = "hg"
    dim: int = Field(default=16, ge=2, le=4096)
    scale_min: float = Field(default=0.05, gt=0)
    scale_max: float = Field(default=5.0, gt=0)
    height_max: float = Field(default=8.0, gt=0)

    @field_validator("family")
    @classmethod
    def _known(cls, family: str) -> str:
        known(family)
        return family

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.scale_min >= self.scale_max:
            raise ValueError(f"scale_min {self.scale_min} must be below scale_max {self.scale_max}")
        check(self.family, self.dim)
        return self


class Model(Strict):
    """Width, state update, prior and decoder of the recurrent state-space model."""

    hidden: int = Field(default=256, ge=1, le=WIDEST)
    encoder: MLPEncoder = MLPEncoder()
    prior: Literal["plain", "action", "action-frozen"] = "plain"
    decoder: Literal["flat", "aware", "gated"] = "flat"
    gate_steps: int = Field(default=0, ge=0, description="steps over which a gated decoder's gate opens linearly")
    update: str = Field(default="gru", description="the state update, by its name in hrssm.networks.table")

    @field_validator("update")
    @classmethod
    def _known(cls, update: str) -> str:
        updates.check(update)
        return update


class Objective(Strict):
    """What is minimised: reconstruction plus weighted KL terms.

    reconstruction: "mse", the write-up's mean over coordinates (obj-scale), or "gaussian", the likelihood of standard
    deviation likelihood_scale, in observation units; height_weight, fibre_weight: weights of the height term, and of
    the fibre and drift terms (of the whole KL, both must agree, where a family has no such terms); warmup: steps over
    which the KL weight rises linearly to them from 0; free_nats: each element's KL counts only above this, before the
    mean; log_drift_max: clamp of the log drift moment (hg-drift-clamp), None for the exact KL; drift: "frozen" cuts the
    gradient through the drift's dependence on the height (hg-drift-monotone), "none" leaves the term out of the loss.
    """

    reconstruction: Literal["mse", "gaussian"] = "mse"
    likelihood_scale: float = Field(default=1.0, gt=0)
    height_weight: float = Field(default=1.0, ge=0)
    fibre_weight: float = Field(default=1.0, ge=0)
    warmup: int = Field(default=0, ge=0)
    free_nats: float = Field(default=0.0, ge=0)
    log_drift_max: float | None = 10.0
    drift: Literal["whole", "frozen", "none"] = "whole"


class Walking(Training):
    """The loop's settings, and how long a training walk is."""

    length: int = Field(default=8, ge=2, le=10**5)


class Evaluation(Strict):
    """Walks of the published evaluation, the depths that count as out of distribution, if any, and ``imagined``: up to
    how many times the length of a training walk the prior is rolled out to see whether its state grows, 0 for never."""

    walks: int = Field(default=100, ge=2, le=10**6)
    length: int = Field(default=10, ge=2, le=10**5)
    max_depth: int | None = Field(default=None, ge=1)
    out_of_distribution_depth: int | None = Field(default=None, ge=1)
    imagined: int = Field(default=0, ge=0, le=10**4)


class Settings(Base):
    """Everything that determines the runs of one RSSM cell, but for their seeds."""

    aliases: ClassVar[tuple[str, ...]] = ("alignment",)

    kind: Literal["rssm"] = "rssm"
    data_seed: int = Field(default=42, ge=0, lt=2**31, description="seed of the tree")
    data: Tree = Tree()
    latent: Latent = Latent()
    model: Model = Model()
    objective: Objective = Objective()
    training: Walking = Walking()  # type: ignore[assignment]
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not LATENTS[self.latent.family].has_height:
            if self.model.prior != "plain" or self.model.decoder != "flat":
                raise ValueError(
                    f"model.prior {self.model.prior!r} and model.decoder {self.model.decoder!r} need a latent with a "
                    f"height; family {self.latent.family!r} has none, so only 'plain' and 'flat' are allowed"
                )
            if self.objective.height_weight != self.objective.fibre_weight:
                raise ValueError(
                    f"height_weight and fibre_weight must be equal for family {self.latent.family!r}, "
                    "whose KL is not split"
                )
        if self.objective.drift != "whole" and not self.latent.family.startswith("hg"):
            raise ValueError(
                f"objective.drift {self.objective.drift!r}: family {self.latent.family!r} has no drift term"
            )
        for name in ("max_depth", "out_of_distribution_depth"):
            depth = getattr(self.evaluation, name)
            if depth is not None and depth > self.data.depth:
                raise ValueError(f"evaluation.{name} {depth} lies beyond the tree, whose depth is {self.data.depth}")
        return self

    def scaled(self, scale: Scale) -> Self:
        full = self.training.steps
        model, evaluation = self.model, self.evaluation
        return self.model_copy(
            update={
                "model": model.model_copy(
                    update={
                        "hidden": scale.narrow(model.hidden),
                        "encoder": model.encoder.model_copy(update={"width": scale.narrow(model.encoder.width)}),
                        "gate_steps": scale.share(model.gate_steps, full),
                    }
                ),
                "evaluation": evaluation.model_copy(
                    update={
                        "walks": min(evaluation.walks, scale.evaluation_walks),
                        "imagined": min(evaluation.imagined, scale.rollout),
                    }
                ),
                "objective": self.objective.model_copy(update={"warmup": scale.share(self.objective.warmup, full)}),
                "training": scale.training(self.training),
            }
        )

    def work(self) -> float:
        t, hidden = self.training, self.model.hidden
        return float(t.steps * t.batch * t.length * hidden * (8 * hidden + self.data.observation_dim))

    def modules(self) -> tuple[str, ...]:
        return (LATENTS[self.latent.family].module, updates.UPDATES[self.model.update].module)

    def resolve(self, metric: str, group: str) -> str:
        """ "alignment" is the metric that measures alignment with depth for this run.

        Published track: the height, or the best principal component (in the dynamics group the first one, as the
        write-up has it). Intended track: the rank correlation within a step, which the clock cannot enter.
        """
        if metric != "alignment":
            return metric
        if self.track == "intended":
            return "rho_given_t"
        if LATENTS[self.latent.family].has_height:
            return "rho_height"
        return "rho_first_pc" if group == "dynamics" else "rho_best_pc"

    @property
    def family(self) -> str:
        return LATENTS[self.latent.family].label

    @property
    def size(self) -> int:
        return self.latent.dim

    def label(self, *, dimension: bool = True) -> str:
        """A run in words: family, dimension (unless left out), then what makes it special.

        >>> Settings.model_validate({"latent": {"family": "hg-diagonal"}}).label()
        'HG, diagonal fibre, d = 16'
        """
        words = [self.family, f"d = {self.size}" if dimension else "", self.variant()]
        return ", ".join(word for word in words if word)

    def variant(self) -> str:
        """What sets a run apart besides family and dimension, in words; empty for the plain one.

        >>> Settings.model_validate({"model": {"prior": "action"}}).variant()
        'action prior'
        """
        prior = {"plain": "", "action": "action prior", "action-frozen": "frozen action prior"}
        decoder = {"flat": "", "aware": "aware decoder", "gated": "gated decoder"}
        update = "" if self.model.update == "gru" else updates.UPDATES[self.model.update].label
        words = [update, prior[self.model.prior], decoder[self.model.decoder]]
        if self.data.branching == 50:
            words.append("flat tree")
        if self.data.shape != "regular":
            words.append(f"{self.data.shape} tree")
        if self.objective.drift != "whole":
            words.append({"frozen": "drift's height frozen", "none": "no drift term"}[self.objective.drift])
        if self.objective.height_weight != 1 or self.objective.fibre_weight != 1:
            words.append(f"weights {self.objective.height_weight:g}, {self.objective.fibre_weight:g}")
        return ", ".join(word for word in words if word)
