"""The write-up's objective: what it weighs, when it keeps a direction, and what the heads cost.

The loss is the mean over the D coordinates of the squared error, plus beta times the KL in nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq

from derivations import cache as store
from derivations.environment import depth_laws, level_sizes
from derivations.kernel import (
    Certificate,
    Step,
    algebra,
    argument,
    differentiate,
    entry,
    exact,
    grid,
    precision,
    sign,
    sp,
    symbol,
)
from derivations.observation_law import STEPS, floor_of_ball, table_balls, write_up_table

beta, D, sigma = symbol("beta", positive=True), symbol("D", positive=True), symbol("sigma", positive=True)
MODULES = ("objective",)
ell, g = symbol("l", positive=True), symbol("g", nonnegative=True)


# ------------------------------------------------------------------------------------------- obj-scale


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


beta_eff, sigma_star = sp.Function("beta_eff"), sp.Function("sigma_star")


@entry(
    id="obj-scale",
    title="The weight of the KL in the write-up's loss, read as an ELBO",
    statement=sp.Tuple(
        sp.Eq(beta_eff(beta, D, sigma), beta * D / (2 * sigma**2)),
        sp.Eq(sigma_star(beta, D), sp.sqrt(beta * D / 2)),
        sp.Eq(beta_eff(1, 64, 1), 32),
        sp.Eq(beta_eff(1, 64, sp.Rational(1, 20)), 12800),
        sp.Eq(sigma_star(1, 64), 4 * sp.sqrt(2)),
    ),
    symbols={
        beta: "weight of the KL in the loss",
        D: ("coordinates of an observation, over which the loss averages", "positive integer"),
        sigma: "scale of the Gaussian likelihood",
    },
    assumptions=("KL in nats; the likelihood is N(o_hat, sigma^2 I); additive constants do not matter",),
    status="corrects",
    sources=[("perret2026", "loss")],
    implements=["hrssm.models.objective.Objective"],
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
        "E is the mean squared error, R the KL: loss * D/(2 sigma^2) + constant = -log-likelihood + "
        "beta_eff R",
    )
    yield Step(
        claim[0].rhs.subs(sigma, claim[1].rhs), 1, algebra, "an ELBO, with weight one, at this scale alone"
    )
    yield Step(sp.sqrt(claim[0].rhs) * sigma, claim[1].rhs, algebra, "solved for the scale")
    for index, values in ((2, {sigma: 1}), (3, {sigma: sp.Rational(1, 20)})):
        yield Step(claim[0].rhs.subs({beta: 1, D: 64, **values}), claim[index].rhs, algebra, f"at {values}")
    yield Step(
        claim[1].rhs.subs({beta: 1, D: 64}), claim[4].rhs, algebra, "about 5.66, a hundred times the noise"
    )


# ------------------------------------------------------------------------------------------- obj-collapse


def _squeeze(p: Mapping[str, Any]) -> tuple[arb, arb]:
    """Enclosure of the best v/m in (0, 1] by ternary search on the convex objective; and its value there."""
    with precision(420):
        size, weight, width = (exact(p[name]) for name in ("l", "beta", "D"))

        def value(x: Any) -> Any:
            return size * x / width - weight / 2 * x.log()

        low, high = arb(2) ** -40, arb(1)
        for _ in range(330):
            third = (high - low) / 3
            left, right = (low + third).mid(), (high - third).mid()
            if value(left) < value(right):
                high = right
            elif value(left) > value(right):
                low = left
            else:  # equal to all digits kept: the minimum lies between
                low, high = left, right
        best = low.union(high)
    return best, value(best)


def _collapse_independent(p: Mapping[str, Any]) -> list[arb]:
    best, objective = _squeeze(p)
    return [
        exact(p["l"]) * best / exact(p["D"]),
        -best.log() / 2,
        objective,
        *(arb(v) for v in _eigenvalues_numpy()),
        *(arb(v) for v in _trajectory_eigenvalues("power")),
    ]


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
        weighted = arb_mat(
            [[v * shares[k] for v in row] for row, k in zip(table.tolist(), level, strict=True)]
        )
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
def _trajectory_eigenvalues(route: str) -> tuple[int, ...]:
    """floor(100 lambda_max) of the covariance of a whole walk's observations (T D of them), in float64.

    "dense": the matrix, by LAPACK; "power": power iteration, applying the covariance through the walk itself.
    """
    _, _, seen = _walks()
    found = []
    for steps in STEPS:
        law = _laws(steps)
        mean = law @ seen
        if route == "dense":
            size = seen.shape[1]
            matrix, ahead = np.zeros((steps, size, steps, size)), seen
            for lag in range(steps):
                for s in range(steps - lag):
                    block = (seen * law[s][:, None]).T @ ahead - np.outer(mean[s], mean[s + lag])
                    matrix[s, :, s + lag], matrix[s + lag, :, s] = block, block.T
                ahead = _onward(ahead)
            value = np.linalg.eigvalsh(matrix.reshape(steps * size, -1))[-1]
        else:
            value = _power_iteration(seen, law, mean)
        found.append(int(100 * value))
    return tuple(found)


def _power_iteration(seen: np.ndarray, law: np.ndarray, mean: np.ndarray) -> float:
    steps = len(law)
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
    return value


@cache
def _eigenvalues_numpy() -> tuple[int, ...]:
    _, _, seen = _walks()
    found = []
    for steps in STEPS:
        share = _laws(steps).mean(0)
        centred = seen - share @ seen
        found.append(int(1000 * np.linalg.eigvalsh((centred * share[:, None]).T @ centred)[-1]))
    return tuple(found)


def _frame_floor(steps: int) -> int:
    with precision(160):
        return floor_of_ball(frame_eigenvalue(steps), 3)


@cache
def _largest() -> dict[str, list[int]]:
    """Both kinds of largest eigenvalue, kept between runs."""
    return store.recall(
        "largest eigenvalues",
        MODULES,
        lambda: {"frame": [_frame_floor(t) for t in STEPS], "walk": list(_trajectory_eigenvalues("dense"))},
    )


_theta = beta * D / 2
_kept = ell / sp.Min(ell, _theta)


@entry(
    id="obj-collapse",
    title="When the objective keeps a direction, and when a code pays at all",
    statement=sp.Tuple(
        sp.Eq(sp.Function("MSE")(ell), sp.Min(ell, _theta) / D),
        sp.Eq(sp.Function("KL")(ell), sp.log(_kept) / 2),
        sp.Eq(sp.Function("J")(ell), sp.Min(ell, _theta) / D + beta * sp.log(_kept) / 2),
        *(
            sp.Eq(sp.floor(1000 * symbol(f"lambda_{steps}", positive=True)), value)
            for steps, value in zip(STEPS, _largest()["frame"], strict=True)
        ),
        *(
            sp.Eq(sp.floor(100 * symbol(f"Lambda_{steps}", positive=True)), value)
            for steps, value in zip(STEPS, _largest()["walk"], strict=True)
        ),
    ),
    symbols={
        ell: "eigenvalue of the covariance of what is encoded",
        beta: "weight of the KL",
        D: ("coordinates over which the squared error is averaged", "positive"),
    },
    assumptions=(
        "linear encoder and decoder, Gaussian posterior, standard normal prior; the data need not be "
        "Gaussian, the "
        "objective sees their covariance only",
        "MSE and KL add over the eigendirections: as many as the latent has dimensions, the largest first",
        "lambda_8, ..: one observation of the write-up's tree (B = 4, L = 5, seed 42), walks of 8, 10, 20 "
        "steps; "
        "Lambda_8, ..: all T observations of a walk together, when the code may be carried along (level N); "
        "the threshold beta D/2 is 32 for both",
    ),
    status="new",
    uses=("tree-walk", "tree-floor", "tree-parity"),
    sources=[
        ("perret2026", "loss"),
        ("tippingbishop1999", "maximum likelihood"),
        ("cover2006", "reverse water-filling"),
    ],
    implements=["hrssm.models.objective.Objective"],
    certificate=Certificate(
        points=grid(25, l=("1/20", "9"), beta=("1/100", "2"), D=("1", "64"))[8:]
        + grid(33, l=("1", "200"), beta=("1/10", "1"), D=("2", "64"))[:8],
        independent=_collapse_independent,
    ),
)
def obj_collapse(claim: Any) -> Iterator[Step]:
    """One direction by calculus, many by Hadamard's inequality, any code by linearisation."""
    a, c, v = symbol("a", real=True), symbol("c", real=True), symbol("v", positive=True)
    x, m = symbol("x", positive=True), symbol("m", positive=True)
    error = ell * (1 - c * a) ** 2 + c**2 * v
    moment = a**2 * ell + v
    best = a * ell / moment
    yield Step(
        sp.Derivative(error, c).doit().subs(c, best),
        0,
        algebra,
        "z ~ N(a o, v), o_hat = c z: the best decoder, for E (o - o_hat)^2 = error",
    )
    yield Step(error.subs(c, best), ell * v / moment, algebra, "what it leaves: l x with x = v/m, m = E z^2")
    yield Step(
        (m - 1 - sp.log(x * m)) / 2,
        -sp.log(x) / 2 + (m - 1 - sp.log(m)) / 2,
        algebra,
        "the KL averaged over the data, with v = x m",
    )
    yield Step(
        m - 1 - sp.log(m), 0, argument, "log m <= m - 1, equal at m = 1: rescale z to unit moment", op=">="
    )
    value = ell * x / D - beta * sp.log(x) / 2
    yield Step(sp.Derivative(value, x, 2), beta / (2 * x**2), differentiate, "what is left is convex in x")
    yield Step(sp.diff(value, x).subs(x, _theta / ell), 0, algebra, "stationary at x = beta D/(2 l)")
    for index, kept, dropped in (
        (0, _theta / D, ell / D),
        (1, sp.log(1 + g) / 2, sp.S.Zero),
        (2, _theta / D + beta * sp.log(1 + g) / 2, ell / D),
    ):
        yield Step(
            kept,
            claim[index].rhs.subs(ell, _theta * (1 + g)),
            algebra,
            "l = (1 + g) beta D/2, g >= 0: the stationary point x = 1/(1+g) lies in (0, 1]",
        )
        yield Step(
            dropped.subs(D, 2 * ell * (1 + g) / beta),
            claim[index].rhs.subs(D, 2 * ell * (1 + g) / beta),
            algebra,
            "D = 2 l (1 + g)/beta, so l is below the threshold: x = 1, nothing is encoded",
        )
        yield Step(claim[index].lhs, claim[index].rhs, argument, "the two cases together")
    l1, l2, a1, a2, a3, a4, s1, s2 = sp.symbols("l_1 l_2 a_1 a_2 a_3 a_4 s_1 s_2", positive=True)
    covariance = sp.diag(l1, l2)
    for gain, spread, words in (
        (sp.Matrix([[a1, a2]]), sp.Matrix([[s1]]), "one latent"),
        (sp.Matrix([[a1, a2], [a3, a4]]), sp.diag(s1, s2), "two latents, in the axes of their spread"),
    ):
        second = gain * covariance * gain.T + spread
        yield Step(
            (sp.eye(2) - covariance * gain.T * second.inv() * gain).det(),
            spread.det() / second.det(),
            algebra,
            f"two directions, {words}: with X = 1 - S^(1/2) A' M^-1 A S^(1/2) (S the covariance, M = A S A' "
            f"+ V), the "
            "error is tr(S X) and the KL at least -(1/2) log det X (Sylvester's identity gives it for all "
            "sizes)",
        )
    x1, x2, x3 = *sp.symbols("x_1 x_2", positive=True), symbol("x_3", real=True)
    yield Step(
        x1 * x2,
        sp.Matrix([[x1, x3], [x3, x2]]).det(),
        sign,
        "Hadamard: det X <= product of its diagonal (2 x 2; Schur complements give the rest), so the "
        "directions part",
        op=">=",
    )
    F, R, e = symbol("F", positive=True), symbol("R", positive=True), symbol("epsilon", positive=True)
    yield Step(
        sp.diff(e * F - beta * e * R, e),
        F - beta * R,
        algebra,
        "any model: let q be a law of walks, F = sum over t of |E_q o_t - E o_t|^2 / D, R = KL(q | the "
        "walks' law). A "
        "code with posteriors q_u gains E F(q_u) at a price of at least beta E R(q_u) (KL terms sum to at "
        "least the "
        "information). So none pays if F <= beta R for all q; if F > beta R for one q, sending it rarely "
        "does, since "
        "the complement moves by O(epsilon), which counts in second order",
    )
    for relation, value_, steps in zip(claim[3:6], _largest()["frame"], STEPS, strict=True):
        yield Step(
            sp.Integer(value_),
            relation.rhs,
            algebra,
            f"{steps} steps: tr C^257/tr C^256 and (tr C^256)^(1/256)",
        )
    for relation, value_, steps in zip(claim[6:], _largest()["walk"], STEPS, strict=True):
        yield Step(
            sp.Integer(value_),
            relation.rhs,
            algebra,
            f"{steps} steps, {64 * steps} numbers per walk; float64",
        )


# ------------------------------------------------------------------------------------------- param-count

d = symbol("d", positive=True, integer=True)
HEADS = ("hg", "hg-diagonal", "gaussian", "gaussian-two-scale")


def _head_sizes(p: Mapping[str, Any]) -> list[arb]:
    """What the shipped heads put out."""
    from hrssm.models.latents import FAMILIES

    sizes = [FAMILIES[name](int(p["d"])).num_parameters for name in HEADS]
    return [*(arb(n) for n in sizes), arb(sizes[2] - sizes[0])]


@entry(
    id="param-count",
    title="Numbers that a latent's head puts out",
    statement=sp.Tuple(
        sp.Eq(sp.Function("n_HG")(d), d + 2),
        sp.Eq(sp.Function("n_HG_diagonal")(d), 2 * d),
        sp.Eq(sp.Function("n_Gaussian")(d), 2 * d),
        sp.Eq(sp.Function("n_two_scale")(d), d + 2),
        sp.Eq(sp.Function("n_Gaussian")(d) - sp.Function("n_HG")(d), d - 2),
    ),
    symbols={d: ("dimension of the latent", "integer >= 2")},
    status="refutes",
    sources=[("perret2026", "same parameter count")],
    implements=[
        "hrssm.models.latents.HG",
        "hrssm.models.latents.HGDiagonal",
        "hrssm.models.latents.Gaussian",
        "hrssm.models.latents.GaussianTwoScale",
    ],
    certificate=Certificate(
        points=tuple({"d": sp.Integer(n)} for n in range(2, 32)), independent=_head_sizes
    ),
)
def param_count(claim: Any) -> Iterator[Step]:
    """Counted by parameter; equal counts for HG and the diagonal Gaussian at d = 2 only."""
    yield Step(1 + (d - 1) + 1 + 1, claim[0].rhs, algebra, "mu, beta, sigma, s")
    yield Step(
        1 + (d - 1) + 1 + (d - 1), claim[1].rhs, algebra, "mu, beta, sigma, one s per fibre coordinate"
    )
    yield Step(d + d, claim[2].rhs, algebra, "location and scale per coordinate")
    yield Step(d + 1 + 1, claim[3].rhs, algebra, "location, the first scale, the other scale")
    yield Step(claim[2].rhs - claim[0].rhs, claim[4].rhs, algebra, "the excess, zero at d = 2 alone")
