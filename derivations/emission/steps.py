"""The sides of a proof's steps, read back from the report and printed in the notation of the entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from derivations.emission.display import text as plain
from derivations.emission.display.arrange import Arranger
from derivations.emission.display.layout import Node
from derivations.emission.display.statements import arrange
from derivations.engine import serial
from derivations.engine.formula import Formula


def text(step: Mapping[str, Any], formula: Formula) -> tuple[str, str] | None:
    """Both sides of a step in plain text; None where the report does not hold them."""
    return printed(step, formula, plain.text)


def printed(step: Mapping[str, Any], formula: Formula, write: Callable[[Node], str]) -> tuple[str, str] | None:
    """Both sides of a step as `write` prints a layout; None where the report does not hold them."""
    if not step.get("sides"):
        return None
    arranger = Arranger.of(formula.symbols)
    left, right = (write(arrange(serial.read(code), arranger)) for code in step["sides"])
    return left, right
