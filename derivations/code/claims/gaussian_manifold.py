"""The claims of the PGM normal on a product of half-planes, at two curvatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from torch import Tensor
from torch.distributions import kl_divergence

from derivations.chapters.other_families.gaussian_manifold import (
    PGM,
    alpha,
    c,
    delta,
    ell,
    g,
    g_p,
    g_q,
    lam,
    lam_p,
    lam_q,
    x,
)
from derivations.code.claim import Claim
from derivations.code.guarded.gamma import MODULE
from hrssm.distributions.gaussian_manifold_normal import GaussianManifoldNormal

EXP_GAP = "hrssm.distributions.numerics.stable.exp_gap"
PLANES = (1, 2)


def planes(stem: str, n: int) -> list[sp.Symbol]:
    """A symbol for each half-plane."""
    return [sp.Symbol(f"{stem}_{i + 1}", real=True) for i in range(n)]


def law(curvature: float, *parameters: Tensor) -> GaussianManifoldNormal:
    """The distribution without validation, which would look at the numbers."""
    return GaussianManifoldNormal(*parameters, curvature=curvature, validate_args=False)


def parameters(n: int, side: str = "") -> list[Any]:
    """Symbols of the parameters, in the order of the constructor."""
    return [planes(f"alpha{side}", n), planes(f"lambda{side}", n), planes(f"g{side}", n)]


def point(n: int) -> list[sp.Symbol]:
    """Symbols (x, ell) plane by plane."""
    return [s for pair in zip(planes("x", n), planes("ell", n), strict=True) for s in pair]


def at_plane(side: Any, i: int, curvature: Any) -> Any:
    """A formula for one plane in the symbols of plane i, at this curvature."""
    values = {s: sp.Symbol(f"{s.name}_{i + 1}", real=True) for s in (x, ell, alpha, lam, g, lam_q, lam_p, g_q, g_p)}
    apart = sp.Symbol(f"alpha_q_{i + 1}", real=True) - sp.Symbol(f"alpha_p_{i + 1}", real=True)
    return side.subs({**values, c: sp.Rational(curvature), delta: sp.sqrt(apart**2)}, simultaneous=True)


def summed(side: Any, n: int, curvature: Any) -> Any:
    """A formula for one plane, summed over the planes."""
    return sp.Add(*(at_plane(side, i, curvature) for i in range(n)))


def pairs(first: Any, second: Any, n: int, curvature: Any) -> list[Any]:
    """Two formulas for one plane, plane by plane."""
    return [at_plane(side, i, curvature) for i in range(n) for side in (first, second)]


def claims_at(curvature: float) -> tuple[Claim, ...]:
    """What the functions compute on planes of curvature minus this."""
    words = f"curvature -{curvature:g}"

    def of(call: Callable[[GaussianManifoldNormal], Tensor]) -> Callable[..., Tensor]:
        return lambda *p: call(law(curvature, *p))

    stirling, gap, digamma, trigamma = (
        f"{MODULE}.{name}" for name in ("stirling", "digamma_gap", "digamma_next", "trigamma_next")
    )
    return (
        Claim(
            f"{PGM}.log_prob", "pgm-density", lambda z, *p: law(curvature, *p).log_prob(z),
            lambda n: [point(n), *parameters(n)], lambda f, n: summed(f.statement[1].rhs, n, curvature), words,
            guarded=(EXP_GAP, stirling), dimensions=PLANES,
        ),
        Claim(
            f"{PGM}.entropy", "pgm-entropy", of(lambda q: q.entropy()), parameters,
            lambda f, n: summed(f.statement.rhs, n, curvature), words, guarded=(stirling, gap, digamma),
            dimensions=PLANES,
        ),
        Claim(
            f"{PGM}.mean", "pgm-law", of(lambda q: q.mean), parameters,
            lambda f, n: pairs(alpha, f.statement[1].rhs, n, curvature), words, guarded=(gap,), dimensions=PLANES,
        ),
        Claim(
            f"{PGM}.variance", "pgm-law", of(lambda q: q.variance), parameters,
            lambda f, n: pairs(f.statement[3].rhs, f.statement[2].rhs, n, curvature), words, guarded=(trigamma,),
            dimensions=PLANES,
        ),
        Claim(
            f"{PGM}.mode", "pgm-law", of(lambda q: q.mode), parameters,
            lambda f, n: pairs(alpha, f.statement[5].rhs, n, curvature), words, dimensions=PLANES,
        ),
        Claim(
            f"{PGM}.kl", "pgm-kl",
            lambda *p: kl_divergence(law(curvature, *p[:3]), law(curvature, *p[3:])),
            lambda n: [*parameters(n, "_q"), *parameters(n, "_p")], lambda f, n: summed(f.statement.rhs, n, curvature),
            words, guarded=(EXP_GAP, f"{MODULE}.gamma_bregman"), dimensions=PLANES,
        ),
    )  # fmt: skip


CLAIMS = (*claims_at(1.0), *claims_at(0.5))
