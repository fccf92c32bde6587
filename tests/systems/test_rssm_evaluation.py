"""Every control is measured, on the same walks; the clock knows nothing but the step."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch

from hrssm.evaluation.horizons import GROWTH_METRICS
from hrssm.evaluation.measure import METRICS
from hrssm.systems.kinds import kind
from hrssm.systems.rssm.evaluate import CLOCK_SEED
from hrssm.systems.rssm.learner import build_tree
from hrssm.systems.rssm.trajectories import evaluation_walks
from tests.systems.tiny import CPU, evaluate, go, tiny

CONTROLS = {"trained", "untrained", "other-walk", "zeros", "depth-swapped", "depth-redrawn", "blind-clock"}


def test_every_metric_under_every_control(tmp_path: Path) -> None:
    settings = tiny(training={"steps": 2, "batch": 4, "length": 3})
    go(settings, [0, 1], tmp_path)
    evaluate(settings, tmp_path)
    frame = pd.read_parquet(tmp_path / "evaluation.parquet")
    assert set(frame["control"]) == CONTROLS
    assert set(frame["metric"]) == set(METRICS)
    assert set(METRICS) | set(GROWTH_METRICS) == set(kind("rssm").vocabulary.metrics)
    assert set(frame.query("control == 'blind-clock'")["seed"]) == {CLOCK_SEED}
    for (protocol, control), group in frame.query("control != 'blind-clock'").groupby(["protocol", "control"]):
        assert set(group["seed"]) == {0, 1}, (protocol, control)
    values = frame.query("protocol == 'published' and metric == 'mse' and seed == 0").set_index("control")["value"]
    assert values["zeros"] != values["trained"] != values["untrained"]


def test_evaluation_walks_belong_to_the_member() -> None:
    settings = tiny()
    tree = build_tree(settings, CPU)
    both, alone = (evaluation_walks(settings, tree, seeds, "every_depth") for seeds in ([1, 2], [2]))
    assert torch.equal(both.nodes[1], alone.nodes[0])
    assert not torch.equal(both.nodes[0], both.nodes[1])
    assert set(tree.node_depth[both.nodes[0, 0]].tolist()) == {0, 1, 2, 3}


def test_depths_never_trained_on_are_scored_apart(tmp_path: Path) -> None:
    settings = tiny(
        data={"branching": 2, "depth": 3, "observation_dim": 8, "embedding_dim": 4, "max_depth": 2},
        training={"steps": 2, "batch": 4, "length": 3},
        evaluation={"walks": 12, "length": 4, "out_of_distribution_depth": 3},
    )
    go(settings, [0], tmp_path)
    evaluate(settings, tmp_path)
    frame = pd.read_parquet(tmp_path / "evaluation.parquet")
    majority = frame.query("metric == 'depth_majority' and control == 'trained' and protocol == 'published'")
    assert majority.set_index("range")["value"]["out"] == 1.0  # only depth 3 is left out there
    assert majority.set_index("range")["value"]["in"] < 1.0


def test_imagination_is_watched_to_its_horizons(tmp_path: Path) -> None:
    settings = tiny(
        model={"hidden": 8, "encoder": {"width": 8}, "prior": "action", "update": "residual"},
        training={"steps": 2, "batch": 4, "length": 3},
        evaluation={"walks": 6, "length": 4, "imagined": 10},
    )
    go(settings, [0, 1], tmp_path)
    evaluate(settings, tmp_path)
    frame = pd.read_parquet(tmp_path / "evaluation.parquet").query("protocol == 'imagined'")
    assert set(frame["metric"]) == set(GROWTH_METRICS)
    assert set(frame["range"]) == {"in", "10x"}
    assert set(frame["control"]) == {"trained", "untrained"}
    norms = frame.query("metric == 'state_norm' and control == 'trained' and seed == 1").set_index("range")["value"]
    assert norms["10x"] > norms["in"] > 0
