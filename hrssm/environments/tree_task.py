"""Tasks on the tree: reach one hidden leaf, or several in a hidden order, from the root.

Importing this module registers `hrssm/TreeTask-v0`.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from hrssm.environments.gym import Observation, TreeEnvironment

__all__ = ["ENVIRONMENT_ID", "TreeTask"]

ENVIRONMENT_ID = "hrssm/TreeTask-v0"


class TreeTask(TreeEnvironment):
    """A `TreeEnvironment` whose episodes start at the root and reward 1 for each of ``goals`` leaves, in their order.

    Which leaves they are is drawn from ``task_seed``, and no observation shows it: an agent finds them by trying. Nor
    does one show which of them is next: with two goals and more, an agent without memory passes the same nodes before
    and after the first and cannot tell which way to turn. An episode terminates with the last goal, and is truncated
    after ``length`` observations. ``info`` holds "reached", the number of goals so far, beside the environment's own.

    Raises ValueError unless there are 1 to B^depth goals.

    >>> env = TreeTask(branching=2, depth=2, goals=1)
    >>> _ = env.reset(seed=0)
    >>> int(env.tree.node_depth[env.goal_nodes[0]])
    2
    """

    def __init__(
        self,
        branching: int = 3,
        depth: int = 4,
        *,
        goals: int = 1,
        task_seed: int = 0,
        length: int = 20,
        **options: Any,
    ) -> None:
        super().__init__(branching, depth, length=length, **options)
        leaves = branching**depth
        if not 1 <= goals <= leaves:
            raise ValueError(f"goals = {goals}: choose 1 to {leaves}, the number of leaves.")
        drawn = np.random.default_rng(task_seed).permutation(leaves)[:goals]
        self.goal_nodes = tuple(int(leaf) + self.tree.num_nodes - leaves for leaf in drawn)
        self._reached = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """The first observation and info; ``options={"node": k}`` starts at node k instead of the root."""
        self._reached = 0
        return super().reset(seed=seed, options={"node": 0, **(options or {})})

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Observation, reward 1 where the next goal is reached and 0 elsewhere, whether it was the last, truncated,
        info."""
        observation, _, _, truncated, info = super().step(action)
        hit = self._reached < len(self.goal_nodes) and info["node"] == self.goal_nodes[self._reached]
        self._reached += hit
        done = self._reached == len(self.goal_nodes)
        return observation, float(hit), done, truncated and not done, info | {"reached": self._reached}

    def _info(self) -> dict[str, Any]:
        return super()._info() | {"reached": self._reached}


def register() -> None:
    """Makes `hrssm/TreeTask-v0` known to Gymnasium; a second call does nothing."""
    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(ENVIRONMENT_ID, entry_point="hrssm.environments.tree_task:TreeTask")


register()
