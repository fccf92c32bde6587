"""The shipped controls against the exact numbers of the environment chapter, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from derivations.chapters.environment.clock import CLOCKS, clock_order
from derivations.chapters.environment.observation_law import realised, table_balls, write_up_table
from derivations.chapters.environment.walk import clock_accuracy, depth_laws, joint_law, majority, rank_correlation
from derivations.chapters.statistics.rank_ceiling import RANGES, ceiling_digits
from hrssm.environments.occupancy import depth_occupancy, occupancy
from hrssm.environments.tree import TreeMDP
from hrssm.evaluation.clock import blind_clock, reconstruction_floors


@pytest.fixture(scope="module")
def trees() -> dict[tuple[int, int], TreeMDP]:
    return {shape: TreeMDP(*shape, dtype=torch.float64) for shape in ((4, 5), (50, 2), (4, 7))}


@pytest.mark.parametrize(("shape", "cut"), [((4, 5), None), ((50, 2), None), ((4, 7), 5)])
def test_occupancy(trees: dict[tuple[int, int], TreeMDP], shape: tuple[int, int], cut: int | None) -> None:
    law = depth_occupancy(trees[shape], occupancy(trees[shape], 20, region=trees[shape].region(cut)))
    exact = [[float(p) for p in row] for row in depth_laws(shape[0], cut or shape[1], 20)]
    torch.testing.assert_close(law[:, : len(exact[0])], torch.tensor(exact, dtype=torch.float64))


def _rho(tree: tuple[int, int, int], depths: tuple[int, int | None], confined: int | None) -> float:
    c, v = rank_correlation(joint_law(depth_laws(*tree), *depths), clock_order(tree[0], confined or tree[1], tree[2]))
    return float(c) / float(v) ** 0.5


def _scored(tree: TreeMDP, low: int, high: int | None) -> torch.Tensor | None:
    """The nodes of these depths; None for all."""
    return None if high is None else (tree.node_depth >= low) & (tree.node_depth <= high)


@pytest.mark.parametrize("row", CLOCKS, ids=lambda row: row[0])
def test_blind_clock(trees: dict[tuple[int, int], TreeMDP], row: tuple) -> None:
    _, (branching, depth, steps), (low, high), confined = row
    tree = trees[branching, depth]
    learned = None if confined is None else occupancy(tree, steps, region=tree.region(confined))
    clock = blind_clock(tree, steps, scored=_scored(tree, low, high), learned=learned)
    assert clock["rho_height"] == pytest.approx(_rho((branching, depth, steps), (low, high), confined), abs=1e-9)
    joint = joint_law(depth_laws(branching, depth, steps), low, high)
    assert clock["depth_majority"] == pytest.approx(float(majority(joint)), abs=1e-12)
    if confined is None:
        assert clock["depth_probe_accuracy"] == pytest.approx(float(clock_accuracy(joint)), abs=1e-12)


@pytest.mark.parametrize("index", range(len(RANGES)))
def test_ceiling(trees: dict[tuple[int, int], TreeMDP], index: int) -> None:
    _, (branching, depth, steps), (low, high) = RANGES[index]
    tree = trees[branching, depth]
    clock = blind_clock(tree, steps, scored=_scored(tree, low, high))
    assert clock["rho_ceiling"] == pytest.approx(ceiling_digits(index) / 1e9, abs=2e-9)


@pytest.mark.parametrize("steps", [8, 20])
def test_floors_on_the_table_of_the_write_up(steps: int) -> None:
    tree = TreeMDP(4, 5, dtype=torch.float64)
    tree.observations = torch.tensor([[float(v) for v in row] for row in table_balls().tolist()], dtype=torch.float64)
    found = reconstruction_floors(tree, steps)
    for ours, theirs in (("nothing", "nothing"), ("clock", "step"), ("depth", "depth")):
        assert found[theirs] == pytest.approx(float(realised(steps)[ours]), abs=1e-10)


def test_the_shipped_tree_is_the_write_ups():
    features, weight, noise = write_up_table()
    observations = np.tanh(features @ weight.T) + noise
    np.testing.assert_allclose(TreeMDP(seed=42).observations.numpy(), observations, atol=2e-6)
