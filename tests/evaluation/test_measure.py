"""Tests of the two protocols on latents whose content is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hrssm.environments.tree import TreeMDP
from hrssm.evaluation.measure import METRICS, measure
from hrssm.evaluation.trajectories import Trajectories

TREE = TreeMDP(4, 5)


def trajectories(seed: int = 0, *, start="every-depth", walks: int = 60, dimension: int = 16) -> Trajectories:
    """A latent whose height is the depth and whose fibre is the node embedding, both noisy."""
    nodes = TREE.walks(10, walks, [torch.Generator().manual_seed(seed)], start=start).nodes[0]
    rng = np.random.default_rng(seed)
    location = rng.normal(size=(*nodes.shape, dimension))
    location[..., 0] += 3.0 * TREE.node_depth[nodes].numpy()
    location[..., 1:] += 3.0 * TREE._node_embedding[nodes][..., : dimension - 1].numpy()
    observations = TREE.observe(nodes).numpy()
    depth = TREE.node_depth[nodes].numpy()
    return Trajectories(
        nodes.numpy(),
        depth,
        TREE.branch[nodes].numpy(),
        observations,
        observations + 0.5,
        location.astype(np.float32),
        True,
        np.full(nodes.shape, 2.0, dtype=np.float32),
        {"kl": 1.0 + depth, "height": np.ones(nodes.shape), "fibre": 0.5 * depth, "drift": 0.5 * depth},
    )


@pytest.mark.parametrize("protocol", ["published", "every_depth"])
def test_a_latent_that_encodes_the_tree(protocol) -> None:
    scores = measure(trajectories(), protocol)
    assert list(scores) == list(METRICS)
    assert scores["mse"] == pytest.approx(0.25, abs=1e-6)
    assert scores["attenuation"] == 2.0
    assert scores["kl"] == pytest.approx(scores["kl_height"] + scores["kl_fibre"] + scores["kl_drift"])
    assert scores["kl_fibre_depth_slope"] == pytest.approx(0.5)
    assert scores["kl_drift_depth_slope"] == pytest.approx(0.5)
    for metric in ("rho_height", "rho_given_t", "rho_nodes"):
        assert 0.85 < scores[metric] < 1.0
    assert scores["rho_height"] < scores["rho_ceiling"]
    assert scores["depth_probe_accuracy"] > scores["depth_majority"] + 0.3
    assert scores["depth_probe_balanced"] > 0.6
    assert scores["branch_probe_accuracy"] > 0.95
    assert scores["probe_unconverged"] == 0.0
    assert not any(math.isnan(value) for value in scores.values())


def test_the_height_is_signed_and_the_fibre_is_not_read_for_depth() -> None:
    upside_down = trajectories()
    upside_down.location[..., 0] *= -1
    scores = measure(upside_down, "every_depth")
    assert scores["rho_height"] < -0.85
    only_fibre = trajectories()
    only_fibre.location[..., 1] = only_fibre.depth
    only_fibre.location[..., 0] = np.random.default_rng(1).normal(size=only_fibre.nodes.shape)
    scores = measure(only_fibre, "every_depth")
    assert scores["depth_probe_all_accuracy"] > 0.9
    assert scores["depth_probe_accuracy"] < scores["depth_majority"] + 0.1


def test_without_a_height_the_best_component_takes_its_place() -> None:
    euclidean = replace(trajectories(), has_height=False, attenuation=None, kl_terms={"kl": np.ones((10, 60))})
    euclidean.location[..., 0] *= 5.0
    for protocol in ("published", "every_depth"):
        scores = measure(euclidean, protocol)
        assert math.isnan(scores["rho_height"])
        assert math.isnan(scores["kl_drift"])
        assert math.isnan(scores["attenuation"])
        assert scores["rho_best_pc"] > 0.85
        assert scores["rho_given_t"] == scores["rho_best_pc_given_t"] > 0.85
        assert scores["rho_nodes"] == scores["rho_best_pc_nodes"] > 0.85
        assert scores["depth_probe_accuracy"] > scores["depth_majority"] + 0.3
        assert scores["branch_probe_accuracy"] > 0.95


def test_walks_from_every_depth_always_feed_the_branch_probe() -> None:
    """Ten walks of 60 start at depth 1, whatever the seed, and the probe is fitted on them."""
    for seed in range(4):
        scores = measure(trajectories(seed), "every_depth")
        assert scores["branch_samples"] >= 10
        assert scores["branch_probe_accuracy"] > 0.8


def test_the_published_protocol_skips_the_branch_probe_on_20_samples_or_fewer() -> None:
    """From a uniform start few samples are at depth 1, as in the write-up."""
    walks = trajectories(3, start="uniform", walks=100)
    published, held_out = measure(walks, "published"), measure(walks, "every_depth")
    assert 0 < published["branch_samples"] <= 20
    assert math.isnan(published["branch_probe_accuracy"])
    assert published["branch_majority"] == held_out["branch_majority"]


def test_the_published_protocol_scores_what_it_fitted() -> None:
    """A latent of pure noise: fitted and scored on one set, probe and best component look better."""
    noise = trajectories(walks=20)
    noise.location[:] = np.random.default_rng(0).normal(size=noise.location.shape)
    published, held_out = measure(noise, "published"), measure(noise, "every_depth")
    assert published["depth_probe_all_accuracy"] > held_out["depth_probe_all_accuracy"] + 0.05
    assert published["rho_best_pc"] > held_out["rho_best_pc"]


def test_a_depth_range_is_a_selection_of_samples() -> None:
    whole = trajectories(walks=100)
    scores = measure(whole, "published", scored=(TREE.node_depth >= 4).numpy())
    chosen = whole.depth >= 4
    assert scores["kl"] == pytest.approx(whole.kl_terms["kl"][chosen].mean())
    assert scores["depth_majority"] == pytest.approx(max((whole.depth[chosen] == k).mean() for k in (4, 5)))
    assert scores["rho_ceiling"] < 0.87
    assert scores["branch_samples"] == 0.0
    assert math.isnan(scores["branch_probe_accuracy"])
    assert measure(whole, "every_depth", scored=(TREE.node_depth >= 4).numpy())["depth_probe_accuracy"] > 0.8
    assert all(math.isnan(value) for value in measure(whole, scored=(TREE.node_depth > 7).numpy()).values())


def test_a_diverged_member_is_reported_as_undefined() -> None:
    diverged = trajectories()
    diverged.location[3, 4, 1] = np.inf
    diverged.reconstructions[0, 0, 0] = np.nan
    for protocol in ("published", "every_depth"):
        scores = measure(diverged, protocol)
        assert math.isnan(scores["mse"])
        assert math.isnan(scores["rho_height"])
        assert math.isnan(scores["depth_probe_accuracy"])
        assert scores["depth_majority"] > 0


def test_a_collapsed_latent_has_no_order() -> None:
    collapsed = trajectories()
    collapsed.location[:] = 0.25
    for protocol in ("published", "every_depth"):
        scores = measure(collapsed, protocol)
        assert math.isnan(scores["rho_height"])
        assert math.isnan(scores["rho_best_pc"])
        assert scores["depth_probe_accuracy"] == pytest.approx(scores["depth_majority"])


def test_the_same_input_gives_the_same_numbers() -> None:
    assert measure(trajectories(), "every_depth", seed=3) == measure(trajectories(), "every_depth", seed=3)


def test_many_walks_are_thinned_for_the_probes_only() -> None:
    few, many = (
        measure(trajectories(walks=300), "every_depth"),
        measure(trajectories(walks=900), "every_depth"),
    )
    assert many["branch_samples"] > 2 * few["branch_samples"]
    assert many["depth_probe_accuracy"] == pytest.approx(few["depth_probe_accuracy"], abs=0.1)


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(ValueError, match="protocol = 'best'"):
        measure(trajectories(), "best")


@pytest.mark.parametrize("protocol", ["published", "every_depth"])
def test_without_probes_the_other_numbers_are_the_same(protocol) -> None:
    whole, quick = measure(trajectories(), protocol), measure(trajectories(), protocol, probes=False)
    for metric, value in quick.items():
        if "probe" in metric:
            assert math.isnan(value)
        else:
            assert value == whole[metric]
