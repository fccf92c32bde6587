"""What the PGM normal does not notice: affine maps, and, but for its dispersion, the curvature; and what was dropped.

The exponent is a KL, which no change of the variable alters; so moving a point and the parameters alike moves nothing.
A change of curvature is a stretch of mu and a shift of log gamma^2, no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.geometry.half_plane import gm_affine, shift, stretch
from derivations.chapters.other_families.gaussian_manifold import (
    CHO,
    CURVATURE,
    CURVATURES,
    KL,
    LOG_DENSITY,
    LOG_LAW,
    PARAMETERS,
    PLANES,
    POINTS,
    RANGE,
    SPREADS,
    VALUE,
    VOLUME,
    alpha,
    c,
    delta,
    ell,
    exponent,
    g,
    g_p,
    g_q,
    lam,
    lam_p,
    lam_q,
    pgm_density,
    pgm_kl,
    shape_of,
    x,
)
from derivations.enclosures.gamma import gamma_integrals, gamma_mean
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    entry,
    exact,
    gamma_recurrence,
    grid,
    sp,
    substitute,
    symbol,
    use,
)
from derivations.engine.notation import Action, Divergence, Meaning, name

unit = symbol("c_1", positive=True)
HALF = sp.Rational(1, 2)


def log_mass(curvature: arb, spread: arb) -> arb:
    """log Z by integration, from balls: sqrt(pi / (2 c)) gamma times the integral over log sigma^2."""
    shape = (-spread).exp() / (4 * curvature)
    return (arb.pi() / (2 * curvature)).log() / 2 + spread / 2 + gamma_integrals(shape, [lambda z: z * 0 + 1])[0].log()


def density(place: arb, level: arb, centre: arb, height: arb, spread: arb, curvature: arb) -> arb:
    """log K by its definition: the KL of two normals in the exponent, less an integrated normaliser."""
    apart = place - centre
    kl = (height - level) / 2 + (level.exp() + 2 * curvature * apart * apart) / (2 * height.exp()) - arb(1) / 2
    return 3 * (level - height) / 2 - kl / (2 * curvature * spread.exp()) - log_mass(curvature, spread)


def values(p: Point) -> list[arb]:
    """mu, log sigma^2, alpha, log beta^2, log gamma^2, c at a point."""
    return [exact(p[n]) for n in ("x", "ell", "alpha", "lambda", "g", "c")]


# ---------------------------------------------------------------------------------------- affine maps

MOVED = {
    x: shift + sp.exp(stretch / 2) * x,
    ell: ell + stretch,
    alpha: shift + sp.exp(stretch / 2) * alpha,
    lam: lam + stretch,
}


@entry(
    id="pgm-affine",
    title="The PGM normal moves with affine maps of the variable",
    statement=sp.Tuple(sp.Eq(sp.log(name("q_g", Action("g", sp.Tuple(x, ell)))), LOG_DENSITY)),
    where={symbol("a"): shape_of(g)},
    symbols={shift: "translation", stretch: "log of the squared factor"} | VALUE | PARAMETERS | CURVATURE,
    conventions=[
        VOLUME,
        "q_g is q moved by g, which takes mu to t + s mu and log sigma^2 to log sigma^2 + log s^2, and alpha and log "
        "beta^2 in the same way",
        PLANES,
    ],
    uses=["pgm-density", "gm-affine"],
    status="proves",
    sources=[CHO],
    certificate=Certificate(
        points=grid(
            28, x=RANGE, ell=RANGE, alpha=RANGE, **{"lambda": RANGE}, g=SPREADS, c=CURVATURES, t=RANGE, s=RANGE
        ),
        independent=lambda p: [_moved(p)],
    ),
)
def pgm_affine(claim: Any) -> Iterator[Step]:
    """The volume is kept by an isometry, so the density is a function of the two points; and it is that of their
    images."""
    place, level = symbol("x'", real=True), symbol("ell'", real=True)
    image = dict(zip((place, level), gm_affine.statement[0].rhs, strict=True))
    moved = sp.Tuple(MOVED[x], MOVED[ell])
    yield Step(sp.Tuple(place, level), moved, substitute(image), "the image of gm-affine: so is a point moved")
    yield Step(sp.log(name("q", x, ell)), LOG_DENSITY, use(pgm_density), "the density, a function of both")
    yield Step(LOG_DENSITY.subs(MOVED, simultaneous=True), claim[0].rhs, algebra, "at the images: the same")


def _moved(p: Point) -> arb:
    """The density at the moved point, of the moved parameters."""
    place, level, centre, height, spread, curvature = values(p)
    s, off, more = (exact(p["s"]) / 2).exp(), exact(p["t"]), exact(p["s"])
    return density(off + s * place, level + more, off + s * centre, height + more, spread, curvature)


# ---------------------------------------------------------------------------------------- curvature

APART = sp.Abs(symbol("alpha_q") - symbol("alpha_p"), evaluate=False)
STRETCHED = {x: sp.sqrt(c) * x, alpha: sp.sqrt(c) * alpha, g: g + sp.log(c), c: sp.S.One}
STRETCHED_PAIR = {delta: sp.sqrt(c) * delta, g_q: g_q + sp.log(c), g_p: g_p + sp.log(c), c: sp.S.One}


def _unit_kl(p: Point) -> arb:
    """The mean of log q - log p for curvature -1, with mu stretched and log gamma^2 shifted, by integration."""
    root, more, one = exact(p["c"]).sqrt(), exact(p["c"]).log(), arb(1)
    spreads = [exact(p[f"g{side}"]) + more for side in ("_q", "_p")]
    shapes = [(-spread).exp() / 4 for spread in spreads]
    gap = exact(p["lambda_q"]) - exact(p["lambda_p"])
    wide = [(exact(p[f"lambda{side}"]) + spread).exp() for side, spread in zip(("_q", "_p"), spreads, strict=True)]
    apart = exact(p["delta"]) * root
    flat = ((apart * apart + wide[0]) / wide[1] - 1) / 2
    size = 16 * (shapes[0] + shapes[1] * gap.exp() + abs(gap) + 4) * (1 + abs(gap))
    up = gamma_mean(shapes[0], lambda z: exponent(shapes[0], z) - exponent(shapes[1], z + gap), size)
    return flat + up - log_mass(one, spreads[0]) + log_mass(one, spreads[1])


@entry(
    id="pgm-rescaling",
    title="A PGM normal of any curvature is one of curvature -1 with mu stretched and gamma^2 multiplied by c",
    statement=sp.Tuple(
        sp.Eq(sp.log(name("f_1", sp.sqrt(c) * x, ell)), LOG_LAW - sp.log(c) / 2),
        sp.Eq(Divergence("q_1", "p_1"), KL),
    ),
    where={symbol("a"): shape_of(g), symbol("a_q"): shape_of(g_q), symbol("a_p"): shape_of(g_p)},
    symbols={
        delta: Meaning("distance of the locations alpha_q and alpha_p", APART),
        lam_q: "log beta^2 of q",
        lam_p: "log beta^2 of p",
        g_q: "log gamma^2 of q",
        g_p: "log gamma^2 of p",
    }
    | VALUE
    | PARAMETERS
    | CURVATURE,
    conventions=[
        "q_1, p_1 and f_1: at curvature -1, with sqrt(c) mu for mu, sqrt(c) alpha for alpha and log gamma^2 + log c",
        "f is the density with respect to dmu dell; log(c) / 2 is the stretch of mu itself",
        PLANES,
    ],
    assumptions=[
        "so a model whose head puts out log gamma^2 and whose decoder begins with an affine map has the same loss at "
        "every c, but for its prior: log gamma^2 = 0 at c is log gamma^2 = log c at 1",
    ],
    uses=["pgm-law", "pgm-kl"],
    status="new",
    certificate=Certificate(
        points=grid(
            28, x=RANGE, ell=RANGE, alpha=RANGE, **{"lambda": RANGE}, g=SPREADS, c=CURVATURES, delta=("0", "3"),
            lambda_q=RANGE, lambda_p=RANGE, g_q=SPREADS, g_p=SPREADS,
        ),
        independent=lambda p: [_unit_law(p), _unit_kl(p)],
    ),
)  # fmt: skip
def pgm_rescaling(claim: Any) -> Iterator[Step]:
    """Only 1 / (4 c gamma^2), and the product beta gamma with the scale of mu, stand in the law."""
    spread = symbol("g_1", real=True)
    stretched = substitute({spread: g + sp.log(c), unit: sp.S.One})
    yield Step(shape_of(spread).subs(c, unit), shape_of(g), stretched, "a is the same")
    yield Step(LOG_LAW.subs(STRETCHED, simultaneous=True), claim[0].rhs, gamma_recurrence, "the law, by pgm-law")
    yield Step(Divergence("q", "p"), KL, use(pgm_kl), "the KL")
    at_one = {s: symbol(f"{s.name}_1", positive=s.is_positive, real=True) for s in STRETCHED_PAIR}
    stretched = substitute({at_one[s]: value for s, value in STRETCHED_PAIR.items()})
    yield Step(KL.subs(at_one, simultaneous=True), claim[1].rhs, stretched, "and stretched")


def _unit_law(p: Point) -> arb:
    """log K of curvature -1 at the stretched values, and its volume in (mu, ell)."""
    place, level, centre, height, spread, curvature = values(p)
    root = curvature.sqrt()
    law = density(root * place, level, root * centre, height, spread + curvature.log(), arb(1))
    return law - level / 2 - arb(4).log() / 2


# ---------------------------------------------------------------------------------------- what was dropped

PUBLISHED = sp.log(name("q_published", x, ell))
of_normals = symbol("KL", nonnegative=True)
KL_OF_NORMALS = (lam - ell) / 2 + (sp.exp(ell) + 2 * c * (x - alpha) ** 2) / (2 * sp.exp(lam)) - HALF
WITH_KL = (
    -of_normals / (2 * c * sp.exp(g))
    + sp.Rational(3, 2) * (ell - lam)
    - g / 2
    - sp.loggamma(shape_of(g))
    - shape_of(g)
    - shape_of(g) * (sp.log(4 * c) + g)
)
PRINTED = WITH_KL.subs(of_normals, KL_OF_NORMALS)
DROPPED = sp.log(sp.pi / (2 * c)) / 2


@entry(
    id="pgm-dropped",
    title="The published log-density of the PGM normal lacks a constant",
    statement=sp.Tuple(
        sp.Eq(PUBLISHED, PRINTED),
        sp.Eq(PUBLISHED - sp.log(name("q", x, ell)), DROPPED),
    ),
    where={symbol("a"): shape_of(g)},
    symbols=VALUE | PARAMETERS | CURVATURE,
    conventions=[VOLUME, "log q_published: what the authors' program computes", PLANES],
    assumptions=[
        "it cancels in a KL on one space, and not where densities of different laws or curvatures are compared"
    ],
    uses=["pgm-density"],
    status="corrects",
    sources=[("cho2023gmvae", "program")],
    certificate=Certificate(
        points=POINTS, independent=lambda p: [_printed_at(p), _printed_at(p) - density(*values(p))]
    ),
)
def pgm_dropped(claim: Any) -> Iterator[Step]:
    """The normaliser is sqrt(pi / (2c)) gamma e^a Gamma(a) a^-a; its first factor is left out."""
    yield Step(
        WITH_KL, claim[0].rhs, substitute({of_normals: KL_OF_NORMALS}), "as it is computed, from a KL of normals"
    )
    yield Step(sp.log(name("q", x, ell)), LOG_DENSITY, use(pgm_density), "the density")
    yield Step(PRINTED - LOG_DENSITY, claim[1].rhs, gamma_recurrence, "their difference: no variable is left")


def _printed_at(p: Point) -> arb:
    """The published expression, term by term in balls."""
    v, v_0, curvature = exact(p["ell"]).exp(), exact(p["lambda"]).exp(), exact(p["c"])
    apart, spread = exact(p["x"]) - exact(p["alpha"]), exact(p["g"])
    kl = (v_0 / v).log() / 2 + (v + 2 * curvature * apart * apart) / (2 * v_0) - arb(1) / 2
    shape = 1 / (4 * curvature * spread.exp())
    plain = -kl / (2 * curvature * spread.exp()) + arb(3) / 2 * (v / v_0).log() - spread / 2
    return plain - shape.lgamma() - shape - shape * ((4 * curvature).log() + spread)
