"""Statements, symbols and proof steps as MathML, for browsers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derivations.emission.display import mathml
from derivations.emission.display.arrange import Arranger
from derivations.emission.display.layout import Line, width
from derivations.emission.display.statements import arrange, display
from derivations.engine import serial
from derivations.engine.checking import Report
from derivations.engine.formula import Formula

#: A step whose sides are wider than this (in letters, about) is shown as text only.
WIDEST = 600


def sheet(formulas: Mapping[str, Formula], reports: Mapping[str, Report]) -> dict[str, Any]:
    """MathML by id: the statement, each symbol by its name in code, and the steps (null where one is too long)."""
    return {id: _entry(formula, reports[id]) for id, formula in formulas.items()}


def _entry(formula: Formula, report: Report) -> dict[str, Any]:
    arranger = Arranger.of(formula.symbols)
    return {
        "statement": mathml.display(display(formula.shown(), arranger, formula.where)),
        "symbols": {s.symbol.name: mathml.inline(arrange(s.symbol, arranger)) for s in formula.symbols},
        "steps": [_step(step, arranger) for step in (report.proof or {}).get("steps", ())],
    }


def _step(step: Mapping[str, Any], arranger: Arranger) -> str | None:
    if not step.get("sides"):
        return None
    left, right = (arrange(serial.read(code), arranger) for code in step["sides"])
    if width(left) + width(right) > WIDEST:
        return None
    sign = {"==": "="}.get(step["op"], step["op"])
    return mathml.step(Line(left, sign, ((False, right),)))
