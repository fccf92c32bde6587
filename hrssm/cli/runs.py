"""`hrssm train`, `hrssm evaluate`, `hrssm status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from hrssm.experiment.experiment import Experiment, Scale, load, load_scale
from hrssm.records.record import RecordError, read_manifest, source_digest
from hrssm.systems.rssm.build import choose_device
from hrssm.systems.rssm.evaluate import evaluate as evaluate_run
from hrssm.training.loop import Name
from hrssm.training.loop import train as train_run

Device = Annotated[str, typer.Option(help="auto (a CUDA device when there is one), cpu, or cuda")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves the choice to PyTorch", min=0)]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(train)
    app.command()(evaluate)
    app.command()(status)


def say(line: str) -> None:
    """A progress line, at once."""
    typer.echo(line)


def _prepare(device: str, threads: int) -> torch.device:
    if threads:
        torch.set_num_threads(threads)
    return choose_device(device)


def _scale(experiment: Path, name: str) -> Scale:
    return load_scale(experiment.parent / "scales.yaml", name)


def train(
    experiment: Annotated[Path, typer.Argument(help="an experiment's YAML file, such as experiments/e3_seeds.yaml")],
    cell: Annotated[
        list[str] | None, typer.Option(help="a cell to train (may be repeated); all of them if not given")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="how many seeds; the scale's own number if not given", min=1)
    ] = None,
    out: Annotated[Path, typer.Option(help="where to write: each cell gets a directory EXPERIMENT/CELL in it")] = Path(
        "runs"
    ),
    scale: Annotated[str, typer.Option(help="a scale of the scales.yaml beside the experiment")] = "laptop",
    device: Device = "auto",
    threads: Threads = 0,
    overwrite: Annotated[
        bool, typer.Option(help="start over where there is a run of other settings or sources")
    ] = False,
) -> None:
    """Train cells of an experiment, all seeds of a cell in one ensemble, and write their records.

    A cell that is already trained is left alone, and one that was interrupted goes on from its checkpoint.
    """
    loaded, shrink = load(experiment), _scale(experiment, scale)
    chosen = {name: shrink.apply(loaded.cell(name)) for name in (cell or loaded.cells)}
    on = _prepare(device, threads)
    for name, run in chosen.items():
        train_run(
            run,
            loaded.seeds(seeds or shrink.seeds),
            out / loaded.id / name,
            Name(loaded.id, name, scale),
            device=on,
            overwrite=overwrite,
            say=say,
        )


def evaluate(
    directories: Annotated[list[Path], typer.Argument(help="runs' directories, or directories that hold runs")],
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Evaluate trained runs with their controls, and write evaluation.parquet beside each."""
    found = []
    for directory in directories:
        found += (inside := sorted(path.parent for path in directory.rglob("manifest.json")))
        if not inside:
            read_manifest(directory)  # says what is missing
    on = _prepare(device, threads)
    for run in found:
        evaluate_run(run, device=on, say=say)


def status(
    results: Annotated[Path, typer.Argument(help="the directory that holds the results")] = Path("results"),
    experiments: Annotated[Path, typer.Option(help="the directory that holds the experiments")] = Path("experiments"),
    scale: Annotated[str, typer.Option(help="which scale's runs")] = "laptop",
) -> None:
    """Say what has run, from which sources, and what is missing."""
    load_scale(experiments / "scales.yaml", scale)
    files = sorted(experiments.glob("e*.yaml"))
    if not files:
        raise RecordError(
            f"{experiments} holds no experiment (e*.yaml); run this in the project's directory or give --experiments"
        )
    counts: dict[str, int] = {}
    typer.echo(f"scale {scale}, sources {source_digest()}, in {results / scale}")
    for file in files:
        loaded = load(file)
        for name in loaded.cells:
            state = _state(loaded, name, results / scale / loaded.id / name)
            counts[state.split(",")[0]] = counts.get(state.split(",")[0], 0) + 1
            typer.echo(f"  {loaded.id + '/' + name:45} {state}")
        for name, target in loaded.same_as.items():
            typer.echo(f"  {loaded.id + '/' + name:45} is {target}")
    typer.echo("; ".join(f"{number} {state}" for state, number in sorted(counts.items())))


def _state(experiment: Experiment, cell: str, directory: Path) -> str:
    if not (directory / "manifest.json").exists():
        return "interrupted, goes on from its checkpoint" if (directory / "checkpoint.pt").exists() else "missing"
    try:
        manifest = read_manifest(directory)
    except RecordError:
        digest = read_manifest(directory, any_digest=True)["source_digest"]
        return f"stale, made from sources {digest}"
    diverged = [seed for seed, member in manifest["members"].items() if member["ended"] != "finished"]
    seeds = f"{len(manifest['seeds'])} seeds" + (f", diverged: {', '.join(diverged)}" if diverged else "")
    done = "evaluated" if (directory / "evaluation.parquet").exists() else "trained, not evaluated"
    return f"{done}, {seeds}, {manifest['wall_seconds']:.0f} s on {manifest['device_name']}"
