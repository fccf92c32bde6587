"""The claims of the horospherical Gaussian, in its own coordinates and in another chart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from derivations.chapters.coupled_family.density import kappa, kappa_p, kappa_q
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
from derivations.code.claim import Claim
from hrssm.distributions.charts import CoordinateDensity
from hrssm.distributions.horospherical_gaussian import HorosphericalGaussian, kl_terms

HG = "hrssm.distributions.HorosphericalGaussian"
_ROOM = "hrssm.distributions.numerics.stable"
HELD = (f"{_ROOM}.held",)
STABLE = (f"{_ROOM}.exp_gap", f"{_ROOM}.log_ratio")
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
        guarded=HELD,
    ),
    Claim(
        f"{HG}.log_prob", "hgk-density", lambda z, *x: law(*x).log_prob(z),
        lambda d: [[tau, *row("b", d)], *one(d, True)],
        lambda f, d: f.in_coordinates(d).rhs.subs(kappa, 1), "coupling 1, a scale per coordinate",
        guarded=HELD,
    ),
    Claim(
        f"{HG}.log_prob", "hgk-density", lambda z, *x: law(*x).log_prob(z),
        lambda d: [[tau, *row("b", d)], *one(d, True), kappa],
        lambda f, d: f.in_coordinates(d).rhs, "any coupling, a scale per coordinate", guarded=HELD,
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
          "one fibre scale", guarded=(*STABLE, *HELD)),
    Claim(f"{HG}.kl", "hg-kl", two(kl_divergence), lambda d: pair(d, True), lambda f, d: f.in_coordinates(d).rhs,
          "a scale per coordinate", guarded=(*STABLE, *HELD)),
    *(
        Claim(
            "hrssm.distributions.kl_terms", f"hg-kl-{part}", two(lambda q, p, part=part: getattr(kl_terms(q, p), part)),
            pair, lambda f, d: in_pair(f.statement.rhs, d), f"{part} term, one fibre scale", guarded=(*STABLE, *HELD),
        )
        for part in ("height", "fibre", "drift")
    ),
    Claim(f"{HG}.kl", "hgk-kl", two(kl_divergence, 8, 8), lambda d: [*pair(d), kappa],
          lambda f, d: in_pair(f.statement.rhs, d), "any coupling, one fibre scale", guarded=(*STABLE, *HELD)),
    Claim(f"{HG}.kl", "hgk-kl", two(kl_divergence, 8, 8), lambda d: [*pair(d, True), kappa],
          lambda f, d: f.in_coordinates(d).rhs, "any coupling, a scale per coordinate", guarded=(*STABLE, *HELD)),
    Claim(f"{HG}.kl", "hgk-kl-mixed", two(kl_divergence, 8, 9), lambda d: [*pair(d), kappa_q, kappa_p],
          lambda f, d: in_pair(f.statement.rhs, d), "two couplings, one fibre scale", guarded=(*STABLE, *HELD)),
    Claim(f"{HG}.kl", "hgk-kl-mixed", two(kl_divergence, 8, 9), lambda d: [*pair(d, True), kappa_q, kappa_p],
          lambda f, d: f.in_coordinates(d).rhs, "two couplings, a scale per coordinate", guarded=(*STABLE, *HELD)),
)  # fmt: skip


CHART = (
    Claim(
        "hrssm.distributions.CoordinateDensity.log_prob", "geo-volume",
        lambda z, *x: CoordinateDensity(law(*x)).log_prob(z), lambda d: [[tau, *row("b", d)], *one(d, True), kappa],
        lambda f, g, d: sp.log(f.statement.rhs.subs(f.symbols[1].symbol, d - 1)) + g.in_coordinates(d).rhs,
        "of a horospherical Gaussian", also=("hgk-density",), guarded=HELD,
    ),
)  # fmt: skip

CLAIMS = (*DENSITY, *SAMPLER, *KL, *CHART)
