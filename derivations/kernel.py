"""The kernel: what a formula is, what a proof of it is, and how both are checked.

How to write an entry. A chapter is one or more modules, listed in `derivations.CHAPTERS`; an entry is a
generator function under `@entry(...)`. The decorator's arguments say *what* is stated, the function *why*:

    from derivations.kernel import (
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
  of a step with that `op`). Write what follows from what as separate Steps, each closed by one named
  rewrite of `derivations.rewrites`. Where general d rests on Fubini or induction, add a Step by `argument`
  with the words, and prove d = 2, 3, 4 outright.
- **A step** is true when its rewrite leaves exactly 0; false when what it leaves is certified non-zero by a
  ball at some rational point of the symbols' domain; unknown otherwise. Give symbols their assumptions
  (positive=True, ...).
- **Certificate**: `independent` computes the left side by definition, in Arb; see
  `derivations.certificate`. Without numbers in it, give `uncertified="reason"` instead; mutants must then
  fall at level S.
- **Mutants** come from `derivations.mutation`; a mutant that is equivalent is listed in `equivalent={name:
  reason}`. Extra ones: `extra_mutants=lambda: [(name, statement), ...]`.
- **Slow exact work** goes through `cache.exact(key, modules, compute)`.

`collect()` imports the chapters and returns all entries in order; `verify(formula)` checks one and returns
a Report.
"""

# SymPy's annotations are partial (everything is Basic): attribute and operator checks would only report that.
# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false
# pyright: reportCallIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

from __future__ import annotations

import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import mpmath as mp
import sympy as sp
from flint import acb, arb, fmpq

from derivations import CHAPTERS, cache, mutation
from derivations.balls import (
    NotEvaluable,
    Point,
    ball,
    exact,
    half_width,
    integral,
    normal_expectation,
    plus_minus,
    precision,
)
from derivations.certificate import PROVED_ONLY, Certificate, certify, grid, refutes, relations
from derivations.rewrites import (
    Rewrite,
    algebra,
    antiderivative,
    argument,
    change_of_variable,
    combination,
    complete_square,
    convex,
    differentiate,
    factor,
    induction,
    integrate,
    limit,
    log_expand,
    modulo,
    normal,
    series,
    sign,
    substitute,
    trigonometry,
    use,
)

__all__ = [
    "PROVED_ONLY",
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
    "argument",
    "ball",
    "cache",
    "change_of_variable",
    "collect",
    "combination",
    "complete_square",
    "convex",
    "differentiate",
    "entry",
    "exact",
    "factor",
    "fmpq",
    "grid",
    "half_width",
    "induction",
    "integral",
    "integrate",
    "limit",
    "log_expand",
    "modulo",
    "mp",
    "normal",
    "normal_expectation",
    "plus_minus",
    "precision",
    "relations",
    "series",
    "sign",
    "sp",
    "substitute",
    "symbol",
    "trigonometry",
    "use",
    "verify",
]

STATUSES = ("proves", "refutes", "corrects", "new")


@dataclass(frozen=True)
class Sym:
    """A symbol of a statement: its name, what it stands for, and where it lives."""

    symbol: sp.Symbol
    role: str
    domain: str


@dataclass(frozen=True)
class Step:
    """One equation (or inequality) of a proof, the rewrite that closes it, and words for the reader."""

    lhs: Any
    rhs: Any
    by: Rewrite
    words: str = ""
    op: str = "=="  # == | >= | > | <= | <


@dataclass(frozen=True)
class Formula:
    """One entry of the reference. See the module's docstring for what each field means."""

    id: str
    chapter: str
    module: str
    title: str
    statement: Any
    symbols: tuple[Sym, ...]
    status: str
    prove: Callable[[Any], Iterable[Step]] | None
    certificate: Certificate | None = None
    uncertified: str = ""
    assumptions: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    implements: tuple[str, ...] = ()
    equivalent: Mapping[str, str] = field(default_factory=dict)
    extra_mutants: Callable[[], Sequence[tuple[str, Any]]] | None = None
    in_coordinates: Callable[[int], Any] | None = None
    cited: bool = False

    def mutants(self) -> list[tuple[str, Any]]:
        """All mutants of the statement, generated and extra."""
        return mutation.mutants(self.statement) + list(self.extra_mutants() if self.extra_mutants else [])


@dataclass(frozen=True)
class StepReport:
    """A step as it was checked, in printable form."""

    lhs: str
    op: str
    rhs: str
    rewrite: str
    words: str
    verdict: str


@dataclass(frozen=True)
class ProofReport:
    """The verdict of a proof and of each of its steps."""

    verdict: str
    steps: tuple[StepReport, ...]
    detail: str = ""


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
    """Everything that came out for one entry. `level` is S, B, N, C or "-"; `verdict` true/unknown/false."""

    id: str
    verdict: str
    level: str
    proof: dict[str, Any] | None
    certificate: dict[str, Any] | None
    mutation: dict[str, Any] | None
    seconds: dict[str, float]


# ------------------------------------------------------------------------------------------- registry

_REGISTRY: dict[str, Formula] = {}


def symbol(name: str, **assumptions: bool) -> sp.Symbol:
    """A symbol with its assumptions: real=True, positive=True, nonnegative=True, integer=True, ..."""
    return sp.Symbol(name, **assumptions)


def _domain(s: sp.Symbol) -> str:
    if s.is_integer:
        return (
            "positive integer" if s.is_positive else "non-negative integer" if s.is_nonnegative else "integer"
        )
    if s.is_positive:
        return "positive"
    if s.is_nonnegative:
        return "non-negative"
    return "real" if s.is_real else "complex"


def entry(
    *,
    id: str,
    title: str,
    statement: Any,
    symbols: Mapping[sp.Symbol, str | tuple[str, str]],
    status: str,
    certificate: Certificate | None = None,
    uncertified: str = "",
    assumptions: Sequence[str] = (),
    conventions: Sequence[str] = (),
    uses: Sequence[str] = (),
    sources: Sequence[tuple[str, str]] = (),
    implements: Sequence[str] = (),
    equivalent: Mapping[str, str] | None = None,
    extra_mutants: Callable[[], Sequence[tuple[str, Any]]] | None = None,
    in_coordinates: Callable[[int], Any] | None = None,
    cited: bool = False,
) -> Callable[[Callable[[Any], Iterable[Step]]], Formula]:
    """Declare an entry; the decorated generator is its proof. `symbols` maps a symbol to its role, or (role,
    domain).

    Raises ValueError for an id given twice, an unknown status, a free symbol that is not declared, or an
    entry with neither certificate nor a reason for having none.
    """
    if status not in STATUSES:
        raise ValueError(f"{id}: status {status!r} is not one of {', '.join(STATUSES)}")
    if certificate is None and not uncertified and not cited:
        raise ValueError(f"{id}: give a certificate, or the reason for having none (uncertified=...)")
    declared = set(symbols)
    for relation in relations(statement):
        if not isinstance(relation, sp.core.relational.Relational):
            raise ValueError(f"{id}: {relation} is not a relation that SymPy left standing")
        missing = {s for s in relation.rhs.free_symbols if s not in declared}
        if missing:
            raise ValueError(f"{id}: symbols {sorted(map(str, missing))} are not declared")

    def declare(prove: Callable[[Any], Iterable[Step]]) -> Formula:
        module = prove.__module__.rsplit(".", 1)[-1]
        if id in _REGISTRY and _REGISTRY[id].module != module:
            raise ValueError(f"the id {id} is taken by the module {_REGISTRY[id].module}")
        formula = Formula(
            id=id,
            chapter=next((c for c, members in CHAPTERS.items() if module in members), module),
            module=module,
            title=title,
            statement=statement,
            symbols=tuple(
                Sym(
                    s,
                    role if isinstance(role, str) else role[0],
                    _domain(s) if isinstance(role, str) else role[1],
                )
                for s, role in symbols.items()
            ),
            status=status,
            prove=prove,
            certificate=certificate,
            uncertified=uncertified,
            assumptions=tuple(assumptions),
            conventions=tuple(conventions),
            uses=tuple(uses),
            sources=tuple((key, place) for key, place in sources),
            implements=tuple(implements),
            equivalent=dict(equivalent or {}),
            extra_mutants=extra_mutants,
            in_coordinates=in_coordinates,
            cited=cited,
        )
        _REGISTRY[id] = formula
        return formula

    return declare


def collect() -> dict[str, Formula]:
    """All entries by id, chapters in reading order, entries as written."""
    found: dict[str, Formula] = {}
    for module in (m for members in CHAPTERS.values() for m in members):
        if importlib.util.find_spec(f"derivations.{module}") is None:
            continue
        importlib.import_module(f"derivations.{module}")
        found |= {f.id: f for f in _REGISTRY.values() if f.module == module}
    return found


def modules_of(formula: Formula) -> tuple[str, ...]:
    """The modules that an entry rests on: its own and those of everything it uses, transitively."""
    modules, queue, seen = {formula.module}, [formula.id], set()
    while queue:
        key = queue.pop()
        if key in seen or key not in _REGISTRY:
            continue
        seen.add(key)
        modules.add(_REGISTRY[key].module)
        queue.extend(_REGISTRY[key].uses)
    return tuple(sorted(modules))


# ------------------------------------------------------------------------------------------- checking

_STEPS: dict[Any, str] = {}


def check(step: Step) -> str:
    """Verdict of one step."""
    key = (step.lhs, step.rhs, step.op, step.by)
    try:
        known = _STEPS.get(key)
    except TypeError:
        return _check(step)
    if known is None:
        known = _STEPS[key] = _check(step)
    return known


def _check(step: Step) -> str:
    lefts, rights = _flat(step.lhs), _flat(step.rhs)
    if len(lefts) != len(rights):
        return "false"
    verdicts = [_check_scalar(a, b, step) for a, b in zip(lefts, rights, strict=True)]
    return next((v for v in ("false", "unknown") if v in verdicts), "true")


def _check_scalar(lhs: Any, rhs: Any, step: Step) -> str:
    if not step.by.checked:
        if not step.words:
            return "unknown"
        return "false" if _refuted(lhs, rhs, step.op) else "true"
    left = step.by.residual(lhs, rhs) if step.op in ("==", ">=", ">") else step.by.residual(rhs, lhs)
    if left == 0:
        return "true"
    if step.op == "==":
        return "false" if certified_nonzero(left) else "unknown"
    return "false" if _refuted(lhs, rhs, step.op) else "unknown"


def _flat(value: Any) -> list[Any]:
    if isinstance(value, sp.MatrixBase | sp.Tuple | list | tuple):
        return [e for item in value for e in _flat(item)]
    return [value]


def samples(symbols: Iterable[sp.Symbol], count: int = 8) -> Iterator[dict[str, sp.Rational]]:
    """Exact points in the domain that the symbols' assumptions allow, the same ones at every call."""
    ordered = sorted(symbols, key=lambda s: s.name)
    for i in range(count):
        point = {}
        for j, s in enumerate(ordered):
            k = (7 * i + 5 * j + 3 * i * j) % 11
            if s.is_integer:
                point[s.name] = sp.Integer(2 + k % 4)
            elif s.is_positive or s.is_nonnegative:
                point[s.name] = sp.Rational(2 * k + 3, 13)
            else:
                point[s.name] = sp.Rational(2 * k - 9, 7)
        yield point


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


def _refuted(lhs: Any, rhs: Any, op: str) -> bool:
    for point in samples(sp.sympify(lhs).free_symbols | sp.sympify(rhs).free_symbols):
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
    many = relations(claim)
    worst = "true"
    for step in formula.prove(claim):
        verdict = check(step)
        if step.by.name.startswith("use ") and step.by.name[4:] not in formula.uses:
            verdict = "unknown"
        reports.append(
            StepReport(_print(step.lhs), step.op, _print(step.rhs), step.by.name, step.words, verdict)
        )
        for index, relation in enumerate(many):
            if not isinstance(relation, _OPS[step.op]):
                continue
            if step.rhs == relation.rhs and (step.op == "==" or step.lhs == relation.lhs):
                reached.add(index)
        if verdict != "true":
            worst = verdict if worst == "true" or verdict == "false" else worst
            if statement is not None and worst == "false":
                break
    if worst == "true" and len(reached) < len(many):
        missing = [i for i in range(len(many)) if i not in reached]
        return ProofReport("unknown", tuple(reports), f"no step reaches relation {missing}")
    bad = next((r for r in reports if r.verdict == worst), None) if worst != "true" else None
    return ProofReport(worst, tuple(reports), f"{bad.lhs} {bad.op} {bad.rhs} [{bad.rewrite}]" if bad else "")


def _print(expr: Any) -> str:
    text = sp.sstr(expr)
    return text if len(text) <= 2000 else text[:1997] + "..."


def mutate(formula: Formula) -> MutationReport:
    """Try every mutant on the certificate (level B), then on the proof (level S)."""
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
    level = "C" if formula.cited else "S" if proved else "B" if enclosed else "-"
    if verdict == "false":
        level = "-"
    return Report(
        formula.id, verdict, level, parts["proof"], parts["certificate"], parts["mutation"], seconds
    )


def total_score(reports: Iterable[Report]) -> float:
    """Mutation score over many entries."""
    killed = sum(len(r.mutation["killed"]) for r in reports if r.mutation)
    surviving = sum(len(r.mutation["surviving"]) for r in reports if r.mutation)
    return killed / (killed + surviving) if killed + surviving else math.nan
