"""PinPad: walls, pads, their hidden order, and the two ways of seeing them."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hrssm.environments import pinpad
from hrssm.environments.pinpad import COLOURS, PADS, PinPad


def walk(env: PinPad, pad: int) -> list[tuple]:
    """Steps to the middle of a pad, along row 7 so that no other pad is entered on the way; ends at a reward."""
    row, column = PADS[pad][0] + 1, PADS[pad][1] + 1
    steps = []
    for axis, target in ((0, 7), (1, column), (0, row)):
        while (here := env._position[axis]) != target:
            steps.append(env.step((1, 2, 3, 4)[2 * axis + (target > here)]))
            if steps[-1][1]:
                return steps
    return steps


@pytest.mark.parametrize("arguments", [{}, {"observation": "image", "render_mode": "rgb_array"}, {"pads": 6}])
def test_passes_the_environment_checker(arguments):
    env = gymnasium.make(pinpad.ENVIRONMENT_ID, **arguments)
    check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("pads", [3, 6])
def test_the_pads_in_their_order_are_rewarded_and_another_order_is_not(pads):
    env = PinPad(pads, task_seed=3)
    env.reset(seed=0)
    steps = [step for pad in env.order for step in walk(env, pad)]
    assert [step[1] for step in steps] == [0.0] * (len(steps) - 1) + [1.0]
    # The reward forgets the pads and moves the agent away.
    info = steps[-1][4]
    assert (info["last"], info["completed"], env.floor[info["position"]]) == ((), 1, -1)
    env.reset(seed=1)
    assert sum(step[1] for pad in env.order[::-1] for step in walk(env, pad)) == 0


def test_a_pad_counts_when_it_is_entered_and_not_while_it_is_stood_on():
    env = PinPad(3)
    env.reset(seed=0)
    walk(env, env.order[1])
    assert env.step(0)[4]["last"] == (env.order[1],)
    walk(env, env.order[0])
    assert env._info()["last"] == (env.order[1], env.order[0])


def test_walls_hold():
    env = PinPad(3)
    env.reset(seed=0)
    positions = [env.step(action)[4]["position"] for action in (1, 2, 3, 4) for _ in range(20)]
    rows, columns = zip(*positions, strict=True)
    assert (min(rows), max(rows), min(columns), max(columns)) == (1, 12, 1, 14)


def test_a_vector_by_hand():
    env = PinPad(3)
    env.reset(seed=0)
    walk(env, 2)
    walk(env, 0)
    expected = [1 / 11, 1 / 13, 1, 0, 0, *(1, 0, 0), *(0, 0, 1), *(0, 0, 0)]
    np.testing.assert_allclose(env._vector(), expected, rtol=1e-6)


def test_an_image_shows_the_agent_the_pads_and_the_last_ones():
    env = PinPad(3, observation="image")
    env.reset(seed=0)
    walk(env, 2)
    image, *_ = env.step(0)
    assert image.shape == (64, 64, 3)
    row, column = env._position
    assert np.all(image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] == 255)
    assert np.array_equal(image[4 * PADS[0][0], 4 * PADS[0][1]], COLOURS[0])
    assert np.array_equal(image[60, 4], COLOURS[2])
    assert not image[60, 12].any()


def test_episodes_are_drawn_by_the_seed_and_the_order_by_the_task():
    starts = [PinPad().reset(seed=seed)[1]["position"] for seed in (0, 0, 1)]
    assert starts[0] == starts[1] != starts[2]
    assert len({PinPad(4, task_seed=k).order for k in range(8)}) > 1
    env = PinPad(length=3)
    env.reset(seed=0)
    assert [env.step(0)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PinPad(1), "pads = 1"),
        (lambda: PinPad(7), "pads = 7"),
        (lambda: PinPad(length=0), "length = 0"),
        (lambda: PinPad(observation="text"), "observation = 'text'"),  # type: ignore[arg-type]
        (lambda: PinPad(render_mode="human"), "render_mode = 'human'"),
        (lambda: PinPad().step(5), r"0\.\.4"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
