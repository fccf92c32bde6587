"""What a claim about the code is, and what comes out when it is proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

#: Dimensions d for which a claim is proved unless it says otherwise.
DIMENSIONS = (2, 3, 4)


@dataclass(frozen=True)
class Claim:
    """That `implements` computes what `formula` states.

    `inputs(d)` gives an array of symbols for each tensor of `call`; `expected(statement, d)` the array that the entry
    says comes out, in the same symbols, from the entry's statement (or that of the entries in `also`, which follow
    it). `variant` says which of several calls is meant. `through` is a pair of a function that is one-to-one where the
    two sides lie, applied to both before they are compared, and the reason; `relation(d)` a polynomial that
    is zero between the symbols this brings in, and the symbol to read it in. `pinned(d)` are the values that symbols
    have on a branch where a sum of squares is zero: those at which each square is, the fewest symbols first. `within`
    is for branches that are the entry only up to rounding: which they are, what the code is there exactly, and why that
    is within rounding (checked in balls at points of the branch). `guarded` names the primitives that the
    function calls; `opaque` further functions, proved by claims of their own, with their meaning here.
    """

    implements: str
    formula: str
    call: Callable[..., Any]
    inputs: Callable[[int], Sequence[Any]]
    expected: Callable[..., Any]
    variant: str = ""
    also: tuple[str, ...] = ()
    guarded: tuple[str, ...] = ()
    opaque: Mapping[str, tuple[int, Callable[..., Any]]] = field(default_factory=dict)
    through: tuple[Callable[[Any], Any], str] | None = None
    relation: Callable[[int], tuple[Any, Any]] | None = None
    pinned: Callable[[int], Sequence[Mapping[Any, Any]]] | None = None
    within: tuple[Callable[[Any], bool], Callable[[int, Any], Any], str] | None = None
    dimensions: tuple[int, ...] = DIMENSIONS
    words: str = ""


@dataclass(frozen=True)
class ClaimReport:
    """What came out for one claim: verdict true, unknown or false, and how."""

    implements: str
    formula: str
    variant: str
    verdict: str
    dimensions: tuple[int, ...]
    branches: int
    rewrites: tuple[str, ...]
    guarded: tuple[str, ...]
    words: str
    detail: str = ""

    def plain(self) -> dict[str, Any]:
        """As data for the registry."""
        found = asdict(self)
        found.pop("formula")
        found.pop("detail")
        return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items() if v not in ("", ())}
