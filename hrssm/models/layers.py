"""Layers with a leading member axis: an ensemble of M networks is one batched network.

Inputs and outputs are ``(members, rows, features)``; weights are ``(members, in, out)``. A member's weights are drawn from
its own generator, so that it does not matter which members are built beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

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
        self.layers = nn.ModuleList(Linear(generators, a, b) for a, b in zip(sizes, sizes[1:], strict=False))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.elu(layer(x))
        return self.layers[-1](x)


class DeferredGradient:
    """Gathers, over the steps of one recurrence, what the gradient of a shared affine map needs.

    Autograd would form one weight gradient a step and add them up: T thin products and T passes over the weight. Here each
    step leaves its input and its output gradient behind, and the sum over steps is one product over T times as many rows.
    The result is the same sum in another order of additions.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.inputs: list[Tensor] = []
        self.gradients: list[Tensor] = []
        self.weight, self.bias = cast(tuple[Tensor, Tensor], _Collect.apply(self, weight, bias))

    def __call__(self, x: Tensor) -> Tensor:
        """The affine map at one step, (M, N, in) to (M, N, out)."""
        return cast(Tensor, _Step.apply(self, x, self.weight, self.bias))


class _Collect(torch.autograd.Function):
    """Identity on the parameters; its backward runs once every step's backward has run."""

    @staticmethod
    def forward(ctx: Any, store: DeferredGradient, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        ctx.store = store
        ctx.set_materialize_grads(False)
        return weight.view_as(weight), bias.view_as(bias)

    @staticmethod
    def backward(ctx: Any, *_: Tensor | None) -> tuple[None, Tensor | None, Tensor | None]:
        store = ctx.store
        if not store.gradients:
            return None, None, None
        inputs, gradients = torch.cat(store.inputs, 1), torch.cat(store.gradients, 1)
        store.inputs, store.gradients = [], []
        return None, inputs.transpose(1, 2) @ gradients, gradients.sum(1, keepdim=True)


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, store: DeferredGradient, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.store = store
        ctx.save_for_backward(x, weight)
        return torch.baddbmm(bias, x, weight)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, Tensor, None, None]:
        (gradient,) = grad_outputs
        x, weight = ctx.saved_tensors
        ctx.store.inputs.append(x)
        ctx.store.gradients.append(gradient)
        return None, gradient @ weight.transpose(1, 2), None, None


class GRUCell(nn.Module):
    """The gated recurrent unit of torch.nn.GRUCell with a member axis, split in its two affine maps and its gates.

    ``input_map`` and ``state_map`` give (M, N, 3 H) in the order reset, update, candidate; ``gates`` joins them with the
    previous state into the next one. Initialised as torch's, U(+-1/sqrt(H)).
    """

    def __init__(self, generators: Generators, inputs: int, hidden: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.input_weight = uniform(generators, inputs, 3 * hidden, bound=bound)
        self.state_weight = uniform(generators, hidden, 3 * hidden, bound=bound)
        self.input_bias = uniform(generators, 1, 3 * hidden, bound=bound)
        self.state_bias = uniform(generators, 1, 3 * hidden, bound=bound)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """The next state, from the input (M, N, in) and the state (M, N, H)."""
        from_input = torch.baddbmm(self.input_bias, x, self.input_weight)
        return gru_gates(from_input, torch.baddbmm(self.state_bias, h, self.state_weight), h)


def gru_gates(from_input: Tensor, from_state: Tensor, h: Tensor) -> Tensor:
    """The gates of a GRU: reset r, update u, candidate n, next state n + u (h - n)."""
    return cast(Tensor, _Gates.apply(from_input, from_state, h))


class _Gates(torch.autograd.Function):
    """The gates with their derivative written out: one pass instead of some twenty small autograd nodes a step."""

    @staticmethod
    def forward(ctx: Any, from_input: Tensor, from_state: Tensor, h: Tensor) -> Tensor:
        width = h.shape[-1]
        ru = (from_input[..., : 2 * width] + from_state[..., : 2 * width]).sigmoid_()
        r, u = ru.chunk(2, -1)
        state_candidate = from_state[..., 2 * width :]
        n = torch.addcmul(from_input[..., 2 * width :], r, state_candidate).tanh_()
        ctx.save_for_backward(ru, n, state_candidate, h)
        return torch.lerp(n, h, u)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (g,) = grad_outputs
        ru, n, state_candidate, h = ctx.saved_tensors
        width = h.shape[-1]
        r, u = ru.chunk(2, -1)
        grad_input = torch.empty((*h.shape[:-1], 3 * width), dtype=h.dtype, device=h.device)
        grad_h = g * u
        torch.mul((g - grad_h), 1 - n * n, out=grad_input[..., 2 * width :])  # through tanh
        grad_candidate = grad_input[..., 2 * width :]
        torch.mul(grad_candidate, state_candidate, out=grad_input[..., :width])
        torch.mul(g, h - n, out=grad_input[..., width : 2 * width])
        grad_input[..., : 2 * width].mul_(ru - ru * ru)  # through the sigmoids
        grad_state = grad_input.clone()
        grad_state[..., 2 * width :].mul_(r)
        return grad_input, grad_state, grad_h
