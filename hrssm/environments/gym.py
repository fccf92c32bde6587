"""The tree environment with Gymnasium's face: an agent moves along the edges and sees the node's observation.

Importing this module registers `hrssm/TreeMDP-v0`, and
`gymnasium.make("hrssm.environments.gym:hrssm/TreeMDP-v0")` imports it by itself.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from hrssm.environments.tree import Start, TreeMDP

ENVIRONMENT_ID = "hrssm/TreeMDP-v0"

Observation = NDArray[np.float32]


class TreeEnvironment(gymnasium.Env[Observation, np.int64]):
    """One walk on a `TreeMDP`: action 0 goes to the parent, action k = 1..B to the k-th child.

    An action along an edge that is not there (up from the root, down from a leaf, below `max_depth`) leaves
    the walk where it is; `info["action_mask"]` tells the others. There is no task: the reward is 0 and an
    episode ends by truncation after `length` observations, the first among them. `info` holds "node", "depth"
    and "branch".

    `seed` of `reset` draws the first node (by `start`, as in `TreeMDP.start_law`) and nothing else; the tree
    is drawn from `tree_seed`. `options={"node": k}` starts at node k. The other arguments are those of
    `TreeMDP`.

    >>> env = TreeEnvironment(branching=2, depth=3, length=4)
    >>> _, info = env.reset(seed=0, options={"node": 0})
    >>> env.step(2)[4]["node"], info["action_mask"].tolist()
    (2, [0, 1, 1])
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi"], "render_fps": 4}

    def __init__(
        self,
        branching: int = 4,
        depth: int = 5,
        *,
        tree_seed: int = 42,
        observation_dim: int = 64,
        length: int = 20,
        start: Start = "uniform",
        max_depth: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        if length < 2:
            raise ValueError(f"length = {length}: an episode needs at least 2 observations to have a step.")
        if render_mode not in (None, "ansi"):
            raise ValueError(f"render_mode = {render_mode!r}: choose 'ansi' or None.")
        self.tree = TreeMDP(branching, depth, seed=tree_seed, observation_dim=observation_dim)
        self.length, self.render_mode = length, render_mode
        self._floor = depth if max_depth is None else max_depth
        self._start_law = self.tree.start_law(start, self.tree.region(max_depth)).numpy()
        # The noise is drawn once per node, so the observations that exist bound the space.
        bound = float(self.tree.observations.abs().max())
        self.observation_space = spaces.Box(-bound, bound, (observation_dim,), np.float32)
        self.action_space = spaces.Discrete(branching + 1)
        self._node, self._step = 0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """The first observation and info; ValueError if `options` asks for a node that walks cannot visit."""
        super().reset(seed=seed)
        node = (options or {}).get("node")
        if node is None:
            node = self.np_random.choice(self.tree.num_nodes, p=self._start_law)
        elif not 0 <= node < self.tree.nodes_within(self._floor):
            raise ValueError(
                f"options['node'] = {node}: choose a node in 0..{self.tree.nodes_within(self._floor) - 1}."
            )
        self._node, self._step = int(node), 0
        return self._observation(), self._info()

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Observation, reward 0, never terminated, truncated after `length` observations, info."""
        if not self.action_space.contains(action):
            raise ValueError(f"action = {action!r}: choose an integer in 0..{self.tree.branching}.")
        if self._mask()[int(action)]:
            self._node = self._target(int(action))
        self._step += 1
        return self._observation(), 0.0, False, self._step >= self.length - 1, self._info()

    def render(self) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The path from the root as branch numbers, such as "root/2/0"; None without a mode."""
        if self.render_mode is None:
            return None
        path, node = [], self._node
        while node > 0:
            path.append(str(int(self.tree.branch[node])))
            node = int(self.tree.parent[node])
        return "/".join(["root", *reversed(path)])

    def _target(self, action: int) -> int:
        return int(self.tree.parent[self._node]) if action == 0 else self.tree.branching * self._node + action

    def _mask(self) -> NDArray[np.int8]:
        mask = np.full(self.tree.branching + 1, int(self.tree.node_depth[self._node]) < self._floor, dtype=np.int8)
        mask[0] = self._node > 0
        return mask

    def _observation(self) -> Observation:
        return self.tree.observe(torch.tensor(self._node)).numpy().copy()

    def _info(self) -> dict[str, Any]:
        return {
            "node": self._node,
            "depth": int(self.tree.node_depth[self._node]),
            "branch": int(self.tree.branch[self._node]),
            "action_mask": self._mask(),
        }


def register() -> None:
    """Makes `hrssm/TreeMDP-v0` known to Gymnasium; a second call does nothing."""
    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(ENVIRONMENT_ID, entry_point="hrssm.environments.gym:TreeEnvironment")


register()
