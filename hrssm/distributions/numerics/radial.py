"""The radial law of the Riemannian normal: density proportional to exp(-r^2 / (2 sigma^2)) sinh(r)^m, r > 0.

The density is log-concave, so a window outside which it is negligible is found exactly. Integrals are taken over that
window by Gauss-Legendre rules: the integrand is entire and positive, so nothing cancels, where the closed form
(`rn-normaliser`) is an alternating sum that loses every digit for small sigma and large m. What every sample and
every density needs, the quantile and the log of the integral, is tabulated per dimension on first use. Work is done
in float64 whatever the dtype.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor

from hrssm.distributions.numerics.tables import constant_in_graphs, interpolate, tabulate
from hrssm.distributions.numerics.transport import LineLaw

__all__ = ["SCALE_BOXES", "Rule", "far_scale", "log_radial_integral", "radial_quantile", "radial_rule"]

# The density at the ends of the window, relative to its peak, is exp(-_WINDOW^2 / 2) for a rule, and less for the
# tables, whose tails reach to 1e-20.
_WINDOW = 9.0
_WIDE_WINDOW = 11.5
SCALE_BOXES, _NORM_BOX = 48, 0.45
_RULE = tuple(map(torch.from_numpy, np.polynomial.legendre.leggauss(64)))


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
    points, weights = (a.to(scale.device) for a in _RULE)
    nodes = law.low.unsqueeze(-1) + (law.high - law.low).unsqueeze(-1) * (points + 1) / 2
    terms = law.log_shape(nodes) + torch.log((law.high - law.low).unsqueeze(-1) * weights / 2)
    return Rule(nodes, terms, law)


class RadialLaw:
    """The window and peak of the radial density for scale (...); log_shape is relative to the peak."""

    def __init__(self, scale: Tensor, fibre: int, window: float = _WINDOW) -> None:
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
            below = window / torch.sqrt(fibre / torch.sinh(mode).square() + 1 / square)
            self.low = (mode - below).clamp_min(0)
            # Above it Newton for log_shape = -window^2 / 2 approaches the crossing from outside, by concavity.
            above = window * scale
            for _ in range(3):
                r = mode + above
                value = self.log_shape(r.unsqueeze(-1)).squeeze(-1) + 0.5 * window**2
                above = above - value / (fibre / torch.tanh(r) - r / square)
            self.high = mode + above
        log_sinh = mode + torch.log(-torch.expm1(-2 * mode)) - math.log(2)
        self.log_peak = -0.5 * (mode / scale).square() + fibre * log_sinh

    def log_shape(self, r: Tensor) -> Tensor:
        """Log-density at r (..., nodes) less its value at the mode, without subtracting large numbers."""
        scale, mode = self.scale.unsqueeze(-1), self.mode.unsqueeze(-1)
        step = r - mode
        tilt = self.fibre - mode / scale.square()
        shrink = torch.log(torch.expm1(-2 * r) / torch.expm1(-2 * mode))
        return step * (tilt - 0.5 * step / scale.square()) + self.fibre * shrink


def log_radial_integral(scale: Tensor, fibre: int) -> Tensor:
    """log int exp(-r^2 / (2 sigma^2)) sinh(r)^m dr for scale (...), m = fibre, in float64 (`rn-normaliser`).

    Tabulated relative to its behaviour for small sigma; above the table's scales it goes as sigma exp(m^2 sigma^2 / 2).
    """
    scale = scale.double()
    held = scale.clamp_max(far_scale(fibre))
    rest = interpolate(_integral_table(fibre, scale.device), held * (SCALE_BOXES / far_scale(fibre)))
    growth = 0.5 * fibre**2 * (scale - held) * (scale + held)
    return rest + fibre * torch.log(_small_stretch(fibre) * held) + torch.log(scale) + growth


def radial_quantile(scale: Tensor, norm: Tensor, fibre: int) -> Tensor:
    """The radius r with F(r) = P(chi_d < norm), d = fibre + 1: the norm of normal noise made a radius, in float64.

    Differentiable in scale and norm. r / (sigma norm) is tabulated for tails down to 1e-20; beyond them r
    goes on in proportion to the norm.
    """
    scale, norm = scale.double(), norm.double()
    first, last = _norms(fibre)
    held = scale.clamp_max(far_scale(fibre))
    place = (torch.log(torch.expm1(norm.clamp(first, last) / 2)) - _stretched(first)) / _NORM_BOX
    ratio = interpolate(_quantile_table(fibre, scale.device), held * (SCALE_BOXES / far_scale(fibre)), place)
    # Above the table's scales the law is the normal of mean m sigma^2 and deviation sigma.
    return scale * (norm * ratio + fibre * (scale - held))


def far_scale(fibre: int) -> float:
    """From this sigma on, r > 19 but for a tail of 1e-20, so that sinh(r) is exp(r) / 2: m sigma^2 - 9.5 sigma = 19."""
    return (9.5 + math.sqrt(9.5**2 + 4 * 19 * fibre)) / (2 * fibre)


def _small_stretch(fibre: int) -> float:
    """The s for which the integral is sigma (s sigma)^m for small sigma: with it in the logarithm little cancels."""
    return math.exp(((fibre - 1) / 2 * math.log(2) + math.lgamma((fibre + 1) / 2)) / fibre)


def _norms(fibre: int) -> tuple[float, float]:
    """Norms of noise with tails of 1e-20 or less below and above, from Chernoff's bounds for chi_d."""
    d = fibre + 1
    return math.sqrt(d / math.e) * 10 ** (-20 / d), math.sqrt(d) + 9.6


def _stretched(norm: float) -> float:
    """A coordinate in which the quantile is smooth at every norm: logarithmic below 2, straight above."""
    return math.log(math.expm1(norm / 2))


# A compiled graph takes the tables as constants, under names that no other module may use; building is not traced.
@constant_in_graphs
def _integral_table(fibre: int, device: torch.device) -> Tensor:
    return _integrals(fibre, device)


@constant_in_graphs
def _quantile_table(fibre: int, device: torch.device) -> Tensor:
    return _quantiles(fibre, device)


@functools.cache
def _integrals(fibre: int, device: torch.device) -> Tensor:
    def rest(place: Tensor) -> Tensor:
        scale = place * (far_scale(fibre) / SCALE_BOXES)
        small = torch.log(scale) + fibre * torch.log(_small_stretch(fibre) * scale)
        return radial_rule(scale, fibre).log_integral - small

    return tabulate(rest, SCALE_BOXES, device=device)


@functools.cache
def _quantiles(fibre: int, device: torch.device) -> Tensor:
    first, last = map(_stretched, _norms(fibre))

    def ratio(place: Tensor, norm_place: Tensor) -> Tensor:
        """r / (sigma norm) on the grid."""
        scale = place * (far_scale(fibre) / SCALE_BOXES)
        norm = 2 * torch.log1p(torch.exp(first + _NORM_BOX * norm_place))
        score = _chi(fibre).score(norm.unsqueeze(0))
        law = RadialLaw(scale, fibre, _WIDE_WINDOW)
        radius = LineLaw(law.log_shape, law.low, law.mode, law.high).quantile(score, fibre + 1)
        return radius / (norm * scale.unsqueeze(-1))

    return tabulate(ratio, SCALE_BOXES, math.ceil((last - first) / _NORM_BOX), device=device)


def _chi(fibre: int) -> LineLaw:
    """The law of the norm of normal noise, whose log-density is m log r - r^2 / 2."""
    mode = math.sqrt(fibre)
    window = torch.tensor([[max(0.0, mode - _WIDE_WINDOW / math.sqrt(2))], [mode], [mode + _WIDE_WINDOW]]).double()
    return LineLaw(lambda r: fibre * torch.log(r / mode) - 0.5 * (r - mode) * (r + mode), *window)
