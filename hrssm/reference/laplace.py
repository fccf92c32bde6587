"""E[dist^2] under a horospherical law as a double integral without the fibre: the Laplace transform of cosh dist.

With c = cosh dist, arcosh(c)^2 = 2 int_0^oo K_0(s) (e^-s - e^(-s c)) ds / s: its derivative in c is 2 arcosh(c) /
sqrt(c^2 - 1), twice the Laplace transform of K_0. Given the height, c = cosh tau + e^-tau |b|^2 / 2 is quadratic in
Gaussians, so that E e^(-s c) is a product over the fibre coordinates:

    M(s) = E_tau e^(-s cosh tau) prod_i (1 + s v_i)^(-1/2) exp(-s e^-tau beta_i^2 / (2 (1 + s v_i))),

with v_i = e^-tau Var(b_i given tau). Any fibre scales and any centre cost the same. Both integrals, over x = log s and
over t = (tau - mu) / sigma, are trapezoidal sums:

- in x, for |Im x| <= a < pi/2: |K_0(s)| <= K_0(Re s) and |e^-s - e^(-s c)| <= |s| (c - 1), so the integral along an
  edge is at most E(c - 1) pi / (2 cos a);
- in t, wherever e^tau, e^(2 kappa tau) (if beta is not 0) and e^((2 kappa - 1) tau) have real parts >= 0 the integrand
  is at most |e^(-t^2/2)|;
- for small s the sum over t is replaced by its Taylor polynomial in s. It alternates and has a positive measure, so
  what is left out is below the first term left out.
"""

from __future__ import annotations

import math
from typing import Any

from flint import acb, arb, arb_series, ctx

from hrssm.reference.quadrature import afford, ball, normal_tail, strip, strip_error, upper
from hrssm.reference.relative import Relative

#: Terms of the Taylor polynomial that serves for small s.
TERMS = 10


def mean_square(law: Relative, aim: float, turn: float = 0.0) -> arb:
    """E[dist^2] as a ball of radius about e^-aim, along the ray arg s = turn, 0 <= turn < pi/2.

    The integral does not depend on the ray. Along another one every number that enters it is another, so two rays
    check the quadrature, but not the formula.
    """
    ray, lean = (acb(0, turn).exp(), arb(turn).cos()) if turn else (arb(1), arb(1))
    excess = law.mean_cosh() - 1
    size = max(0.0, upper(excess.log()))

    def edge(a: arb) -> arb:
        return excess * arb.pi() / (2 * (a + turn).cos())

    step, width = strip(edge, 1.55 - turn, aim + 4)
    last = math.ceil(math.log((aim / 2 + 4) / float(lean)) / float(step))
    first = -math.ceil((aim + size + math.log(aim + size) + 3) / float(step))
    heights, missed = _heights(law, aim + 2 * math.log(aim + size) + 4, turn)
    taylor = _taylor(heights)
    # where each order of Taylor polynomial is good to the aim; the order that reaches furthest is taken
    reach, order = max((-(aim + 12 + upper(abs(taylor[j]).log())) / j, j) for j in range(1, TERMS))
    # and from where on |e^(-s cosh tau)| is below the aim at every height
    silent = math.log((aim + 12) / float(lean)) - min(upper(cosh.log()) for _, cosh, _ in heights)
    afford(len(heights) * (min(last, silent / float(step)) - max(first, reach / float(step))))
    nodes = [ray * (step * k).exp() for k in range(first, last + 1)]
    kernel = [step * s.bessel_k(0) for s in nodes]
    total, error = 0 * ray, missed * sum((abs(weight) for weight in kernel), arb(0))
    for k, s, weight in zip(range(first, last + 1), nodes, kernel, strict=True):
        if k * float(step) < reach:
            mean, power = taylor[0], ray**0
            for j in range(1, order):
                power *= s
                mean += taylor[j] * power
            error += abs(weight * taylor[order] * s**order)
        elif k * float(step) > silent + 1e-6:
            mean = arb(0)
            error += abs(weight) * arb(-aim - 12).exp() * taylor[0]
        else:
            mean = _transform(heights, s, aim + 12)
        total += weight * ((-s).exp() - mean)

    start, end = step * first, lean * abs(nodes[-1])
    error += strip_error(edge(width), width, step)
    error += (2 - lean.log() - start) * start.exp() * excess  # K_0(s) <= 1 - log s for s <= 1
    error += (arb.pi() / 2).sqrt() * (-2 * end).exp() / (end * end.sqrt())  # K_0(s) <= sqrt(pi / (2 s)) e^-s
    return 2 * (total.real + ball(error))


def _heights(law: Relative, aim: float, turn: float) -> tuple[list[tuple[Any, ...]], arb]:
    """Nodes of the rule over t: (weight, cosh tau, [(multiplicity, v, e^-tau beta^2 / 2)]), and its error."""

    def edge(a: arb) -> arb:
        return (a * a / 2).exp()

    step, width = strip(edge, min(law.sector(turn) / float(law.sigma), 2 * math.sqrt(aim)), aim)
    count = math.ceil(math.sqrt(2 * aim) / float(step)) + 1
    nodes = []
    for k in range(-count, count + 1):
        t = step * k
        tau = law.mu + law.sigma * t
        down, spread = (-tau).exp(), law.spread(tau)
        groups = [(g.count, spread * g.square, down * g.offset / 2) for g in law.groups]
        nodes.append((step * (-t * t / 2).exp() * (2 * arb.pi()).rsqrt(), tau.cosh(), groups))
    return nodes, strip_error(edge(width), width, step) + 2 * normal_tail(0, arb(0), step * count)


def _transform(heights: list[tuple[Any, ...]], s: Any, aim: float) -> Any:
    """The rule's value of M(s); nodes at which |e^(-s cosh tau)| < e^-aim are bounded by it."""
    total, left_out, turned = 0 * s, arb(0), isinstance(s, acb)
    for weight, cosh, groups in heights:
        exponent, product = s * cosh, s**0
        if exponent.real > aim:
            left_out += weight
            continue
        for count, v, offset in groups:
            one = 1 + s * v
            if turned:  # the root of each factor, for the root of the product can be on another branch
                product *= one.rsqrt() ** count
            else:
                product *= one**count
            if offset != 0:
                exponent += s * offset / one
        total += weight * (-exponent).exp() * (product if turned else product.rsqrt())
    missed = ball(left_out * arb(-aim).exp())
    return total + (acb(missed, missed) if turned else missed)


def _taylor(heights: list[tuple[Any, ...]]) -> list[arb]:
    """Coefficients of the rule's M(s) in s."""
    before, ctx.cap = ctx.cap, TERMS
    try:
        total = arb_series([0])
        for weight, cosh, groups in heights:
            logs = [arb(0)] * TERMS
            logs[1] = -cosh
            for count, v, offset in groups:
                power = arb(1)
                for j in range(1, TERMS):  # -count log(1 + s v) / 2 - s offset / (1 + s v)
                    logs[j] -= power * offset
                    power *= -v
                    logs[j] += count * power / (2 * j)
            total += arb_series(logs).exp() * weight
        return [total[j] for j in range(TERMS)]
    finally:
        ctx.cap = before
