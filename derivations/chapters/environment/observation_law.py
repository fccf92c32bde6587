"""The law of the observations: the write-up's table as balls, its floors, and means over all such tables.

o = tanh(W [depth embedding, node embedding]) + noise, per node, drawn once.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb, factorial
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat, fmpq

from derivations.chapters.environment.walk import depth_laws, level_sizes
from derivations.engine import cache as store
from derivations.engine.kernel import plus_minus, precision

STEPS = (8, 10, 20)
DIGITS = 6
EMBEDDING, SCALE = 16, Fraction(3, 10)
KINDS = ("nothing", "clock", "parity", "depth")
ROWS = [(t, kind) for t in STEPS for kind in KINDS]
Floors = dict[str, arb]


def floor_of_ball(value: arb, digits: int = DIGITS) -> int:
    """floor(10^digits value); raises ArithmeticError where the ball does not decide it."""
    whole = (value * 10**digits).floor().unique_fmpz()
    if whole is None:
        raise ArithmeticError(f"{value} is too wide for {digits} digits")
    return int(whole)


# ------------------------------------------------------------------------------------------- the realised
# table


@cache
def write_up_table(branching: int = 4, depth: int = 5, seed: int = 42) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, 32), W (64, 32) and noise (N, 64) of the write-up's tree, in float32 as it drew them.

    numpy's `RandomState` in this order: depth embeddings; W; then per node, breadth first, its noise
    followed by the embeddings of its children. `hrssm.environments.TreeMDP` draws the same, in float64.
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
def table_balls(branching: int = 4, depth: int = 5, seed: int = 42) -> arb_mat:
    """Observations (N, 64) of the write-up's tree as balls: tanh of exact inner products, plus noise."""
    features, weight, noise = write_up_table(branching, depth, seed)
    with precision(96):
        inner = arb_mat(features.astype(float).tolist()) * arb_mat(weight.T.astype(float).tolist())
        pairs = zip(inner.tolist(), noise, strict=True)
        rows = [[v.tanh() + float(e) for v, e in zip(row, own, strict=True)] for row, own in pairs]
        return arb_mat(rows)


@cache
def table_moments(branching: int = 4, depth: int = 5, seed: int = 42) -> tuple[list[list[arb]], list[arb]]:
    """Gram matrix of the depth means and the mean square per depth, both per coordinate, as balls.

    Given t and depth, all nodes of the depth are alike for a uniform start, so these decide every floor.
    """
    sizes = level_sizes(branching, depth)
    with precision(96):
        rows = iter(table_balls(branching, depth, seed).tolist())
        means, squares = [], []
        for size in sizes:
            members = [next(rows) for _ in range(size)]
            means.append([sum(column, arb(0)) / size for column in zip(*members, strict=True)])
            squares.append(sum((v * v for row in members for v in row), arb(0)) / size / 64)
        gram = [[sum((a * b for a, b in zip(u, v, strict=True)), arb(0)) / 64 for v in means] for u in means]
    return gram, squares


def as_ball(value: Fraction) -> arb:
    """A fraction as a ball."""
    return arb(fmpq(value.numerator, value.denominator))


def _quadratic(gram: list[list[arb]], u: list[Fraction], v: list[Fraction]) -> arb:
    terms = [as_ball(a * b) * gram[i][j] for i, a in enumerate(u) for j, b in enumerate(v) if a and b]
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
    square = sum((as_ball(p) * s for p, s in zip(whole, squares, strict=True)), arb(0))
    clock = both = gap = arb(0)
    for law in laws:
        clock += _quadratic(gram, list(law), list(law))
        (w0, even), (w1, odd) = parities(law)
        both += as_ball(w0) * _quadratic(gram, even, even) + as_ball(w1) * _quadratic(gram, odd, odd)
        between = [a - b for a, b in zip(even, odd, strict=True)]
        gap += _quadratic(gram, between, between)
    return {
        "nothing": square - _quadratic(gram, whole, whole),
        "clock": square - clock / steps,
        "parity": square - both / steps,
        "depth": square - sum((as_ball(p) * gram[k][k] for k, p in enumerate(whole)), arb(0)),
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
    return [Fraction(comb(2 * n - 2 - j, n - 1) * 2**j, 2 ** (2 * n - 1)) / factorial(j) for j in range(n)]


@cache
def mean_square_tanh(n: int, theta: Fraction) -> arb:
    """E tanh^2 of a sum of 2n products of normals, one of scale theta: rigorous quadrature of the density."""
    with precision(128):
        scale = as_ball(theta)
        weights = [as_ball(c) for c in laplace_coefficients(n)]

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
        a = 1 / as_ball(theta)
        total = arb(1)
        for j, c in enumerate(laplace_coefficients(n)):
            # integral of x^j e^(-a x) sech^2 x is 4 j! sum_m (-1)^(m-1) m/(a+2m)^(j+1); m = ((a+2m) - a)/2
            total -= (
                2 * as_ball(c) * a ** (j + 1) * 4 * factorial(j) * (_alternating(j, a) - a * _alternating(j + 1, a)) / 2
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
        t2, pi, per_unit, reach = as_ball(theta * theta), arb.pi(), 7, 26
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
    scale = float(theta)
    s, ws = np.polynomial.legendre.leggauss(120)
    s = (s + 1) * (2 * n + 30.0)  # beyond 4 n + 60 a gamma variable of shape n has less than 1e-20 of its mass
    ws = ws * np.exp((n - 1) * np.log(s) - s)
    z, wz = np.polynomial.hermite_e.hermegauss(80)
    a, wa = np.polynomial.legendre.leggauss(300)
    shared = (a + 1) * 10.0
    density = sum(float(c) * (shared / scale) ** j for j, c in enumerate(laplace_coefficients(n)))
    density = 2 * density * np.exp(-shared / scale) / scale * wa * 10.0
    total = 0.0
    for norm2, weight in zip(2 * s, ws / ws.sum(), strict=True):
        mean = np.tanh(shared[:, None] + scale * np.sqrt(norm2) * z) @ wz / wz.sum()
        total += weight * float(density @ mean**2)
    return total


@cache
def expected_constants(route: str) -> tuple[int, ...]:
    """First digits of V_r, V_d, V_d + V_n of tree-floor: by "fourier" (balls), or in "space" as a check."""
    n = EMBEDDING // 2
    if route == "space":
        root, whole = mean_square_tanh(n, SCALE), mean_square_tanh(2 * n, SCALE)
        return (
            floor_of_ball(root),
            int(mean_product_tanh_in_space(n, SCALE) * 10**DIGITS),
            floor_of_ball(whole),
        )
    root, whole = mean_square_tanh_by_zeta(n, SCALE), mean_square_tanh_by_zeta(2 * n, SCALE)
    return floor_of_ball(root), floor_of_ball(mean_product_tanh(n, SCALE)), floor_of_ball(whole)


@cache
def certified() -> dict[str, list[int]]:
    """First digits of the constants of this chapter, from balls, kept between runs."""

    def compute() -> dict[str, list[int]]:
        with precision(96):
            weights = [realised(t)["gap"] * t * 3 / 5 / arb(4).log() for t in STEPS]
            return {
                "expected": list(expected_constants("fourier")),
                "floors": [floor_of_ball(realised(t)[kind]) for t in STEPS for kind in KINDS],
                "gaps": [floor_of_ball(realised(t)["gap"]) for t in STEPS],
                "weights": [floor_of_ball(w, 3) for w in weights],
            }

    return store.recall("constants of the observations", (__name__,), compute)


def certified_digits(kind: str, index: int) -> int:
    """One of these digits: "expected", "floors", "gaps" or "weights", and its place."""
    return certified()[kind][index]
