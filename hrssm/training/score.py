"""Evaluating a finished run: its system's rows, written beside it with a manifest of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch

from hrssm.records.record import (
    CHECKPOINT,
    EVALUATED,
    EVALUATION,
    MANIFEST,
    RecordError,
    Row,
    file_digest,
    write_json,
    write_rows,
)
from hrssm.records.run import inspect, remove, set_aside
from hrssm.records.sources import digest_of
from hrssm.training import checkpoint
from hrssm.training.learner import Learner
from hrssm.training.loop import Build, Say
from hrssm.training.settings import Settings

__all__ = ["Evaluate", "score"]

#: The rows of a learner's living members, from settings, learner, seeds, and a function that says how it goes.
Evaluate = Callable[[Settings, Learner, Sequence[int], Say], Iterable[Row]]


def score(
    settings: Settings,
    directory: Path,
    *,
    build: Build,
    evaluate: Evaluate,
    sources: Mapping[str, str],
    device: torch.device,
    say: Say = print,
) -> None:
    """Evaluate the run in ``directory``, whose settings these are, and write evaluation.parquet and its manifest.

    A run that is already evaluated is left alone. Raises RecordError if the run is missing, half-written, damaged (what
    is damaged is set aside), or made from other sources than this package's.
    """
    state = inspect(directory)
    if state.word == "damaged" and all(path.name in (EVALUATED, EVALUATION) for path in state.damaged):
        moved = ", ".join(path.name for path in set_aside(state.damaged))
        say(f"{directory}: {state.reason}; set aside as {moved}; made again")
        remove(directory, training=False)
        state = inspect(directory)
    if state.manifest is None or state.word not in ("trained", "evaluated"):
        raise RecordError(refusal(directory))
    manifest = state.manifest
    label = f"{manifest['experiment']}/{manifest['cell']}"
    if state.word == "evaluated":
        say(f"{label}: already evaluated")
        return
    remove(directory, training=False)
    seeds = [int(seed) for seed in manifest["seeds"]]
    learner = build(settings, seeds, device)
    learner.load_state_dict(checkpoint.load(directory / CHECKPOINT, device)["learner"])
    rows = list(evaluate(settings, learner, seeds, lambda words: say(f"{label}: {words}")))
    write_rows(directory / EVALUATION, manifest["experiment"], manifest["cell"], rows)
    write_json(
        directory / EVALUATED,
        {
            "source_digest": digest_of(sources),
            "sources": dict(sources),
            "of": file_digest(directory / MANIFEST),
            "files": {EVALUATION: file_digest(directory / EVALUATION)},
        },
    )


def refusal(directory: Path) -> str:
    """Why the run in ``directory`` cannot be used, and what to do; damaged files are set aside on the way."""
    state = inspect(directory)
    if state.word == "missing":
        return f"{directory} holds no run. Train one there (hrssm train ... --out), then try again."
    if state.word == "interrupted":
        return f"{directory} is only partly trained: give the command that trained it again, and it goes on."
    if state.word == "stale":
        return (
            f"{directory}: {state.reason}; numbers of different sources must not be mixed. Train it again (hrssm train "
            "... --overwrite), or check out the sources it was made from."
        )
    moved = ", ".join(path.name for path in set_aside(state.damaged))
    done = f"set aside as {moved}" if moved else "it is gone"
    return f"{state.reason}; {done}. Give the command that trained it again: what is missing is made again."
