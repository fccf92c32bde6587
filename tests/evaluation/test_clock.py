"""Tests of the blind clock and of the floors, against samples, enumeration and each other."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from hrssm.environments.occupancy import depth_occupancy, occupancy
from hrssm.environments.tree import TreeMDP
from hrssm.evaluation.alignment import rank_correlation
from hrssm.evaluation.clock import blind_clock, reconstruction_floors, weighted_rank_correlation
from hrssm.evaluation.measure import METRICS, measure
from hrssm.evaluation.trajectories import Trajectories

SETTINGS = {
    "default": {},
    "stationary": {"start": "stationary"},
    "every depth": {"start": "every-depth"},
    "lazy": {"lazy": 0.3},
    "restricted": {"max_depth": 3},
}


def on(tree: TreeMDP, max_depth: int | None = None, **settings) -> dict:
    """The arguments of a walk with a depth that it is confined to."""
    return settings if max_depth is None else settings | {"region": tree.region(max_depth)}


def sampled_clock(tree: TreeMDP, length: int, walks: int, seed: int, **settings) -> Trajectories:
    """A model that sees only the step: location E[depth | step], reconstruction the mean observation."""
    law = occupancy(tree, length, **on(tree, **settings))
    nodes = tree.walks(length, walks, [torch.Generator().manual_seed(seed)], **on(tree, **settings)).nodes[0]
    expected = depth_occupancy(tree, law) @ torch.arange(tree.depth + 1, dtype=torch.float64)
    mean = law @ tree.observations.double()
    grid = nodes.shape
    return Trajectories(
        nodes.numpy(),
        tree.node_depth[nodes].numpy(),
        tree.branch[nodes].numpy(),
        tree.observe(nodes).numpy(),
        mean[:, None].expand(*grid, -1).numpy(),
        expected[:, None, None].expand(*grid, 1).numpy(),
        True,
        None,
        {"kl": np.zeros(grid)},
    )


def test_depth_given_step_of_the_default_tree() -> None:
    """By hand: 1024 of 1365 nodes are leaves, and the most probable depth alternates between 5 and 4."""
    law = depth_occupancy(TreeMDP(observation_dim=2), occupancy(TreeMDP(observation_dim=2), 10))
    assert float(law[0, 5]) == pytest.approx(1024 / 1365)
    # To depth 4 at step 1: all leaves go up, and 4/5 of the nodes at depth 3 go down.
    assert float(law[1, 4]) == pytest.approx(float(Fraction(1024, 1365) + Fraction(64, 1365) * Fraction(4, 5)))
    assert law.argmax(1).tolist() == [5, 4] * 5


@pytest.mark.parametrize("name", SETTINGS)
def test_the_clock_scores_what_a_sampled_clock_scores(name: str) -> None:
    """6000 walks; tolerances of at least 5 standard errors over the walks: failure rate below 1e-5."""
    tree = TreeMDP(4, 4, seed=5)
    trajectories = sampled_clock(tree, 8, 6000, seed=21, **SETTINGS[name])
    sampled = measure(trajectories, "published")
    exact = blind_clock(tree, 8, **on(tree, **SETTINGS[name]))
    assert sampled["mse"] == pytest.approx(exact["mse"], abs=0.004)
    assert sampled["depth_majority"] == pytest.approx(exact["depth_majority"], abs=0.02)
    assert sampled["rho_ceiling"] == pytest.approx(exact["rho_ceiling"], abs=0.01)
    if name == "stationary":
        # The score is constant up to rounding: there is no order to compare.
        assert exact["rho_height"] == 0.0
    else:
        rounded = trajectories.location[..., 0].round(9)
        assert rank_correlation(rounded.ravel(), trajectories.depth.ravel()) == pytest.approx(
            exact["rho_height"], abs=0.03
        )


def test_the_depth_clock_takes_the_best_depth_at_each_step() -> None:
    """Plain and balanced accuracy from the joint law by enumeration of every rule on a small tree."""
    tree = TreeMDP(2, 2, observation_dim=2)
    joint = (depth_occupancy(tree, occupancy(tree, 3)) / 3).numpy()
    plain, balanced = [], []
    for rule in np.ndindex(3, 3, 3):
        hits = np.zeros(3)
        for step, depth in enumerate(rule):
            hits[depth] += joint[step, depth]
        plain.append(hits.sum())
        balanced.append((hits / joint.sum(0)).mean())
    clock = blind_clock(tree, 3)
    assert clock["depth_probe_accuracy"] == pytest.approx(max(plain))
    assert clock["depth_probe_balanced"] == pytest.approx(max(balanced))


def test_a_stationary_start_stops_the_clock() -> None:
    tree = TreeMDP()
    clock = blind_clock(tree, 10, start="stationary")
    floors = reconstruction_floors(tree, 10, start="stationary")
    assert clock["rho_height"] == clock["rho_nodes"] == 0.0
    assert clock["depth_probe_accuracy"] == pytest.approx(clock["depth_majority"])
    assert clock["depth_probe_balanced"] == pytest.approx(1 / 6)
    assert clock["mse"] == pytest.approx(floors["nothing"])


def test_the_clock_runs_on_the_default_tree() -> None:
    clock = blind_clock(TreeMDP(), 10)
    assert clock["rho_height"] > 0.3
    assert clock["depth_probe_accuracy"] > clock["depth_majority"] + 0.2
    assert clock["mse"] < reconstruction_floors(TreeMDP(), 10)["nothing"]


def test_inside_a_depth_range_the_parity_decides() -> None:
    """Depths 6 and 7 of the deeper tree: parities of step and depth agree but for the start's parity."""
    tree = TreeMDP(4, 7, seed=9, observation_dim=4)
    clock = blind_clock(tree, 20, scored=tree.node_depth >= 6)
    assert clock["rho_ceiling"] < math.sqrt(3) / 2 + 1e-9
    assert clock["rho_height"] > 0.5
    joint = (depth_occupancy(tree, occupancy(tree, 20))[:, 6:]).numpy()
    assert clock["depth_probe_accuracy"] == pytest.approx(joint.max(1).sum() / joint.sum())
    assert set(clock) < set(METRICS)


def test_a_clock_learned_elsewhere_keeps_its_order() -> None:
    tree = TreeMDP(4, 7, seed=9, observation_dim=4)
    shallow = occupancy(tree, 20, region=tree.region(5))
    carried = blind_clock(tree, 20, scored=tree.node_depth >= 6, learned=shallow)
    own = blind_clock(tree, 20, scored=tree.node_depth >= 6)
    assert 0.4 < carried["rho_height"] <= own["rho_height"] + 1e-12
    # It has never seen these depths: it names neither, and its reconstruction is worse.
    assert carried["depth_probe_accuracy"] == 0.0
    assert carried["mse"] > own["mse"]
    same = blind_clock(tree, 20, learned=occupancy(tree, 20))
    assert same == pytest.approx(blind_clock(tree, 20))


def test_every_reported_name_is_a_metric() -> None:
    assert set(blind_clock(TreeMDP(2, 3), 4)) <= set(METRICS)


def test_branch_clock_knows_nothing() -> None:
    clock = blind_clock(TreeMDP(4, 3), 6, start="every-depth")
    assert clock["branch_probe_accuracy"] == pytest.approx(0.25)
    assert clock["branch_probe_balanced"] == pytest.approx(0.25)


@pytest.mark.parametrize("name", SETTINGS)
def test_floors_are_conditional_variances(name: str) -> None:
    """Brute force with the law on nodes; no floor exceeds that of a predictor that knows less."""
    tree = TreeMDP(3, 3, seed=2)
    law = occupancy(tree, 6, **on(tree, **SETTINGS[name])).numpy() / 6
    table = tree.observations.double().numpy()
    floors = reconstruction_floors(tree, 6, **on(tree, **SETTINGS[name]))

    def error(weights: np.ndarray) -> float:
        mean = np.average(table, axis=0, weights=weights)
        return float((weights * ((table - mean) ** 2).mean(1)).sum())

    levels = [tree.node_depth.numpy() == k for k in range(tree.depth + 1)]
    visited = [level for level in levels if (law.sum(0) * level).sum() > 0]
    assert floors["nothing"] == pytest.approx(error(law.sum(0)))
    assert floors["step"] == pytest.approx(sum(error(row) for row in law))
    assert floors["depth"] == pytest.approx(sum(error(law.sum(0) * level) for level in visited))
    both = sum(error(row * level) for row in law for level in visited if (row * level).sum() > 0)
    assert floors["depth_and_step"] == pytest.approx(both)
    assert floors["step"] == pytest.approx(blind_clock(tree, 6, **on(tree, **SETTINGS[name]))["mse"])
    assert floors["node"] <= floors["depth_and_step"] <= floors["depth"] + 1e-12
    assert floors["depth"] <= floors["nothing"] + 1e-12 >= floors["step"]


def test_weighted_rank_correlation_is_that_of_a_large_sample() -> None:
    rng = np.random.default_rng(0)
    joint = rng.integers(1, 9, (5, 4))
    score = np.array([2.0, -1.0, 0.5, 0.5, 3.0])
    rows, depth = (np.repeat(index.ravel(), joint.ravel()) for index in np.indices(joint.shape))
    exact = weighted_rank_correlation(torch.tensor(score), torch.tensor(joint / joint.sum()))
    assert exact == pytest.approx(rank_correlation(score[rows], depth))


def test_bad_input_is_named() -> None:
    tree = TreeMDP(2, 3)
    with pytest.raises(ValueError, match="no walk is ever at the nodes to be scored"):
        blind_clock(tree, 4, scored=tree.node_depth > 3)
    with pytest.raises(ValueError, match="learned has shape"):
        blind_clock(tree, 4, learned=occupancy(tree, 3))
