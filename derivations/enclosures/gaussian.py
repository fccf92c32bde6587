"""Independent roads to expectations under HG_kappa: rigorous in Arb, and a plain double sum in mpmath.

The law: tau ~ N(mu, sigma^2), b given tau ~ N(beta, s^2 e^(2 mu + 2 kappa (tau - mu)) I_m). Neither road
knows a closed form of an expectation over tau; the Arb road uses that the fibre coordinates given tau are m
independent normals (the reduction that the proofs justify), the mpmath road sums densities over (t, eps)
and does not use even that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import sympy as sp
from flint import acb, arb

from derivations.engine.ball_arithmetic import Point, exact, half_width, normal_expectation, plus_minus


def law(point: Point, side: str, kappa: str | None = None) -> tuple[arb, arb, arb, arb]:
    """(mu, sigma, s, kappa) of one side ("_q", "_p" or "") at a point; kappa is 1 where it is no
    parameter."""
    names = ["mu" + side, "sigma" + side, "s" + side]
    coupling = exact(point[kappa]) if kappa else arb(1)
    return exact(point[names[0]]), exact(point[names[1]]), exact(point[names[2]]), coupling


def kl_parts(q: tuple[arb, ...], p: tuple[arb, ...], delta: arb, m: int) -> tuple[arb, arb, arb]:
    """Height, fibre and drift terms of the KL as rigorous integrals over the height, from the densities.

    Given tau the m fibre coordinates are normals of log-width W_q and W_p, so that the log-ratio has
    conditional expectation m (W_p - W_q - 1/2 + e^(2 (W_q - W_p))/2) + delta^2 e^(-2 W_p)/2.
    """
    mu_q, sigma_q, s_q, kappa_q = q
    mu_p, sigma_p, s_p, kappa_p = p

    def widths(t: Any) -> tuple[Any, Any]:
        tau = mu_q + sigma_q * t
        return (
            s_q.log() + mu_q + kappa_q * (tau - mu_q),
            s_p.log() + mu_p + kappa_p * (tau - mu_p),
        )

    def height(t: Any, _: bool) -> Any:
        gap = mu_q + sigma_q * t - mu_p
        return (sigma_p / sigma_q).log() - t * t / 2 + gap * gap / (2 * sigma_p * sigma_p)

    def fibre(t: Any, _: bool) -> Any:
        w_q, w_p = widths(t)
        return m * (w_p - w_q - arb(1) / 2 + (2 * (w_q - w_p)).exp() / 2)

    def drift(t: Any, _: bool) -> Any:
        return delta * delta * (-2 * widths(t)[1]).exp() / 2

    # |t| <= e^|t| and t^2 <= 2 e^|t| bound the polynomial parts
    shift = abs(mu_q - mu_p)
    height_bound = abs((sigma_p / sigma_q).log()) + 1 + (shift + sigma_q) ** 2 * 2 / (sigma_p * sigma_p)
    w_q, w_p = widths(arb(0))
    spread = abs(kappa_q - kappa_p) * sigma_q
    fibre_bound = m * (abs(w_p - w_q) + spread + 1 + (2 * (w_q - w_p)).exp())
    drift_bound = delta * delta * (-2 * w_p).exp()
    return (
        normal_expectation(height, bound=height_bound, rate=1),
        normal_expectation(fibre, bound=fibre_bound, rate=1 + 2 * spread),
        normal_expectation(drift, bound=drift_bound, rate=2 * abs(kappa_p) * sigma_q),
    )


def half_line(f: Callable[[Any, bool], Any], *, bound: Any, rate: Any = 0) -> arb:
    """Integral of f(x) e^(-x^2/2) over [0, oo), given |f(x)| <= bound e^(rate x) there."""
    c, big = arb(rate), arb(bound)
    cut = half_width(big) + int(float(c.upper())) + 1
    body = arb(0)
    for low, high in ((0, 2), (2, cut)):
        body += acb.integral(lambda z, a: f(z, a) * (-z * z / 2).exp(), acb(low), acb(high)).real
    tail = big * (c * c / 2).exp() * (arb.pi() / 2).sqrt() * ((arb(cut) - c) / arb(2).sqrt()).erfc()
    return body + plus_minus(tail)


def radial_mean(power: int, m: int) -> arb:
    """E|eps|^power for m independent standard normals, by two radial integrals."""

    def moment(k: int) -> arb:
        return half_line(lambda x, _: x**k, bound=arb(k).fac() if k else 1, rate=1)

    return moment(m - 1 + power) / moment(m - 1)


def double_sum(row: Callable[[Any], Callable[[Any], Any]], reach: float, step: str = "0.4") -> Any:
    """E[row(t)(eps)] for independent standard normals by the trapezoidal rule in both, in mpmath.

    For a Gaussian times an entire function of moderate growth the rule's error is about e^(-2 pi^2 / step^2), 1e-53
    here. The sum runs to |t| <= reach and |eps| <= 16.
    """
    h = mp.mpf(step)
    rows, columns = int(reach / float(step)), int(16 / float(step))
    weights = [mp.exp(-((i * h) ** 2) / 2) for i in range(max(rows, columns) + 1)]
    total = mp.mpf(0)
    for i in range(-rows, rows + 1):
        f = row(i * h)
        total += weights[abs(i)] * sum(weights[abs(j)] * f(j * h) for j in range(-columns, columns + 1))
    return total * h * h / (2 * mp.pi)


def kl_double_sum(point: Point, kappa_q: str | None = None, kappa_p: str | None = None) -> Any:
    """KL(q, p) as the double sum of log q - log p over (t, eps): one fibre coordinate carries all of delta."""

    def value(name: str | None) -> Any:
        r = sp.Rational(point[name]) if name else sp.Integer(1)
        return mp.mpf(int(r.p)) / int(r.q)

    mu_q, mu_p, sigma_q, sigma_p, s_q, s_p, delta = (
        value(n) for n in ("mu_q", "mu_p", "sigma_q", "sigma_p", "s_q", "s_p", "delta")
    )
    k_q, k_p, m = value(kappa_q), value(kappa_p), int(point["m"])

    def ratio(t: Any) -> Callable[[Any], Any]:
        tau = mu_q + sigma_q * t
        width_q = s_q * mp.exp(mu_q + k_q * (tau - mu_q))
        width_p = s_p * mp.exp(mu_p + k_p * (tau - mu_p))
        height = mp.log(sigma_p / sigma_q) + ((tau - mu_p) / sigma_p) ** 2 / 2 - ((tau - mu_q) / sigma_q) ** 2 / 2
        logs = m * mp.log(width_p / width_q)

        def at(e: Any) -> Any:
            b = width_q * e  # beta_q = 0; the first coordinate of beta_p is delta, the others are 0
            first = ((b - delta) / width_p) ** 2
            other = (m - 1) * (b / width_p) ** 2
            return height + logs + (first + other - m * (b / width_q) ** 2) / 2

        return at

    return double_sum(ratio, reach=float(16 + 2 * sigma_q * max(1, abs(k_p), abs(k_q - k_p))))
