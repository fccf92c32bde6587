"""Which functions of `hrssm` compute which entries: the claims that `derivations.code_proof` proves."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOperatorIssue=false

from __future__ import annotations

from typing import Any

import sympy as sp
from torch import Tensor

from derivations.code_proof import Claim
from derivations.horospherical_gaussian import (
    beta, delta, e, m, mu, mu_p, mu_q, radius, s, s_p, s_q, sigma, sigma_p, sigma_q, t, tau,
)  # fmt: skip
from hrssm.distributions import HorosphericalGaussian, kl_terms

HG = "hrssm.distributions.HorosphericalGaussian"
STABLE = ("hrssm.distributions.stable.exp_gap", "hrssm.distributions.stable.log_ratio")


def row(stem: str, d: int, **assumptions: bool) -> list[sp.Symbol]:
    """Symbols stem_1 .. stem_m for the fibre coordinates, real unless told otherwise."""
    return [sp.Symbol(f"{stem}_{i + 1}", **(assumptions or {"real": True})) for i in range(d - 1)]


def law(height: Tensor, fibre: Tensor, height_scale: Tensor, fibre_scale: Tensor, coupling: Any = 1.0) -> HorosphericalGaussian:
    """The distribution without validation, which would look at the numbers."""
    return HorosphericalGaussian(height, fibre, height_scale, fibre_scale, coupling, validate_args=False)


def pair(d: int, per_coordinate: bool = False) -> list[Any]:
    """Symbols of the parameters of q and p, in the order of the constructor."""
    widths = (row("s_q", d, positive=True), row("s_p", d, positive=True)) if per_coordinate else (s_q, s_p)
    return [mu_q, row("beta_q", d), sigma_q, widths[0], mu_p, row("beta_p", d), sigma_p, widths[1]]


def apart(d: int) -> sp.Expr:
    """|beta_q - beta_p|^2 in coordinates."""
    return sp.Add(*((x - y) ** 2 for x, y in zip(row("beta_q", d), row("beta_p", d), strict=True)))


def in_pair(side: sp.Expr, d: int) -> sp.Expr:
    """A right side in the symbols of a pair: m = d - 1, delta^2 spelled out."""
    return side.subs({delta: sp.sqrt(apart(d)), m: d - 1})


def two(call: Any) -> Any:
    """A call on eight tensors as a function of two distributions."""
    return lambda *x: call(law(*x[:4]), law(*x[4:]))


def kl(q: HorosphericalGaussian, p: HorosphericalGaussian) -> Tensor:
    """The registered KL, as users reach it."""
    from torch.distributions import kl_divergence

    return kl_divergence(q, p)


HOROSPHERICAL = (
    Claim(
        f"{HG}.kl", "hg-kl", two(kl), pair, lambda f, d: in_pair(f.statement.rhs, d), "one fibre scale", guarded=STABLE
    ),
    Claim(
        f"{HG}.kl", "hg-kl", two(kl), lambda d: pair(d, True), lambda f, d: f.in_coordinates(d).rhs,
        "a scale per coordinate", guarded=STABLE,
    ),
    *(
        Claim(
            "hrssm.distributions.kl_terms", f"hg-kl-{part}", two(lambda q, p, part=part: getattr(kl_terms(q, p), part)),
            pair, lambda f, d: in_pair(f.statement.rhs, d), f"{part}, one fibre scale", guarded=STABLE,
        )
        for part in ("height", "fibre", "drift")
    ),
    Claim(
        f"{HG}.attenuation", "hg-mgf", lambda *x: law(*x).attenuation, lambda d: [mu, row("beta", d), sigma, s],
        lambda f, d: f.statement[2].rhs,
    ),
)  # fmt: skip

CLAIMS: tuple[Claim, ...] = HOROSPHERICAL
