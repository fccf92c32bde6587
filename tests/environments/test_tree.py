"""Tests of the tree, its observation table and its walks."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chi2

from hrssm.environments.occupancy import depth_occupancy, occupancy
from hrssm.environments.tree import TreeMDP

SETTINGS = {
    "uniform": {},
    "stationary": {"start": "stationary"},
    "every depth": {"start": "every-depth"},
    "lazy": {"lazy": 0.3},
    "restricted": {"max_depth": 3},
    "all at once": {"start": "stationary", "lazy": 0.25, "max_depth": 2},
}


def on(tree: TreeMDP, max_depth: int | None = None, **settings) -> dict:
    """The arguments of a walk with a depth that it is confined to."""
    return settings if max_depth is None else settings | {"region": tree.region(max_depth)}


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize(("branching", "depth", "nodes"), [(4, 5, 1365), (4, 7, 21845), (50, 2, 2551), (1, 3, 4)])
def test_node_count(branching: int, depth: int, nodes: int) -> None:
    tree = TreeMDP(branching, depth, observation_dim=2)
    assert tree.num_nodes == nodes
    assert tree.observations.shape == (nodes, 2)
    assert int(tree.degree.sum()) == 2 * (nodes - 1)


def test_edges_join_parent_and_child() -> None:
    tree = TreeMDP(3, 4)
    edges = {(n, int(m)) for n in range(tree.num_nodes) for m in tree.neighbours[n] if m >= 0}
    assert edges == {(m, n) for n, m in edges}
    assert edges == {e for n in range(1, tree.num_nodes) for p in [int(tree.parent[n])] for e in ((n, p), (p, n))}
    for node in range(tree.num_nodes):
        assert (tree.neighbours[node, : tree.degree[node]] >= 0).all()
        assert (tree.neighbours[node, tree.degree[node] :] == -1).all()


def test_depth_and_branch_follow_from_the_parent() -> None:
    tree = TreeMDP(3, 4)
    child = torch.arange(1, tree.num_nodes)
    assert torch.equal(tree.node_depth[child], tree.node_depth[tree.parent[child]] + 1)
    for node in range(tree.num_nodes):
        children = child[tree.parent[child] == node]
        assert tree.branch[children].tolist() == list(range(len(children)))


def test_observation_model() -> None:
    """Without noise, atanh of the table is one vector per depth plus a rank-16 part, zero at the root."""
    tree = TreeMDP(4, 5, noise=0.0, dtype=torch.float64)
    features = torch.atanh(tree.observations)
    by_depth, by_node = tree._weight[:, :16], tree._weight[:, 16:]
    expected = tree._depth_embedding[tree.node_depth] @ by_depth.T + tree._node_embedding @ by_node.T
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(features[0], by_depth @ tree._depth_embedding[0], rtol=0, atol=1e-8)
    assert int(torch.linalg.matrix_rank(features[1:5] - features[1:5].mean(0))) == 3
    leaves = features[tree.node_depth == 5]
    assert int(torch.linalg.matrix_rank(leaves - leaves.mean(0), rtol=1e-8)) == 16


def test_scales_of_the_draws() -> None:
    """Sample variances within 6 standard errors; fixed seed, failure rate below 1e-8 for a fresh one."""
    tree = TreeMDP(4, 5, seed=42)
    for draw, scale in ((tree._weight, 0.3), (tree._node_embedding[1:], 1.0), (tree._noise, 0.05)):
        error = 6 * (2 / draw.numel()) ** 0.5
        assert abs(float(draw.var() / scale**2) - 1) < error
    noiseless = TreeMDP(4, 5, seed=42, noise=0.0)
    torch.testing.assert_close(tree.observations - noiseless.observations, tree._noise.float(), rtol=0, atol=1e-6)


def test_table_depends_on_the_seed_and_not_on_the_dtype() -> None:
    assert torch.equal(TreeMDP(seed=3).observations, TreeMDP(seed=3).observations)
    assert not torch.equal(TreeMDP(seed=3).observations, TreeMDP(seed=4).observations)
    assert torch.equal(TreeMDP(seed=3, dtype=torch.float64).observations.float(), TreeMDP(seed=3).observations)


@pytest.mark.parametrize("name", SETTINGS)
def test_walks_move_along_edges(name: str) -> None:
    tree = TreeMDP(3, 4)
    settings = SETTINGS[name]
    walks = tree.walks(12, 50, generators(0, 1), **on(tree, **settings))
    assert walks.nodes.shape == walks.actions.shape == (2, 12, 50)
    assert walks.nodes.dtype == torch.int64
    before, after = walks.nodes[:, :-1], walks.nodes[:, 1:]
    moved = (tree.neighbours[before] == after[..., None]).any(-1)
    stayed = before == after
    assert (moved | stayed).all()
    assert bool(stayed.any()) == (settings.get("lazy", 0) > 0)
    assert (tree.node_depth[walks.nodes] <= settings.get("max_depth", 4)).all()
    assert (walks.actions[:, 0] == 0).all()
    assert torch.equal(walks.actions[:, 1:].long(), tree.node_depth[after] - tree.node_depth[before])


def test_a_member_is_the_same_walk_whoever_trains_beside_it() -> None:
    tree = TreeMDP()
    for settings in SETTINGS.values():
        together = tree.walks(10, 32, generators(5, 6, 7), **on(tree, **settings)).nodes
        alone = tree.walks(10, 32, generators(6), **on(tree, **settings)).nodes
        assert torch.equal(together[1], alone[0])
        assert not torch.equal(together[0], together[1])


def test_every_depth_start_shares_the_depths_out() -> None:
    tree = TreeMDP(4, 5)
    first = tree.walks(3, 20, generators(0, 1), start="every-depth").nodes[:, 0]
    for depths in tree.node_depth[first]:
        assert torch.bincount(depths, minlength=6).tolist() == [4, 4, 3, 3, 3, 3]
    assert not torch.equal(tree.node_depth[first[0]], tree.node_depth[first[1]])
    cut = tree.walks(3, 18, generators(0), start="every-depth", region=tree.region(2)).nodes[0, 0]
    assert torch.bincount(tree.node_depth[cut]).tolist() == [6, 6, 6]


def test_every_depth_walks_can_be_paired_with_their_neighbours() -> None:
    """A walk's start depth says nothing of the next one's: another walk's observations are a fair control.

    Correlation over 6000 walks within 5 standard errors of zero, 1 / sqrt(6000) each: failure rate 6e-7.
    """
    tree = TreeMDP(4, 5, observation_dim=2)
    depth = tree.node_depth[tree.walks(1, 6000, generators(2), start="every-depth").nodes[0, 0]].double()
    assert abs(float(torch.corrcoef(torch.stack([depth, depth.roll(1)]))[0, 1])) < 5 / 6000**0.5


def test_a_path_has_one_node_per_depth() -> None:
    path = TreeMDP(1, 3, observation_dim=2)
    assert path.walks(1, 4, generators(0), start="every-depth").nodes.flatten().sort().values.tolist() == [
        0,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("name", SETTINGS)
def test_walks_have_the_exact_occupancy(name: str) -> None:
    """Chi-square of node counts at every step; 6 settings x 7 steps at 1e-7 each: failure rate below 5e-6."""
    tree, batch = TreeMDP(2, 3, observation_dim=2), 19_200
    nodes = tree.walks(7, batch, generators(11), **on(tree, **SETTINGS[name])).nodes[0]
    expected = occupancy(tree, 7, **on(tree, **SETTINGS[name])) * batch
    for counted, mean in zip(nodes, expected, strict=True):
        counts = torch.bincount(counted, minlength=tree.num_nodes).double()
        assert (counts[mean == 0] == 0).all()
        present = mean > 0
        statistic = float(((counts - mean)[present] ** 2 / mean[present]).sum())
        assert statistic < chi2.isf(1e-7, int(present.sum()) - 1)


def test_default_walks_have_the_exact_depth_occupancy() -> None:
    """Depth counts of 40 000 walks on the default tree; 10 steps at 1e-7 each: failure rate 1e-6."""
    tree, batch = TreeMDP(observation_dim=2), 40_000
    nodes = tree.walks(10, batch, generators(12)).nodes[0]
    expected = depth_occupancy(tree, occupancy(tree, 10)) * batch
    for counted, mean in zip(tree.node_depth[nodes], expected, strict=True):
        counts = torch.bincount(counted, minlength=6).double()
        assert float(((counts - mean) ** 2 / mean).sum()) < chi2.isf(1e-7, 5)


def test_moves_are_uniform_over_the_neighbours() -> None:
    """Transitions out of one inner node, conditionally on being there; one chi-square at 1e-7."""
    tree = TreeMDP(4, 3, observation_dim=2)
    nodes = tree.walks(20, 5_000, generators(13), start="stationary").nodes[0]
    leaving = nodes[1:][nodes[:-1] == 2]
    counts = torch.tensor([(leaving == n).sum() for n in tree.neighbours[2]]).double()
    assert int(counts.sum()) == len(leaving) > 1000
    assert float(((counts - counts.mean()) ** 2 / counts.mean()).sum()) < chi2.isf(1e-7, 4)


def test_zeros_shows_nothing_and_leaves_the_tree_alone() -> None:
    tree = TreeMDP()
    before = tree.observations.clone()
    blank = tree.counterfactual("zeros")
    assert (blank.observations == 0).all()
    assert blank.observations.dtype == tree.observations.dtype
    assert torch.equal(tree.observations, before)


@pytest.mark.parametrize("kind", ["depth-swapped", "depth-redrawn"])
def test_depth_counterfactuals_change_the_depth_part_only(kind: str) -> None:
    tree = TreeMDP(4, 3, noise=0.0, dtype=torch.float64)
    before = tree.observations.clone()
    other = tree.counterfactual(kind, torch.Generator().manual_seed(0))
    assert torch.equal(tree.observations, before)
    shift = torch.atanh(other.observations) - torch.atanh(before)
    for level in range(4):
        of_level = shift[tree.node_depth == level]
        torch.testing.assert_close(of_level, of_level[:1].expand_as(of_level), rtol=0, atol=1e-8)
        assert of_level.abs().max() > 0.1
    assert torch.equal(other.walks(5, 4, generators(1)).nodes, tree.walks(5, 4, generators(1)).nodes)


def test_depth_swapped_is_a_permutation_without_fixed_point() -> None:
    tree = TreeMDP(2, 5, observation_dim=2)
    for seed in range(20):
        swapped = tree.counterfactual("depth-swapped", torch.Generator().manual_seed(seed))._depth_embedding
        source = [next(k for k in range(6) if torch.equal(tree._depth_embedding[k], row)) for row in swapped]
        assert sorted(source) == list(range(6))
        assert all(k != level for level, k in enumerate(source))


def test_counterfactual_keeps_the_noise() -> None:
    noisy, clean = TreeMDP(2, 3, seed=1), TreeMDP(2, 3, seed=1, noise=0.0)
    pair = [t.counterfactual("depth-redrawn", torch.Generator().manual_seed(0)).observations for t in (noisy, clean)]
    torch.testing.assert_close(pair[0] - pair[1], noisy._noise.float(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TreeMDP(branching=0), "branching = 0"),
        (lambda: TreeMDP(depth=0), "depth = 0"),
        (lambda: TreeMDP(observation_dim=0), "observation_dim = 0"),
        (lambda: TreeMDP(noise=-1.0), r"noise = -1\.0"),
        (lambda: TreeMDP().walks(0, 4, generators(0)), "length = 0"),
        (lambda: TreeMDP().walks(4, 4, []), "0 generators"),
        (lambda: TreeMDP().walks(4, 4, generators(0), lazy=1.0), r"lazy = 1\.0"),
        (lambda: TreeMDP().region(0), r"depth in 1\.\.5"),
        (lambda: TreeMDP().walks(4, 4, generators(0), start="middle"), "start = 'middle'"),
        (lambda: TreeMDP().counterfactual("ones"), "kind = 'ones'"),
        (lambda: TreeMDP().counterfactual("depth-swapped"), "give a torch.Generator"),
        (lambda: occupancy(TreeMDP(), 0), "length = 0"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_walks_keep_out_of_what_is_held_out_and_know_its_law() -> None:
    """A quarter of the subtrees below depth 2 are never entered; node counts within 6 standard errors (fixed seed)."""
    tree = TreeMDP(3, 4, seed=5, observation_dim=2)
    out = tree.held_out(0.25)
    roots = out & (tree.node_depth == 2)
    assert int(roots.sum()) == round(0.25 * 9)
    assert torch.equal(out, torch.isin(torch.arange(tree.num_nodes), descendants(tree, roots)))
    assert torch.equal(out, TreeMDP(3, 4, seed=5, observation_dim=2).held_out(0.25))
    assert not torch.equal(out, TreeMDP(3, 4, seed=6, observation_dim=2).held_out(0.25))
    region = tree.region(without=out)
    law = occupancy(tree, 6, start="stationary", region=region)
    nodes = tree.walks(6, 20_000, generators(3), start="stationary", region=region).nodes[0]
    assert not out[nodes].any()
    counts = torch.bincount(nodes[-1], minlength=tree.num_nodes)
    error = (counts - 20_000 * law[-1]).abs() / (20_000 * law[-1] + 1e-9).sqrt()
    assert float(error[~out].max()) < 6
    torch.testing.assert_close(law[0], law[-1])  # stationary in the region, too


def descendants(tree: TreeMDP, roots: torch.Tensor) -> torch.Tensor:
    found = set(roots.nonzero()[:, 0].tolist())
    for node in range(tree.num_nodes):
        if int(tree.parent[node]) in found:
            found.add(node)
    return torch.tensor(sorted(found))


def test_noise_at_a_visit_is_new_each_time_and_a_member_s_own() -> None:
    """Sample mean and variance of 40 000 draws within 6 standard errors; fixed seed."""
    still, visited = TreeMDP(2, 2, noise=0.0), TreeMDP(2, 2, noise=0.5, noise_at="visit")
    assert torch.equal(still.observations, visited.observations)
    nodes = torch.zeros(2, 5, 64, dtype=torch.int64)
    both = visited.observe(nodes, generators(1, 2)) - visited.observations[nodes]
    alone = visited.observe(nodes[1:], generators(2)) - visited.observations[nodes[1:]]
    torch.testing.assert_close(both[1], alone[0])
    assert not torch.equal(both[0], both[1])
    draws = both.flatten() / 0.5
    assert abs(float(draws.mean())) < 6 / draws.numel() ** 0.5
    assert abs(float(draws.var()) - 1) < 6 * (2 / draws.numel()) ** 0.5
    with pytest.raises(ValueError, match="give a generator for each of 2 members, not 0"):
        visited.observe(nodes)


def test_a_smooth_depth_code_orders_the_depths_along_one_direction() -> None:
    tree = TreeMDP(2, 4, noise=0.0, depth_code="smooth", dtype=torch.float64)
    steps = tree._depth_embedding.diff(dim=0)
    torch.testing.assert_close(steps, steps[:1].expand_as(steps))
    assert torch.equal(tree._node_embedding, TreeMDP(2, 4, noise=0.0)._node_embedding)


@pytest.mark.parametrize("shape", ["irregular", "library"])
def test_other_shapes_are_trees_in_breadth_first_order(shape: str) -> None:
    tree = TreeMDP(3, 4, shape=shape, observation_dim=2)  # type: ignore[arg-type]
    child = torch.arange(1, tree.num_nodes)
    assert (tree.parent[child] < child).all()
    assert torch.equal(tree.node_depth[child], tree.node_depth[tree.parent[child]] + 1)
    assert (tree.node_depth.diff() >= 0).all()
    assert int(tree.degree.sum()) == 2 * (tree.num_nodes - 1)
    for start in ("uniform", "stationary", "every-depth"):
        law = occupancy(tree, 4, start=start)  # type: ignore[arg-type]
        torch.testing.assert_close(law.sum(1), torch.ones(4, dtype=torch.float64))
        nodes = tree.walks(4, 300, generators(0), start=start).nodes[0]  # type: ignore[arg-type]
        assert (law[torch.arange(4)[:, None], nodes] > 0).all()
    if shape == "library":
        assert tree.num_nodes >= 1000
    else:
        inner = tree.node_depth < 4
        children = tree.degree[inner] - (tree.parent[inner] >= 0).int()
        assert (int(children.min()), int(children.max())) == (1, 5)
        assert not torch.equal(tree.parent, TreeMDP(3, 4, shape="irregular", seed=1, observation_dim=2).parent)
