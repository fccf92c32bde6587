"""The world model: what is seen becomes a state (z, h), and actions move it, with nothing seen, in imagination.

Step t of a window pairs z_(t-1) and the action taken there, a_(t-1), with what is seen at t: the published code pairs
z_(t-1) with a_t in training and with a_(t-1) in acting. Shapes: members M, steps T, windows B, state Z, width W.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrssm.latents.family import LatentFamily
from hrssm.networks.convolution import ImageDecoder, ImageEncoder
from hrssm.networks.layers import Generators, LayerNorm, Linear, NormedMLP
from hrssm.networks.twohot import TwoHot, symlog
from hrssm.systems.hieros.recurrence import GRURecurrence, Recurrence, S5Recurrence
from hrssm.systems.hieros.settings import WorldModel as Settings

__all__ = ["Moment", "Observed", "Window", "WorldModel"]


class Window(NamedTuple):
    """Steps that followed each other: observation (M, T, B, ...), action (M, T, B, A), taken at the step, reward
    (M, T, B), which came with the observation, first and terminal (M, T, B) bool."""

    observation: Tensor
    action: Tensor
    reward: Tensor
    first: Tensor
    terminal: Tensor


class Moment(NamedTuple):
    """The state of the world model at one step: stoch (M, B, Z), deter (M, B, W), the recurrence's own, and the law of
    stoch that it was drawn from (M, B, P)."""

    stoch: Tensor
    deter: Tensor
    state: Tensor
    law: Tensor

    @property
    def features(self) -> Tensor:
        """What heads, actors and critics read: z and h, (M, B, Z + W)."""
        return torch.cat((self.stoch, self.deter), -1)


class Observed(NamedTuple):
    """The world model along a window: `Moment`'s parts with a step axis, laws of z with and without the observation."""

    stoch: Tensor
    deter: Tensor
    state: Tensor
    posterior: Tensor
    prior: Tensor

    @property
    def features(self) -> Tensor:
        """z and h, (M, T, B, Z + W)."""
        return torch.cat((self.stoch, self.deter), -1)

    def moments(self) -> Moment:
        """Every step of every window as a moment of its own (M, T B, ...), without gradients."""
        return Moment(*(x.detach().flatten(1, 2) for x in (self.stoch, self.deter, self.state, self.posterior)))


class WorldModel(nn.Module):
    """Encoder, recurrence, prior and heads, for observations of a shape: (D,), or (64, 64, C) in bytes.

    The posterior of z sees the observation alone; the prior sees what the recurrence makes of the past. At the first
    step of an episode there is no past: z and action before it count as zeros.
    """

    def __init__(
        self, settings: Settings, family: LatentFamily, observation: tuple[int, ...], actions: int, g: Generators
    ) -> None:
        super().__init__()
        self.settings, self.family, self.actions = settings, family, actions
        self.images = len(observation) == 3
        hidden, width = [settings.hidden] * settings.layers, settings.width
        features = family.dim + width
        self.encoder: nn.Module
        self.decoder: nn.Module
        if self.images:
            channels, depth = observation[-1], settings.image_depth
            self.encoder = ImageEncoder(g, channels, depth, activation=F.silu, normalise=True)
            self.decoder = ImageDecoder(g, features, channels, depth, activation=F.silu, normalise=True)
            embedding = self.encoder.features
        else:
            self.encoder = NormedMLP(g, observation[0], *hidden)
            self.decoder = NormedMLP(g, features, *hidden, observation[0])
            embedding = settings.hidden
        self.posterior = NormedMLP(g, embedding, settings.hidden, family.num_parameters)
        self.join, self.join_norm = Linear(g, family.dim + actions, width), LayerNorm(g, width)
        learned = settings.initial == "learned"
        self.recurrence: Recurrence = (
            S5Recurrence(g, width, settings.states, depth=settings.depth, blocks=settings.blocks, learned=learned)
            if settings.recurrence == "s5"
            else GRURecurrence(g, width, learned=learned)
        )
        self.prior = NormedMLP(g, width, settings.hidden, family.num_parameters)
        self.twohot = TwoHot()
        self.reward = NormedMLP(g, features, *hidden, self.twohot.bins, zero=True)
        self.going_on = NormedMLP(g, features, *hidden, 1)

    def observe(self, window: Window, noise: Tensor) -> Observed:
        """Filter windows, each from nothing; noise (M, T, B, family.noise_dim) draws the states."""
        posterior = self.posterior(self.encoder(self._seen(window.observation.flatten(1, 2))))
        posterior = posterior.unflatten(1, window.first.shape[1:])
        stoch = self.family.sample(posterior, noise)
        resets = torch.cat((torch.ones_like(window.first[:, :1]), window.first[:, 1:]), 1)
        before = torch.cat((stoch, window.action), -1)
        before = torch.cat((torch.zeros_like(before[:, :1]), before[:, :-1]), 1)
        inputs = self._joined((before * ~resets[..., None]).flatten(1, 2)).unflatten(1, resets.shape[1:])
        features, deter, state = self.recurrence.observe(inputs, self.recurrence.initial(resets.shape[2]), resets)
        prior = self.prior(features.flatten(1, 2)).unflatten(1, resets.shape[1:])
        return Observed(stoch, deter, state, posterior, prior)

    def loss(self, observed: Observed, window: Window) -> dict[str, Tensor]:
        """What is minimised and its parts, each (M,): means over steps and windows, of sums over coordinates."""
        rows = observed.features.flatten(1, 2)
        continues = (~window.terminal).to(rows).flatten(1, 2)
        target = self._seen(window.observation.flatten(1, 2))
        logits = self.going_on(rows).squeeze(-1)
        parts = {
            "reconstruction": (self.decoder(rows) - target).square().flatten(2).sum(-1),
            "reward_loss": -self.twohot.log_prob(self.reward(rows), window.reward.flatten(1, 2)),
            "continue_loss": F.binary_cross_entropy_with_logits(logits, continues, reduction="none"),
        }
        laws = observed.posterior, observed.prior
        dynamics = self._divergence(laws[0].detach(), laws[1], observed.stoch.detach())
        representation = self._divergence(laws[0], laws[1].detach(), observed.stoch)
        free = self.settings.free_nats
        report = {name: value.mean(1) for name, value in parts.items()} | {"kl": dynamics.detach().flatten(1).mean(1)}
        # Each element is held at the free nats before the mean: one that is far off does not hide one that is near.
        held = [kl.clamp(min=free).flatten(1).mean(1) for kl in (dynamics, representation)]
        weights = self.settings.dynamics, self.settings.representation
        report["loss"] = sum(value.mean(1) for value in parts.values()) + weights[0] * held[0] + weights[1] * held[1]
        return report

    def begin(self, batch: int) -> Moment:
        """Before anything was seen."""
        state = self.recurrence.initial(batch)
        like = next(self.posterior.parameters())
        sizes = self.family.dim, self.settings.width, self.family.num_parameters
        stoch, deter, law = (like.new_zeros(len(like), batch, size) for size in sizes)
        return Moment(stoch, deter, state, law)

    def prepare(self) -> Any:
        """What single steps share until the weights change."""
        return self.recurrence.prepare()

    def imagine(self, moment: Moment, action: Tensor, noise: Tensor, prepared: Any) -> Moment:
        """The moment after an action (M, B, A), with z drawn from the prior by noise (M, B, noise_dim)."""
        features, deter, state = self._step(moment, action, prepared)
        law = self.prior(features)
        return Moment(self.family.sample(law, noise), deter, state, law)

    def perceive(
        self, moment: Moment, action: Tensor, observation: Tensor, noise: Tensor, prepared: Any, *, first: bool
    ) -> Moment:
        """The moment after an action, with z drawn from the posterior given what is seen (M, B, ...)."""
        if first:
            moment, action = self.begin(len(observation[0])), torch.zeros_like(action)
        _, deter, state = self._step(moment, action, prepared)
        law = self.posterior(self.encoder(self._seen(observation)))
        return Moment(self.family.sample(law, noise), deter, state, law)

    def predicted_reward(self, features: Tensor) -> Tensor:
        """The mean reward (M, N) at features (M, N, Z + W)."""
        return self.twohot.mean(self.reward(features))

    def predicted_continue(self, features: Tensor) -> Tensor:
        """The probability (M, N) that the episode goes on."""
        return self.going_on(features).squeeze(-1).sigmoid()

    def _step(self, moment: Moment, action: Tensor, prepared: Any) -> tuple[Tensor, Tensor, Tensor]:
        inputs = self._joined(torch.cat((moment.stoch, action), -1))
        return self.recurrence.step(inputs, moment.state, prepared)

    def _joined(self, rows: Tensor) -> Tensor:
        return F.silu(self.join_norm(self.join(rows)))

    def _divergence(self, posterior: Tensor, prior: Tensor, stoch: Tensor) -> Tensor:
        terms = self.family.kl_terms(posterior, prior, stoch, log_drift_max=None)
        return torch.stack(list(terms.values())).sum(0)

    def _seen(self, observation: Tensor) -> Tensor:
        """Observations (M, N, ...) as networks see them: images in [-1/2, 1/2], channels first; vectors in symlog."""
        if self.images:
            return observation.movedim(-1, -3).float() / 255 - 0.5
        return symlog(observation)
