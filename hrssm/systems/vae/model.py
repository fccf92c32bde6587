"""The variational autoencoder: encoder, latent law, decoder, likelihood, each with a member axis."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hrssm.evaluation.likelihood import Likelihood
from hrssm.latents.family import LatentFamily
from hrssm.networks.convolution import ImageDecoder, ImageEncoder
from hrssm.networks.layers import Generators, Linear

__all__ = ["VAE"]


class VAE(nn.Module):
    """An ensemble of VAEs. Images are (M, N, C, 64, 64) in [0, 1], latents (M, N, d), head outputs (M, N, P).

    family: makes the latent family from a curvature c, a number or, where it is learned, a tensor (M, 1, 1). geo: a
    head's location columns are a tangent vector at the origin, and the decoder reads the logarithm of a sample; else
    both are coordinates. The prior is the head's output zero: location at the origin, unit scales.
    """

    def __init__(
        self,
        family: Callable[[float | Tensor], LatentFamily],
        likelihood: Likelihood,
        generators: Generators,
        *,
        channels: int,
        depth: int,
        geo: bool,
        curvature: float,
        learned: bool,
    ) -> None:
        super().__init__()
        self._family, self.likelihood, self.geo, self.members = family, likelihood, geo, len(generators)
        self.plain = family(curvature)
        self.encoder = ImageEncoder(generators, channels, depth)
        self.head = Linear(generators, self.encoder.features, self.plain.num_parameters)
        self.decoder = ImageDecoder(generators, self.plain.dim, channels, depth)
        self.log_curvature: nn.Parameter | None = None
        if learned:
            start = torch.full((len(generators), 1), curvature, device=generators[0].device)
            self.log_curvature = nn.Parameter(start.log())

    @property
    def family(self) -> LatentFamily:
        """The latent family at the curvature as it stands; ``plain`` is the one of the curvature it began with."""
        if self.log_curvature is None:
            return self.plain
        return self._family(self.log_curvature.exp().unsqueeze(-1))

    def encode(self, images: Tensor) -> Tensor:
        """Head outputs of the posterior, the location as coordinates."""
        raw, family = self.head(self.encoder(images)), self.family
        if not self.geo:
            return raw
        return torch.cat((family.exp_origin(raw[..., : family.dim]), raw[..., family.dim :]), -1)

    def decode(self, stoch: Tensor) -> Tensor:
        """The likelihood's parameters (M, N, C, 64, 64) from latents."""
        return self.decoder(self.family.log_origin(stoch) if self.geo else stoch)

    def objective(self, images: Tensor, noise: Tensor, kl_weight: float = 1.0) -> dict[str, Tensor]:
        """Terms per member (M,), means over the batch: "loss", "reconstruction" (E log p(x | z)), "kl", its parts, and
        how often a bound acted. One sample of z from noise (M, N, d)."""
        family = self.family
        raw = self.encode(images)
        stoch = family.sample(raw, noise)
        reconstruction = self.likelihood.log_prob(self.decode(stoch), images).mean(1)
        terms = family.kl_terms(raw, torch.zeros_like(raw), stoch, log_drift_max=None)
        kl = torch.stack(list(terms.values())).sum(0).mean(1)
        report = {"loss": kl_weight * kl - reconstruction, "reconstruction": reconstruction, "kl": kl}
        report |= {f"kl_{name}": term.mean(1) for name, term in terms.items() if name != "kl"}
        return report | family.clamp_rates(raw.detach(), torch.zeros_like(raw), stoch, log_drift_max=None)

    def log_weights(self, images: Tensor, noise: Tensor, *, seen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """log p(x, z) - log q(z), and its part log p(x | z), each (S, M, N), for noise (M, S, N, d).

        q is the posterior given ``seen``, the images themselves unless others are given; any q makes a bound.
        """
        family = self.family
        draws = noise.transpose(0, 1)
        raw = self.encode(images if seen is None else seen)
        raw = raw.expand(len(draws), *raw.shape)
        stoch = family.sample(raw, draws)
        flat = stoch.transpose(0, 1).flatten(1, 2)
        output = self.decode(flat).unflatten(1, (len(draws), -1)).transpose(0, 1)
        fit = self.likelihood.log_prob(output, images)
        log_prior = family.distribution(torch.zeros_like(raw)).log_prob(stoch)
        return fit + log_prior - family.distribution(raw).log_prob(stoch), fit
