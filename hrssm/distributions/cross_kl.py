"""KLs without a closed form: quadrature where symmetry leaves two or three dimensions, else estimates.

The radius of a Riemannian normal is integrated by `radial_rule`, its angle from an axis by `angle_rule`. Work is done
in float64 whatever the dtype.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions.kl import register_kl

from hrssm import geometry
from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian
from hrssm.distributions.mean_square import angle_rule, mean_square_excess
from hrssm.distributions.monte_carlo import MonteCarloEstimate, monte_carlo_kl
from hrssm.distributions.radial import radial_rule
from hrssm.distributions.riemannian_normal import RiemannianNormal
from hrssm.distributions.stable import exp_gap
from hrssm.distributions.wrapped_normal import WrappedNormal

__all__: list[str] = []


@register_kl(RiemannianNormal, RiemannianNormal)
def _kl_riemannian_riemannian(q: RiemannianNormal, p: RiemannianNormal) -> Tensor:
    """Exact up to quadrature for every pair of centres; for one centre the closed form of `rn-moment`.

    log(Z_p / Z_q) - E r^2 / (2 sigma_q^2) + E dist(z, loc_p)^2 / (2 sigma_p^2), z ~ q.
    """
    _same_space(q, p)
    fibre = q.event_shape[0] - 1
    between = geometry.distance(q.loc.double(), p.loc.double())
    moved = mean_square_excess(q.scale, between, fibre)
    return (_concentric(q, p, fibre) + moved / (2 * p.scale.double().square())).to(q.loc.dtype)


def _concentric(q: RiemannianNormal, p: RiemannianNormal, fibre: int) -> Tensor:
    """KL of the radial laws, log(Z_p / Z_q) + t E r^2 with t = 1 / (2 sigma_p^2) - 1 / (2 sigma_q^2) (`rn-moment`).

    It is the mean of the difference of the log-densities; for scales near each other, where that cancels, it
    is log E exp(-t (r^2 - E r^2)) without the linear term.
    """
    rule = radial_rule(q.scale, fibre)
    a, b = q.scale.double(), p.scale.double()
    t = (a - b) * (a + b) / (2 * (a * b).square())
    square = rule.nodes.square()
    moment = rule.expectation(square)
    centred = square - moment.unsqueeze(-1)
    # A scale that was expanded, as a prior's is, needs one rule.
    distinct = p.scale[tuple(slice(1) if stride == 0 else slice(None) for stride in p.scale.stride())]
    other = radial_rule(distinct, fibre)
    apart = rule.expectation(rule.log_density(rule.nodes) - other.log_density(rule.nodes))
    near = t.square() * rule.expectation(centred.square()) < 0.06
    tilt = torch.where(near, t, torch.zeros_like(t)).unsqueeze(-1)
    close = torch.log1p(rule.expectation(exp_gap(-tilt * centred)))
    return torch.where(near, close, apart)


@register_kl(RiemannianNormal, HorosphericalGaussian)
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
    log_side = 2 * (height + log_sinh - _log_cosh(x))

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


@register_kl(HorosphericalGaussian, RiemannianNormal)
def _kl_horospherical_riemannian(q: HorosphericalGaussian, p: RiemannianNormal) -> Tensor:
    """Quadrature with one fibre scale; with one per coordinate a `MonteCarloEstimate`.

    E dist(z, loc)^2 is taken over the height, the component of b along the offset of the centres, and the
    norm of the other components.
    """
    _same_space(q, p)
    if q.per_coordinate:
        return monte_carlo_kl(q, p)
    fibre = q.event_shape[0] - 1
    centre = p.loc.double()
    height_loc = (q.height_loc.double() - centre[..., 0])[..., None]
    offset = torch.exp(-centre[..., :1]) * (q.fibre_loc.double() - centre[..., 1:])
    step, along, across_squared, weights = _fibre_rule(fibre, centre)
    coupling = q.coupling.double()[..., None] if isinstance(q.coupling, Tensor) else q.coupling
    height_scale, fibre_scale = q.height_scale.double()[..., None], q.fibre_scale.double()[..., None]
    height = height_loc + height_scale * step
    width = fibre_scale * torch.exp(height_loc + coupling * height_scale * step)
    length = _norm(offset)[..., None]
    side_squared = (length + width * along).square() + width.square() * across_squared
    half_chord = torch.sinh(height / 2).square() + torch.exp(-height) * side_squared / 4
    square = (geometry.arc_squared(half_chord) * weights).sum(-1)
    cross = p.log_normaliser.double() + square / (2 * p.scale.double().square())
    return (cross - q.entropy().double()).to(p.loc.dtype)


def _monte_carlo(q: WrappedNormal, p: WrappedNormal) -> MonteCarloEstimate:
    """No closed form and no symmetry: the mean of log q - log p over samples of q, typed as an estimate."""
    return monte_carlo_kl(q, p)


for _pair in (
    (WrappedNormal, WrappedNormal),
    (WrappedNormal, HorosphericalGaussian),
    (HorosphericalGaussian, WrappedNormal),
    (WrappedNormal, RiemannianNormal),
    (RiemannianNormal, WrappedNormal),
):
    register_kl(*_pair)(_monte_carlo)


def _fibre_rule(fibre: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Nodes (N,) of a normal height, one component of b and the others' squared norm; weights (N,)."""
    step, along, across_squared, weights = (torch.from_numpy(a).to(like.device) for a in _fibre_arrays(fibre))
    return step, along, across_squared, weights


@functools.cache
def _fibre_arrays(fibre: int) -> tuple[np.ndarray, ...]:
    normal, weights = np.polynomial.hermite_e.hermegauss(32)
    normal_weights = weights / weights.sum()
    across, across_weights = np.zeros(1), np.ones(1)
    if fibre > 1:
        # chi of m - 1 degrees, on the window outside which its density is below exp(-40) of the peak
        points, weights = np.polynomial.legendre.leggauss(48)
        mode = math.sqrt(fibre - 2)
        low, high = max(0.0, mode - 6.4), mode + 9.0
        norm = low + (high - low) * (points + 1) / 2
        log_density = (fibre - 2) * np.log(norm) - norm**2 / 2
        density = weights * np.exp(log_density - log_density.max())
        across, across_weights = norm**2, density / density.sum()
    grid = np.meshgrid(normal, normal, across, indexing="ij")
    weight = normal_weights[:, None, None] * normal_weights[:, None] * across_weights
    return (*(np.ascontiguousarray(axis.ravel()) for axis in grid), weight.ravel())


def _log_cosh(x: Tensor) -> Tensor:
    return x.abs() + torch.log1p(torch.exp(-2 * x.abs())) - math.log(2)


def _norm(vector: Tensor) -> Tensor:
    """Euclidean norm whose gradient at 0 is 0: what is computed from it here is even in it."""
    square = vector.square().sum(-1)
    away = square > 0
    return torch.where(away, torch.sqrt(torch.where(away, square, torch.ones_like(square))), square)


def _same_space(q: HorosphericalGaussian | RiemannianNormal, p: HorosphericalGaussian | RiemannianNormal) -> None:
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"KL between laws of event shapes {tuple(q.event_shape)} and {tuple(p.event_shape)}: both must "
            "live on the same H^d."
        )
