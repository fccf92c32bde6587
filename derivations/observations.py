"""What can be predicted of the observations: floors of the MSE, and the one bit that a walk keeps.

o = tanh(W [depth embedding, node embedding]) + noise, per node. Two readings are kept apart: *expected* over
embeddings, W and noise, and *realised*, for the table that the write-up used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from math import comb
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat, arb_series, fmpq

from derivations.environment import depth_laws, level_sizes
from derivations.kernel import (
    Certificate,
    Step,
    algebra,
    argument,
    complete_square,
    entry,
    exact,
    induction,
    plus_minus,
    precision,
    sp,
    symbol,
)

STEPS = (8, 10, 20)
DIGITS = 6
EMBEDDING, SCALE = 16, Fraction(3, 10)
Floors = dict[str, arb]


def _floor(value: arb, digits: int = DIGITS) -> int:
    """floor(10^digits value), which the ball must decide."""
    return int((value * 10**digits).floor().unique_fmpz())


# ------------------------------------------------------------------------------------------- the realised
# table


@cache
def write_up_table(
    branching: int = 4, depth: int = 5, seed: int = 42
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, 32), W (64, 32) and noise (N, 64) of the write-up's tree, in float32 as it drew them.

    numpy's `RandomState` in this order: depth embeddings; W; then per node, breadth first, its noise
    followed by the embeddings of its children. (`hrssm.environments.TreeMDP` draws otherwise, so its tree of
    the same seed differs.)
    """
    draw = np.random.RandomState(seed)
    of_depth = draw.randn(depth + 1, EMBEDDING).astype(np.float32)
    weight = (draw.randn(64, 2 * EMBEDDING) * 0.3).astype(np.float32)
    embeddings, noise = [np.zeros(EMBEDDING, np.float32)], []
    levels = [k for k, n in enumerate(level_sizes(branching, depth)) for _ in range(n)]
    for level in levels:
        noise.append(draw.randn(64).astype(np.float32) * np.float32(0.05))
        if level < depth:
            embeddings.extend(draw.randn(branching, EMBEDDING).astype(np.float32))
    features = np.concatenate([of_depth[levels], np.array(embeddings)], axis=1)
    return features, weight, np.array(noise)


@cache
def table_moments(branching: int = 4, depth: int = 5, seed: int = 42) -> tuple[list[list[arb]], list[arb]]:
    """Gram matrix of the depth means and the mean square per depth, both per coordinate, as balls.

    Given t and depth, all nodes of the depth are alike for a uniform start, so these decide every floor.
    """
    features, weight, noise = write_up_table(branching, depth, seed)
    sizes = level_sizes(branching, depth)
    with precision(96):
        inner = arb_mat(features.astype(float).tolist()) * arb_mat(weight.T.astype(float).tolist())
        means, squares, node = [], [], 0
        for size in sizes:
            mean, square = [arb(0)] * 64, arb(0)
            for _ in range(size):
                row = [inner[node, c].tanh() + float(noise[node, c]) for c in range(64)]
                mean = [a + b for a, b in zip(mean, row, strict=True)]
                square += sum((v * v for v in row), arb(0))
                node += 1
            means.append([m / size for m in mean])
            squares.append(square / size / 64)
        gram = [[sum((a * b for a, b in zip(u, v, strict=True)), arb(0)) / 64 for v in means] for u in means]
    return gram, squares


def _ball(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def _quadratic(gram: list[list[arb]], u: list[Fraction], v: list[Fraction]) -> arb:
    terms = [_ball(a * b) * gram[i][j] for i, a in enumerate(u) for j, b in enumerate(v) if a and b]
    return sum(terms, arb(0))


def parities(law: tuple[Fraction, ...]) -> list[tuple[Fraction, list[Fraction]]]:
    """The law of the depth split by its parity: weight and conditional law, even first."""
    split = []
    for parity in (0, 1):
        part = [p if k % 2 == parity else Fraction(0) for k, p in enumerate(law)]
        weight = sum(part, Fraction(0))
        split.append((weight, [p / weight for p in part]))
    return split


def floors(gram: list[list[arb]], squares: list[arb], laws: tuple[tuple[Fraction, ...], ...]) -> Floors:
    """The smallest MSE by what is known: nothing, the step, step and parity, the depth; and the gap K of
    tree-parity.

    Each is the mean square minus the mean square of the best prediction, the conditional mean.
    """
    steps, top = len(laws), len(laws[0])
    whole = [sum((law[k] for law in laws), Fraction(0)) / steps for k in range(top)]
    square = sum((_ball(p) * s for p, s in zip(whole, squares, strict=True)), arb(0))
    clock = both = gap = arb(0)
    for law in laws:
        clock += _quadratic(gram, list(law), list(law))
        (w0, even), (w1, odd) = parities(law)
        both += _ball(w0) * _quadratic(gram, even, even) + _ball(w1) * _quadratic(gram, odd, odd)
        between = [a - b for a, b in zip(even, odd, strict=True)]
        gap += _quadratic(gram, between, between)
    return {
        "nothing": square - _quadratic(gram, whole, whole),
        "clock": square - clock / steps,
        "parity": square - both / steps,
        "depth": square - sum((_ball(p) * gram[k][k] for k, p in enumerate(whole)), arb(0)),
        "gap": gap / steps,
    }


@cache
def realised(steps: int) -> Floors:
    """Floors on the write-up's default tree for walks of `steps` steps."""
    with precision(96):
        return floors(*table_moments(), depth_laws(4, 5, steps))


@cache
def realised_directly(steps: int) -> dict[str, float]:
    """The same in float64 from the observations of all nodes, each floor as an average of squared errors."""
    features, weight, noise = write_up_table()
    seen = np.tanh(features.astype(float) @ weight.T.astype(float)) + noise
    sizes = level_sizes(4, 5)
    level = np.repeat(np.arange(6), sizes)
    laws = np.array([[float(p) for p in law] for law in depth_laws(4, 5, steps)]) / steps
    weights = (laws / sizes)[:, level]

    def error(rows: np.ndarray) -> float:
        total = rows.sum(1, keepdims=True)
        means = (rows @ seen) / total
        return sum(float(r @ ((seen - m) ** 2).mean(1)) for r, m in zip(rows, means, strict=True))

    odd = level % 2
    split = np.concatenate([weights * (1 - odd), weights * odd])
    means = (split @ seen) / split.sum(1, keepdims=True)
    return {
        "nothing": error(weights.sum(0, keepdims=True)),
        "clock": error(weights),
        "parity": error(split),
        "depth": error(np.array([weights.sum(0) * (level == k) for k in range(6)])),
        "gap": float(((means[:steps] - means[steps:]) ** 2).mean()),
    }


# ------------------------------------------------------------------------------------------- the expected
# table


def laplace_coefficients(n: int) -> list[Fraction]:
    """c_j of the density sum_j c_j |x/theta|^j e^(-|x|/theta)/theta, of transform (1+theta^2 u^2)^(-n)."""
    return [Fraction(comb(2 * n - 2 - j, n - 1) * 2**j, 2 ** (2 * n - 1)) / _factorial(j) for j in range(n)]


def _factorial(j: int) -> int:
    return int(sp.factorial(j))


@cache
def mean_square_tanh(n: int, theta: Fraction) -> arb:
    """E tanh^2 of a sum of 2n products of normals, one of scale theta: rigorous quadrature of the density."""
    with precision(128):
        scale = _ball(theta)
        weights = [_ball(c) for c in laplace_coefficients(n)]

        def integrand(z: Any, _: bool) -> Any:
            y = z / scale
            density = acb(0)
            for c in reversed(weights):
                density = density * y + c
            return 2 * density * (-y).exp() / scale * z.tanh() ** 2

        cut = 60
        body = sum(
            (acb.integral(integrand, acb(a), acb(b)).real for a, b in ((0, 1), (1, 4), (4, 16), (16, cut))),
            arb(0),
        )
        # tanh^2 <= 1 and Chernoff with half the rate: P(|X| > c) <= 2 (1 - 1/4)^(-n) e^(-c/(2 theta))
        tail = 2 * (arb(4) / 3) ** n * (-arb(cut) / (2 * scale)).exp()
        return body + plus_minus(tail)


@cache
def mean_square_tanh_by_zeta(n: int, theta: Fraction) -> arb:
    """The same through 1 - sech^2 = 1 - 4 sum_m (-1)^(m-1) m e^(-2mx), summed as Hurwitz zeta values."""
    with precision(256):
        a = 1 / _ball(theta)
        total = arb(1)
        for j, c in enumerate(laplace_coefficients(n)):
            # integral of x^j e^(-a x) sech^2 x is 4 j! sum_m (-1)^(m-1) m/(a+2m)^(j+1); m = ((a+2m) - a)/2
            total -= (
                2
                * _ball(c)
                * a ** (j + 1)
                * 4
                * _factorial(j)
                * (_alternating(j, a) - a * _alternating(j + 1, a))
                / 2
            )
        return total


def _alternating(s: int, a: arb) -> arb:
    """sum over m >= 1 of (-1)^(m-1) (a + 2m)^(-s); the Abel sum 1/2 at s = 0."""
    if s == 0:
        return arb(1) / 2
    quarter = a / 4
    if s == 1:
        return ((quarter + 1).digamma() - (quarter + arb(1) / 2).digamma()) / 4
    first, second = acb(quarter + arb(1) / 2), acb(quarter + 1)
    return ((acb(s).zeta(first) - acb(s).zeta(second)).real) / arb(4) ** s


@cache
def mean_product_tanh(n: int, theta: Fraction) -> arb:
    """E[tanh X tanh Y] for two nodes of one depth, by the trapezoidal rule on its Fourier integral, rigorous.

    tanh x = int_0^oo sin(u x)/sinh(pi u/2) du, and E e^(i(uX + vY)) =
    [(1+theta^2(u+v)^2)(1+theta^2(u^2+v^2))]^(-n). On |Im u| = 1 the integrand is at most |v| sd(Y) sqrt(2 E
    e^(2X)) / (cosh(pi x/2) |sinh(pi v/2)|), which bounds the error of the rule in either variable by that
    mass times 2/(e^(2 pi/h) - 1); beyond u + v = R it is at most sd(X) sd(Y) u v / (sinh(pi u/2) sinh(pi
    v/2)).
    """
    with precision(96):
        t2, pi, per_unit, reach = _ball(theta * theta), arb.pi(), 7, 26
        h = 1 / arb(per_unit)
        points = [(arb(2 * i + 1) / 2) * h for i in range(per_unit * reach)]
        kernel = [1 / (pi * u / 2).sinh() for u in points]
        total = arb(0)
        for i, u in enumerate(points):
            for k in range(min(i + 1, len(points) - i)):
                v = points[k]
                s, c = 1 + t2 * (u * u + v * v), 2 * t2 * u * v
                # (u+v)^2 and (u-v)^2 give s + c and s - c
                term = (((s - c) * s) ** -n - ((s + c) * s) ** -n) / 2 * kernel[i] * kernel[k]
                total += term if k == i else 2 * term
        body = total * h * h
        sd2 = 2 * n * 2 * t2  # variance of X: depth and node halves
        growth = (2 * (1 - 4 * t2) ** (-2 * n)).sqrt() * sd2.sqrt()
        # per variable: over x in R, 1/cosh(pi x/2) has mass 2; over v > 0, v/sinh(pi v/2) has mass 1; the
        # rule's own sum in the other variable is at most twice that mass; both variables, and a factor two
        # in hand
        error = 2 * 2 * 2 * 2 * growth / ((2 * pi / h).exp() - 1)
        # u/sinh(pi u/2) <= 2 e^(-pi u/2) (1 + u); on u + v > R the product integrates to at most 4 (2+R)^4
        # e^(-pi R/2)
        tail = sd2 * 4 * arb(2 + reach) ** 4 * (-pi * (reach - 1) / 2).exp()
        return body + plus_minus(error + tail)


@cache
def mean_product_tanh_in_space(n: int, theta: Fraction) -> float:
    """The same in float64, in real space: over |w|^2 (gamma), the shared part and the node's part."""
    from numpy.polynomial.hermite_e import hermegauss
    from scipy.special import roots_genlaguerre

    scale = float(theta)
    s, ws = roots_genlaguerre(40, n - 1)
    z, wz = hermegauss(80)
    a, wa = np.polynomial.legendre.leggauss(300)
    shared = (a + 1) * 10.0
    density = sum(float(c) * (shared / scale) ** j for j, c in enumerate(laplace_coefficients(n)))
    density = 2 * density * np.exp(-shared / scale) / scale * wa * 10.0
    total = 0.0
    for norm2, weight in zip(2 * s, ws / ws.sum(), strict=True):
        mean = np.tanh(shared[:, None] + scale * np.sqrt(norm2) * z) @ wz / wz.sum()
        total += weight * float(density @ mean**2)
    return total


# ------------------------------------------------------------------------------------------- tree-floor

B = symbol("B", positive=True, integer=True)
P = sp.symbols("P_1:6", positive=True)
V_r, V_d, V_n, noise2 = sp.symbols("V_r V_d V_n s2", positive=True)
P_0 = 1 - sum(P)
KINDS = ("nothing", "clock", "parity", "depth")

_nothing = P_0 * (1 - P_0) * (V_r + noise2) + sum(
    p * (V_d + V_n + noise2) - p**2 * (V_d + (V_n + noise2) / B**k) for k, p in enumerate(P, 1)
)
_depth = sum(p * (V_n + noise2) * (1 - B**-k) for k, p in enumerate(P, 1))


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
            return value["V_r"] + value["s2"]
        return value["V_d"] + (value["V_n"] + value["s2"] if i == m else 0)

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


@cache
def _expected_constants(route: str) -> tuple[int, ...]:
    n = EMBEDDING // 2
    if route == "space":
        root, whole = mean_square_tanh(n, SCALE), mean_square_tanh(2 * n, SCALE)
        return _floor(root), int(mean_product_tanh_in_space(n, SCALE) * 10**DIGITS), _floor(whole)
    root, whole = mean_square_tanh_by_zeta(n, SCALE), mean_square_tanh_by_zeta(2 * n, SCALE)
    return _floor(root), _floor(mean_product_tanh(n, SCALE)), _floor(whole)


def _floor_independent(p: Mapping[str, Any]) -> list[arb]:
    return [
        *(arb(v) for v in _pairs(p)),
        *(arb(c) for c in _expected_constants("space")),
        *(arb(int(realised_directly(t)[kind] * 10**DIGITS)) for t in STEPS for kind in KINDS),
    ]


_POINTS = tuple(
    {"B": sp.Integer(2 if i % 12 else 3)}
    | {f"P_{k}": sp.Rational(1 + (i * k * k + 3 * k) % 7, 36) for k in range(1, 6)}
    | {"V_r": sp.Rational(9 + i % 5, 29), "V_d": sp.Rational(4 + i % 7, 23)}
    | {"V_n": sp.Rational(3 + i % 4, 13), "s2": sp.Rational(1 + i % 3, 400)}
    for i in range(25)
)


@entry(
    id="tree-floor",
    title="Irreducible reconstruction error by what is known",
    statement=sp.Tuple(
        sp.Eq(sp.Function("MSE_nothing")(*P), _nothing),
        sp.Eq(sp.Function("MSE_depth")(*P), _depth),
        *(
            sp.Eq(sp.floor(10**DIGITS * symbol(name, positive=True)), c)
            for name, c in zip(("V_r", "V_d", "V_dn"), _expected_constants("fourier"), strict=True)
        ),
        *(
            sp.Eq(sp.floor(10**DIGITS * symbol(f"MSE_{kind}_{t}", positive=True)), _floor(realised(t)[kind]))
            for t in STEPS
            for kind in KINDS
        ),
    ),
    symbols={
        B: ("branching; the depth is 5", "integer >= 2"),
        **{p: (f"probability of depth {i}", "0..1, together at most 1") for i, p in enumerate(P, 1)},
        V_r: "mean square of the noiseless observation at the root, per coordinate",
        V_d: "mean product of two noiseless observations at one depth > 0",
        V_n: "mean square of a noiseless observation at depth > 0, less V_d",
        noise2: "variance of the noise, drawn once per node",
    },
    assumptions=(
        "nodes of one depth are equally likely; the first two relations are expected over embeddings, W and "
        "noise",
        "the floor of the clock is MSE_nothing at P(depth | t), averaged over t; of the node: 0, the noise "
        "being fixed",
        "V_dn = V_d + V_n; V_r, V_d, V_dn: 16-dimensional embeddings, weights of scale 0.3",
        "MSE_nothing_8 and the like: the write-up's realised tree, B = 4, L = 5, seed 42, walks of 8, 10, "
        "20 steps; "
        "'clock' knows the step, 'parity' step and parity of the depth",
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
        sp.Integral(
            sp.exp(-(z**2) / 2 - u**2 * theta**2 * z**2 / 2) / sp.sqrt(2 * sp.pi), (z, -sp.oo, sp.oo)
        ),
        1 / sp.sqrt(1 + theta**2 * u**2),
        complete_square(z),
        "given the embedding, w.e is normal with variance theta^2 |e|^2; so each coordinate gives one such "
        "factor",
    )
    for n in (1, 2, 8, 16):
        yield Step(
            _cosine_transform(n, u),
            (1 + u**2) ** -n,
            algebra,
            f"{2 * n} coordinates: the density is a polynomial times e^(-|x|/theta) (theta = 1; int_0^oo "
            f"x^j e^(-x) "
            "cos(u x) = j! Re (1 - iu)^(-j-1))",
        )
    names = ("root, density against Hurwitz zeta", "two nodes of a depth", "any other node")
    for relation, value, name in zip(claim[2:5], _expected_constants("fourier"), names, strict=True):
        yield Step(sp.Integer(value), relation.rhs, algebra, name)
    realised_claims = claim[5:]
    for relation, (t, kind) in zip(
        realised_claims, ((t, kind) for t in STEPS for kind in KINDS), strict=True
    ):
        yield Step(sp.Integer(_floor(realised(t)[kind])), relation.rhs, algebra, f"{kind}, {t} steps")


def _cosine_transform(n: int, u: sp.Symbol) -> sp.Expr:
    """Sum over j of 2 c_j j! Re (1 - iu)^(-j-1) over the common denominator (1+u^2)^n."""
    numerator = sp.Poly(0, u)
    below = sp.Poly(1 + u**2, u)
    for j, c in enumerate(laplace_coefficients(n)):
        real = sum(
            (-1) ** (i // 2) * comb(j + 1, i) * u**i for i in range(0, j + 2, 2)
        )  # Re (1 + iu)^(j+1), the conjugate over (1+u^2)^(j+1)
        numerator += sp.Poly(
            2 * sp.Rational(c.numerator, c.denominator) * _factorial(j) * real, u
        ) * below ** (n - 1 - j)
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
    q, gap, steps = _ball(odd), exact(p["K"]), exact(p["T"])
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


def _thresholds() -> list[int]:
    with precision(96):
        return [_floor(realised(t)["gap"] * t * 3 / 5 / arb(4).log(), 3) for t in STEPS]


@entry(
    id="tree-parity",
    title="The parity of depth plus step: one bit per walk, and when the objective pays for it",
    statement=sp.Tuple(
        sp.Eq(sp.Function("P_odd")(B, h), B / (B + 1)),
        sp.Eq(sp.Function("H")(B), sp.log(B + 1) - B * sp.log(B) / (B + 1)),
        sp.Eq(sp.Function("beta_code")(B, K, T), K * T * (B - 1) / ((B + 1) * sp.log(B))),
        sp.Eq(sp.Function("beta_linear")(B, K, T), 2 * K * T * B / (B + 1) ** 2),
        *(
            sp.Eq(sp.floor(10**DIGITS * symbol(f"K_{t}", positive=True)), _floor(realised(t)["gap"]))
            for t in STEPS
        ),
        *(
            sp.Eq(sp.floor(1000 * symbol(f"beta_code_{t}", positive=True)), v)
            for t, v in zip(STEPS, _thresholds(), strict=True)
        ),
    ),
    symbols={
        B: ("branching", "integer >= 2"),
        h: "the depth of the tree is L = 2h + 1",
        K: "mean over t of |E[o | t, even] - E[o | t, odd]|^2 / D",
        T: "steps of a walk",
    },
    assumptions=(
        "a step changes the depth by one, so depth + t keeps its parity along a walk; the start is uniform",
        "the objective is the mean of MSE + beta KL over steps; a code of the parity costs its information "
        "once per walk",
        "K_8 and the like: the write-up's realised tree, B = 4, L = 5, seed 42",
    ),
    status="new",
    uses=("tree-walk", "tree-floor"),
    sources=[("perret2026", "loss"), ("ordentlich2005", "Theorem 2.1")],
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
    yield Step(
        sp.Sum(B ** (2 * k), (k, 0, h)), levels, induction(h, 0), "even levels of a tree of depth 2h+1"
    )
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
        return (
            at * sp.log(at)
            + (1 - at) * sp.log(1 - at)
            - at * (sp.log(B) - sp.log(B + 1))
            + (1 - at) * sp.log(B + 1)
        )

    slope = (B + 1) * sp.log(B) / (B - 1)
    f = price(r) - slope * (r - q) ** 2
    for at, words in ((q, "r = q"), (1 - q, "r = 1 - q"), (sp.Rational(1, 2), "r = 1/2, between them")):
        slack = _factored_logs(sp.diff(f, r).subs(r, at))
        yield Step(slack, 0, algebra, f"price minus slope times gain is stationary at {words}")
    yield Step(
        sp.diff(f, r, 2), 1 / r + 1 / (1 - r) - 2 * slope, algebra, "convex, concave, convex: no other point"
    )
    yield Step(
        _factored_logs(price(1 - q)),
        slope * (1 - 2 * q) ** 2,
        algebra,
        "both minima are zero, so price >= slope (r - q)^2",
    )
    yield Step(
        K * T / slope,
        code,
        algebra,
        "so no code of the parity, partial ones included, pays for beta above K T / slope; just below it, a "
        "code with "
        "posterior 1 - q does (rarely sent: gain and price are then linear in its frequency)",
    )
    yield Step(
        K * T / (sp.diff(price(r), r, 2).subs(r, q) / 2),
        linear,
        algebra,
        "a code whose posterior stays near q: the second-order price; it is also what a linear-Gaussian "
        "latent pays "
        "(obj-collapse with variance q (1-q) T D K against beta D/2)",
    )
    yield Step(
        sp.Function("beta_code")(B, K, T),
        code,
        argument,
        "depth + t keeps its parity: one bit serves all T steps",
    )
    for relation, t in zip(claim[4:7], STEPS, strict=True):
        yield Step(
            sp.Integer(_floor(realised(t)["gap"])),
            relation.rhs,
            algebra,
            f"gap between the parities, {t} steps",
        )
    for relation, value, t in zip(claim[7:], _thresholds(), STEPS, strict=True):
        yield Step(
            sp.Integer(value), relation.rhs, algebra, f"largest weight at which parity pays, {t} steps"
        )
