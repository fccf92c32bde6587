"""An episode that is played again arrives where it was."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from hrssm.environments.atari import AtariEnvironment
from hrssm.environments.pinpad import PinPad
from hrssm.environments.resumable import Resumable
from hrssm.environments.tree_task import TreeTask


@pytest.mark.parametrize(
    "make",
    [lambda: TreeTask(3, 3, goals=2), PinPad, lambda: AtariEnvironment("krull")],
    ids=["tree", "pinpad", "atari"],
)
def test_a_resumed_episode_goes_on_as_the_first_did(make):
    env, again = Resumable(make()), Resumable(make())
    assert isinstance(env.action_space, gymnasium.spaces.Discrete)
    rng = np.random.default_rng(0)
    env.reset(seed=11)
    for action in rng.integers(env.action_space.n, size=15):
        env.step(action)
    again.load_state_dict(env.state_dict())
    for action in rng.integers(env.action_space.n, size=20):
        one, two = env.step(action), again.step(action)
        assert np.array_equal(one[0], two[0])
        assert one[1:4] == two[1:4]
        if one[2] or one[3]:
            env.reset(seed=12)
            again.reset(seed=12)


def test_before_the_first_episode_there_is_nothing_to_resume():
    Resumable(PinPad()).load_state_dict(Resumable(PinPad()).state_dict())


def test_an_episode_has_a_seed():
    with pytest.raises(ValueError, match="has a seed alone"):
        Resumable(PinPad()).reset()
