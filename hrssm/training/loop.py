"""The training loop: an ensemble of members, curves, checkpoints that resume bit for bit, members that stop alone."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrssm.experiment.experiment import Run
from hrssm.records.record import (
    RecordError,
    device_name,
    read_manifest,
    source_digest,
    versions,
    write_atomically,
    write_manifest,
    write_rows,
)
from hrssm.systems.rssm.build import build_environment, build_model, build_objective, gate
from hrssm.systems.rssm.evaluate import published_curve
from hrssm.training.optimiser import Optimiser
from hrssm.training.seeds import generators

LOGGED_POINTS = 200  # points of a training curve
CHECKPOINT_SECONDS = 60.0
PROGRESS_SECONDS = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Name:
    """Which run this is: experiment, cell and scale, as they stand in the record."""

    experiment: str
    cell: str
    scale: str


class Interrupted(RuntimeError):
    """Training was stopped from outside; its checkpoint is on disk."""


@dataclass
class _State:
    """All that changes during training."""

    run: Run
    seeds: Sequence[int]
    device: torch.device
    step: int = 0
    wall_seconds: float = 0.0
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = build_environment(self.run, self.device)
        self.model = build_model(self.run, self.seeds, self.device)
        self.optimiser = Optimiser(self.model, self.run.training.learning_rate, self.run.training.clip)
        self.walks = generators(self.seeds, "walks", self.device)
        self.noise = generators(self.seeds, "noise", self.device)

    def identity(self) -> dict[str, Any]:
        return {"config_hash": self.run.digest(), "source_digest": source_digest(), "seeds": list(self.seeds)}

    def save(self, path: Path) -> None:
        data = {
            "identity": self.identity(),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "walks": [g.get_state() for g in self.walks],
            "noise": [g.get_state() for g in self.noise],
            "step": self.step,
            "wall_seconds": self.wall_seconds,
            "rows": [list(row) for row in self.rows],
            "ended": self.ended,
        }
        write_atomically(path, lambda temporary: torch.save(data, temporary))

    def load(self, data: dict[str, Any]) -> None:
        self.model.load_state_dict(data["model"])
        self.optimiser.load_state_dict(data["optimiser"])
        for mine, stored in zip((*self.walks, *self.noise), (*data["walks"], *data["noise"]), strict=True):
            mine.set_state(stored.cpu())
        self.step, self.wall_seconds, self.ended = data["step"], data["wall_seconds"], data["ended"]
        self.rows = [tuple(row) for row in data["rows"]]


def train(
    run: Run,
    seeds: Sequence[int],
    directory: Path,
    name: Name,
    *,
    device: torch.device,
    overwrite: bool = False,
    say: Say = print,
) -> dict[str, Any]:
    """Train one cell for all its seeds and write its record; returns the manifest.

    A run that is already whole is left alone; one with a checkpoint goes on from it. Raises RecordError when the
    directory holds a run of other settings or sources (``overwrite`` starts it over), Interrupted after Ctrl-C, once
    the checkpoint is written.
    """
    state = _State(run, seeds, device)
    label = f"{name.experiment}/{name.cell}"
    if (done := _resume(state, directory, overwrite, say, label)) is not None:
        return done
    started = time.monotonic() - state.wall_seconds
    first_step, resumed_at = state.step, time.monotonic()
    saved = said = time.monotonic()
    every = max(1, run.training.steps // LOGGED_POINTS)
    objective = build_objective(run)
    with _deferred_interrupt() as interrupted:
        while state.step < run.training.steps:
            report = _step(state, objective)
            _stop_diverged(state, report, say, label)
            state.step += 1
            last = state.step == run.training.steps
            if state.step % every == 0 or last:
                _log(state, name, report)
            interval = run.training.evaluate_every
            if interval and (state.step % interval == 0 or last):
                _curve(state, name)
            now = time.monotonic()
            state.wall_seconds = now - started
            if now - said > PROGRESS_SECONDS or last:
                rate = len(seeds) * (state.step - first_step) / (now - resumed_at)
                progress = f"step {state.step}/{run.training.steps}, {rate:.0f} member-steps/s"
                say(f"{label}: {progress}, mse {_mean(report['mse']):.4f}")
                said = now
            if now - saved > CHECKPOINT_SECONDS:
                state.save(directory / "checkpoint.pt")
                saved = now
            if interrupted.is_set() and not last:
                state.save(directory / "checkpoint.pt")
                raise Interrupted(
                    f"{label} was stopped at step {state.step} of {run.training.steps}; nothing is lost: its "
                    f"checkpoint is in {directory}. Give the same command again to go on from there."
                )
    state.save(directory / "checkpoint.pt")
    write_rows(directory / "metrics.parquet", state.rows)
    manifest = _manifest(state, name)
    write_manifest(directory, manifest)
    return manifest


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, so that training stops between two steps, never within one.

    Half a step would have moved the generators or some of the weights, and the run could not go on bit for bit.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # only the main thread may handle signals
        return
    before = {number: signal.signal(number, lambda *_: event.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _resume(state: _State, directory: Path, overwrite: bool, say: Say, label: str) -> dict[str, Any] | None:
    """Load the checkpoint if there is one; returns the manifest if the run is already whole."""
    directory.mkdir(parents=True, exist_ok=True)
    manifest, checkpoint = directory / "manifest.json", directory / "checkpoint.pt"
    if manifest.exists():
        done = read_manifest(directory, any_digest=True)
        if {key: done[key] for key in state.identity()} == state.identity():
            say(f"{label}: already trained, {len(state.seeds)} seeds")
            return done
        _refuse_other(done, state, directory, overwrite)
        manifest.unlink()
        checkpoint.unlink(missing_ok=True)
    elif checkpoint.exists():
        data = torch.load(checkpoint, map_location=state.device, weights_only=True)
        if data["identity"] == state.identity():
            state.load(data)
            say(f"{label}: goes on from step {state.step}")
        else:
            _refuse_other(data["identity"], state, directory, overwrite)
            checkpoint.unlink()
    return None


def _refuse_other(found: dict[str, Any], state: _State, directory: Path, overwrite: bool) -> None:
    if overwrite:
        return
    wanted = state.identity()
    differs = ", ".join(f"{key} {found[key]} instead of {wanted[key]}" for key in wanted if found[key] != wanted[key])
    raise RecordError(
        f"{directory} holds another run ({differs}). Give another --out, delete the directory, or add --overwrite to "
        "start it over."
    )


def _step(state: _State, objective: Any) -> dict[str, Tensor]:
    t, run = state.run.training, state.run
    walks = state.environment.walks(
        t.length,
        t.batch,
        state.walks,
        start=run.environment.start,
        lazy=run.environment.lazy,
        max_depth=run.environment.max_depth,
    )
    observations = state.environment.observe(walks.nodes)
    noise = torch.stack([state.model.family.noise(g, t.length, t.batch) for g in state.noise])
    rollout = state.model.observe(observations, walks.actions, noise, gate=gate(run, state.step))
    report = objective(state.model, rollout, observations, state.step)
    report["gradient_norm"] = state.optimiser.step(report["loss"])
    return {key: value.detach() for key, value in report.items()}


def _stop_diverged(state: _State, report: dict[str, Tensor], say: Say, label: str) -> None:
    if bool(state.optimiser.finite.all()):
        return
    for k, seed in enumerate(state.seeds):
        if not state.optimiser.finite[k] and seed not in state.ended:
            cause = ", ".join(f"{key} is {float(value[k])}" for key, value in report.items() if not value[k].isfinite())
            state.ended[seed] = {"ended": "diverged", "step": state.step, "cause": cause}
            say(f"{label}: seed {seed} stopped at step {state.step}: {cause}; the other seeds go on")


def _alive(state: _State) -> list[tuple[int, int]]:
    return [(k, seed) for k, seed in enumerate(state.seeds) if seed not in state.ended]


def _log(state: _State, name: Name, report: dict[str, Tensor]) -> None:
    tree = state.run.environment.tree_seed
    values = {metric: tensor.tolist() for metric, tensor in report.items()}
    if state.model.action_shift is not None:
        deeper, shallower = torch.nn.functional.softplus(state.model.action_shift.detach()).unbind(1)
        values |= {"shift_deeper": deeper.tolist(), "shift_shallower": shallower.tolist()}
    for k, seed in _alive(state):
        for metric, value in values.items():
            state.rows.append(
                (
                    name.experiment,
                    name.cell,
                    seed,
                    tree,
                    state.step,
                    "train",
                    "trained",
                    "in",
                    metric,
                    value[k],
                )
            )


def _curve(state: _State, name: Name) -> None:
    tree = state.run.environment.tree_seed
    measured = published_curve(state.run, state.model, state.environment, state.seeds, gate=gate(state.run, state.step))
    for k, seed in _alive(state):
        for metric, value in measured[k].items():
            state.rows.append(
                (
                    name.experiment,
                    name.cell,
                    seed,
                    tree,
                    state.step,
                    "published",
                    "trained",
                    "in",
                    metric,
                    value,
                )
            )


def _manifest(state: _State, name: Name) -> dict[str, Any]:
    finished = {"ended": "finished", "step": state.step, "cause": None}
    members = {str(seed): state.ended.get(seed, finished) for seed in state.seeds}
    trained = sum(m["step"] for m in members.values())
    return {
        "experiment": name.experiment,
        "cell": name.cell,
        "scale": name.scale,
        "track": state.run.track,
        "config": state.run.model_dump(),
        **state.identity(),
        "versions": versions(),
        "device": str(state.device),
        "device_name": device_name(state.device),
        "parameters": sum(p[0].numel() for p in state.model.parameters()),
        "wall_seconds": state.wall_seconds,
        "member_steps_per_second": trained / max(state.wall_seconds, 1e-9),
        "members": members,
    }


def _mean(values: Tensor) -> float:
    return float(values.nanmean())
