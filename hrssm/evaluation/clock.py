"""Controls without a model: what the step number alone scores (formula `tree-clock`), and MSE floors.

Both are exact for the tree at hand: they come from the law of the walk on the nodes, not from samples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hrssm.environments.occupancy import depth_occupancy, occupancy

if TYPE_CHECKING:
    from hrssm.environments.tree import Region, Start, TreeMDP


def blind_clock(
    mdp: TreeMDP,
    length: int,
    *,
    start: Start = "uniform",
    lazy: float = 0.0,
    region: Region | None = None,
    scored: Tensor | None = None,
    learned: Tensor | None = None,
) -> dict[str, float]:
    """What a predictor that sees the step number and no observation scores, under names of `METRICS`.

    The walks are those of `TreeMDP.walks` with the same arguments; all steps count alike. The clock
    reconstructs the mean observation at its step, orders by E[depth | step], and takes as depth the most
    probable one (plain accuracy), or the one whose probability most exceeds its share (balanced accuracy, of
    which that is the largest attainable). With `scored` (N,), bool, only samples at these nodes are scored, and
    the clock knows that they are. With `learned`, an occupancy (T, N), the clock predicts as if
    the walks were those, whatever is scored: what a model that learned the clock elsewhere carries over.

    A constant order (stationary starts) has rank correlation 0 here; within a step every clock is constant.

    >>> from hrssm.environments.tree import TreeMDP
    >>> clock = blind_clock(TreeMDP(4, 5, seed=42), 10)
    >>> clock["depth_probe_accuracy"] > clock["depth_majority"]
    True
    """
    law = occupancy(mdp, length, start=start, lazy=lazy, region=region) / length
    if scored is not None:
        law = law * scored
    mass = float(law.sum())
    if mass == 0.0:
        raise ValueError("no walk is ever at the nodes to be scored; widen the region or score other nodes.")
    law = law / mass
    guess = law if learned is None else learned[:length].to(law)
    if guess.shape != law.shape:
        raise ValueError(f"learned has shape {tuple(guess.shape)}: it must be an occupancy (steps >= {length}, nodes).")
    joint, guess_joint = depth_occupancy(mdp, law), depth_occupancy(mdp, guess)
    marginal, guess_marginal = joint.sum(0), guess_joint.sum(0)
    levels = torch.arange(mdp.depth + 1, dtype=torch.float64, device=joint.device)
    conditional = _normalised(guess_joint)
    expected = conditional @ levels
    rho = weighted_rank_correlation(expected, joint)
    plain = joint.gather(1, conditional.argmax(1, keepdim=True)).sum()
    lift = torch.where(guess_marginal > 0, conditional / guess_marginal.clamp(min=1e-300), -1.0)
    recalled = torch.zeros_like(marginal).index_add_(
        0, lift.argmax(1), joint.gather(1, lift.argmax(1, keepdim=True)).squeeze(1)
    )
    present = marginal > 0
    at_first = law[:, mdp.node_depth == 1]
    result = {
        "mse": float((_squared_error(mdp, law, guess)).sum()) + mdp.visit_noise**2,
        "rho_height": rho,
        "rho_first_pc": rho,
        "rho_best_pc": abs(rho),
        "rho_given_t": 0.0,
        "rho_first_given_t": 0.0,
        "rho_best_pc_given_t": 0.0,
        "rho_nodes": _node_correlation(mdp, law, expected),
        "rho_best_pc_nodes": abs(_node_correlation(mdp, law, expected)),
        "rho_ceiling": _ceiling(marginal[None]),
        "rho_ceiling_given_t": _ceiling(_normalised(joint)),
        "rho_ceiling_nodes": _ceiling(_normalised(_node_depths(mdp, law).sum(0, keepdim=True))),
        "depth_probe_accuracy": float(plain),
        "depth_probe_balanced": float((recalled[present] / marginal[present]).mean()),
        "depth_majority": float(marginal.max()),
    }
    result["depth_probe_all_accuracy"] = result["depth_probe_accuracy"]
    result["depth_probe_all_balanced"] = result["depth_probe_balanced"]
    if float(at_first.sum()) > 0:
        result["branch_majority"] = float(at_first.sum(0).max() / at_first.sum())
        result["branch_probe_accuracy"] = float(at_first.max(1).values.sum() / at_first.sum())
        result["branch_probe_balanced"] = 1.0 / int((at_first.sum(0) > 0).sum())
    return result


def reconstruction_floors(
    mdp: TreeMDP,
    length: int,
    *,
    start: Start = "uniform",
    lazy: float = 0.0,
    region: Region | None = None,
) -> dict[str, float]:
    """The smallest MSE of a predictor, by what it knows (formula `tree-floor`).

    It knows the "node", the "depth" and the step, the "depth" alone, the "step" alone, or "nothing"; for the
    realised observations and the walks of `TreeMDP.walks`. The node fixes the observation but for the noise of a visit;
    "depth" is what a latent that encodes depth and no more can reach.
    """
    law = occupancy(mdp, length, start=start, lazy=lazy, region=region) / length
    whole = law.sum(0, keepdim=True)
    by_depth = (mdp.node_depth == torch.arange(mdp.depth + 1, device=law.device)[:, None]).double()
    by_both = (law[:, None] * by_depth).flatten(0, 1)
    floors = {
        "node": 0.0,
        "depth_and_step": float(_squared_error(mdp, by_both, by_both).sum()),
        "depth": float(_squared_error(mdp, whole * by_depth, whole * by_depth).sum()),
        "step": float(_squared_error(mdp, law, law).sum()),
        "nothing": float(_squared_error(mdp, whole, whole).sum()),
    }
    return {name: value + mdp.visit_noise**2 for name, value in floors.items()}


def weighted_rank_correlation(score: Tensor, joint: Tensor) -> float:
    """Spearman's rho of `score` (T,) and depth under their joint law (T, L + 1), with mid-ranks for ties.

    The large-sample limit of the sample's; 0 if the score is constant.
    """
    # Scores that differ by rounding only are ties.
    _, level = torch.unique(score.round(decimals=9), return_inverse=True)
    rows = torch.zeros((int(level.max()) + 1, joint.shape[1]), dtype=joint.dtype, device=joint.device)
    rows.index_add_(0, level, joint)
    p, q = rows.sum(1), rows.sum(0)
    x, y = p.cumsum(0) - p / 2 - 0.5, q.cumsum(0) - q / 2 - 0.5
    norm = float((p @ x**2) * (q @ y**2))
    return float(x @ rows @ y) / math.sqrt(norm) if norm > 1e-24 else 0.0


def _node_correlation(mdp: TreeMDP, law: Tensor, expected: Tensor) -> float:
    """Rank correlation over the visited nodes of the clock's mean reading at each, all nodes alike."""
    visited = law.sum(0) > 0
    mean = (expected @ law[:, visited]) / law[:, visited].sum(0)
    of_depth = _node_depths(mdp, law)
    return weighted_rank_correlation(mean, of_depth / of_depth.sum())


def _node_depths(mdp: TreeMDP, law: Tensor) -> Tensor:
    """One row per visited node, one at its depth."""
    return torch.nn.functional.one_hot(mdp.node_depth[law.sum(0) > 0], mdp.depth + 1).double()


def _ceiling(depth_law: Tensor) -> float:
    """Mean over the rows (R, L + 1) that have two depths of the largest rank correlation without ties."""
    spread = depth_law[depth_law.max(1).values < 1.0 - 1e-12]
    return float((1.0 - (spread**3).sum(1)).sqrt().mean()) if len(spread) else math.nan


def _squared_error(mdp: TreeMDP, law: Tensor, guess: Tensor) -> Tensor:
    """Per row of `law` (R, N), mass times mean squared error per coordinate; prediction: mean of `guess`."""
    observations = mdp.observations.double()
    dimension = observations.shape[1]
    prediction = _normalised(guess) @ observations
    second = law @ observations.pow(2).sum(1)
    cross = ((law @ observations) * prediction).sum(1)
    return (second - 2.0 * cross + law.sum(1) * prediction.pow(2).sum(1)) / dimension


def _normalised(rows: Tensor) -> Tensor:
    return rows / rows.sum(1, keepdim=True).clamp(min=1e-300)
