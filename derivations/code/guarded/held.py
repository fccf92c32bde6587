"""The hold of an exponent within the range of float64: its branch beyond is one that no finite result takes."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOperatorIssue=false

from __future__ import annotations

import sys
from dataclasses import dataclass

import sympy as sp
import torch

from derivations.code import aten
from derivations.code.guarded.primitive import Examination, Primitive, function_of
from derivations.engine.ball_arithmetic import ball, precision


@dataclass(frozen=True)
class Held(Primitive):
    """The identity of its first argument up to a bound L, for a factor e^x that is applied twice to a number b.

    Beyond the bound the code has L for x. Then (b e^(2 L))^2 is out of range for every normal number b but 0, as the
    exact (b e^(2 x))^2 is, and both are 0 for b = 0: the proof of a finite result need not see that branch.
    """

    def examine(self) -> Examination:
        """Prove the branch below the bound the identity, and the bound as large as said."""
        x, like = sp.Symbol("x", real=True), sp.Symbol("y", real=True)
        examples = [torch.tensor(number, dtype=torch.float64) for number in (0.75, 1.25)]
        found = aten.branches(aten.trace(function_of(self.name), *examples), x, like)
        values = [value.item() for _, value in found]
        bounds = [value for value in values if value != x]
        if len(found) != 2 or len(bounds) != 1 or not bounds[0].is_number:
            return Examination(self.name, "unknown", len(found), 0.0, f"the branches are {values}")
        with precision(128):
            least, most = (ball(sp.Rational(n)) for n in (sys.float_info.min, sys.float_info.max))
            factor = ball(sp.exp(bounds[0]))
            holds = factor < most and (least * factor * factor) ** 2 > most
        return Examination(self.name, "true" if holds else "false", len(found), 0.0, f"held at {bounds[0]}")


HELD = (Held("hrssm.distributions.numerics.stable.held", lambda x, like: x, 2),)
