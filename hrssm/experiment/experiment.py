"""An experiment: its words, its cells each with full settings, its claims and its figures.

A file holds settings common to all its cells (``base``) and per cell what differs from them; a cell's ``kind`` says
which system it is of. ``load`` reads one file, ``load_all`` a folder of them, where a cell may be another experiment's
run (``same_as``). Nothing here needs PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from hrssm.experiment.claims import Claim, Figure, Quantity, misnamed
from hrssm.experiment.yaml_file import ExperimentError, Keys, YamlFile, merge
from hrssm.systems.kinds import KINDS, kind
from hrssm.training.scale import Scale
from hrssm.training.settings import NAME, Settings, Strict
from hrssm.training.vocabulary import Vocabulary

__all__ = ["Cell", "Experiment", "ExperimentError", "files", "load", "load_all", "load_scale"]


class _File(Strict):
    id: str = Field(pattern=NAME)
    title: str
    group: str = Field(pattern=NAME)
    question: str
    setup: str
    metrics: list[str]
    does_not_show: list[str]
    first_seed: int = Field(ge=0, lt=2**31)
    data_seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(default=[], max_length=1000)
    base: dict[str, Any] = Field(default={})
    cells: dict[str, dict[str, Any]] = Field(min_length=1, max_length=1000)
    claims: list[Claim] = Field(default=[])
    figures: list[Figure] = Field(default=[])


@dataclass(frozen=True)
class Cell:
    """One cell of an experiment: its settings, and the run that serves it, (experiment, cell).

    ``settings`` are None as long as the cell is another experiment's run and that has not been looked up.
    """

    name: str
    source: tuple[str, str]
    settings: Settings | None

    @property
    def of(self) -> Settings:
        """The settings of a cell that has been looked up."""
        if self.settings is None:
            raise ExperimentError(f"cell {self.name!r} is the run {'/'.join(self.source)}: train that one")
        return self.settings


@dataclass(frozen=True)
class Experiment:
    """One experiment file."""

    path: Path
    id: str
    title: str
    group: str
    question: str
    setup: str
    metrics: tuple[str, ...]
    does_not_show: tuple[str, ...]
    first_seed: int
    cells: dict[str, Cell]
    claims: tuple[Claim, ...]
    figures: tuple[Figure, ...]
    pools: dict[str, tuple[str, ...]]
    """Cells that differ in nothing but their data seed, by the name under which claims and tables pool them."""

    @property
    def shown(self) -> list[str]:
        """What claims, tables and figures speak of: the pools, and the cells that are in none, in the file's order."""
        pooled = {cell: pool for pool, cells in self.pools.items() for cell in cells}
        return list(dict.fromkeys(pooled.get(name, name) for name in self.cells))

    def members(self, name: str) -> tuple[str, ...]:
        """The cells of a pool, or the one cell of this name."""
        return self.pools.get(name, (name,))

    def of(self, name: str) -> Settings:
        """The settings of a cell that has been looked up, or those that the cells of a pool share."""
        return self.cells[self.members(name)[0]].of

    @property
    def number(self) -> int:
        """The k of `ek_name`; 0 where the id has none."""
        found = re.match(r"[a-z]+(\d+)", self.id)
        return int(found.group(1)) if found else 0

    @property
    def system(self) -> str:
        """The kind of its first cell, whose vocabulary its tables and figures speak."""
        return next(c.settings.kind for c in self.cells.values() if c.settings is not None)

    @property
    def vocabulary(self) -> Vocabulary:
        """What its system records."""
        return kind(self.system).vocabulary

    def own(self) -> dict[str, Settings]:
        """The cells that this experiment trains itself, with their settings."""
        here = {name: cell for name, cell in self.cells.items() if cell.source == (self.id, name)}
        return {name: cell.of for name, cell in here.items()}

    def cell(self, name: str) -> Settings:
        """The settings of a cell that this experiment trains; raises ExperimentError naming the cells that it has."""
        if name not in self.cells:
            raise ExperimentError(f"experiment {self.id} has no cell {name!r}; its cells are: {', '.join(self.cells)}")
        if self.cells[name].source != (self.id, name):
            source = "/".join(self.cells[name].source)
            raise ExperimentError(f"cell {name!r} of {self.id} is the run {source}: train that one")
        return self.cells[name].of

    def at(self, scale: Scale) -> Experiment:
        """The experiment with as many data seeds in each pool as the scale keeps."""
        pools = {name: cells[: scale.data_seeds] for name, cells in self.pools.items()}
        dropped = {cell for name, cells in self.pools.items() for cell in cells} - {
            c for p in pools.values() for c in p
        }
        return replace(self, pools=pools, cells={n: c for n, c in self.cells.items() if n not in dropped})

    def seeds(self, count: int) -> list[int]:
        """The first ``count`` seeds."""
        return [self.first_seed + k for k in range(count)]


def load(path: Path | str) -> Experiment:
    """Read and check an experiment; raises ExperimentError with file, line, key and what was expected."""
    source = YamlFile(Path(path))
    file = source.validate(_File, source.data)
    cells: dict[str, Cell] = {}
    pools: dict[str, tuple[str, ...]] = {}
    for index, data_seed in enumerate(file.data_seeds):
        if data_seed in file.data_seeds[:index]:
            raise source.error(("data_seeds", index), "data_seeds", f"{data_seed} is given twice")
    for name, overrides in file.cells.items():
        at: Keys = ("cells", name)
        if not re.match(NAME, name):
            raise source.error(
                at, name, "a cell's name may hold letters, digits, '.', '_' and '-', and starts with no '.'"
            )
        if "same_as" in overrides:
            target = overrides["same_as"]
            if len(overrides) > 1 or not isinstance(target, str) or target.count("/") != 1:
                raise source.error((*at, "same_as"), "same_as", "only 'same_as: experiment/cell'")
            other, _, cell = target.partition("/")
            cells[name] = Cell(name, (other, cell), None)
            continue
        settings = merge(file.base, overrides)
        chosen = settings.get("kind", "rssm")
        if not isinstance(chosen, str) or chosen not in KINDS:
            wrong = f"kind {chosen!r} is unknown; known kinds: {', '.join(KINDS)}"
            raise source.error((*at, "kind") if "kind" in overrides else ("base", "kind"), "kind", wrong)
        for data_seed in file.data_seeds or [None]:
            given = settings if data_seed is None else settings | {"data_seed": data_seed}
            one = name if data_seed is None else f"{name}.{data_seed}"
            cells[one] = Cell(one, (file.id, one), source.validate(kind(chosen).settings, given, (at, ("base",))))
            if data_seed is not None:
                pools[name] = (*pools.get(name, ()), one)
    experiment = Experiment(
        source.path,
        file.id,
        file.title,
        file.group,
        file.question,
        file.setup,
        tuple(file.metrics),
        tuple(file.does_not_show),
        file.first_seed,
        cells,
        tuple(file.claims),
        tuple(file.figures),
        pools,
    )
    if not any(cell.settings for cell in cells.values()):
        raise source.error(("cells",), "cells", "every cell is another experiment's run: at least one must be its own")
    _check_names(source, experiment)
    return experiment


def _check_names(source: YamlFile, experiment: Experiment) -> None:
    """Refuse metrics, controls, protocols, ranges and cells that the experiment's system does not have."""
    vocabulary, settings = experiment.vocabulary, kind(experiment.system).settings
    for index, metric in enumerate(experiment.metrics):
        if wrong := vocabulary.unknown(metric=metric):
            raise source.error(("metrics", index), "metrics", wrong)
    for index, claim in enumerate(experiment.claims):
        for side in ("quantity", "against"):
            quantity = getattr(claim, side)
            if not isinstance(quantity, Quantity):
                continue
            at: Keys = ("claims", index, side)
            if quantity.cell not in experiment.shown:
                known = f"there is no cell {quantity.cell!r}; the cells are: {', '.join(experiment.shown)}"
                raise source.error((*at, "cell"), "cell", known)
            if found := misnamed(vocabulary, quantity):
                raise source.error((*at, found[0]), *found)
    for index, figure in enumerate(experiment.figures):
        for metric in figure.metrics:
            wrong = vocabulary.unknown(metric=metric)
            if wrong and metric not in settings.aliases:
                raise source.error(("figures", index, "metrics"), "metrics", wrong)
        for control in figure.controls:
            if wrong := vocabulary.unknown(control=control):
                raise source.error(("figures", index, "controls"), "controls", wrong)
        for range_ in figure.ranges if figure.draw == "ranges" else ():
            if wrong := vocabulary.unknown(range=range_):
                raise source.error(("figures", index, "ranges"), "ranges", wrong)


def files(folder: Path) -> Iterator[Path]:
    """The experiment files below a folder: those of each system in a folder of its own, in the order of their numbers.

    Every YAML file in a system's folder is one, but for ``printed.yaml``.
    """
    found = [path for path in folder.glob("*/*.yaml") if path.name != "printed.yaml" and path.name[0] != "."]
    yield from sorted(found, key=lambda path: (_SYSTEMS.get(path.parent.name, 9), path.parent.name, *_order(path.stem)))


_SYSTEMS = {name: place for place, name in enumerate(("rssm", "updates", "vae", "covariant", "hieros"))}


def _order(stem: str) -> tuple[int, str]:
    found = re.match(r"[a-z]+(\d+)", stem)
    return (int(found.group(1)) if found else 0, stem)


def load_all(folder: Path, systems: Sequence[str] = ()) -> dict[str, Experiment]:
    """The experiments below ``folder`` by id, of the named systems or of all, every cell looked up.

    Raises ExperimentError when there are none, when one is wrong, when two share an id, and when ``same_as`` or
    ``starts_from`` leads nowhere or back to itself.
    """
    paths = list(files(folder))
    there = sorted({path.parent.name for path in paths})
    if unknown := [system for system in systems if system not in there]:
        raise ExperimentError(
            f"{folder} holds no experiment of {', '.join(unknown)}; it has those of {', '.join(there)}"
        )
    if not paths:
        raise ExperimentError(f"{folder} holds no experiment: give the folder that holds them")
    paths = [path for path in paths if not systems or path.parent.name in systems]
    found: dict[str, Experiment] = {}
    for path in paths:
        experiment = load(path)
        if experiment.id in found:
            raise ExperimentError(f"{path}: id {experiment.id!r} is that of {found[experiment.id].path} as well")
        found[experiment.id] = experiment
    whole = {
        id: replace(experiment, cells={name: _look_up(found, experiment, name) for name in experiment.cells})
        for id, experiment in found.items()
    }
    for experiment in whole.values():
        _check_pairs(whole, experiment)
    return whole


def _check_pairs(found: Mapping[str, Experiment], experiment: Experiment) -> None:
    """Refuse claims whose two sides have no seeds in common: paired by seed, they would be undecided for ever."""
    for index, claim in enumerate(experiment.claims):
        if not isinstance(claim.against, Quantity):
            continue
        runs = [
            [experiment.cells[cell] for cell in experiment.members(q.cell)] for q in (claim.quantity, claim.against)
        ]
        data = [sorted(cell.of.data_seed for cell in cells) for cells in runs]
        first = [found[cells[0].source[0]].first_seed for cells in runs]
        seedless = {claim.quantity.control, claim.against.control} & set(experiment.vocabulary.seedless)
        wrong = ""
        if not set(data[0]) & set(data[1]):
            wrong = f"data seeds {data[0]} and {data[1]}"
        elif first[0] != first[1] and not seedless:
            wrong = f"seeds from {first[0]} and from {first[1]}"
        if wrong:
            words = f"the sides of a claim are paired by seed, and these have none in common ({wrong})"
            raise YamlFile(experiment.path).error(("claims", index, "against"), "against", words)


def _look_up(found: dict[str, Experiment], experiment: Experiment, name: str) -> Cell:
    """A cell with the run that serves it: its own, or the one that `same_as` leads to."""
    at, seen = (experiment.id, name), []
    while True:
        other = found.get(at[0])
        if other is None or at[1] not in other.cells:
            allowed = ", ".join(found) if other is None else ", ".join(other.cells)
            raise ExperimentError(
                f"{experiment.path}: {'/'.join(at)}, named by cell {name}, does not exist; allowed are {allowed}"
            )
        if at in seen:
            raise ExperimentError(f"{experiment.path}: same_as of {name} leads back to itself; give one its settings")
        cell = other.cells[at[1]]
        if cell.source == at:
            return _with_parent(found, experiment, Cell(name, at, cell.of))
        seen.append(at)
        at = cell.source


def _with_parent(found: dict[str, Experiment], experiment: Experiment, cell: Cell) -> Cell:
    seen, at = [cell.source], cell.of.starts_from
    while at is not None:
        source = (at.split("/")[0], at.split("/")[1])
        other = found.get(source[0])
        if other is None or source[1] not in other.cells or other.cells[source[1]].source != source:
            raise ExperimentError(f"{experiment.path}: cell {cell.name} starts from {at}, which is no run of its own")
        if source in seen:
            raise ExperimentError(f"{experiment.path}: starts_from of cell {cell.name} leads back to itself")
        seen.append(source)
        at = other.cells[source[1]].of.starts_from
    return cell


def load_scale(path: Path | str, name: str) -> Scale:
    """The scale ``name`` of a scales file; raises ExperimentError naming those it has."""
    source = YamlFile(Path(path))
    if name not in source.data:
        raise ExperimentError(f"{source.path}: there is no scale {name!r}; the scales are: {', '.join(source.data)}")
    return source.validate(Scale, source.data[name], ((name,),))
