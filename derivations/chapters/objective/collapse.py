"""When the write-up's objective keeps a direction of the observations, and when a code pays.

The loss is the mean over the D coordinates of the squared error, plus beta times the KL in nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb

from derivations.chapters.environment.observation_law import STEPS
from derivations.chapters.environment.walk_covariance import (
    certified_walk,
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
    convex,
    differentiate,
    enclose_value,
    entry,
    exact,
    grid,
    matrices,
    precision,
    sign,
    sp,
    split,
    substitute,
    symbol,
    theorem,
)
from derivations.engine.notation import name

ell = symbol("l", positive=True)
g, h = symbol("g", nonnegative=True), symbol("h", nonnegative=True)


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
        *(arb(v) for v in trajectory_eigenvalues()),
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
        "of T steps; Lambda(T): for all T observations of a walk together, when the code may be carried along; "
        "the threshold beta D/2 is 32 for both",
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
        sp.Derivative(error, c),
        0,
        substitute({c: best}),
        "z ~ N(a o, v), o_hat = c z: the best decoder, for E (o - o_hat)^2 = error",
    )
    yield Step(error.subs(c, best), ell * v / moment, algebra, "what it leaves: l x with x = v/m, m = E z^2")
    yield Step(
        (m - 1 - sp.log(x * m)) / 2,
        -sp.log(x) / 2 + (m - 1 - sp.log(m)) / 2,
        algebra,
        "the KL averaged over the data, with v = x m",
    )
    yield Step(m - 1 - sp.log(m), 0, convex(m, sp.S.One), "log m <= m - 1: rescale z to unit moment", op=">=")
    value = ell * x / D - beta * sp.log(x) / 2
    slope = sp.Derivative(value, x)
    yield Step(sp.Derivative(value, x, 2), beta / (2 * x**2), differentiate, "what is left is convex in x")
    yield Step(slope, 0, substitute({x: _theta / ell}), "stationary at x = beta D/(2 l)")
    inside = (beta / (2 * x) - ell / D).subs({D: 2 * ell * (1 + g) / beta, x: 1 / (1 + h)})
    yield Step(inside, 0, sign, "below the threshold it falls on all of 0 < x <= 1: the least is at x = 1", op=">=")
    kept = sp.Min(1, _theta / ell)
    either_way = split(ell, _theta, g, algebra, algebra)
    for index, at_best in enumerate((ell * kept / D, -sp.log(kept) / 2, ell * kept / D - beta * sp.log(kept) / 2)):
        yield Step(at_best, claim[index].rhs, either_way, "at x = min(1, beta D/(2 l)): both cases")
    l1, l2, a1, a2, a3, a4, s1, s2 = sp.symbols("l_1 l_2 a_1 a_2 a_3 a_4 s_1 s_2", positive=True)
    covariance = sp.diag(l1, l2)
    for gain, spread, words in (
        (sp.Matrix([[a1, a2]]), sp.Matrix([[s1]]), "one latent"),
        (sp.Matrix([[a1, a2], [a3, a4]]), sp.diag(s1, s2), "two latents, in the axes of their spread"),
    ):
        second = gain * covariance * gain.T + spread
        yield Step(
            sp.Determinant(sp.ImmutableMatrix(sp.eye(2) - covariance * gain.T * second.inv() * gain)),
            spread.det() / second.det(),
            matrices,
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
        sp.Function("price")("code"),
        sp.Function("information")("code"),
        theorem("chain rule of relative entropy", "cover2006", "Theorem 2.5.3"),
        "any model: the KL terms of a code of the walk add up to at least the information that it carries, "
        "E KL(q_u | the walks' law) over its posteriors q_u, laws of walks",
        op=">=",
    )
    yield Step(
        sp.Derivative(e * F - beta * e * R, e),
        F - beta * R,
        differentiate,
        "with F = sum over t of |E_q o_t - E o_t|^2 / D and R = KL(q | the walks' law) such a code gains E F(q_u) at a "
        "price of at least beta E R(q_u): none pays if F <= beta R for all q. If F > beta R for one q, sending it "
        "rarely does, with probability epsilon: the complement moves by O(epsilon), which counts in second order",
    )
    rows = (("frame", "tr C^257/tr C^256 and (tr C^256)^(1/256)"), ("walk", "Rayleigh quotient, residual and tr C^2"),
            ("code", "F/R of one tilted law of walks; below this weight some code pays"))  # fmt: skip
    for row, (kind, words) in enumerate(rows):
        for index, steps in enumerate(STEPS):
            relation = claim[3 + 3 * row + index]
            yield Step(
                relation.lhs, relation.rhs, enclose_value(certified_walk, kind, index), f"{steps} steps: {words}"
            )
