"""Free motion on the Poincare ball, exactly, in three products of position and momentum."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["geodesic_flow"]


def geodesic_flow(z: Tensor, p: Tensor, time: float) -> tuple[Tensor, Tensor, Tensor]:
    """Position z' (..., D), covector p' (..., D) and 1 - |z'|^2 (..., 1) after free motion  (`dyn-geodesic-flow`).

    That is z' = exp_z(time p / lambda^2) and p' = p transported to z'. With r = time |p| / lambda the distance covered,
    y = sinh(r / 2)^2 and v = sinh(r) / (2 |p|),

        1 - |z'|^2 = (1 - |z|^2) / (1 + 2 v z.p + (1 + |z|^2) y),
        z' = z + (1 - |z'|^2) (v p + y z),
        p' = (1 + (1 - |z|^2) y) p + 2 (v |p|^2 + y z.p) z.

    Differentiable once.
    """
    if torch.is_grad_enabled() and (z.requires_grad or p.requires_grad):
        return _GeodesicFlow.apply(z, p, time)  # type: ignore[no-any-return]
    z_, p_, gap_, *_ = _flow(z, p, time)
    return z_, p_, gap_


def _flow(z: Tensor, p: Tensor, time: float) -> tuple[Tensor, ...]:
    """Position, momentum and gap, and the scalars (..., 1) that derivatives need.

    At the sizes of a batch what costs is the number of operations: products are added by addcmul, and summed over few
    components by a matrix of ones.
    """
    sum_ = z.new_ones(z.shape[-1], 1)
    inside, size, along = (z * z) @ sum_, (p * p) @ sum_, (z * p) @ sum_
    one = torch.ones_like(inside)
    gap = one - inside
    quarter = gap * (time / 4)
    # At rest sinh(r / 2) / (r / 2) is 1: that of a number whose square is still above 0.
    half = (quarter * torch.sqrt(size)).clamp_min_(torch.finfo(z.dtype).tiny ** 0.5)
    ratio = torch.sinh(half).div_(half)
    u = quarter * ratio  # sinh(r / 2) / |p|
    y = size * u * u
    cosh_squared = one + y
    cosh = torch.sqrt(cosh_squared)
    v = u * cosh
    below = torch.addcmul(torch.addcmul(cosh_squared, inside, y), v, along, value=2)
    gap_ = gap / below
    keep = torch.addcmul(one, gap, y)
    lean = torch.addcmul(y * along, v, size)
    z_ = torch.addcmul(z, gap_, torch.addcmul(y * z, v, p))
    p_ = torch.addcmul(keep * p, lean, z, value=2)
    return z_, p_, gap_, inside, size, along, one, gap, quarter, half, ratio, u, y, cosh, v, below, keep, lean


class _GeodesicFlow(torch.autograd.Function):
    """The derivatives, in the same products; autograd would take three times the operations."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, p: Tensor, time: float) -> tuple[Tensor, ...]:  # type: ignore[override]
        z_, p_, gap_, *scalars = _flow(z, p, time)
        ctx.save_for_backward(z, p, gap_, *scalars)
        ctx.time = time
        return z_, p_, gap_

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, to_z: Tensor, to_p: Tensor, to_gap: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        """L = to_z . z' + to_p . p' + to_gap gap', a function of products of z and p, by each of these, backwards."""
        z, p, gap_, inside, size, along, one, gap, quarter, half, ratio, u, y, cosh, v, below, keep, lean = (
            ctx.saved_tensors
        )
        sum_ = z.new_ones(z.shape[-1], 1)
        zz, zp, pp, pz = (to_z * z) @ sum_, (to_z * p) @ sum_, (to_p * p) @ sum_, (to_p * z) @ sum_
        moved = torch.addcmul(torch.addcmul(to_gap, y, zz), v, zp) / below
        by_below = -gap_ * moved
        twice = pz + pz
        by_v = torch.addcmul(torch.addcmul(gap_ * zp, size, twice), by_below, along, value=2)
        by_y = torch.addcmul(torch.addcmul(gap_ * zz, along, twice), by_below, one + inside)
        by_y = torch.addcmul(by_y, gap, pp)
        by_y = torch.addcdiv(by_y, by_v * u, cosh, value=0.5)
        by_u = torch.addcmul(by_v * cosh, by_y * size, u, value=2)
        # (cosh(r / 2) - sinh(r / 2) / (r / 2)) / (r / 2)^2 loses digits for small r, where (r / 2)^2 multiplies it.
        by_square = by_u * quarter * (cosh - ratio) / (half * half)
        by_quarter = torch.addcmul(by_u * ratio, by_square * size, quarter)
        by_inside = torch.addcmul(torch.addcmul(moved, pp, y), by_below, y, value=-1)
        by_inside = torch.add(-2 * by_inside, by_quarter, alpha=-ctx.time / 2)  # twice L by |z|^2
        by_size = torch.addcmul(by_square * quarter * quarter, by_y * u, u, value=2)  # twice L by |p|^2
        by_size = torch.addcmul(by_size, v, twice, value=2)
        by_along = torch.addcmul(y * twice, v, by_below, value=2)
        to_start = torch.addcmul(torch.addcmul(to_z, gap_ * y, to_z), lean, to_p, value=2)
        to_start = torch.addcmul(torch.addcmul(to_start, by_inside, z), by_along, p)
        to_momentum = torch.addcmul(gap_ * v * to_z, keep, to_p)
        to_momentum = torch.addcmul(torch.addcmul(to_momentum, by_size, p), by_along, z)
        return to_start, to_momentum, None
