"""The radial law of the Riemannian normal: density proportional to exp(-r^2 / (2 sigma^2)) sinh(r)^m, r > 0.

The density is log-concave, so a window outside which it is negligible is found exactly. Integrals are taken over that
window by Gauss-Legendre rules: the integrand is entire and positive, so nothing cancels, where the closed form
(`rn-normaliser`) is an alternating sum that loses every digit for small sigma and large m. What every sample and
every density, entropy and KL needs, the quantile and the cumulants of r^2, is tabulated per dimension on first use.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrssm.distributions.numerics.functions import apply
from hrssm.distributions.numerics.precision import wide
from hrssm.distributions.numerics.tables import (
    constant_in_graphs,
    interpolate,
    interpolate_each,
    outside_modes,
    tabulate,
)
from hrssm.distributions.numerics.transport import LineLaw

__all__ = [
    "SCALE_BOXES",
    "Rule",
    "cumulants",
    "far_scale",
    "log_radial_integral",
    "radial_quantile",
    "radial_rule",
    "radial_variance",
    "relative_cumulant",
]

# The density at the ends of the window, relative to its peak, is exp(-_WINDOW^2 / 2) for a rule, and less for the
# tables, whose tails reach to 1e-20.
_WINDOW = 9.0
_WIDE_WINDOW = 11.5
SCALE_BOXES, _NORM_BOX = 48, 0.45


def _remainder_rule(points: int) -> tuple[list[float], list[float]]:
    """Gauss-Legendre on [0, 1]: nodes, and weights times 1 - s."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return ((nodes + 1) / 2).tolist(), (weights / 2 * (1 - nodes) / 2).tolist()


_REMAINDER = {torch.float64: _remainder_rule(8), torch.float32: _remainder_rule(4)}


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
    law = RadialLaw(wide(scale), fibre)
    points, weights = _rule(law.scale.dtype, scale.device)
    nodes = law.low.unsqueeze(-1) + (law.high - law.low).unsqueeze(-1) * (points + 1) / 2
    terms = law.log_shape(nodes) + torch.log((law.high - law.low).unsqueeze(-1) * weights / 2)
    return Rule(nodes, terms, law)


@constant_in_graphs
def _rule(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    return _legendre(dtype, device)


@functools.cache
def _legendre(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes and weights on [-1, 1]."""
    with outside_modes():
        points, weights = (torch.from_numpy(a).to(device, dtype) for a in np.polynomial.legendre.leggauss(64))
        return points, weights


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
    """log int exp(-r^2 / (2 sigma^2)) sinh(r)^m dr for scale (...), m = fibre, in wide precision (`rn-normaliser`)."""
    return cumulants(scale, fibre)[0]


def cumulants(scale: Tensor, fibre: int) -> tuple[Tensor, Tensor, Tensor]:
    """The log of the integral, the mean and the variance of r^2, for scale (...) in wide precision (`rn-moment`).

    Each is the derivative in eta = -1 / (2 sigma^2) of the one before, and is differentiated as that.
    """
    return apply(_Cumulants, wide(scale), fibre)


class _Cumulants(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(scale: Tensor, fibre: int) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        far = far_scale(fibre)
        held = scale.clamp_max(far)
        table = _cumulant_table(fibre, scale.dtype, scale.device)
        logarithm, mean, variance = interpolate_each(table, held / far).unbind(-1)
        growth = 0.5 * fibre**2 * (scale - held) * (scale + held)
        logarithm = logarithm + fibre * torch.log(_small_stretch(fibre) * held) + torch.log(scale) + growth
        mean, variance = (
            torch.where(scale > far, _moment(scale, fibre, order, 1), rest * _moment(held, fibre, order, fibre + 1))
            for order, rest in ((1, mean), (2, variance))
        )
        return logarithm, mean, variance

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        scale, ctx.fibre = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(scale, *output[1:])
        ctx.save_for_forward(scale, *output[1:])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor, None]:  # type: ignore[override]
        scale, *slopes = ctx.saved_tensors
        by_eta = torch.zeros_like(scale)
        for grad, slope in zip(grads, slopes, strict=False):
            if grad is not None:
                by_eta = by_eta + grad * slope
        by_scale = by_eta / (scale * scale.square())
        if grads[2] is not None:
            by_scale = by_scale + grads[2] * _slope_of_variance(scale, ctx.fibre)
        return by_scale, None

    @staticmethod
    def tangent(ctx: Any, along: Tensor, _: None) -> tuple[Tensor, Tensor, Tensor]:
        scale, *slopes = ctx.saved_tensors
        by_eta = along / (scale * scale.square())
        return by_eta * slopes[0], by_eta * slopes[1], along * _slope_of_variance(scale, ctx.fibre)


def radial_variance(scale: Tensor, fibre: int) -> Tensor:
    """The variance of r^2, the last of `cumulants`, from a table in the precision of the scale."""
    far = far_scale(fibre)
    held = scale.clamp_max(far)
    rest = interpolate(_variance_table(fibre, scale.dtype, scale.device), held / far)
    return torch.where(scale > far, _moment(scale, fibre, 2, 1), rest * _moment(held, fibre, 2, fibre + 1))


def _slope_of_variance(scale: Tensor, fibre: int) -> Tensor:
    """The derivative of `radial_variance` in the scale."""
    far = far_scale(fibre)
    held = scale.clamp_max(far)
    table = _variance_table(fibre, scale.dtype, scale.device)
    rest, slope = interpolate(table, held / far), interpolate(table, held / far, order=1) / far
    inside = slope * _moment(held, fibre, 2, fibre + 1) + rest * _slope_of_moment(held, fibre, fibre + 1)
    return torch.where(scale > far, _slope_of_moment(scale, fibre, 1), inside)


def _moment(scale: Tensor, fibre: int, order: int, dimension: int) -> Tensor:
    """Mean or variance of r^2 for large sigma, r a normal of mean m sigma^2 and deviation sigma, if dimension is 1.

    With dimension d its limit for small sigma is theirs there.
    """
    square = scale.square()
    mean_square = fibre**2 * square
    return square * (dimension + mean_square) if order == 1 else 2 * square.square() * (dimension + 2 * mean_square)


def _slope_of_moment(scale: Tensor, fibre: int, dimension: int) -> Tensor:
    """The derivative of the variance that `_moment` gives."""
    return 8 * scale * scale.square() * (dimension + 3 * fibre**2 * scale.square())


def relative_cumulant(scale: Tensor, other: Tensor, fibre: int) -> Tensor:
    """KL of the radial laws of two scales, log(Z' / Z) + t E r^2, t = 1 / (2 sigma'^2) - 1 / (2 sigma^2) (`rn-moment`).

    With A the log of the integral in eta it is A(eta') - A(eta) - A'(eta) (eta' - eta). For scales near each other,
    where that cancels, it is (eta' - eta)^2 times the integral of (1 - s) A''(eta + s (eta' - eta)), taken by
    Gauss-Legendre.
    """
    a, b = wide(scale), wide(other)
    t = (a - b) * (a + b) / (2 * (a * b).square())
    (start, slope, _), (end, _, _) = cumulants(a, fibre), cumulants(b, fibre)
    apart = end - start + t * slope
    near = 2 * t.abs() * a.square() < 0.25
    # Positive terms: they are as good in the dtype of the scales, and in float32 half as many points are enough.
    single = scale.to(torch.promote_types(scale.dtype, torch.float32))
    step = torch.where(near, t, torch.zeros_like(t)).to(single.dtype)
    nodes, weights = (single.new_tensor(numbers) for numbers in _REMAINDER[single.dtype])
    between = torch.rsqrt(1 / single.square().unsqueeze(-1) + 2 * step.unsqueeze(-1) * nodes)
    close = step.square() * (radial_variance(between, fibre) * weights).sum(-1)
    return torch.where(near, close, apart)


def radial_quantile(scale: Tensor, norm: Tensor, fibre: int) -> Tensor:
    """The radius r with F(r) = P(chi_d < norm), d = fibre + 1: the norm of normal noise made a radius.

    To rounding in float64, and from a smaller table in any other dtype. Differentiable in scale and norm.
    r / (sigma norm) is tabulated for tails down to 1e-20; beyond them r goes on in proportion to the norm.
    """
    dtype = torch.promote_types(scale.dtype, norm.dtype)
    tabulated = dtype if dtype == torch.float64 else torch.float32
    scale, norm = scale.to(tabulated), norm.to(tabulated)
    (first, last), far = _norms(fibre), far_scale(fibre)
    held, least = scale.clamp_max(far), norm.clamp_min(first)
    start = _stretched(first)
    place = (torch.log(torch.expm1(least.clamp_max(last) / 2)) - start) / (_stretched(last) - start)
    ratio = interpolate(_quantile_table(fibre, tabulated, scale.device), held / far, place)
    # Above the table's scales the law is the normal of mean m sigma^2 and deviation sigma.
    return (scale * (least * ratio + fibre * (scale - held)) * (norm / least)).to(dtype)


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
def _cumulant_table(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _tabulated_cumulants(fibre, dtype, device)


@constant_in_graphs
def _variance_table(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _tabulated_variance(fibre, dtype, device)


@constant_in_graphs
def _quantile_table(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _quantiles(fibre, dtype, device)


@functools.cache
def _tabulated_cumulants(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return tabulate(lambda place: _rest(place, fibre), SCALE_BOXES, dtype=dtype, device=device)


@functools.cache
def _tabulated_variance(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return tabulate(lambda place: _rest(place, fibre)[:, 2], SCALE_BOXES, dtype=dtype, device=device)


def _rest(place: Tensor, fibre: int) -> Tensor:
    """The cumulants relative to their behaviour for small sigma, (..., 3)."""
    scale = place * far_scale(fibre)
    rule = radial_rule(scale, fibre)
    logarithm = rule.log_integral - torch.log(scale) - fibre * torch.log(_small_stretch(fibre) * scale)
    square = rule.nodes.square()
    mean = rule.expectation(square)
    variance = rule.expectation((square - mean.unsqueeze(-1)).square())
    relative = (x / _moment(scale, fibre, order, fibre + 1) for order, x in ((1, mean), (2, variance)))
    return torch.stack((logarithm, *relative), -1)


@functools.cache
def _quantiles(fibre: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    first, last = map(_stretched, _norms(fibre))

    def ratio(place: Tensor, norm_place: Tensor) -> Tensor:
        """r / (sigma norm) on the grid."""
        scale = place * far_scale(fibre)
        norm = 2 * torch.log1p(torch.exp(first + (last - first) * norm_place))
        score = _chi(fibre).score(norm.unsqueeze(0))
        law = RadialLaw(scale, fibre, _WIDE_WINDOW)
        radius = LineLaw(law.log_shape, law.low, law.mode, law.high).quantile(score, fibre + 1)
        return radius / (norm * scale.unsqueeze(-1))

    return tabulate(ratio, SCALE_BOXES, math.ceil((last - first) / _NORM_BOX), dtype=dtype, device=device)


def _chi(fibre: int) -> LineLaw:
    """The law of the norm of normal noise, whose log-density is m log r - r^2 / 2."""
    mode = math.sqrt(fibre)
    window = torch.tensor([[max(0.0, mode - _WIDE_WINDOW / math.sqrt(2))], [mode], [mode + _WIDE_WINDOW]]).double()
    return LineLaw(lambda r: fibre * torch.log(r / mode) - 0.5 * (r - mode) * (r + mode), *window)
