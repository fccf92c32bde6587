"""A six-joint arm of primitives beside a cube, simulated by MuJoCo behind Gymnasium (extra `arm`).

Importing this module registers `hrssm/Arm-v0`. Frames are rendered through EGL where there is one; where there is none
the observation is a vector of random Fourier features of the state, as smooth in it and as redundant as an image's.
"""

# MuJoCo fills its module from a compiled one, which a type checker does not see.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import ctypes.util
import os
import platform
from importlib.resources import files
from typing import Any, ClassVar, Literal, get_args

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

# MuJoCo reads this when it is imported. A library that is not there would fail the import, not the rendering.
if platform.system() == "Linux" and "DISPLAY" not in os.environ:
    os.environ.setdefault("MUJOCO_GL", "egl" if ctypes.util.find_library("EGL") else "disable")

try:
    import mujoco
except ImportError as error:
    raise ImportError("the arm needs MuJoCo: pip install 'hrssm[arm]'") from error

__all__ = ["ENVIRONMENT_ID", "ArmEnvironment", "can_render", "register", "smooth_targets"]

ENVIRONMENT_ID = "hrssm/Arm-v0"
JOINTS = 6
Look = Literal["auto", "pixels", "features"]
Array = NDArray[Any]


class ArmEnvironment(gymnasium.Env[Array, NDArray[np.float32]]):
    """Position control of six joints: an action in [-1, 1]^6 gives targets, as shares of the joints' ranges.

    `observation` "pixels" is a frame (64, 64, 3) uint8; "features" are `features` random Fourier features
    sqrt(2) cos(w . s + b) of the scaled state s, float32, drawn from `feature_seed`; "auto" is pixels where they can be
    rendered. There is no task: the reward is 0 and an episode is truncated after `length` observations, the first among
    them. An action acts for `repeat` steps of 5 ms. `info["state"]` is the true state (25,): joint angles (6), the
    cube's position and quaternion (7), and their velocities (6 + 6).

    `seed` of `reset` draws the joints' angles and where the cube lies. Raises ValueError for an unknown observation or
    render mode or a length below 2, RuntimeError for pixels where nothing renders.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        observation: Look = "auto",
        *,
        length: int = 200,
        repeat: int = 10,
        features: int = 256,
        feature_seed: int = 0,
        render_mode: str | None = None,
    ) -> None:
        if observation not in get_args(Look):
            raise ValueError(f"observation = {observation!r}: choose one of {', '.join(map(repr, get_args(Look)))}.")
        if length < 2 or repeat < 1 or features < 1:
            raise ValueError(f"length = {length}, repeat = {repeat}, features = {features}: give at least 2, 1 and 1.")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode = {render_mode!r}: choose 'rgb_array' or None.")
        text = files("hrssm.environments").joinpath("arm.xml").read_text(encoding="utf-8")
        self.model = mujoco.MjModel.from_xml_string(text)
        self.data = mujoco.MjData(self.model)
        self.length, self.repeat, self.render_mode = length, repeat, render_mode
        self._renderer: mujoco.Renderer | None = None
        if observation == "auto":
            observation = "pixels" if can_render() else "features"
        if (observation == "pixels" or render_mode) and not can_render():
            raise RuntimeError(
                "no renderer: MuJoCo found no OpenGL here (MUJOCO_GL = "
                f"{os.environ.get('MUJOCO_GL', 'unset')!r}). Install EGL (libegl1 and a driver such as Mesa's), or use "
                "observation='features', which needs none."
            )
        self.observation: Literal["pixels", "features"] = observation
        rng = np.random.default_rng(feature_seed)
        size = self.model.nq + self.model.nv
        self._frequencies = rng.standard_normal((size, features)) / np.sqrt(2)
        self._phases = rng.uniform(0, 2 * np.pi, features)
        self._low, self._high = self.model.jnt_range[:JOINTS].T
        bound = float(np.sqrt(2))
        self.observation_space = (
            spaces.Box(0, 255, (64, 64, 3), np.uint8)
            if observation == "pixels"
            else spaces.Box(-bound, bound, (features,), np.float32)
        )
        self.action_space = spaces.Box(-1.0, 1.0, (JOINTS,), np.float32)
        self._step = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """The first observation and info."""
        super().reset(seed=seed)
        mujoco.mj_resetData(self.model, self.data)
        share = self.np_random.uniform(0.25, 0.75, JOINTS)
        self.data.qpos[:JOINTS] = self.data.ctrl[:] = self._low + share * (self._high - self._low)
        angle, distance = self.np_random.uniform(-1, 1), self.np_random.uniform(0.2, 0.32)
        self.data.qpos[JOINTS : JOINTS + 2] = distance * np.cos(angle), distance * np.sin(angle)
        mujoco.mj_forward(self.model, self.data)
        self._step = 0
        return self._observe(), self._info()

    def step(self, action: NDArray[np.float32]) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Observation, reward 0, never terminated, truncated after `length` observations, info."""
        if not self.action_space.contains(np.asarray(action, np.float32)):
            raise ValueError(f"action = {action!r}: give {JOINTS} numbers in [-1, 1].")
        self.data.ctrl[:] = self._low + (np.asarray(action) + 1) / 2 * (self._high - self._low)
        mujoco.mj_step(self.model, self.data, self.repeat)
        self._step += 1
        return self._observe(), 0.0, False, self._step >= self.length - 1, self._info()

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A frame (64, 64, 3); None without a mode."""
        return self._frame() if self.render_mode else None

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _observe(self) -> Array:
        if self.observation == "pixels":
            return self._frame()
        waves = np.cos(self._scaled() @ self._frequencies + self._phases)
        return (np.sqrt(2) * waves).astype(np.float32)

    def _frame(self) -> NDArray[np.uint8]:
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self.model, 64, 64)
        self._renderer.update_scene(self.data, "side")
        return self._renderer.render()

    def _scaled(self) -> NDArray[np.float64]:
        """The state, joints as shares of their ranges in [-1, 1], the cube in tens of centimetres, speeds damped."""
        joints = 2 * (self.data.qpos[:JOINTS] - self._low) / (self._high - self._low) - 1
        place, turn = 10 * self.data.qpos[JOINTS : JOINTS + 3], self.data.qpos[JOINTS + 3 :]
        return np.concatenate((joints, place, turn, np.tanh(self.data.qvel / 4)))

    def _info(self) -> dict[str, Any]:
        return {"state": np.concatenate((self.data.qpos, self.data.qvel))}


def smooth_targets(steps: int, rng: np.random.Generator, *, slowness: int = 12) -> NDArray[np.float32]:
    """Actions (steps, 6) that wander: uniform targets in [-0.9, 0.9], one every `slowness` steps, cosines between.

    Raises ValueError for fewer than one step.
    """
    if steps < 1 or slowness < 1:
        raise ValueError(f"steps = {steps}, slowness = {slowness}: give at least 1.")
    knots = rng.uniform(-0.9, 0.9, (steps // slowness + 2, JOINTS))
    place, share = np.divmod(np.arange(steps), slowness)
    ease = ((1 - np.cos(np.pi * share / slowness)) / 2)[:, None]
    return ((1 - ease) * knots[place] + ease * knots[place + 1]).astype(np.float32)


_renders: bool | None = None


def can_render() -> bool:
    """Whether MuJoCo can render here, tried once."""
    global _renders
    if _renders is None:
        try:
            mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 4, 4).close()
            _renders = True
        except Exception:  # what is raised depends on what is missing: library, driver, display
            _renders = False
    return _renders


def register() -> None:
    """Makes `hrssm/Arm-v0` known to Gymnasium; a second call does nothing."""
    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(ENVIRONMENT_ID, entry_point="hrssm.environments.arm:ArmEnvironment")


register()
