"""What is the updates' own: the moves and their depths, what a roll-out measures, and that every update learns."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from hrssm.networks.table import UPDATES
from hrssm.systems.kinds import kind
from hrssm.systems.updates.evaluate import NO_SEED, gates, unrolled
from hrssm.systems.updates.learner import build, build_model
from hrssm.systems.updates.settings import LAWS, Moves
from hrssm.systems.updates.task import Task
from tests.systems.tiny import CPU, evaluate, go, tiny


def streams(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize("law", LAWS)
def test_depths_follow_the_moves_and_belong_to_the_member(law: str) -> None:
    task = Task(Moves(law=law), CPU)  # type: ignore[arg-type]
    both, alone = task.draw(30, 50, streams(1, 2)), task.draw(30, 50, streams(2))
    assert torch.equal(both.moves[1], alone.moves[0])
    assert not torch.equal(both.moves[0], both.moves[1])
    depth = both.start
    for moves, depths in zip(both.moves.unbind(1), both.depths.unbind(1), strict=True):
        depth = depth + moves if law == "tree" else (depth + moves) % 6
        assert torch.equal(depth, depths)
    assert set(both.depths.unique().tolist()) <= set(range(6))
    assert set(both.moves.unique().tolist()) == {-1, 1}


def test_moves_have_the_mean_that_their_law_says() -> None:
    # 40 000 moves: a standard deviation of at most 0.005 (0.6 of it in the drifting law); five of them.
    for law, mean in (("balanced", 0.0), ("drifting", 0.6)):
        task = Task(Moves(law=law), CPU)  # type: ignore[arg-type]
        assert float(task.draw(200, 200, streams(0)).moves.float().mean()) == pytest.approx(mean, abs=0.025)


def test_the_inputs_name_the_start_once_and_then_the_moves() -> None:
    task = Task(Moves(depth=2), CPU)
    assert task.opening(torch.tensor([[2, 0]])).tolist() == [[[0, 0, 0, 0, 1], [0, 0, 1, 0, 0]]]
    assert task.encode(torch.tensor([1, -1])).tolist() == [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        (Moves(branching=2, depth=2), 4 / 12 + 6 / 12),  # degrees 2; 3, 3; 1, 1, 1, 1: depth 1, and depth 2 of the rest
        (Moves(law="balanced"), 1 / 3),
        (Moves(law="drifting", depth=2), 1 / 3),
    ],
)
def test_what_the_parity_alone_tells(moves: Moves, expected: float) -> None:
    task = Task(moves, CPU)
    assert task.parity_accuracy() == pytest.approx(expected)
    if moves.law == "tree" or moves.depth % 2:
        paths = task.draw(40, 4000, streams(3))
        even = (paths.start[:, None] + torch.arange(1, 41)[:, None]) % 2 == 0
        guess = torch.zeros_like(paths.depths)
        for parity in (True, False):
            counts = paths.depths[even == parity].bincount(minlength=task.levels)
            guess[even == parity] = counts.argmax()
        assert float((guess == paths.depths).float().mean()) == pytest.approx(expected, abs=0.02)


class Scaled(nn.Module):
    """A state update that is known: h' = factor R h, R a rotation of the first two of three coordinates."""

    width = hidden = 3

    def __init__(self, factor: float) -> None:
        super().__init__()
        c, s = math.cos(0.3), math.sin(0.3)
        self.map = factor * torch.tensor([[c, s, 0], [-s, c, 0], [0, 0, 0.5]], dtype=torch.float64)

    def visible(self, state: Tensor) -> Tensor:
        return state

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return state @ self.map + (x[..., -1:] if x[..., 2:].any() else 0.0)


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_a_roll_out_of_a_known_map_measures_it(factor: float) -> None:
    settings = tiny("updates", model={"hidden": 3})
    task = Task(settings.data, CPU)
    model = build_model(settings, [0], task)
    model.cell = Scaled(factor)
    paths = task.draw(200, 5, streams(0))
    paths.start.fill_(task.levels - 1)  # the opening puts a one into every coordinate
    measured = unrolled(model.double(), task, paths, 20, (1, 10), streams(9))
    far = {name: float(value) for name, value in measured[10].items()}
    # What is turned keeps its share of a perturbation; what is halved as well is forgotten.
    assert far["lyapunov"] == pytest.approx(math.log(factor), abs=1e-6)
    assert far["jacobian_norm"] == pytest.approx(factor)
    assert far["state_norm"] == pytest.approx(math.sqrt(2) * factor**200)
    assert far["norm_rises"] == (1 if factor > 1 else 0)
    assert set(measured) == {1, 10}


def test_a_perturbation_is_not_one_that_the_update_ignores() -> None:
    # A constant that is added to all coordinates passes LayerNorm unseen: along it nothing is stretched.
    settings = tiny("updates", model={"update": "residual-layernorm", "hidden": 8})
    task = Task(settings.data, CPU)
    model = build_model(settings, [0], task)
    for p in model.cell.parameters():
        p.data *= 2
    measured = unrolled(model.double(), task, task.draw(20, 4, streams(0)), 20, (1,), streams(9))
    assert abs(float(measured[1]["lyapunov"])) > 1e-3


def test_accuracy_counts_the_depths_that_are_named() -> None:
    settings = tiny("updates", data={"law": "balanced", "depth": 1}, model={"update": "direct", "hidden": 2})
    task = Task(settings.data, CPU)
    model = build_model(settings, [0], task)
    for p in model.parameters():
        p.data.zero_()
    model.readout.bias.data[..., 1] = 1  # always names depth 1, which is the truth every other step
    measured = unrolled(model.double(), task, task.draw(200, 8, streams(0)), 20, (10,), streams(9))
    assert float(measured[10]["accuracy"]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("update", "violates"), [("gated-scalar", False), ("gated-scalar-free", False), ("gated", True)]
)
def test_a_scalar_gate_keeps_the_printed_inequality_and_an_elementwise_one_breaks_it(
    update: str, violates: bool
) -> None:
    settings = tiny("updates", model={"update": update, "hidden": 16})
    learner = build(settings, [0, 1], CPU)
    for p in learner.model.parameters():
        p.data *= 8  # gates that open and close
    paths = learner.task.draw(60, 8, streams(0, 1))
    found = gates(learner.model.double(), learner.task, paths, 6, (1, 10, 100))
    assert set(found) == {1, 10}
    assert ((found[10]["gate_violations"] > 0) == violates).all()
    assert (found[10]["bound_use"] <= 1 + 1e-12).all()
    assert (found[1]["bound_use"] <= found[10]["bound_use"]).all()
    assert gates(build_model(tiny("updates", model={"update": "gru"}), [0], learner.task), *[None] * 4) == {}  # type: ignore[arg-type]


def test_every_row_is_in_the_vocabulary_and_every_horizon_is_there(tmp_path: Path) -> None:
    settings = tiny("updates", evaluation={"sequences": 2, "rollout": 100})
    go(settings, [0, 1], tmp_path)
    evaluate(settings, tmp_path)
    frame = pd.read_parquet(tmp_path / "evaluation.parquet")
    assert set(frame["metric"]) == set(kind("updates").vocabulary.metrics)
    assert set(frame.query("control == 'trained'")["range"]) == {"in", "10x", "100x"}
    assert set(frame.query("control == 'untrained'")["range"]) == {"in", "10x"}
    assert set(frame.query("control == 'parity'")["seed"]) == {NO_SEED}


@pytest.mark.parametrize("update", sorted(UPDATES))
def test_every_update_learns_to_integrate(tmp_path: Path, update: str) -> None:
    settings = tiny(
        "updates",
        model={"update": update, "hidden": 24},
        training={"steps": 80, "batch": 32, "length": 5, "learning_rate": 1e-2},
    )
    go(settings, [0], tmp_path)
    frame = pd.read_parquet(tmp_path / "metrics.parquet").query("metric == 'accuracy'")
    assert frame[frame["step"] > 70]["value"].mean() > 0.75, (
        "the likeliest depth of the parity is right 0.67 of the time"
    )


def test_an_unknown_update_or_law_is_told_what_is_known() -> None:
    with pytest.raises(ValueError, match=r"state update 'gate' is unknown; known updates: direct, "):
        tiny("updates", model={"update": "gate"})
    with pytest.raises(ValueError, match=r"'tree', 'balanced' or 'drifting'"):
        tiny("updates", data={"law": "levy"})
