"""KLs between a horospherical law and a Riemannian normal, either way round, term by term and by two roads.

KL(HG, RN) = -H(HG) + log Z + E dist^2 / (2 sigma^2), Z the normaliser of RN. Only E dist^2 has no closed form: the
first road takes it as a Laplace transform (`laplace`), the second from its definition (`direct`), and the entropy and
the normaliser by quadrature. KL(RN, HG) = -H(RN) - E log q, which needs four means: the first road takes them in
horospherical coordinates, the second in polar ones, with the entropy by quadrature.
"""

from __future__ import annotations

import math
from typing import Any

from flint import arb, ctx

from hrssm.reference import direct, laplace, means
from hrssm.reference.means import Means, sphere
from hrssm.reference.parameters import Horospherical, RiemannianNormal
from hrssm.reference.quadrature import ball, body, log_concave_tail, normal_expectation, reach, upper
from hrssm.reference.relative import Relative, number

#: The terms by either road, and what each road is called and does.
Roads = tuple[dict[str, arb], dict[str, arb], dict[str, str]]

EXACT = "Rigorous: rounding is within the ball."
RIGOROUS = "Rigorous: the errors of every quadrature and of its tails are bounded, and within the ball."

#: The ray of the second road where the direct integral is out of reach.
RAY = 0.5


def _aim(scale: float) -> float:
    """Nats to which an expectation is taken that enters a term with the factor `scale`."""
    return 0.6931471805599453 * (ctx.prec - 58) + max(0.0, math.log(scale))


# ------------------------------------------------------------------------------------------- normaliser and moment


def closed_radial(m: int, sigma: arb) -> tuple[arb, arb]:
    """The integral of e^(-r^2/(2 sigma^2)) sinh^m r and E r^2, in closed form (`rn-normaliser`, `rn-moment`).

    The sums cancel to the relative size sigma^m or less, which is made up for in bits.
    """
    bits, radial, moment = 2 * ctx.prec, arb("nan"), arb("nan")
    for _ in range(8):
        with ctx.workprec(bits):
            total, slope, root = arb(0), arb(0), arb(2).sqrt()
            for k in range(m + 1):
                a, c = m - 2 * k, (-1) ** k * math.comb(m, k)
                rise = (a * a * sigma * sigma / 2).exp() * (1 + (a * sigma / root).erf())
                total += c * rise
                slope += c * (a * a * sigma * rise + a * (2 / arb.pi()).sqrt())
            radial, moment = sigma * (arb.pi() / 2).sqrt() * total / arb(2) ** m, sigma**2 + sigma**3 * slope / total
        if min(radial.rel_accuracy_bits(), moment.rel_accuracy_bits()) > ctx.prec - 8:
            break
        bits *= 2
    return +radial, +moment


def integrated_radial(m: int, sigma: arb) -> tuple[arb, arb]:
    """The same two numbers by quadrature with a proven tail."""
    cut = arb(math.ceil(m * float(sigma) + reach(ctx.prec) + m**0.5))  # in units of sigma
    values = []
    for power in (0, 2):

        def radial(u: Any, power: int = power) -> Any:
            return u**power * (-u * u / 2).exp() * ((sigma * u).sinh() / sigma) ** m

        # log-concave: the second derivative of the logarithm is -1 - m sigma^2 / sinh^2 - power / u^2
        tail = log_concave_tail(radial(cut), cut - m * sigma / (sigma * cut).tanh() - power / cut)
        values.append(body(radial, 0, cut, [k * cut / 8 for k in range(1, 8)]) + ball(tail))
    return values[0] * sigma ** (m + 1), values[1] / values[0] * sigma**2


# ------------------------------------------------------------------------------------------- KL(HG, RN)


def forward(q: Horospherical, p: RiemannianNormal) -> Roads:
    """Minus the entropy of q, log Z of p, and the distance term.

    Source: `hgk-entropy`, `rn-normaliser`.
    """
    m, sigma, law = q.dim - 1, number(p.scale), Relative(q, p)
    aim = _aim(upper(1 / (2 * sigma * sigma)))
    entropy = (m + 1) * (2 * arb.pi() * arb(1).exp()).log() / 2 + number(q.height_scale).log()
    entropy += sum((number(s).log() for s in q.fibre_scale), arb(0))
    first = {
        "minus entropy": -entropy,
        "log normaliser": (sphere(m + 1) * closed_radial(m, sigma)[0]).log(),
        "distance": laplace.mean_square(law, aim) / (2 * sigma * sigma),
    }
    if direct.possible(law, aim):
        square = direct.mean_square(law, aim)
        words = "E dist^2 by its definition, over the height and the length of b."
    else:
        square = laplace.mean_square(law, aim, RAY)
        words = (
            "E dist^2 by the same Laplace transform along another ray, as the length of b has no law that is quick to "
            "compute for unequal fibre scales: a check of the quadrature, but not of the formula."
        )
    second = {
        "minus entropy": _minus_entropy(q),
        "log normaliser": (sphere(m + 1) * integrated_radial(m, sigma)[0]).log(),
        "distance": square / (2 * sigma * sigma),
    }
    roads = {
        "reduced": "entropy and normaliser in closed form; E dist^2 as a Laplace transform, in which the fibre has a "
        f"closed form. {RIGOROUS}",
        "integral": f"entropy and normaliser by quadrature; {words} {RIGOROUS}",
    }
    return first, second, roads


def _minus_entropy(q: Horospherical) -> arb:
    """E log q by quadrature over the height; the quadratic form of the fibre has the mean of a squared normal."""
    m, mu, sigma, kappa = q.dim - 1, number(q.height_loc), number(q.height_scale), number(q.coupling)
    second = normal_expectation(lambda t: t * t, [(arb(1), 2, arb(0))])
    logs = sum((number(s).log() for s in q.fibre_scale), arb(0))

    def log_density(t: Any) -> Any:  # with respect to the volume
        tau = mu + sigma * t
        widths = logs + m * (mu + kappa * (tau - mu))
        return -t * t / 2 - sigma.log() - m * second / 2 - widths + m * tau - (m + 1) * (2 * arb.pi()).log() / 2

    level = abs(sigma.log()) + m * second / 2 + abs(logs) + 2 * m * abs(mu) + (m + 1)
    bound = [(arb(1) / 2, 2, arb(0)), (m * sigma * (1 + abs(kappa)), 1, arb(0)), (level, 0, arb(0))]
    return normal_expectation(log_density, bound)


# ------------------------------------------------------------------------------------------- KL(RN, HG)


def backward(q: RiemannianNormal, p: Horospherical) -> Roads:
    """Minus the entropy of q, and the height, fibre and drift terms of -E log p.

    Source: `rn-moment`, `hgk-density`. E b = 0 and E b_i b_j = 0 by symmetry, so E |b|^2 serves any fibre scales.
    """
    m, sigma, law = q.dim - 1, number(q.scale), Relative(p, q)
    squeeze = (-2 * (1 - law.kappa) * law.mu).exp()
    sharp = squeeze * sum((g.count / g.square for g in law.groups), arb(0)) / (2 * m)
    far = squeeze * sum((g.offset / g.square for g in law.groups), arb(0)) / 2
    steep = 1 / (2 * law.sigma * law.sigma)
    tilt = 2 * steep * abs(law.mu) + m * abs(1 - law.kappa)
    aim = _aim(upper(sharp + far + steep + tilt) + 1)
    logs = sum((g.count * g.square.log() for g in law.groups), arb(0)) / 2 + arb(m) * (2 * arb.pi()).log() / 2

    def terms(radial: arb, moment: arb, mean: Means) -> dict[str, arb]:
        height = mean.height_squared - 2 * law.mu * mean.height + law.mu * law.mu
        return {
            "minus entropy": -(sphere(m + 1) * radial).log() - moment / (2 * sigma * sigma),
            "height": (2 * arb.pi()).log() / 2 + law.sigma.log() + steep * height,
            "fibre": logs - m * (1 - law.kappa) * (mean.height - law.mu) + sharp * mean.spread,
            "drift": far * mean.shrink,
        }

    radial, moment = closed_radial(m, sigma)
    # a KL of size e^n needs n nats less
    rough = terms(radial, moment, means.horospherical(m, sigma, law.kappa, radial, 4.0))
    size = sum(rough.values(), arb(0)).abs_lower()
    if size > 1:
        aim = max(4.0, aim - upper(size.log()))
    first = terms(radial, moment, means.horospherical(m, sigma, law.kappa, radial, aim))
    second = terms(*integrated_radial(m, sigma), means.polar(m, sigma, law.kappa, radial, aim))
    roads = {
        "horospherical": f"entropy in closed form; the means of log p in horospherical coordinates. {RIGOROUS}",
        "polar": f"entropy by quadrature; the means of log p in geodesic polar coordinates. {RIGOROUS}",
    }
    return first, second, roads
