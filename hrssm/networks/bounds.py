"""What is guaranteed of a recurrent state's norm, and from what: one function per statement.

Shapes: states and increments (M, T, B, H), an initial state h_0 (M, B, H), per-step results (M, T, B); step t of a
result is about the state after t + 1 updates. Every function returns a bound that holds, never an estimate, except
`expected_square`, which is exact. Proofs: the chapter ``recurrence`` of the reference.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "absorption",
    "contracted",
    "expected_square",
    "gated",
    "gated_supremum",
    "layer_norm",
    "layer_norm_jacobian",
    "lipschitz",
    "lstm",
    "polynomial",
    "residual",
    "residual_jacobian",
    "unit_candidate",
    "unit_norm_jacobian",
]


def residual(h0: Tensor, increments: Tensor) -> Tensor:
    """|h_T| <= |h_0| + sum |delta_t|, attained where all of them are parallel (M, T, B)."""
    return h0.norm(dim=-1)[:, None] + increments.norm(dim=-1).cumsum(1)


def expected_square(h0: Tensor, mean: Tensor, covariance: Tensor, steps: int) -> Tensor:
    """E|h_T|^2 = |h_0 + T mu|^2 + T tr Sigma for independent increments of one law, exactly, at T = 1 .. steps.

    h0, mean (H,) and covariance (H, H); returns (steps,). Its root grows as |mu| T, and as sqrt(T tr Sigma) if mu = 0.
    """
    times = torch.arange(1, steps + 1, dtype=h0.dtype, device=h0.device)
    return (h0 + times[:, None] * mean).square().sum(-1) + times * covariance.trace()


def contracted(h0: Tensor, noise: Tensor, rate: float) -> Tensor:
    """|h_T| where delta_t = -rate h_t + eta_t: q^T |h_0| + sup |eta| (1 - q^T)/(1 - q), with q = |1 - rate| (M, T, B).

    noise (M, T, B, H) is eta. Raises ValueError unless 0 < rate < 2, outside which nothing is contracted.
    """
    if not 0 < rate < 2:
        raise ValueError(f"rate = {rate}: only a rate in (0, 2) contracts, for instance 0.1")
    q = abs(1 - rate)
    powers = q ** torch.arange(1, noise.shape[1] + 1, dtype=h0.dtype, device=h0.device)[:, None]
    largest = noise.norm(dim=-1).cummax(1).values
    return powers * h0.norm(dim=-1)[:, None] + largest * (1 - powers) / (1 - q)


def layer_norm(gain: Tensor, bias: Tensor) -> Tensor:
    """|LayerNorm(h)| <= sqrt(H) max|gain| + |bias| for every h; gain and bias (..., H), the result (...)."""
    return math.sqrt(gain.shape[-1]) * gain.abs().amax(-1) + bias.norm(dim=-1)


def layer_norm_jacobian(h: Tensor, gain: Tensor) -> Tensor:
    """The spectral norm of LayerNorm's Jacobian at h (..., H) is at most sqrt(H) max|gain| / |h - mean(h)| (...)."""
    centred = h - h.mean(-1, keepdim=True)
    return math.sqrt(h.shape[-1]) * gain.abs().amax(-1) / centred.norm(dim=-1)


def residual_jacobian(branch_jacobians: Tensor) -> Tensor:
    """log of prod (1 + |J_t|) >= |prod (I + J_t)|, cumulated; ``branch_jacobians`` are the norms |J_t| (M, T, B)."""
    return branch_jacobians.log1p().cumsum(1)


def polynomial(rate: float, steps: int) -> Tensor:
    """log of prod_{t <= T} (1 + rate/t) = Gamma(T + 1 + rate)/(Gamma(T + 1) Gamma(1 + rate)), at T = 1 .. steps.

    What `residual_jacobian` becomes where |J_t| <= rate/t: of the order of T^rate, no exponential.
    """
    times = torch.arange(1, steps + 1, dtype=torch.float64)
    return torch.lgamma(times + 1 + rate) - torch.lgamma(times + 1) - math.lgamma(1 + rate)


def absorption(h: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Per coordinate of h: increments up to the first are lost in ``dtype``, and none above the second is.

    An increment is lost where adding it, rounded to nearest, changes nothing. The thresholds are 2^(-p-2) |h| and
    2^(-p-1) |h| for p stored fraction bits: from |h| = 2^(p+1) |delta| on an increment may be lost. For normal numbers.
    """
    fraction_bits = -round(math.log2(torch.finfo(dtype).eps))
    return h.abs() * 2.0 ** (-fraction_bits - 2), h.abs() * 2.0 ** (-fraction_bits - 1)


def lipschitz(h0: Tensor, constant: float, offset: float, steps: int) -> Tensor:
    """|h_T| for a direct prediction with |f(h)| <= L |h| + C, at T = 1 .. steps, (M, steps, B).

    ``constant`` is L, a Lipschitz constant in h, and ``offset`` is C >= |f(0)|: L^T |h_0| + C (L^T - 1)/(L - 1).
    Bounded for all T only if L < 1, and exponential if L > 1. Raises ValueError for a negative L or C.
    """
    if constant < 0 or offset < 0:
        raise ValueError(f"constant = {constant}, offset = {offset}: both are bounds on norms, so at least 0")
    times = torch.arange(1, steps + 1, dtype=h0.dtype, device=h0.device)[:, None]
    powers = constant**times
    total = times if constant == 1 else (powers - 1) / (constant - 1)
    return powers * h0.norm(dim=-1)[:, None] + offset * total


def gated(h0: Tensor, candidates: Tensor, gates: Tensor) -> Tensor:
    """|h_T| where h' = (1 - a) h + a c (M, T, B), from candidates (M, T, B, H) and gates in [0, 1].

    Of scalar gates (M, T, B, 1) the norms are averaged, b' = (1 - a) b + a |c|, so that no state exceeds the largest of
    |h_0| and |c_t|. Elementwise gates (M, T, B, H) allow that for each coordinate only, and the norm is that of the
    coordinates' bounds: up to sqrt(H) times the largest. Raises ValueError for a gate outside [0, 1].
    """
    if bool((gates < 0).any() | (gates > 1).any()):
        raise ValueError(
            f"gates lie in [{gates.min():.3g}, {gates.max():.3g}]: a convex combination needs them in [0, 1]; give the "
            "sigmoid's output"
        )
    scalar = gates.shape[-1] == 1
    sizes = candidates.norm(dim=-1, keepdim=True) if scalar else candidates.abs()
    bound = h0.norm(dim=-1, keepdim=True) if scalar else h0.abs()
    bounds = []
    for gate, size in zip(gates.unbind(1), sizes.unbind(1), strict=True):
        bound = torch.lerp(bound, size, gate)
        bounds.append(bound.norm(dim=-1))
    return torch.stack(bounds, 1)


def gated_supremum(h0: Tensor, candidate: float, *, scalar: bool) -> Tensor:
    """|h_T| at every T, whatever the gates, where no candidate exceeds ``candidate`` (M, B).

    For scalar gates ``candidate`` bounds the candidates' norm: max(|h_0|, C). For elementwise ones it bounds their
    coordinates: each coordinate of a state is at most max(|h_0|_inf, C), its norm at most sqrt(H) times that.
    """
    if scalar:
        return h0.norm(dim=-1).clamp(min=candidate)
    return math.sqrt(h0.shape[-1]) * h0.abs().amax(-1).clamp(min=candidate)


def unit_candidate(h0: Tensor, gates: Tensor) -> Tensor:
    """|h_T| <= 1 + prod (1 - a_t) (|h_0| - 1) for scalar gates (M, T, B, 1) and candidates of norm 1 (M, T, B).

    So a norm above 1 falls, and one below 1 may rise, up to 1: at h_0 = 0 it does.
    """
    return 1 + (1 - gates[..., 0]).cumprod(1) * (h0.norm(dim=-1)[:, None] - 1)


def unit_norm_jacobian(increments: Tensor) -> Tensor:
    """The norm of the Jacobian of unit(x) at x = h + delta, |h| = 1: at most 1/(1 - |delta|) (...).

    It is infinite where |delta| >= 1, since the increment may then cancel h.
    """
    room = 1 - increments.norm(dim=-1)
    return torch.where(room > 0, room.reciprocal(), math.inf)


def lstm(c0: Tensor, forget: Tensor, enter: Tensor) -> Tensor:
    """|c_T| where c' = f c + i tanh(g), from gates (M, T, B, H): the norm of m' = f m + i from m = |c_0|.

    Open gates, f = i = 1, give |c_0| + T per coordinate, which is attained: the cell is no convex combination
    (M, T, B).
    """
    bound, bounds = c0.abs(), []
    for f, i in zip(forget.unbind(1), enter.unbind(1), strict=True):
        bound = f * bound + i
        bounds.append(bound.norm(dim=-1))
    return torch.stack(bounds, 1)
