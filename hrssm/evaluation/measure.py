"""From posteriors and ground truth to named numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hrssm.evaluation.alignment import (
    Statistic,
    best_component,
    best_component_held_out,
    mean_over_steps,
    principal_components,
    rank_ceiling,
    rank_correlations,
    rank_correlations_given_step,
    rank_correlations_of_nodes,
)
from hrssm.evaluation.mechanism import depth_slope
from hrssm.evaluation.probes import UNDEFINED, fitted_probe, held_out_probe
from hrssm.evaluation.trajectories import Array, Integers, Trajectories

Protocol = Literal["published", "every_depth"]

#: What `measure` gives; a system's vocabulary says what each is.
METRICS: tuple[str, ...] = (
    "mse", "kl", "kl_height", "kl_fibre", "kl_drift", "rho_height", "rho_first_pc", "rho_best_pc", "rho_given_t",
    "rho_first_given_t", "rho_nodes", "rho_best_pc_given_t", "rho_best_pc_nodes", "rho_ceiling",
    "rho_ceiling_given_t", "rho_ceiling_nodes", "depth_probe_accuracy", "depth_probe_balanced", "depth_majority",
    "depth_probe_all_accuracy", "depth_probe_all_balanced", "branch_probe_accuracy", "branch_probe_balanced",
    "branch_majority", "branch_samples", "probe_unconverged", "attenuation", "kl_fibre_depth_slope",
    "kl_drift_depth_slope",
)  # fmt: skip

PUBLISHED_BRANCH_SAMPLES = 20
"""The published branch probe is fitted only on more samples at depth 1 than this."""

PROBE_SAMPLES = 4000
"""Held-out depth probes read whole walks, drawn by the seed, up to about this many samples."""


def measure(
    trajectories: Trajectories,
    protocol: Protocol = "published",
    seed: int = 0,
    *,
    scored: NDArray[np.bool_] | None = None,
    probes: bool = True,
) -> dict[str, float]:
    """All of `METRICS` for one member; NaN where undefined (no height, no such depth, a diverged member).

    "published" scores as the write-up does: probes fitted and scored on the same samples, the best component
    chosen on the samples it is scored on, no branch probe unless more than 20 samples are at depth 1.
    "every_depth" holds out whole walks for both, and takes the branch probe wherever it can be fitted; it is
    meant for walks started at every depth. `scored` (N,) scores the samples at these nodes only; `seed` draws
    the folds; without `probes`, which take most of the time, theirs stay NaN.
    """
    if protocol not in get_args(Protocol):
        raise ValueError(f"protocol = {protocol!r}: choose one of {', '.join(map(repr, get_args(Protocol)))}.")
    grid = trajectories.nodes.shape
    keep = np.ones(grid, dtype=bool) if scored is None else scored[trajectories.nodes]
    result = dict.fromkeys(METRICS, math.nan)
    if not keep.any():
        return result
    samples = _Samples.of(trajectories, keep)
    _reconstruct(result, trajectories, samples, keep)
    if np.isfinite(samples.location).all():
        walks = np.random.default_rng(seed).permutation(grid[1]) if protocol == "every_depth" else None
        _align(result, samples, walks)
        if probes:
            _probe(result, samples, walks, seed)
    return result


@dataclass(frozen=True)
class _Samples:
    """The scored samples, one row each."""

    step: Integers
    walk: Integers
    depth: Integers
    branch: Integers
    nodes: Integers
    location: Array
    has_height: bool
    components: Array

    @classmethod
    def of(cls, trajectories: Trajectories, keep: NDArray[np.bool_]) -> _Samples:
        step, walk = np.nonzero(keep)
        location = trajectories.location[keep].astype(np.float64)
        finite = bool(np.isfinite(location).all())
        return cls(
            step,
            walk,
            trajectories.depth[keep],
            trajectories.branch[keep],
            trajectories.nodes[keep],
            location,
            trajectories.has_height,
            principal_components(location) if finite else location,
        )


def _reconstruct(
    result: dict[str, float], trajectories: Trajectories, samples: _Samples, keep: NDArray[np.bool_]
) -> None:
    error = trajectories.reconstructions[keep].astype(np.float64) - trajectories.observations[keep]
    result["mse"] = float((error**2).mean())
    for name, term in trajectories.kl_terms.items():
        metric = name if name == "kl" else f"kl_{name}"
        result[metric] = float(term[keep].mean(dtype=np.float64))
        if f"{metric}_depth_slope" in METRICS:
            result[f"{metric}_depth_slope"] = depth_slope(term[keep], samples.depth, samples.step)
    if trajectories.attenuation is not None:
        result["attenuation"] = float(trajectories.attenuation[keep].mean(dtype=np.float64))
    at_first = samples.branch[samples.depth == 1]
    result["rho_ceiling"] = rank_ceiling(samples.depth)
    result["rho_ceiling_given_t"] = float(mean_over_steps(rank_ceiling, samples.step, samples.depth))
    result["rho_ceiling_nodes"] = rank_ceiling(samples.depth[np.unique(samples.nodes, return_index=True)[1]])
    result["depth_majority"] = _majority(samples.depth)
    result["branch_majority"] = _majority(at_first)
    result["branch_samples"] = float(at_first.size)


def _align(result: dict[str, float], samples: _Samples, walks: Integers | None) -> None:
    depth, step, nodes = samples.depth, samples.step, samples.nodes
    statistics: dict[str, Statistic] = {
        "": lambda scores, of: rank_correlations(scores[of], depth[of]),
        "_given_t": lambda scores, of: rank_correlations_given_step(scores[of], depth[of], step[of]),
        "_nodes": lambda scores, of: rank_correlations_of_nodes(scores[of], depth[of], nodes[of]),
    }
    everything = np.ones(len(depth), dtype=bool)
    half = None if walks is None else np.isin(samples.walk, walks[: len(walks) // 2])
    for suffix, statistic in statistics.items():
        if half is None:
            best = best_component(samples.components, statistic)
        else:
            best = best_component_held_out(samples.components, statistic, half)
        result[f"rho_best_pc{suffix}"] = best
        height = float(statistic(samples.location[:, :1], everything)[0]) if samples.has_height else best
        if suffix:
            result[f"rho{suffix}"] = height
        elif samples.has_height:
            result["rho_height"] = height
    result["rho_first_given_t"] = float(statistics["_given_t"](samples.location[:, :1], everything)[0])
    result["rho_first_pc"] = float(statistics[""](samples.components[:, :1], everything)[0])


def _probe(result: dict[str, float], samples: _Samples, walks: Integers | None, seed: int) -> None:
    depth, walk, first = samples.depth, samples.walk, samples.depth == 1
    if samples.has_height:
        for_depth, for_branch, choose = samples.location[:, :1], samples.location[:, 1:], None
    else:
        for_depth, for_branch, choose = samples.components, samples.location, _aligned_column
    if walks is None:
        column = choose(for_depth, depth) if choose else 0
        enough = first.sum() > PUBLISHED_BRANCH_SAMPLES
        scores = {
            "depth_probe": fitted_probe(for_depth[:, [column]], depth),
            "depth_probe_all": fitted_probe(samples.location, depth),
            "branch_probe": fitted_probe(for_branch[first], samples.branch[first]) if enough else UNDEFINED,
        }
    else:
        per_walk = len(depth) / len(walks)
        few = np.isin(walk, walks[: max(2, int(PROBE_SAMPLES / per_walk))])
        scores = {
            "depth_probe": held_out_probe(for_depth[few], depth[few], walk[few], seed=seed, choose=choose),
            "depth_probe_all": held_out_probe(samples.location[few], depth[few], walk[few], seed=seed),
            "branch_probe": held_out_probe(for_branch[first], samples.branch[first], walk[first], seed=seed),
        }
    for name, score in scores.items():
        result[f"{name}_accuracy"], result[f"{name}_balanced"] = score.accuracy, score.balanced
    result["probe_unconverged"] = float(sum(score.unconverged for score in scores.values()))


def _aligned_column(components: Array, depth: Integers) -> int:
    """The column with the largest absolute rank correlation with depth; the first if none has one."""
    return int(np.nan_to_num(np.abs(rank_correlations(components, depth))).argmax())


def _majority(labels: Integers) -> float:
    return float(np.unique(labels, return_counts=True)[1].max() / labels.size) if labels.size else math.nan
