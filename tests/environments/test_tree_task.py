"""The tree's tasks: what is rewarded, what is hidden, and what chance achieves."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hrssm.environments import tree_task
from hrssm.environments.tree_task import TreeTask


def down_to(env: TreeTask, node: int) -> list[int]:
    """The actions that lead from the root to a node."""
    actions = []
    while node > 0:
        actions.append(int(env.tree.branch[node]) + 1)
        node = int(env.tree.parent[node])
    return actions[::-1]


@pytest.mark.parametrize("arguments", [{}, {"goals": 2, "depth": 3}])
def test_passes_the_environment_checker(arguments):
    env = gymnasium.make(tree_task.ENVIRONMENT_ID, **arguments)
    check_env(env.unwrapped)
    env.close()


def test_episodes_start_at_the_root_and_end_with_the_reward_at_the_hidden_leaf():
    env = TreeTask(3, 4, task_seed=5)
    for seed in (0, 1):
        assert env.reset(seed=seed)[1]["node"] == 0
        steps = [env.step(action) for action in down_to(env, env.goal_nodes[0])]
        assert [step[1] for step in steps] == [0, 0, 0, 1]
        assert [step[2] for step in steps] == [False, False, False, True]
        assert steps[-1][4]["depth"] == 4


def test_two_goals_count_in_their_order_only_and_once():
    env = TreeTask(3, 3, goals=2, task_seed=1, length=40)
    first, second = (down_to(env, node) for node in env.goal_nodes)
    env.reset(seed=0)
    path = [*second, 0, 0, 0, *first, 1, 0, 0, 0, *first, 0, 0, 0, *second]
    steps = [env.step(action) for action in path]
    # The second before the first is worth nothing, and the first is worth something once.
    assert np.flatnonzero([step[1] for step in steps]).tolist() == [8, len(path) - 1]
    assert steps[-1][2]
    assert [steps[k][4]["reached"] for k in (7, 8, 20, len(path) - 1)] == [0, 1, 1, 2]
    assert env.reset(seed=1)[1]["reached"] == 0


def test_no_observation_shows_the_stage():
    env = TreeTask(3, 3, goals=2, length=40)
    before, _ = env.reset(seed=0)
    first = down_to(env, env.goal_nodes[0])
    for action in [*first, 0, 0, 0]:
        after, *_ = env.step(action)
    assert env.step(0)[4]["reached"] == 1
    assert np.array_equal(before, after)


def test_an_episode_is_truncated_after_its_length():
    env = TreeTask(length=5)
    env.reset(seed=0)
    assert [env.step(0)[2:4] for _ in range(4)] == [(False, False)] * 3 + [(False, True)]


def test_the_task_seed_draws_the_goals():
    goals = [TreeTask(3, 3, goals=2, task_seed=seed).goal_nodes for seed in (0, 0, 1)]
    assert goals[0] == goals[1] != goals[2]
    assert len(set(goals[0])) == 2


@pytest.mark.parametrize(("goals", "depth"), [(1, 4), (2, 3)])
def test_what_chance_achieves(goals, depth):
    """Random actions against the chain's own probabilities, to within a failure rate of one in ten thousand.

    The two leaves of task 1 lie below one child of the root; below two children, chance has a tenth of that.
    """
    env = TreeTask(3, depth, goals=goals, task_seed=1)
    nodes = env.tree.num_nodes
    move = np.zeros((nodes, nodes))
    for node in range(nodes):
        for action in range(4):
            to = (node - 1) // 3 if action == 0 and node else 3 * node + action if action else 0
            move[node, to if to < nodes else node] += 0.25
    law = np.zeros((goals + 1, nodes))
    law[0, 0] = 1
    for _ in range(env.length - 1):
        law[:goals] = law[:goals] @ move
        for stage, goal in enumerate(env.goal_nodes):
            law[stage + 1, goal] += law[stage, goal]
            law[stage, goal] = 0
    chance = law[goals].sum()
    rng, episodes, successes = np.random.default_rng(0), 2000, 0
    for _ in range(episodes):
        env.reset()
        done = truncated = False
        while not (done or truncated):
            _, _, done, truncated, _ = env.step(int(rng.integers(4)))
        successes += done
    assert abs(successes - episodes * chance) < 3.9 * np.sqrt(episodes * chance * (1 - chance)) + 1
    assert chance == pytest.approx({1: 0.03, 2: 0.003}[goals], rel=0.2)


@pytest.mark.parametrize("goals", [0, 82])
def test_the_number_of_goals_is_bounded(goals):
    with pytest.raises(ValueError, match=rf"goals = {goals}: choose 1 to 81"):
        TreeTask(3, 4, goals=goals)
