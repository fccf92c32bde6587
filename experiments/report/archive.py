"""The archive: full-length runs kept with the sources, small enough to be committed.

    python -m experiments.report.archive RUNS [--weights] [--out experiments/archive]

copies every evaluated run below RUNS to `experiments/archive/<system>/<experiment>/<cell>/`: its manifest, its curves
and evaluation as compressed Parquet, and with --weights the trained weights of its first seed (safetensors). A run in
the archive is bound to the commit that made it; `experiments.report.replicate` says whether today's code makes it too.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

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
    read_rows,
    write_bytes,
    write_json,
)
from hrssm.records.run import find, inspect

__all__ = ["WEIGHTS", "Archived", "add", "archived"]

WEIGHTS = "weights.safetensors"
LARGEST = 40 * 2**20
"""Bytes of the whole archive."""


@dataclass(frozen=True)
class Archived:
    """One run in the archive."""

    directory: Path
    manifest: Mapping[str, Any]
    evaluation: Mapping[str, Any]

    @property
    def name(self) -> str:
        """experiment/cell."""
        return f"{self.manifest['experiment']}/{self.manifest['cell']}"

    def curves(self) -> pd.DataFrame:
        """Its curves; raises RecordError where they are not those that were archived."""
        return read_rows(self.directory / CURVES, self.manifest["files"])

    def scores(self) -> pd.DataFrame:
        """Its evaluation; raises RecordError where it is not the one that was archived."""
        return read_rows(self.directory / EVALUATION, self.evaluation["files"])

    def weights(self) -> Path | None:
        """The file of one seed's weights, checked; None where none are archived."""
        path = self.directory / WEIGHTS
        if not path.exists():
            return None
        check(path, self.manifest["files"])
        return path


def archived(folder: Path) -> dict[tuple[str, str], Archived]:
    """Every run in the archive by (experiment, cell); raises RecordError for one that is damaged."""
    found = {}
    for path in sorted(folder.glob(f"*/*/*/{MANIFEST}")):
        run = Archived(path.parent, read_json(path), read_json(path.parent / EVALUATED))
        found[run.manifest["experiment"], run.manifest["cell"]] = run
    return found


def add(directory: Path, folder: Path, *, weights: bool = False, commit: str | None = None) -> Path:
    """Copy an evaluated run into the archive and return where it is; an older archived run of the cell goes.

    ``commit`` is for a run whose manifest does not say which commit made it. Raises RecordError where the run is not
    whole, or the archive would grow beyond what may be committed.
    """
    state = inspect(directory)
    manifest, evaluation = state.manifest, state.evaluation
    if state.word == "stale" or (state.word == "trained" and "sources changed" in state.reason):
        # Made by an earlier commit: the archive is where such runs belong. Its files have been verified above.
        evaluation = read_json(directory / EVALUATED)
        check(directory / EVALUATION, evaluation["files"])
    elif state.word != "evaluated":
        raise RecordError(f"{directory} is {state.word} ({state.reason}): train and evaluate it first")
    assert manifest is not None
    assert evaluation is not None
    there = folder / manifest["kind"] / manifest["experiment"] / manifest["cell"]
    shutil.rmtree(there, ignore_errors=True)
    files = {}
    for name, digests in ((CURVES, manifest["files"]), (EVALUATION, evaluation["files"])):
        buffer = io.BytesIO()
        read_rows(directory / name, digests).to_parquet(buffer, index=False, compression="zstd", compression_level=19)
        write_bytes(there / name, buffer.getvalue())
        files[name] = file_digest(there / name)
    kept = {CURVES: files[CURVES]}
    if weights:
        _write_weights(directory, manifest, there / WEIGHTS)
        kept[WEIGHTS] = file_digest(there / WEIGHTS)
    write_json(there / EVALUATED, {**evaluation, "files": {EVALUATION: files[EVALUATION]}})
    write_json(there / MANIFEST, {**manifest, "commit": manifest.get("commit") or commit, "files": kept})
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > LARGEST:
        shutil.rmtree(there)
        raise RecordError(f"{folder} would hold {size / 2**20:.1f} MiB with {directory}; at most 40 may be committed")
    return there


def _write_weights(directory: Path, manifest: Mapping[str, Any], path: Path) -> None:
    import torch
    from safetensors.torch import save

    from hrssm.training import checkpoint
    from hrssm.training.learner import one_member

    check(directory / CHECKPOINT, manifest["files"])
    state = checkpoint.load(directory / CHECKPOINT, torch.device("cpu"))["learner"]
    write_bytes(path, save(one_member(state, 0), metadata={"seed": str(manifest["seeds"][0])}))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 when every run was archived, 2 where one cannot be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="runs, or folders that hold runs")
    parser.add_argument("--out", type=Path, default=Path("experiments/archive"), help="the archive")
    parser.add_argument("--weights", action="store_true", help="keep the weights of the first seed as well")
    parser.add_argument("--commit", default=None, help="the commit that made runs whose manifest does not say")
    given = parser.parse_args(argv)
    status = 0
    for directory in find(given.runs):
        try:
            print(add(directory, given.out, weights=given.weights, commit=given.commit))
        except RecordError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 2
    return status


if __name__ == "__main__":
    sys.exit(main())
