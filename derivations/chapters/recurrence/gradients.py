"""How gradients grow along a recurrence: as a power of T where Jacobians fall, exponentially where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb, arb_series, ctx

from derivations.chapters.recurrence.growth import ROLE_T
from derivations.chapters.recurrence.symbols import T
from derivations.engine.kernel import (
    Certificate,
    Step,
    differentiate,
    entry,
    exact,
    grid,
    integral,
    limit,
    plus_minus,
    recursion,
    sp,
    substitute,
    symbol,
    trigonometry,
)
from derivations.engine.notation import At, name

rho, theta = symbol("rho", positive=True), symbol("theta", positive=True)
t = symbol("t", positive=True, integer=True)
PRODUCT = sp.Product(1 + rho / t, (t, 1, T))
SLOPE = sp.Derivative(name("h_T", "h_0"), sp.Symbol("h_0"))
y = symbol("y", real=True)

# ------------------------------------------------------------------------------------------- state-gradient-power


def _multiplied(p: Mapping[str, Any]) -> list[arb]:
    product = arb(1)
    for t in range(1, int(p["T"]) + 1):
        product *= 1 + exact(p["rho"]) / t
    return [product, 1 / _gamma(exact(p["rho"]))]


def _gamma(power: arb) -> arb:
    """Gamma(1 + rho), the integral of u^rho e^-u; with u = e^s the integrand is entire."""
    low, high = -220, 6
    body = integral(lambda s, _: ((1 + power) * s - s.exp()).exp(), low, high, bits=100)
    # below: at most e^((1 + rho) low)/(1 + rho); above, for rho <= 3: e^(4 s - e^s) falls faster than e^-s past s = 6
    return body + plus_minus(arb(low).exp()) + plus_minus((4 * arb(high) - arb(high).exp()).exp())


@entry(
    id="state-gradient-power",
    title="Jacobians that fall as 1/t multiply to a power of T",
    statement=sp.Tuple(
        sp.Eq(PRODUCT, sp.gamma(T + 1 + rho) / (sp.gamma(T + 1) * sp.gamma(1 + rho))),
        sp.Eq(sp.Limit(PRODUCT / T**rho, T, sp.oo), 1 / sp.gamma(1 + rho)),
    ),
    symbols={rho: "the branch's Jacobian at step t has norm rho/t", T: ROLE_T},
    assumptions=(
        "the product bounds the gradient's growth over T updates",
        "polynomial growth, where a pre-LayerNorm residual state spreads "
        "linearly (norm-layer-jacobian with r = a t gives rho = C/a)",
    ),
    uses=("norm-layer-jacobian",),
    status="refutes",
    implements=["hrssm.networks.bounds.polynomial", "hrssm.networks.bounds.residual_jacobian"],
    certificate=Certificate(points=grid(rho=("1/9", "3"), T=[0, 1, 2, 5, 9, 40]), independent=_multiplied),
)
def state_gradient_power(claim: Any) -> Iterator[Step]:
    """By the recurrence of the Gamma function; and the limit of the ratio."""
    yield Step(
        claim[0].lhs, claim[0].rhs, recursion(T, y, y * (1 + rho / (T + 1)), sp.S.One), "Gamma(z + 1) = z Gamma(z)"
    )
    yield Step(claim[0].rhs / T**rho, claim[1].rhs, limit(T, sp.oo), "Stirling's series")


# ------------------------------------------------------------------------------------------- state-gradient-exponential


def _doubled(p: Mapping[str, Any]) -> list[arb]:
    steps = int(p["T"])

    def iterate(state: Any) -> Any:
        for _ in range(steps):
            state = 2 * state * state - 1
        return state

    start = exact(p["theta"]).cos()
    before, ctx.cap = ctx.cap, 3
    try:
        line = iterate(arb_series([start, 1]))
        rest = iterate(arb_series([arb(-1) / 2, 1]))
        return [line[0], line[1], rest[1]]
    finally:
        ctx.cap = before


@entry(
    id="state-gradient-exponential",
    title="A bounded residual state whose gradient grows exponentially",
    statement=sp.Tuple(
        sp.Eq(sp.Symbol("h_T"), sp.cos(2**T * theta)),
        sp.Eq(SLOPE, 2**T * sp.sin(2**T * theta) / sp.sin(theta)),
        sp.Eq(At(SLOPE, "h_0", -sp.Rational(1, 2)), (-2) ** T),
    ),
    symbols={theta: ("the state at the start, h_0, is cos theta", "in (0, pi)"), T: ROLE_T},
    assumptions=(
        "h' = h + delta(h) with delta(h) = 2 h^2 - 1 - h; |h| <= 1 at every step",
        "h_0 = -1/2 is a fixed point: no step changes the state there",
    ),
    status="refutes",
    implements=["hrssm.networks.bounds.residual_jacobian"],
    certificate=Certificate(points=grid(theta=("1/9", "3"), T=[0, 1, 2, 3, 5, 7]), independent=_doubled, bits=200),
)
def state_gradient_exponential(claim: Any) -> Iterator[Step]:
    """The map doubles the angle of the state; derivatives multiply."""
    yield Step(2 * sp.cos(y) ** 2 - 1, sp.cos(2 * y), trigonometry, "one update doubles the angle")
    yield Step(claim[0].lhs, claim[0].rhs, recursion(T, y, 2 * y**2 - 1, sp.cos(theta)), "T updates")
    angle = symbol("s", real=True)
    yield Step(
        sp.Derivative(sp.cos(2**T * angle), angle), -(2**T) * sp.sin(2**T * angle), differentiate, "d h_T / d theta"
    )
    start = symbol("dh_0", real=True)
    over = substitute({start: -sp.sin(theta)})
    yield Step(-(2**T) * sp.sin(2**T * theta) / start, claim[1].rhs, over, "over d h_0 / d theta = -sin theta")
    at_rest = substitute({y: -sp.Rational(1, 2)})
    yield Step(sp.Derivative(2 * y**2 - 1, y), -2, at_rest, "h = -1/2 is a fixed point")
    yield Step(claim[2].lhs, claim[2].rhs, recursion(T, y, -2 * y, sp.S.One), "a factor of -2 a step")
