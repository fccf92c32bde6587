"""Linear recurrences with resets, x_t = a k_t x_(t-1) + b_t, all steps at once, with the derivative written out.

a is a diagonal of complex numbers, k_t is 0 where step t begins an episode and 1 elsewhere: a reset is a decay of zero,
so that composing steps, (a_j, b_j) after (a_i, b_i) = (a_j a_i, a_j b_i + b_j), stays associative and needs no flag of
its own (formulas `s5-scan-associative`, `s5-reset`). The derivative is a recurrence of the same kind, backwards in time
(`s5-scan-gradient`). On the CPU a loop over steps runs both; elsewhere pairs of steps are composed, in about
2 log2(T) rounds.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["RECURRENCES", "composed", "scan", "stepwise"]


def scan(decay: Tensor, drive: Tensor, initial: Tensor, resets: Tensor) -> Tensor:
    """The states x_t (M, T, B, P) of members M, steps T, batch B.

    decay (M, P) complex; drive (M, T, B, P) complex; initial (M, B, P), the state before the first step; resets
    (M, T, B) bool, where the state before the step is zero instead.
    """
    keep = resets.logical_not().unsqueeze(-1).to(drive.real.dtype)
    return cast(Tensor, _Scan.apply(decay[:, None, None], keep, drive, initial))


def stepwise(decays: Tensor, drive: Tensor, *, backwards: bool = False) -> Tensor:
    """x_t = decays_t x_(t-1) + drive_t from zero, or x_t = decays_t x_(t+1) + drive_t, step after step."""
    states = torch.empty_like(drive)
    steps = range(drive.shape[1])
    x = torch.zeros_like(drive[:, 0])
    rows = list(zip(states.unbind(1), decays.unbind(1), drive.unbind(1), strict=True))
    for t in reversed(steps) if backwards else steps:
        out, a, b = rows[t]
        x = torch.addcmul(b, a, x, out=out)
    return states


def composed(decays: Tensor, drive: Tensor, *, backwards: bool = False) -> Tensor:
    """What ``stepwise`` gives, by composing neighbouring pairs, solving for every other state, and filling the gaps."""
    if backwards:
        return composed(decays.flip(1), drive.flip(1)).flip(1)
    steps = drive.shape[1]
    if steps == 1:
        return drive
    first_a, second_a = decays[:, 0 : steps - 1 : 2], decays[:, 1::2]
    first_b, second_b = drive[:, 0 : steps - 1 : 2], drive[:, 1::2]
    odd = composed(second_a * first_a, torch.addcmul(second_b, second_a, first_b))
    rest = decays[:, 2::2]
    even = torch.addcmul(drive[:, 2::2], rest, odd[:, : rest.shape[1]])
    states = torch.empty_like(drive)
    states[:, 0], states[:, 1::2], states[:, 2::2] = drive[:, 0], odd, even
    return states


#: which of the two runs on a device; ``composed`` where none is named
RECURRENCES = {"cpu": stepwise}


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, decay: Tensor, keep: Tensor, drive: Tensor, initial: Tensor) -> Tensor:
        decays = decay * keep
        ctx.run = RECURRENCES.get(drive.device.type, composed)
        # The initial state enters through the first step's drive, so that the recurrence itself starts from zero.
        first = torch.addcmul(drive[:, 0], decays[:, 0], initial)
        states = ctx.run(decays, torch.cat((first[:, None], drive[:, 1:]), 1))
        ctx.save_for_backward(decay, keep, states, initial)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        decay, keep, states, initial = ctx.saved_tensors
        conjugate = decay.conj() * keep
        # What step t hands back is what reached x_t from outside and, through the next step, from x_(t+1).
        following = torch.cat((conjugate[:, 1:], torch.zeros_like(conjugate[:, :1])), 1)
        grad_drive = ctx.run(following, outputs[0].contiguous(), backwards=True)
        previous = torch.cat((initial[:, None], states[:, :-1]), 1)
        grad_decay = (previous.conj() * keep * grad_drive).sum((1, 2), keepdim=True)
        return grad_decay, None, grad_drive, conjugate[:, 0] * grad_drive[:, 0]
