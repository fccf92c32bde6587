"""A walk on the write-up's tree as one long observation: its covariance, and the laws that a code could tell
apart.

A code that is sent once can serve every later step, so what the objective weighs is the covariance of all T
observations together, and, for codes of any shape, how far the mean walk moves per nat under another law of
the walk.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
from flint import arb, arb_mat, fmpq

from derivations.chapters.environment.observation_law import STEPS, floor_of_ball, table_balls, write_up_table
from derivations.chapters.environment.walk import depth_laws, level_sizes
from derivations.engine import cache as store
from derivations.engine.kernel import plus_minus, precision


@cache
def frame_eigenvalue(steps: int) -> arb:
    """Largest eigenvalue of the covariance of one observation on the write-up's tree, enclosed.

    For a positive matrix C, tr C^(2n+1) / tr C^(2n) <= lambda_max <= (tr C^(2n))^(1/(2n)); n = 256.
    """
    laws = depth_laws(4, 5, steps)
    mean_law = [sum((law[k] for law in laws), Fraction(0)) / steps for k in range(6)]
    per_node = [p / n for p, n in zip(mean_law, level_sizes(4, 5), strict=True)]
    level = [k for k, n in enumerate(level_sizes(4, 5)) for _ in range(n)]
    with precision(160):
        shares = [arb(fmpq(p.numerator, p.denominator)) for p in per_node]
        table = table_balls()
        weighted = arb_mat([[v * shares[k] for v in row] for row, k in zip(table.tolist(), level, strict=True)])
        mean = arb_mat([[sum(column, arb(0)) for column in zip(*weighted.tolist(), strict=True)]])
        covariance = table.transpose() * weighted - mean.transpose() * mean
        power, exponent = covariance, 1
        scale = covariance.trace()
        power = covariance * (1 / scale)
        unit = power
        while exponent < 256:
            power, exponent = power * power, 2 * exponent
        upper = (power.trace().log() / exponent).exp()
        lower = (power * unit).trace() / power.trace()
        return scale * lower.union(upper)


@cache
def _walks() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transition matrix of the nodes as parents and children, and observations, in float64."""
    features, weight, noise = write_up_table()
    seen = np.tanh(features.astype(float) @ weight.T.astype(float)) + noise
    count = len(seen)
    parent = np.array([0] + [(i - 1) // 4 for i in range(1, count)])
    degree = np.bincount(parent[1:], minlength=count) + (np.arange(count) > 0)
    return parent, degree, seen


def _onward(values: np.ndarray) -> np.ndarray:
    """E[f(next node) | node] for each column f."""
    parent, degree, _ = _walks()
    total = np.zeros_like(values)
    np.add.at(total, parent[1:], values[1:])
    total[1:] += values[parent[1:]]
    return total / degree[:, None]


def _laws(steps: int) -> np.ndarray:
    _, degree, seen = _walks()
    law = [np.full((len(seen), 1), 1 / len(seen))]
    for _ in range(steps - 1):
        law.append(_onward(law[-1] / degree[:, None]) * degree[:, None])
    return np.stack([x[:, 0] for x in law])


@cache
def trajectory_eigenvalue(steps: int) -> arb:
    """Largest eigenvalue of the covariance C of a whole walk's observations (T D of them), enclosed.

    Within |C v - rho v| / |v| of the Rayleigh quotient rho of a vector v there is an eigenvalue. It is the largest, as
    its square and that of a larger one would add up to more than tr C^2.
    """
    with precision(96):
        blocks, size = _covariance_blocks(depth_laws(4, 5, steps)), 64
        vector = [arb_mat([[arb(float(x))] for x in part]) for part in _top_direction(steps)]
        image = []
        for t in range(steps):
            parts = [blocks[t, s] if (t, s) in blocks else blocks[s, t].transpose() for s in range(steps)]
            image.append(sum((m * v for m, v in zip(parts, vector, strict=True)), arb_mat(size, 1)))
        square = sum((_squared(v) for v in vector), arb(0))
        quotient = sum((_inner(v, w) for v, w in zip(vector, image, strict=True)), arb(0)) / square
        rest = sum((_squared(w - v * quotient) for v, w in zip(vector, image, strict=True)), arb(0))
        apart = (rest / square).sqrt()
        total = sum(((2 if s != t else 1) * _squared(block) for (s, t), block in blocks.items()), arb(0))
        if not total < 2 * (quotient - apart) ** 2:
            raise ArithmeticError(
                f"{steps} steps: the eigenvalue near {quotient.str(6)} is not shown to be the largest"
            )
        return quotient + plus_minus(apart)


def _covariance_blocks(laws: Sequence[Sequence[Fraction]]) -> dict[tuple[int, int], arb_mat]:
    """Covariance of the observations of steps s <= t, by (s, t): each a matrix of balls.

    Nodes of one depth are equally likely, so it is a mean over depths of products that know the lag t - s alone.
    """
    parent, degree, _ = _walks()
    sizes = level_sizes(4, 5)
    starts = [sum(sizes[:k]) for k in range(7)]
    shares = [[arb(fmpq(p.numerator, p.denominator)) / n for p, n in zip(law, sizes, strict=True)] for law in laws]
    rows = table_balls().tolist()
    levels = [arb_mat(rows[low:high]).transpose() for low, high in pairwise(starts)]
    sums = [part * arb_mat(n, 1, [1] * n) for part, n in zip(levels, sizes, strict=True)]
    means = [_combined(share, sums) for share in shares]
    blocks: dict[tuple[int, int], arb_mat] = {}
    for lag in range(len(laws)):
        products = [part * arb_mat(rows[low:high]) for part, (low, high) in zip(levels, pairwise(starts), strict=True)]
        for s in range(len(laws) - lag):
            blocks[s, s + lag] = _combined(shares[s], products) - means[s] * means[s + lag].transpose()
        total = [[arb(0)] * 64 for _ in rows]  # E[observation after one step more | node]
        for i in range(1, len(rows)):
            total[parent[i]] = [a + b for a, b in zip(total[parent[i]], rows[i], strict=True)]
            total[i] = [a + b for a, b in zip(total[i], rows[parent[i]], strict=True)]
        rows = [[v / int(k) for v in row] for row, k in zip(total, degree, strict=True)]
    return blocks


def _combined(weights: Sequence[arb], matrices: Sequence[arb_mat]) -> arb_mat:
    return functools.reduce(lambda a, b: a + b, [m * w for m, w in zip(matrices, weights, strict=True)])


def _squared(matrix: arb_mat) -> arb:
    return sum((v * v for row in matrix.tolist() for v in row), arb(0))


def _inner(one: arb_mat, other: arb_mat) -> arb:
    return (one.transpose() * other)[0, 0]


@cache
def trajectory_eigenvalues() -> tuple[int, ...]:
    """floor(100 lambda_max) by power iteration in float64, applying the covariance through the walk itself."""
    return tuple(int(100 * _power_iteration(steps)[0]) for steps in STEPS)


def _top_direction(steps: int) -> np.ndarray:
    """A vector (T, D) near the first eigenvector."""
    return _power_iteration(steps)[1]


@cache
def _power_iteration(steps: int) -> tuple[float, np.ndarray]:
    _, _, seen = _walks()
    law = _laws(steps)
    mean = law @ seen
    vector = np.tile(seen[-1] - seen[20], (steps, 1)) * (-1.0) ** np.arange(steps)[:, None]
    _, degree, _ = _walks()
    value = 0.0
    for _ in range(60):
        vector /= np.linalg.norm(vector)
        score = seen @ vector.T - np.sum(mean * vector, 1)  # (N, T): the part of each step at each node
        later = np.zeros((len(seen), steps))  # E[sum of the parts after t | node at t]
        for t in range(steps - 2, -1, -1):
            later[:, t] = _onward((later[:, t + 1] + score[:, t + 1])[:, None])[:, 0]
        past, earlier = np.zeros(len(seen)), np.zeros((len(seen), steps))
        for t in range(1, steps):  # E[sum of the parts before t; node at t], a measure on the nodes
            past = past + score[:, t - 1] * law[t - 1]
            past = (_onward((past / degree)[:, None]) * degree[:, None])[:, 0]
            earlier[:, t] = past
        total = law.T * (score + later) + earlier
        image = (total.T @ seen) - total.sum(0)[:, None] * mean
        value = float(np.sum(image * vector))
        vector = image
    return value, vector


@cache
def eigenvalues_numpy() -> tuple[int, ...]:
    _, _, seen = _walks()
    found = []
    for steps in STEPS:
        share = _laws(steps).mean(0)
        centred = seen - share @ seen
        found.append(int(1000 * np.linalg.eigvalsh((centred * share[:, None]).T @ centred)[-1]))
    return tuple(found)


# ------------------------------------------------------------------------------------------- any code


@cache
def tilt(steps: int, parity: int = 0) -> np.ndarray:
    """Potentials (T, N) of a law of walks q ~ exp(sum of potentials) that moves far per nat, found by ascent.

    F(q) = sum_t |E_q o_t - E o_t|^2 / D is convex in q, so raising its linearisation minus beta KL raises the
    difference; beta follows as F/KL. The start favours one parity.
    """
    _, _, seen = _walks()
    level = np.repeat(np.arange(6), level_sizes(4, 5))
    potentials = np.where((level + np.arange(steps)[:, None]) % 2 == parity, 0.0, -3.0)
    for _ in range(8):
        ratio, moved = tilted(potentials)
        for _ in range(20):
            potentials = (2 / (ratio * seen.shape[1])) * (moved @ seen.T)
            _, moved = tilted(potentials)
    return potentials


def tilted(potentials: np.ndarray) -> tuple[float, np.ndarray]:
    """F/KL of the tilted law, and E_q o_t - E o_t, (T, D), in float64."""
    _, degree, seen = _walks()
    steps = len(potentials)
    law = _laws(steps)
    weights = np.exp(potentials)
    ahead, log_total = np.ones(len(seen)), 0.0
    back: list[np.ndarray] = [ahead] * steps
    for t in range(steps - 1, -1, -1):
        back[t] = weights[t] * ahead
        scale = back[t].max()
        back[t], log_total = back[t] / scale, log_total + float(np.log(scale))
        ahead = _onward(back[t][:, None])[:, 0]
    total = float(law[0] @ back[0])
    now = law[0] * back[0] / total
    laws = [now]
    for t in range(1, steps):
        spread = now / _onward(back[t][:, None])[:, 0] / degree
        now = back[t] * (_onward(spread[:, None])[:, 0] * degree)
        laws.append(now)
    shifted = np.stack(laws)
    moved = (shifted - law) @ seen
    price = float((shifted * potentials).sum()) - log_total - float(np.log(total))
    return float((moved**2).sum()) / seen.shape[1] / price, moved


def tilt_enclosed(steps: int) -> arb:
    """F/KL of the law that `tilt` found, as a ball: a weight of the KL at which some code still pays."""
    parent, degree, _ = _walks()
    found = tilt(steps)
    count = len(parent)

    def onward(values: list[arb]) -> list[arb]:
        total = [arb(0)] * count
        for i in range(1, count):
            total[parent[i]] += values[i]
            total[i] += values[parent[i]]
        return [v / int(k) for v, k in zip(total, degree, strict=True)]

    with precision(96):
        exponents = [[arb(float(v)) for v in row] for row in found]
        ahead, back = [arb(1)] * count, []
        for row in reversed(exponents):
            back.append([e.exp() * a for e, a in zip(row, ahead, strict=True)])
            ahead = onward(back[-1])
        back.reverse()
        total = sum(back[0], arb(0)) / count
        now = [b / total / count for b in back[0]]
        plain = [arb(1) / count] * count
        price, moves = -total.log(), []
        for t in range(steps):
            if t:
                forth = onward(back[t])
                spread = [q / f / int(k) for q, f, k in zip(now, forth, degree, strict=True)]
                now = [b * v * int(k) for b, v, k in zip(back[t], onward(spread), degree, strict=True)]
                evened = onward([q / int(k) for q, k in zip(plain, degree, strict=True)])
                plain = [v * int(k) for v, k in zip(evened, degree, strict=True)]
            price += sum((q * e for q, e in zip(now, exponents[t], strict=True)), arb(0))
            moves.append([q - v for q, v in zip(now, plain, strict=True)])
        moved = arb_mat(moves) * table_balls()
        return sum((v * v for row in moved.tolist() for v in row), arb(0)) / 64 / price


def _frame_floor(steps: int) -> int:
    with precision(160):
        return floor_of_ball(frame_eigenvalue(steps), 3)


@cache
def certified_walks() -> dict[str, list[int]]:
    """First digits of the largest eigenvalues, of an observation and of a walk, and of weights that pay."""
    return store.recall(
        "walk covariance",
        (__name__,),
        lambda: {
            "frame": [_frame_floor(t) for t in STEPS],
            "walk": [floor_of_ball(trajectory_eigenvalue(t), 2) for t in STEPS],
            "code": [floor_of_ball(tilt_enclosed(t), 3) for t in STEPS],
        },
    )


def certified_walk(kind: str, index: int) -> int:
    """One of these digits: "frame", "walk" or "code", and the place of its number of steps in `STEPS`."""
    return certified_walks()[kind][index]
