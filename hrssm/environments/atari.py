"""Atari games under the Atari100k protocol, through ale-py (extra ``atari``), with Gymnasium's face.

Importing this module registers `hrssm/Atari-v0`; `gymnasium.make("hrssm.environments.atari:hrssm/Atari-v0",
game="breakout")` imports it by itself. Nothing else in the package imports ale-py, whose licence is the GPL.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

try:
    import ale_py
    from ale_py import roms
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "Atari games need ale-py, which is not installed: pip install 'hrssm[atari]'", name="ale_py"
    ) from error

__all__ = ["ATARI100K", "ENVIRONMENT_ID", "AtariEnvironment", "games", "shrink"]

ENVIRONMENT_ID = "hrssm/Atari-v0"

#: The 26 games of Atari100k, by the names that ale-py gives their ROMs.
ATARI100K = (
    *("alien", "amidar", "assault", "asterix", "bank_heist", "battle_zone", "boxing", "breakout", "chopper_command"),
    *("crazy_climber", "demon_attack", "freeway", "frostbite", "gopher", "hero", "jamesbond", "kangaroo", "krull"),
    *("kung_fu_master", "ms_pacman", "pong", "private_eye", "qbert", "road_runner", "seaquest", "up_n_down"),
)

Frame = NDArray[np.uint8]


def games() -> tuple[str, ...]:
    """The games that ale-py brings, by name."""
    return tuple(sorted(roms.get_all_rom_ids()))


class AtariEnvironment(gymnasium.Env[Frame, np.int64]):
    """One game: an action is held for ``repeat`` frames, and the observation is ``size`` x ``size`` RGB in bytes.

    The screen is the maximum of the last two frames of a step, since many games draw an object in every other frame
    only; it is made smaller by area averages. An episode begins with 0 to ``noops`` frames of no action, drawn by the
    seed, the only chance there is: no action is repeated at random. It ends when the game is over, with the last life
    and not with each, and is truncated after ``limit`` steps. Actions are the game's minimal set. The reward is the
    score's change as it is, not clipped; nothing is fired to begin; no frames are stacked. ``info`` holds "lives".

    Protocol of Kaiser et al., Model-based reinforcement learning for Atari (2020), with the settings of Mattes et al.,
    Hieros (arXiv 2310.05167). Raises ValueError for an unknown game and for numbers out of range.

    Attributes: ``ale``, the emulator; ``screen``, the last screen in full (210, 160, 3) or as large as the game has it.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(
        self,
        game: str = "breakout",
        *,
        repeat: int = 4,
        noops: int = 30,
        size: int = 64,
        limit: int = 54_000,
        render_mode: str | None = None,
    ) -> None:
        if game not in (known := games()):
            raise ValueError(f"game = {game!r} is unknown. ale-py brings: {', '.join(known)}.")
        for name, value, least in (("repeat", repeat, 1), ("noops", noops, 0), ("size", size, 1), ("limit", limit, 1)):
            if value < least:
                raise ValueError(f"{name} = {value}: it must be at least {least}.")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode = {render_mode!r}: choose 'rgb_array' or None.")
        self.game, self.repeat, self.noops, self.size, self.limit = game, repeat, noops, size, limit
        self.render_mode = render_mode
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self.ale = ale_py.ALEInterface()
        self.ale.setFloat("repeat_action_probability", 0.0)
        self.ale.setInt("max_num_frames_per_episode", 0)
        self.ale.setInt("random_seed", 0)
        self.ale.loadROM(str(roms.get_rom_path(game)))
        self._actions = self.ale.getMinimalActionSet()
        self.screen: Frame = np.zeros((*self.ale.getScreenDims(), 3), np.uint8)
        height, width, _ = self.screen.shape
        self._shrink = area_weights(height, size), area_weights(width, size)
        self.action_space = spaces.Discrete(len(self._actions))
        self.observation_space = spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._step = 0

    @property
    def ram(self) -> NDArray[np.uint8]:
        """The console's 128 bytes of memory."""
        return self.ale.getRAM()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Frame, dict[str, Any]]:
        super().reset(seed=seed)
        self.ale.reset_game()
        for _ in range(self.np_random.integers(self.noops + 1)):
            self.ale.act(ale_py.Action.NOOP)
            if self.ale.game_over():
                self.ale.reset_game()
        self._step = 0
        self.screen = self.ale.getScreenRGB()
        return self._observation(), self._info()

    def step(self, action: np.int64 | int) -> tuple[Frame, float, bool, bool, dict[str, Any]]:
        """Observation, reward, whether the game is over, whether the limit cut it off, info.

        Raises ValueError for an action outside 0..n-1.
        """
        if not self.action_space.contains(action):
            raise ValueError(f"action = {action!r}: {self.game} has actions 0..{len(self._actions) - 1}.")
        reward, over, frames = 0, False, []
        for k in range(self.repeat):
            reward += self.ale.act(self._actions[int(action)])
            over = self.ale.game_over()
            if over or k >= self.repeat - 2:
                frames.append(self.ale.getScreenRGB())
            if over:
                break
        self.screen = np.maximum.reduce(frames)
        self._step += 1
        return self._observation(), float(reward), over, self._step >= self.limit and not over, self._info()

    def render(self) -> Frame | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The screen in full; None without a mode."""
        return self.screen if self.render_mode else None

    def _observation(self) -> Frame:
        return shrink(self.screen, *self._shrink)

    def _info(self) -> dict[str, Any]:
        return {"lives": self.ale.lives()}


def area_weights(pixels: int, size: int) -> NDArray[np.float32]:
    """The matrix (size, pixels) whose rows average over equal shares of the pixels, cut ones by their part.

    >>> area_weights(3, 2) * 3
    array([[2., 1., 0.],
           [0., 1., 2.]], dtype=float32)
    """
    edges = np.arange(size + 1) * pixels / size
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(pixels)
    overlap = np.minimum(high, pixel + 1) - np.maximum(low, pixel)
    return (overlap.clip(min=0) * size / pixels).astype(np.float32)


def shrink(image: Frame, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> Frame:
    """An image (height, width, channels) in bytes made smaller by the weights of its rows and columns, rounded."""
    height, width, channels = image.shape
    across = (rows @ image.reshape(height, width * channels).astype(np.float32)).reshape(len(rows), width, channels)
    return (columns @ across + 0.5).astype(np.uint8)


def register() -> None:
    """Makes `hrssm/Atari-v0` known to Gymnasium; a second call does nothing."""
    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(ENVIRONMENT_ID, entry_point="hrssm.environments.atari:AtariEnvironment")


register()
