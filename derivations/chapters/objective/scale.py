"""What likelihood and what KL weight the loss of the write-up stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flint import arb

from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    entry,
    exact,
    precision,
    solves,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import Optimal, name

beta, D, sigma = symbol("beta", positive=True), symbol("D", positive=True), symbol("sigma", positive=True)


def _misfit_ratio(width: int, scale: arb) -> arb:
    """Difference of negative log-likelihoods over that of mean squared errors, at two reconstructions."""
    seen = [arb(3 * i + 1) / 7 for i in range(width)]
    guesses = ([arb(i) / 5 for i in range(width)], [arb(1 - 2 * i) / 3 for i in range(width)])
    errors, surprises = [], []
    for guess in guesses:
        squares = [(o - m) ** 2 for o, m in zip(seen, guess, strict=True)]
        errors.append(sum(squares, arb(0)) / width)
        densities = [(-q / (2 * scale**2)).exp() / (scale * (2 * arb.pi()).sqrt()) for q in squares]
        surprises.append(-sum((p.log() for p in densities), arb(0)))
    return (surprises[0] - surprises[1]) / (errors[0] - errors[1])


def _scale_independent(p: Mapping[str, Any]) -> list[arb]:
    width, weight = int(p["D"]), exact(p["beta"])
    at_one = weight * _misfit_ratio(width, arb(1))
    low, high = arb(0), arb(100)
    for _ in range(130):  # the weight falls with sigma: bisect for the scale at which it is one
        middle = ((low + high) / 2).mid()
        low, high = (middle, high) if at_one / middle**2 > 1 else (low, middle)
    at = [weight * _misfit_ratio(width, exact(p["sigma"])), low.union(high)]
    return [*at, *_scale_constants()]


@cache
def _scale_constants() -> tuple[arb, ...]:
    with precision(192):
        unit, noise = _misfit_ratio(64, arb(1)), _misfit_ratio(64, arb(1) / 20)
        return unit, noise, unit.sqrt()


beta_eff = sp.Function("beta_eff")


@entry(
    id="obj-scale",
    title="The weight of the KL in the write-up's loss, read as an ELBO",
    statement=sp.Tuple(
        sp.Eq(beta_eff(beta, D, sigma), beta * D / (2 * sigma**2)),
        sp.Eq(Optimal(name("sigma", beta, D)), sp.sqrt(beta * D / 2)),
        sp.Eq(beta_eff(1, 64, 1), 32),
        sp.Eq(beta_eff(1, 64, sp.Rational(1, 20)), 12800),
        sp.Eq(Optimal(name("sigma", 1, 64)), 4 * sp.sqrt(2)),
    ),
    symbols={
        beta: "weight of the KL in the loss",
        D: ("coordinates of an observation, over which the loss averages", "positive integer"),
        sigma: "scale of the Gaussian likelihood",
    },
    assumptions=(
        "KL in nats; the likelihood is N(o_hat, sigma^2 I); additive constants do not matter; at sigma^* the weight "
        "is 1",
    ),
    status="corrects",
    sources=[("perret2026", "loss")],
    implements=["hrssm.systems.rssm.objective.Objective"],
    certificate=Certificate(
        points=tuple(
            {
                "beta": sp.Rational(1 + 3 * i, 20),
                "D": sp.Integer(1 + i % 9),
                "sigma": sp.Rational(2 + 5 * i, 31),
            }
            for i in range(25)
        ),
        independent=_scale_independent,
    ),
)
def obj_scale(claim: Any) -> Iterator[Step]:
    """Times D/(2 sigma^2) the squared error becomes the log-likelihood, and beta becomes beta_eff."""
    error, kl = symbol("E", positive=True), symbol("R", positive=True)
    constant = D * sp.log(2 * sp.pi * sigma**2) / 2
    likelihood = D * error / (2 * sigma**2) + constant
    loss = error + beta * kl
    yield Step(
        (D / (2 * sigma**2) * loss + constant - likelihood) / kl,
        claim[0].rhs,
        algebra,
        "E is the mean squared error, R the KL: loss * D/(2 sigma^2) + constant = -log-likelihood + beta_eff R",
    )
    yield Step(claim[0].rhs, 1, substitute({sigma: claim[1].rhs}), "an ELBO, with weight one, at this scale alone")
    yield Step(sigma, claim[1].rhs, solves(beta * D / (2 * sigma**2) - 1, sigma), "solved for the scale")
    for index, at in ((2, sp.S.One), (3, sp.Rational(1, 20))):
        values = {beta: sp.S.One, D: sp.Integer(64), sigma: at}
        yield Step(claim[0].rhs, claim[index].rhs, substitute(values), f"at D = 64 and scale {at}")
    values = {beta: sp.S.One, D: sp.Integer(64)}
    yield Step(claim[1].rhs, claim[4].rhs, substitute(values), "about 5.66, a hundred times the noise")
