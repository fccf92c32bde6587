"""How a step, a proof, a certificate and the mutants of an entry are checked, and what is reported."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import sympy as sp

from derivations.engine import cache, serial
from derivations.engine.algebra import normal
from derivations.engine.ball_arithmetic import NotEvaluable, ball, precision, samples
from derivations.engine.certificate import certify, refutes, relations
from derivations.engine.formula import Formula, Step, modules_of


@dataclass(frozen=True)
class StepReport:
    """A step as it was checked, in printable form; `sides` are both sides as SymPy code, where that is not too long."""

    lhs: str
    op: str
    rhs: str
    rewrite: str
    words: str
    verdict: str
    sides: tuple[str, str] | None = None
    theorem: tuple[str, ...] = ()  # title, source and place of what was accepted and not checked


@dataclass(frozen=True)
class ProofReport:
    """The verdict of a proof and of each of its steps, and whether every relation is reached symbolically (if not, by
    enclosing it)."""

    verdict: str
    steps: tuple[StepReport, ...]
    detail: str = ""
    symbolic: bool = True


@dataclass(frozen=True)
class MutationReport:
    """Which mutants fell, and at which level; which stand; which are equivalent to the statement and why."""

    killed: tuple[tuple[str, str], ...]
    surviving: tuple[str, ...]
    equivalent: tuple[tuple[str, str], ...]

    @property
    def score(self) -> float:
        """Killed over all that are not equivalent."""
        total = len(self.killed) + len(self.surviving)
        return len(self.killed) / total if total else 0.0


@dataclass(frozen=True)
class Report:
    """Everything that came out for one entry. `level` is S, B, N, C or "-"; `verdict` true/unknown/false.

    A level ends in * where steps of the proof are accepted by a cited theorem, in words, and not checked.
    """

    id: str
    verdict: str
    level: str
    proof: dict[str, Any] | None
    certificate: dict[str, Any] | None
    mutation: dict[str, Any] | None
    seconds: dict[str, float]

    @property
    def unchecked(self) -> list[dict[str, Any]]:
        """The steps that are accepted by a theorem, and not checked."""
        return [step for step in (self.proof or {}).get("steps", ()) if step["theorem"]]

    @property
    def mark(self) -> str:
        """The level, with the number of unchecked steps behind its star."""
        return self.level + (str(len(self.unchecked)) if self.level.endswith("*") else "")


#: Steps whose sides are longer as code than this are reported in short only.
LONGEST = 20_000

# ------------------------------------------------------------------------------------------- checking

_STEPS: dict[Any, str] = {}


def check(step: Step) -> str:
    """Verdict of one step."""
    key = (step.lhs, step.rhs, step.op, step.by, bool(step.words))
    try:
        known = _STEPS.get(key)
    except TypeError:
        return _check(step)
    if known is None:
        known = _STEPS[key] = _check(step)
    return known


def _check(step: Step) -> str:
    if says_nothing(step):
        return "unknown"
    lefts, rights = _flat(step.lhs), _flat(step.rhs)
    if len(lefts) != len(rights):
        return "false"
    verdicts = [_check_scalar(a, b, step) for a, b in zip(lefts, rights, strict=True)]
    return next((v for v in ("false", "unknown") if v in verdicts), "true")


def says_nothing(step: Step) -> bool:
    """Whether both sides are written alike: a step that nobody could refuse."""
    return step.lhs == step.rhs or sp.sstr(step.lhs) == sp.sstr(step.rhs)


def _check_scalar(lhs: Any, rhs: Any, step: Step) -> str:
    if not step.by.checked:
        if not (step.words and all(step.by.data)):
            return "unknown"
        return "false" if _refuted(lhs, rhs, step) else "true"
    if step.by.order and (step.op == "==" or (step.op in ("<", ">") and not _is_strict(lhs, rhs, step.op))):
        return "unknown"
    left = step.by.residual(lhs, rhs) if step.op in ("==", ">=", ">") else step.by.residual(rhs, lhs)
    if left == 0:
        return "true"
    if step.op == "==":
        return "false" if certified_nonzero(left) else "unknown"
    return "false" if _refuted(lhs, rhs, step) else "unknown"


def _is_strict(lhs: Any, rhs: Any, op: str) -> bool:
    """Whether the signs of factors say that the sides differ."""
    return bool(sp.factor(normal(lhs - rhs if op == ">" else rhs - lhs)).is_positive)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, sp.MatrixExpr):
        value = value.doit().as_explicit()
    if isinstance(value, sp.MatrixBase | sp.Tuple | list | tuple):
        return [e for item in value for e in _flat(item)]
    return [value]


def certified_nonzero(residual: Any) -> bool:
    """Whether a ball excludes zero at some exact point of the domain."""
    residual = sp.sympify(residual)
    if residual.has(sp.nan, sp.zoo, sp.oo):
        return False
    for point in samples(residual.free_symbols):
        for bits in (192, 768):
            try:
                with precision(bits):
                    value = ball(residual, point)
            except (NotEvaluable, ValueError, TypeError, AttributeError):
                break
            if value.is_finite() and not value.contains(0):
                return True
    return False


def _refuted(lhs: Any, rhs: Any, step: Step) -> bool:
    op = step.op
    for point in samples(sp.sympify(lhs).free_symbols | sp.sympify(rhs).free_symbols):
        for symbol, low, high in step.by.inside:
            if (value := point.get(symbol.name)) is not None:
                point[symbol.name] = low + (high - low) * abs(value) / (1 + abs(value))
        try:
            with precision(192):
                gap = ball(lhs, point) - ball(rhs, point)
        except (NotEvaluable, ValueError, TypeError, AttributeError):
            return False
        if not gap.is_finite():
            continue
        if op == "==" and not gap.contains(0):
            return True
        if (op in (">=", ">") and gap < 0) or (op in ("<=", "<") and gap > 0):
            return True
    return False


_OPS = {"==": sp.Eq, ">=": sp.Ge, ">": sp.Gt, "<=": sp.Le, "<": sp.Lt}


def prove(formula: Formula, statement: Any = None) -> ProofReport:
    """Run the proof of an entry, of its own statement or of a mutant of it."""
    claim = formula.statement if statement is None else statement
    if formula.prove is None:
        return ProofReport("unknown", (), "no proof")
    reports: list[StepReport] = []
    reached: set[int] = set()
    enclosed: set[int] = set()  # relations that a step reaches by balls
    shown: set[Any] = set()  # what earlier steps found to be non-negative
    many = relations(claim)
    worst = "true"
    for step in formula.prove(claim):
        verdict = check(step)
        if verdict == "true" and not set(step.by.leans) <= shown:
            verdict = "unknown"
        if verdict == "true" and step.op != "==":
            shown.add(step.lhs - step.rhs if step.op in (">=", ">") else step.rhs - step.lhs)
        if step.by.name.startswith("use ") and step.by.name[4:] not in formula.uses:
            verdict = "unknown"
        theorem = () if step.by.checked else tuple(step.by.data)
        sides = _sides(step) if statement is None else None
        printed = _print(step.lhs), step.op, _print(step.rhs)
        reports.append(StepReport(*printed, step.by.name, step.words, verdict, sides, theorem))
        for index, relation in enumerate(many):
            if not isinstance(relation, _OPS[step.op]):
                continue
            if step.rhs == relation.rhs and (step.op == "==" or step.lhs == relation.lhs):
                reached.add(index)
                if not step.by.symbolic:
                    enclosed.add(index)
        if verdict != "true":
            worst = verdict if worst == "true" or verdict == "false" else worst
            if statement is not None and worst == "false":
                break
    if worst == "true" and len(reached) < len(many):
        missing = [i for i in range(len(many)) if i not in reached]
        return ProofReport("unknown", tuple(reports), f"no step reaches relation {missing}")
    bad = next((r for r in reports if r.verdict == worst), None) if worst != "true" else None
    return ProofReport(
        worst, tuple(reports), f"{bad.lhs} {bad.op} {bad.rhs} [{bad.rewrite}]" if bad else "", not enclosed
    )


def _print(expr: Any) -> str:
    text = sp.sstr(expr)
    return text if len(text) <= 2000 else text[:1997] + "..."


def _sides(step: Step) -> tuple[str, str] | None:
    """Both sides of a step as SymPy code, from which they can be printed in any notation."""
    sides = (sp.Tuple(*side) if isinstance(side, list | tuple) else sp.sympify(side) for side in (step.lhs, step.rhs))
    left, right = map(serial.write, sides)
    return (left, right) if len(left) + len(right) <= LONGEST else None


def mutate(formula: Formula) -> MutationReport:
    """Try every mutant on the certificate (level B), then on the proof (level S); what is cited has neither."""
    if formula.cited:
        return MutationReport((), (), ())
    killed, surviving, equivalent = [], [], []
    for name, mutated in formula.mutants():
        if name in formula.equivalent:
            equivalent.append((name, formula.equivalent[name]))
        elif formula.certificate is not None and refutes(formula.certificate, mutated):
            killed.append((name, "B"))
        elif _disproved(formula, mutated):
            killed.append((name, "S"))
        else:
            surviving.append(name)
    return MutationReport(tuple(killed), tuple(surviving), tuple(equivalent))


def _disproved(formula: Formula, mutated: Any) -> bool:
    try:
        return prove(formula, mutated).verdict == "false"
    except (ValueError, TypeError, ArithmeticError, NotImplementedError, AttributeError):
        return False  # the proof does not apply to this mutant: no verdict


def verify_part(formula: Formula, part: str) -> dict[str, Any] | None:
    """One of "proof", "certificate", "mutation" for an entry, as plain data, through the cache."""

    def compute() -> dict[str, Any]:
        started = time.perf_counter()
        if part == "proof":
            result = asdict(prove(formula))
        elif part == "certificate":
            assert formula.certificate is not None
            result = asdict(certify(formula.certificate, formula.statement))
        else:
            report = mutate(formula)
            result = asdict(report) | {"score": report.score}
        return result | {"seconds": round(time.perf_counter() - started, 3)}

    if part == "certificate" and formula.certificate is None:
        return None
    return cache.recall(f"{formula.id}:{part}", modules_of(formula), compute)


def verify(formula: Formula) -> Report:
    """Check one entry: proof, certificate, mutants; and the level that comes out."""
    parts = {part: verify_part(formula, part) for part in ("proof", "certificate", "mutation")}
    seconds = {k: v.pop("seconds") for k, v in parts.items() if v}
    verdicts = [result["verdict"] for p in ("proof", "certificate") if (result := parts[p])]
    proved, enclosed = ((parts[p] or {}).get("verdict") == "true" for p in ("proof", "certificate"))
    stands = enclosed or (proved and formula.certificate is None)
    verdict = "false" if "false" in verdicts else "true" if stands else "unknown"
    symbolic = proved and (parts["proof"] or {})["symbolic"]
    level = "C" if formula.cited else "S" if symbolic else "B" if proved or enclosed else "-"
    if proved and any(step["theorem"] for step in (parts["proof"] or {})["steps"]):
        level += "*"
    if verdict == "false":
        level = "-"
    return Report(formula.id, verdict, level, parts["proof"], parts["certificate"], parts["mutation"], seconds)


def total_score(reports: Iterable[Report]) -> float:
    """Mutation score over many entries."""
    killed = sum(len(r.mutation["killed"]) for r in reports if r.mutation)
    surviving = sum(len(r.mutation["surviving"]) for r in reports if r.mutation)
    return killed / (killed + surviving) if killed + surviving else math.nan
