"""The Atari100k protocol, item by item, and against ale-py's own vector environment set to it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from ale_py import roms
from ale_py.vector_env import AtariVectorEnv
from gymnasium.utils.env_checker import check_env

from hrssm.environments import atari
from hrssm.environments.atari import ATARI100K, AtariEnvironment


class Emulator:
    """Stands in for the emulator's ``act``, and keeps what was acted."""

    def __init__(self, env: AtariEnvironment, rewards: list[int] | None = None) -> None:
        self.ale, self.acted, self.rewards = env.ale, [], rewards
        env.ale = self  # type: ignore[assignment]

    def act(self, action: Any) -> int:
        self.acted.append(action.name)
        reward = self.ale.act(action)
        return self.rewards[len(self.acted) - 1] if self.rewards else reward

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ale, name)


def play(env: AtariEnvironment, steps: int, seed: int) -> tuple[np.ndarray, list[float]]:
    frames, rewards = [env.reset(seed=seed)[0]], []
    for action in np.random.default_rng(seed).integers(env.action_space.n, size=steps):  # type: ignore[attr-defined]
        frame, reward, over, _, _ = env.step(action)
        frames.append(frame)
        rewards.append(reward)
        if over:
            break
    return np.stack(frames), rewards


def test_passes_the_environment_checker():
    env = gymnasium.make(atari.ENVIRONMENT_ID, game="breakout", render_mode="rgb_array")
    check_env(env.unwrapped)
    env.close()


def test_frames_and_rewards_are_those_of_ale_py_set_to_the_protocol():
    """Its defaults differ: grey, four frames, 84 x 84, clipped rewards, fire to begin."""
    vector = AtariVectorEnv(
        *("krull", 1),
        **dict(img_height=64, img_width=64, grayscale=False, stack_num=1, noop_max=0),
        **dict(reward_clipping=False, use_fire_reset=False, repeat_action_probability=0.0, frameskip=4),
    )
    env = AtariEnvironment("krull", noops=0)
    ours, _ = env.reset()
    theirs, _ = vector.reset()
    seen = 0.0
    for action in np.random.default_rng(0).integers(env.action_space.n, size=300):  # type: ignore[attr-defined]
        np.testing.assert_allclose(ours.astype(int), theirs[0, 0].astype(int), atol=1)  # they round area means too
        ours, reward, over, _, _ = env.step(action)
        theirs, rewards, overs, _, _ = vector.step(np.array([action]))
        assert (reward, over) == (rewards[0], overs[0])
        seen = max(seen, reward)
        if over:
            break
    assert seen > 1  # some reward that clipping would have changed
    vector.close()


def test_an_observation_is_one_rgb_frame_of_64_by_64_bytes():
    env = AtariEnvironment("pong")
    assert env.observation_space == gymnasium.spaces.Box(0, 255, (64, 64, 3), np.uint8)
    frame, _ = env.reset(seed=0)
    assert (frame.shape, frame.dtype) == ((64, 64, 3), np.uint8)
    assert np.any(frame[..., 0] != frame[..., 2])
    assert env.screen.shape == (210, 160, 3)


def test_an_action_is_held_for_four_frames_and_is_never_another_one():
    env = AtariEnvironment("pong", noops=0)
    env.reset(seed=0)
    emulator = Emulator(env)
    for _ in range(50):
        env.step(2)
    assert emulator.acted == ["RIGHT"] * 200
    assert env.ale.getFloat("repeat_action_probability") == 0.0


def test_the_screen_is_the_maximum_of_the_last_two_frames():
    env, single = AtariEnvironment("asterix", noops=0), AtariEnvironment("asterix", noops=0, repeat=1)
    env.reset(seed=0)
    single.reset(seed=0)
    flickered = 0
    for _ in range(40):
        env.step(1)
        frames = []
        for _ in range(4):
            single.step(1)
            frames.append(single.screen)
        assert np.array_equal(env.screen, np.maximum(frames[2], frames[3]))
        flickered += not np.array_equal(frames[2], frames[3])
    assert flickered


def test_an_episode_begins_with_up_to_thirty_frames_of_no_action_drawn_by_the_seed():
    env = AtariEnvironment("pong")
    emulator = Emulator(env)
    counts = []
    for seed in range(300):
        emulator.acted.clear()
        env.reset(seed=seed)
        assert set(emulator.acted) <= {"NOOP"}  # fire is never pressed to begin
        counts.append(len(emulator.acted))
    assert (min(counts), max(counts)) == (0, 30)
    emulator.acted.clear()
    env.reset(seed=5)
    assert len(emulator.acted) == counts[5]


def test_actions_are_the_minimal_set():
    assert AtariEnvironment("breakout").action_space == gymnasium.spaces.Discrete(4)
    assert AtariEnvironment("freeway").action_space == gymnasium.spaces.Discrete(3)
    assert AtariEnvironment("krull").action_space == gymnasium.spaces.Discrete(18)


def test_the_reward_is_the_whole_of_what_four_frames_gave():
    env = AtariEnvironment("pong", noops=0)
    env.reset(seed=0)
    Emulator(env, rewards=[7, 0, 400, -3])
    assert env.step(0)[1] == 404.0


def test_an_episode_ends_with_the_game_and_not_with_a_life():
    env = AtariEnvironment("breakout", noops=0)
    _, info = env.reset(seed=0)
    lives = [info["lives"]]
    over = truncated = False
    while not over:
        _, _, over, truncated, info = env.step(1)
        lives.append(info["lives"])
    assert sorted(set(lives)) == [0, 1, 2, 3, 4, 5]
    assert not truncated


def test_the_limit_truncates_after_so_many_steps():
    env = AtariEnvironment("pong", limit=3)
    env.reset(seed=0)
    assert [env.step(0)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]
    assert AtariEnvironment("pong").limit == 54_000


def test_a_seed_decides_the_episode_whatever_was_played_before():
    env = AtariEnvironment("krull")
    play(env, 100, seed=3)
    again, fresh = play(env, 60, seed=7), play(AtariEnvironment("krull"), 60, seed=7)
    assert np.array_equal(again[0], fresh[0])
    assert again[1] == fresh[1]
    assert not np.array_equal(again[0][:30], play(env, 60, seed=8)[0][:30])


def test_every_game_of_the_benchmark_is_there():
    assert len(set(ATARI100K)) == 26
    assert set(ATARI100K) <= set(roms.get_all_rom_ids())


def test_breakouts_ball_and_paddle_are_read_from_the_memory():
    env = AtariEnvironment("breakout", repeat=1, noops=0)
    env.reset(seed=0)
    env.step(1)
    before = int(env.ram[72])
    for _ in range(10):
        env.step(2)
    assert env.ram.shape == (128,)
    assert int(env.ram[72]) > before  # the paddle went to the right


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AtariEnvironment("brakeout"), r"game = 'brakeout' is unknown. ale-py brings: .*breakout"),
        (lambda: AtariEnvironment(repeat=0), "repeat = 0"),
        (lambda: AtariEnvironment(noops=-1), "noops = -1"),
        (lambda: AtariEnvironment(render_mode="human"), "render_mode = 'human'"),
        (lambda: AtariEnvironment("pong").step(6), r"pong has actions 0\.\.5"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_ale_py_the_extra_is_named():
    code = "import sys; sys.modules['ale_py'] = None; import hrssm.environments.atari"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'hrssm[atari]'" in done.stderr
    assert "ModuleNotFoundError" in done.stderr
