"""The write-up's objective: what it weighs, when it keeps a direction, and what the heads cost.

The loss is the mean over the D coordinates of the squared error, plus beta times the KL in nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flint import arb

from derivations.chapters.environment.observation_law import STEPS
from derivations.chapters.environment.walk_covariance import (
    certified_walks,
    eigenvalues_numpy,
    tilt,
    tilted,
    trajectory_eigenvalues,
)
from derivations.engine.kernel import (
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

beta, D, sigma = symbol("beta", positive=True), symbol("D", positive=True), symbol("sigma", positive=True)
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
    yield Step(claim[0].rhs.subs(sigma, claim[1].rhs), 1, algebra, "an ELBO, with weight one, at this scale alone")
    yield Step(sp.sqrt(claim[0].rhs) * sigma, claim[1].rhs, algebra, "solved for the scale")
    for index, values in ((2, {sigma: 1}), (3, {sigma: sp.Rational(1, 20)})):
        yield Step(claim[0].rhs.subs({beta: 1, D: 64, **values}), claim[index].rhs, algebra, f"at {values}")
    yield Step(claim[1].rhs.subs({beta: 1, D: 64}), claim[4].rhs, algebra, "about 5.66, a hundred times the noise")


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
        *(arb(v) for v in eigenvalues_numpy()),
        *(arb(v) for v in trajectory_eigenvalues("power")),
        *(arb(int(1000 * tilted(tilt(t))[0])) for t in STEPS),
    ]


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
            for steps, value in zip(STEPS, certified_walks()["frame"], strict=True)
        ),
        *(
            sp.Eq(sp.floor(100 * symbol(f"Lambda_{steps}", positive=True)), value)
            for steps, value in zip(STEPS, certified_walks()["walk"], strict=True)
        ),
        *(
            sp.Eq(sp.floor(1000 * symbol(f"beta_pays_{steps}", positive=True)), value)
            for steps, value in zip(STEPS, certified_walks()["code"], strict=True)
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
        "beta_pays_8, ..: a weight below which total collapse is not the best over codes of any shape (a "
        "lower bound "
        "on where it becomes so)",
    ),
    status="new",
    uses=("tree-walk", "tree-floor", "tree-parity"),
    sources=[
        ("perret2026", "loss"),
        ("tippingbishop1999", "maximum likelihood"),
        ("cover2006", "reverse water-filling"),
    ],
    implements=["hrssm.systems.rssm.objective.Objective"],
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
    yield Step(m - 1 - sp.log(m), 0, argument, "log m <= m - 1, equal at m = 1: rescale z to unit moment", op=">=")
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
        "Hadamard: det X <= product of its diagonal (2 x 2; Schur complements give the rest), so the directions part",
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
    for relation, value_, steps in zip(claim[3:6], certified_walks()["frame"], STEPS, strict=True):
        yield Step(
            sp.Integer(value_),
            relation.rhs,
            algebra,
            f"{steps} steps: tr C^257/tr C^256 and (tr C^256)^(1/256)",
        )
    for relation, value_, steps in zip(claim[6:9], certified_walks()["walk"], STEPS, strict=True):
        yield Step(
            sp.Integer(value_),
            relation.rhs,
            algebra,
            f"{steps} steps, {64 * steps} numbers per walk; float64",
        )
    for relation, value_, steps in zip(claim[9:], certified_walks()["code"], STEPS, strict=True):
        yield Step(
            sp.Integer(value_),
            relation.rhs,
            algebra,
            f"{steps} steps: F/R of one tilted law of walks, enclosed; below this weight some code pays",
        )


# ------------------------------------------------------------------------------------------- param-count

d = symbol("d", positive=True, integer=True)


def _head_sizes(p: Mapping[str, Any]) -> list[arb]:
    """The names of what each head puts out, counted."""
    coordinates = range(1, int(p["d"]) + 1)
    fibre = coordinates[1:]
    fibre_locs = {("beta", i) for i in fibre}
    horospherical = {"mu", "sigma", "s"} | fibre_locs
    diagonal = {"mu", "sigma"} | fibre_locs | {("s", i) for i in fibre}
    gaussian = {("loc", i) for i in coordinates} | {("scale", i) for i in coordinates}
    two_scale = {("loc", i) for i in coordinates} | {"first scale", "other scale"}
    sizes = [len(names) for names in (horospherical, diagonal, gaussian, two_scale)]
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
        "hrssm.latents.horospherical.HG",
        "hrssm.latents.horospherical.HGDiagonal",
        "hrssm.latents.gaussian.Gaussian",
        "hrssm.latents.gaussian.GaussianTwoScale",
    ],
    certificate=Certificate(points=tuple({"d": sp.Integer(n)} for n in range(2, 32)), independent=_head_sizes),
)
def param_count(claim: Any) -> Iterator[Step]:
    """Counted by parameter; equal counts for HG and the diagonal Gaussian at d = 2 only."""
    yield Step(1 + (d - 1) + 1 + 1, claim[0].rhs, algebra, "mu, beta, sigma, s")
    yield Step(1 + (d - 1) + 1 + (d - 1), claim[1].rhs, algebra, "mu, beta, sigma, one s per fibre coordinate")
    yield Step(d + d, claim[2].rhs, algebra, "location and scale per coordinate")
    yield Step(d + 1 + 1, claim[3].rhs, algebra, "location, the first scale, the other scale")
    yield Step(claim[2].rhs - claim[0].rhs, claim[4].rhs, algebra, "the excess, zero at d = 2 alone")
