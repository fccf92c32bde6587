"""The normal on R^d, the Euclidean baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.horospherical_gaussian.kl import KL_HEIGHT, hg_kl_height
from derivations.chapters.horospherical_gaussian.symbols import (
    REAL,
    SCALE,
    mu,
    mu_p,
    mu_q,
    sigma,
    sigma_p,
    sigma_q,
    t,
)
from derivations.chapters.other_families.wrapped_normal import m
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    arb,
    complete_square,
    entry,
    exact,
    fubini,
    grid,
    log_expand,
    normal_expectation,
    sp,
    symbol,
    use,
)
from derivations.engine.notation import Divergence, name, over_line, phi

x = symbol("x", real=True)


LOG_NORMAL = -((x - mu) ** 2) / (2 * sigma**2) - sp.log(sigma) - sp.log(2 * sp.pi) / 2
ENTROPY_NORMAL = sp.log(2 * sp.pi * sp.E) / 2 + sp.log(sigma)


def _log_normal(p: Point) -> arb:
    """The exponent less the logarithm of its integral."""
    scale, half = exact(p["sigma"]), arb(1) / 2
    total = normal_expectation(lambda z, _: z * 0 + 1, bound=1) * (2 * arb.pi()).sqrt() * scale
    return -((exact(p["x"]) - exact(p["mu"])) ** 2) * half / (scale * scale) - total.log()


def _entropy_normal(p: Point) -> arb:
    scale = exact(p["sigma"])
    level = (2 * arb.pi()).log() / 2 + scale.log()
    return normal_expectation(lambda z, _: z * z / 2 + level, bound=1 + abs(level), rate=1)


def _kl_normal(p: Point) -> arb:
    shift = exact(p["mu_q"]) - exact(p["mu_p"])
    one, two = exact(p["sigma_q"]), exact(p["sigma_p"])
    gap = (two / one).log()

    def ratio(z: Any, _: bool) -> Any:
        away = (shift + one * z) / two
        return gap - z * z / 2 + away * away / 2

    size = abs(gap) + 1 + (abs(shift) + one) ** 2 / (two * two)
    return normal_expectation(ratio, bound=2 * size, rate=1)


@entry(
    id="normal-law",
    title="Density, entropy and KL of the normal, one coordinate",
    statement=sp.Tuple(
        sp.Eq(sp.log(name("q", x)), LOG_NORMAL),
        sp.Eq(name("H", "q"), ENTROPY_NORMAL),
        sp.Eq(Divergence("q", "p"), KL_HEIGHT),
    ),
    symbols={
        x: "value", mu: "location", sigma: "scale", mu_q: "location of q", mu_p: "location of p",
        sigma_q: "scale of q", sigma_p: "scale of p",
    },
    conventions=[
        "mu and sigma are those of q where it stands alone; densities with respect to dx; for independent coordinates "
        "each of the three is a sum over coordinates"
    ],
    uses=["hg-kl-height"],
    status="new",
    certificate=Certificate(
        points=grid(26, x=REAL, mu=REAL, sigma=SCALE, mu_q=REAL, mu_p=REAL, sigma_q=SCALE, sigma_p=SCALE),
        independent=lambda p: [_log_normal(p), _entropy_normal(p), _kl_normal(p)],
    ),
)  # fmt: skip
def normal_law(claim: Any) -> Iterator[Step]:
    """Gaussian integrals in the standard variable t = (x - mu) / sigma."""
    total = over_line(sp.exp(-((x - mu) ** 2) / (2 * sigma**2)), x)
    yield Step(total, sp.sqrt(2 * sp.pi) * sigma, complete_square(x), "the normaliser")
    yield Step(
        -((x - mu) ** 2) / (2 * sigma**2) - sp.log(sp.sqrt(2 * sp.pi) * sigma), claim[0].rhs, log_expand, "log density"
    )
    minus = -LOG_NORMAL.subs(x, mu + sigma * t)
    yield Step(
        over_line(sp.expand(minus) * phi(t), t), sp.Rational(1, 2) + sp.log(sigma) + sp.log(2 * sp.pi) / 2,
        complete_square(t), "minus its expectation",
    )  # fmt: skip
    yield Step(sp.Rational(1, 2) + sp.log(sigma) + sp.log(2 * sp.pi) / 2, claim[1].rhs, log_expand, "the entropy")
    height = Divergence("q", "p", "height")
    yield Step(height, claim[2].rhs, use(hg_kl_height), "the height term is the KL of two normals")
    level, weight = sp.Function("c", real=True), sp.Function("w", real=True)
    before, i = symbol("J", real=True), symbol("i", integer=True, positive=True)
    one_more = over_line((before + level(m + 1) + weight(m + 1) * t**2) * phi(t), t)
    yield Step(
        name("E", "sum over coordinates"),
        sp.Sum(level(i) + weight(i), (i, 1, m)),
        fubini(m, 1, level(1) + weight(1), before, one_more),
        "over independent coordinates means of c_i + w_i t_i^2 add up, one coordinate after another",
    )
