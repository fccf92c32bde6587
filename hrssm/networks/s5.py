"""S5: linear state-space layers with a member axis, as the recurrent part of a world model.

A layer keeps P complex numbers per row that turn and decay, x_t = exp(Lambda Delta) x_(t-1) + B u_t, and puts out
y_t = Re(C x_t) + D u_t: no step waits for a nonlinearity, so all T are done in one scan. Shapes: members M, steps T,
batch B, width H, states P.

References: Smith et al., Simplified state space layers for sequence modeling (arXiv 2208.04933); resets inside the
scan, Lu et al., Structured state space models for in-context reinforcement learning (arXiv 2303.03982); the blocks are
those of Mattes et al., Hieros (arXiv 2310.05167). The real parts of Lambda are held negative, which the published code
does not do: there a layer may learn to explode.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrssm.networks.layers import Generators, LayerNorm, uniform
from hrssm.networks.scan import scan

__all__ = ["S5", "Discrete", "S5Block", "S5Stack", "hippo", "zero_order_hold"]

#: Delta is drawn between these, uniformly in its logarithm
STEP_RANGE = (1e-3, 1e-1)


def hippo(size: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues (size,) and eigenvectors (size, size), both complex128, of the normal part of HiPPO-LegS.

    With A_nm = -sqrt((2n + 1)(2m + 1)) below the diagonal and -(n + 1) on it, and p_n = sqrt(n + 1/2), the matrix
    A + p p' is -I/2 plus a skew-symmetric one (formula `s5-hippo-normal`): every eigenvalue has real part -1/2.
    """
    root = (2 * torch.arange(size, dtype=torch.float64) + 1).sqrt()
    below = -torch.outer(root, root).tril(-1) / 2
    frequency, vectors = torch.linalg.eigh(-1j * (below - below.T))
    return torch.complex(torch.full_like(frequency, -0.5), frequency), vectors


def zero_order_hold(rate: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """exp(Lambda Delta) and (exp(Lambda Delta) - 1) / Lambda: what a state keeps over one step, and what an input that
    is constant over the step adds to it (formula `s5-zero-order-hold`)."""
    turn = rate * step
    return turn.exp(), turn.expm1() / rate


class Discrete(NamedTuple):
    """A layer's matrices for steps of length one: computed once, they serve every step of an imagination.

    decay (M, P) complex; inputs (M, H, 2 P) and outputs (M, 2 P, H), which read and write complex numbers as pairs.
    """

    decay: Tensor
    inputs: Tensor
    outputs: Tensor


class S5(nn.Module):
    """One layer of width H with P complex states, initialised by HiPPO-LegS in ``blocks`` equal blocks.

    Raises ValueError unless ``blocks`` divides ``states``.
    """

    def __init__(self, generators: Generators, width: int, states: int, *, blocks: int = 4) -> None:
        super().__init__()
        if states % blocks:
            raise ValueError(f"states = {states} cannot be cut into {blocks} blocks: choose a multiple of {blocks}.")
        device = generators[0].device
        rate, vectors = hippo(states // blocks)
        rate, vectors = rate.repeat(blocks).to(device), torch.block_diag(*[vectors] * blocks).to(device)
        low, high = (math.log(x) for x in STEP_RANGE)
        drawn: list[tuple[Tensor, ...]] = []
        for g in generators:
            step, into, out = _uniform(g, states), _normal(g, states, width), _normal(g, 2, width, states)
            # The eigenvectors of a skew-symmetric matrix are orthonormal: the adjoint is the inverse.
            into = (vectors.mH @ (into / math.sqrt(width)).to(vectors)).mT
            out = torch.complex(*(out / math.sqrt(2 * states))) @ vectors
            pairs = torch.stack((out.real.mT, -out.imag.mT), 1)  # Re(C x) = Re C Re x - Im C Im x
            drawn.append((low + (high - low) * step, torch.view_as_real(into), pairs, _uniform(g, 1, width)))
        dtype = torch.get_default_dtype()
        step, into, pairs, through = (torch.stack(each).to(dtype) for each in zip(*drawn, strict=True))
        self.log_decay = nn.Parameter((-rate.real).log().to(dtype).repeat(len(generators), 1))
        self.frequency = nn.Parameter(rate.imag.to(dtype).repeat(len(generators), 1))
        self.log_step = nn.Parameter(step)
        self.input_weight = nn.Parameter(into)  # (M, H, P, 2)
        self.output_weight = nn.Parameter(pairs)  # (M, P, 2, H)
        self.feedthrough = nn.Parameter(through)

    @property
    def rate(self) -> Tensor:
        """Lambda (M, P), whose real parts are negative whatever is learned."""
        return torch.complex(-self.log_decay.exp(), self.frequency)

    def discretise(self) -> Discrete:
        """The layer's matrices for one step."""
        decay, gain = zero_order_hold(self.rate, self.log_step.exp())
        inputs = torch.view_as_complex(self.input_weight) * gain[:, None]
        return Discrete(decay, torch.view_as_real(inputs).flatten(2), self.output_weight.flatten(1, 2))

    def observe(self, u: Tensor, state: Tensor, resets: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (M, T, B, H) and states (M, T, B, P) of inputs (M, T, B, H), the state before them (M, B, P), and the
        steps (M, T, B) before which it is set to ``start`` (M, 1, P), or to zero."""
        discrete, rows = self.discretise(), u.flatten(1, 2)
        drive = _as_complex(rows @ discrete.inputs).unflatten(1, u.shape[1:3])
        if start is not None:  # what is left of it after one step is added where the scan starts from zero
            drive = torch.addcmul(drive, resets.unsqueeze(-1).to(drive), (discrete.decay[:, None] * start)[:, None])
        states = scan(discrete.decay, drive, state, resets)
        return self._put_out(rows, states.flatten(1, 2), discrete).view(u.shape), states

    def step(self, u: Tensor, state: Tensor, discrete: Discrete) -> tuple[Tensor, Tensor]:
        """The output (M, B, H) and the next state (M, B, P) of one input (M, B, H)."""
        state = torch.addcmul(_as_complex(u @ discrete.inputs), discrete.decay[:, None], state)
        return self._put_out(u, state, discrete), state

    def _put_out(self, rows: Tensor, states: Tensor, discrete: Discrete) -> Tensor:
        return torch.baddbmm(self.feedthrough * rows, torch.view_as_real(states).flatten(2), discrete.outputs)


class S5Block(nn.Module):
    """Twice x + GELU(W S5(LayerNorm(x))), then x + LayerNorm(x): the block of the published agent as it runs."""

    def __init__(self, generators: Generators, width: int, states: int, *, blocks: int = 4) -> None:
        super().__init__()
        self.layers = cast(list[S5], nn.ModuleList(S5(generators, width, states, blocks=blocks) for _ in range(2)))
        self.norms = nn.ModuleList(LayerNorm(generators, width) for _ in range(3))
        bound = 1 / math.sqrt(width)
        self.mixing = nn.ParameterList(uniform(generators, width, width, bound=bound) for _ in range(2))

    def observe(self, x: Tensor, state: Tensor, resets: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (M, T, B, H) and states (M, T, B, 2, P); arguments as in `S5.observe`, the state (M, B, 2, P)."""
        states = []
        for k in range(2):
            normal = self.norms[k](x.flatten(1, 2)).view(x.shape)
            own = None if start is None else start[:, :, k]
            y, after = self.layers[k].observe(normal, state[:, :, k], resets, own)
            x = x + F.gelu(y.flatten(1, 2) @ self.mixing[k]).view(x.shape)
            states.append(after)
        return x + self.norms[2](x.flatten(1, 2)).view(x.shape), torch.stack(states, 3)

    def step(self, x: Tensor, state: Tensor, discrete: Sequence[Discrete]) -> tuple[Tensor, Tensor]:
        """The output (M, B, H) and the next state (M, B, 2, P) of one input."""
        states = []
        for k in range(2):
            y, after = self.layers[k].step(self.norms[k](x), state[:, :, k], discrete[k])
            x = x + F.gelu(y @ self.mixing[k])
            states.append(after)
        return x + self.norms[2](x), torch.stack(states, 2)


class S5Stack(nn.Module):
    """``depth`` blocks one after another; the state (M, B, 2 depth, P) is that of all their layers."""

    def __init__(self, generators: Generators, width: int, states: int, *, depth: int = 4, blocks: int = 4) -> None:
        super().__init__()
        made = nn.ModuleList(S5Block(generators, width, states, blocks=blocks) for _ in range(depth))
        self.blocks = cast(list[S5Block], made)
        self.shape = (2 * depth, states)

    def initial(self, batch: int) -> Tensor:
        """The state (M, B, 2 depth, P) before anything was seen: zero."""
        first = next(self.parameters())
        return torch.zeros(len(first), batch, *self.shape, dtype=first.dtype.to_complex(), device=first.device)

    def discretise(self) -> list[Discrete]:
        """The matrices of every layer for one step, for ``step``."""
        return [layer.discretise() for block in self.blocks for layer in block.layers]

    def observe(self, x: Tensor, state: Tensor, resets: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (M, T, B, H) and states (M, T, B, 2 depth, P) of inputs (M, T, B, H), from the state before them; the
        state is set to ``start`` (M, 1, 2 depth, P), or to zero, before the steps with ``resets`` (M, T, B)."""
        starts = [None] * len(self.blocks) if start is None else start.split(2, 2)
        states = []
        for block, before, own in zip(self.blocks, state.split(2, 2), starts, strict=True):
            x, after = block.observe(x, before, resets, own)
            states.append(after)
        return x, torch.cat(states, 3)

    def step(self, x: Tensor, state: Tensor, discrete: Sequence[Discrete]) -> tuple[Tensor, Tensor]:
        """The output (M, B, H) and the next state of one input (M, B, H)."""
        states = []
        for k, (block, before) in enumerate(zip(self.blocks, state.split(2, 2), strict=True)):
            x, after = block.step(x, before, discrete[2 * k : 2 * k + 2])
            states.append(after)
        return x, torch.cat(states, 2)


def _as_complex(pairs: Tensor) -> Tensor:
    """Numbers (..., P) from their pairs (..., 2 P)."""
    return torch.view_as_complex(pairs.unflatten(-1, (-1, 2)))


def _uniform(g: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=g, device=g.device, dtype=torch.float64)


def _normal(g: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=g, device=g.device, dtype=torch.float64)
