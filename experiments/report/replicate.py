"""Make the beginning of archived runs again on this machine and hold it against the archive.

    python -m experiments.report.replicate --system rssm --out results/archive/replication/rssm.json

For each run: train its first steps anew, all its seeds, and compare every number that was logged. Where weights are
archived, evaluate them again and compare with the archived evaluation of that seed. A run of the same code is the same
to the last digit on this kind of machine; the tolerances allow for another processor's rounding. Runs are taken in an
order that --draw decides until --seconds are spent: the rest is not tried, and the paper says so.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch

from experiments.report.archive import Archived, archived
from hrssm.experiment.experiment import load_all
from hrssm.records.record import RecordError, Row, write_json
from hrssm.records.run import changed_sources
from hrssm.systems.kinds import kind
from hrssm.training.settings import Settings

__all__ = ["replicate"]

STEPS = 32
#: Relative and absolute: of what training logs in its first steps, and of what an evaluation says of the same weights.
#: Ranks and probes jump when two values change places, so that an evaluation is allowed more.
LOGGED = (1e-3, 1e-6)
EVALUATED = (1e-2, 2e-2)

Verdict = Literal["replicated", "not replicated", "not tried"]
Outcome = dict[str, Any]


def replicate(run: Archived, settings: Settings, steps: int = STEPS) -> Outcome:
    """What came out for one archived run, whose settings these are: verdict, how far, the worst number, and why."""
    device, system = torch.device("cpu"), kind(settings.kind)
    seeds = [int(seed) for seed in run.manifest["seeds"]]
    logged = run.curves().query("protocol == 'train'").set_index(["seed", "step", "metric"])["value"]
    steps = min(steps, settings.training.steps)
    learner = system.build(settings, seeds, device)
    worst: tuple[float, str] = (0.0, "")
    compared = 0
    for number in range(1, steps + 1):
        report = learner.step(number - 1)
        if not settings.training.logged(number):
            continue
        for metric, values in report.items():
            for seed, value in zip(seeds, values.tolist(), strict=True):
                before = logged.get((seed, number, metric))
                if before is None:
                    continue
                compared += 1
                worst = max(worst, (_off(value, float(before), *LOGGED), f"{metric} of seed {seed} at step {number}"))
    said = [f"the first {steps} steps"]
    path = run.weights()
    if path is not None:
        apart, what = _evaluate_again(run, settings, path, device)
        worst, compared = max(worst, (apart, what)), compared + 1
        said.append("the evaluation of the archived weights")
    if not compared:
        return _outcome(run, "not replicated", steps, "nothing was logged in the first steps", math.inf)
    if worst[0] > 1:
        return _outcome(run, "not replicated", steps, f"{worst[1]} is {worst[0]:.3g} tolerances off", worst[0])
    return _outcome(run, "replicated", steps, " and ".join(said), worst[0])


def _off(value: float, before: float, relative: float, absolute: float) -> float:
    """By how many tolerances two numbers differ; two that are undefined alike do not."""
    if math.isnan(value) and math.isnan(before):
        return 0.0
    apart = abs(value - before) / (absolute + relative * abs(before))
    return apart if math.isfinite(apart) else math.inf


def _evaluate_again(run: Archived, settings: Settings, path: Path, device: torch.device) -> tuple[float, str]:
    from safetensors import safe_open

    system = kind(settings.kind)
    with safe_open(path, framework="pt") as file:
        seed = int((file.metadata() or {})["seed"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
    learner = system.build(settings, [seed], device)
    learner.load_state_dict(learner.state_dict() | {"model": weights})
    rows = pd.DataFrame([Row(*row) for row in system.evaluate(settings, learner, [seed], lambda words: None)])
    keys = ["seed", "protocol", "control", "range", "metric"]
    both = rows.merge(run.scores(), on=keys, suffixes=("", "_archived"))
    if both.empty:
        return math.inf, "no row of the evaluation"
    apart = [_off(a, b, *EVALUATED) for a, b in zip(both["value"], both["value_archived"], strict=True)]
    # A rank correlation of what does not vary is noise: a few such rows may move, a wrong weight moves most.
    moved = sum(value > 1 for value in apart) / len(apart)
    at = max(range(len(apart)), key=apart.__getitem__)
    where = "/".join(str(both.iloc[at][key]) for key in keys[1:])
    return (moved / MOVED, f"the evaluation ({100 * moved:.1f} % of its rows; {where})")


MOVED = 0.02
"""Share of an evaluation's rows that may lie beyond their tolerance."""


def _same(settings: Settings, run: Archived) -> bool:
    """Whether an archived run is of these settings; what the schema has gained since is at its default there."""
    try:
        return kind(settings.kind).settings.model_validate(run.manifest["settings"]).digest() == settings.digest()
    except ValueError:
        return False


def _outcome(run: Archived, verdict: Verdict, steps: int, words: str, worst: float = 0.0) -> Outcome:
    return {
        "run": run.name,
        "verdict": verdict,
        "steps": steps,
        "words": words,
        "worst": worst if math.isfinite(worst) else None,
        "commit": run.manifest.get("commit"),
        "source_digest": run.manifest["source_digest"],
        "changed": changed_sources(run.manifest),
    }


def replicate_all(
    runs: Mapping[tuple[str, str], Archived],
    settings: Mapping[tuple[str, str], Settings],
    *,
    draw: int,
    seconds: float,
    steps: int = STEPS,
    say: Callable[[str], None] = print,
) -> list[Outcome]:
    """The outcomes of runs of one system, in the order that ``draw`` gives them, until ``seconds`` are spent."""
    order = sorted(runs)
    random.Random(draw).shuffle(order)
    started, outcomes = time.monotonic(), []
    for key in order:
        run = runs[key]
        if key not in settings:
            outcomes.append(_outcome(run, "not replicated", 0, "no experiment file has this cell any more"))
        elif not _same(settings[key], run):
            outcomes.append(_outcome(run, "not replicated", 0, "the experiment file now gives it other settings"))
        elif time.monotonic() - started > seconds:
            outcomes.append(_outcome(run, "not tried", 0, f"the {seconds:g} seconds for this system were spent"))
        else:
            try:
                outcomes.append(replicate(run, settings[key], steps))
            except ModuleNotFoundError as error:
                if error.name is None or error.name.split(".")[0] == "hrssm":
                    raise
                outcomes.append(_outcome(run, "not tried", 0, f"{error.name} is not installed"))
            except RecordError as error:
                outcomes.append(_outcome(run, "not replicated", 0, str(error)))
        say(f"{outcomes[-1]['run']}: {outcomes[-1]['verdict']} ({outcomes[-1]['words']})")
    return outcomes


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 once the outcomes are written, whatever they are: the build fails after the paper has said so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", required=True, help="the system whose runs are tried")
    parser.add_argument("--out", type=Path, required=True, help="where the outcomes go, as JSON")
    parser.add_argument("--archive", type=Path, default=Path("experiments/archive"))
    parser.add_argument("--experiments", type=Path, default=Path("experiments"))
    parser.add_argument("--draw", type=int, default=None, help="decides the order; the clock does where none is given")
    parser.add_argument("--seconds", type=float, default=180.0, help="time for this system")
    given = parser.parse_args(argv)
    draw = int(time.time()) if given.draw is None else given.draw
    plan = load_all(given.experiments, [given.system])
    settings = {(e.id, name): s for e in plan.values() for name, s in e.own().items()}
    runs = {key: run for key, run in archived(given.archive).items() if run.manifest["kind"] == given.system}
    outcomes = replicate_all(runs, settings, draw=draw, seconds=given.seconds)
    counts = {v: sum(o["verdict"] == v for o in outcomes) for v in ("replicated", "not replicated", "not tried")}
    missing = sorted("/".join(key) for key in settings if key not in runs)
    write_json(given.out, {"draw": draw, "counts": counts, "runs": outcomes, "missing": missing})
    print(f"{given.system}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
