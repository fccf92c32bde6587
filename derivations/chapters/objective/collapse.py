"""When the write-up's objective keeps a direction of the observations, and when a code pays.

The loss is the mean over the D coordinates of the squared error, plus beta times the KL in nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from derivations.chapters.objective.scale import D, beta
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
from derivations.engine.notation import name

ell, g = symbol("l", positive=True), symbol("g", nonnegative=True)


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
        sp.Eq(name("MSE", ell), sp.Min(ell, _theta) / D),
        sp.Eq(name("KL", ell), sp.log(_kept) / 2),
        sp.Eq(name("J", ell), sp.Min(ell, _theta) / D + beta * sp.log(_kept) / 2),
        *(
            sp.Eq(sp.floor(1000 * name("lambda", steps)), value)
            for steps, value in zip(STEPS, certified_walks()["frame"], strict=True)
        ),
        *(
            sp.Eq(sp.floor(100 * name("Lambda", steps)), value)
            for steps, value in zip(STEPS, certified_walks()["walk"], strict=True)
        ),
        *(
            sp.Eq(sp.floor(1000 * name("beta_pays", steps)), value)
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
        "lambda(T): the largest eigenvalue for one observation of the write-up's tree (B = 4, L = 5, seed 42), walks "
        "of T steps; Lambda(T): for all T observations of a walk together, when the code may be carried along (level "
        "N); the threshold beta D/2 is 32 for both",
        "beta_pays(T): a weight below which total collapse is not the best over codes of any shape (a "
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
