"""The plain reference: one member, torch's own modules, one time step after the other, nothing taken off the loop.

It follows published.md line by line and shares no code with hrssm.systems.rssm; the tests hold the ensemble to it, and
benchmarks/training.py measures the ensemble against it.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from tests.networks.plain import Plain, fill


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ELU()]
    return nn.Sequential(*layers[:-1])


class StepByStep(nn.Module):
    """The write-up's RSSM with an HG latent (one fibre scale) or a diagonal Gaussian one."""

    def __init__(self, family: str, dim: int, hidden: int, update: str = "gru") -> None:
        super().__init__()
        self.family, self.dim, self.hidden = family, dim, hidden
        outputs = dim + 2 if family == "hg" else 2 * dim
        self.encoder = mlp(64, 128, 128, 128)
        self.prior = mlp(hidden, hidden, hidden, outputs)
        self.posterior = mlp(hidden + 128, hidden, hidden, outputs)
        self.decoder = mlp(dim, hidden, hidden, 64)
        self.cell = Plain(update, dim, hidden)

    def split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        return raw[:, : self.dim], raw[:, self.dim :].exp().clamp(0.05, 5.0)

    def sample(self, raw: Tensor, noise: Tensor) -> Tensor:
        loc, scale = self.split(raw)
        if self.family == "gaussian":
            return loc + scale * noise
        tau = (loc[:, :1] + scale[:, :1] * noise[:, :1]).clamp(-8, 8)
        return torch.cat((tau, loc[:, 1:] + scale[:, 1:] * tau.exp() * noise[:, 1:]), 1)

    def kl(self, posterior: Tensor, prior: Tensor, log_drift_max: float) -> Tensor:
        (ml, ms), (pl, ps) = self.split(posterior), self.split(prior)
        if self.family == "gaussian":
            return (torch.log(ps / ms) + (ms**2 + (ml - pl) ** 2) / (2 * ps**2) - 0.5).sum(1)
        fibre_dim = self.dim - 1
        height = (
            torch.log(ps[:, 0] / ms[:, 0]) + (ms[:, 0] ** 2 + (ml[:, 0] - pl[:, 0]) ** 2) / (2 * ps[:, 0] ** 2) - 0.5
        )
        fibre = fibre_dim * (torch.log(ps[:, 1] / ms[:, 1]) + ms[:, 1] ** 2 / (2 * ps[:, 1] ** 2) - 0.5)
        moment = torch.exp((-2 * ml[:, 0] + 2 * ms[:, 0] ** 2).clamp(max=log_drift_max))
        drift = ((ml[:, 1:] - pl[:, 1:]) ** 2).sum(1) / (2 * ps[:, 1] ** 2) * moment
        return height + fibre + drift

    def loss(self, observations: Tensor, noise: Tensor, *, weight: float = 1.0, log_drift_max: float = 10.0) -> Tensor:
        """The published loss on observations (T, B, D) with base noise (T, B, d)."""
        state = observations.new_zeros(observations.shape[1], self.cell.width)
        errors, kls = [], []
        for o, eps in zip(observations, noise, strict=True):
            h = self.cell.visible(state)
            prior = self.prior(h)
            posterior = self.posterior(torch.cat((h, self.encoder(o)), 1))
            z = self.sample(posterior, eps)
            errors.append((self.decoder(z) - o) ** 2)
            kls.append(self.kl(posterior, prior, log_drift_max))
            state = self.cell(z, state)
        return torch.stack(errors).mean() + weight * torch.stack(kls).mean()

    @torch.no_grad()
    def load_member(self, state: dict[str, Tensor], member: int) -> None:
        """Take over the weights of one member of an hrssm.systems.rssm.model.RSSM state dict."""
        s = {name: tensor[member] for name, tensor in state.items()}

        for net, prefix in ((self.encoder, "encoder"), (self.prior, "prior_head"), (self.decoder, "decoder")):
            for k, linear in enumerate(m for m in net if isinstance(m, nn.Linear)):
                fill(linear, s[f"{prefix}.layers.{k}.weight"], s[f"{prefix}.layers.{k}.bias"])
        first, hidden, head = (m for m in self.posterior if isinstance(m, nn.Linear))
        fill(first, torch.cat((s["posterior_state"], s["posterior_evidence"])), s["posterior_bias"])
        fill(hidden, s["posterior_hidden.weight"], s["posterior_hidden.bias"])
        fill(head, s["posterior_head.weight"], s["posterior_head.bias"])
        cell = {name.removeprefix("cell."): t for name, t in state.items() if name.startswith("cell.")}
        self.cell.load_member(cell, member)
