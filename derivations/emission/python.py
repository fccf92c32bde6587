"""A statement as a Python function of its symbols, by mpmath."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.pycode import MpmathPrinter

from derivations.emission.words import one_line
from derivations.engine.kernel import Formula, relations
from derivations.engine.notation import Notation


class _Python(MpmathPrinter):
    """mpmath code; finite sums become generator sums, which mpmath.nsum would only approximate."""

    def _print_Sum(self, expr: Any) -> str:
        return self._loop("mpmath.fsum", expr)

    def _print_Product(self, expr: Any) -> str:
        return self._loop("mpmath.fprod", expr)

    def _loop(self, function: str, expr: Any) -> str:
        loops = " ".join(
            f"for {self._print(i)} in range(int({self._print(a)}), int({self._print(b)}) + 1)"
            for i, a, b in expr.limits
        )
        return f"{function}({self._print(expr.function)} {loops})"

    def _print_binomial(self, expr: Any) -> str:
        return f"mpmath.binomial({', '.join(self._print(a) for a in expr.args)})"

    def _print_Derivative(self, expr: Any) -> str:
        raise NotImplementedError

    def _print_Limit(self, expr: Any) -> str:
        raise NotImplementedError

    def _print_MatrixBase(self, expr: Any) -> str:
        rows = (", ".join(self._print(expr[i, j]) for j in range(expr.cols)) for i in range(expr.rows))
        return f"mpmath.matrix([{', '.join(f'[{row}]' for row in rows)}])"

    _print_ImmutableDenseMatrix = _print_MatrixBase
    _print_MutableDenseMatrix = _print_MatrixBase


def python(formula: Formula) -> str | None:
    """A Python function of the symbols that returns the right side by mpmath; None where it has no numbers."""
    many = relations(formula.statement)
    sides = [r.rhs for r in many]
    free = {s for side in sides for s in side.free_symbols}
    if any(side.has(sp.Integral, sp.core.function.AppliedUndef, Notation, sp.Limit, sp.Order) for side in sides):
        return None
    arguments = [s.symbol for s in formula.symbols if s.symbol in free]
    if not all(str(s).isidentifier() for s in arguments) or len(free - set(arguments)):
        return None
    rename = {s: sp.Symbol("lambda_") for s in arguments if s.name == "lambda"}
    printer = _Python({"fully_qualified_modules": True})
    try:
        bodies = [str(printer.doprint(side.xreplace(rename))) for side in sides]
    except (NotImplementedError, TypeError, ValueError):
        return None
    if any("Not supported" in body for body in bodies):
        return None
    value = bodies[0] if len(bodies) == 1 else "(" + ", ".join(bodies) + ")"
    given = ", ".join(str(rename.get(s, s)) for s in arguments)
    function = formula.id.replace("-", "_")
    heading = one_line(formula.title).replace('"', "'")
    return f'def {function}({given}):\n    """{heading} ({formula.id})."""\n    import mpmath\n\n    return {value}\n'
