"""What an entry of the reference is, how it is declared, and how all of them are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from derivations.engine import mutation
from derivations.engine.algebra import Rewrite
from derivations.engine.certificate import Certificate, relations
from derivations.engine.notation import Meaning

STATUSES = ("proves", "refutes", "corrects", "new")


@dataclass(frozen=True)
class Sym:
    """A symbol of a statement: its name, what it stands for, where it lives, how it is written if not by its name."""

    symbol: sp.Symbol
    role: str
    domain: str
    shown: Any = None

    @classmethod
    def of(cls, symbol: sp.Symbol, meaning: str | tuple[str, str] | Meaning) -> Sym:
        """As an entry declares it: a role, a role and a domain, or a `Meaning`."""
        if isinstance(meaning, str):
            meaning = Meaning(meaning)
        elif isinstance(meaning, tuple):
            meaning = Meaning(meaning[0], domain=meaning[1])
        return cls(symbol, meaning.role, meaning.domain or _domain(symbol), meaning.shown)


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
    """One entry of the reference; `derivations.engine.kernel` says what each field means."""

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
    display: Any = None
    where: Mapping[Any, Any] = field(default_factory=dict)

    def shown(self) -> Any:
        """The relations as they are printed: those of `display`, and the others with the parts of `where` named."""
        many = list(relations(self.display)) if self.display is not None else []
        for relation in relations(self.statement)[len(many) :]:
            left, right = relation.lhs, relation.rhs
            for name, part in self.where.items():
                right = _named(right, part, name)
                left = left if isinstance(relation, sp.Eq) else _named(left, part, name)
            many.append(relation.func(left, right, evaluate=False))
        return sp.Tuple(*many) if len(many) > 1 else many[0]

    def written_out(self) -> list[tuple[Any, Any]]:
        """Both sides of what is `shown()` with every name of `where` replaced by what it is short for."""
        many = [(relation.lhs, _summed(relation.rhs)) for relation in relations(self.shown())]
        for name, part in reversed(self.where.items()):
            many = [(a.xreplace({name: part}), b.xreplace({name: _summed(part)})) for a, b in many]
        return many

    def mutants(self) -> list[tuple[str, Any]]:
        """All mutants of the statement, generated and extra."""
        return mutation.mutants(self.statement) + list(self.extra_mutants() if self.extra_mutants else [])


def _named(e: Any, part: Any, name: Any) -> Any:
    """An expression with a name in place of a part of it, under the sign of sums too, whose index the part may hold."""
    inside = {total: total.func(total.function.subs(part, name), *total.limits) for total in e.atoms(sp.Sum)}
    return e.xreplace(inside).subs(part, name)


def _summed(e: Any) -> Any:
    """An expression with the sums of a fixed number of terms written out."""
    fixed = [s for s in e.atoms(sp.Sum) if all(bound.is_number for _, *bounds in s.limits for bound in bounds)]
    return e.xreplace({s: s.doit() for s in fixed})


# ------------------------------------------------------------------------------------------- registry

_REGISTRY: dict[str, Formula] = {}


def symbol(name: str, **assumptions: bool) -> sp.Symbol:
    """A symbol with its assumptions: real=True, positive=True, nonnegative=True, integer=True, ..."""
    return sp.Symbol(name, **assumptions)


def _domain(s: sp.Symbol) -> str:
    if s.is_integer:
        return "positive integer" if s.is_positive else "non-negative integer" if s.is_nonnegative else "integer"
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
    symbols: Mapping[sp.Symbol, str | tuple[str, str] | Meaning],
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
    display: Any = None,
    where: Mapping[Any, Any] | None = None,
) -> Callable[[Callable[[Any], Iterable[Step]]], Formula]:
    """Declare an entry; the decorated generator is its proof. `symbols` maps a symbol to its role, to (role, domain),
    or to a `Meaning`, which also says how it is written; their order is the order in which factors and terms are
    printed. `where` names parts of the right sides for the print, innermost first; where naming parts is not enough,
    `display` gives the first of the relations as they are to be printed. Both must say what the statement says.

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
        module = prove.__module__
        if id in _REGISTRY and _REGISTRY[id].module != module:
            raise ValueError(f"the id {id} is taken by the module {_REGISTRY[id].module}")
        formula = Formula(
            id=id,
            chapter=module.split(".")[-2],
            module=module,
            title=title,
            statement=statement,
            symbols=tuple(Sym.of(s, meaning) for s, meaning in symbols.items()),
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
            display=display,
            where=dict(where or {}),
        )
        _REGISTRY[id] = formula
        return formula

    return declare


def entries_of(module: str) -> list[Formula]:
    """The entries that a module declared when it was imported, as written."""
    return [formula for formula in _REGISTRY.values() if formula.module == module]


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
