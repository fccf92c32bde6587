"""The claims of the normal with independent coordinates."""

from __future__ import annotations

from typing import Any

import sympy as sp
from torch.distributions import kl_divergence

from derivations.chapters.horospherical_gaussian.symbols import mu, mu_p, mu_q, sigma, sigma_p, sigma_q
from derivations.code.claim import Claim
from derivations.code.claims.horospherical import STABLE
from derivations.code.claims.riemannian_normal import x
from hrssm.distributions.gaussian import Gaussian


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


CLAIMS = (
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
