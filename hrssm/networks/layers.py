"""Layers with a leading member axis: an ensemble of M networks is one batched network.

Inputs and outputs are ``(members, rows, features)``; weights are ``(members, in, out)``. A member's weights are drawn
from its own generator, so that it does not matter which members are built beside it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Generators = Sequence[torch.Generator]


def uniform(generators: Generators, *shape: int, bound: float) -> nn.Parameter:
    """A parameter ``(members, *shape)`` of U(-bound, bound), member k drawn from ``generators[k]``."""
    draws = [torch.rand(shape, generator=g, device=g.device) for g in generators]
    return nn.Parameter((torch.stack(draws) * 2 - 1) * bound)


def normal(generators: Generators, *shape: int, scale: float = 1.0) -> nn.Parameter:
    """A parameter ``(members, *shape)`` of N(0, scale^2), member k drawn from ``generators[k]``."""
    return nn.Parameter(torch.stack([torch.randn(shape, generator=g, device=g.device) for g in generators]) * scale)


class Linear(nn.Module):
    """An affine map per member, (M, N, in) to (M, N, out), with torch's default initialisation U(+-1/sqrt(in))."""

    def __init__(self, generators: Generators, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = uniform(generators, inputs, outputs, bound=1 / math.sqrt(inputs))
        self.bias = uniform(generators, 1, outputs, bound=1 / math.sqrt(inputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class MLP(nn.Module):
    """Affine maps with ELU between them; ``sizes`` lists the widths from input to output."""

    def __init__(self, generators: Generators, *sizes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(generators, a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.elu(layer(x))
        return self.layers[-1](x)


class LayerNorm(nn.Module):
    """torch.nn.LayerNorm over the last axis of (M, N, H), with a gain and a bias per member: 1 and 0 at first."""

    def __init__(self, generators: Generators, width: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        device = generators[0].device
        self.gain = nn.Parameter(torch.ones(len(generators), 1, width, device=device))
        self.bias = nn.Parameter(torch.zeros(len(generators), 1, width, device=device))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias, self.gain, F.layer_norm(x, x.shape[-1:], eps=self.eps))


class NormedMLP(nn.Module):
    """Affine maps, each but the last followed by layer normalisation and SiLU; ``sizes`` from input to output.

    ``zero`` starts the last map at zero, so that the network's first word is the same for every input. These are the
    networks of DreamerV3 (Hafner et al., 2023, arXiv 2301.04104).
    """

    def __init__(self, generators: Generators, *sizes: int, zero: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(generators, a, b) for a, b in itertools.pairwise(sizes))
        self.norms = nn.ModuleList(LayerNorm(generators, width) for width in sizes[1:-1])
        if zero:
            for parameter in self.layers[-1].parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = F.silu(norm(layer(x)))
        return self.layers[-1](x)
