"""Tests of the Gymnasium face. Warnings are errors here, those of the environment checker among them."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hrssm.environments import gym
from hrssm.environments.tree import TreeMDP


@pytest.mark.parametrize(
    "arguments",
    [{}, {"render_mode": "ansi"}, {"branching": 2, "depth": 3, "max_depth": 2, "start": "stationary"}],
)
def test_passes_the_environment_checker(arguments: dict) -> None:
    env = gymnasium.make(gym.ENVIRONMENT_ID, **arguments)
    check_env(env.unwrapped)
    env.close()


def test_registering_twice_is_harmless() -> None:
    gym.register()
    assert gymnasium.spec("hrssm/TreeMDP-v0").entry_point == "hrssm.environments.gym:TreeEnvironment"


def test_the_module_can_be_named_in_the_id() -> None:
    env = gymnasium.make("hrssm.environments.gym:hrssm/TreeMDP-v0", depth=2)
    assert isinstance(env.unwrapped, gym.TreeEnvironment)


def test_actions_follow_the_edges_and_observations_the_table() -> None:
    env, tree = gym.TreeEnvironment(3, 3, length=1000), TreeMDP(3, 3)
    _, info = env.reset(seed=0, options={"node": 0})
    rng = np.random.default_rng(0)
    for _ in range(300):
        node, action = info["node"], int(rng.integers(4))
        neighbour = int(tree.parent[node]) if action == 0 else 3 * node + action
        legal = neighbour in tree.neighbours[node].tolist() and neighbour >= 0
        assert bool(info["action_mask"][action]) == legal
        observation, reward, terminated, truncated, info = env.step(action)
        assert info["node"] == (neighbour if legal else node)
        assert info["depth"] == int(tree.node_depth[info["node"]])
        assert info["branch"] == int(tree.branch[info["node"]])
        assert np.array_equal(observation, tree.observations[info["node"]].numpy())
        assert (reward, terminated, truncated) == (0.0, False, False)


def test_an_episode_has_as_many_observations_as_its_length() -> None:
    env = gymnasium.make(gym.ENVIRONMENT_ID, length=5)
    env.reset(seed=1)
    assert [env.step(0)[3] for _ in range(4)] == [False, False, False, True]


def test_the_seed_draws_the_start() -> None:
    env = gym.TreeEnvironment()
    starts = [env.reset(seed=seed)[1]["node"] for seed in (1, 1, 2)]
    assert starts[0] == starts[1] != starts[2]


def test_moves_stay_within_the_depth() -> None:
    env = gym.TreeEnvironment(2, 4, max_depth=1)
    for seed in range(20):
        assert env.reset(seed=seed)[1]["depth"] <= 1
    env.reset(options={"node": 1})
    assert env.step(2)[4]["node"] == 1


def test_render_prints_the_path() -> None:
    env = gym.TreeEnvironment(4, 5, render_mode="ansi")
    env.reset(options={"node": 0})
    env.step(3)
    env.step(1)
    assert env.render() == "root/2/0"
    assert gym.TreeEnvironment().render() is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gym.TreeEnvironment(length=1), "length = 1"),
        (lambda: gym.TreeEnvironment(render_mode="human"), "render_mode = 'human'"),
        (lambda: gym.TreeEnvironment(max_depth=9), "max_depth = 9"),
        (lambda: gym.TreeEnvironment(2, 2).reset(options={"node": 7}), r"0\.\.6"),
        (lambda: gym.TreeEnvironment(2, 2).step(3), r"0\.\.2"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
