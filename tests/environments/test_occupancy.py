"""Tests of the exact occupancy against rational arithmetic that shares no code with it."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from hrssm.environments.occupancy import depth_occupancy, occupancy
from hrssm.environments.tree import TreeMDP


def depth_law(branching: int, depth: int, length: int, start: str, lazy: Fraction) -> list[list[Fraction]]:
    """P(depth at step t) as a birth-death chain: 1 / (B + 1) up and B / (B + 1) down from an inner depth."""
    sizes = [Fraction(branching**k) for k in range(depth + 1)]
    degrees = [branching, *[branching + 1] * (depth - 1), 1]
    weights = {
        "uniform": sizes,
        "stationary": [s * d for s, d in zip(sizes, degrees, strict=True)],
        "every-depth": [Fraction(1)] * (depth + 1),
    }[start]
    law = [w / sum(weights) for w in weights]
    laws = [law]
    for _ in range(length - 1):
        after = [lazy * p for p in law]
        for k, p in enumerate(law):
            up = Fraction(0 if k == 0 else 1, degrees[k])
            if k > 0:
                after[k - 1] += (1 - lazy) * p * up
            if k < depth:
                after[k + 1] += (1 - lazy) * p * (1 - up)
        law = after
        laws.append(law)
    return laws


@pytest.mark.parametrize("start", ["uniform", "stationary", "every-depth"])
@pytest.mark.parametrize("lazy", [Fraction(0), Fraction(1, 4)])
@pytest.mark.parametrize(("branching", "depth"), [(4, 5), (2, 3), (50, 2)])
def test_depth_law_is_that_of_the_birth_death_chain(branching: int, depth: int, start, lazy: Fraction) -> None:
    tree = TreeMDP(branching, depth, observation_dim=2)
    found = depth_occupancy(tree, occupancy(tree, 10, start=start, lazy=float(lazy)))
    expected = [[float(p) for p in row] for row in depth_law(branching, depth, 10, start, lazy)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_cut_is_the_walk_on_the_smaller_tree() -> None:
    large, small = TreeMDP(3, 5, observation_dim=2), TreeMDP(3, 3, observation_dim=2)
    for start in ("uniform", "stationary", "every-depth"):
        cut = occupancy(large, 8, start=start, region=large.region(3), lazy=0.1)
        assert (cut[:, small.num_nodes :] == 0).all()
        torch.testing.assert_close(cut[:, : small.num_nodes], occupancy(small, 8, start=start, lazy=0.1))


def test_nodes_of_a_depth_are_alike() -> None:
    tree = TreeMDP(3, 3, observation_dim=2)
    law = occupancy(tree, 6)
    for level in range(4):
        of_level = law[:, tree.node_depth == level]
        torch.testing.assert_close(of_level, of_level[:, :1].expand_as(of_level), rtol=1e-12, atol=0)


def test_the_stationary_law_stays_and_has_both_parities() -> None:
    tree = TreeMDP(4, 5, observation_dim=2)
    law = occupancy(tree, 10, start="stationary")
    torch.testing.assert_close(law[9], law[0], rtol=1e-12, atol=0)
    assert float(law[0][tree.node_depth % 2 == 0].sum()) == pytest.approx(0.5, abs=1e-15)
