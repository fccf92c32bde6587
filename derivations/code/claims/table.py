"""Which functions of `hrssm` compute which entries: the claims that `derivations.code.proof` proves.

The claims of each family stand together: how its functions are called on tensors, and how an entry's statement is
read in coordinates. What an entry says is always taken from the entry; only its symbols are put in here.
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOperatorIssue=false
# pyright: reportCallIssue=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import sympy as sp
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from derivations.chapters.coupled_family.density import kappa, kappa_p, kappa_q
from derivations.chapters.geometry.geodesics import LENGTH, v0, w
from derivations.chapters.geometry.symbols import b, other
from derivations.chapters.horospherical_gaussian.density import e
from derivations.chapters.horospherical_gaussian.symbols import (
    beta,
    delta,
    m,
    mu,
    mu_p,
    mu_q,
    radius,
    s,
    s_p,
    s_q,
    sigma,
    sigma_p,
    sigma_q,
    t,
    tau,
)
from derivations.chapters.riemannian_normal.density import d as dimension
from derivations.chapters.riemannian_normal.density import sphere
from derivations.code.claim import Claim
from derivations.code.claims.gaussian_manifold import MANIFOLD
from derivations.code.claims.geometry import GEOMETRY, cosh_distance, half_chord, point
from derivations.code.guarded import radial as radial_table
from derivations.engine.notation import coordinates
from hrssm.distributions import (
    CoordinateDensity,
    Gaussian,
    HorosphericalGaussian,
    RiemannianNormal,
    WrappedNormal,
    kl_terms,
    riemannian_normal,
)  # fmt: skip
from hrssm.distributions.riemannian_normal import _polar

HG = "hrssm.distributions.HorosphericalGaussian"
STABLE = ("hrssm.distributions.numerics.stable.exp_gap", "hrssm.distributions.numerics.stable.log_ratio")
a = sp.Symbol("a", real=True)


def row(stem: str, d: int, **assumptions: bool) -> list[sp.Symbol]:
    """Symbols stem_1 .. stem_m for the fibre coordinates, real unless told otherwise."""
    return [sp.Symbol(f"{stem}_{i + 1}", **(assumptions or {"real": True})) for i in range(d - 1)]


def law(
    height: Tensor, fibre: Tensor, height_scale: Tensor, fibre_scale: Tensor, coupling: Any = 1.0
) -> HorosphericalGaussian:
    """The distribution without validation, which would look at the numbers."""
    return HorosphericalGaussian(height, fibre, height_scale, fibre_scale, coupling, validate_args=False)


def one(d: int, per_coordinate: bool = False) -> list[Any]:
    """Symbols of the parameters, in the order of the constructor."""
    return [mu, row("beta", d), sigma, row("s", d, positive=True) if per_coordinate else s]


def pair(d: int, per_coordinate: bool = False) -> list[Any]:
    """Symbols of the parameters of q and p."""
    widths = (row("s_q", d, positive=True), row("s_p", d, positive=True)) if per_coordinate else (s_q, s_p)
    return [mu_q, row("beta_q", d), sigma_q, widths[0], mu_p, row("beta_p", d), sigma_p, widths[1]]


def in_pair(side: sp.Expr, d: int) -> sp.Expr:
    """A right side in the symbols of a pair with one fibre scale: m = d - 1, delta^2 spelled out."""
    apart = sp.Add(*((x - y) ** 2 for x, y in zip(row("beta_q", d), row("beta_p", d), strict=True)))
    return side.subs({delta: sp.sqrt(apart), m: d - 1})


def equal_scales(side: sp.Expr, d: int) -> sp.Expr:
    """A right side in coordinates at one fibre scale."""
    return side.subs(dict.fromkeys(row("s", d, positive=True), s))


def two(call: Callable[..., Any], *couplings: int) -> Callable[..., Any]:
    """A call on tensors as a function of two distributions; `couplings` are the places of theirs, if tensors."""
    return lambda *x: call(*(law(*x[4 * i : 4 * i + 4], *(x[c] for c in couplings[i : i + 1])) for i in (0, 1)))


def parameters(q: HorosphericalGaussian) -> Tensor:
    """The parameters of a distribution, as one vector."""
    coupling = torch.as_tensor(q.coupling, dtype=q.height_loc.dtype)
    return torch.cat([x.reshape(-1) for x in (q.height_loc, q.fibre_loc, q.height_scale, q.fibre_scale, coupling)])


def sample(f: Any, d: int, coupling: Any) -> list[sp.Expr]:
    """The sampler's coordinates from hgk-sampler."""
    height, fibre = (relation.rhs.subs(kappa, coupling) for relation in f.statement[:2])
    return [
        height,
        *(fibre.subs({e: x, beta: y}, simultaneous=True) for x, y in zip(row("e", d), row("beta", d), strict=True)),
    ]


def log_density_of_noise(f: Any, d: int, coupling: Any) -> sp.Expr:
    """The log-density at the sample, from hgk-sampler."""
    length = sp.sqrt(sp.Add(*(x**2 for x in row("e", d))))
    return f.statement[2].rhs.subs({radius: length, kappa: coupling, m: d - 1})


def noise_then(d: int) -> list[Any]:
    """Symbols of the noise (t, eps) and of the parameters."""
    return [[t, *row("e", d)], *one(d)]


DENSITY = (
    Claim(
        f"{HG}.log_prob", "hgk-density", lambda z, *x: law(*x).log_prob(z),
        lambda d: [[tau, *row("b", d)], *one(d)],
        lambda f, d: equal_scales(f.in_coordinates(d).rhs, d).subs(kappa, 1), "coupling 1, one fibre scale",
    ),
    Claim(
        f"{HG}.log_prob", "hgk-density", lambda z, *x: law(*x).log_prob(z),
        lambda d: [[tau, *row("b", d)], *one(d, True)],
        lambda f, d: f.in_coordinates(d).rhs.subs(kappa, 1), "coupling 1, a scale per coordinate",
    ),
    Claim(
        f"{HG}.log_prob", "hgk-density", lambda z, *x: law(*x).log_prob(z),
        lambda d: [[tau, *row("b", d)], *one(d, True), kappa],
        lambda f, d: f.in_coordinates(d).rhs, "any coupling, a scale per coordinate",
    ),
    Claim(
        f"{HG}.entropy", "hg-entropy", lambda *x: law(*x).entropy(), one, lambda f, d: f.statement.rhs.subs(m, d - 1),
        "coupling 1",
    ),
    Claim(
        f"{HG}.entropy", "hgk-entropy", lambda *x: law(*x).entropy(), lambda d: [*one(d), kappa],
        lambda f, d: f.statement.rhs.subs(m, d - 1), "any coupling",
    ),
    Claim(
        f"{HG}.attenuation", "hg-mgf", lambda *x: law(*x).attenuation, one, lambda f, d: f.statement[2].rhs,
    ),
    Claim(
        f"{HG}.mean", "hgk-moments", lambda *x: law(*x).mean[1:], lambda d: [*one(d), kappa],
        lambda f, d: [f.statement[0].rhs.subs(beta, x) for x in row("beta", d)],
    ),
    Claim(
        f"{HG}.variance", "hgk-moments", lambda *x: law(*x).variance[1:], lambda d: [*one(d, True), kappa],
        lambda f, d: [f.statement[1].rhs.subs(s, x) for x in row("s", d, positive=True)],
    ),
    Claim(
        f"{HG}.mode", "hgk-moments", lambda *x: law(*x).mode, lambda d: [*one(d), kappa],
        lambda f, d: [f.statement[2].rhs.subs(m, d - 1), *row("beta", d)],
    ),
)  # fmt: skip

SAMPLER = (
    Claim(
        f"{HG}.rsample_from", "hgk-sampler", lambda n, *x: law(*x).rsample_from(n), noise_then,
        lambda f, d: sample(f, d, 1), "coupling 1",
    ),
    Claim(
        f"{HG}.rsample_from", "hgk-sampler", lambda n, *x: law(*x).rsample_from(n), lambda d: [*noise_then(d), kappa],
        lambda f, d: sample(f, d, kappa), "any coupling",
    ),
    Claim(
        f"{HG}.rsample_and_log_prob", "hgk-sampler", lambda n, *x: law(*x).rsample_and_log_prob(noise=n)[1], noise_then,
        lambda f, d: log_density_of_noise(f, d, 1), "the log-density, coupling 1",
    ),
    Claim(
        f"{HG}.rsample_and_log_prob", "hgk-sampler", lambda n, *x: law(*x).rsample_and_log_prob(noise=n)[1],
        lambda d: [*noise_then(d), kappa], lambda f, d: log_density_of_noise(f, d, kappa),
        "the log-density, any coupling",
    ),
    Claim(
        f"{HG}.moved", "hgk-isometry", lambda g, *x: parameters(law(*x).moved(g)),
        lambda d: [[a, *row("c", d)], *one(d), kappa],
        lambda f, d: _moved(f, d), "the parameters of the moved law",
    ),
)  # fmt: skip


def _moved(f: Any, d: int) -> list[sp.Expr]:
    height, fibre, *rest = f.statement[1].rhs
    c = sp.Symbol("c", real=True)
    fibres = [fibre.subs({beta: x, c: y}, simultaneous=True) for x, y in zip(row("beta", d), row("c", d), strict=True)]
    return [height, *fibres, *rest]


KL = (
    Claim(f"{HG}.kl", "hg-kl", two(kl_divergence), pair, lambda f, d: in_pair(f.statement.rhs, d),
          "one fibre scale", guarded=STABLE),
    Claim(f"{HG}.kl", "hg-kl", two(kl_divergence), lambda d: pair(d, True), lambda f, d: f.in_coordinates(d).rhs,
          "a scale per coordinate", guarded=STABLE),
    *(
        Claim(
            "hrssm.distributions.kl_terms", f"hg-kl-{part}", two(lambda q, p, part=part: getattr(kl_terms(q, p), part)),
            pair, lambda f, d: in_pair(f.statement.rhs, d), f"{part} term, one fibre scale", guarded=STABLE,
        )
        for part in ("height", "fibre", "drift")
    ),
    Claim(f"{HG}.kl", "hgk-kl", two(kl_divergence, 8, 8), lambda d: [*pair(d), kappa],
          lambda f, d: in_pair(f.statement.rhs, d), "any coupling, one fibre scale", guarded=STABLE),
    Claim(f"{HG}.kl", "hgk-kl", two(kl_divergence, 8, 8), lambda d: [*pair(d, True), kappa],
          lambda f, d: f.in_coordinates(d).rhs, "any coupling, a scale per coordinate", guarded=STABLE),
    Claim(f"{HG}.kl", "hgk-kl-mixed", two(kl_divergence, 8, 9), lambda d: [*pair(d), kappa_q, kappa_p],
          lambda f, d: in_pair(f.statement.rhs, d), "two couplings, one fibre scale", guarded=STABLE),
    Claim(f"{HG}.kl", "hgk-kl-mixed", two(kl_divergence, 8, 9), lambda d: [*pair(d, True), kappa_q, kappa_p],
          lambda f, d: f.in_coordinates(d).rhs, "two couplings, a scale per coordinate", guarded=STABLE),
)  # fmt: skip


def riemannian_log_prob(z: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """log_prob of the Riemannian normal with its tabulated integral as one operator."""
    with patch.object(riemannian_normal, "log_radial_integral", radial_table.traced):
        return RiemannianNormal(loc, scale, validate_args=False).log_prob(z)


def riemannian_log_density(distance: Any, normaliser: Any, d: int) -> sp.Expr:
    """-dist^2 / (2 sigma^2) - log Z, the volume of the sphere times the integral of rn-normaliser."""
    square = (2 * sp.asinh(sp.sqrt((cosh_distance(distance, d) - 1) / 2))) ** 2
    return -square / (2 * sigma**2) - sp.log(sphere(d)) - sp.log(normaliser.statement.rhs.subs(dimension, d).doit())


x = sp.Symbol("x", real=True)
length = sp.Symbol("r", positive=True)


def direction(d: int, sign: int) -> list[sp.Expr]:
    """Any direction of length 1 strictly above (below) the horizon: no relation between symbols is left.

    Its height is 1 / cosh x; its side is tanh x along one fixed unit vector of R^m, as any one of them may be.
    """
    along = {2: [1], 3: [sp.Rational(3, 5), sp.Rational(4, 5)], 4: [sp.Rational(k, 7) for k in (2, 3, 6)]}
    return [sign / sp.cosh(x), *(sp.tanh(x) * y for y in along[d])]


def carried(f: Any, d: int, sign: int) -> list[sp.Expr]:
    """The point at distance r from (tau, b) in a direction u of an orthonormal frame, from geo-exp."""
    up, *sides = direction(d, sign)
    height, fibre = (e.subs(LENGTH, length).subs(v0, length * up) for e in f.statement.rhs)
    places = zip(coordinates("b", d - 1), sides, strict=True)
    return [height, *(fibre.subs({b: y, w: length * sp.exp(tau) * u}, simultaneous=True) for y, u in places)]


def polar(sign: int, half: str) -> Claim:
    """That the Riemannian normal's samples lie where geo-exp carries radius and direction."""
    return Claim(
        "hrssm.distributions.RiemannianNormal.rsample_from", "geo-exp",
        _polar, lambda d: [point(d), [length], direction(d, sign)], lambda f, d: carried(f, d, sign),
        f"the point at a radius in a direction {half} the horizon",
        words="The radius is a table of quantiles, a symbol here. The side of the direction points along one unit "
        "vector: the code and geo-exp both see it through its square and as a factor.",
    )  # fmt: skip


def normal_parameters(d: int, of: str = "") -> list[Any]:
    """Locations and scales of d independent normals."""
    return [
        [sp.Symbol(f"mu{of}_{i}", real=True) for i in range(d)],
        [sp.Symbol(f"sigma{of}_{i}", positive=True) for i in range(d)],
    ]


def values(d: int) -> list[sp.Symbol]:
    """A point of R^d."""
    return [sp.Symbol(f"x_{i}", real=True) for i in range(d)]


def summed(side: sp.Expr, symbols: list[sp.Symbol], rows: list[list[sp.Symbol]]) -> sp.Expr:
    """A formula for one coordinate, summed over coordinates."""
    return sp.Add(
        *(side.subs(dict(zip(symbols, values, strict=True)), simultaneous=True) for values in zip(*rows, strict=True))
    )


OTHERS = (
    Claim(
        "hrssm.distributions.CoordinateDensity.log_prob", "geo-volume",
        lambda z, *x: CoordinateDensity(law(*x)).log_prob(z), lambda d: [[tau, *row("b", d)], *one(d, True), kappa],
        lambda f, g, d: sp.log(f.statement.rhs.subs(f.symbols[1].symbol, d - 1)) + g.in_coordinates(d).rhs,
        "of a horospherical Gaussian", also=("hgk-density",),
    ),
    Claim(
        "hrssm.distributions.RiemannianNormal.log_prob", "geo-distance", riemannian_log_prob,
        lambda d: [point(d), point(d, other, "b'"), sigma], riemannian_log_density, also=("rn-normaliser",),
        guarded=("hrssm.geometry.series.arc_squared",), opaque=radial_table.MEANINGS,
        through=(half_chord, "the half chord: arcosh(c) = 2 arsinh(sqrt((c - 1) / 2))"),
        words=f"The integral of the normaliser comes from a table: its logarithm is measured in balls at "
        f"{len(radial_table.SCALES)} scales for each dimension, and not bounded between them.",
    ),
    polar(1, "above"),
    polar(-1, "below"),
    Claim(
        "hrssm.distributions.WrappedNormal.log_prob", "wn-density",
        lambda v, scale: WrappedNormal(0 * v, scale, validate_args=False)._log_prob_of_tangent(v),
        lambda d: [coordinates("v", d), coordinates("sigma", d, positive=True)], lambda f, d: f.in_coordinates(d).rhs,
        "of the tangent vector, which geo-log gives", guarded=("hrssm.geometry.series.log_sinhc",),
    ),
    Claim(
        "hrssm.distributions.Gaussian.log_prob", "normal-law",
        lambda z, loc, scale: Gaussian(loc, scale, validate_args=False).log_prob(z),
        lambda d: [values(d), *normal_parameters(d)],
        lambda f, d: summed(f.statement[0].rhs, [x, mu, sigma], [values(d), *normal_parameters(d)]),
    ),
    Claim(
        "hrssm.distributions.Gaussian.entropy", "normal-law",
        lambda loc, scale: Gaussian(loc, scale, validate_args=False).entropy(), normal_parameters,
        lambda f, d: summed(f.statement[1].rhs, [sigma], normal_parameters(d)[1:]),
    ),
    Claim(
        "hrssm.distributions.Gaussian.kl", "normal-law",
        lambda *x: kl_divergence(*(Gaussian(*x[i : i + 2], validate_args=False) for i in (0, 2))),
        lambda d: [*normal_parameters(d, "_q"), *normal_parameters(d, "_p")],
        lambda f, d: summed(
            f.statement[2].rhs,
            [mu_q, sigma_q, mu_p, sigma_p],
            [*normal_parameters(d, "_q"), *normal_parameters(d, "_p")],
        ),
        guarded=STABLE,
    ),
)  # fmt: skip

CLAIMS: tuple[Claim, ...] = (*GEOMETRY, *DENSITY, *SAMPLER, *KL, *OTHERS, *MANIFOLD)

QUADRATURE = "no closed form in the code: a quadrature of the entry's integral, its error measured in docs/accuracy.md"
ESTIMATE = "no closed form: an unbiased estimate, the mean of log q - log p over samples, typed as one"
_LAWS = "hrssm.distributions"
#: Public functions that compute an entry by quadrature or by sampling, so that there is no code to prove equal to it.
NUMERIC: dict[str, tuple[str, str]] = {
    f"{_LAWS}.RiemannianNormal.entropy": ("rn-moment", QUADRATURE),
    f"{_LAWS}.RiemannianNormal.kl": ("rn-moment", QUADRATURE),
    f"{_LAWS}.RiemannianNormal.kl_HorosphericalGaussian": ("a4-exact", QUADRATURE),
    f"{_LAWS}.HorosphericalGaussian.kl_RiemannianNormal": ("a4-exact", QUADRATURE),
    f"{_LAWS}.WrappedNormal.entropy": (
        "wn-density",
        "no closed form: the mean of minus log q over samples, typed as an estimate",
    ),
    f"{_LAWS}.WrappedNormal.kl": ("wn-density", ESTIMATE),
    f"{_LAWS}.WrappedNormal.kl_HorosphericalGaussian": ("wn-density", ESTIMATE),
    f"{_LAWS}.HorosphericalGaussian.kl_WrappedNormal": ("wn-density", ESTIMATE),
    f"{_LAWS}.WrappedNormal.kl_RiemannianNormal": ("wn-density", ESTIMATE),
    f"{_LAWS}.RiemannianNormal.kl_WrappedNormal": ("wn-density", ESTIMATE),
}
