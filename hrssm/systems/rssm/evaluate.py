"""Evaluation of a trained run with its controls: the same measures on the same walks, with what a number must survive.

Controls: the untrained ensemble (each member's own initial weights), counterfactual observations, and the blind clock,
which sees only the step number and is exact. The walks of a member come from its own seed, and are the same under
every control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from hrssm.environments import Counterfactual, Start, TreeMDP, Walks, occupancy
from hrssm.evaluation import Protocol, Trajectories, blind_clock, measure
from hrssm.experiment.experiment import Run
from hrssm.records.record import RecordError, read_manifest, write_rows
from hrssm.systems.rssm.build import build_environment, build_model, gate
from hrssm.systems.rssm.model import RSSM
from hrssm.training.seeds import generators

# The published evaluation starts walks as training does in the write-up; the other visits every depth.
STARTS: dict[Protocol, Start] = {"published": "uniform", "every_depth": "every-depth"}
CLOCK_SEED = -1  # the blind clock has no seed: its rows stand under this one
CURVE_METRICS = ("mse", "kl", "rho_height", "rho_first_pc", "rho_best_pc", "rho_given_t", "attenuation")


def evaluate(directory: Path, *, device: torch.device, say: Callable[[str], None] = print) -> None:
    """Evaluate the run in ``directory`` and write its evaluation.parquet.

    Raises RecordError if the run is missing, half-written, or made from other sources than this package's.
    """
    manifest = read_manifest(directory)
    try:
        run = Run.model_validate(manifest["config"])
        data = torch.load(directory / "checkpoint.pt", map_location=device, weights_only=True)
    except (OSError, RuntimeError, ValueError, UnpicklingError) as error:
        raise RecordError(
            f"{directory}: the checkpoint cannot be read ({error}). Train it again with --overwrite."
        ) from error
    seeds = [int(seed) for seed in manifest["seeds"]]
    alive = [k for k, seed in enumerate(seeds) if manifest["members"][str(seed)]["ended"] == "finished"]
    environment = build_environment(run, device)
    untrained = build_model(run, seeds, device)
    trained = build_model(run, seeds, device)
    trained.load_state_dict(data["model"])
    open_gate = gate(run, run.training.steps)

    label = f"{manifest['experiment']}/{manifest['cell']}"
    rows: list[tuple[Any, ...]] = []
    for protocol in get_args(Protocol):
        walks = evaluation_walks(run, environment, seeds, protocol)
        cases: list[tuple[str, RSSM, Tensor]] = [
            ("trained", trained, environment.observe(walks.nodes)),
            ("untrained", untrained, environment.observe(walks.nodes)),
        ]
        cases += [(name, trained, seen) for name, seen in counterfactuals(environment, walks, seeds)]
        for control, model, seen in cases:
            say(f"{label}: evaluating {protocol}, {control}")
            truth = environment.observe(walks.nodes)
            # Held-out probes take most of the time; under the counterfactuals the published ones say what is asked.
            probes = protocol == "published" or control in ("trained", "untrained")
            members = list(trajectories(model, walks, environment, seen, truth, seeds, gate=open_gate))
            for distribution, depths in ranges(run):
                for k in alive:
                    for metric, value in measure(members[k], protocol, seeds[k], depths=depths, probes=probes).items():
                        rows.append(_row(manifest, run, seeds[k], protocol, control, distribution, metric, value))
        for distribution, depths in ranges(run):
            for metric, value in _clock(run, environment, protocol, depths).items():
                rows.append(_row(manifest, run, CLOCK_SEED, protocol, "blind-clock", distribution, metric, value))
    write_rows(directory / "evaluation.parquet", rows)


def _row(
    manifest: dict[str, Any],
    run: Run,
    seed: int,
    protocol: str,
    control: str,
    distribution: str,
    metric: str,
    value: float,
) -> tuple[Any, ...]:
    where = (manifest["experiment"], manifest["cell"], seed, run.environment.tree_seed, run.training.steps)
    return (*where, protocol, control, distribution, metric, value)


def published_curve(
    run: Run, model: RSSM, environment: TreeMDP, seeds: Sequence[int], *, gate: float
) -> list[dict[str, float]]:
    """Per member, the published evaluation during training, on the same walks every time."""
    walks = evaluation_walks(run, environment, seeds, "published")
    seen = environment.observe(walks.nodes)
    depths = ranges(run)[0][1]
    measured = []
    for member in trajectories(model, walks, environment, seen, seen, seeds, gate=gate):
        values = measure(member, "published", depths=depths, probes=False)
        measured.append({metric: values[metric] for metric in CURVE_METRICS})
    return measured


def ranges(run: Run) -> list[tuple[str, tuple[int, int] | None]]:
    """The depth ranges that are scored apart: "in", and "out" where the run declares depths that training never
    visited."""
    out = run.evaluation.out_of_distribution_depth
    if out is None:
        return [("in", None)]
    return [("in", (0, out - 1)), ("out", (out, run.environment.depth))]


def evaluation_walks(run: Run, environment: TreeMDP, seeds: Sequence[int], protocol: Protocol) -> Walks:
    """The walks (M, T, B) of a protocol, from each member's own seed."""
    e = run.evaluation
    streams = generators(seeds, "evaluation walks", environment.device)
    return environment.walks(e.length, e.walks, streams, start=STARTS[protocol], max_depth=e.max_depth)


def counterfactuals(environment: TreeMDP, walks: Walks, seeds: Sequence[int]) -> Iterator[tuple[str, Tensor]]:
    """Name and observations (M, T, B, D) of each counterfactual: what the model sees instead of the truth."""
    yield "other-walk", environment.observe(walks.nodes.roll(1, 2))
    for kind in get_args(Counterfactual):
        tables = [environment.counterfactual(kind, g) for g in generators(seeds, "counterfactual")]
        yield (
            kind,
            torch.stack([table.observe(nodes) for table, nodes in zip(tables, walks.nodes, strict=True)]),
        )


@torch.no_grad()
def trajectories(
    model: RSSM,
    walks: Walks,
    environment: TreeMDP,
    seen: Tensor,
    truth: Tensor,
    seeds: Sequence[int],
    *,
    gate: float,
) -> Iterator[Trajectories]:
    """Per member, what the model makes of the observations ``seen`` (M, T, B, D) on walks whose observations are
    ``truth``.

    Latents are sampled, as in training; locations are the posterior's.
    """
    family = model.family
    streams = generators(seeds, "evaluation noise", seen.device)
    noise = torch.stack([family.noise(g, *seen.shape[1:3]) for g in streams])
    rollout = model.observe(seen, walks.actions, noise, gate=gate)
    terms = family.kl_terms(rollout.posterior, rollout.prior, rollout.stoch, log_drift_max=None)
    if "kl" not in terms:
        terms["kl"] = torch.stack(list(terms.values())).sum(0)
    location = family.location(rollout.posterior)
    attenuation = family.attenuation(rollout.posterior)

    def array(tensor: Tensor) -> np.ndarray:
        return tensor.cpu().numpy()

    depth, branch = environment.node_depth[walks.nodes], environment.branch[walks.nodes]
    for k in range(len(seeds)):
        yield Trajectories(
            nodes=array(walks.nodes[k]),
            depth=array(depth[k]),
            branch=array(branch[k]),
            observations=array(truth[k]),
            reconstructions=array(rollout.reconstruction[k]),
            location=array(location[k]),
            has_height=family.has_height,
            attenuation=None if attenuation is None else array(attenuation[k]),
            kl_terms={name: array(term[k]) for name, term in terms.items()},
        )


def _clock(run: Run, environment: TreeMDP, protocol: Protocol, depths: tuple[int, int] | None) -> dict[str, float]:
    e, trained = run.evaluation, run.environment
    learned = None
    if trained.max_depth != e.max_depth:
        # Evaluation leaves the training depths: the clock carries over what training showed it.
        learned = occupancy(environment, e.length, start=trained.start, lazy=trained.lazy, max_depth=trained.max_depth)
    return blind_clock(
        environment, e.length, start=STARTS[protocol], max_depth=e.max_depth, depths=depths, learned=learned
    )
