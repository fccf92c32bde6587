"""The arm behind Gymnasium: it passes the checker, obeys its targets, and says what is missing."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hrssm.environments import arm
from hrssm.environments.arm import ArmEnvironment, smooth_targets

needs_renderer = pytest.mark.skipif(not arm.can_render(), reason="nothing renders here")


def test_passes_the_environment_checker() -> None:
    env = gymnasium.make(arm.ENVIRONMENT_ID, observation="features", length=10)
    check_env(env.unwrapped)
    env.close()


@needs_renderer
def test_frames_pass_the_environment_checker() -> None:
    env = gymnasium.make(arm.ENVIRONMENT_ID, observation="pixels", render_mode="rgb_array", length=10)
    check_env(env.unwrapped)
    env.close()


@needs_renderer
def test_a_frame_shows_the_arm_and_changes_with_it() -> None:
    env = ArmEnvironment("pixels", render_mode="rgb_array")
    first, _ = env.reset(seed=0)
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 50
    assert np.array_equal(env.render(), first)
    for _ in range(10):
        later, *_ = env.step(np.full(6, 0.8, np.float32))
    assert (np.abs(later.astype(int) - first.astype(int)).max(-1) > 20).sum() > 20
    env.close()


def test_joints_reach_their_targets() -> None:
    env = ArmEnvironment("features")
    env.reset(seed=1)
    action = np.array([0.5, -0.3, -0.2, 0.4, -0.6, 0.2], np.float32)
    for _ in range(60):
        *_, info = env.step(action)
    low, high = env.model.jnt_range[:6].T
    share = 2 * (info["state"][:6] - low) / (high - low) - 1
    np.testing.assert_allclose(share, action, atol=0.1)
    assert np.abs(info["state"][13:19]).max() < 0.05
    assert len(info["state"]) == 25


def test_the_seed_draws_the_start_and_runs_repeat() -> None:
    actions = smooth_targets(20, np.random.default_rng(0))

    def run(seed: int) -> np.ndarray:
        env = ArmEnvironment("features", features=64)
        seen = [env.reset(seed=seed)[0]]
        return np.stack(seen + [env.step(a)[0] for a in actions])

    first, again, other = run(0), run(0), run(1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], other[0])
    assert np.abs(first).max() <= np.sqrt(2)


def test_an_episode_has_as_many_observations_as_its_length() -> None:
    env = ArmEnvironment("features", length=4)
    env.reset(seed=0)
    assert [env.step(np.zeros(6, np.float32))[3] for _ in range(3)] == [False, False, True]


def test_targets_wander_smoothly_within_bounds() -> None:
    targets = smooth_targets(500, np.random.default_rng(0))
    assert targets.shape == (500, 6)
    assert np.abs(targets).max() <= 0.9
    assert targets.std() > 0.3
    assert np.abs(np.diff(targets, axis=0)).max() < 1.8 * np.pi / 24 + 1e-6


def test_without_a_renderer_pixels_are_refused_and_auto_takes_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm, "_renders", False)
    assert ArmEnvironment().observation == "features"
    with pytest.raises(RuntimeError, match="observation='features', which needs none"):
        ArmEnvironment("pixels")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ArmEnvironment("sound"), "observation = 'sound'"),
        (lambda: ArmEnvironment("features", length=1), "length = 1"),
        (lambda: ArmEnvironment("features", render_mode="human"), "render_mode = 'human'"),
        (lambda: ArmEnvironment("features").step(np.full(6, 2.0)), "6 numbers in"),
        (lambda: smooth_targets(0, np.random.default_rng(0)), "steps = 0"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
