"""Actor and critics on the world model's states, and what they learn from imagined steps.

Shapes: members M, starts N, imagined steps H. Step k of a trajectory is where the k-th action is chosen, step 0 the
start; there are H + 1 states for H actions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hrssm.latents.one_hot import OneHot
from hrssm.networks.layers import Generators, NormedMLP
from hrssm.networks.twohot import TwoHot, symlog
from hrssm.systems.hieros.settings import ActorCritic as Settings

__all__ = ["Actor", "Critic", "Spread", "discounts", "returns"]


class Choice(NamedTuple):
    """Actions as one-hot columns (M, N, A), their log-probabilities and the policy's entropy (M, N)."""

    action: Tensor
    log_prob: Tensor
    entropy: Tensor


class Actor(nn.Module):
    """A policy over one-hot columns, one per cent of each uniform.

    One variable is a choice among actions; several are a code, as a higher level sets it for a lower one.
    """

    def __init__(self, settings: Settings, inputs: int, columns: OneHot, g: Generators) -> None:
        super().__init__()
        self.columns = columns
        self.network = NormedMLP(g, inputs, *[settings.hidden] * settings.layers, columns.size, zero=True)

    def forward(self, inputs: Tensor, noise: Tensor) -> Choice:
        """Choose at inputs (M, N, ...); noise (M, N, A) as `OneHot.noise` gives it."""
        p = self.columns.probabilities(self.network(inputs))
        action = self.columns.coded(self.columns.draw(p, noise), p.dtype)
        logs = p.log()
        log_prob = (action * logs.flatten(-2)).sum(-1)
        return Choice(action, log_prob, -(p * logs).sum((-2, -1)))


class Critic(nn.Module):
    """The value of a stream of rewards as a law over bins, with a slow copy of itself that steadies it."""

    def __init__(self, settings: Settings, inputs: int, g: Generators) -> None:
        super().__init__()
        self.rate, self.twohot = settings.slow, TwoHot()
        sizes = inputs, *[settings.hidden] * settings.layers, self.twohot.bins
        self.fast, self.slow = NormedMLP(g, *sizes, zero=True), NormedMLP(g, *sizes, zero=True)
        self.slow.load_state_dict(self.fast.state_dict())
        self.slow.requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (M, N, bins)."""
        return self.fast(inputs)

    def value(self, logits: Tensor) -> Tensor:
        """The mean (M, N) of the law of logits."""
        return self.twohot.mean(logits)

    def loss(self, logits: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropies (M, N) with the returns ``targets``, and with the slow copy's own value."""
        with torch.no_grad():
            steady = self.value(self.slow(inputs))
        return -self.twohot.log_prob(logits, targets, steady)

    @torch.no_grad()
    def follow(self) -> None:
        """Let the slow copy take over its share of the fast one."""
        for slow, fast in zip(self.slow.parameters(), self.fast.parameters(), strict=True):
            slow.lerp_(fast, self.rate)


class Spread(nn.Module):
    """The range of returns between their 5th and 95th percentile, averaged over updates (M,)."""

    rate = 0.01

    def __init__(self, members: int, device: torch.device) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(members, device=device))
        self.register_buffer("high", torch.zeros(members, device=device))

    @torch.no_grad()
    def update(self, values: Tensor) -> Tensor:
        """Take in returns (M, ...); the scale (M,) to divide advantages by, at least 1."""
        rows = values.flatten(1)
        for name, share in (("low", 0.05), ("high", 0.95)):
            # kthvalue and not quantile, which refuses long rows
            found = rows.kthvalue(1 + round(share * (rows.shape[1] - 1)), 1).values
            self.get_buffer(name).lerp_(found, self.rate)
        return (self.get_buffer("high") - self.get_buffer("low")).clamp(min=1.0)


def returns(rewards: Tensor, continues: Tensor, values: Tensor, *, discount: float, trace: float) -> Tensor:
    """Lambda-returns (M, H, N): R_k = r_(k+1) + g c_(k+1) ((1 - l) v_(k+1) + l R_(k+1)), R_H = v_H.

    rewards, continues (M, H, N) of steps 1..H; values (M, H + 1, N) of all steps.
    """
    total, found = values[:, -1], []
    for k in reversed(range(rewards.shape[1])):
        total = rewards[:, k] + discount * continues[:, k] * torch.lerp(values[:, k + 1], total, trace)
        found.append(total)
    return torch.stack(found[::-1], 1)


def discounts(start: Tensor, continues: Tensor, *, discount: float) -> Tensor:
    """How much each of H steps counts (M, H, N): whether the start (M, N) is within an episode, times all factors up to
    the step."""
    steps = torch.cat((start[:, None], discount * continues[:, :-1]), 1)
    return steps.cumprod(1)


def actor_inputs(settings: Settings, features: Tensor, extras: dict[str, Tensor], *more: Tensor) -> Tensor:
    """Features with what else the actor is to see: symlog of predicted reward, continue probability and entropy
    (M, N) where the settings name them, then goals."""
    named: list[Any] = [symlog(extras[name]).unsqueeze(-1) for name in settings.inputs]
    return torch.cat((features, *named, *more), -1)
