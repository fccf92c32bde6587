"""What the environment alone fixes, before any model: `python -m experiments.environment --scale smoke`.

Writes `results/{scale}/environment.json` and `figures/clock.svg`: for each kind of walk of the experiments
the tree, the occupancy of depths by step, what a blind clock scores, the floors of the reconstruction error,
and the eigenvalues that decide whether the published objective keeps anything (formulas `tree-walk`,
`tree-clock`, `tree-floor`, `obj-collapse`).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.figure import Figure

from experiments.report.figures.style import grid, save, style
from experiments.report.plan import Experiment, RecordError, read_plan
from experiments.report.summary import parser, write_json
from hrssm.environments import Start, TreeMDP, depth_occupancy, occupancy
from hrssm.evaluation import blind_clock, reconstruction_floors
from hrssm.evaluation.clock import weighted_rank_correlation
from hrssm.experiment.experiment import Run
from hrssm.systems.rssm.evaluate import ranges

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


def walk_eigenvalue(tree: TreeMDP, law: torch.Tensor) -> float:
    """Largest eigenvalue of the covariance of all observations of a walk together (formula `obj-collapse`).

    `law` (T, N) is the occupancy of a walk that is confined to no depth and never stays put.
    """
    steps, seen, width = len(law), tree.observations, tree.observations.shape[1]
    mean = law @ seen
    ahead = [seen]
    for _ in range(1, steps):
        padded = torch.where(tree.neighbours[..., None] >= 0, ahead[-1][tree.neighbours.clamp(min=0)], 0.0)
        ahead.append(padded.sum(1) / tree.degree[:, None])
    covariance = torch.zeros((steps, width, steps, width), dtype=seen.dtype)
    for s in range(steps):
        for t in range(s, steps):
            block = (law[s][:, None] * seen).T @ ahead[t - s] - torch.outer(mean[s], mean[t])
            covariance[s, :, t], covariance[t, :, s] = block, block.T
    return float(torch.linalg.eigvalsh(covariance.reshape(steps * width, -1))[-1])


def parity(tree: TreeMDP, law: torch.Tensor) -> dict[str, float]:
    """What the parity of depth + step, constant along a walk, adds to the step (formula `tree-parity`).

    `gap` is the squared distance per coordinate between the mean observations of the two parities, averaged
    over steps; `weight` the largest KL weight at which the published loss pays for the bit; `rho` the rank
    correlation with depth of a predictor that knows step and parity and no more.
    """
    steps, branching = len(law), tree.branching
    odd = (tree.node_depth + torch.arange(steps)[:, None]) % 2 == 1
    halves = torch.stack([law * ~odd, law * odd])
    means = (halves / halves.sum(2, keepdim=True).clamp(min=1e-300)) @ tree.observations
    gap = float((means[0] - means[1]).pow(2).mean())
    joint = torch.cat([depth_occupancy(tree, half) for half in halves]) / steps
    levels = torch.arange(tree.depth + 1, dtype=torch.float64)
    expected = (joint @ levels) / joint.sum(1).clamp(min=1e-300)
    return {
        "gap": gap,
        "weight": gap * steps * (branching - 1) / (math.log(branching) * (branching + 1)),
        "rho": weighted_rank_correlation(expected, joint),
    }


def describe(run: Run, start: Start, distribution: str) -> dict[str, Any]:
    """The exact numbers of a kind of walk; MSE in squared observation units, information in nats.

    Clock and floors are those of evaluation walks with this start, at these depths; the covariance is that of
    the training walks. Where evaluation leaves the training depths the clock knows the training walks only.
    """
    settings, evaluation, depths = run.environment, run.evaluation, dict(ranges(run))[distribution]
    tree = TreeMDP(
        settings.branching,
        settings.depth,
        seed=settings.tree_seed,
        observation_dim=settings.observation_dim,
        embedding_dim=settings.embedding_dim,
        noise=settings.noise,
        dtype=torch.float64,
    )
    law = occupancy(tree, run.training.length, start=settings.start, lazy=settings.lazy, max_depth=settings.max_depth)
    share, nodes = depth_occupancy(tree, law).mean(0), law.mean(0)
    centred = tree.observations - nodes @ tree.observations
    eigenvalues = torch.linalg.eigvalsh(centred.T @ (nodes[:, None] * centred)).flip(0)
    learned = None
    if settings.max_depth != evaluation.max_depth:
        learned = occupancy(tree, evaluation.length, start=start, max_depth=settings.max_depth)
    scored = blind_clock(
        tree, evaluation.length, start=start, max_depth=evaluation.max_depth, depths=depths, learned=learned
    )
    floors = reconstruction_floors(tree, evaluation.length, start=start, max_depth=evaluation.max_depth)
    walked = occupancy(tree, evaluation.length, start=start, max_depth=evaluation.max_depth)
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
        "depths": depths,
        "depth_by_step": depth_occupancy(tree, walked).tolist(),
        "depth_entropy": -float(torch.special.xlogy(share, share).sum()),
        "depth_worth": floors["nothing"] - floors["depth"],
        "floors": floors if depths is None else None,
        "parity": parity(tree, law),
        "parity_scored": parity(tree, walked)["rho"] if depths is None else None,
        "clock": {name: value for name, value in scored.items() if math.isfinite(value)},
        "eigenvalues": eigenvalues[:16].tolist(),
        "largest_eigenvalue": float(eigenvalues[0]),
        "largest_walk_eigenvalue": walk_eigenvalue(tree, law) if settings.max_depth is None else None,
        "threshold": settings.observation_dim / 2,
        "calibrated_threshold": settings.noise**2,
        "effective_weight": settings.observation_dim / (2 * settings.noise**2),
    }


def clock_figure(facts: dict[str, dict[str, Any]]) -> Figure:
    """P(depth at step t) as stacked bars, for uniform and for stationary starts."""
    figure, lines = grid(1, 3)
    shades = ("#f0f0f0", "#d0d1e6", "#a6bddb", "#67a9cf", "#3690c0", "#02818a", "#016450", "#003c30")
    for axes, (key, title) in zip(
        lines[0],
        (
            ("short", "uniform start"),
            ("stationary", "stationary start"),
            ("every_depth", "start at every depth"),
        ),
        strict=True,
    ):
        rows, base = facts[key]["depth_by_step"], [0.0] * len(facts[key]["depth_by_step"])
        for depth in range(len(rows[0])):
            heights = [row[depth] for row in rows]
            axes.bar(
                range(len(rows)),
                heights,
                bottom=base,
                color=shades[depth],
                edgecolor="#555555",
                linewidth=0.3,
                width=0.9,
                label=f"depth {depth}",
            )
            base = [low + height for low, height in zip(base, heights, strict=True)]
        axes.set_title(title)
        axes.set_xlabel("step $t$")
        axes.set_ylim(0, 1)
        axes.set_xticks(range(0, len(rows), 3))
        axes.grid(visible=False)
    lines[0][0].set_ylabel("share of walks")
    handles, labels = lines[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=1.2)
    return figure


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: 0 when the facts were written, 2 when an experiment file is wrong."""
    arguments = parser(__doc__).parse_args(argv)
    try:
        plan: dict[str, Experiment] = {e.id: e for e in read_plan(arguments.experiments)}
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    facts = {name: describe(plan[e].cells[cell].run, start, where) for name, e, cell, start, where in KINDS}
    folder = arguments.results / arguments.scale
    write_json(folder / "environment.json", facts)
    with style():
        save(clock_figure(facts), folder / "figures" / "clock.svg")
    print(f"environment: {len(facts)} kinds of walk")
    return 0


if __name__ == "__main__":
    sys.exit(main())
