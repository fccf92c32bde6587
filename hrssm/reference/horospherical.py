"""KL between two coupled horospherical Gaussians: the closed form, and the integral that defines it.

The integral is taken in the coordinates of the sampler, tau = mu_q + sigma_q t and b = beta_q + w_q(tau) eps, where
w(tau) = s exp(mu + kappa (tau - mu)). Given t, the log-ratio of the densities is a quadratic in each eps, whose
moments are integrated numerically as well, so nothing that the closed form rests on (a Gaussian moment, the
moment generating function) enters this route. Both densities are with respect to the Riemannian volume; the factor
exp(m tau) by which that differs from d tau d b cancels in the ratio.
"""

from __future__ import annotations

from typing import Any

from flint import acb, arb

from hrssm.reference.parameters import Horospherical
from hrssm.reference.quadrature import normal_expectation
from hrssm.reference.relative import number


def closed_form(q: Horospherical, p: Horospherical) -> dict[str, arb]:
    """The height, fibre and drift terms of KL(q, p). Source: `hg-kl`, `hgk-kl`, `hgk-kl-mixed`."""
    mu_q, mu_p, sigma_q, sigma_p, kappa_p = (
        number(x) for x in (q.height_loc, p.height_loc, q.height_scale, p.height_scale, p.coupling)
    )
    shift = number(q.height_loc - p.height_loc)  # differences are taken of rationals, so that 0 is exactly 0
    height = (sigma_p / sigma_q).log() + (sigma_q**2 + shift * shift) / (2 * sigma_p**2) - arb(1) / 2
    fibre, drift = arb(0), arb(0)
    offset = (1 - kappa_p) * shift  # log of the ratio of the fibre scales at tau = mu_q, less log(s_q / s_p)
    mismatch = number(q.coupling - p.coupling) * sigma_q
    spread = 2 * mismatch * mismatch
    moment = (-2 * (1 - kappa_p) * mu_p - 2 * kappa_p * mu_q + 2 * kappa_p**2 * sigma_q**2).exp()
    for beta_q, beta_p, s_q, s_p in zip(q.fibre_loc, p.fibre_loc, q.fibre_scale, p.fibre_scale, strict=True):
        ratio = (number(s_q) / number(s_p)) ** 2 * (2 * offset).exp()
        fibre += (ratio * spread.exp() - 1 - ratio.log()) / 2
        gap = number(beta_q - beta_p)
        drift += gap * gap / (2 * number(s_p) ** 2) * moment
    return {"height": height, "fibre": fibre, "drift": drift}


def defining_integral(q: Horospherical, p: Horospherical) -> dict[str, arb]:
    """The same three terms as integrals of q log(q / p), by rigorous quadrature with proven tails."""
    zero = arb(0)
    moments = [normal_expectation(lambda t, k=k: t**k, [(arb(1), k, zero)]) for k in range(3)]
    mu_q, mu_p, sigma_q, sigma_p, kappa_q, kappa_p = (
        number(x) for x in (q.height_loc, p.height_loc, q.height_scale, p.height_scale, q.coupling, p.coupling)
    )

    def height(t: Any) -> Any:
        tau = mu_q + sigma_q * t
        return (sigma_p / sigma_q).log() - t * t / 2 + ((tau - mu_p) / sigma_p) ** 2 / 2

    shift, stretch = number(q.height_loc - p.height_loc) / sigma_p, sigma_q / sigma_p
    bound = [
        (abs((sigma_p / sigma_q).log()) + shift * shift / 2, 0, zero),
        (abs(shift * stretch), 1, zero),
        (arb(1) / 2 + stretch**2 / 2, 2, zero),
    ]
    terms = {"height": normal_expectation(height, bound), "fibre": zero, "drift": zero}
    for beta_q, beta_p, s_q, s_p in zip(q.fibre_loc, p.fibre_loc, q.fibre_scale, p.fibre_scale, strict=True):
        gap, log_s_q, log_s_p = number(beta_q - beta_p), number(s_q).log(), number(s_p).log()

        def log_widths(t: Any, log_s_q: arb = log_s_q, log_s_p: arb = log_s_p) -> tuple[Any, Any]:
            tau = mu_q + sigma_q * t
            return log_s_q + mu_q + kappa_q * (tau - mu_q), log_s_p + mu_p + kappa_p * (tau - mu_p)

        # log q - log p at b = beta_q + w_q eps is c0 + c1 eps + c2 eps^2; the part with the gap is the drift
        def fibre(t: Any) -> Any:
            w_q, w_p = log_widths(t)
            return moments[0] * (w_p - w_q) + moments[2] * ((2 * (w_q - w_p)).exp() - 1) / 2

        def drift(t: Any, gap: arb = gap) -> Any:
            w_q, w_p = log_widths(t)
            return moments[0] * gap**2 * (-2 * w_p).exp() / 2 + moments[1] * gap * (w_q - 2 * w_p).exp()

        at_q, at_p = (x.real for x in log_widths(acb(0)))
        slope_q, slope_p = kappa_q * sigma_q, kappa_p * sigma_q
        big = moments[0] + moments[2] + abs(moments[1])  # more than any of the three
        terms["fibre"] += normal_expectation(
            fibre,
            [
                (big * (abs(at_p - at_q) + 1), 0, zero),
                (big * abs(slope_p - slope_q), 1, zero),
                (big * (2 * (at_q - at_p)).exp(), 0, 2 * (slope_q - slope_p)),
            ],
        )
        if beta_q != beta_p:
            terms["drift"] += normal_expectation(
                drift,
                [
                    (big * gap**2 * (-2 * at_p).exp(), 0, -2 * slope_p),
                    (abs(moments[1]) * abs(gap) * (at_q - 2 * at_p).exp(), 0, slope_q - 2 * slope_p),
                ],
            )
    return terms
