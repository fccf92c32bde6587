"""KLs between families: quadrature where symmetry leaves two or three dimensions, else estimates.

The radius of a Riemannian normal is integrated by `radial_rule`, its angle from an axis by `angle_rule`. Work is done
in float64 whatever the dtype.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions.kl import register_kl

from hrssm.distributions.base import LatentDistribution
from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian
from hrssm.distributions.monte_carlo import monte_carlo_kl
from hrssm.distributions.numerics.mean_square import angle_rule
from hrssm.distributions.numerics.radial import radial_rule
from hrssm.distributions.numerics.stable import log_cosh
from hrssm.distributions.riemannian_normal import RiemannianNormal
from hrssm.distributions.wrapped_normal import WrappedNormal

__all__ = ["kl_between_families"]


def _kl_riemannian_horospherical(q: RiemannianNormal, p: HorosphericalGaussian) -> Tensor:
    """Quadrature over radius and angle, any coupling and one fibre scale or several."""
    _same_space(q, p)
    fibre = q.event_shape[0] - 1
    rule = radial_rule(q.scale, fibre)
    x, angle_weights = angle_rule(fibre, q.loc)
    radius = rule.nodes.unsqueeze(-1)
    # The height at radius r and angle theta (`geo-horo-polar`), and log |b|^2.
    height = -torch.logaddexp(
        torch.nn.functional.logsigmoid(-2 * x) - radius, torch.nn.functional.logsigmoid(2 * x) + radius
    )
    log_sinh = radius + torch.log(-torch.expm1(-2 * radius)) - math.log(2)
    log_side = 2 * (height + log_sinh - log_cosh(x))

    def mean(values: Tensor) -> Tensor:
        return rule.expectation((values * angle_weights).sum(-1))

    centre = q.loc.double()
    height_loc = p.height_loc.double() - centre[..., 0]
    fibre_loc = torch.exp(-centre[..., :1]) * (p.fibre_loc.double() - centre[..., 1:])
    coupling = p.coupling.double()[..., None, None] if isinstance(p.coupling, Tensor) else p.coupling
    step = height - height_loc[..., None, None]
    log_shrink = -2 * height_loc[..., None, None] - 2 * coupling * step
    fibre_scale = (p.fibre_scale if p.per_coordinate else p.fibre_scale.unsqueeze(-1)).double()
    fibre_scale = fibre_scale.expand_as(fibre_loc)
    spread = mean(torch.exp(log_side + log_shrink)) / fibre * fibre_scale.pow(-2).sum(-1)
    offset = mean(torch.exp(log_shrink)) * (fibre_loc / fibre_scale).square().sum(-1)
    quadratic = mean(step.square()) / p.height_scale.double().square()
    tilt = mean(fibre * (1 - coupling) * step)
    normaliser = torch.log(p.height_scale.double()) + torch.log(fibre_scale).sum(-1)
    normaliser = normaliser + 0.5 * (fibre + 1) * math.log(2 * math.pi)
    cross = normaliser - tilt + 0.5 * (quadratic + spread + offset)
    return (cross - q.entropy().double()).to(q.loc.dtype)


def _kl_horospherical_riemannian(q: HorosphericalGaussian, p: RiemannianNormal) -> Tensor:
    """Quadrature, any coupling and one fibre scale or several: log Z - H(q) + E dist(z, loc)^2 / (2 sigma^2)."""
    _same_space(q, p)
    cross = p.log_normaliser.double() + _mean_square(q, p.loc.double()) / (2 * p.scale.double().square())
    return (cross - q.entropy().double()).to(p.loc.dtype)


def _mean_square(q: HorosphericalGaussian, centre: Tensor) -> Tensor:
    """E dist(z, centre)^2, z ~ q, in float64.

    arcosh(c)^2 is twice the integral of K_0(s) (e^-s - e^(-s c)) over ds / s, and c = cosh dist is quadratic in b, a
    normal given the height: E e^(-s c) is a product over the fibre, and trapezoidal rules in log s and in the height
    are left, which converge exponentially. Every term is positive, so a small distance keeps its digits.
    """
    t, heights, s, weights = _laplace_rule(centre.device)
    loc = (q.height_loc.double() - centre[..., 0]).unsqueeze(-1)
    step = q.height_scale.double().unsqueeze(-1) * t
    coupling = q.coupling.double().unsqueeze(-1) if isinstance(q.coupling, Tensor) else q.coupling
    height = loc + step
    spread = torch.exp(2 * (loc + coupling * step) - height)
    offset = (torch.exp(-centre[..., :1]) * (q.fibre_loc.double() - centre[..., 1:])).square()
    scale = q.fibre_scale.double().square()
    # Of independent coordinates: how many, their variance over e^(2 width), their squared offset.
    if q.per_coordinate:
        groups = [(1, *pair) for pair in zip(scale.unbind(-1), offset.unbind(-1), strict=True)]
    else:
        groups = [(offset.shape[-1], scale, offset.sum(-1))]
    exponent = 2 * torch.sinh(height / 2).square().unsqueeze(-1) * s
    for count, square, away in groups:
        widened = (square.unsqueeze(-1) * spread).unsqueeze(-1) * s
        pull = (away.unsqueeze(-1) * torch.exp(-height) / 2).unsqueeze(-1) * s
        exponent = exponent + count / 2 * torch.log1p(widened) + pull / (1 + widened)
    return ((-torch.expm1(-exponent) @ weights) * heights).sum(-1)


def _laplace_rule(device: torch.device) -> tuple[Tensor, ...]:
    """Standard heights and their weights, (N,), s and the weights 2 K_0(s) e^-s of d log s, (S,)."""
    t, heights, s, weights = (array.to(device) for array in _laplace_arrays())
    return t, heights, s, weights


@functools.cache
def _laplace_arrays() -> tuple[Tensor, ...]:
    # A step h in a strip of half-width a leaves about e^(-2 pi a / h). In log s, a is nearly pi / 2: e^-37. In the
    # height it is pi / (4 sigma) at coupling 1: e^-49 at height scale 1, e^-16 at 3. From s = e^-64 on, a mean cosh
    # up to e^28 is covered.
    with torch.inference_mode(False), torch.device("cpu"):
        t = torch.arange(-85, 86, dtype=torch.float64) / 10
        heights = torch.exp(-t.square() / 2)
        s = torch.exp(torch.arange(-256, 14, dtype=torch.float64) / 4)
        weights = torch.special.scaled_modified_bessel_k0(s) * torch.exp(-2 * s) / 2
        return t, heights / heights.sum(), s, weights


def _same_space(q: HorosphericalGaussian | RiemannianNormal, p: HorosphericalGaussian | RiemannianNormal) -> None:
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"KL between laws of event shapes {tuple(q.event_shape)} and {tuple(p.event_shape)}: both must "
            "live on the same H^d."
        )


#: The KL of each pair of families that has one; no symmetry helps where a wrapped normal is in it.
_PAIRS: dict[tuple[type[LatentDistribution], type[LatentDistribution]], Callable[..., Tensor]] = {
    (RiemannianNormal, HorosphericalGaussian): _kl_riemannian_horospherical,
    (HorosphericalGaussian, RiemannianNormal): _kl_horospherical_riemannian,
    (WrappedNormal, HorosphericalGaussian): monte_carlo_kl,
    (HorosphericalGaussian, WrappedNormal): monte_carlo_kl,
    (WrappedNormal, RiemannianNormal): monte_carlo_kl,
    (RiemannianNormal, WrappedNormal): monte_carlo_kl,
}
for _pair, _kl in _PAIRS.items():
    register_kl(*_pair)(_kl)


def kl_between_families(q: LatentDistribution, p: LatentDistribution) -> Tensor:
    """KL(q, p) of two families; raises NotImplementedError where none is known."""
    for (family_q, family_p), kl in _PAIRS.items():
        if isinstance(q, family_q) and isinstance(p, family_p):
            return kl(q, p)
    raise NotImplementedError(
        f"No KL is known from {type(q).__name__} to {type(p).__name__}; "
        "hrssm.distributions.monte_carlo_kl estimates one."
    )
