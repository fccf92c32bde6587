"""What an experiment is: the schema of the YAML files, their scales, and errors that name file, line and key.

A file holds settings common to all its cells (``base``) and per cell what differs from them. ``load`` resolves every
cell to a full ``Run``; ``Scale`` shrinks a run for a laptop or a smoke test. Unknown keys are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hrssm.latents.table import LATENTS, check

Track = Literal["published", "intended"]
T = TypeVar("T", bound=BaseModel)


class ExperimentError(ValueError):
    """A YAML file that does not say what an experiment needs; the message names file, line, key and what was
    expected."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Environment(_Strict):
    """The tree MDP and how its walks are drawn (published.md, Environment)."""

    branching: int = Field(default=4, ge=2)
    depth: int = Field(default=5, ge=1)
    tree_seed: int = 42
    observation_dim: int = Field(default=64, ge=1)
    embedding_dim: int = Field(default=16, ge=1)
    noise: float = Field(default=0.05, ge=0)
    start: Literal["uniform", "stationary"] = "uniform"
    lazy: float = Field(default=0.0, ge=0, lt=1)
    max_depth: int | None = Field(default=None, ge=1)


class Latent(_Strict):
    """The latent family, its dimension, and the bounds on what its heads put out."""

    family: str = "hg"
    dim: int = Field(default=16, ge=2)
    scale_min: float = Field(default=0.05, gt=0)
    scale_max: float = Field(default=5.0, gt=0)
    height_max: float = Field(default=8.0, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Latent:
        if self.scale_min >= self.scale_max:
            raise ValueError(f"scale_min {self.scale_min} must be below scale_max {self.scale_max}")
        check(self.family, self.dim)  # raises ValueError where there is no such family or dimension
        return self


class Model(_Strict):
    """Widths, prior and decoder of the recurrent state-space model."""

    hidden: int = Field(default=256, ge=1)
    embedding: int = Field(default=128, ge=1)
    prior: Literal["plain", "action", "action-frozen"] = "plain"
    decoder: Literal["flat", "aware", "gated"] = "flat"
    gate_steps: int = Field(default=0, ge=0, description="steps over which a gated decoder's gate opens linearly")


class Loss(_Strict):
    """The objective; see hrssm.systems.rssm.objective.Objective."""

    reconstruction: Literal["mse", "gaussian"] = "mse"
    likelihood_scale: float = Field(default=1.0, gt=0)
    height_weight: float = Field(default=1.0, ge=0)
    fibre_weight: float = Field(default=1.0, ge=0)
    warmup: int = Field(default=0, ge=0)
    free_nats: float = Field(default=0.0, ge=0)
    log_drift_max: float | None = 10.0


class Training(_Strict):
    """The optimiser's settings; ``evaluate_every`` (steps, 0 for never) asks for a curve of the published
    evaluation."""

    steps: int = Field(default=15000, ge=1)
    batch: int = Field(default=32, ge=1)
    length: int = Field(default=8, ge=2)
    learning_rate: float = Field(default=3e-4, gt=0)
    clip: float = Field(default=100.0, gt=0)
    evaluate_every: int = Field(default=0, ge=0)


class Evaluation(_Strict):
    """Walks of the published evaluation, and, for experiment 9, the depths that count as out of distribution."""

    walks: int = Field(default=100, ge=2)
    length: int = Field(default=10, ge=2)
    max_depth: int | None = Field(default=None, ge=1)
    out_of_distribution_depth: int | None = Field(default=None, ge=1)


class Run(_Strict):
    """Everything that determines one cell's runs, but for its seeds."""

    track: Track = "published"
    environment: Environment = Environment()
    latent: Latent = Latent()
    model: Model = Model()
    objective: Loss = Loss()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _check(self) -> Run:
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
        return self

    def digest(self) -> str:
        """A hash of the settings, twelve hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()[:12]


class Quantity(_Strict):
    """One measured number per seed: a metric of a cell, under a control and a protocol."""

    cell: str
    metric: str
    control: str = "trained"
    protocol: str = "published"
    distribution: Literal["in", "out"] = "in"
    absolute: bool = False


class Claim(_Strict):
    """A statement with its decision rule, fixed before the run.

    The 95 % t interval over seeds of quantity - against (paired by seed) decides: ``holds`` when all of it satisfies
    the relation to the margin, ``fails`` when none of it does, ``undecided`` otherwise. "=" asks for |difference| <=
    margin.
    """

    id: str
    statement: str
    source: str
    quantity: Quantity
    against: Quantity | float = 0.0
    relation: Literal[">", "<", "="]
    margin: float = Field(default=0.0, ge=0)


class Scale(_Strict):
    """How a run shrinks: factors on widths, steps and batch, with floors; and how many seeds it gets."""

    seeds: int = Field(ge=1)
    width: float = Field(default=1.0, gt=0, le=1)
    steps: float = Field(default=1.0, gt=0, le=1)
    at_least: int = Field(
        default=1, ge=1, description="steps that no run goes below, unless its full length is shorter"
    )
    batch: float = Field(default=1.0, gt=0, le=1)
    learning_rate: float = Field(default=1.0, gt=0, description="factor on the learning rate, for the shorter training")
    evaluation_walks: int = Field(default=10**9, ge=2, description="evaluation walks are at most so many")
    cells_per_job: int = Field(default=1, ge=1, description="cells that one job of the pipeline trains")

    def apply(self, run: Run) -> Run:
        """The run at this scale; warm-up, gate and evaluation interval keep their share of the training."""
        full = run.training.steps
        steps = min(full, max(self.at_least, round(full * self.steps)))

        def share(of: int) -> int:
            return max(1, round(of * steps / full)) if of else 0

        return run.model_copy(
            update={
                "model": run.model.model_copy(
                    update={
                        "hidden": max(8, round(run.model.hidden * self.width)),
                        "embedding": max(8, round(run.model.embedding * self.width)),
                        "gate_steps": share(run.model.gate_steps),
                    }
                ),
                "evaluation": run.evaluation.model_copy(
                    update={"walks": min(run.evaluation.walks, self.evaluation_walks)}
                ),
                "objective": run.objective.model_copy(update={"warmup": share(run.objective.warmup)}),
                "training": run.training.model_copy(
                    update={
                        "steps": steps,
                        "batch": max(2, round(run.training.batch * self.batch)),
                        "learning_rate": run.training.learning_rate * self.learning_rate,
                        "evaluate_every": share(run.training.evaluate_every),
                    }
                ),
            }
        )


class _File(_Strict):
    id: str
    title: str
    group: Literal["alignment", "objective", "dynamics"]
    question: str
    setup: str
    metrics: list[str]
    does_not_show: list[str]
    first_seed: int
    base: dict[str, Any] = {}
    cells: dict[str, dict[str, Any]]
    claims: list[Claim] = []


class Experiment(_Strict):
    """A whole file: its words, its claims, its resolved cells, and the cells that are another experiment's runs."""

    id: str
    title: str
    group: str
    question: str
    setup: str
    metrics: list[str]
    does_not_show: list[str]
    first_seed: int
    cells: dict[str, Run]
    same_as: dict[str, str]
    claims: list[Claim]

    def cell(self, name: str) -> Run:
        """The run of a cell trained by this experiment; raises ExperimentError naming the cells that it has."""
        if name in self.same_as:
            raise ExperimentError(f"cell {name!r} of {self.id} is the run {self.same_as[name]}: train that one")
        if name not in self.cells:
            raise ExperimentError(f"experiment {self.id} has no cell {name!r}; its cells are: {', '.join(self.cells)}")
        return self.cells[name]

    def seeds(self, count: int) -> list[int]:
        """The first ``count`` seeds."""
        return [self.first_seed + k for k in range(count)]


def load(path: Path | str) -> Experiment:
    """Read and check an experiment; raises ExperimentError with file, line, key and what was expected."""
    path = Path(path)
    data, positions = _read(path)
    file = _validate(_File, data, path, positions)
    cells: dict[str, Run] = {}
    same_as: dict[str, str] = {}
    for name, overrides in file.cells.items():
        if "same_as" in overrides:
            if len(overrides) > 1 or not isinstance(overrides["same_as"], str) or overrides["same_as"].count("/") != 1:
                raise _error(path, positions, ("cells", name), "same_as", "only 'same_as: experiment/cell'")
            same_as[name] = overrides["same_as"]
        else:
            cells[name] = _validate(Run, _merge(file.base, overrides), path, positions, (("cells", name), ("base",)))
    words = file.model_dump(exclude={"base", "cells", "claims"})
    return Experiment(**words, cells=cells, same_as=same_as, claims=file.claims)


def load_scale(path: Path | str, name: str) -> Scale:
    """The scale ``name`` of a scales file; raises ExperimentError naming those it has."""
    path = Path(path)
    data, positions = _read(path)
    if name not in data:
        raise ExperimentError(f"{path}: there is no scale {name!r}; the scales are: {', '.join(data)}")
    return _validate(Scale, data[name], path, positions, ((name,),))


Keys = tuple[str | int, ...]


def _read(path: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    """The file's mapping, and the line of each key path in it."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ExperimentError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    if node is None or not isinstance(data, dict):
        raise ExperimentError(f"{path}:1: a mapping of keys was expected, such as 'id: ...'")
    positions: dict[Keys, int] = {(): 1}
    _positions(node, (), positions, path)
    return data, positions


def _positions(node: yaml.Node, keys: Keys, out: dict[Keys, int], path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            at = (*keys, key.value)
            if at in out:
                raise ExperimentError(f"{path}:{key.start_mark.line + 1}: key {key.value!r} is given twice")
            out[at] = key.start_mark.line + 1
            _positions(value, at, out, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            out[(*keys, index)] = value.start_mark.line + 1
            _positions(value, (*keys, index), out, path)


def _validate(kind: type[T], data: Any, path: Path, positions: dict[Keys, int], roots: tuple[Keys, ...] = ((),)) -> T:
    try:
        return kind.model_validate(data)
    except ValidationError as invalid:
        lines = []
        for problem in invalid.errors():
            keys = tuple(k for k in problem["loc"])
            key = str(keys[-1]) if keys else "(whole)"
            expected = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "extra_forbidden":
                expected = f"unknown key; known here: {', '.join(_known(kind, keys[:-1]))}"
            elif problem["type"] != "missing":
                expected = f"{expected} (given: {problem['input']!r})" if keys else expected
            root = next((r for r in roots if (*r, *keys) in positions), roots[0])
            lines.append(str(_error(path, positions, (*root, *keys), key, expected)))
        raise ExperimentError("\n".join(lines)) from invalid


def _error(path: Path, positions: dict[Keys, int], keys: Keys, key: str, expected: str) -> ExperimentError:
    while keys not in positions:
        keys = keys[:-1]
    return ExperimentError(f"{path}:{positions[keys]}: {key}: {expected}")


def _known(kind: type[BaseModel], keys: tuple[Any, ...]) -> list[str]:
    for key in keys:
        field = kind.model_fields.get(str(key))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return ["(see the schema)"]
        kind = field.annotation
    return list(kind.model_fields)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
