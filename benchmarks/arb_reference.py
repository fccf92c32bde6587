"""The closed forms of `hrssm` in Arb ball arithmetic, written from the statements and not from the code.

Each function takes numbers that are balls (`arb`) or ball power series (`arb_series`, for derivatives). Fibre
coordinates enter through the squared distance |b - beta|^2 alone, which is called `gap`; `fibre` is their number m.
At 320 bits the textbook forms lose nothing that a float64 could show.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flint import arb, arb_series, ctx

BITS = 320
ctx.prec = BITS

Number = Any  # arb or arb_series: python-flint ships no common base

PI = arb.pi()


def value(x: Number) -> arb:
    """The constant term."""
    return x[0] if isinstance(x, arb_series) else x


def digamma(x: Number) -> Number:
    """Digamma, of a series of length 2 through trigamma(x) = zeta(2, x)."""
    if isinstance(x, arb):
        return x.digamma()
    return arb_series([x[0].digamma(), arb(2).zeta(x[0]) * x[1]], 2)


def arcosh_of_one_plus(x: Number) -> Number:
    """arcosh(1 + x) for x > 0."""
    return (1 + x + (x * (x + 2)).sqrt()).log()


def cosh_minus_one(x: Number) -> Number:
    """cosh(x) - 1."""
    return (x.exp() + (-x).exp()) / 2 - 1


def distance(tau: Number, mu: Number, gap: Number, **_: int) -> Number:
    """`geo-distance` between heights tau and mu."""
    return arcosh_of_one_plus(cosh_minus_one(tau - mu) + (-(tau + mu)).exp() * gap / 2)


def hg_log_prob(tau: Number, mu: Number, gap: Number, sigma: Number, s: Number, kappa: Number, fibre: int) -> Number:
    """`hgk-density`: the density of (tau, b) times exp(m tau)."""
    log_width = s.log() + mu + kappa * (tau - mu)
    spread = gap * (-2 * log_width).exp()
    height = (tau - mu) / sigma
    return (
        -height * height / 2 - sigma.log() - spread / 2 - fibre * log_width + fibre * tau
        - (fibre + 1) * (2 * PI).log() / 2
    )  # fmt: skip


def hg_kl(
    mu_q: Number, sigma_q: Number, s_q: Number, kappa_q: Number, mu_p: Number, sigma_p: Number, s_p: Number,
    kappa_p: Number, gap: Number, fibre: int,
) -> Number:  # fmt: skip
    """`hgk-kl-mixed`, which is `hgk-kl` and `hg-kl` where the couplings agree."""
    shift, apart = mu_q - mu_p, kappa_q - kappa_p
    height = (sigma_p / sigma_q).log() - arb(1) / 2
    height = height + (sigma_q * sigma_q + shift * shift) / (2 * sigma_p * sigma_p)
    log_ratio = 2 * (s_q / s_p).log() + 2 * (1 - kappa_p) * shift
    rho = (log_ratio + 2 * apart * apart * sigma_q * sigma_q).exp()
    exponent = -2 * (1 - kappa_p) * mu_p - 2 * kappa_p * mu_q + 2 * kappa_p * kappa_p * sigma_q * sigma_q
    return height + fibre * (rho - 1 - log_ratio) / 2 + gap / (2 * s_p * s_p) * exponent.exp()


def hg_entropy(fibre: int, sigma: Number, s: Number) -> Number:
    """`hg-entropy`."""
    return ((2 * PI).log() + 1) * (fibre + 1) / 2 + sigma.log() + fibre * s.log()


@cache
def radial_integral(fibre: int, scale: float) -> tuple[arb, arb, arb]:
    """`rn-normaliser` and its two derivatives in sigma; the precision grows with the cancellation of the sum."""
    sigma = arb(scale)
    before = ctx.prec
    ctx.prec = BITS + int(fibre * max(0.0, -2 * float(sigma.log()))) + 4 * fibre
    try:
        sums = [arb(0), arb(0), arb(0)]
        root = (2 / arb.pi()).sqrt()  # not PI, which has BITS alone
        for k in range(fibre + 1):
            a = arb(fibre - 2 * k)
            term = (a * a * sigma * sigma / 2).exp() * (1 + (a * sigma / arb(2).sqrt()).erf())
            first = a * a * sigma * term + a * root
            second = a * a * (term + sigma * first)
            coefficient = (-1) ** k * arb(fibre).bin(k)
            for i, derivative in enumerate((sigma * term, term + sigma * first, 2 * first + sigma * second)):
                sums[i] += coefficient * derivative
        scaled = [(PI / 2).sqrt() / arb(2) ** fibre * x for x in sums]
        return scaled[0], scaled[1], scaled[2]
    finally:
        ctx.prec = before


def log_sphere(fibre: int) -> arb:
    """Log-area of the unit sphere S^m."""
    half = arb(fibre + 1) / 2
    return arb(2).log() + half * PI.log() - half.lgamma()


def _in_scale(sigma: Number, function: arb, slope: arb) -> Number:
    """A function of sigma, given with its slope, at a ball or a series."""
    return function if isinstance(sigma, arb) else arb_series([function, slope * sigma[1]], 2)


def rn_log_normaliser(fibre: int, sigma: Number) -> Number:
    """log Z of the Riemannian normal."""
    integral, slope, _ = radial_integral(fibre, float(value(sigma)))
    return _in_scale(sigma, integral.log() + log_sphere(fibre), slope / integral)


def rn_moment(fibre: int, sigma: Number) -> Number:
    """`rn-moment`: E r^2 = sigma^3 dlog Z / dsigma."""
    integral, slope, bend = radial_integral(fibre, float(value(sigma)))
    scale, slope, bend = value(sigma), slope / integral, bend / integral
    return _in_scale(sigma, scale**3 * slope, 3 * scale**2 * slope + scale**3 * (bend - slope * slope))


def rn_log_prob(tau: Number, mu: Number, gap: Number, sigma: Number, fibre: int) -> Number:
    """Log-density of the Riemannian normal."""
    r = distance(tau, mu, gap)
    return -r * r / (2 * sigma * sigma) - rn_log_normaliser(fibre, sigma)


def rn_entropy(fibre: int, sigma: Number) -> Number:
    """log Z + E r^2 / (2 sigma^2)."""
    return rn_log_normaliser(fibre, sigma) + rn_moment(fibre, sigma) / (2 * sigma * sigma)


def rn_concentric_kl(fibre: int, sigma_q: Number, sigma_p: Number) -> Number:
    """log(Z_p / Z_q) + (1 / sigma_p^2 - 1 / sigma_q^2) E r^2 / 2."""
    normalisers = rn_log_normaliser(fibre, sigma_p) - rn_log_normaliser(fibre, sigma_q)
    return normalisers + (1 / (sigma_p * sigma_p) - 1 / (sigma_q * sigma_q)) * rn_moment(fibre, sigma_q) / 2


def wrapped_log_prob(tau: Number, mu: Number, gap: Number, sigma: Number, s: Number, fibre: int) -> Number:
    """Wrapped normal with scale sigma along the height and s along every fibre coordinate (`geo-log`)."""
    height, side_squared = tau - mu, gap * (-2 * mu).exp()
    r = distance(tau, mu, gap)
    apart = value(r) > 0  # rounding can make the two points one
    stretch = 2 * r / (r.exp() - (-r).exp()) if apart else arb(1)
    up = stretch * ((height.exp() - (-height).exp()) / 2 + (-height).exp() * side_squared / 2)
    across = stretch * stretch * (-2 * height).exp() * side_squared
    spread = up * up / (sigma * sigma) + across / (s * s)
    return -spread / 2 - sigma.log() - fibre * s.log() - (fibre + 1) * (2 * PI).log() / 2 + fibre * stretch.log()


def pgm_log_prob(mu: Number, lift: Number, alpha: Number, variance: Number, dispersion: Number) -> Number:
    """One plane of curvature -1, (sigma / beta)^3 exp(-KL / (2 gamma^2)) / Z; lift, variance, dispersion are logs."""
    shape = (-dispersion).exp() / 4
    kl = (variance - lift) / 2 + ((lift - variance).exp() - 1) / 2
    kl = kl + (mu - alpha) * (mu - alpha) * (-variance).exp()
    log_z = (PI / 2).log() / 2 + dispersion / 2 + shape + shape.lgamma() - shape * shape.log()
    return (lift - variance) * 3 / 2 - 2 * shape * kl - log_z


def pgm_entropy(dispersion: Number) -> Number:
    """Minus the expectation of `pgm_log_prob` under its own normal and gamma factors; dispersion is a log."""
    shape = (-dispersion).exp() / 4
    mean_lift = digamma(shape + 1) - shape.log()
    log_z = (PI / 2).log() / 2 + dispersion / 2 + shape + shape.lgamma() - shape * shape.log()
    return log_z + shape * (1 / shape - mean_lift) + arb(1) / 2 - mean_lift * 3 / 2


def pgm_kl(
    alpha_q: Number, variance_q: Number, dispersion_q: Number,
    alpha_p: Number, variance_p: Number, dispersion_p: Number,
) -> Number:  # fmt: skip
    """The normal and the gamma KL of one plane, as textbooks have them."""
    v_q, v_p = (variance_q + dispersion_q).exp(), (variance_p + dispersion_p).exp()
    shift = alpha_q - alpha_p
    normal = ((v_p / v_q).log() + v_q / v_p + shift * shift / v_p - 1) / 2
    base_q, base_p = (-dispersion_q).exp() / 4, (-dispersion_p).exp() / 4
    a_q, a_p, rate_q, rate_p = base_q + 1, base_p + 1, base_q / variance_q.exp(), base_p / variance_p.exp()
    gamma = a_p * (rate_q / rate_p).log() - a_q.lgamma() + a_p.lgamma() + (a_q - a_p) * digamma(a_q)
    return normal + gamma - (1 - rate_p / rate_q) * a_q
