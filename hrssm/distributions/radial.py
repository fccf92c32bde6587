"""The radial law of the Riemannian normal: density proportional to exp(-r^2 / (2 sigma^2)) sinh(r)^m, r > 0.

The density is log-concave, so a window outside which it is below exp(-40) of its peak is found exactly.
Integrals are taken over that window by a Gauss-Legendre rule: the integrand is entire and positive, so
nothing cancels, where the closed form (`rn-normaliser`) is an alternating sum that loses every digit for
small sigma and large m. Work is done in float64 whatever the dtype.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from hrssm.distributions.implicit import attach_slopes

__all__ = ["Rule", "radial_quantile", "radial_rule"]

_WINDOW = 9.0


def _gauss_legendre(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes and weights on [0, 1], and the matrix from values at the nodes to integrals from 0 to each."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    degrees = np.arange(count)
    legendre = np.polynomial.legendre.legvander(nodes, count)
    coefficients = (2 * degrees[:, None] + 1) / 2 * legendre[:, :count].T * weights
    # int_{-1}^x P_k = (P_{k+1} - P_{k-1}) / (2k + 1), and 1 + x for k = 0
    integrals = np.empty((count, count))
    integrals[:, 0] = 1 + nodes
    integrals[:, 1:] = (legendre[:, 2:] - legendre[:, : count - 1]) / (2 * degrees[1:] + 1)
    arrays = ((nodes + 1) / 2, weights / 2, integrals @ coefficients / 2)
    points, weights, cumulative = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    return points, weights, cumulative


_BODY = _gauss_legendre(64)
_TAIL = _gauss_legendre(40)


class Rule:
    """Nodes and log-weights of an expectation over the radius, (..., nodes), and log of the integral, (...).

    exp(log_weights) sums to 1 over the nodes. Differentiable in sigma through log_weights and log_integral;
    the nodes are constants.
    """

    def __init__(self, nodes: Tensor, terms: Tensor, law: RadialLaw) -> None:
        self.nodes, self.law = nodes, law
        self.log_shape_integral = torch.logsumexp(terms, dim=-1)
        self.log_weights = terms - self.log_shape_integral.unsqueeze(-1)
        self.log_integral = self.log_shape_integral + law.log_peak

    def log_density(self, r: Tensor) -> Tensor:
        """Log-density of the radius at r (..., nodes), to an error that does not grow with the integral."""
        return self.law.log_shape(r) - self.log_shape_integral.unsqueeze(-1)

    def expectation(self, values: Tensor) -> Tensor:
        """The expectation of a function from its values at the nodes, (..., nodes) to (...)."""
        return (torch.exp(self.log_weights) * values).sum(-1)


def radial_rule(scale: Tensor, fibre: int) -> Rule:
    """Quadrature for the radial law, scale (...), m = fibre (`rn-normaliser-stable`, `rn-moment`)."""
    law = RadialLaw(scale.double(), fibre)
    points, weights, _ = _on(_BODY, scale)
    nodes = law.low.unsqueeze(-1) + (law.high - law.low).unsqueeze(-1) * points
    terms = law.log_shape(nodes) + torch.log((law.high - law.low).unsqueeze(-1) * weights)
    return Rule(nodes, terms, law)


def radial_quantile(scale: Tensor, norm: Tensor, fibre: int) -> Tensor:
    """The radius r with F(r) = P(chi_d < norm), d = fibre + 1: the norm of normal noise made a radius.

    Differentiable once in scale (implicitly) and in norm. The distribution function is tabulated at the
    quadrature nodes, r is interpolated as a function of the normal score, and two Newton steps on the
    logarithm of the smaller tail, taken by quadrature, bring it to rounding error. Shapes are fixed; nothing
    is rejected.
    """
    scale, norm = torch.broadcast_tensors(scale.double(), norm.double())
    with torch.no_grad():
        law = RadialLaw(scale, fibre)
        half_square, half_dimension = norm.square() / 2, torch.full_like(norm, (fibre + 1) / 2)
        below = torch.special.gammainc(half_dimension, half_square)
        above = torch.special.gammaincc(half_dimension, half_square)
        lower = below < 0.5
        target = torch.where(lower, below, above).clamp_min(1e-300)
        score = torch.special.ndtri(target)
        score = torch.where(lower, score, -score)

        points, weights, cumulative = _on(_BODY, scale)
        width = law.high - law.low
        nodes = law.low.unsqueeze(-1) + width.unsqueeze(-1) * points
        density = torch.exp(law.log_shape(nodes)) * width.unsqueeze(-1)
        total = (density * weights).sum(-1, keepdim=True)
        log_total = torch.log(total.squeeze(-1))
        moment = (density * weights * nodes.square()).sum(-1) / total.squeeze(-1)
        table = (density @ cumulative.T) / total
        r = _interpolate(score, nodes, table, density / (total * width.unsqueeze(-1)))
        # Between 0 and the first node F goes as r^d.
        first, foot = table[..., 0], nodes[..., 0]
        power = foot * torch.exp(torch.log(target / first.clamp_min(1e-12)) / (fibre + 1))
        r = torch.where(lower & (first > 1e-12) & (target < first), power, r).clamp_min(0)
        r = torch.minimum(r, law.high)

        points, weights, _ = _on(_TAIL, scale)

        def tail(r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            """Log of the smaller tail at r, its integral of rho^2 - E rho^2, and the log-density at r."""
            width = torch.where(lower, -torch.minimum(r, law.below), law.above)
            nodes = r.unsqueeze(-1) + width.unsqueeze(-1) * points
            mass = torch.exp(law.log_shape(nodes) - log_total.unsqueeze(-1)) * weights
            centred = mass * (nodes.square() - moment.unsqueeze(-1))
            return (
                torch.log(mass.sum(-1) * width.abs()),
                centred.sum(-1) * width.abs(),
                law.log_shape(r.unsqueeze(-1)).squeeze(-1) - log_total,
            )

        for _ in range(2):
            log_tail, _, log_density = tail(r)
            step = (torch.log(target) - log_tail) * torch.exp(log_tail - log_density)
            r = torch.maximum(r + torch.where(lower, step, -step), r / 8)
        _, centred, log_density = tail(r)
        inverse_density = torch.exp(-log_density)
        scale_slope = torch.where(lower, -centred, centred) / scale**3 * inverse_density
        log_chi = fibre * torch.log(norm) - half_square - math.lgamma((fibre + 1) / 2)
        norm_slope = torch.exp(log_chi - (fibre - 1) / 2 * math.log(2)) * inverse_density
    return attach_slopes(r, (scale, scale_slope), (norm, norm_slope))


def _interpolate(score: Tensor, nodes: Tensor, table: Tensor, density: Tensor) -> Tensor:
    """Cubic Hermite interpolation of the radius as a function of the normal score Phi^-1(F)."""
    probability = torch.special.ndtr(score).unsqueeze(-1)
    right = torch.searchsorted(table.contiguous(), probability.clamp(1e-13, 1 - 1e-13))
    right = right.clamp(1, table.shape[-1] - 1)

    def at(index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z = torch.special.ndtri(table.gather(-1, index).clamp(1e-16, 1 - 1e-16)).squeeze(-1)
        slope = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi) / density.gather(-1, index).squeeze(-1)
        return z, nodes.gather(-1, index).squeeze(-1), slope

    (z0, r0, slope0), (z1, r1, slope1) = at(right - 1), at(right)
    gap = z1 - z0
    t = ((score - z0) / gap).clamp(0, 1)
    cubic = (
        (1 + 2 * t) * (1 - t).square() * r0
        + t * (1 - t).square() * gap * slope0
        + t.square() * (3 - 2 * t) * r1
        + t.square() * (t - 1) * gap * slope1
    )
    # Beyond the table (a tail below 1e-13) and where a slope overflows, Newton starts from the chord.
    chord = r0 + t * (r1 - r0)
    return torch.where((cubic > r0) & (cubic < r1), cubic, chord)


class RadialLaw:
    """The window and peak of the radial density for scale (...); log_shape is relative to the peak."""

    def __init__(self, scale: Tensor, fibre: int) -> None:
        self.scale, self.fibre = scale, fibre
        with torch.no_grad():
            square = scale.square()
            # From between sigma sqrt(m), small sigma, and m sigma^2, large; Newton on m / tanh(r) = r / sigma^2.
            mode = torch.sqrt(fibre * square + (fibre * square).square())
            for _ in range(4):
                slope = fibre / torch.sinh(mode).square() + 1 / square
                mode = mode + (fibre / torch.tanh(mode) - mode / square) / slope
            self.mode = mode
            # The curvature m / sinh(r)^2 + 1 / sigma^2 falls with r: below the mode the one at the mode is a
            # bound.
            self.below = _WINDOW / torch.sqrt(fibre / torch.sinh(mode).square() + 1 / square)
            self.low = (mode - self.below).clamp_min(0)
            # Above it Newton for log_shape = -_WINDOW^2 / 2 approaches the crossing from outside, by
            # concavity.
            above = _WINDOW * scale
            for _ in range(3):
                r = mode + above
                value = self.log_shape(r.unsqueeze(-1)).squeeze(-1) + 0.5 * _WINDOW**2
                above = above - value / (fibre / torch.tanh(r) - r / square)
            self.above, self.high = above, mode + above
        log_sinh = mode + torch.log(-torch.expm1(-2 * mode)) - math.log(2)
        self.log_peak = -0.5 * (mode / scale).square() + fibre * log_sinh

    def log_shape(self, r: Tensor) -> Tensor:
        """Log-density at r (..., nodes) less its value at the mode, without subtracting large numbers."""
        scale, mode = self.scale.unsqueeze(-1), self.mode.unsqueeze(-1)
        step = r - mode
        tilt = self.fibre - mode / scale.square()
        shrink = torch.log(torch.expm1(-2 * r) / torch.expm1(-2 * mode))
        return step * (tilt - 0.5 * step / scale.square()) + self.fibre * shrink


def _on(rule: tuple[Tensor, Tensor, Tensor], like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    points, weights, cumulative = rule
    return points.to(like.device), weights.to(like.device), cumulative.to(like.device)
