"""PinPad: step on the pads of a room in a hidden order, seen as numbers or as an image.

Importing this module registers `hrssm/PinPad-v0`. The task is that of Hafner et al., Deep hierarchical planning from
pixels (arXiv 2206.04114); room and drawing are this package's own.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

__all__ = ["ENVIRONMENT_ID", "PADS", "PinPad"]

ENVIRONMENT_ID = "hrssm/PinPad-v0"

#: The room is 14 x 16 cells with its walls; below it two rows of cells show the last pads.
ROWS, COLUMNS, CELL = 14, 16, 4
#: First row and column of each pad of 3 x 3 cells, those that are used first in front.
PADS = ((1, 1), (1, 12), (10, 6), (10, 1), (10, 12), (1, 6))
COLOURS = np.array(
    [[230, 60, 60], [60, 200, 80], [70, 110, 240], [240, 200, 60], [200, 80, 220], [60, 210, 220]], np.uint8
)
MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # stay, up, down, left, right


class PinPad(gymnasium.Env[NDArray[Any], np.int64]):
    """A room with ``pads`` pads; stepping on all of them in the right order rewards 1 and moves the agent away.

    Actions: stay, up, down, left, right, by one cell; walls hold. A pad counts when it is entered and is not the last
    one that counted. The order is drawn from ``task_seed`` and is not shown; the last ``pads`` pads that counted are.
    After the reward they are forgotten and the agent is put on a random free cell, where every episode starts too. An
    episode never terminates and is truncated after ``length`` steps.

    ``observation="vector"``: row and column in [0, 1], the pad stood on (one-hot), the last pads (one-hot each, the
    latest first): float32 (2 + pads + pads^2,). ``"image"``: 64 x 64 RGB in bytes. ``info`` holds "position", "last"
    and "completed".

    Raises ValueError for a number of pads outside 2..6, a length below 1, or an unknown observation.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(
        self,
        pads: int = 3,
        *,
        observation: Literal["vector", "image"] = "vector",
        task_seed: int = 0,
        length: int = 2000,
        render_mode: str | None = None,
    ) -> None:
        if not 2 <= pads <= len(PADS):
            raise ValueError(f"pads = {pads}: the room has place for 2 to {len(PADS)} of them.")
        if length < 1:
            raise ValueError(f"length = {length}: an episode has at least one step.")
        if observation not in ("vector", "image"):
            raise ValueError(f"observation = {observation!r}: choose 'vector' or 'image'.")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode = {render_mode!r}: choose 'rgb_array' or None.")
        self.pads, self.observation, self.length, self.render_mode = pads, observation, length, render_mode
        self.order = tuple(int(k) for k in np.random.default_rng(task_seed).permutation(pads))
        #: the pad of each cell, -1 for none
        self.floor = np.full((ROWS, COLUMNS), -1)
        for k, (row, column) in enumerate(PADS[:pads]):
            self.floor[row : row + 3, column : column + 3] = k
        self._room = self._draw_room()
        self.action_space = spaces.Discrete(len(MOVES))
        self.observation_space = (
            spaces.Box(0.0, 1.0, (2 + pads + pads**2,), np.float32)
            if observation == "vector"
            else spaces.Box(0, 255, (64, 64, 3), np.uint8)
        )
        self._last: deque[int] = deque(maxlen=pads)
        self._position, self._step, self._completed = (1, 1), 0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        super().reset(seed=seed)
        self._step, self._completed = 0, 0
        self._put_away()
        return self._observe(), self._info()

    def step(self, action: np.int64 | int) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Observation, reward, False, truncated, info; ValueError for an action outside 0..4."""
        if not self.action_space.contains(action):
            raise ValueError(f"action = {action!r}: choose an integer in 0..{len(MOVES) - 1}.")
        row, column = (a + b for a, b in zip(self._position, MOVES[int(action)], strict=True))
        if 1 <= row < ROWS - 1 and 1 <= column < COLUMNS - 1:
            self._position = row, column
        self._step += 1
        pad = int(self.floor[self._position])
        if pad >= 0 and (not self._last or self._last[-1] != pad):
            self._last.append(pad)
        complete = tuple(self._last) == self.order
        if complete:
            self._completed += 1
            self._put_away()
        return self._observe(), float(complete), False, self._step >= self.length, self._info()

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The image that an agent would see; None without a mode."""
        return self._image() if self.render_mode else None

    def _put_away(self) -> None:
        free = np.argwhere(self.floor[1:-1, 1:-1] < 0) + 1
        row, column = free[self.np_random.integers(len(free))]
        self._position = int(row), int(column)
        self._last.clear()

    def _info(self) -> dict[str, Any]:
        return {"position": self._position, "last": tuple(self._last), "completed": self._completed}

    def _observe(self) -> NDArray[Any]:
        return self._vector() if self.observation == "vector" else self._image()

    def _vector(self) -> NDArray[np.float32]:
        row, column = self._position
        stood, last = np.zeros(self.pads, np.float32), np.zeros((self.pads, self.pads), np.float32)
        if (pad := int(self.floor[self._position])) >= 0:
            stood[pad] = 1
        for k, pad in enumerate(reversed(self._last)):
            last[k, pad] = 1
        place = np.array([(row - 1) / (ROWS - 3), (column - 1) / (COLUMNS - 3)], np.float32)
        return np.concatenate((place, stood, last.ravel()))

    def _image(self) -> NDArray[np.uint8]:
        cells = self._room.copy()
        cells[self._position] = 255
        for k, pad in enumerate(self._last):
            cells[ROWS : ROWS + 2, 1 + 2 * k : 2 + 2 * k] = COLOURS[pad]
        return cells.repeat(CELL, 0).repeat(CELL, 1)

    def _draw_room(self) -> NDArray[np.uint8]:
        cells = np.zeros((ROWS + 2, COLUMNS, 3), np.uint8)
        cells[:ROWS] = 110
        cells[1 : ROWS - 1, 1 : COLUMNS - 1] = 30
        on_pad = self.floor >= 0
        cells[:ROWS][on_pad] = COLOURS[self.floor[on_pad]]
        return cells


def register() -> None:
    """Makes `hrssm/PinPad-v0` known to Gymnasium; a second call does nothing."""
    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(ENVIRONMENT_ID, entry_point="hrssm.environments.pinpad:PinPad")


register()
