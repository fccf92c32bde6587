"""The training loop: an ensemble of members, curves, checkpoints that resume bit for bit, members that stop alone.

It knows no system: a ``Learner`` takes the steps, and a ``Name`` says whose record this is.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrssm.records.lock import locked
from hrssm.records.platform import commit, device_name, versions
from hrssm.records.record import CHECKPOINT, CURVES, MANIFEST, RecordError, Row, file_digest, write_json, write_rows
from hrssm.records.run import inspect, leftovers, remove, set_aside
from hrssm.records.sources import digest_of
from hrssm.training import checkpoint
from hrssm.training.interrupt import Interrupted, deferred_interrupt
from hrssm.training.learner import Learner
from hrssm.training.settings import Settings

__all__ = ["Build", "Name", "Say", "train"]

CHECKPOINT_SECONDS = 60.0
PROGRESS_SECONDS = 5.0

Say = Callable[[str], None]
Build = Callable[[Settings, Sequence[int], torch.device], Learner]


@dataclass(frozen=True)
class Name:
    """Which run this is: experiment, cell and scale, as they stand in the record."""

    experiment: str
    cell: str
    scale: str

    def __str__(self) -> str:
        return f"{self.experiment}/{self.cell}"


@dataclass
class _Progress:
    """Where training is, beside the learner's own state."""

    step: int = 0
    wall_seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)


def train(
    settings: Settings,
    seeds: Sequence[int],
    directory: Path,
    name: Name,
    *,
    build: Build,
    sources: Mapping[str, str],
    device: torch.device,
    overwrite: bool = False,
    say: Say = print,
) -> dict[str, Any]:
    """Train one cell for all its seeds and write its record; returns the manifest.

    build makes the learner; sources are the files that it runs, with their hashes. A run that is already whole is left
    alone; one with a checkpoint goes on from it; damaged files are set aside and made again. Raises RecordError when
    the directory holds a run of other settings or sources (``overwrite`` starts it over) or when every member has
    diverged, Interrupted after a signal to stop, once the checkpoint is written, and OSError when ``directory`` cannot
    be written, before any work is done.
    """
    identity = {
        "settings_digest": settings.digest(),
        "source_digest": digest_of(sources),
        "seeds": list(seeds),
    }
    _prepare(directory)
    with locked(directory / ".lock", str(name), say):
        return _train(settings, seeds, directory, name, build, sources, device, overwrite, say, identity)


def _train(
    settings: Settings,
    seeds: Sequence[int],
    directory: Path,
    name: Name,
    build: Build,
    sources: Mapping[str, str],
    device: torch.device,
    overwrite: bool,
    say: Say,
    identity: dict[str, Any],
) -> dict[str, Any]:
    for leftover in leftovers(directory):
        leftover.unlink(missing_ok=True)
    if (done := _finished(directory, identity, overwrite, say, name)) is not None:
        return done
    stored = _stored(directory, identity | {"device": device.type}, overwrite, say, name, device)
    learner, progress = build(settings, seeds, device), _Progress()
    if stored is not None:
        learner.load_state_dict(stored["learner"])
        progress.step, progress.wall_seconds, progress.ended = (stored[k] for k in ("step", "wall_seconds", "ended"))
        progress.rows = [Row(*row) for row in stored["rows"]]
        say(f"{name}: goes on from step {progress.step}")

    def save() -> None:
        checkpoint.save(
            directory / CHECKPOINT,
            {
                "identity": identity | {"device": device.type},
                "learner": learner.state_dict(),
                "step": progress.step,
                "wall_seconds": progress.wall_seconds,
                "rows": [list(row) for row in progress.rows],
                "ended": progress.ended,
            },
        )

    _run(settings, seeds, name, learner, progress, save, say)
    save()
    write_rows(directory / CURVES, name.experiment, name.cell, progress.rows)
    manifest = _manifest(settings, seeds, name, identity, sources, device, learner, progress)
    manifest["files"] = {file: file_digest(directory / file) for file in (CURVES, CHECKPOINT)}
    write_json(directory / MANIFEST, manifest)
    return manifest


def _run(
    settings: Settings,
    seeds: Sequence[int],
    name: Name,
    learner: Learner,
    progress: _Progress,
    save: Callable[[], None],
    say: Say,
) -> None:
    """Steps until the last one, an interrupt, or the end of the last living member."""
    training = settings.training
    started = time.monotonic() - progress.wall_seconds
    first_step = progress.step
    resumed = saved = said = time.monotonic()
    with deferred_interrupt() as interrupted:
        while progress.step < training.steps:
            report = learner.step(progress.step)
            _stop_diverged(seeds, name, learner, progress, report, say)
            progress.step += 1
            if len(progress.ended) == len(seeds):
                save()
                causes = "; ".join(f"seed {s}: {end['cause']}" for s, end in progress.ended.items())
                raise RecordError(
                    f"{name}: every member has diverged by step {progress.step} of {training.steps} ({causes}). There "
                    "is nothing to go on with: change the settings (a smaller learning rate, a lower clip) and train "
                    "again with --overwrite."
                )
            last = progress.step == training.steps
            living = [(k, seed) for k, seed in enumerate(seeds) if seed not in progress.ended]
            if training.logged(progress.step):
                values = {metric: tensor.tolist() for metric, tensor in report.items()}
                progress.rows += [
                    Row(seed, settings.data_seed, progress.step, "train", "trained", "in", metric, value[k])
                    for k, seed in living
                    for metric, value in values.items()
                ]
            progress.rows += learner.measure(progress.step)
            now = time.monotonic()
            progress.wall_seconds = now - started
            if now - said > PROGRESS_SECONDS or last:
                rate = len(seeds) * (progress.step - first_step) / (now - resumed)
                loss = f", loss {float(report['loss'].nanmean()):.4f}" if "loss" in report else ""
                say(f"{name}: step {progress.step}/{training.steps}, {rate:.0f} member-steps/s{loss}")
                said = now
            if now - saved > CHECKPOINT_SECONDS:
                save()
                saved = now
            if interrupted.is_set() and not last:
                save()
                raise Interrupted(
                    f"{name} was stopped at step {progress.step} of {training.steps}; nothing is lost: its checkpoint "
                    "is written. Give the same command again to go on from there."
                )


def _prepare(directory: Path) -> None:
    """Make the directory, and see that it can be written before hours of work."""
    directory.mkdir(parents=True, exist_ok=True)
    handle, probe = tempfile.mkstemp(dir=directory, prefix=".writable.")
    os.close(handle)
    os.unlink(probe)


def _finished(
    directory: Path, identity: Mapping[str, Any], overwrite: bool, say: Say, name: Name
) -> dict[str, Any] | None:
    """The manifest, if the run is already whole and the one asked for; else what stands in its way is cleared."""
    state = inspect(directory, wanted=identity)
    if state.word in ("missing", "interrupted"):
        return None
    if state.word == "damaged":
        training = any(path.name in (MANIFEST, CURVES, CHECKPOINT) for path in state.damaged)
        moved = ", ".join(path.name for path in set_aside(state.damaged))
        say(f"{name}: {state.reason}; {'set aside as ' + moved if moved else 'it is gone'}; made again")
        if not training:  # the evaluation alone: it is made again by evaluating
            remove(directory, training=False)
            return _finished(directory, identity, overwrite, say, name)
        # The checkpoint, if it is whole, holds everything else.
        for file in (MANIFEST, CURVES):
            (directory / file).unlink(missing_ok=True)
        remove(directory, training=False)
        return None
    if state.word == "stale":
        _refuse_unless(overwrite, directory, state.reason)
        say(f"{name}: starts over: {state.reason}")
        remove(directory)
        return None
    say(f"{name}: already trained, {len(identity['seeds'])} seeds")
    return dict(state.manifest or {})


def _stored(
    directory: Path, identity: Mapping[str, Any], overwrite: bool, say: Say, name: Name, device: torch.device
) -> dict[str, Any] | None:
    """The checkpoint of an unfinished run, if it is this one's."""
    path = directory / CHECKPOINT
    if not path.exists():
        return None
    try:
        data = checkpoint.load(path, device)
        found = data["identity"]
    except (RecordError, KeyError) as error:
        (aside,) = set_aside([path])
        say(f"{name}: {error}; set aside as {aside.name}; starts over")
        return None
    differs = [key for key in identity if found.get(key) != identity[key]]
    if not differs:
        return data
    words = ", ".join(f"{key} was {found.get(key)!r} and is {identity[key]!r}" for key in differs)
    _refuse_unless(overwrite, directory, words)
    say(f"{name}: starts over: {words}")
    path.unlink()
    return None


def _refuse_unless(overwrite: bool, directory: Path, words: str) -> None:
    if not overwrite:
        raise RecordError(
            f"{directory} holds another run ({words}). Give another --out, delete the directory, or add --overwrite to "
            "start it over."
        )


def _stop_diverged(
    seeds: Sequence[int], name: Name, learner: Learner, progress: _Progress, report: Mapping[str, Tensor], say: Say
) -> None:
    if bool(learner.alive.all()):
        return
    alive = learner.alive.tolist()
    for k, seed in enumerate(seeds):
        if not alive[k] and seed not in progress.ended:
            cause = ", ".join(f"{key} is {float(value[k])}" for key, value in report.items() if not value[k].isfinite())
            progress.ended[seed] = {"ended": "diverged", "step": progress.step, "cause": cause}
            say(f"{name}: seed {seed} stopped at step {progress.step}: {cause}; the other seeds go on")


def _manifest(
    settings: Settings,
    seeds: Sequence[int],
    name: Name,
    identity: Mapping[str, Any],
    sources: Mapping[str, str],
    device: torch.device,
    learner: Learner,
    progress: _Progress,
) -> dict[str, Any]:
    finished = {"ended": "finished", "step": progress.step, "cause": None}
    members = {str(seed): progress.ended.get(seed, finished) for seed in seeds}
    trained = sum(m["step"] for m in members.values())
    return {
        "format": 1,
        "kind": settings.kind,
        "experiment": name.experiment,
        "cell": name.cell,
        "scale": name.scale,
        "track": settings.track,
        "settings": settings.model_dump(),
        **identity,
        "data_seed": settings.data_seed,
        "sources": dict(sources),
        "versions": versions(),
        "commit": commit(),
        "device": str(device),
        "device_name": device_name(device),
        "parameters": learner.parameters,
        "facts": getattr(learner, "facts", {}),
        "wall_seconds": progress.wall_seconds,
        "member_steps_per_second": trained / max(progress.wall_seconds, 1e-9),
        "members": members,
    }
