"""Attention on the Poincare ball that is covariant: scores from invariants, outputs from what is carried to the point.

It answers with scalars, which no isometry changes, and with vectors in the orthonormal frame at the point, which
isometries turn. `PlainBody` is its control: an MLP of equal size on the bare coordinates, to which isometries mean
nothing.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrssm.networks.layers import MLP, Generators, Linear
from hrssm.networks.tokens import View

__all__ = ["Answer", "CovariantAttention", "PlainBody", "parameters_per_member"]


class Answer(NamedTuple):
    """scalars (M, B, S) and vectors (M, B, C, D), the latter by components in the orthonormal frame at the point."""

    scalars: Tensor
    vectors: Tensor


class CovariantAttention(nn.Module):
    """A point attends to N tokens that it sees.

    A token's invariants and label make its features x_n; a softmax of their scores makes weights; the pooled features
    make the scalars, and gate the coefficients with which each token's basis enters the vectors:

        x_n = silu(I_n W + label_n W'),  a = softmax(x_n . w / sqrt(width)),  y = sum a_n x_n,
        scalars = silu(y R) R',  vectors = sum_n a_n ((x_n * 2 sigmoid(y G)) C) . basis_n.
    """

    def __init__(
        self, generators: Generators, *, vectors_seen: int, labels: int, width: int, scalars: int = 0, vectors: int = 0
    ) -> None:
        super().__init__()
        self.from_invariants = Linear(generators, 2 + vectors_seen, width)
        self.from_label = Linear(generators, labels, width)
        self.score = Linear(generators, width, 1)
        self.inner = Linear(generators, width, width) if scalars else None
        self.outer = Linear(generators, width, scalars) if scalars else None
        self.gate = Linear(generators, width, width) if vectors else None
        self.coefficients = Linear(generators, width, vectors * (1 + vectors_seen)) if vectors else None
        self.width, self.vectors = width, vectors

    def features(self, view: View) -> Tensor:
        """x (M, B, N, width)."""
        return F.silu(_rows(self.from_invariants, view.invariants) + _rows(self.from_label, view.label))

    def forward(self, view: View) -> Answer:
        """The answer to points that see these tokens."""
        x = self.features(view)
        members, points, tokens, _ = x.shape
        weights = torch.softmax(_rows(self.score, x) / math.sqrt(self.width), 2)  # (M, B, N, 1)
        pooled = (weights * x).sum(2)
        dimension = view.basis.shape[-1]
        scalars = x.new_zeros(members, points, 0)
        if self.inner and self.outer:
            scalars = self.outer(F.silu(self.inner(pooled)))
        if not (self.gate and self.coefficients):
            return Answer(scalars, x.new_zeros(members, points, 0, dimension))
        gated = x * (2 * torch.sigmoid(self.gate(pooled))).unsqueeze(2)
        coefficients = weights * _few(self.coefficients, gated)
        mix = coefficients.reshape(members, points, tokens, self.vectors, -1).transpose(2, 3).flatten(3)
        return Answer(scalars, mix @ view.basis.flatten(2, 3))


class PlainBody(nn.Module):
    """An MLP from numbers (M, B, inputs) to an answer, as wide as makes about `parameters` per member."""

    def __init__(
        self,
        generators: Generators,
        inputs: int,
        dimension: int,
        *,
        parameters: int,
        scalars: int = 0,
        vectors: int = 0,
    ) -> None:
        super().__init__()
        outputs = scalars + vectors * dimension
        # w^2 + (inputs + outputs + 2) w + outputs parameters at width w
        slope = inputs + outputs + 2
        width = max(1, round((math.sqrt(slope**2 + 4 * max(parameters - outputs, 0)) - slope) / 2))
        self.layers = MLP(generators, inputs, width, width, outputs)
        self.scalars, self.dimension = scalars, dimension

    def forward(self, x: Tensor) -> Answer:
        """The answer to the numbers x; its vectors are bare components."""
        out = self.layers(x)
        return Answer(out[..., : self.scalars], out[..., self.scalars :].unflatten(-1, (-1, self.dimension)))


def parameters_per_member(module: nn.Module) -> int:
    """How many numbers one member of a module trains."""
    return sum(p[0].numel() for p in module.parameters())


class _Few(torch.autograd.Function):
    """x (M, R, in) times a weight (M, in, out) of few outputs, as (out, in) times (in, R).

    A product of few columns is several times slower than one of few rows; left to autograd, the transposes would
    come back as gradients whose memory runs the other way, and slow down what they are added to.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x, weight)
        return (weight.transpose(1, 2) @ x.transpose(1, 2)).transpose(1, 2)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        return grad @ weight.transpose(1, 2), (grad.transpose(1, 2) @ x).transpose(1, 2)


def _few(layer: Linear, x: Tensor) -> Tensor:
    """A layer with few outputs on the last axis of (M, B, N, in)."""
    rows: Tensor = _Few.apply(x.flatten(1, 2), layer.weight)  # type: ignore[assignment]
    return (rows + layer.bias).unflatten(1, x.shape[1:3])


def _rows(layer: Linear, x: Tensor) -> Tensor:
    """A layer on the last axis of (M, B, N, in)."""
    return layer(x.flatten(1, 2)).unflatten(1, x.shape[1:3])
