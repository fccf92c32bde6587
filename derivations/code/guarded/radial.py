"""The tabulated normaliser of the Riemannian normal against its closed form, in balls.

`hrssm` interpolates log of the radial integral from a table, made by a quadrature where the closed form of
rn-normaliser cancels beyond what a float holds. No graph says that the table is right, so it is measured: at every
point below the float that comes out is compared with an enclosure of the closed form. Between the points nothing is
bounded.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import sympy as sp
import torch
from flint import arb
from torch import Tensor

from derivations.chapters.riemannian_normal.density import d, rn_normaliser, sigma
from derivations.code.guarded.primitive import operator
from derivations.enclosures.radial import closed_normaliser
from derivations.engine.ball_arithmetic import exact, precision
from hrssm.distributions.numerics.radial import log_radial_integral

#: Scales at which the table is measured for every fibre, each the float that the code is given; the docstring of
#: `RiemannianNormal` says 0.001 to 3, beyond which the table goes on by its asymptote.
SCALES = (0.001, 0.004, 0.03, 0.07, 0.11, 0.2, 0.3, 0.45, 0.7, 0.9, 1.1, 1.5, 1.9, 2.3, 2.7, 3.0, 6.0, 20.0)
#: What the logarithm may be off by, relative to its size or to 1.
ALLOWED = 4e-15
BITS = 5000  # the closed form cancels


def deviation(fibre: int, scale: float) -> arb:
    """How far the shipped logarithm is from the closed form's, relative to its size or to 1."""
    found = float(log_radial_integral(torch.tensor(scale, dtype=torch.float64), fibre))
    with precision(BITS):
        wanted = closed_normaliser(fibre, exact(sp.Rational(scale))).log()
        return abs(arb(found) - wanted) / (1 + abs(wanted))


@cache
def examine(fibre: int) -> None:
    """Raise ArithmeticError unless the table is within `ALLOWED` of the closed form at every scale of `SCALES`."""
    for scale in SCALES:
        apart = deviation(fibre, scale)
        if not apart < ALLOWED:
            raise ArithmeticError(f"m = {fibre}, sigma = {scale}: the tabulated logarithm is off by {apart.str(3)}")


def closed_form(fibre: int, scale: Any) -> Any:
    """Log of the radial integral as rn-normaliser has it, once the table has been examined."""
    examine(fibre)
    return sp.log(rn_normaliser.statement.rhs.subs(d, fibre + 1).doit().subs(sigma, scale))


# one function of the scale alone for each fibre of the code proofs, to be one operator each
def log_integral_1(scale: Tensor) -> Tensor:
    return log_radial_integral(scale, 1)


def log_integral_2(scale: Tensor) -> Tensor:
    return log_radial_integral(scale, 2)


def log_integral_3(scale: Tensor) -> Tensor:
    return log_radial_integral(scale, 3)


FUNCTIONS = {1: log_integral_1, 2: log_integral_2, 3: log_integral_3}


#: What these operators mean, for `derivations.code.guarded.primitive.opaque`.
MEANINGS = {f"{__name__}.log_integral_{fibre}": (1, partial(closed_form, fibre)) for fibre in FUNCTIONS}


def traced(scale: Tensor, fibre: int) -> Tensor:
    """`log_radial_integral` as one node of a graph."""
    return operator(f"{__name__}.log_integral_{fibre}", FUNCTIONS[fibre], 1)(scale.double())
