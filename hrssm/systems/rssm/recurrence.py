"""The recurrent path of the model: unrolled for any state update, and with its derivative written out for a GRU.

Only posterior, sample and state update are sequential. Autograd records some fifty small nodes a step, and forms and
adds up one thin weight gradient a step. The GRU's backward pass keeps each step's output gradients and forms every
weight's gradient as one product over all steps: the same sums in another order of additions, with a fraction of the
overhead. The sampling step alone is left to autograd, so that any latent family fits. Tests hold loss and gradients of
both paths to a plain step-by-step reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from hrssm.latents.family import LatentFamily
from hrssm.networks.gru import GRUCell
from hrssm.networks.state_update import StateUpdate


def recur(
    family: LatentFamily, cell: StateUpdate, evidence: Tensor, noise: Tensor, posterior: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """States h_t before each step (M, T, B, S), samples z_t (M, T, B, d), posterior head outputs (M, T, B, P).

    evidence (M, T, B, H): what the posterior's first layer gets from the observations; noise (M, T, B, noise_dim).
    posterior: weight (M, in, out) and bias (M, 1, out) of three maps in this order: from the state to the posterior's
    first layer, its second layer, its head. ``cell`` takes z and the state to the next state, which starts at zero.
    """
    if not isinstance(cell, GRUCell):
        return _unrolled(family, cell, evidence, noise, posterior)
    # One product of h serves the posterior's first layer and the GRU's gates.
    outputs = _Recurrence.apply(
        family,
        evidence,
        noise,
        torch.cat((posterior[0], cell.state_weight), -1),
        torch.cat((posterior[1], cell.state_bias), -1),
        *posterior[2:],
        cell.input_weight,
        cell.input_bias,
    )
    return cast(tuple[Tensor, Tensor, Tensor], outputs)


def _unrolled(
    family: LatentFamily, cell: StateUpdate, evidence: Tensor, noise: Tensor, posterior: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    state_weight, state_bias, hidden_weight, hidden_bias, head_weight, head_bias = posterior
    members, _, batch, _ = evidence.shape
    state = evidence.new_zeros(members, batch, cell.width)
    states, samples, raws = [], [], []
    for seen, draw in zip(evidence.unbind(1), noise.unbind(1), strict=True):
        first = F.elu(seen + torch.baddbmm(state_bias, cell.visible(state), state_weight))
        second = F.elu(torch.baddbmm(hidden_bias, first, hidden_weight))
        raw = torch.baddbmm(head_bias, second, head_weight)
        z = family.sample(raw, draw)
        states.append(state)
        samples.append(z)
        raws.append(raw)
        state = cell(z, state)
    return torch.stack(states, 1), torch.stack(samples, 1), torch.stack(raws, 1)


class _Recurrence(torch.autograd.Function):
    """The recurrence with a GRU, on four maps: from the state to the posterior's first layer and the GRU's gates (H to
    H + 3 H, side by side); the posterior's second layer; its head; from z to the gates."""

    @staticmethod
    def forward(
        ctx: Any,
        family: LatentFamily,
        evidence: Tensor,
        noise: Tensor,
        state_weight: Tensor,
        state_bias: Tensor,
        hidden_weight: Tensor,
        hidden_bias: Tensor,
        head_weight: Tensor,
        head_bias: Tensor,
        latent_weight: Tensor,
        latent_bias: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        members, steps, batch, width = evidence.shape

        def over_time(features: int) -> Tensor:
            """Room for one thing of every step, so that nothing is joined afterwards."""
            return evidence.new_empty(members, steps, batch, features)

        states, firsts, seconds, candidates, to_candidates = (over_time(width) for _ in range(5))
        gates = over_time(2 * width)
        raws, samples = over_time(head_weight.shape[-1]), over_time(latent_weight.shape[1])
        sampled: list[tuple[Tensor, Tensor]] = []
        h = evidence.new_zeros(members, batch, width)
        for t in range(steps):
            states[:, t] = h
            from_state = torch.baddbmm(state_bias, h, state_weight)
            to_posterior, to_gates, to_candidate = from_state.split((width, 2 * width, width), -1)
            first = F.elu_(torch.add(evidence[:, t], to_posterior, out=firsts[:, t]))
            second = F.elu_(torch.baddbmm(hidden_bias, first, hidden_weight))
            with torch.enable_grad():
                raw = torch.baddbmm(head_bias, second, head_weight).detach().requires_grad_()
                z = family.sample(raw, noise[:, t])
            sampled.append((z, raw))
            seconds[:, t], raws[:, t], samples[:, t], to_candidates[:, t] = (
                second,
                raw.detach(),
                z.detach(),
                to_candidate,
            )
            from_latent = torch.baddbmm(latent_bias, z.detach(), latent_weight)
            # reset and update, side by side
            gate = torch.add(from_latent[..., : 2 * width], to_gates, out=gates[:, t]).sigmoid_()
            torch.addcmul(from_latent[..., 2 * width :], gate[..., :width], to_candidate, out=candidates[:, t]).tanh_()
            h = torch.lerp(candidates[:, t], h, gate[..., width:])
        # Detached where they are outputs as well: a node that held its own output would be a circle, freed late.
        held = (states.detach(), firsts, seconds, samples.detach())
        ctx.steps = (*held, gates, candidates, to_candidates, sampled)
        ctx.save_for_backward(state_weight, hidden_weight, head_weight, latent_weight)
        return states, samples, raws

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        # Copied once, not read as views: small batched products with a transposed factor are slow.
        state_weight, hidden_weight, head_weight, latent_weight = (
            w.transpose(1, 2).contiguous() for w in ctx.saved_tensors
        )
        states, firsts, seconds, samples, gates, candidates, to_candidates, sampled = ctx.steps
        ctx.steps = None
        grad_states, grad_samples, grad_raws = outputs
        members, steps, batch, width = states.shape
        # What each map's output receives, over time: the posterior's first layer beside reset, update and candidate ...
        to_state = torch.empty((members, steps, batch, 4 * width), dtype=states.dtype, device=states.device)
        to_hidden, to_head = torch.empty_like(states), torch.empty_like(grad_raws)
        # ... and from z to reset, update and candidate.
        to_latent = torch.empty((members, steps, batch, 3 * width), dtype=states.dtype, device=states.device)
        grad_h = torch.zeros_like(states[:, 0])  # of the state after the last step, which nothing reads
        for t in reversed(range(steps)):
            gate, candidate, h = gates[:, t], candidates[:, t], states[:, t]
            reset, update = gate[..., :width], gate[..., width:]
            grad_latent, grad_state = to_latent[:, t], to_state[:, t]
            through_update = grad_h * update
            grad_candidate = torch.ops.aten.tanh_backward(grad_h - through_update, candidate)
            grad_latent[..., 2 * width :] = grad_candidate
            torch.mul(grad_candidate, to_candidates[:, t], out=grad_latent[..., :width])
            torch.mul(grad_h, h - candidate, out=grad_latent[..., width : 2 * width])
            grad_latent[..., : 2 * width] *= gate - gate * gate  # the sigmoids' derivative
            grad_z = torch.baddbmm(grad_samples[:, t], grad_latent, latent_weight)
            z, raw = sampled[t]
            (through_sample,) = torch.autograd.grad(z, raw, grad_z)
            grad_raw = torch.add(grad_raws[:, t], through_sample, out=to_head[:, t])
            grad_second = torch.ops.aten.elu_backward(grad_raw @ head_weight, 1, 1, 1, True, seconds[:, t])
            to_hidden[:, t] = grad_second
            grad_state[..., :width] = torch.ops.aten.elu_backward(
                grad_second @ hidden_weight, 1, 1, 1, True, firsts[:, t]
            )
            grad_state[..., width : 3 * width] = grad_latent[..., : 2 * width]
            torch.mul(grad_candidate, reset, out=grad_state[..., 3 * width :])
            grad_h = torch.baddbmm(grad_states[:, t] + through_update, grad_state, state_weight)
        gradients = []
        for inputs, grads in ((states, to_state), (firsts, to_hidden), (seconds, to_head), (samples, to_latent)):
            rows, columns = grads.flatten(1, 2), inputs.flatten(1, 2).transpose(1, 2)
            gradients += [columns @ rows, rows.sum(1, keepdim=True)]
        return (None, to_state[..., :width], None, *gradients)
