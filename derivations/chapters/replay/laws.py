"""Laws that depend on relative age alone: the counts that they give, and the two that are drawn in closed form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb, arb_series

from derivations.chapters.replay.age import CUT, ROLE_N, ROLE_Y, mean_depth, n, r, t, x
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    antiderivative,
    change_of_variable,
    differentiate,
    entry,
    exact,
    grid,
    integral,
    integrate,
    limit,
    plus_minus,
    sign,
    solves,
    sp,
    substitute,
    symbol,
    tonelli,
)
from derivations.engine.notation import At, Probability, name

s, tau = symbol("s", positive=True), symbol("tau", positive=True)
a, b = symbol("a", positive=True), symbol("b", positive=True)
v, k, first = symbol("v", positive=True), symbol("k", positive=True), symbol("i", positive=True)
g = sp.Function("g", nonnegative=True)
ROLE_S = ("a number drawn uniformly", "in (0, 1]")
ROLE_TAU = ("lean towards the new", "in (0, 1]; 0 is the uniform law, as a limit")
ROLE_A = ("power", "above 1; 1 is the uniform law, as a limit")


def slope(function: Any, at: arb) -> arb:
    """The derivative of a function of a power series at a point."""
    return function(arb_series([at, 1], prec=3))[1]


def up_to(function: Any, end: arb) -> arb:
    """The integral from 0 to a ball of a function that is below 20 there."""
    return integral(lambda w, _: function(w), 0, end.mid()) + plus_minus(20 * end.rad())


# ------------------------------------------------------------------------------------------- replay-scale-invariant


@entry(
    id="replay-scale-invariant-counts",
    title="Expected counts of any law on relative age",
    statement=sp.Tuple(
        sp.Eq(name("c", r), sp.Integral(g(v) / v, (v, r, 1))),
        sp.Eq(sp.Derivative(name("c", r), r), -g(r) / r),
        sp.Eq(sp.Integral(name("c", r), (r, 0, 1)), sp.S.One),
    ),
    symbols={r: ("relative age i/n, 0 the oldest", "in (0, 1]")},
    assumptions=(
        "at step k the place is k Y, Y of density g on (0, 1] whatever k is; many entries, c(r) the count of the one "
        "at r",
        "the count falls with r, from wherever it starts to 0 at r = 1, while its mean is 1: no such law balances it",
    ),
    uses=("replay-uniform-counts",),
    status="new",
    uncertified="a statement on every density g; instances are certified: replay-time-balanced-counts, replay-beta",
    implements=["hrssm.replay.samplers.ScaleInvariant"],
)
def replay_scale_invariant_counts(claim: Any) -> Iterator[Step]:
    """Entry i meets step k with density g(i/k)/k; as functions of n both forms start at 0 and grow alike."""
    drawn = sp.Integral(g(first / k) / k, (k, first, n))
    aged = sp.Integral(g(v) / v, (v, first / n, 1))
    yield Step(drawn, aged, change_of_variable(k, v, first / v), "at the relative age v = i/k")
    yield Step(aged, claim[0].rhs, substitute({n: first / r}), "with r = i/n")
    yield Step(sp.Derivative(claim[0].rhs, r), claim[1].rhs, differentiate, "so it falls wherever g is positive")
    closed = (1 + b) / b * (1 - r**b)
    for power in (sp.S.One, sp.Integer(2), b):
        counted, steepness = (e.rhs.replace(g, lambda place, p=power: (1 + p) * place**p) for e in claim[:2])
        yield Step(counted, closed.subs(b, power), integrate, f"outright for g(v) = (1 + b) v^b, b = {power}")
        yield Step(sp.Derivative(closed.subs(b, power), r), steepness, differentiate, "its slope")
    yield Step(sp.Integral(closed, (r, 0, 1)), claim[2].rhs, integrate, "their mean")
    mass = sp.Integral(g(v), (v, 0, 1))
    yield Step(sp.Integral(g(v) / v, (v, r, 1), (r, 0, 1)), mass, tonelli, "in general: exchange the integrals")
    yield Step(mass, claim[2].rhs, substitute({mass: sp.S.One}), "and g is a density")


# ------------------------------------------------------------------------------------------- replay-equal-counts


@entry(
    id="replay-equal-counts",
    title="Only drawing the newest every time gives equal counts",
    statement=sp.Eq(Probability("newest"), sp.S.One),
    symbols={n: ROLE_N},
    assumptions=(
        "one insertion and one draw a step, by any law; after step n all n expected counts are equal; newest: the "
        "draw of step n is the newest entry",
    ),
    status="refutes",
    sources=[("mattes2024", "section 3.3: equal counts as the aim of time-balanced sampling")],
    uncertified="a statement on every law: it has no numbers",
    extra_mutants=lambda: [("one half", sp.Eq(name("probability_of_the_newest", n), sp.S.Half))],
)
def replay_equal_counts(claim: Any) -> Iterator[Step]:
    """The counts sum to n, so each is 1; the newest entry was there for one draw, whose probability is its count."""
    common = symbol("c", positive=True)
    counted = sp.Integral(common, (x, 0, n))  # n equal counts
    yield Step(counted, n * common, integrate, "n equal counts, each c, sum to n draws")
    draw = solves(n * common - n, common)
    yield Step(common, claim.rhs, draw, "so c = 1, and the draw of step n took the newest with probability c")


# ------------------------------------------------------------------------------------------- replay-time-balanced


def _place(place: Any, weight: arb) -> Any:
    return place - weight * place * place.log()


def _balanced(p: Mapping[str, Any]) -> list[arb]:
    place, weight = exact(p["s"]), exact(p["tau"])
    mass = integral(lambda w, _: (1 - weight + weight * w) * (-w).exp() / (1 - weight + weight * w), 0, CUT)
    return [
        (1 - weight) * place + weight * place * mean_depth(-place.log()),
        1 / slope(lambda z: _place(z, weight), place),
        slope(lambda z: _place(z, weight), arb(1)),
        mass + plus_minus(2 * arb(-CUT).exp()),
    ]


AT = name("y", s, tau)
PLACE = s * (1 - tau * sp.log(s))


@entry(
    id="replay-time-balanced",
    title="Time-balanced sampling in closed form",
    statement=sp.Tuple(
        sp.Eq(AT, PLACE),
        sp.Eq(name("g", AT), 1 / (1 - tau - tau * sp.log(s))),
        sp.Eq(At(sp.Derivative(AT, s), s, 1), 1 - tau),
        sp.Eq(sp.Integral(name("g", symbol("y")), (symbol("y"), 0, 1)), sp.S.One),
    ),
    symbols={s: ROLE_S, tau: ROLE_TAU},
    assumptions=(
        "the place y(s, tau), of density g, is that of the published code with the number of entries for the "
        "capacity: (1 - tau) s + tau F(s), F the distribution function of replay-uniform-age",
        "it increases with s up to s = 1 if and only if tau <= 1",
    ),
    uses=("replay-uniform-age", "replay-shipped-law"),
    status="corrects",
    sources=[("mattes2024", "section 3.3 and public code")],
    implements=[
        "hrssm.replay.samplers.TimeBalanced.position",
        "hrssm.replay.samplers.time_balanced_density",
        "hrssm.replay.samplers.time_balanced_position",
    ],
    certificate=Certificate(points=grid(26, s=("1/50", "1"), tau=("1/20", "9/10")), independent=_balanced),
)
def replay_time_balanced(claim: Any) -> Iterator[Step]:
    """Mix the uniform place and the skewed one; the density is the reciprocal of the slope."""
    yield Step((1 - tau) * s + tau * sp.Integral(-sp.log(t), (t, 0, s)), claim[0].rhs, integrate, "the mixed place")
    yield Step(1 / sp.Derivative(claim[0].rhs, s), claim[1].rhs, differentiate, "a change of variable")
    yield Step(1 / claim[1].rhs, claim[2].rhs, substitute({s: sp.S.One}), "the slope at s = 1, where it is least")
    yield Step(
        (1 / claim[1].rhs).subs(s, sp.exp(-x)), 1 - tau, sign, "with s = e^(-x), x >= 0: elsewhere it is larger", ">="
    )
    whole = claim[1].rhs / claim[1].rhs
    yield Step(sp.Integral(whole, (s, 0, 1)), claim[3].rhs, integrate, "density times slope over s")


# ---------------------------------------------------------------------------------- replay-time-balanced-inverse


def _lambert(p: Mapping[str, Any]) -> arb:
    w = exact(p["s"]).log() - 1 / exact(p["tau"])
    return w * w.exp()


@entry(
    id="replay-time-balanced-inverse",
    title="The inverse of the time-balanced place by Lambert's function",
    statement=sp.Eq(symbol("w") * sp.exp(symbol("w")), -PLACE / tau * sp.exp(-1 / tau)),
    symbols={s: ROLE_S, tau: ROLE_TAU},
    assumptions=(
        "w = log s - 1/tau, which is at most -1 for s <= 1 and tau <= 1",
        "so w = W_(-1)(-(y/tau) e^(-1/tau)) at the place y, and s = exp(1/tau + W_(-1)(-(y/tau) e^(-1/tau)))",
    ),
    uses=("replay-time-balanced",),
    status="new",
    implements=["hrssm.replay.samplers.TimeBalanced.distribution_function"],
    certificate=Certificate(points=grid(26, s=("1/50", "1"), tau=("1/20", "1")), independent=_lambert),
)
def replay_time_balanced_inverse(claim: Any) -> Iterator[Step]:
    """y = s (1 - tau log s) is -tau w e^w e^(1/tau); of the two solutions w the lower branch is the one below -1."""
    w = sp.log(s) - 1 / tau
    yield Step(w * sp.exp(w), claim.rhs, algebra, "s = e^w e^(1/tau), and 1 - tau log s = -tau w")
    yield Step(-1, -x - (1 + b), sign, "with log s = -x and 1/tau = 1 + b: w is below -1", ">=")


# ---------------------------------------------------------------------------------- replay-time-balanced-counts


def _balanced_counts(p: Mapping[str, Any]) -> list[arb]:
    depth, weight = -exact(p["s"]).log(), exact(p["tau"])
    return [up_to(lambda w: 1 / (1 + weight * w), depth), up_to(lambda w: 1 + 0 * w, depth)]


@entry(
    id="replay-time-balanced-counts",
    title="Expected counts under time-balanced sampling",
    statement=sp.Tuple(
        sp.Eq(name("c", AT), sp.log(1 - tau * sp.log(s)) / tau),
        sp.Eq(sp.Limit(name("c", AT), tau, 0), -sp.log(s)),
    ),
    symbols={s: ("the number whose place is the entry's relative age", "in (0, 1]"), tau: ROLE_TAU},
    assumptions=(
        "the entry's relative age is r = y(s, tau), the place of replay-time-balanced, with s by "
        "replay-time-balanced-inverse; c(r) is its count",
    ),
    uses=("replay-scale-invariant-counts", "replay-time-balanced"),
    status="new",
    implements=[
        "hrssm.replay.samplers.TimeBalanced.limiting_count",
        "hrssm.replay.samplers.time_balanced_count",
    ],
    certificate=Certificate(points=grid(26, s=("1/50", "1"), tau=("1/20", "1")), independent=_balanced_counts),
)
def replay_time_balanced_counts(claim: Any) -> Iterator[Step]:
    """The density over the place, integrated over the place: density times slope is 1, so that 1/place is left."""
    place = PLACE.subs(s, v)
    density = 1 / (1 - tau - tau * sp.log(v))
    yield Step(density * sp.Derivative(place, v) / place, 1 / place, differentiate, "in the number v behind the place")
    primitive = -sp.log(1 - tau * sp.log(v)) / tau
    yield Step(
        sp.Integral(1 / place, (v, s, 1)), claim[0].rhs, antiderivative(primitive, v, s, sp.S.One), "from s to 1"
    )
    yield Step(claim[0].rhs, claim[1].rhs, limit(tau, 0), "without a lean, the uniform counts")


# ------------------------------------------------------------------------------------------- replay-beta


def _beta(p: Mapping[str, Any]) -> list[arb]:
    power, depth = exact(p["a"]), -exact(p["r"]).log()
    up, down = sp.Rational(p["a"]).p, sp.Rational(p["a"]).q
    return [
        (exact(p["s"]) ** down).root(up),
        slope(lambda z: (power * z.log()).exp(), exact(p["r"])),
        up_to(lambda w: power * ((1 - power) * w).exp(), depth),
    ]


@entry(
    id="replay-beta",
    title="A power of a uniform number: places, counts, and how flat they become",
    statement=sp.Tuple(
        sp.Eq(name("y", s, a), s ** (1 / a)),
        sp.Eq(name("g", r), a * r ** (a - 1)),
        sp.Eq(name("c", r), a * (1 - r ** (a - 1)) / (a - 1)),
    ),
    symbols={s: ROLE_S, r: ROLE_Y, a: ROLE_A},
    assumptions=(
        "the law Beta(a, 1), of distribution function y^a and density g: y(s, a) is the place of s, c(r) the count",
        "as a grows the counts tend to 1 at every r below 1, and the law to always drawing the newest",
    ),
    uses=("replay-scale-invariant-counts", "replay-equal-counts"),
    status="new",
    implements=[
        "hrssm.replay.samplers.Beta",
        "hrssm.replay.samplers.beta_count",
        "hrssm.replay.samplers.beta_density",
        "hrssm.replay.samplers.beta_position",
    ],
    certificate=Certificate(points=grid(26, s=("1/50", "1"), r=("1/50", "1"), a=("3/2", "6")), independent=_beta),
)
def replay_beta(claim: Any) -> Iterator[Step]:
    """The inverse of y^a, its derivative, and the integral of the density over the place."""
    yield Step(r, claim[0].rhs, solves(r**a - s, r), "the inverse of r^a")
    yield Step(sp.Derivative(r**a, r), claim[1].rhs, differentiate, "its density")
    stated = claim[2].rhs.subs(a, 1 + b)
    primitive = (1 + b) / b * v**b
    yield Step(
        sp.Integral((1 + b) * v ** (b - 1), (v, r, 1)),
        stated,
        antiderivative(primitive, v, r, sp.S.One),
        "with a = 1 + b: the density over the place, from r to 1",
    )
    yield Step(stated, claim[2].rhs, substitute({b: a - 1}), "in a")
    flat = stated.subs(r, sp.exp(-k))
    yield Step(flat, sp.S.One, limit(b, sp.oo), "at r = e^(-k), k > 0")
