"""Quantiles solved numerically and differentiated implicitly.

If F(y; theta) = Phi(noise) defines y, then dy/dtheta = -(dF/dtheta) / f and dy/dnoise = phi(noise) / f with f
the density of y (Figurnov, Mohamed, Mnih 2018, "Implicit reparameterization gradients", NeurIPS).
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["attach_slopes"]


def attach_slopes(value: Tensor, *pairs: tuple[Tensor, Tensor]) -> Tensor:
    """`value` as a function of each argument, with the slope given for it: pairs (argument, slope).

    First derivatives are exact; the slopes themselves are constants to a second derivative.
    """
    value = value.detach()
    for argument, slope in pairs:
        value = value + slope.detach() * (argument - argument.detach())
    return value
