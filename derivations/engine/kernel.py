"""The kernel: what a formula is, what a proof of it is, and how both are checked.

How to write an entry. A chapter is a folder of modules, listed in `derivations.contents`; an entry is a
generator function under `@entry(...)`. The decorator's arguments say *what* is stated, the function *why*:

    from derivations.engine.kernel import (
        Certificate, Step, complete_square, entry, exact, grid, mp, normal_expectation, sp, symbol,
    )

    t, r = symbol("t", real=True), symbol("r", real=True)

    @entry(
        id="example-mgf",
        title="Moment generating function of the standard normal",
        statement=sp.Eq(sp.Function("M")(r), sp.exp(r**2 / 2)),
        symbols={r: "exponent"},
        status="proves",                       # proves | refutes | corrects | new, as it came out
        sources=[("perret2026", "A.2")],       # bib key, place
        implements=[],                         # dotted names in hrssm
        certificate=Certificate(
            points=grid(r=("-4", "4")),        # >= 25 exact points, corners first
            independent=lambda p: normal_expectation(
                lambda z, _: (exact(p["r"]) * z).exp(), bound=1, rate=abs(exact(p["r"]))
            ),
            numeric=lambda p: mp.quad(lambda z: mp.exp(p["r"] * z) * mp.npdf(z), [-mp.inf, 0, mp.inf]),
        ),
    )
    def example_mgf(claim):
        "M(r) = E[e^(r t)]: complete the square."
        density = sp.exp(-(t**2) / 2) / sp.sqrt(2 * sp.pi)
        yield Step(
            sp.Integral(sp.exp(r * t) * density, (t, -sp.oo, sp.oo)),
            claim.rhs,
            complete_square(t),
            "the integrand is e^(r^2/2) times the density of N(r, 1)",
        )

- **Statement**: a SymPy relation (Eq, Ge, ...), or `sp.Tuple` of several. For an Eq the left side *names*
  the quantity (`Function("KL")(...)`, an unevaluated Integral, ...) and the right side is the closed form:
  it is the right side that is certified, mutated and printed as code. Both sides may be matrices
  (ImmutableMatrix). Squared norms are one symbol (non-negative); `in_coordinates(d)` may give the statement
  with the coordinates of dimension d spelled out, for the proof of the code.
- **Proof**: receives the statement as `claim` and must use `claim.rhs` (claim[i].rhs), so that a mutant
  reaches it; some Step must have the right side of each relation as its rhs (for inequalities: both sides
  of a step with that `op`). Write what follows from what as separate Steps, each closed by one named rewrite:
  normal forms (`algebra`), derivatives, integrals and limits (`calculus`), sums, recursions and integrals over one
  coordinate after another (`induction`: general d goes by `fubini`), integrals past sums and derivatives (`exchange`),
  inequalities, and the rest (`rewrites`), modules of `derivations.engine`. A number that a program finds is a Step by
  `compute` (exact arithmetic) or `enclose_value` (balls), its name on the left.
- **A step** is true when its rewrite leaves exactly 0; false when what it leaves is certified non-zero by a
  ball at some rational point of the symbols' domain; unknown otherwise. Give symbols their assumptions
  (positive=True, ...). A step whose two sides are written alike says nothing and is never true: put what SymPy
  would simplify away behind a symbol and close the step by `substitute`.
- **Words** close nothing. The one exception is `theorem`, which accepts a step by a theorem that is cited with its
  source and place and not checked; few entries may have one (a test counts them).
- **Level**: S where every relation is reached by symbolic steps, B where one of them is reached by enclosing; S* or
  B* where the proof has a step by `theorem`.
- **Certificate**: `independent` computes the left side by definition, in Arb; see
  `derivations.engine.certificate`. Without numbers in it, give `uncertified="reason"` instead; mutants must then
  fall at level S.
- **Mutants** come from `derivations.engine.mutation`; a mutant that is equivalent is listed in `equivalent={name:
  reason}`. Extra ones: `extra_mutants=lambda: [(name, statement), ...]`.
- **Slow exact work** goes through `cache.exact(key, modules, compute)`.

`derivations.contents.collect()` imports the chapters and returns all entries in order; `verify(formula)` checks one
and returns a Report.
"""

from __future__ import annotations

import mpmath as mp
import sympy as sp
from flint import acb, arb, arb_series, fmpq

from derivations.engine import cache
from derivations.engine.algebra import (
    Rewrite,
    algebra,
    equal_squares,
    exponentiate,
    factor,
    gamma_recurrence,
    log_expand,
    matrices,
    normal,
    trigonometry,
)
from derivations.engine.ball_arithmetic import (
    Point,
    ball,
    exact,
    half_width,
    integral,
    normal_expectation,
    plus_minus,
    precision,
)
from derivations.engine.calculus import (
    antiderivative,
    change_of_variable,
    complete_square,
    differentiate,
    fundamental,
    integrate,
    lhopital,
    limit,
    series,
)
from derivations.engine.certificate import Certificate, certify, grid, relations
from derivations.engine.checking import Report, check, mutate, prove, total_score, verify, verify_part
from derivations.engine.exchange import term_by_term, termwise, tonelli, under_integral
from derivations.engine.formula import Formula, Step, entry, modules_of, symbol
from derivations.engine.induction import binomials, fubini, induction, linear, sum_recursion
from derivations.engine.inequalities import (
    combination,
    convex,
    ends,
    falls,
    largest,
    ordered,
    pointwise,
    recursion,
    sign,
    split,
    squares,
    stepwise,
    supremum,
)
from derivations.engine.rewrites import compute, enclose, enclose_value, modulo, solves, substitute, theorem, use

__all__ = [
    "Certificate",
    "Formula",
    "Point",
    "Report",
    "Rewrite",
    "Step",
    "acb",
    "algebra",
    "antiderivative",
    "arb",
    "arb_series",
    "ball",
    "binomials",
    "cache",
    "certify",
    "change_of_variable",
    "check",
    "combination",
    "complete_square",
    "compute",
    "convex",
    "differentiate",
    "enclose",
    "enclose_value",
    "ends",
    "entry",
    "equal_squares",
    "exact",
    "exponentiate",
    "factor",
    "falls",
    "fmpq",
    "fubini",
    "fundamental",
    "gamma_recurrence",
    "grid",
    "half_width",
    "induction",
    "integral",
    "integrate",
    "largest",
    "lhopital",
    "limit",
    "linear",
    "log_expand",
    "matrices",
    "modules_of",
    "modulo",
    "mp",
    "mutate",
    "normal",
    "normal_expectation",
    "ordered",
    "plus_minus",
    "pointwise",
    "precision",
    "prove",
    "recursion",
    "relations",
    "series",
    "sign",
    "solves",
    "sp",
    "split",
    "squares",
    "stepwise",
    "substitute",
    "sum_recursion",
    "supremum",
    "symbol",
    "term_by_term",
    "termwise",
    "theorem",
    "tonelli",
    "total_score",
    "trigonometry",
    "under_integral",
    "use",
    "verify",
    "verify_part",
]
