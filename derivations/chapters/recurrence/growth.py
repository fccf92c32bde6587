"""How far additions carry a state: the triangle inequality, random walks, contractions and Lipschitz maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import comb
from typing import Any

from flint import arb

from derivations.chapters.recurrence.symbols import (
    PARALLEL,
    T,
    a,
    b,
    direction,
    length,
    norm_of_sum,
    phi,
    x,
)
from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    entry,
    exact,
    gamma_recurrence,
    grid,
    integral,
    integrate,
    largest,
    limit,
    plus_minus,
    recursion,
    sign,
    sp,
    squares,
    symbol,
    trigonometry,
    use,
)
from derivations.engine.notation import At, Expectation, Meaning, Norm, Optimal, Supremum, name

m, tau = symbol("m", nonnegative=True), symbol("tau", nonnegative=True)
L, C, kappa = symbol("L", nonnegative=True), symbol("C", nonnegative=True), symbol("kappa", positive=True)
d, sigma = symbol("d", positive=True), symbol("sigma", positive=True)
LARGEST, MEAN, MEAN_SQUARE = Supremum(Norm("h_T")), Expectation(Norm("h_T")), Expectation(Norm("h_T") ** 2)
ROLE_A, ROLE_T = (
    Meaning("norm of the state h_0 at the start", Norm("h_0")),
    "number of updates; h_T is the state after them",
)

# ------------------------------------------------------------------------------------------- state-sum


def _planar(p: Mapping[str, Any]) -> list[arb]:
    angle = 2 * exact(p["phi"])
    total = length((exact(p["a"]) + exact(p["b"]) * angle.cos(), exact(p["b"]) * angle.sin()))
    return [total**2, total, total]


@entry(
    id="state-sum",
    title="The norm of a state and an increment",
    statement=sp.Tuple(
        sp.Eq(Norm(symbol("h") + symbol("delta")) ** 2, norm_of_sum(a, b) ** 2),
        sp.Le(norm_of_sum(a, b), a + b, evaluate=False),
        sp.Ge(norm_of_sum(a, b), sp.Abs(a - b), evaluate=False),
    ),
    symbols={
        a: Meaning("norm of the state h", Norm("h")),
        b: Meaning("norm of the increment delta", Norm("delta")),
        phi: "half the angle between them",
    },
    assumptions=("vectors of any dimension: two of them lie in a plane",),
    status="proves",
    certificate=Certificate(
        points=grid(a=("0", "7"), b=("1/3", "5"), phi=("0", "11/7"))
        + grid(a=("2", "3"), b=("1", "5"), phi=["0", "11/7"])[:6],
        independent=_planar,
    ),
)
def state_sum(claim: Any) -> Iterator[Step]:
    """In the plane of the two vectors; the squares of both sides differ by 4 a b sin^2 phi and 4 a b cos^2 phi."""
    yield Step(
        (a + b * sp.cos(2 * phi)) ** 2 + (b * sp.sin(2 * phi)) ** 2,
        claim[0].rhs,
        trigonometry,
        "the state along the first axis of the plane, the increment at an angle of 2 phi to it",
    )
    yield Step(claim[1].rhs, claim[1].lhs, squares, "equal where they are parallel", ">=")
    yield Step(claim[1].lhs, claim[1].rhs, squares, "the same, as stated", "<=")
    yield Step(claim[2].lhs, claim[2].rhs, squares, "equal where they are opposite", ">=")


# ------------------------------------------------------------------------------------------- state-residual


def _pushed(p: Mapping[str, Any]) -> arb:
    state = [exact(p["a"]) * u for u in direction()]
    for _ in range(int(p["T"])):
        state = [h + exact(p["b"]) * u for h, u in zip(state, direction(), strict=True)]
    return length(state)


@entry(
    id="state-residual",
    title="A residual state: linear growth is the most there can be",
    statement=sp.Eq(LARGEST, a + b * T),
    symbols={a: ROLE_A, b: "largest norm of an increment", T: ROLE_T},
    assumptions=("h' = h + delta, |delta| <= b; the largest over all such increments, attained by parallel ones",),
    uses=("state-sum",),
    status="corrects",
    implements=["hrssm.networks.bounds.residual"],
    certificate=Certificate(points=grid(a=("0", "7"), b=("1/9", "5"), T=[0, 1, 2, 5, 9, 30]), independent=_pushed),
)
def state_residual(claim: Any) -> Iterator[Step]:
    """One update by the triangle inequality, many by induction; parallel increments attain it."""
    size = norm_of_sum(x, b)
    beta, k = sp.Function("b", nonnegative=True), symbol("k", integer=True, nonnegative=True)
    varying = norm_of_sum(x, beta(T))
    yield Step(x + b, size, squares, "one update: the triangle inequality", ">=")
    yield Step(claim.lhs, claim.rhs, largest(T, x, x + b, a, size, PARALLEL), "T updates")
    yield Step(x + beta(T), varying, squares, "and where the increments' norms b_t differ", ">=")
    yield Step(
        LARGEST,
        a + sp.Sum(beta(k), (k, 0, T - 1)),
        largest(T, x, x + beta(T), a, varying, PARALLEL),
        "|h_T| <= |h_0| + sum b_t; its mean is |h_0| + T E|delta|: an upper bound and no rate",
    )


# ------------------------------------------------------------------------------------------- state-walk


def _mean_square(p: Mapping[str, Any], steps: int, drift: arb) -> arb:
    """E|h_T|^2 over all sums of T increments mu +- sqrt(tau) u, equally likely, in the plane."""
    angle, spread = 2 * exact(p["phi"]), exact(p["tau"]).sqrt()
    total = arb(0)
    for ups in range(steps + 1):
        excess = (2 * ups - steps) * spread
        state = (
            exact(p["a"]) + steps * drift * angle.cos() + excess * 3 / 5,
            steps * drift * angle.sin() + excess * 4 / 5,
        )
        total += comb(steps, ups) * length(state) ** 2
    return total / arb(2) ** steps


def _walk_independent(p: Mapping[str, Any]) -> list[arb]:
    drift, steps = exact(p["m"]), int(p["T"])
    at = [_mean_square(p, n, drift) for n in (3, 4, 5)]
    return [
        _mean_square(p, steps, drift),
        (at[0] - 2 * at[1] + at[2]) / 2,
        _mean_square(p, 8, arb(0)) - _mean_square(p, 7, arb(0)),
    ]


@entry(
    id="state-walk",
    title="A residual state under independent increments: a drift, or a random walk",
    statement=sp.Tuple(
        sp.Eq(MEAN_SQUARE, (a - m * T) ** 2 + 4 * a * m * T * sp.cos(phi) ** 2 + tau * T),
        sp.Eq(sp.Limit(MEAN_SQUARE / T**2, T, sp.oo), m**2),
        sp.Eq(sp.Limit(At(MEAN_SQUARE, m, 0) / T, T, sp.oo), tau),
    ),
    symbols={
        a: ROLE_A,
        m: "norm of the increments' mean",
        tau: "trace of their covariance",
        phi: "half the angle between the start and the mean",
        T: ROLE_T,
    },
    assumptions=("independent increments of one law with finite second moments",),
    uses=("state-sum",),
    status="refutes",
    implements=["hrssm.networks.bounds.expected_square"],
    certificate=Certificate(
        points=grid(26, a=("0", "5"), m=("0", "3"), tau=("0", "4"), phi=("0", "11/7"), T=[0, 1, 2, 5, 9, 12]),
        independent=_walk_independent,
    ),
)
def state_walk(claim: Any) -> Iterator[Step]:
    """E|h + delta|^2 = E|h|^2 + 2 E h . mu + |mu|^2 + tr Sigma, as delta does not depend on h; and the limits."""
    inner = a * m * (2 * sp.cos(phi) ** 2 - 1) + T * m**2
    yield Step(a * m * sp.cos(2 * phi) + T * m**2, inner, trigonometry, "E h_T . mu = (h_0 + T mu) . mu")
    yield Step(
        claim[0].lhs,
        claim[0].rhs,
        recursion(T, x, x + 2 * inner + m**2 + tau, a**2),
        "one update adds 2 E h . mu + E|delta|^2, and E|delta|^2 = |mu|^2 + tr Sigma",
    )
    yield Step(claim[0].rhs / T**2, claim[1].rhs, limit(T, sp.oo), "a drift: the norm goes as m T")
    yield Step(claim[0].rhs.subs(m, 0) / T, claim[2].rhs, limit(T, sp.oo), "no drift: it goes as sqrt(tau T)")


# ------------------------------------------------------------------------------------------- state-walk-gaussian

_CUT = 40


def _mean_radius(dim: int) -> arb:
    """E of the norm of a standard normal in R^dim, by quadrature of its density in polar coordinates."""
    up, down = (
        integral(lambda r, _, power=power: r**power * (-r * r / 2).exp(), 0, _CUT)
        # beyond the cut r^power e^(-r^2/2) <= r e^(-r^2/4), since (power - 1) log r <= r^2/4 for powers below 100
        + plus_minus(2 * arb(-_CUT * _CUT / 4).exp())
        for power in (dim, dim - 1)
    )
    return up / down


def _gaussian_independent(p: Mapping[str, Any]) -> list[arb]:
    dim = int(p["d"])
    return [exact(p["sigma"]) * arb(int(p["T"])).sqrt() * _mean_radius(dim), _mean_radius(dim) * _mean_radius(dim + 1)]


def _chi(dim: Any) -> Any:
    return sp.sqrt(2) * sp.gamma((dim + 1) / 2) / sp.gamma(dim / 2)


@entry(
    id="state-walk-gaussian",
    title="The mean norm of a Gaussian random walk, with its constant",
    statement=sp.Tuple(
        sp.Eq(MEAN, sigma * sp.sqrt(2 * T) * sp.gamma((d + 1) / 2) / sp.gamma(d / 2)),
        sp.Eq(name("c", d) * name("c", d + 1), d),
    ),
    symbols={d: ("dimension of the state", "positive integer"), sigma: "scale per coordinate", T: ROLE_T},
    assumptions=(
        "increments N(0, sigma^2 I) from h_0 = 0",
        "c(d) is the mean norm over sigma sqrt(T), increasing in d, so that its square lies between d - 1 and d",
    ),
    uses=("state-walk",),
    status="corrects",
    certificate=Certificate(
        points=tuple(
            {"d": sp.Integer(1 + (7 * i) % 24), "sigma": sp.Rational(1 + i, 7), "T": sp.Integer(1 + (11 * i) % 40)}
            for i in range(25)
        ),
        independent=_gaussian_independent,
    ),
)
def state_walk_gaussian(claim: Any) -> Iterator[Step]:
    """h_T is N(0, sigma^2 T I); its norm has the density of a chi distribution."""
    r, dim = symbol("r", positive=True), symbol("d", positive=True)
    up, down = (sp.Integral(r**power * sp.exp(-(r**2) / 2), (r, 0, sp.oo)) for power in (dim, dim - 1))
    yield Step(up, 2 ** ((d - 1) / 2) * sp.gamma((d + 1) / 2), integrate, "r times r^(d-1) e^(-r^2/2)")
    yield Step(down, 2 ** (d / 2 - 1) * sp.gamma(d / 2), integrate, "the mass")
    yield Step(
        sigma * sp.sqrt(T) * 2 ** ((d - 1) / 2) * sp.gamma((d + 1) / 2) / (2 ** (d / 2 - 1) * sp.gamma(d / 2)),
        claim[0].rhs,
        algebra,
        "their ratio, at scale sigma sqrt(T)",
    )
    yield Step(_chi(d) * _chi(d + 1), claim[1].rhs, gamma_recurrence, "Gamma(d/2 + 1) = (d/2) Gamma(d/2)")


# ------------------------------------------------------------------------------------------- state-walk-limit


@entry(
    id="state-walk-limit",
    title="The mean norm of any random walk with zero mean",
    statement=sp.Eq(sp.Limit(MEAN / sp.sqrt(T), T, sp.oo), Expectation(Norm(name("N", 0, "Sigma")))),
    symbols={T: ROLE_T, symbol("Sigma"): ("covariance of an increment", "positive semi-definite matrix")},
    assumptions=(
        "independent increments of one law with mean 0 and covariance Sigma; N(0, Sigma) is a normal variable",
        "cited, not proved here: the central limit theorem, and uniform integrability of |h_T|/sqrt(T), whose second "
        "moments are bounded (state-walk)",
    ),
    uses=("state-walk", "state-walk-gaussian"),
    sources=[("billingsley1999", "theorem 3.5")],
    status="corrects",
    cited=True,
)
def state_walk_limit(claim: Any) -> Iterator[Step]:
    """In words: h_T / sqrt(T) converges in law to N(0, Sigma), and its norms are uniformly integrable."""
    yield from ()


# ------------------------------------------------------------------------------------------- state-lipschitz


def _stretched(p: Mapping[str, Any]) -> list[arb]:
    state = [exact(p["a"]) * u for u in direction()]
    for _ in range(int(p["T"])):
        state = [exact(p["L"]) * h + exact(p["C"]) * u for h, u in zip(state, direction(), strict=True)]
    factor, fixed = exact(p["L"]), arb(0)
    for _ in range(2400):  # forwards where the map contracts, backwards where it expands
        fixed = (factor * fixed + exact(p["C"]) if factor < 1 else (fixed - exact(p["C"])) / factor).mid()
    return [length(state), fixed + plus_minus(arb(2) ** -120)]


@entry(
    id="state-lipschitz",
    title="A direct prediction: bounded below a Lipschitz constant of one, exponential above",
    statement=sp.Tuple(
        sp.Eq(LARGEST, L**T * a + C * (L**T - 1) / (L - 1)),
        sp.Eq(Optimal("r"), C / (1 - L)),
    ),
    symbols={
        a: ROLE_A,
        L: ("Lipschitz constant of the prediction in the state", "non-negative, not 1"),
        C: "largest norm of the prediction from the state zero",
        T: ROLE_T,
    },
    assumptions=(
        "|f(h)| <= L |h| + C; the largest over all such maps, attained along one direction; r^* is where r = L r + C",
        "a residual update h + delta(h) is such a map too: L <= 1 + the branch's constant",
    ),
    uses=("state-sum",),
    status="refutes",
    implements=["hrssm.networks.bounds.lipschitz"],
    certificate=Certificate(
        points=grid(a=("0", "7"), L=["1/5", "1/2", "4/5", "6/5", "3"], C=("1/9", "5"), T=[0, 1, 2, 5, 9, 30]),
        independent=_stretched,
    ),
)
def state_lipschitz(claim: Any) -> Iterator[Step]:
    """One update by the triangle inequality, many by induction; the distance to the fixed point goes as L^T."""
    size = norm_of_sum(L * x, C)
    bound, fixed = claim[0].rhs, claim[1].rhs
    yield Step(L * x + C, size, squares, "|f(h)| <= |f(h) - f(0)| + |f(0)|", ">=")
    yield Step(claim[0].lhs, bound, largest(T, x, L * x + C, a, size, PARALLEL), "T updates")
    yield Step(L * fixed + C, fixed, algebra, "where the recursion rests")
    yield Step(
        bound - fixed,
        L**T * (a - fixed),
        algebra,
        "so L < 1 gives |h_T| <= L^T |h_0| + C/(1 - L), and L > 1 an exponential, more than any linear growth",
    )


# ------------------------------------------------------------------------------------------- state-contraction


def _shrunk(p: Mapping[str, Any]) -> list[arb]:
    rate, largest_noise = exact(p["kappa"]), exact(p["C"])
    side = 1 if rate <= 1 else -1  # past 1 the state changes sides at every update, and the worst noise with it
    state = [exact(p["a"]) * u for u in direction()]
    for t in range(int(p["T"])):
        push = largest_noise * side ** (t + 1)
        state = [h - rate * h + push * u for h, u in zip(state, direction(), strict=True)]
    size = arb(0)
    for _ in range(2400):
        size = (abs(1 - rate) * size + largest_noise).mid()
    return [length(state), size + plus_minus(arb(2) ** -120)]


_kept = sp.Abs(1 - kappa)


@entry(
    id="state-contraction",
    title="A residual state whose increments pull back is bounded",
    statement=sp.Tuple(
        sp.Eq(LARGEST, _kept**T * a + C * (_kept**T - 1) / (_kept - 1)),
        sp.Eq(sp.Limit(LARGEST, T, sp.oo), C / (1 - _kept)),
    ),
    symbols={a: ROLE_A, kappa: ("rate of the pull", "in (0, 2)"), C: "largest norm of the noise", T: ROLE_T},
    assumptions=("delta = -kappa h + eta, |eta| <= C; the largest over all such noise",),
    uses=("state-lipschitz",),
    status="refutes",
    implements=["hrssm.networks.bounds.contracted"],
    equivalent={
        f"[{index}] dropped: kappa - 1 -> -1": "states nothing: without kappa it divides by 1 - 1" for index in (0, 1)
    },
    certificate=Certificate(
        points=grid(a=("0", "7"), kappa=["1/5", "1/2", "9/10", "6/5", "9/5"], C=("1/9", "5"), T=[0, 1, 2, 5, 9, 30]),
        independent=_shrunk,
    ),
)
def state_contraction(claim: Any) -> Iterator[Step]:
    """The update is (1 - kappa) h + eta: a Lipschitz map with constant |1 - kappa| < 1."""
    values = {L: _kept}
    lipschitz = state_lipschitz.statement
    for relation, stated in zip(claim, lipschitz, strict=True):
        yield Step(
            stated.lhs.subs(values), relation.rhs, use(state_lipschitz, values), "a Lipschitz map with L = |1 - kappa|"
        )
    pull = symbol("k", positive=True)
    yield Step(
        1 - 1 / (1 + pull), 0, sign, "L = 1/(1 + k) < 1 for every kappa in (0, 2): the second relation is a limit", ">="
    )
