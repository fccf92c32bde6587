"""What can be predicted of the observations: floors of the MSE, and the one bit that a walk keeps.

Two readings are kept apart: *expected* over embeddings, W and noise, and *realised*, on the write-up's tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import comb, factorial
from typing import Any

import numpy as np
from flint import arb, arb_series, fmpq

from derivations.chapters.environment.observation_law import (
    DIGITS,
    ROWS,
    STEPS,
    as_ball,
    certified,
    certified_digits,
    expected_constants,
    laplace_coefficients,
    realised_directly,
)
from derivations.chapters.environment.walk import depth_laws, level_sizes
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    complete_square,
    compute,
    enclose_value,
    entry,
    exact,
    induction,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import Expectation, Given, Probability, Variance, name

# ------------------------------------------------------------------------------------------- tree-floor

B = symbol("B", positive=True, integer=True)
P = sp.symbols("P_1:6", positive=True)
V_r, V_d, V_n, noise2 = sp.symbols("V_r V_d V_n nu", positive=True)
P_0 = 1 - sum(P)
#: What is known of the node: nothing, the step, the step and the parity of the depth, the depth.
KNOWN = {"nothing": (), "clock": ("t",), "parity": ("t", sp.Mod(sp.Symbol("k"), 2)), "depth": ("k",)}

_nothing = P_0 * (1 - P_0) * (V_r + noise2) + sum(
    p * (V_d + V_n + noise2) - p**2 * (V_d + (V_n + noise2) / B**k) for k, p in enumerate(P, 1)
)
_depth = sum(p * (V_n + noise2) * (1 - B**-k) for k, p in enumerate(P, 1))


def _floor(steps: int, kind: str) -> Any:
    """The name of a floor, by the length of the walks and what is known."""
    return name("R", Given(steps, *KNOWN[kind]) if KNOWN[kind] else steps)


_share, _level = sp.IndexedBase("P"), symbol("k", integer=True, positive=True)


def _with_sums() -> Any:
    """The first two relations with sums over the depth k in place of six terms; the rest as it is."""
    first, share = symbol("P_0"), _share[_level]
    within = share * (V_d + V_n + noise2) - share**2 * (V_d + (V_n + noise2) / B**_level)
    return [
        sp.Eq(Variance("o"), first * (1 - first) * (V_r + noise2) + sp.Sum(within, (_level, 1, 5))),
        sp.Eq(
            Expectation(Variance(Given("o", "k"))),
            sp.Sum(share * (V_n + noise2) * (1 - B**-_level), (_level, 1, 5)),
        ),
    ]


def _pairs(p: Mapping[str, Any]) -> list[fmpq]:
    """Both floors from the covariances of all pairs of nodes."""
    b = int(p["B"])
    value = {name: fmpq(int(v.p), int(v.q)) for name, v in p.items()}
    weights = [value[f"P_{k}"] for k in range(1, 6)]
    weights = [1 - sum(weights, fmpq(0)), *weights]
    level = [k for k, n in enumerate(level_sizes(b, 5)) for _ in range(n)]
    share = [weights[k] / b**k for k in level]

    def covariance(i: int, m: int) -> fmpq:
        if level[i] != level[m]:
            return fmpq(0)
        if level[i] == 0:
            return value["V_r"] + value["nu"]
        return value["V_d"] + (value["V_n"] + value["nu"] if i == m else 0)

    count = len(level)
    square = sum((share[i] * covariance(i, i) for i in range(count)), fmpq(0))
    mean = sum((share[i] * share[m] * covariance(i, m) for i in range(count) for m in range(count)), fmpq(0))
    within = fmpq(0)
    for k in range(6):
        members = [i for i in range(count) if level[i] == k]
        n = len(members)
        pairs = sum((covariance(i, m) for i in members for m in members), fmpq(0))
        within += weights[k] * (covariance(members[0], members[0]) - pairs / n**2)
    return [square - mean, within]


def _floor_independent(p: Mapping[str, Any]) -> list[arb]:
    return [
        *(arb(v) for v in _pairs(p)),
        *(arb(c) for c in expected_constants("space")),
        *(arb(int(realised_directly(t)[kind] * 10**DIGITS)) for t, kind in ROWS),
    ]


_POINTS = tuple(
    {"B": sp.Integer(2 if i % 12 else 3)}
    | {f"P_{k}": sp.Rational(1 + (i * k * k + 3 * k) % 7, 36) for k in range(1, 6)}
    | {"V_r": sp.Rational(9 + i % 5, 29), "V_d": sp.Rational(4 + i % 7, 23)}
    | {"V_n": sp.Rational(3 + i % 4, 13), "nu": sp.Rational(1 + i % 3, 400)}
    for i in range(25)
)


@entry(
    id="tree-floor",
    title="Irreducible reconstruction error by what is known",
    statement=sp.Tuple(
        sp.Eq(Variance("o"), _nothing),
        sp.Eq(Expectation(Variance(Given("o", "k"))), _depth),
        *(
            sp.Eq(sp.floor(10**DIGITS * symbol(name, positive=True)), c)
            for name, c in zip(("V_r", "V_d", "V"), certified()["expected"], strict=True)
        ),
        *(
            sp.Eq(sp.floor(10**DIGITS * _floor(t, kind)), value)
            for (t, kind), value in zip(ROWS, certified()["floors"], strict=True)
        ),
    ),
    display=_with_sums(),
    where={_share[k]: p for k, p in enumerate(P, 1)} | {symbol("P_0"): 1 - sp.Sum(_share[_level], (_level, 1, 5))},
    symbols={
        B: ("branching; the depth is 5", "integer >= 2"),
        **{p: (f"probability of depth {i}", "0..1, together at most 1") for i, p in enumerate(P, 1)},
        V_r: "mean square of the noiseless observation at the root, per coordinate",
        V_d: "mean product of two noiseless observations at one depth > 0",
        V_n: "mean square of a noiseless observation at depth > 0, less V_d",
        noise2: "variance of the noise, drawn once per node",
    },
    assumptions=(
        "nodes of one depth are equally likely; the first two relations are expected over embeddings, W and noise",
        "the floor of who knows the step is Var[o] at P(depth | t), averaged over t; of who knows the node: 0, the "
        "noise being fixed",
        "Var[o] is a mean over the coordinates of the observation o; k is the depth of its node",
        "V = V_d + V_n; the numbers of V_r, V_d, V: 16-dimensional embeddings, weights of scale 0.3",
        "R(T) and the like: the write-up's realised tree, B = 4, L = 5, seed 42, walks of T = 8, 10, 20 steps, when "
        "nothing is known, or the step t, or step and parity of the depth k, or the depth",
    ),
    status="new",
    uses=("tree-walk",),
    sources=[("perret2026", "experiments 1 to 6")],
    implements=["hrssm.evaluation.clock.reconstruction_floors"],
    certificate=Certificate(points=_POINTS, independent=_floor_independent),
)
def tree_floor(claim: Any) -> Iterator[Step]:
    """The law of total variance, level by level; the constants from a characteristic function."""
    total = V_d + V_n + noise2
    squares = P_0 * (V_r + noise2) + sum(p * total for p in P)
    mean = P_0**2 * (V_r + noise2) + sum(
        (p / B**k) ** 2 * (B**k * total + B**k * (B**k - 1) * V_d) for k, p in enumerate(P, 1)
    )
    yield Step(
        squares - mean,
        claim[0].rhs,
        algebra,
        "mean square minus square of the mean: of the B^(2k) pairs of nodes at depth k, B^k are one node; "
        "observations "
        "of two depths are uncorrelated, since the law of a depth embedding is even and tanh is odd",
    )
    yield Step(
        sum(p * (total - (total + (B**k - 1) * V_d) / B**k) for k, p in enumerate(P, 1)),
        claim[1].rhs,
        algebra,
        "the same within each depth; the root is known once the depth is",
    )
    z, u, theta = symbol("z", real=True), symbol("u", positive=True), symbol("theta", positive=True)
    yield Step(
        sp.Integral(sp.exp(-(z**2) / 2 - u**2 * theta**2 * z**2 / 2) / sp.sqrt(2 * sp.pi), (z, -sp.oo, sp.oo)),
        1 / sp.sqrt(1 + theta**2 * u**2),
        complete_square(z),
        "given the embedding, w.e is normal with variance theta^2 |e|^2; so each coordinate gives one such factor",
    )
    for n in (1, 2, 8, 16):
        yield Step(
            name("phi", sp.Integer(2 * n), u),
            (1 + u**2) ** -n,
            compute(cosine_transform, n, u),
            f"{2 * n} coordinates: the density is a polynomial times e^(-|x|/theta) (theta = 1; int_0^oo "
            f"x^j e^(-x) "
            "cos(u x) = j! Re (1 - iu)^(-j-1))",
        )
    names = ("root, density against Hurwitz zeta", "two nodes of a depth", "any other node")
    for index, (relation, words) in enumerate(zip(claim[2:5], names, strict=True)):
        yield Step(relation.lhs, relation.rhs, enclose_value(certified_digits, "expected", index), words)
    for index, (relation, (t, kind)) in enumerate(zip(claim[5:], ROWS, strict=True)):
        words = f"{kind}, {t} steps: occupancy, and sums over nodes"
        yield Step(relation.lhs, relation.rhs, enclose_value(certified_digits, "floors", index), words)


def cosine_transform(n: int, u: sp.Symbol) -> sp.Expr:
    """Sum over j of 2 c_j j! Re (1 - iu)^(-j-1) over the common denominator (1+u^2)^n."""
    numerator = sp.Poly(0, u)
    below = sp.Poly(1 + u**2, u)
    for j, c in enumerate(laplace_coefficients(n)):
        real = sum(
            (-1) ** (i // 2) * comb(j + 1, i) * u**i for i in range(0, j + 2, 2)
        )  # Re (1 + iu)^(j+1), the conjugate over (1+u^2)^(j+1)
        numerator += sp.Poly(2 * sp.Rational(c.numerator, c.denominator) * factorial(j) * real, u) * below ** (
            n - 1 - j
        )
    return numerator.as_expr() / (1 + u**2) ** n


# ------------------------------------------------------------------------------------------- tree-parity


def _factored_logs(expr: Any) -> Any:
    """Arguments of logarithms over one denominator, so that they can be split."""
    return expr.replace(lambda e: isinstance(e, sp.log), lambda e: sp.log(sp.factor(e.args[0])))


h = symbol("h", nonnegative=True, integer=True)
k = symbol("k", nonnegative=True, integer=True)
K, T = symbol("K", positive=True), symbol("T", positive=True)


def _parity_independent(p: Mapping[str, Any]) -> list[arb]:
    b, depth = int(p["B"]), 2 * int(p["h"]) + 1
    start = depth_laws(b, depth, 1)[0]
    odd = sum(start[1::2], Fraction(0))
    q, gap, steps = as_ball(odd), exact(p["K"]), exact(p["T"])
    entropy = -q * q.log() - (1 - q) * (1 - q).log()

    def relative_entropy(r: Any) -> Any:
        return r * (r / q).log() + (1 - r) * ((1 - r) / (1 - q)).log()

    r = 1 - q
    code = gap * steps * (r - q) ** 2 / relative_entropy(r)
    near = arb_series([q, 1], 3)
    second = (near * (near / q).log() + (1 - near) * ((1 - near) / (1 - q)).log())[2]
    return [
        q,
        entropy,
        code,
        gap * steps / second,
        *(arb(int(realised_directly(t)["gap"] * 10**DIGITS)) for t in STEPS),
        *(arb(int(1000 * t * realised_directly(t)["gap"] * 0.6 / np.log(4))) for t in STEPS),
    ]


@entry(
    id="tree-parity",
    title="The parity of depth plus step: one bit per walk, and when the objective pays for it",
    statement=sp.Tuple(
        sp.Eq(Probability("odd"), B / (B + 1)),
        sp.Eq(name("H", "odd"), sp.log(B + 1) - B * sp.log(B) / (B + 1)),
        sp.Eq(name("beta_code", B, K, T), K * T * (B - 1) / ((B + 1) * sp.log(B))),
        sp.Eq(name("beta_linear", B, K, T), 2 * K * T * B / (B + 1) ** 2),
        *(
            sp.Eq(sp.floor(10**DIGITS * name("K", t)), value)
            for t, value in zip(STEPS, certified()["gaps"], strict=True)
        ),
        *(sp.Eq(sp.floor(1000 * name("beta_code", t)), v) for t, v in zip(STEPS, certified()["weights"], strict=True)),
    ),
    symbols={
        B: ("branching", "integer >= 2"),
        h: "the depth of the tree is L = 2h + 1",
        K: "mean over t of |E[o | t, even] - E[o | t, odd]|^2 / D",
        T: "steps of a walk",
    },
    assumptions=(
        "a step changes the depth by one, so depth + t keeps its parity along a walk; the start is uniform, and odd "
        "says that its depth is; H is the entropy of that bit",
        "the objective is the mean of MSE + beta KL over steps; a code of the parity costs its information "
        "once per walk",
        "K(T) and beta_code(T): the write-up's realised tree, B = 4, L = 5, seed 42, walks of T steps",
    ),
    status="new",
    uses=("tree-walk", "tree-floor"),
    sources=[("perret2026", "loss"), ("ordentlich2005", "binary case"), ("cover2006", "chain rules")],
    certificate=Certificate(
        points=tuple(
            {
                "B": sp.Integer(2 + i % 6),
                "h": sp.Integer(i % 4),
                "K": sp.Rational(1 + i, 40),
                "T": sp.Integer((8, 10, 20, 50)[i % 4]),
            }
            for i in range(28)
        ),
        independent=_parity_independent,
    ),
)
def tree_parity(claim: Any) -> Iterator[Step]:
    """The bit has probability B/(B+1); it pays when its gain beats beta times its price, in part or whole."""
    odd, entropy, code, linear = (relation.rhs for relation in claim[:4])
    levels = (B ** (2 * h + 2) - 1) / (B**2 - 1)
    yield Step(sp.Sum(B ** (2 * k), (k, 0, h)), levels, induction(h, 0), "even levels of a tree of depth 2h+1")
    yield Step(
        B * levels / ((B ** (2 * h + 2) - 1) / (B - 1)),
        odd,
        algebra,
        "odd levels are B times the even; over all nodes",
    )
    q = B / (B + 1)
    yield Step(
        -q * (sp.log(B) - sp.log(B + 1)) + (1 - q) * sp.log(B + 1),
        entropy,
        algebra,
        "entropy of one bit, in nats",
    )
    # posterior r of the odd parity: gain K (r - q)^2 per step, price KL(r | q) / T per step
    r = symbol("r", positive=True)

    def price(at: Any) -> Any:
        return at * sp.log(at) + (1 - at) * sp.log(1 - at) - at * (sp.log(B) - sp.log(B + 1)) + (1 - at) * sp.log(B + 1)

    slope = (B + 1) * sp.log(B) / (B - 1)
    f = price(r) - slope * (r - q) ** 2
    for at, words in ((q, "r = q"), (1 - q, "r = 1 - q"), (sp.Rational(1, 2), "r = 1/2, between them")):
        slack = _factored_logs(sp.diff(f, r).subs(r, at))
        yield Step(slack, 0, algebra, f"price minus slope times gain is stationary at {words}")
    yield Step(sp.diff(f, r, 2), 1 / r + 1 / (1 - r) - 2 * slope, algebra, "convex, concave, convex: no other point")
    yield Step(
        _factored_logs(price(1 - q)),
        slope * (1 - 2 * q) ** 2,
        algebra,
        "both minima are zero, so price >= slope (r - q)^2",
    )
    price_of_gain = symbol("slope", positive=True)
    yield Step(
        K * T / price_of_gain,
        code,
        substitute({price_of_gain: slope}),
        "depth + t keeps its parity, so one bit serves all T steps: no code of the parity, partial ones included, pays "
        "for beta above K T / slope; just below it, a code with posterior 1 - q does (rarely sent: gain and price are "
        "then linear in its frequency)",
    )
    yield Step(
        K * T / (sp.diff(price(r), r, 2).subs(r, q) / 2),
        linear,
        algebra,
        "a code whose posterior stays near q: the second-order price; it is also what a linear-Gaussian "
        "latent pays "
        "(obj-collapse with variance q (1-q) T D K against beta D/2)",
    )
    for index, (relation, t) in enumerate(zip(claim[4:7], STEPS, strict=True)):
        words = f"gap between the parities, {t} steps"
        yield Step(relation.lhs, relation.rhs, enclose_value(certified_digits, "gaps", index), words)
    for index, (relation, t) in enumerate(zip(claim[7:], STEPS, strict=True)):
        words = f"largest weight at which parity pays, {t} steps"
        yield Step(relation.lhs, relation.rhs, enclose_value(certified_digits, "weights", index), words)
