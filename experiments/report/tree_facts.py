"""What the tree alone fixes, before any model: `python -m experiments.report.tree_facts --scale smoke`.

Writes `results/{scale}/tree_facts.json` and `figures/clock.svg`: for each kind of walk of the experiments the tree, the
occupancy of depths by step, what a blind clock scores, the floors of the reconstruction error, and the eigenvalues that
decide whether the published objective keeps anything (formulas `tree-walk`, `tree-clock`, `tree-floor`,
`obj-collapse`).
"""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import Any

import torch

from experiments.report.command import Paths, command
from experiments.report.figures.clock import clock_figure
from experiments.report.figures.style import save, style
from hrssm.environments.occupancy import depth_occupancy, occupancy
from hrssm.environments.tree import Start
from hrssm.evaluation.clock import blind_clock, reconstruction_floors
from hrssm.evaluation.walks import parity, walk_eigenvalue
from hrssm.records.record import write_json
from hrssm.systems.rssm.settings import Settings
from hrssm.systems.rssm.walking import build_tree, evaluation_region, ranges, training_region

# Name that the paper reads, the run whose walks they are, how they start, and which range of depths.
KINDS: tuple[tuple[str, str, str, Start, str], ...] = (
    ("short", "e2_dimensions", "hg-d16", "uniform", "in"),
    ("flat", "e1_alignment", "flat-hg-d16", "uniform", "in"),
    ("long", "e8_longer_walks", "hg-d16", "uniform", "in"),
    ("deep_in", "e9_depth_generalisation", "hg", "uniform", "in"),
    ("deep_out", "e9_depth_generalisation", "hg", "uniform", "out"),
    ("stationary", "e2_dimensions", "intended-hg-d16", "stationary", "in"),
    ("every_depth", "e2_dimensions", "intended-hg-d16", "every-depth", "in"),
)


def describe(run: Settings, start: Start, where: str) -> dict[str, Any]:
    """The exact numbers of a kind of walk; MSE in squared observation units, information in nats.

    Clock and floors are those of evaluation walks with this start, at these depths; the covariance is that of
    the training walks. Where evaluation leaves the training depths the clock knows the training walks only.
    """
    settings, evaluation = run.data, run.evaluation
    tree = build_tree(run, torch.device("cpu"), torch.float64)
    here, trained, scored_nodes = (
        evaluation_region(run, tree),
        training_region(run, tree),
        dict(ranges(run, tree))[where],
    )
    law = occupancy(tree, run.training.length, start=settings.start, lazy=settings.lazy, region=trained)
    share, nodes = depth_occupancy(tree, law).mean(0), law.mean(0)
    centred = tree.observations - nodes @ tree.observations
    eigenvalues = torch.linalg.eigvalsh(centred.T @ (nodes[:, None] * centred)).flip(0)
    learned = None
    if not torch.equal(here.mask, trained.mask):
        learned = occupancy(tree, evaluation.length, start=start, region=trained)
    scored = blind_clock(tree, evaluation.length, start=start, region=here, scored=scored_nodes, learned=learned)
    floors = reconstruction_floors(tree, evaluation.length, start=start, region=here)
    walked = occupancy(tree, evaluation.length, start=start, region=here)
    return {
        "branching": settings.branching,
        "depth": settings.depth,
        "nodes": tree.num_nodes,
        "bits": math.log2(tree.num_nodes),
        "length": run.training.length,
        "scored_length": evaluation.length,
        "start": start,
        "noise": settings.noise,
        "observation_dim": settings.observation_dim,
        "depths": None if scored_nodes is None else depths_of(tree.node_depth[scored_nodes]),
        "depth_by_step": depth_occupancy(tree, walked).tolist(),
        "depth_entropy": -float(torch.special.xlogy(share, share).sum()),
        "depth_worth": floors["nothing"] - floors["depth"],
        "floors": floors if scored_nodes is None else None,
        "parity": parity(tree, law),
        "parity_scored": parity(tree, walked)["rho"] if scored_nodes is None else None,
        "clock": {name: value for name, value in scored.items() if math.isfinite(value)},
        "eigenvalues": eigenvalues[:16].tolist(),
        "largest_eigenvalue": float(eigenvalues[0]),
        "largest_walk_eigenvalue": walk_eigenvalue(tree, law) if settings.max_depth is None else None,
        "threshold": settings.observation_dim / 2,
        "calibrated_threshold": settings.noise**2,
        "effective_weight": settings.observation_dim / (2 * settings.noise**2),
    }


def depths_of(of: torch.Tensor) -> tuple[int, int]:
    """The least and the largest depth of some nodes."""
    return int(of.min()), int(of.max())


def _work(paths: Paths) -> str:
    plan = paths.plan()
    facts = {}
    for name, experiment, cell, start, where in KINDS:
        settings = plan[experiment].cells[cell].of
        assert isinstance(settings, Settings)
        facts[name] = describe(settings, start, where)
    write_json(paths.folder / "tree_facts.json", facts)
    with style():
        save(clock_figure(facts), paths.folder / "figures" / "clock.svg")
    return f"tree facts: {len(facts)} kinds of walk"


main = partial(command, __doc__, _work)

if __name__ == "__main__":
    sys.exit(main())
