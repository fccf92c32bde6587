"""`hrssm train`, `hrssm evaluate`, `hrssm status`. What a command needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import torch

Device = Annotated[str, typer.Option(help="auto (a CUDA device when there is one), cpu, cuda or mps")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves the choice to PyTorch", min=0, max=4096)]
Systems = Annotated[str, typer.Option(help="systems, separated by commas; all of them if not given")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(train)
    app.command()(evaluate)
    app.command()(status)


def say(line: str) -> None:
    """A progress line, at once."""
    print(line, flush=True)


def _prepare(device: str, threads: int) -> torch.device:
    import torch

    from hrssm.training.device import choose_device

    if threads:
        torch.set_num_threads(threads)
    return choose_device(device)


def train(
    experiment: Annotated[
        Path, typer.Argument(help="an experiment's YAML file, such as experiments/rssm/e3_seeds.yaml")
    ],
    cell: Annotated[
        list[str] | None, typer.Option(help="a cell to train (may be repeated); all of them if not given")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="how many seeds; the scale's own number if not given", min=1, max=10**6)
    ] = None,
    out: Annotated[Path, typer.Option(help="where to write: each cell gets a directory EXPERIMENT/CELL in it")] = Path(
        "runs"
    ),
    scale: Annotated[str, typer.Option(help="a scale of the scales.yaml beside the systems' folders")] = "laptop",
    device: Device = "auto",
    threads: Threads = 0,
    overwrite: Annotated[
        bool, typer.Option(help="start over where there is a run of other settings or sources")
    ] = False,
) -> None:
    """Train cells of an experiment, all seeds of a cell in one ensemble, and write their records.

    A cell that is already trained is left alone, and one that was interrupted goes on from its checkpoint.
    """
    from hrssm.experiment.experiment import load, load_scale
    from hrssm.systems.kinds import kind
    from hrssm.training.settings import within

    loaded, shrink = load(experiment), load_scale(_scales(experiment), scale)
    names = [one for name in cell for one in loaded.members(name)] if cell else list(loaded.own())
    chosen = {name: loaded.cell(name).scaled(shrink) for name in dict.fromkeys(names)}
    numbers = within(loaded.seeds(seeds or shrink.seeds))
    on = _prepare(device, threads)

    from hrssm.training.loop import Name
    from hrssm.training.loop import train as train_run

    for name, settings in chosen.items():
        system = kind(settings.kind)
        train_run(
            settings,
            numbers,
            out / loaded.id / name,
            Name(loaded.id, name, scale),
            build=system.build,
            sources=system.training_sources(settings),
            device=on,
            overwrite=overwrite,
            say=say,
        )


def _scales(experiment: Path) -> Path:
    """The scales of an experiment file: those of the nearest folder above it that has some."""
    above = (folder / "scales.yaml" for folder in experiment.absolute().parents)
    return next((path for path in above if path.is_file()), experiment.parent.parent / "scales.yaml")


def evaluate(
    directories: Annotated[list[Path], typer.Argument(help="runs' directories, or directories that hold runs")],
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Evaluate trained runs with their controls, and write evaluation.parquet beside each."""
    from hrssm.records.record import MANIFEST, RecordError, read_json
    from hrssm.records.run import find

    found = find(directories)
    if not found:
        named = ", ".join(map(str, directories))
        raise RecordError(f"{named}: holds no run. Train one there (hrssm train ... --out), then try again.")
    on = _prepare(device, threads)

    from hrssm.systems.kinds import kind
    from hrssm.training.score import refusal, score

    refused: list[str] = []
    for run in found:
        try:
            manifest = read_json(run / MANIFEST)
            system = kind(manifest["kind"])
            settings = system.settings.model_validate(manifest["settings"])
        except (RecordError, KeyError, ValueError):
            refused.append(refusal(run))
            continue
        try:
            score(
                settings,
                run,
                build=system.build,
                evaluate=system.evaluate,
                sources=system.evaluation_sources(settings),
                device=on,
                say=say,
            )
        except RecordError as error:
            refused.append(str(error))
    if refused:
        raise RecordError("\n".join(refused))


def status(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="folders with runs; results and runs if not given")
    ] = None,
    verify: Annotated[bool, typer.Option(help="hash every file and compare it with its manifest")] = False,
) -> None:
    """Say what each run in these folders is: evaluated, trained, interrupted, stale (and why), or damaged.

    Exits with 2 where a folder does not exist or holds no run, with 1 where a run is damaged.
    """
    from hrssm.records.record import RecordError
    from hrssm.records.run import STATES, find, inspect

    given = folders or [path for path in (Path("results"), Path("runs")) if path.is_dir()]
    missing = [str(path) for path in given if not path.is_dir()]
    if missing or not given:
        what = ", ".join(missing) or "results, runs"
        raise RecordError(
            f"{what}: there is no such folder. Give one that holds runs (what --out named), or train one."
        )
    found = find(given)
    if not found:
        raise RecordError(
            f"{', '.join(map(str, given))}: holds no run. Give the folder that --out named, or train one."
        )
    counts = dict.fromkeys(STATES, 0)
    for run in found:
        state = inspect(run, verify=verify)
        counts[state.word] += 1
        words = [state.word, state.reason]
        if state.manifest:
            members = state.manifest["members"]
            diverged = [seed for seed, member in members.items() if member["ended"] != "finished"]
            words += [
                f"{len(members)} seeds",
                f"diverged: {' '.join(diverged)}" if diverged else "",
                f"{state.manifest['wall_seconds']:.0f} s on {state.manifest['device_name']}",
            ]
        typer.echo(f"  {run!s:60} {', '.join(word for word in words if word)}")
    typer.echo("; ".join(f"{number} {word}" for word, number in counts.items() if number))
    if counts["damaged"]:
        raise typer.Exit(1)
