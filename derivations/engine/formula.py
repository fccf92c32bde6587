"""What an entry of the reference is, how it is declared, and how all of them are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from derivations.engine import mutation
from derivations.engine.algebra import Rewrite
from derivations.engine.certificate import Certificate, relations

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

    def mutants(self) -> list[tuple[str, Any]]:
        """All mutants of the statement, generated and extra."""
        return mutation.mutants(self.statement) + list(self.extra_mutants() if self.extra_mutants else [])


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
        module = prove.__module__
        if id in _REGISTRY and _REGISTRY[id].module != module:
            raise ValueError(f"the id {id} is taken by the module {_REGISTRY[id].module}")
        formula = Formula(
            id=id,
            chapter=module.split(".")[-2],
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
