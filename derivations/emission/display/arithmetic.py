"""How sums, products and powers are set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp
from sympy import ilcm
from sympy.core.function import AppliedUndef

from derivations.emission.display.arrange import BASE, PRODUCT, SUM, Arranger, Rule, wrap
from derivations.emission.display.layout import (
    Apply,
    Fence,
    Letter,
    Node,
    Number,
    Over,
    Plus,
    Root,
    Script,
    Times,
    Word,
    width,
)
from derivations.engine.notation import Differential, Notation, Optimal

#: What stands behind a fraction and not in its numerator.
OPEN = (sp.Sum, sp.Integral, sp.Product, sp.Limit, sp.Derivative, sp.Piecewise)
#: Functions whose powers are written at their name: sinh^2 x.
POWERED = (sp.sin, sp.cos, sp.tan, sp.cot, sp.sinh, sp.cosh, sp.tanh, sp.coth)
#: A sum wider than this does not go into a numerator beside other factors.
WIDE = 16


# ------------------------------------------------------------------------------------------------- sums


def terms(a: Arranger, e: Any) -> tuple[tuple[bool, Node], ...]:
    """The terms of a sum in reading order; polynomial terms over one denominator are put over it together."""
    rest, found = list(e.args), []
    shared = [t for t in rest if _monomial(t) and t.as_coeff_Mul()[0].q != 1]
    if len(shared) > 1:
        rest = [t for t in rest if t not in shared]
        bottom = ilcm(*(t.as_coeff_Mul()[0].q for t in shared))
        negative = all(t.could_extract_minus_sign() for t in shared if t.free_symbols)
        content, top = sp.Add(*(-bottom * t if negative else bottom * t for t in shared)).primitive()
        above = a.lay(sp.Mul(content, top, evaluate=False) if content != 1 else top, PRODUCT if a.raised else 0)
        found.append((negative, top, Over(above, Number(str(bottom)), a.raised)))
    for t in rest:
        negative = t.could_extract_minus_sign() and not t.is_Add
        found.append((negative, -t if negative else t, None))
    variable = _variable(a, e)
    numbers_first = any(not negative and not t.is_number and not _letter(a, t) for negative, t, _ in found)

    def place(item: tuple[bool, Any, Node | None]) -> tuple[Any, ...]:
        negative, t, _ = item
        if variable is not None:
            return (-sp.degree(t, variable),)
        number = -1 if t.is_number and numbers_first and not negative else int(t.is_number)
        return (
            negative, number, not isinstance(t, sp.log), t.has(sp.exp) and t.count_ops() > 5, t.has(sp.Add),
            t.count_ops(), a.place(t), sp.default_sort_key(t),
        )  # fmt: skip

    return tuple(
        (negative, node if node is not None else a.lay(t, PRODUCT if negative else SUM))
        for negative, t, node in sorted(found, key=place)
    )


def _letter(a: Arranger, t: Any) -> bool:
    """Whether a term is a letter, perhaps times a number: a number comes behind it, as in m + 1, and before others."""
    base = t.as_coeff_Mul()[1]
    return base.is_Symbol and base not in a.shown


def _monomial(t: Any) -> bool:
    """Whether a term is a rational number times whole powers of symbols."""
    return all(
        f.is_Rational or f.is_Symbol or (f.is_Pow and f.base.is_Symbol and f.exp.is_Integer and f.exp > 0)
        for f in sp.Mul.make_args(t)
    )


def _variable(a: Arranger, e: Any) -> Any:
    """The variable of a polynomial in one that is written by falling degree: its leading coefficient is positive."""
    if len(e.free_symbols) != 1 or not all(_monomial(t) for t in e.args):
        return None
    (variable,) = e.free_symbols
    return variable if variable not in a.shown and sp.LC(e, variable) > 0 else None


def _add(a: Arranger, e: Any, around: int) -> Node:
    return wrap(Plus(terms(a, e)), SUM, around)


# --------------------------------------------------------------------------------------------- products


@dataclass
class _Factors:
    """A product taken apart: what stands above and below the bar, and under the roots there."""

    over: int = 1
    under: int = 1
    top: list[Any] = field(default_factory=list)
    bottom: list[Any] = field(default_factory=list)
    roots: list[Any] = field(default_factory=list)
    low_roots: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, e: Any) -> _Factors:
        found = cls()
        for factor in sp.Mul.make_args(e):
            found._take(factor)
        found._settle_roots()
        found._settle_powers()
        return found

    def _take(self, factor: Any) -> None:
        if factor.is_Rational:
            self.over, self.under = self.over * factor.p, self.under * factor.q
            return
        base, exponent = factor.as_base_exp() if factor.is_Pow else (factor, sp.S.One)
        if base.is_Add and exponent.is_Integer:  # 2 - 2 x is 2 (1 - x)
            content, rest = base.primitive()
            content, base = (content, rest) if content.is_Integer else (sp.S.One, base)
            content **= exponent
            self.over, self.under = self.over * content.p, self.under * content.q
            factor = base**exponent
        if base is sp.E:
            self.top.append(factor)
        elif exponent == sp.S.Half:
            self.roots.append(base)
        elif exponent == -sp.S.Half:
            self.low_roots.append(base)
        elif exponent.is_Rational and exponent.is_negative:
            self.bottom.append(base**-exponent)
        else:
            self.top.append(factor)

    def _settle_powers(self) -> None:
        """2 2^(-m) is 2^(1 - m)."""
        for power in [f for f in self.top if f.is_Pow and f.base == self.over and not f.exp.is_number]:
            self.top[self.top.index(power)] = sp.Pow(power.base, power.exp + 1)
            self.over = 1

    def _settle_roots(self) -> None:
        """sqrt(2 x)/2 is sqrt(x/2), and sqrt(2)/2 is 1/sqrt(2)."""
        number = sp.Mul(*(r for r in self.roots if r.is_Integer))
        if number == 1 or self.under == 1:
            return
        inside = sp.Rational(self.over, self.under) ** 2 * number
        rest = [r for r in self.roots if not r.is_Integer]
        if rest and inside.q < self.under**2:
            self.over = self.under = 1
            self.roots = [sp.Mul(inside, *rest)]
        elif inside.p == 1:
            self.over = self.under = 1
            self.roots, self.low_roots = rest, [*self.low_roots, sp.Integer(inside.q)]


def _mul(a: Arranger, e: Any, around: int) -> Node:
    if e.could_extract_minus_sign():
        return wrap(Plus(((True, a.lay(-e, PRODUCT)),)), SUM, around)
    for factor in sp.Mul.make_args(e):
        if factor.is_Add and all(t.could_extract_minus_sign() for t in factor.args):
            rest = sp.Mul(*(-f if f is factor else f for f in sp.Mul.make_args(e)))
            return wrap(Plus(((True, a.lay(rest, PRODUCT)),)), SUM, around)
    f = _Factors.of(e)
    top: list[Any] = ([sp.Integer(f.over)] if f.over != 1 else []) + f.top
    bottom: list[Any] = ([sp.Integer(f.under)] if f.under != 1 else []) + f.bottom
    roots: list[Node] = []
    if f.roots and f.low_roots:
        roots.append(Root(Over(_product(a, f.roots), _product(a, f.low_roots), a.raised)))
    elif f.roots:
        roots.append(Root(_product(a, f.roots)))
    below: list[Node] = [Root(_product(a, f.low_roots))] if f.low_roots and not f.roots else []
    if not bottom and not below:
        return wrap(_product(a, top, roots), PRODUCT, around)
    under = _product(a, bottom, below)
    long = (
        []
        if a.raised
        else [t for t in top if isinstance(a.shown.get(t, t), OPEN) or (_plain(under) and _stands_behind(a, t, top))]
    )
    short = [t for t in top if not any(t is x for x in long)]
    if len(long) == 1 and not short and not roots and not isinstance(long[0], OPEN) and not long[0].is_Add:
        long, short = ([], long) if any(t.free_symbols for t in bottom) else (long, short)
    over = _product(a, short, roots) if short or roots else Number("1")
    if a.raised:
        over, under = _slanted(over, SUM), _slanted(under, PRODUCT)
    fraction = Over(over, under, a.raised)
    if not long:
        return wrap(fraction, PRODUCT, around)
    behind = _product(a, long, whole=False)
    factors = behind.factors if isinstance(behind, Times) else (behind,)
    return wrap(Times((fraction, *factors)), PRODUCT, around)


def _slanted(node: Node, loosest: int) -> Node:
    """A half of a slanted fraction, in brackets where it is a sum, or below the bar more than one thing."""
    compound = isinstance(node, Plus) or (loosest == PRODUCT and isinstance(node, Times | Over))
    return Fence("(", node) if compound else node


def _plain(under: Node) -> bool:
    """Whether a denominator is a short product of letters and numbers, which may stand in front of what is above."""
    match under:
        case Times(factors):
            return all(_plain(f) for f in factors)
        case Letter() | Number():
            return True
        case Script(base, _, high):
            return _plain(base) and (high is None or _plain(high))
        case Root(body):
            return _plain(body)
        case _:
            return False


def _stands_behind(a: Arranger, t: Any, top: list[Any]) -> bool:
    """Whether a factor is set behind the fraction: functions, and sums that are long or high."""
    if t.is_Add:
        alone = len([x for x in top if not x.is_number]) == 1
        return width(a.lay(t)) > WIDE * (2.5 if alone else 1) or not all(map(_flat, t.args))
    base = t.base if t.is_Pow else t
    if isinstance(t, sp.exp | sp.binomial) or isinstance(base, OPEN):
        return True
    return isinstance(base, sp.Function) and not isinstance(base, AppliedUndef | Notation)


def _flat(t: Any) -> bool:
    """Whether a term has no fraction and no function in it."""
    return all(
        f.is_Integer or f.is_Symbol or (f.is_Pow and f.exp.is_Integer and f.exp > 0 and not f.base.has(sp.Function))
        for f in sp.Mul.make_args(t)
    )


def _product(a: Arranger, factors: list[Any], more: list[Node] | None = None, whole: bool = True) -> Node:
    """Factors in reading order, with the finished roots `more` behind the letters; a lone one is the `whole`."""
    found = sorted(factors, key=lambda f: _rank(a, f))
    alone = whole and len(found) + len(more or []) == 1
    nodes = []
    for i, f in enumerate(found):
        last = i == len(found) - 1
        around = 0 if alone else BASE if isinstance(f, OPEN) and not last else SUM if isinstance(f, OPEN) else PRODUCT
        nodes.append(a.lay(f, around))
    if more:
        at = next((i for i, f in enumerate(found) if _rank(a, f)[0] > 6), len(nodes))
        nodes[at:at] = more
    flat = [x for node in nodes for x in (node.factors if isinstance(node, Times) else (node,))]
    flat = [_closed(x) if i + 1 < len(flat) and not _named(flat[i + 1]) else x for i, x in enumerate(flat)]
    return flat[0] if len(flat) == 1 else Times(tuple(flat)) if flat else Number("1")


def _named(node: Node) -> bool:
    """Whether a factor is a function by its name, such as sinh r, which may follow cos x without brackets."""
    return isinstance(node, Apply) and isinstance(node.head, Word)


def _closed(node: Node) -> Node:
    """A function with its brackets, as something follows that it does not act on."""
    return replace(node, bare=False) if isinstance(node, Apply) else node


def _rank(a: Arranger, f: Any) -> tuple[Any, ...]:
    """Numbers, counts, letters, powers, sums, exponentials, norms, functions, sums with an index."""
    base = f.base if f.is_Pow else f
    if f.is_Integer:
        kind = 0
    elif f.is_number:
        kind = 1
    elif isinstance(a.shown.get(f, f), OPEN):
        kind = 10
    elif isinstance(f, sp.exp):
        kind = 7
    elif base.is_number:
        kind = 2
    elif isinstance(f, sp.binomial):
        kind = 3
    elif isinstance(base, sp.Indexed | Optimal) or (base.is_Symbol and a.shown.get(base) is None):
        whole = f is base or f.exp.is_Integer
        kind = 4 if base.is_integer and whole else 5 if whole else 5.5
    elif base.is_Add:
        kind = 6
    else:
        kind = 8 if base.is_Symbol else 11 if isinstance(base, Differential) else 9
    return (kind, a.place(f), f.count_ops(), sp.default_sort_key(f))


# ----------------------------------------------------------------------------------------------- powers


def _pow(a: Arranger, e: Any, around: int) -> Node:
    base, exponent = e.args
    if base is sp.E:
        return Script(Letter("e"), high=a.above().lay(exponent))
    if exponent == sp.S.Half:
        return Root(a.lay(base))
    if exponent.is_Rational and exponent.is_negative:
        return _mul(a, e, around)
    shown = a.shown.get(base)
    if shown is not None and shown.is_Pow and exponent.is_Integer:
        return _pow(a, sp.Pow(shown.base, shown.exp * exponent), around)
    high = a.above().lay(exponent)
    if isinstance(base, POWERED):
        named = a.lay(base)
        if isinstance(named, Apply):
            return wrap(Apply(Script(named.head, high=high), named.arguments, named.bare), PRODUCT, around)
    inside = a.lay(base, BASE)
    if isinstance(inside, Script) and inside.high is None:
        return Script(inside.base, inside.low, high)
    return Script(Fence("(", inside) if isinstance(inside, Script) else inside, high=high)


def _exp(a: Arranger, e: Any, around: int) -> Node:
    return Script(Letter("e"), high=a.above().lay(e.args[0]))


def _rational(a: Arranger, e: Any, around: int) -> Node:
    size = Number(str(abs(e.p))) if e.q == 1 else Over(Number(str(abs(e.p))), Number(str(e.q)), a.raised)
    if e.p < 0:
        return wrap(Plus(((True, size),)), SUM, around)
    return size if e.q == 1 or around < BASE else Fence("(", size)


RULES: dict[str, Rule] = {"Add": _add, "Mul": _mul, "Pow": _pow, "exp": _exp, "Rational": _rational, "Float": _rational}
