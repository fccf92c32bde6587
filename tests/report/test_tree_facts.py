"""The facts of the environment against numbers that can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from experiments.report import tree_facts
from experiments.report.figures.clock import clock_figure
from experiments.report.tree_facts import KINDS
from hrssm.environments.occupancy import occupancy
from hrssm.environments.tree import TreeMDP
from hrssm.evaluation.walks import walk_eigenvalue
from tests.report.synthetic import SCALE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, experiments: Path) -> Path:
    """What the script writes; it needs no run."""
    results = tmp_path_factory.mktemp("facts")
    given = ["--scale", SCALE, "--results", str(results), "--experiments", str(experiments)]
    assert tree_facts.main(given) == 0
    return results / SCALE


@pytest.fixture(scope="module")
def facts(folder: Path) -> dict[str, dict]:
    return json.loads((folder / "tree_facts.json").read_text())


def test_every_kind_of_walk_is_there_with_its_figure(folder: Path, facts: dict[str, dict]) -> None:
    assert list(facts) == [name for name, *_ in KINDS]
    assert (folder / "figures" / "clock.svg").read_text().startswith("<?xml")


def test_nodes_and_thresholds(facts: dict[str, dict]) -> None:
    short = facts["short"]
    assert short["nodes"] == (4**6 - 1) // 3
    assert facts["flat"]["nodes"] == 1 + 50 + 2500
    assert short["threshold"] == 64 / 2
    assert short["effective_weight"] == pytest.approx(64 / (2 * 0.05**2))
    assert short["eigenvalues"] == sorted(short["eigenvalues"], reverse=True)


def test_a_uniform_start_is_at_the_deepest_level_as_often_as_there_are_leaves(facts: dict[str, dict]) -> None:
    assert facts["short"]["depth_by_step"][0][5] == pytest.approx(4**5 / 1365)
    assert facts["every_depth"]["depth_by_step"][0] == pytest.approx([1 / 6] * 6)


def test_the_clock_knows_nothing_of_a_stationary_walk(facts: dict[str, dict]) -> None:
    stationary = facts["stationary"]
    assert stationary["clock"]["rho_height"] == pytest.approx(0, abs=1e-9)
    assert stationary["clock"]["depth_probe_accuracy"] == pytest.approx(stationary["clock"]["depth_majority"])
    assert facts["short"]["clock"]["rho_height"] > 0.3


def test_knowing_more_leaves_less_error(facts: dict[str, dict]) -> None:
    floors = facts["short"]["floors"]
    assert floors["node"] < floors["depth"] < floors["step"] < floors["nothing"]


def test_depths_beyond_training_are_scored_apart(facts: dict[str, dict]) -> None:
    assert tuple(facts["deep_in"]["depths"]) == (0, 5)
    assert tuple(facts["deep_out"]["depths"]) == (6, 7)


def test_the_figure_has_a_panel_for_each_start(facts: dict[str, dict]) -> None:
    figure = clock_figure(facts)
    assert [axes.get_title() for axes in figure.axes] == [
        "uniform start",
        "stationary start",
        "start at every depth",
    ]


def test_the_covariance_of_a_walk_against_all_walks_of_a_small_tree() -> None:
    tree = TreeMDP(2, 1, seed=3, observation_dim=4, embedding_dim=2, dtype=torch.float64)
    # Root 0 and leaves 1, 2: all walks of three steps from a uniform start, with their probabilities.
    walks = {(0, a, 0): 1 / 6 for a in (1, 2)} | {(a, 0, b): 1 / 6 for a in (1, 2) for b in (1, 2)}
    seen = torch.stack([tree.observations[list(walk)].flatten() for walk in walks])
    weight = torch.tensor(list(walks.values()), dtype=torch.float64)
    centred = seen - weight @ seen
    expected = torch.linalg.eigvalsh(centred.T @ (weight[:, None] * centred))[-1]
    assert walk_eigenvalue(tree, occupancy(tree, 3)) == pytest.approx(float(expected))


def test_parity_explains_what_the_recurrence_can_carry(facts: dict[str, dict]) -> None:
    # One bit of probability B/(B+1): its share of a walk's covariance is gap T D B/(B+1)^2, the largest.
    for name in ("short", "long"):
        fact = facts[name]
        share = fact["parity"]["gap"] * fact["length"] * 64 * 4 / 25
        assert share <= fact["largest_walk_eigenvalue"] * (1 + 1e-9)
        assert share == pytest.approx(fact["largest_walk_eigenvalue"], rel=0.1)
        assert fact["parity_scored"] > fact["clock"]["rho_height"]


def test_the_proofs_enclose_the_same_numbers(facts: dict[str, dict]) -> None:
    # Floors that `obj-collapse`, `tree-parity` and `tree-clock` state for walks of 8, 10 and 20 steps.
    assert [int(1000 * facts[k]["largest_eigenvalue"]) for k in ("short", "long")] == [5084, 5093]
    assert [int(100 * facts[k]["largest_walk_eigenvalue"]) for k in ("short", "long")] == [2392, 5868]
    assert [int(1e6 * facts[k]["parity"]["gap"]) for k in ("short", "long")] == [280233, 278996]
    assert [int(1000 * facts[k]["parity"]["weight"]) for k in ("short", "long")] == [970, 2415]
    rho = [facts[k]["clock"]["rho_height"] for k in ("short", "long", "deep_in", "deep_out")]
    assert [int(1e9 * value) for value in rho] == [348641746, 308422770, 336371658, 525992223]
