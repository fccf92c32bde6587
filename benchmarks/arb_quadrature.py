"""KLs between Riemannian normals and Horospherical Gaussians as double integrals in Arb, for even d.

The trapezoidal rule, whose error is about squared when the step is halved: it is halved until nothing moves in the
eighth digit, which leaves about sixteen. Its variables are not those of `hrssm.distributions.cross_kl`; the second
enters evenly, because m = d - 1 is odd.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from flint import arb, ctx

from benchmarks.arb_reference import distance, hg_entropy, hg_log_prob, rn_log_normaliser

BITS = 128
MOVES = arb("1e-8")
REACH = 11  # standard deviations: exp(-REACH^2 / 2) is 5e-27
# The weight of a node and the function to be averaged there.
Node = Callable[[arb, arb], tuple[arb, arb]]


@cache
def rn_to_hg(mu_q: arb, sigma_q: arb, mu_p: arb, sigma_p: arb, s_p: arb, kappa_p: arb, gap: arb, fibre: int) -> arb:
    """KL from RN(loc_q, sigma_q), loc_q moved to the origin, to a Horospherical Gaussian."""
    mu, offset = mu_p - mu_q, gap * (-2 * mu_q).exp()

    def log_p(tau: arb, side: arb) -> arb:
        # |b - beta|^2 is averaged over the directions of b
        return hg_log_prob(tau, mu, 4 * tau.exp() * side * side + offset, sigma_p, s_p, kappa_p, fibre)

    return _mean_under_rn(sigma_q, fibre, lambda tau, side, log_q: log_q - log_p(tau, side))


@cache
def rn_to_rn(mu_q: arb, sigma_q: arb, mu_p: arb, sigma_p: arb, gap: arb, fibre: int) -> arb:
    """KL from RN(loc_q, sigma_q) to RN(loc_p, sigma_p), the one centre at the origin and the other straight above."""
    apart, log_z = distance(mu_q, mu_p, gap), rn_log_normaliser(fibre, sigma_p)

    def log_ratio(tau: arb, side: arb, log_q: arb) -> arb:
        half_chord = ((tau - apart) / 2).sinh() ** 2 + (-apart).exp() * side * side
        return log_q + 2 * half_chord.sqrt().asinh() ** 2 / (sigma_p * sigma_p) + log_z

    return _mean_under_rn(sigma_q, fibre, log_ratio)


def _mean_under_rn(sigma: arb, fibre: int, function: Callable[[arb, arb, arb], arb]) -> arb:
    """The mean of function(tau, sinh(w / 2), log-density) under RN(o, sigma), where |b| = 2 exp(tau / 2) sinh(w / 2).

    The volume is then, up to a constant, exp(-m tau / 2) sinh(w / 2)^(m - 1) cosh(w / 2) dw dtau, and the radius
    sinh(r / 2)^2 = sinh(tau / 2)^2 + sinh(w / 2)^2.
    """
    log_z = rn_log_normaliser(fibre, sigma)

    def node(x: arb, y: arb) -> tuple[arb, arb]:
        tau, side = sigma * x, (sigma * y / 2).sinh()
        log_shape = -2 * ((tau / 2).sinh() ** 2 + side * side).sqrt().asinh() ** 2 / (sigma * sigma)
        weight = (log_shape - fibre * tau / 2).exp() * side ** (fibre - 1) * (1 + side * side).sqrt()
        return weight, function(tau, side, log_shape - log_z)

    # The radius is below its mode, at most m sigma^2 + sqrt(m) sigma, and REACH sigma.
    furthest = float(fibre * sigma) + fibre**0.5 + REACH
    return _mean(node, furthest, lambda _: (0.0, furthest))


@cache
def hg_to_rn(mu_q: arb, sigma_q: arb, s_q: arb, kappa_q: arb, mu_p: arb, sigma_p: arb, gap: arb, fibre: int) -> arb:
    """KL from a Horospherical Gaussian to RN(loc_p, sigma_p): -H(q) + log Z + E dist^2 / (2 sigma_p^2).

    With loc_p moved to the origin tau = mu + sigma t, and |b| = width(tau) rho, rho a noncentral chi.
    """
    mu, offset = mu_q - mu_p, (gap * (-2 * mu_p).exp()).sqrt()

    def width(t: arb) -> arb:
        return s_q * (mu + kappa_q * sigma_q * t).exp()

    def node(t: arb, rho: arb) -> tuple[arb, arb]:
        tau, shift = mu + sigma_q * t, offset / width(t)
        weight = rho ** (fibre - 1) * (-(t * t + rho * rho + shift * shift) / 2).exp()
        weight *= (shift * shift * rho * rho / 4).hypgeom_0f1(arb(fibre) / 2)
        half_chord = (tau / 2).sinh() ** 2 + (-tau).exp() * (width(t) * rho) ** 2 / 4
        return weight, 4 * half_chord.sqrt().asinh() ** 2

    def lengths(t: float) -> tuple[float, float]:
        shift = float(offset / width(arb(t)))
        return max(0.0, shift - REACH), math.hypot(shift, fibre**0.5) + REACH

    square = _mean(node, REACH, lengths)
    return square / (2 * sigma_p * sigma_p) + rn_log_normaliser(fibre, sigma_p) - hg_entropy(fibre, sigma_q, s_q)


def _mean(node: Node, furthest: float, span: Callable[[float], tuple[float, float]]) -> arb:
    """The weighted mean over |x| < furthest and y in span(x). Raises ArithmeticError after four halvings."""
    with ctx.workprec(BITS):
        last = None
        for step in (1.0, 0.5, 0.25, 0.125, 0.0625):
            total = moment = arb(0)
            for i in range(-math.ceil(furthest / step), math.ceil(furthest / step) + 1):
                low, high = span(i * step)
                for k in range(math.floor(low / step), math.ceil(high / step) + 1):
                    weight, function = node(arb(i * step), arb(k * step))
                    weight = weight / 2 if k == 0 else weight
                    total, moment = total + weight, moment + weight * function
            mean = moment / total
            if last is not None and abs(mean - last) < MOVES * abs(mean):
                return mean
            last = mean
        raise ArithmeticError(f"the quadrature still moves at step {step}, from {last}")
