"""What the pipeline must do: which runs are there, which are stale and why, and how cells are put into jobs.

A job's stamp carries the digest of all that decides its runs, so that a run of other sources or settings is simply not
there. A stamp whose runs are not whole is taken away; stamps hold nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from hrssm.experiment.experiment import Experiment
from hrssm.records.run import inspect
from hrssm.records.sources import digest_of, sources
from hrssm.systems.kinds import kind
from hrssm.training.scale import Scale
from hrssm.training.settings import Settings

__all__ = ["AGAIN", "Job", "jobs", "source_files", "survey"]


#: Beside the stamps, and newer than all that was made of them once one is taken away: Snakemake does not mind that a
#: file is missing as long as what was made of it is newer than what it was made of.
AGAIN = "again"


@dataclass(frozen=True, eq=False)
class Job:
    """Some cells of one experiment, trained one after the other by one process, and evaluated by another."""

    experiment: Experiment
    cells: tuple[str, ...]
    part: int
    scale: Scale
    parents: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in stamps and logs."""
        return f"{self.experiment.id}-{self.part}"

    @property
    def stamp(self) -> str:
        """The name of the stamp of its training."""
        return f"{self.name}.{self.training}"

    @cached_property
    def settings(self) -> dict[str, Settings]:
        """Each cell's settings at this scale."""
        return {name: self.experiment.cell(name).scaled(self.scale) for name in self.cells}

    def work(self) -> float:
        """Multiply-adds of the whole job."""
        return sum(settings.work() for settings in self.settings.values()) * self.scale.seeds

    @cached_property
    def training(self) -> str:
        """The digest of all that decides its runs: settings, seeds, sources, and the runs that they start from."""
        return self._digest({name: _training_digest(s.kind, s.modules()) for name, s in self.settings.items()})

    @cached_property
    def evaluation(self) -> str:
        """The digest of all that decides its evaluations."""
        return self._digest({name: _evaluation_digest(s.kind, s.modules()) for name, s in self.settings.items()})

    def _digest(self, sources: Mapping[str, str]) -> str:
        said = {f"{name}: sources": found for name, found in sources.items()}
        said |= {f"{name}: settings": settings.digest() for name, settings in self.settings.items()}
        said |= {f"parent {place}": parent for place, parent in enumerate(self.parents)}
        return digest_of(said | {"seeds": str(self.experiment.seeds(self.scale.seeds))})


def jobs(plan: Mapping[str, Experiment], scale: Scale) -> list[Job]:
    """Every job, parents before those that start from them, otherwise the longest cells first."""
    found: list[Job] = []
    owner: dict[str, Job] = {}
    waiting = {
        f"{experiment.id}/{name}": (experiment, name) for experiment in plan.values() for name in experiment.own()
    }
    while waiting:
        ready = {
            key: pair
            for key, pair in waiting.items()
            if (parent := pair[0].cell(pair[1]).starts_from) is None or parent in owner
        }
        for experiment in dict.fromkeys(pair[0].id for pair in ready.values()):
            names = [name for e, name in ready.values() if e.id == experiment]
            names.sort(key=lambda name: -plan[experiment].cell(name).scaled(scale).work())
            already = sum(job.experiment.id == experiment for job in found)
            for place in range(0, len(names), scale.cells_per_job):
                cells = tuple(names[place : place + scale.cells_per_job])
                starts = [plan[experiment].cell(name).starts_from for name in cells]
                parents = tuple(dict.fromkeys(owner[start].stamp for start in starts if start))
                job = Job(plan[experiment], cells, already + place // scale.cells_per_job, scale, parents)
                found.append(job)
                owner |= {f"{experiment}/{name}": job for name in cells}
        waiting = {key: pair for key, pair in waiting.items() if key not in ready}
    return found


def survey(results: Path, found: list[Job]) -> Iterator[str]:
    """Take away the stamps of runs that are not whole, and say in words what must be made again and why."""
    reasons: Counter[str] = Counter()
    stamps = results / ".stamps"
    taken = not (stamps / AGAIN).exists()
    for job in found:
        trained = stamps / "train" / job.stamp
        evaluated = stamps / "evaluate" / f"{job.name}.{job.evaluation}"
        for name, settings in job.settings.items():
            directory = results / job.experiment.id / name
            wanted = {"settings_digest": settings.digest(), "seeds": job.experiment.seeds(job.scale.seeds)}
            state = inspect(directory, wanted=wanted)
            if state.word in ("missing", "interrupted", "damaged", "stale"):
                taken |= trained.exists()
                trained.unlink(missing_ok=True)
            if state.word != "evaluated":
                taken |= evaluated.exists()
                evaluated.unlink(missing_ok=True)
            if state.word in ("stale", "damaged"):
                reasons[f"{state.word}: {state.reason.split(' (')[0] if state.word == 'stale' else directory}"] += 1
            elif state.word == "trained" and state.reason:
                reasons[f"to be evaluated again: {state.reason}"] += 1
    if taken:
        stamps.mkdir(parents=True, exist_ok=True)
        (stamps / AGAIN).touch()
    for reason, count in reasons.items():
        what = "sources of these runs changed" if "sources changed" in reason else reason.split(":")[0]
        yield f"{what}: {count} {'run is' if count == 1 else 'runs are'} {reason}"


@cache
def _training_digest(system: str, modules: tuple[str, ...]) -> str:
    return digest_of(sources(*kind(system).training_roots, *modules))


@cache
def _evaluation_digest(system: str, modules: tuple[str, ...]) -> str:
    return digest_of(sources(*kind(system).evaluation_roots, *modules))


def source_files(*modules: str) -> list[str]:
    """The files that running these modules executes, as paths below the checkout."""
    return list(sources(*modules))
