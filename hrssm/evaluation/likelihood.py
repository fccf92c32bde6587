"""Likelihoods of images with all their constants, and the importance-weighted bound on log p(x), in nats.

log p(x) = log E_q[w], w = p(x, z) / q(z | x), so the mean of S weights bounds it from below in expectation, the tighter
the more there are (`iwae-order`); S = 1 is the evidence lower bound. Burda, Grosse, Salakhutdinov (2016), "Importance
weighted autoencoders", ICLR.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Bernoulli", "Bound", "Gaussian", "Likelihood", "bound", "importance_bound"]


class Bernoulli:
    """Binary pixels; the network's output holds their logits. Probabilities of images, so the unit is the nat."""

    binary = True

    def log_prob(self, output: Tensor, images: Tensor) -> Tensor:
        """log p(x) (...), summed over channels and pixels; output and images (..., C, H, W), images 0 or 1."""
        return -F.binary_cross_entropy_with_logits(output, images.expand_as(output), reduction="none").sum((-3, -2, -1))

    def mean(self, output: Tensor) -> Tensor:
        """The expected image, in [0, 1]."""
        return torch.sigmoid(output)


class Gaussian:
    """Pixels of one known standard deviation about the output's tanh; their unit is that of [-1, 1].

    ``scale`` sqrt(1/2) makes -log p a squared error and a constant, which GM-VAE (Cho, Lee, Kim 2023) drops: D/2
    log(pi) for D pixels and channels. Here it is kept. In units of [0, 1] log p is larger by D log 2. Raises ValueError
    for a scale that is not positive.
    """

    binary = False

    def __init__(self, scale: float = math.sqrt(0.5)) -> None:
        if not scale > 0:
            raise ValueError(f"scale = {scale}: a standard deviation is positive")
        self.scale = scale

    def log_prob(self, output: Tensor, images: Tensor) -> Tensor:
        """log p(x) (...), summed over channels and pixels; output and images (..., C, H, W), images in [0, 1]."""
        error = ((2 * images - 1 - torch.tanh(output)) / self.scale).square().sum((-3, -2, -1))
        return -0.5 * error - math.prod(output.shape[-3:]) * (0.5 * math.log(2 * math.pi) + math.log(self.scale))

    def mean(self, output: Tensor) -> Tensor:
        """The expected image, in [0, 1]."""
        return (torch.tanh(output) + 1) / 2


Likelihood = Bernoulli | Gaussian


@dataclass(frozen=True)
class Bound:
    """Bounds on log p(x) in nats, each a tensor of one shape (an entry per image, or per mean over images).

    bound: from all S weights. bound_error: its Monte Carlo standard error, by the jackknife over the weights; it grows
    when few weights carry all, where a delta-method error would not. fewer: the mean of the S bounds that leave one
    weight out, never above ``bound`` (`iwae-order`). elbo: the mean log weight. elbo_error: its standard error.
    effective: the effective number of weights, (sum w)^2 / sum w^2, in [1, S].
    """

    bound: Tensor
    bound_error: Tensor
    fewer: Tensor
    elbo: Tensor
    elbo_error: Tensor
    effective: Tensor

    def mean(self) -> Bound:
        """The mean over the last axis, the images; errors are those of the mean, of independent draws."""
        count = self.bound.shape[-1]
        values = {
            f.name: getattr(self, f.name).square().sum(-1).sqrt() / count
            if f.name.endswith("_error")
            else getattr(self, f.name).mean(-1)
            for f in fields(self)
        }
        return Bound(**values)


def importance_bound(log_weights: Tensor) -> Bound:
    """The bounds from log weights (S, ...), each entry of the result (...).

    With a single weight its errors are NaN, and ``fewer`` is -inf. Worked out in float64 on the processor.
    """
    log_w = log_weights.cpu().double()
    count = len(log_w)
    total = torch.logsumexp(log_w, 0)
    none = torch.full_like(log_w[:1], -math.inf)
    before = torch.cat((none, torch.logcumsumexp(log_w, 0)[:-1]))
    after = torch.cat((none, torch.logcumsumexp(log_w.flip(0), 0)[:-1])).flip(0)
    # without each weight in turn; not total minus it, which cancels where it carries all
    without = torch.logaddexp(before, after) - (math.log(count - 1) if count > 1 else 0.0)
    spread = (without - without.mean(0)).square().sum(0) * (count - 1) / count
    error = spread.sqrt() if count > 1 else torch.full_like(total, math.nan)
    return Bound(
        bound=total - math.log(count),
        bound_error=error,
        fewer=without.mean(0),
        elbo=log_w.mean(0),
        elbo_error=log_w.std(0) / math.sqrt(count) if count > 1 else torch.full_like(total, math.nan),
        effective=torch.exp(2 * total - torch.logsumexp(2 * log_w, 0)),
    )


def bound(model: Callable[[Tensor, int], Tensor], x: Tensor, samples: int = 50, *, decoded: int = 2500) -> Bound:
    """The bounds on log p of each image x (..., N, C, H, W) under a model, in nats, entries (..., N).

    model(x, samples) draws that many z from its q(z | x) and returns log p(x, z) - log q(z | x), (samples, ..., N). It
    is called on as many images at once as need no more than about ``decoded`` decoded images. Raises ValueError for
    fewer than 1 sample.
    """
    if samples < 1:
        raise ValueError(f"samples = {samples}: give at least 1")
    with torch.no_grad():
        parts = [importance_bound(model(part, samples)) for part in x.split(max(1, decoded // samples), -4)]
    return Bound(**{f.name: torch.cat([getattr(part, f.name) for part in parts], -1) for f in fields(Bound)})
