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
