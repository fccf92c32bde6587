"""Draws by age: how unequal uniform draws are, and what the printed remedies do.

One entry is inserted and one is drawn at every step. Entry i of n is the i-th inserted, 1 the oldest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb

from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    antiderivative,
    combination,
    entry,
    exact,
    falls,
    grid,
    integral,
    integrate,
    limit,
    linear,
    plus_minus,
    recursion,
    sign,
    sp,
    stepwise,
    substitute,
    symbol,
    theorem,
)
from derivations.engine.notation import Expectation, Probability, name

i, n = symbol("i", integer=True, positive=True), symbol("n", integer=True, positive=True)
m, x = symbol("m", integer=True, nonnegative=True), symbol("x", nonnegative=True)
y, t, tau = symbol("y", positive=True), symbol("t", positive=True), symbol("tau", nonnegative=True)
ROLE_I, ROLE_N = "which entry, 1 the oldest", "number of entries, and of steps so far"
ROLE_Y = ("place as a share of all entries, 0 the oldest", "in (0, 1]")
ROLE_TAU = ("weight of the skewed law", "in [0, 1]")
EXPECTED = Expectation(name("N", i, n))
COUNT = sp.polygamma(0, n + 1) - sp.polygamma(0, i)  # H_n - H_(i-1)

PAIRS = tuple({"i": sp.Integer(1 + (5 * k) % (2 + k)), "n": sp.Integer(2 + k)} for k in range(26))


def count(entry_: int, steps: int) -> arb:
    """1/i + ... + 1/n."""
    return sum((arb(1) / k for k in range(entry_, steps + 1)), arb(0))


# ------------------------------------------------------------------------------------------- replay-uniform-counts


def _drawn(p: Mapping[str, Any]) -> list[arb]:
    first, steps = int(p["i"]), int(p["n"])
    return [count(first, steps), sum((count(k, steps) for k in range(1, steps + 1)), arb(0))]


@entry(
    id="replay-uniform-counts",
    title="Uniform draws favour the old: the expected count of an entry",
    statement=sp.Tuple(sp.Eq(EXPECTED, COUNT), sp.Eq(sp.Sum(EXPECTED, (i, 1, n)), n)),
    symbols={i: ROLE_I, n: ROLE_N},
    assumptions=(
        "at step k one of the k entries is drawn, each with probability 1/k; N(i, n) is how often entry i was drawn "
        "in n steps",
    ),
    conventions=("polygamma(0, n + 1) - polygamma(0, i) = H_n - H_(i-1) = 1/i + ... + 1/n",),
    sources=[("mattes2024", "section 3.3: the same sum, its logarithm printed with i - 1, which diverges at i = 1")],
    status="corrects",
    implements=["hrssm.replay.samplers.Uniform"],
    equivalent={"[0] sign: i -> -i": "states nothing: the digamma function has its poles there"},
    certificate=Certificate(points=PAIRS, independent=_drawn),
)
def replay_uniform_counts(claim: Any) -> Iterator[Step]:
    """Add 1/k from step i on, when the entry is there; every step draws once, so that the counts sum to n."""
    later = {n: i + m}
    yield Step(
        EXPECTED.subs(n, i + m),
        claim[0].rhs.subs(later),
        recursion(m, x, x + 1 / (i + m + 1), 1 / i),
        "after its own step 1/i; then step i + m + 1 adds its share",
    )
    yield Step(claim[0].rhs.subs(later), claim[0].rhs, substitute({m: n - i}), "with n = i + m")
    whole = claim[1].rhs.subs(n, m)
    yield Step(
        sp.Sum(EXPECTED.subs(n, m), (i, 1, m)),
        whole,
        recursion(m, x, x + (m + 1) / (m + 1), sp.S.Zero),
        "step m + 1 draws each of m + 1 entries with probability 1/(m + 1): together once",
    )
    yield Step(whole, claim[1].rhs, substitute({m: n}), "with n = m")


# ------------------------------------------------------------------------------------------- replay-logarithm

k = symbol("k", positive=True)


@entry(
    id="replay-logarithm",
    title="The logarithm that bounds the expected count",
    statement=sp.Le(COUNT.subs(n, i + m), sp.log((i + m + sp.S.Half) / (i - sp.S.Half)), evaluate=False),
    symbols={i: ROLE_I, m: "number of steps since it was inserted, n - i"},
    uses=("replay-uniform-counts",),
    sources=[("mattes2024", "section 3.3: log n - log(i - 1), infinite for the oldest entry")],
    status="corrects",
    certificate=Certificate(
        points=grid(26, i=[1, 2, 3, 7, 20], m=[0, 1, 2, 5, 30]),
        independent=lambda p: count(int(p["i"]), int(p["i"] + p["m"])),
    ),
)
def replay_logarithm(claim: Any) -> Iterator[Step]:
    """1/j <= log((j + 1/2)/(j - 1/2)), the integral of 1/t around j; with k = j - 1/2. The logarithms telescope."""
    gap = sp.log(k + 1) - sp.log(k) - 1 / (k + sp.S.Half)
    yield Step(gap, sp.S.Zero, falls(k), "the gap of one term falls towards 0: so it is positive everywhere", ">=")
    by = stepwise(m, gap, {k: i - sp.S.Half}, {k: i + m + sp.S.Half})
    yield Step(claim.lhs, claim.rhs, by, "from m = 0 on, each step adds a term and its gap", "<=")


# ------------------------------------------------------------------------------------------- replay-table


def _changed(p: Mapping[str, Any]) -> arb:
    first, steps = int(p["i"]), int(p["n"])
    return count(first, steps + 1) / (steps + 1) - count(first, steps) / steps


@entry(
    id="replay-table",
    title="A table of the counts changes in every place with every insertion",
    statement=sp.Eq(EXPECTED.subs(n, n + 1) / (n + 1) - EXPECTED / n, 1 / (n + 1) ** 2 - COUNT / (n * (n + 1))),
    symbols={i: ROLE_I, n: ROLE_N},
    assumptions=(
        "the share of entry i is its expected count N(i, n) over n, as the printed sampler tabulates it",
        "it stays what it was only where the count is n/(n + 1)",
    ),
    uses=("replay-uniform-counts",),
    sources=[("mattes2024", "section 3.3: sampling in O(1)")],
    status="refutes",
    certificate=Certificate(points=PAIRS, independent=_changed),
)
def replay_table(claim: Any) -> Iterator[Step]:
    """The next insertion adds 1/(n + 1) to the count and one to n; so a table costs n writes a step, and a draw from it
    log n comparisons."""
    yield Step((COUNT + 1 / (n + 1)) / (n + 1) - COUNT / n, claim.rhs, algebra, "share after less share before")


# ------------------------------------------------------------------------------------------- replay-uniform-age


CUT = 200


def mean_depth(start: arb) -> arb:
    """The integral of (start + s) e^(-s) over s >= 0, start in [0, 4]; beyond the cut at most (cut + 5) e^-cut."""
    body = integral(lambda s, _: (start + s) * (-s).exp(), 0, CUT)
    return body + plus_minus((CUT + 5) * arb(-CUT).exp())


def _skewed(p: Mapping[str, Any]) -> list[arb]:
    place = exact(p["y"])
    above = integral(lambda v, _: place / v, p["y"], 1) if p["y"] < 1 else arb(0)
    # The density -log t over (0, y] is, with t = y e^(-s), y (s - log y) e^(-s) over s >= 0.
    return [place * mean_depth(-place.log()), place + above, mean_depth(arb(0))]


@entry(
    id="replay-uniform-age",
    title="The law of the expected counts over the age",
    statement=sp.Tuple(
        sp.Eq(name("F", y), y * (1 - sp.log(y))),
        sp.Eq(Probability(sp.Le(symbol("U") * symbol("V"), y)), y * (1 - sp.log(y))),
        sp.Eq(name("F", 1), sp.S.One),
    ),
    symbols={y: ROLE_Y},
    assumptions=(
        "many entries: the count of the entry at y = i/n is -log y, so that shares have the density -log y on (0, 1]",
        "F(y) is the share that the entries up to y have of all counts; U and V are independent uniform numbers, whose "
        "product draws from this law without a table",
    ),
    uses=("replay-uniform-counts",),
    status="new",
    certificate=Certificate(points=grid(26, y=("1/50", "1")), independent=_skewed),
)
def replay_uniform_age(claim: Any) -> Iterator[Step]:
    """Integrate -log; the product lies below y if the first factor does, or the second lies below y over the first."""
    yield Step(sp.Integral(-sp.log(t), (t, 0, y)), claim[0].rhs, integrate, "its distribution function")
    above = -y * sp.log(y)
    yield Step(
        sp.Integral(y / t, (t, y, 1)),
        above,
        antiderivative(y * sp.log(t), t, y, sp.S.One),
        "the first factor t above y, the second below y/t",
    )
    yield Step(y + above, claim[1].rhs, algebra, "and the first factor below y")
    yield Step(claim[0].rhs, claim[2].rhs, substitute({y: sp.S.One}), "at y = 1")


# ------------------------------------------------------------------------------------------- replay-inverse-sampling


def _again(p: Mapping[str, Any]) -> list[arb]:
    # With s = e^(-v) the count is the integral of v over v from 0 to -log r, the mean place that of v e^(-2v).
    depth = -exact(p["r"]).log()
    pieces = [integral(lambda v, _: v, 0, depth.mid()), depth.rad() * (depth + 1)] if p["r"] < 1 else [arb(0), arb(0)]
    mean = integral(lambda v, _: v * (-2 * v).exp(), 0, CUT)
    return [pieces[0] + plus_minus(abs(pieces[1])), mean + plus_minus((CUT + 5) * arb(-CUT).exp())]


r = symbol("r", positive=True)


@entry(
    id="replay-inverse-sampling",
    title="Drawing by the inverse of the skewed law skews the counts further",
    statement=sp.Tuple(
        sp.Eq(name("c", r), sp.log(r) ** 2 / 2),
        sp.Eq(Expectation("Y"), sp.Rational(1, 4)),
    ),
    symbols={r: ROLE_Y},
    assumptions=(
        "the place Y of every draw is F^(-1)(u), u uniform, with F the distribution function of replay-uniform-age",
        "c(r), the limiting count: the integral of the place's density over s, from r to 1 "
        "(replay-scale-invariant-counts)",
        "uniform draws have the count -log r, less than this for every r below e^(-2), and the mean place 1/2",
    ),
    uses=("replay-uniform-age",),
    sources=[("mattes2024", "section 3.3: u uniform, i = CDF^(-1)(u) is said to give uniform counts")],
    status="refutes",
    certificate=Certificate(points=grid(26, r=("1/50", "1")), independent=_again),
)
def replay_inverse_sampling(claim: Any) -> Iterator[Step]:
    """F^(-1) of a uniform number has the law F, by definition: the draws are as skewed as the counts were."""
    yield Step(
        sp.Integral(-sp.log(t) / t, (t, r, 1)),
        claim[0].rhs,
        antiderivative(-(sp.log(t) ** 2) / 2, t, r, sp.S.One),
        "the density -log s, over s",
    )
    yield Step(sp.Integral(-t * sp.log(t), (t, 0, 1)), claim[1].rhs, integrate, "the mean of the place")
    depth = 2 + x
    yield Step(depth**2 / 2, depth, sign, "with -log r = 2 + x: more than the uniform draws' -log r", ">=")


# ------------------------------------------------------------------------------------------- replay-printed-mass

j = symbol("j", integer=True, positive=True)
SHARE = (sp.polygamma(0, n + 1) - sp.polygamma(0, j)) / n
PRINTED = 1 - tau + tau / n * (1 + sp.log(n) - sp.Sum(SHARE * sp.log(SHARE), (j, 1, n)))


def in_primes(expr: Any) -> Any:
    """Logarithms of rationals as those of primes."""
    return expr.replace(
        lambda e: isinstance(e, sp.log) and e.args[0].is_Rational,
        lambda e: sum(power * sp.log(prime) for prime, power in sp.factorrat(e.args[0]).items()),
    )


def _as_printed(p: Mapping[str, Any]) -> list[arb]:
    steps, weight = int(p["n"]), exact(p["tau"])
    total = arb(0)
    for k_ in range(1, steps + 1):
        share = count(k_, steps) / steps
        total += weight * share / steps * (1 + (steps / share).log()) + (1 - weight) * share
    return [total, total]


@entry(
    id="replay-printed-mass",
    title="The law of time-balanced sampling as printed is no distribution",
    statement=sp.Tuple(
        sp.Eq(name("M", n, tau), PRINTED),
        sp.Le(PRINTED, 1 - tau + tau * (1 + 2 * sp.log(n)) / n, evaluate=False),
    ),
    where={sp.IndexedBase("p")[j]: SHARE},
    symbols={n: ROLE_N, tau: ROLE_TAU},
    assumptions=(
        "M is the sum of the weights tau F(p_i) + (1 - tau) p_i, p_i = (H_n - H_(i-1))/n and F(x) = (x/n)(1 + "
        "log(n/x))",
        "F takes a place among n; the print puts a probability into it, and so hardly anything comes out",
        "the mass tends to 1 - tau; it is below 1 for every tau > 0 and n >= 4",
    ),
    uses=("replay-uniform-counts", "replay-uniform-age"),
    sources=[("mattes2024", "section 3.3, p_ETBS")],
    status="refutes",
    implements=["hrssm.replay.samplers.Printed"],
    certificate=Certificate(
        points=grid(26, n=[1, 2, 3, 4, 7, 12, 20, 31], tau=("0", "1")),
        independent=_as_printed,
    ),
)
def replay_printed_mass(claim: Any) -> Iterator[Step]:
    """Term by term, with shares that sum to one; their entropy is at most log n."""
    share = symbol("p", positive=True)
    weight = tau * share / n * (1 + sp.log(n / share)) + (1 - tau) * share
    yield Step(
        weight,
        (1 - tau) * share + tau / n * (share * (1 + sp.log(n)) - share * sp.log(share)),
        algebra,
        "one weight",
    )
    for size in (2, 3, 4):
        whole = sum(weight.subs({n: size, share: SHARE.subs({n: size, j: k_})}) for k_ in range(1, size + 1))
        stated = claim[0].rhs.subs(n, size).doit()
        yield Step(in_primes(whole), in_primes(stated), algebra, f"all {size} weights")
    shares = symbol("sum of the shares", positive=True)
    informations = sp.Sum(SHARE * sp.log(SHARE), (j, 1, n))
    p_j = sp.Function("p", positive=True)(j)
    yield Step(
        sp.Sum(weight.subs(share, p_j), (j, 1, n)),
        (1 - tau + tau / n * (1 + sp.log(n))) * sp.Sum(p_j, (j, 1, n)) - tau / n * sp.Sum(p_j * sp.log(p_j), (j, 1, n)),
        linear,
        "summed over the entries",
    )
    yield Step(
        (1 - tau + tau / n * (1 + sp.log(n))) * shares - tau / n * informations,
        claim[0].rhs,
        substitute({shares: sp.S.One}),
        "the shares sum to one (replay-uniform-counts)",
    )
    yield Step(
        sp.log(n) + informations,
        sp.S.Zero,
        theorem("the entropy of n values is at most log n", "cover2006", "Theorem 2.6.4"),
        "of the shares p_1, ..., p_n, which are positive and sum to one",
        ">=",
    )
    yield Step(
        claim[1].lhs, claim[1].rhs, combination((tau / n, sp.log(n) + informations)), "put into the stated mass", "<="
    )
    yield Step((1 + 2 * k) * sp.exp(-k), sp.S.Zero, limit(k, sp.oo), "with log n = k: so the mass tends to 1 - tau")


# ------------------------------------------------------------------------------------------- replay-shipped-law

TOP = n + 2
_PRIMITIVE = x * (sp.log(x) - sp.log(TOP) - 1) - 2 * (sp.log(2) - sp.log(TOP) - 1)
SHIPPED = _PRIMITIVE / (2 * sp.log(TOP) - TOP - 2 * sp.log(2) + 2)


def _shipped(p: Mapping[str, Any]) -> arb:
    top = exact(p["n"] + 2)

    def area(end: Any) -> arb:
        return integral(lambda v, analytic: (top / v).log(analytic=analytic), 2, end)

    return area(p["x"]) / area(p["n"] + 2)


@entry(
    id="replay-shipped-law",
    title="The distribution function that the published code draws by",
    statement=sp.Eq(name("G", x, n), SHIPPED),
    symbols={x: ("a number that is drawn uniformly", "in (2, n + 2]"), n: ROLE_N},
    assumptions=(
        "G is the distribution function of the density proportional to log((n + 2)/x) on [2, n + 2]",
        "the code then draws the place tau min(C G, n - 1) + (1 - tau)(x - 2), C the capacity and not n: it mixes "
        "places, not densities, and as long as C is far above n the first part is n - 1 for almost every x",
    ),
    sources=[("mattes2024", "public code, time-balanced replay")],
    status="corrects",
    implements=["hrssm.replay.samplers.Shipped"],
    certificate=Certificate(
        points=tuple(
            {"n": sp.Integer(2 + k_), "x": 2 + sp.Rational((2 + k_) * (1 + (7 * k_) % 11), 11)} for k_ in range(26)
        ),
        independent=_shipped,
    ),
)
def replay_shipped_law(claim: Any) -> Iterator[Step]:
    """The integral of log((n + 2)/t) from 2 to x, over that to n + 2."""
    density = sp.log(TOP) - sp.log(t)
    primitive = t * (sp.log(TOP) - sp.log(t) + 1)
    area = {end: primitive.subs(t, end) - primitive.subs(t, 2) for end in (x, TOP)}
    for end in area:
        by = antiderivative(primitive, t, sp.Integer(2), end)
        yield Step(sp.Integral(density, (t, 2, end)), area[end], by, "the area")
    yield Step(area[x] / area[TOP], claim.rhs, algebra, "their ratio")
