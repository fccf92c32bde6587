"""The recurrent state-space model, with a member axis, and everything that depends only on h kept off its recurrent
path.

Shapes: members M, steps T, batch B, observation D, embedding E, latent d, head outputs P; deterministic state S, of
which the heads see H (all of it, but for an LSTM's cell).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrssm.latents.family import LatentFamily
from hrssm.networks.layers import MLP, Generators, Linear
from hrssm.networks.table import state_update
from hrssm.systems.rssm.recurrence import recur

PriorKind = Literal["plain", "action", "action-frozen"]
DecoderKind = Literal["flat", "aware", "gated"]


@dataclass(frozen=True)
class Rollout:
    """What the model made of a batch of walks.

    deter (M, T, B, S): h_t, the state *before* step t is seen; stoch (M, T, B, d): the sample z_t;
    posterior, prior (M, T, B, P): head outputs, which ``LatentFamily`` turns into distributions;
    reconstruction (M, T, B, D): the decoder's output on z_t.
    """

    deter: Tensor
    stoch: Tensor
    posterior: Tensor
    prior: Tensor
    reconstruction: Tensor


class RSSM(nn.Module):
    """Encoder, posterior, prior, decoder and GRU of the write-up (published.md), for any latent family.

    Per step: prior from h, posterior from (h, encoded observation), z from the posterior, reconstruction from z alone,
    h <- GRU(z, h); h starts at zero. ``update`` names another state update in the GRU's place (`hrssm.networks.table`).
    ``generators`` holds one generator per member, which draws its initial weights.
    """

    def __init__(
        self,
        family: LatentFamily,
        generators: Generators,
        *,
        observation_dim: int = 64,
        hidden: int = 256,
        embedding: int = 128,
        prior: PriorKind = "plain",
        decoder: DecoderKind = "flat",
        update: str = "gru",
    ) -> None:
        super().__init__()
        if prior != "plain" and not family.has_height:
            raise ValueError(
                f"prior {prior!r} shifts a height, and the {family.name} family has none: use prior 'plain'"
            )
        if decoder != "flat" and not family.has_height:
            raise ValueError(f"decoder {decoder!r} reads a height, and the {family.name} family has none: use 'flat'")
        self.family, self.members, self.hidden = family, len(generators), hidden
        self.encoder = MLP(generators, observation_dim, embedding, embedding, embedding)
        self.prior_head = MLP(generators, hidden, hidden, hidden, family.num_parameters)
        # The posterior's first layer sees (h, e); it is kept as two blocks because only the block of h is recurrent.
        joint = Linear(generators, hidden + embedding, hidden)
        self.posterior_state = nn.Parameter(joint.weight.data[:, :hidden].clone())
        self.posterior_evidence = nn.Parameter(joint.weight.data[:, hidden:].clone())
        self.posterior_bias = joint.bias
        self.posterior_hidden = Linear(generators, hidden, hidden)
        self.posterior_head = Linear(generators, hidden, family.num_parameters)
        self.decoder_kind = decoder
        features = family.dim + (2 if decoder != "flat" else 0)
        self.decoder = MLP(generators, features, hidden, hidden, observation_dim)
        self.cell = state_update(update, generators, family.dim, hidden)
        # softplus(-1) = 0.31: how far the prior's height moves after a deeper, and after a shallower, step.
        self.action_shift: nn.Parameter | None = None
        if prior != "plain":
            device = generators[0].device
            self.action_shift = nn.Parameter(
                torch.full((self.members, 2), -1.0, device=device), requires_grad=prior == "action"
            )

    def observe(self, observations: Tensor, actions: Tensor, noise: Tensor, *, gate: float = 1.0) -> Rollout:
        """Filter a batch of walks.

        observations (M, T, B, D); actions (M, T, B), the move that led to each step; noise (M, T, B, family.noise_dim);
        gate scales the geometry features of a gated decoder. Returns a Rollout.
        """
        members, steps, batch, width = observations.shape
        embedded = self.encoder(observations.reshape(members, steps * batch, width))
        evidence = (embedded @ self.posterior_evidence).view(members, steps, batch, self.hidden)
        posterior_weights = (
            self.posterior_state,
            self.posterior_bias,
            self.posterior_hidden.weight,
            self.posterior_hidden.bias,
            self.posterior_head.weight,
            self.posterior_head.bias,
        )
        states, latents, posterior = recur(self.family, self.cell, evidence, noise, posterior_weights)
        return Rollout(states, latents, posterior, self.prior(states, actions), self.decode(latents, gate=gate))

    def imagine(self, deter: Tensor, actions: Tensor, noise: Tensor, *, gate: float = 1.0) -> Rollout:
        """Roll the prior forward without observations.

        deter (M, B, S) is the state to start from; actions (M, T, B); noise (M, T, B, family.noise_dim). Returns a
        Rollout whose posterior is its prior.
        """
        h, states, latents, priors = deter, [], [], []
        for action, draw in zip(actions.unbind(1), noise.unbind(1), strict=True):
            raw = self.prior(h[:, None], action[:, None])[:, 0]
            z = self.family.sample(raw, draw)
            states.append(h)
            priors.append(raw)
            latents.append(z)
            h = self.cell(z, h)
        raws, z = torch.stack(priors, 1), torch.stack(latents, 1)
        return Rollout(torch.stack(states, 1), z, raws, raws, self.decode(z, gate=gate))

    def prior(self, deter: Tensor, actions: Tensor) -> Tensor:
        """Head outputs of the prior (M, T, B, P) from states (M, T, B, S) and the moves that led there (M, T, B)."""
        members, steps, batch, _ = deter.shape
        h = self.cell.visible(deter).reshape(members, steps * batch, self.hidden)
        raw = self.prior_head(h).view(members, steps, batch, -1)
        if self.action_shift is None:
            return raw
        deeper, shallower = F.softplus(self.action_shift)[:, :, None, None].unbind(1)
        shift = deeper * (actions > 0) - shallower * (actions < 0)
        return torch.cat((raw[..., :1] + shift[..., None], raw[..., 1:]), -1)

    def decode(self, stoch: Tensor, *, gate: float = 1.0) -> Tensor:
        """Reconstructions (M, T, B, D) of latents (M, T, B, d)."""
        features = stoch
        if self.decoder_kind != "flat":
            scale = gate if self.decoder_kind == "gated" else 1.0
            height, fibre = stoch[..., :1], stoch[..., 1:]
            norm = fibre.square().sum(-1, keepdim=True) * torch.exp(-2 * height)
            features = torch.cat((stoch, scale * torch.exp(height), scale * norm), -1)
        members, steps, batch, width = features.shape
        return self.decoder(features.reshape(members, steps * batch, width)).view(members, steps, batch, -1)
