"""The directory of a run: what state it is in, what in it is damaged, and how it is started over.

Nothing here needs PyTorch or pandas: the state of a run can be told from its manifests and from hashes of files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hrssm.records.record import (
    CHECKPOINT,
    CURVES,
    EVALUATED,
    EVALUATION,
    MANIFEST,
    RecordError,
    check,
    file_digest,
    read_json,
)
from hrssm.records.sources import TREE, hashes

__all__ = ["STATES", "State", "changed_sources", "find", "inspect", "leftovers", "remove", "set_aside"]

Word = Literal["missing", "interrupted", "damaged", "stale", "trained", "evaluated"]
STATES: dict[Word, str] = {
    "missing": "no run was ever begun here",
    "interrupted": "goes on from its checkpoint",
    "damaged": "a file is not what was recorded",
    "stale": "made from other sources or settings",
    "trained": "whole, not evaluated (or the evaluation is of other sources)",
    "evaluated": "whole and evaluated",
}
KEYS = {
    MANIFEST: ("kind", "experiment", "cell", "settings", "settings_digest", "source_digest", "sources", "seeds",
               "members", "files", "device_name", "wall_seconds"),
    EVALUATED: ("source_digest", "sources", "of", "files"),
}  # fmt: skip


@dataclass(frozen=True)
class State:
    """What a run's directory holds.

    ``reason`` says in words why it is damaged or stale; ``damaged`` names the files that are; ``manifest`` and
    ``evaluation`` are those that can be read.
    """

    word: Word
    reason: str = ""
    damaged: tuple[Path, ...] = ()
    manifest: Mapping[str, Any] | None = None
    evaluation: Mapping[str, Any] | None = None


def inspect(directory: Path, *, wanted: Mapping[str, Any] | None = None, verify: bool = True) -> State:
    """The state of a run's directory.

    wanted: what the manifest must say (such as settings_digest and seeds) for the run to be the one asked for; verify:
    hash every file of the run and compare it with its manifest.
    """
    if not (directory / MANIFEST).exists():
        return State("interrupted" if (directory / CHECKPOINT).exists() else "missing")
    try:
        manifest = _manifest(directory / MANIFEST)
    except RecordError as error:
        return State("damaged", str(error), (directory / MANIFEST,))
    if bad := _damaged(directory, manifest["files"], (CURVES, CHECKPOINT), verify):
        return State("damaged", bad[0][1], tuple(path for path, _ in bad), manifest)
    for key, value in (wanted or {}).items():
        if manifest.get(key) != value:
            return State("stale", f"{key} was {manifest.get(key)!r} and is {value!r}", (), manifest)
    if moved := changed_sources(manifest):
        return State("stale", f"sources changed: {_list(moved)}", (), manifest)
    if not (directory / EVALUATED).exists():
        return State("trained", "", (), manifest)
    try:
        evaluation = _manifest(directory / EVALUATED)
    except RecordError as error:
        return State("damaged", str(error), (directory / EVALUATED,), manifest)
    if bad := _damaged(directory, evaluation["files"], (EVALUATION,), verify):
        return State("damaged", bad[0][1], tuple(path for path, _ in bad), manifest, evaluation)
    if evaluation["of"] != file_digest(directory / MANIFEST):
        return State("trained", "its evaluation is of another training", (), manifest)
    if moved := changed_sources(evaluation):
        return State("trained", f"its evaluation is stale: sources changed: {_list(moved)}", (), manifest)
    return State("evaluated", "", (), manifest, evaluation)


def changed_sources(manifest: Mapping[str, Any], tree: Path = TREE) -> list[str]:
    """The source files that are no longer what they were when the manifest was written, as paths below the tree."""
    recorded = manifest["sources"]
    now = hashes(recorded, tree)
    return [name for name in recorded if now.get(name) != recorded[name]]


def find(folders: Sequence[Path]) -> list[Path]:
    """The directories of runs in or below these folders: those that hold a manifest or a checkpoint."""
    found = {
        path.parent for folder in folders for name in (MANIFEST, CHECKPOINT) for path in folder.rglob(name)
    }  # a folder may be the run itself
    return sorted(found)


def leftovers(directory: Path) -> list[Path]:
    """Temporary files of writers that were killed."""
    names = (MANIFEST, CURVES, CHECKPOINT, EVALUATED, EVALUATION)
    return sorted(path for name in names for path in directory.glob(f".{name}.*"))


def remove(directory: Path, *, training: bool = True) -> None:
    """Take away what a run has written, its evaluation first; with ``training`` the run itself as well.

    The manifests go before the files that they vouch for, so that nothing half-removed passes for whole.
    """
    for name in (EVALUATED, EVALUATION) + ((MANIFEST, CURVES, CHECKPOINT) if training else ()):
        (directory / name).unlink(missing_ok=True)


def set_aside(paths: Sequence[Path]) -> list[Path]:
    """Rename damaged files so that nothing reads them as records any more, and return where they are now."""
    moved = []
    for path in paths:
        if not path.exists():
            continue
        number = 1
        while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        path.rename(aside)
        moved.append(aside)
    return moved


def _manifest(path: Path) -> dict[str, Any]:
    found = read_json(path)
    missing = [key for key in KEYS[path.name] if key not in found]
    maps = ("files", "sources", "members", "settings")
    wrong = [key for key in maps if key in found and not isinstance(found[key], dict)]
    if missing or wrong:
        what = f"has no {', '.join(missing)}" if missing else f"{', '.join(wrong)} are not what they should be"
        raise RecordError(f"{path} is damaged: it {what}")
    return found


def _damaged(directory: Path, digests: Mapping[str, str], names: Sequence[str], verify: bool) -> list[tuple[Path, str]]:
    bad = []
    for name in names:
        path = directory / name
        try:
            if verify:
                check(path, digests)
            elif not path.is_file():
                raise RecordError(f"{path} is missing")
        except RecordError as error:
            bad.append((path, str(error)))
    return bad


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
