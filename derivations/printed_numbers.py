"""Every number that the write-up printed about depth, beside what a blind clock scores: `python -m
derivations.printed_numbers`.

The clock's column is exact (tree-clock, tree-floor), the scatter is that of as many walks as the write-up
evaluated, from 2 000 simulated depth sequences with seed 0. A printed number within two scatters of the
clock's says nothing about a latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import torch

from derivations.chapters.environment.clock import clock_order
from derivations.chapters.environment.observation_law import STEPS, floors, realised, table_moments
from derivations.chapters.environment.walk import (
    clock_accuracy,
    depth_laws,
    expected_depth,
    joint_law,
    majority,
    rank_correlation,
)
from hrssm.environments.tree import TreeMDP


@dataclass(frozen=True)
class Row:
    """One setting of the write-up: where, what was printed, and the walks it was printed for."""

    place: str
    printed: str
    metric: str
    tree: tuple[int, int, int]
    walks: int
    depths: tuple[int, int | None] = (0, None)
    learned_within: int | None = None


DEFAULT, LONG, DEEP = (4, 5, 10), (4, 5, 20), (4, 7, 20)
ROWS = (
    Row("exp 1, 2, 4, 6: rho", "0.266 .. 0.338", "rho", DEFAULT, 100),
    Row("exp 3: |rho|, 5 seeds", "0.277, 0.271", "rho", DEFAULT, 100),
    Row("exp 1, flat control: rho", "0.836, 0.832", "rho", (50, 2, 10), 100),
    Row("exp 7: rho at 50k", "0.273, 0.277", "rho", LONG, 1280),
    Row("exp 8: rho, HG / Gaussian", "0.264 .. 0.277", "rho", LONG, 1280),
    Row("exp 9: rho at depths 0-5", "+0.334", "rho", DEEP, 1280, (0, 5), 5),
    Row("exp 9: rho at depths 6-7", "+0.536", "rho", DEEP, 1280, (6, 7), 5),
    Row("exp 2, 4, 6: depth probe", "0.632 .. 0.680", "accuracy", DEFAULT, 100),
    Row("(majority class)", "", "majority", DEFAULT, 100),
    Row("exp 2, 4, 5, 6: MSE", "0.404 .. 0.406", "clock", DEFAULT, 100),
    Row("exp 4, beta_b = 0.1: MSE", "0.363", "parity", DEFAULT, 100),
)


def exact_value(row: Row) -> float:
    """What the clock scores over all walks; for "parity", a clock that has the bit of tree-parity too."""
    branching, depth, steps = row.tree
    if row.metric in ("clock", "parity"):
        return float(realised(steps)[row.metric])
    joint = joint_law(depth_laws(*row.tree), *row.depths)
    if row.metric == "rho":
        c, v = rank_correlation(joint, clock_order(branching, row.learned_within or depth, steps))
        return float(c) / sqrt(v)
    return float(clock_accuracy(joint) if row.metric == "accuracy" else majority(joint))


def noisy_value(row: Row) -> float:
    """Rank correlation of a clock that knows only the parity of t, its ties broken at random."""
    joint = joint_law(depth_laws(*row.tree), *row.depths)
    c, v = rank_correlation(joint, lambda t: -(t % 2))
    odd = float(sum(p for (t, _), p in joint.items() if t % 2))
    return float(c) / sqrt(v) * sqrt(1 - odd**3 - (1 - odd) ** 3)


def scatter(row: Row, repeats: int = 2000) -> float:
    """Standard deviation of the score over samples of `row.walks` walks."""
    draw = np.random.default_rng(0)
    branching, depth, steps = row.tree
    repeats = max(40, repeats * 1000 // (row.walks * steps))
    laws = depth_laws(*row.tree)
    order = [expected_depth(law) for law in depth_laws(branching, row.learned_within or depth, steps)]
    ranks = np.array([sorted(set(order)).index(value) for value in order])
    best = np.array([int(np.argmax([float(p) for p in law])) for law in laws])
    errors = _expected_errors(row) if row.metric in ("clock", "parity") else None
    scores = []
    for _ in range(repeats):
        visited = _sample(draw, branching, [float(p) for p in laws[0]], steps, row.walks)
        t = np.broadcast_to(np.arange(steps)[:, None], visited.shape)
        keep = (visited >= row.depths[0]) & (visited <= (depth if row.depths[1] is None else row.depths[1]))
        if row.metric == "rho":
            scores.append(_correlation(ranks[t[keep]], visited[keep]))
        elif row.metric == "accuracy":
            scores.append(float((visited == best[:, None]).mean()))
        elif errors is not None:
            scores.append(float(errors[t, visited].mean()))
        else:
            scores.append(float(np.bincount(visited.ravel()).max() / visited.size))
    return float(np.std(scores))


def _expected_errors(row: Row) -> np.ndarray:
    """Mean squared error of the clock (and parity) at step t and depth k, over the nodes of the depth."""
    gram, squares = table_moments()
    means = np.array([[float(v) for v in line] for line in gram])
    laws = np.array([[float(p) for p in law] for law in depth_laws(*row.tree)])
    if row.metric == "parity":
        same = (np.arange(laws.shape[1])[:, None] + np.arange(laws.shape[1])) % 2 == 0
        guess = laws[:, None, :] * same
        guess /= guess.sum(2, keepdims=True)
    else:
        guess = np.repeat(laws[:, None, :], laws.shape[1], axis=1)
    cross = np.einsum("tkj,kj->tk", guess, means)
    own = np.einsum("tki,ij,tkj->tk", guess, means, guess)
    return np.array([float(s) for s in squares]) - 2 * cross + own


def _sample(draw: np.random.Generator, branching: int, start: list[float], steps: int, walks: int) -> np.ndarray:
    top = len(start) - 1
    visited = np.empty((steps, walks), int)
    visited[0] = draw.choice(top + 1, size=walks, p=np.array(start) / sum(start))
    down = np.full(top + 1, branching / (branching + 1))
    down[0], down[top] = 1.0, 0.0
    for t in range(1, steps):
        deeper = draw.random(walks) < down[visited[t - 1]]
        visited[t] = visited[t - 1] + np.where(deeper, 1, -1)
    return visited


def _correlation(score: np.ndarray, depth: np.ndarray) -> float:
    def mid_ranks(values: np.ndarray) -> np.ndarray:
        counts = np.bincount(values)
        return (np.cumsum(counts) - counts / 2)[values]

    return float(np.corrcoef(mid_ranks(score), mid_ranks(depth))[0, 1])


def flat_floors() -> dict[str, float]:
    """Floors on the flat control tree (B = 50, L = 2, seed 42), walks of ten steps."""
    found = floors(*table_moments(50, 2, 42), depth_laws(50, 2, 10))
    return {kind: float(value) for kind, value in found.items()}


def own_trees(steps: int, seeds: Sequence[int]) -> list[dict[str, float]]:
    """MSE of the clock, with the parity, and the weight up to which it pays, on trees of this package.

    The write-up's tree is one draw; where another lies decides whether its objective collapses (tree-parity).
    """
    laws = np.array([[float(p) for p in law] for law in depth_laws(4, 5, steps)])
    even = np.arange(6) % 2 == 0
    halves = np.stack([laws * even, laws * ~even], 1)
    weights = halves.sum(2)
    halves /= weights[:, :, None]
    found = []
    for seed in seeds:
        tree = TreeMDP(4, 5, seed=seed, dtype=torch.float64)
        seen, level = tree.observations.numpy(), tree.node_depth.numpy()
        means = np.stack([seen[level == k].mean(0) for k in range(6)])
        square = laws.mean(0) @ np.array([(seen[level == k] ** 2).mean() for k in range(6)])
        known = ((halves @ means) ** 2).mean(2)
        gap = float(((((halves[:, 0] - halves[:, 1]) @ means) ** 2).mean(1)).mean())
        found.append(
            {
                "clock": float(square - ((laws @ means) ** 2).mean(1).mean()),
                "parity": float(square - (weights * known).sum(1).mean()),
                "weight": gap * steps * 0.6 / log(4),
            }
        )
    return found


def main() -> None:
    """Print the table."""
    print(f"{'where':28} {'printed':16} {'clock':>7} {'scatter':>8} {'parity only, ties broken':>25}")
    for row in ROWS:
        noisy = f"{noisy_value(row):25.3f}" if row.metric == "rho" else ""
        print(f"{row.place:28} {row.printed:16} {exact_value(row):7.3f} {scatter(row):8.3f} {noisy}")
    print("parity pays up to beta =")
    for steps in STEPS:
        ours = own_trees(steps, [42])[0]
        many = np.array([tree["weight"] for tree in own_trees(steps, range(200))])
        theirs = float(realised(steps)["gap"]) * steps * 0.6 / log(4)
        print(
            f"  T = {steps:2}: write-up's tree {theirs:.3f}; this package's seed 42 {ours['weight']:.3f} "
            f"(MSE of the clock {ours['clock']:.3f}, with parity {ours['parity']:.3f}); "
            f"200 trees {many.mean():.2f} +- {many.std():.2f}, above 1 in {np.mean(many > 1):.0%}"
        )
    print("flat control tree, MSE:", ", ".join(f"{kind} {value:.3f}" for kind, value in flat_floors().items()))


if __name__ == "__main__":
    main()
