"""SymPy expressions as Typst mathematics, set the way a reader writes them.

Three habits of SymPy are undone on the way: square roots that stand side by side are joined (sqrt(2 pi), not
sqrt(2) sqrt(pi)), powers with a negative exponent go under the bar, and a leading minus is drawn out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Phi", "Psi", "Omega",
}  # fmt: skip
NAMES = {"eps": "epsilon", "ell": "ell", "lam": "lambda", "infty": "infinity", "phi": "phi.alt"}
FUNCTIONS = {"E": "bb(E)", "P": "bb(P)"}  # expectation and probability, when applied to something
OPERATORS = {
    "log",
    "sinh",
    "cosh",
    "tanh",
    "coth",
    "sin",
    "cos",
    "tan",
    "min",
    "max",
    "det",
    "sup",
    "inf",
    "csch",
    "sech",
}
OTHER_OPERATORS = {
    "asinh": "arsinh", "acosh": "arcosh", "atanh": "artanh", "acoth": "arcoth", "asin": "arcsin", "acos": "arccos",
    "atan": "arctan", "erf": "erf", "erfc": "erfc", "sign": "sgn", "atan2": "atan2",
}  # fmt: skip
RELATIONS = {
    "Equality": "=", "Unequality": "!=", "GreaterThan": ">=", "LessThan": "<=", "StrictGreaterThan": ">",
    "StrictLessThan": "<",
}  # fmt: skip
#: A display line longer than this (in letters, about) is broken before a term of its outermost sum.
LINE = 48


def name(text: str) -> str:
    """A symbol's or function's name: Greek where it is Greek, upright where it is a word, subscripts as such."""
    text = text.strip()
    bars = re.fullmatch(r"\|(.*)\|", text)
    if bars:
        return f"norm({_words(bars[1])})"
    if not re.fullmatch(r"[A-Za-z0-9_']+", text):
        return _words(text)
    primes = "'" * (len(text) - len(text.rstrip("'")))
    stem, *indices = [part for part in text.rstrip("'").split("_") if part]
    split = re.fullmatch(r"([A-Za-z]+?)(\d+)", stem)
    if split and not indices:
        stem, indices = split[1], [split[2]]
    if re.fullmatch(r"log[A-Z]", stem):
        return f"log {stem[3]}"
    out = _atom(stem) + primes
    return f"{out}_({','.join(_atom(i) for i in indices)})" if indices else out


def _atom(text: str) -> str:
    if text in NAMES:
        return NAMES[text]
    if text in GREEK or len(text) == 1 or text.isdigit():
        return text
    return f'"{text}"'


def _words(text: str) -> str:
    """Loose text inside a name, such as `b - beta`: letters and Greek as symbols, other words upright."""
    return re.sub(r"[A-Za-z][A-Za-z0-9_']*", lambda m: name(m[0]), text)


def typst(expr: Any) -> str:
    """An expression, relation, matrix or tuple as Typst mathematics, without the dollar signs."""
    return _print(sp.sympify(expr), 0)


def display(statement: Any) -> str:
    """A statement as one display: relations below each other, aligned at their signs, long sums broken."""
    many = list(statement) if isinstance(statement, sp.Tuple | tuple | list) else [statement]
    if len(many) == 1 and _length(typst(many[0])) <= LINE:
        return typst(many[0])
    many, where = abbreviate(many)
    lines = list(_rows(many))
    lines += [f'"with" {typst(short)} &= {typst(long)}' for short, long in where]
    return " \\\n".join(lines)


def _rows(many: Sequence[Any]) -> Iterator[str]:
    """The lines of a display; values such as f(8) = 970 stand side by side, three to a line."""
    for is_value, group in groupby(many, key=lambda r: isinstance(r, sp.Eq) and r.rhs.is_Integer):
        lines = [_lines(relation) for relation in group]
        step = 3 if is_value else 1
        for first, *more in (lines[i : i + step] for i in range(0, len(lines), step)):
            yield ", quad ".join((first, *(line.replace(" &= ", " = ") for line in more)))


def abbreviate(many: Sequence[Any]) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Relations too wide for a line with their repeated sums and integrals named S_1, S_2, ... ."""
    if all(_length(typst(r)) <= 2 * LINE for r in many):
        return list(many), []
    found: list[Any] = []
    for relation in many:
        for part in sp.preorder_traversal(relation.rhs):
            if isinstance(part, sp.Sum | sp.Integral) and part not in found:
                found.append(part)
    where = [(sp.Symbol(f"S_{i + 1}"), part) for i, part in enumerate(found)]
    names = {long: short for short, long in where}
    return [r.func(r.lhs, r.rhs.xreplace(names), evaluate=False) for r in many], where


def _lines(relation: Any) -> str:
    sign = RELATIONS.get(relation.func.__name__)
    if sign is None:
        return typst(relation)
    left, right = typst(relation.lhs), relation.rhs
    if _length(left) + _length(typst(right)) <= LINE or not right.is_Add:
        return f"{left} &{sign} {typst(right)}"
    lines, current = [], ""
    for piece in _terms(right):
        joined = f"{current} {piece}".strip()
        if current and _length(joined) + (_length(left) if not lines else 0) > LINE:
            lines.append(current)
            current = piece
        else:
            current = joined
    lines.append(current)
    body = " \\\n&quad ".join(lines)
    return f"{left} &{sign} {body}"


def _length(text: str) -> int:
    """About how many letters wide a piece of Typst mathematics comes out."""
    text = re.sub(r"frac\(", "(", re.sub(r'"', "", text))
    return len(re.sub(r"[A-Za-z.]{2,}", "x", re.sub(r"[()_^&, ]", "", text)))


# Binding strengths, loosest first: 0 a whole formula, 1 a sum, 2 a product, 3 a power's base.


def _wrap(text: str, own: int, around: int) -> str:
    return f"({text})" if own < around else text


def _print(e: Any, around: int) -> str:
    rule = _RULES.get(e.func.__name__)
    if rule is not None:
        return rule(e, around)
    if isinstance(e, sp.Rational):
        return _rational(e, around)
    if isinstance(e, sp.MatrixBase):
        rows = "; ".join(", ".join(_print(e[i, j], 0) for j in range(e.cols)) for i in range(e.rows))
        return f"mat({rows})"
    if isinstance(e, AppliedUndef):
        return _applied(e)
    if isinstance(e, sp.Function):
        return f'op("{e.func.__name__}")({_list(e.args)})'
    raise NotImplementedError(f"no Typst for {e.func.__name__}: {e}; add a rule to derivations.emission.typst_printer")


def _list(args: Sequence[Any]) -> str:
    return ", ".join(_print(a, 0) for a in args)


def _rational(e: Any, around: int) -> str:
    if e.q == 1:
        return _wrap(str(e.p), 1 if e.p < 0 else 4, around)
    text = _fraction(str(abs(e.p)), str(e.q), 2)
    return _wrap(f"-{text}", 1, around) if e.p < 0 else _fraction(str(e.p), str(e.q), around)


def _applied(e: Any) -> str:
    function = name(e.func.__name__)
    head, *index = function.split("_", 1)
    function = "_".join([FUNCTIONS.get(head, head), *index])
    if not e.args:
        return function
    if function.startswith("bb("):
        return f"{function}[{_list(e.args)}]"
    return f"{function}({_list(e.args)})"


def _terms(e: Any) -> list[str]:
    """The terms of a sum with their signs, terms that lead with a minus last."""

    def place(t: Any) -> tuple[Any, ...]:
        return (
            t.could_extract_minus_sign(), t.is_number, not isinstance(t, sp.log), t.has(sp.exp), t.count_ops(),
            sp.default_sort_key(t),
        )  # fmt: skip

    ordered = sorted(e.args, key=place)
    out = []
    for i, term in enumerate(ordered):
        if term.could_extract_minus_sign() and not term.is_Add:
            out.append(f"- {_print(-term, 2)}")
        else:
            out.append(f"{'+ ' if i else ''}{_print(term, 1)}")
    return out


def _add(e: Any, around: int) -> str:
    return _wrap(" ".join(_terms(e)), 1, around)


def _mul(e: Any, around: int) -> str:
    if e.could_extract_minus_sign():
        rest = -e
        return _wrap(f"- {_print(rest, 2)}", 1, around)
    top, bottom, roots, low_roots = [], [], [], []
    for factor in sp.Mul.make_args(e):
        if factor.is_Rational:
            if abs(factor.p) != 1:
                top.append(sp.Integer(factor.p))
            if factor.q != 1:
                bottom.append(sp.Integer(factor.q))
            continue
        base, exponent = factor.as_base_exp()
        if isinstance(factor, sp.exp) or base is sp.E:
            top.append(factor)
        elif exponent == sp.S.Half:
            roots.append(base)
        elif exponent == -sp.S.Half:
            low_roots.append(base)
        elif exponent.is_Rational and exponent.is_negative:
            bottom.append(sp.Pow(base, -exponent, evaluate=False) if exponent != -1 else base)
        else:
            top.append(factor)
    if roots:
        top.append(sp.sqrt(sp.Mul(*roots), evaluate=False) if len(roots) == 1 else _Root(roots))
    if low_roots:
        bottom.append(_Root(low_roots))
    over = _product(top) if top else "1"
    if not bottom:
        return _wrap(over, 2, around)
    # a short fraction in front reads better than a long numerator
    under = _product(bottom) if len(bottom) > 1 or isinstance(bottom[0], _Root) else _print(bottom[0], 0)
    long = [f for f in top if getattr(f, "is_Add", False) or isinstance(f, sp.exp | sp.log | sp.Sum | sp.Integral)]
    short = [f for f in top if not any(f is x for x in long)]
    if long and not _raised_now[0] and (len(over) > 24 or len(under) < 12):
        front = f"frac({_product(short) if short else '1'}, {under})"
        return _wrap(f"{front} {_product(long)}", 2, around)
    bare = _print(top[0], 0) if len(top) == 1 and not isinstance(top[0], _Root) else over
    return _fraction(bare, under, around)


class _Root:
    """A square root over a product of factors, printed as one sign."""

    def __init__(self, factors: Sequence[Any]) -> None:
        self.factors = sorted(factors, key=lambda f: (not f.is_number, sp.default_sort_key(f)))


def _product(factors: Sequence[Any]) -> str:
    def rank(f: Any) -> tuple[int, str]:
        if isinstance(f, _Root):
            return (2, "")
        if f.is_Integer:
            return (0, "")
        if f.is_number:
            return (1, "")
        if isinstance(f, sp.exp):
            return (6, "")
        if f.as_base_exp()[0].is_Add:
            return (5, str(f))
        return (3, str(f)) if not isinstance(f, sp.Sum | sp.Integral | sp.Product) else (7, "")

    printed: list[str] = []
    for f in sorted(factors, key=rank):
        if isinstance(f, _Root):
            inside = _product(f.factors) if len(f.factors) > 1 else _print(f.factors[0], 0)
            printed.append(f"sqrt({inside})")
        else:
            open_end = isinstance(f, sp.Sum | sp.Integral | sp.Product | sp.Derivative | sp.Limit)
            printed.append(_print(f, 2) if not open_end or f is sorted(factors, key=rank)[-1] else f"({_print(f, 0)})")
    out = printed[0] if printed else "1"
    for left, right in pairwise(printed):
        out += (" dot " if right[:1].isdigit() and left[-1:].isdigit() else " ") + right
    return out


_raised_now = [False]  # whether what is being printed stands in an exponent


def _raised(exponent: Any) -> str:
    """An exponent, with slanted fractions: built-up ones are too small to read there."""
    before, _raised_now[0] = _raised_now[0], True
    try:
        return _print(exponent, 0)
    finally:
        _raised_now[0] = before


def _fraction(top: str, bottom: str, around: int) -> str:
    if not _raised_now[0]:
        text = f"frac({top}, {bottom})"
        return text if around < 3 else f"({text})"
    single = r"[A-Za-z0-9.]+(_\([^()]*\))?(\^\([^()]*\))?"
    low = bottom if re.fullmatch(single, bottom) else f"({bottom})"
    high = f"({top})" if re.search(r" [+-] ", re.sub(r"\([^()]*\)", "", top)) else top
    return _wrap(f"{high} slash {low}", 2, around)


def _pow(e: Any, around: int) -> str:
    base, exponent = e.args
    if base is sp.E:
        return f"e^({_raised(exponent)})"
    if exponent == sp.S.Half:
        return f"sqrt({_print(base, 0)})"
    if exponent.is_Rational and exponent.is_negative:
        return _mul(sp.Mul(1, e, evaluate=False), around)
    power = _raised(exponent)
    if isinstance(base, sp.Function) and not isinstance(base, sp.exp | AppliedUndef) and exponent.is_Integer:
        head = _function_name(base)
        if head:
            return _wrap(f"{head}^({power}) ({_list(base.args)})", 2, around)
    if isinstance(base, sp.exp):
        return f"(e^({_raised(base.args[0])}))^({power})"
    return f"{_print(base, 3)}^({power})"


def _function_name(e: Any) -> str | None:
    short = e.func.__name__
    if short in OPERATORS:
        return short
    return f'op("{OTHER_OPERATORS[short]}")' if short in OTHER_OPERATORS else None


def _named(e: Any, around: int) -> str:
    return f"{_function_name(e)}({_list(e.args)})"


def _limits(sign: str, e: Any, around: int) -> str:
    out = []
    for index, low, high in e.limits:
        out.append(f"{sign}_({_print(index, 0)}={_print(low, 0)})^({_print(high, 0)})")
    return _wrap(f"{' '.join(out)} {_print(e.function, 2)}", 1, around)


def _integral(e: Any, around: int) -> str:
    signs, ends = [], []
    for limits in reversed(e.limits):
        variable = _print(limits[0], 0)
        bounds = f"_({_print(limits[1], 0)})^({_print(limits[2], 0)})" if len(limits) == 3 else ""
        signs.append(f"integral{bounds}")
        ends.insert(0, f"dif {variable}")
    return _wrap(f"{' '.join(signs)} {_print(e.function, 2)} thin {' '.join(ends)}", 1, around)


def _derivative(e: Any, around: int) -> str:
    order = sum(int(count) for _, count in e.variable_count)
    below = " ".join(f"partial {_print(v, 3)}" + (f"^({count})" if count != 1 else "") for v, count in e.variable_count)
    above = f"partial^({order})" if order > 1 else "partial"
    return _wrap(f"frac({above}, {below}) {_print(e.expr, 2)}", 2, around)


def _limit(e: Any, around: int) -> str:
    inside, variable, point = e.args[:3]
    return _wrap(f"lim_({_print(variable, 0)} -> {_print(point, 0)}) {_print(inside, 2)}", 1, around)


def _piecewise(e: Any, around: int) -> str:
    rows = []
    for value, condition in e.args:
        when = '"otherwise"' if condition == sp.true else f'"if" {_print(condition, 0)}'
        rows.append(f"{_print(value, 0)} & quad {when}")
    return f"cases({', '.join(rows)})"


def _relation(e: Any, around: int) -> str:
    return _wrap(f"{_print(e.lhs, 0)} {RELATIONS[e.func.__name__]} {_print(e.rhs, 0)}", 0, around)


def _order(e: Any, around: int) -> str:
    return f"O({_print(e.expr, 0)})"


def _polygamma(e: Any, around: int) -> str:
    order = e.args[0]
    primes = "'" * int(order) if order in (0, 1, 2) else f"^(({typst(order)}))"
    return f"psi{primes}({typst(e.args[1])})"


def _around(before: str, after: str) -> Callable[[Any, int], str]:
    return lambda e, _: f"{before}{_list(e.args)}{after}"


_RULES: dict[str, Callable[[Any, int], str]] = (
    {
        "Symbol": lambda e, _: name(e.name),
        "Dummy": lambda e, _: name(e.name),
        "Pi": lambda e, _: "pi",
        "Exp1": lambda e, _: "e",
        "ImaginaryUnit": lambda e, _: "i",
        "EulerGamma": lambda e, _: "gamma",
        "Infinity": lambda e, _: "infinity",
        "NegativeInfinity": lambda e, around: _wrap("-infinity", 1, around),
        "BooleanTrue": lambda e, _: '"true"',
        "BooleanFalse": lambda e, _: '"false"',
        "Add": _add,
        "Mul": _mul,
        "Pow": _pow,
        "exp": lambda e, _: f"e^({_raised(e.args[0])})",
        "gamma": _around("Gamma(", ")"),
        "loggamma": _around("log Gamma(", ")"),
        "polygamma": _polygamma,
        "lowergamma": _around("gamma(", ")"),
        "uppergamma": _around("Gamma(", ")"),
        "factorial": lambda e, _: f"{_print(e.args[0], 3)}!",
        "binomial": _around("binom(", ")"),
        "Abs": _around("abs(", ")"),
        "floor": _around("floor(", ")"),
        "ceiling": _around("ceil(", ")"),
        "Max": _around("max(", ")"),
        "Min": _around("min(", ")"),
        "Sum": lambda e, around: _limits("sum", e, around),
        "Product": lambda e, around: _limits("product", e, around),
        "Integral": _integral,
        "Derivative": _derivative,
        "Limit": _limit,
        "Piecewise": _piecewise,
        "Order": _order,
        "Tuple": lambda e, _: f"({_list(e.args)})",
        "And": lambda e, around: _wrap(" and ".join(_print(a, 1) for a in e.args), 0, around),
        "Or": lambda e, around: _wrap(" or ".join(_print(a, 1) for a in e.args), 0, around),
    }
    | {short: _relation for short in RELATIONS}
    | {short: _named for short in (*OPERATORS, *OTHER_OPERATORS)}
)
