"""Long imagination: the prior rolled out far beyond the length of training, and what its state does on the way."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hrssm.environments.tree import TreeMDP
from hrssm.evaluation.growth import Growth, roll
from hrssm.systems.rssm.model import RSSM
from hrssm.systems.rssm.settings import Settings
from hrssm.systems.rssm.walking import training_region
from hrssm.training.seeds import generators

__all__ = ["imagine_long"]

ROWS = 16  # sequences that are rolled out


@torch.no_grad()
def imagine_long(settings: Settings, model: RSSM, tree: TreeMDP, seeds: Sequence[int], steps: int) -> Growth:
    """Observe a walk of the training length, then imagine ``steps`` more with the moves of a further walk; its growth.

    Walks and noise are each member's own, and the same for every model.
    """
    data, length = settings.data, settings.training.length
    walks = tree.walks(
        length + steps, ROWS, generators(seeds, "evaluation walks", tree.device), start=data.start,
        lazy=data.lazy, region=training_region(settings, tree),
    )  # fmt: skip
    streams = generators(seeds, "evaluation noise", tree.device)

    def noise(count: int) -> Tensor:
        return torch.stack([model.family.noise(g, count, ROWS) for g in streams])

    seen = tree.observe(walks.nodes[:, :length], generators(seeds, "evaluation observations", tree.device))
    rollout = model.observe(seen, walks.actions[:, :length], noise(length))
    state = model.cell(rollout.stoch[:, -1], rollout.deter[:, -1])
    actions = walks.actions[:, length:]

    def step(number: int, state: Tensor) -> Tensor:
        raw = model.prior(state[:, None], actions[:, number, None])[:, 0]
        return model.cell(model.family.sample(raw, noise(1)[:, 0]), state)

    growth = Growth(state)
    for states in roll(state, step, steps):
        growth.see(states)
    return growth
