"""The proof of the code: a torch function is traced, its graph evaluated on SymPy symbols, and shown to be its formula.

A `Claim` (`derivations.code.claim`) says that a function of `hrssm` computes an entry: how it is called on tensors,
which symbols stand for their entries, and what the entry says the result is, read from the entry's own statement.
`verify` traces the function for d = 2, 3, 4 (`derivations.code.aten`), walks every branch of the graph, and reduces
code minus formula to zero by named rewrites. Branches that are numerical guards are proved as primitives
(`derivations.code.guarded`). Beside that, both sides are enclosed in balls at exact random points; disjoint balls
reject a claim, whatever the rewrites say.

The claims are listed in `derivations.code.claims`. Float rounding is another matter: see docs/accuracy.md.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
import torch

from derivations.code import aten
from derivations.code.claim import Claim, ClaimReport
from derivations.code.guarded import primitive as primitives
from derivations.code.guarded import table as guarded
from derivations.code.rewrites import close
from derivations.engine.ball_arithmetic import NotEvaluable, ball, precision
from derivations.engine.kernel import Formula

#: Random points at which both sides are enclosed, for each dimension and branch.
POINTS = 6
#: What a branch that is the entry up to rounding may be off by, relative to the size of the result or to 1.
ROUNDING = sp.Rational(1, 2**52)


# ------------------------------------------------------------------------------------------- verification


def examples(inputs: Sequence[Any]) -> list[torch.Tensor]:
    """Distinct float64 tensors in the domain of the symbols, of their shapes."""
    source = random.Random(7)

    def value(s: Any) -> float:
        size = source.uniform(0.3, 1.7)
        return size if s.is_nonnegative else size * source.choice((-1, 1))

    arrays = [np.array(x, dtype=object) for x in inputs]
    return [torch.tensor(np.vectorize(value, otypes=[float])(a), dtype=torch.float64) for a in arrays]


def verify(claim: Claim, formulas: Mapping[str, Formula]) -> ClaimReport:
    """Prove one claim; see the module's docstring for how."""
    used: set[str] = set()
    ways = 0

    def report(verdict: str, detail: str = "") -> ClaimReport:
        words = claim.words + (f" Compared through {claim.through[1]}." if claim.through else "")
        words += f" Up to rounding: {claim.within[2]}." if claim.within else ""
        return ClaimReport(
            claim.implements, claim.formula, claim.variant, verdict, claim.dimensions, ways, tuple(sorted(used)),
            claim.guarded, words.strip(), detail,
        )  # fmt: skip

    missing = [id for id in (claim.formula, *claim.also) if id not in formulas]
    if missing:
        return report("unknown", f"there is no entry {missing[0]}")
    for name in claim.guarded:
        examination = guarded.examine(name)
        if examination.verdict != "true":
            return report(examination.verdict, f"{name}: {examination.detail}")
    statements = [formulas[id] for id in (claim.formula, *claim.also)]
    meanings = {name: guarded.meaning(name) for name in claim.guarded}
    for d in claim.dimensions:
        inputs = claim.inputs(d)
        with primitives.opaque(meanings | dict(claim.opaque)) as table:
            graph = aten.trace(claim.call, *examples(inputs))
        expected = np.array(claim.expected(*statements, d), dtype=object)
        found = aten.branches(graph, *inputs, meanings=table)
        ways = max(ways, len(found))
        for condition, value in found:
            value = np.array(value, dtype=object)
            if value.shape != expected.shape:
                return report("false", f"d = {d}: the code gives shape {value.shape}, the formula {expected.shape}")
            for index, (here, there) in enumerate(zip(value.flat, expected.flat, strict=True)):
                verdict, found_by = _on_entry(claim, d, condition, index, here, there)
                if verdict != "true":
                    return report(verdict, f"d = {d}, branch {condition}: {found_by}"[:600])
                used.add(found_by)
    return report("true")


def _on_entry(claim: Claim, d: int, condition: Any, index: int, here: Any, there: Any) -> tuple[str, str]:
    """Verdict on one entry of the result on one branch, with the rewrite that closed it or what went wrong."""
    pins = claim.pinned(d) if claim.pinned else ()
    here, there = _on_branch(here, condition, pins), _on_branch(there, condition, pins)
    approximate = claim.within is not None and claim.within[0](condition)
    where = _refuted(here, there, condition, ROUNDING if approximate else 0)
    if where:
        return "false", f"code and formula differ at {where}"
    if approximate and claim.within:
        exactly = np.array(claim.within[1](d, condition), dtype=object).flat[index]
        there = _on_branch(exactly, condition, pins)
    if claim.through:
        here, there = claim.through[0](here), claim.through[0](there)
    rewrite = close(here, there, claim.relation(d) if claim.relation else None)
    return ("true", rewrite) if rewrite else ("unknown", f"{here} against {there}")


def _on_branch(e: Any, condition: Any, pins: Sequence[Mapping[Any, Any]]) -> Any:
    """An expression on a branch that pins a non-negative quantity u at zero (`not u > 0`).

    Where u is itself a symbol it becomes 0; where it is a sum of squares, each of them vanishes, which is where the
    pinned symbols have their values (checked: u is 0 there, and at none of the pins before).
    """
    e = primitives.on_branch(e, condition)
    for atom in sp.And.make_args(condition):
        if not (isinstance(atom, sp.Le | sp.Eq) and atom.rhs == 0 and atom.lhs.is_nonnegative):
            continue
        pinned = next((values for values in pins if sp.simplify(atom.lhs.subs(values)) == 0), None)
        if pinned:
            e = sp.sympify(e).subs(pinned)
        elif atom.lhs.is_Symbol:
            e = sp.sympify(e).subs(atom.lhs, 0)
    return e


def _refuted(left: Any, right: Any, condition: Any, slack: Any = 0) -> str:
    """A point of the branch at which balls of the two sides are further apart than `slack` times their size (or 1), in
    words; "" where none is found."""
    left, right = sp.sympify(left), sp.sympify(right)
    symbols = sorted(left.free_symbols | right.free_symbols | condition.free_symbols, key=lambda s: s.name)
    source, tried, compared = random.Random(11), 0, 0
    while compared < POINTS and tried < 40 * POINTS:
        tried += 1
        point = {}
        for s in symbols:
            size = sp.Rational(source.randint(1, 240), 97) * (1 if tried % 2 else source.choice((1, 16, 64)))
            point[s.name] = size if s.is_nonnegative else size * source.choice((-1, 1))
        if condition not in (sp.true, True) and not _inside(condition, point):
            continue
        compared += 1
        try:
            with precision(192):
                one, two = ball(left, point), ball(right, point)
                apart = one - two
                allowed = ball(slack) * (1 + abs(two))
        except (NotEvaluable, ValueError, TypeError, AttributeError):
            return ""
        if apart.is_finite() and abs(apart) > allowed:
            return ", ".join(f"{k} = {v}" for k, v in point.items())
    return ""


def _inside(condition: Any, point: Mapping[str, Any]) -> bool:
    """Whether an exact point certainly meets a condition."""
    for atom in sp.And.make_args(condition):
        if not isinstance(atom, sp.Gt | sp.Ge | sp.Lt | sp.Le):
            return False
        with precision(192):
            gap = ball(atom.lhs - atom.rhs, point)
        if not (gap > 0 if isinstance(atom, sp.Gt | sp.Ge) else gap < 0):
            return False
    return True
