"""How functions, sums with an index, integrals, matrices and the notation of the field are set."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.emission.display.arrange import BASE, FORMULA, PRODUCT, SUM, Arranger, Rule, wrap
from derivations.emission.display.layout import (
    Apply,
    Big,
    Fence,
    Grid,
    Letter,
    Node,
    Number,
    Over,
    Plus,
    Row,
    Script,
    Sign,
    Times,
    Word,
    joined,
    simple,
)
from derivations.emission.display.names import identifier

#: Functions with a name of their own, which stand before a simple argument without brackets.
OPERATORS = {name: name for name in ("log", "sinh", "cosh", "tanh", "coth", "sech", "csch", "sin", "cos", "tan")} | {
    "asinh": "arsinh", "acosh": "arcosh", "atanh": "artanh", "acoth": "arcoth", "asin": "arcsin", "acos": "arccos",
    "atan": "arctan",
}  # fmt: skip
#: Functions that keep their brackets.
NAMED: dict[str, Node] = {
    "erf": Word("erf"), "erfc": Word("erfc"), "sign": Word("sgn"), "atan2": Word("atan2"), "Max": Word("max"),
    "Min": Word("min"), "gamma": Letter("Gamma"), "uppergamma": Letter("Gamma"), "lowergamma": Letter("gamma"),
    "digamma": Letter("psi"), "Order": Letter("O"),
}  # fmt: skip
CONSTANTS: dict[str, Node] = {
    "Pi": Letter("pi"), "Exp1": Letter("e"), "ImaginaryUnit": Letter("i"), "EulerGamma": Letter("gamma"),
    "Infinity": Letter("infinity"), "BooleanTrue": Word("true"), "BooleanFalse": Word("false"),
    "NegativeInfinity": Plus(((True, Letter("infinity")),)), "NaN": Word("undefined"),
}  # fmt: skip


def _symbol(a: Arranger, e: Any, around: int) -> Node:
    shown = a.shown.get(e)
    return identifier(e.name) if shown is None else a.lay(shown, around)


def _undefined(a: Arranger, e: Any, around: int) -> Node:
    head = identifier(e.func.__name__)
    return Apply(head, a.all(e.args)) if e.args else head


def _operator(a: Arranger, e: Any, around: int) -> Node:
    (argument,) = a.all(e.args)
    bare = simple(argument) or isinstance(argument, Apply) or (isinstance(argument, Over) and not argument.slanted)
    return wrap(Apply(Word(OPERATORS[type(e).__name__]), (argument,), bare), PRODUCT, around)


def _constant(node: Node) -> Rule:
    return lambda a, e, around: wrap(node, SUM if isinstance(node, Plus) else BASE, around)


def _named(a: Arranger, e: Any, around: int) -> Node:
    return Apply(NAMED[type(e).__name__], a.all(e.args))


def _polygamma(a: Arranger, e: Any, around: int) -> Node:
    order, argument = e.args
    psi = Letter("psi")
    head = psi if order == 0 else Script(psi, high=Sign("'") if order == 1 else Fence("(", a.above().lay(order)))
    return Apply(head, (a.lay(argument),))


def _log_gamma(a: Arranger, e: Any, around: int) -> Node:
    return wrap(Apply(Word("log"), (Apply(Letter("Gamma"), a.all(e.args)),), bare=True), PRODUCT, around)


def _fence(kind: str) -> Rule:
    return lambda a, e, around: Fence(kind, joined(a.all(e.args)))


def _factorial(a: Arranger, e: Any, around: int) -> Node:
    return Row((a.lay(e.args[0], BASE), Sign("!")))


def _binomial(a: Arranger, e: Any, around: int) -> Node:
    return Grid("binomial", tuple((x,) for x in a.all(e.args)))


def _indexed(sign: str) -> Rule:
    def rule(a: Arranger, e: Any, around: int) -> Node:
        node = a.lay(e.function, PRODUCT)
        for index, *bounds in reversed(e.limits):
            low: Node = a.lay(index)
            high = None
            if len(bounds) == 2:
                low = Row((low, Sign("="), a.lay(bounds[0])))
                high = a.lay(bounds[1])
            node = Big(sign, low, high, node)
        return wrap(node, PRODUCT, around)

    return rule


def _integral(a: Arranger, e: Any, around: int) -> Node:
    differentials = [Row((Sign("d"), a.lay(variable))) for variable, *_ in e.limits]
    inside = a.lay(e.function, PRODUCT)
    factors = inside.factors if isinstance(inside, Times) else (inside,)
    node: Node = Times((*factors, *differentials))
    for _, *bounds in e.limits:
        low, high = a.all(bounds) if len(bounds) == 2 else (None, None)
        node = Big("int", low, high, node)
    return wrap(node, SUM, around)


def _derivative(a: Arranger, e: Any, around: int) -> Node:
    sign: Node = Letter("partial") if len(e.expr.free_symbols) > 1 else Sign("d")
    order = sp.Add(*(count for _, count in e.variable_count))
    below: list[Node] = []
    for variable, count in e.variable_count:
        one: Node = a.lay(variable, BASE)
        below.append(Row((sign, one if count == 1 else Script(one, high=a.above().lay(count)))))
    above = sign if order == 1 else Script(sign, high=a.above().lay(order))
    fraction = Over(above, below[0] if len(below) == 1 else Times(tuple(below)), a.raised)
    return wrap(Times((fraction, a.lay(e.expr, BASE if e.expr.is_Mul or e.expr.is_Add else PRODUCT))), PRODUCT, around)


def _limit(a: Arranger, e: Any, around: int) -> Node:
    inside, variable, to = e.args[:3]
    return wrap(Big("lim", Row((a.lay(variable), Sign("->"), a.lay(to))), None, a.lay(inside, PRODUCT)), SUM, around)


def _subs(a: Arranger, e: Any, around: int) -> Node:
    return _at(a, sp.Tuple(e.expr, *e.variables, *e.point), around)


def _matrix(a: Arranger, e: Any, around: int) -> Node:
    return Grid("matrix", tuple(tuple(a.lay(e[i, j]) for j in range(e.cols)) for i in range(e.rows)))


def _matrix_product(a: Arranger, e: Any, around: int) -> Node:
    return wrap(Times(tuple(a.lay(factor, BASE) for factor in e.args)), PRODUCT, around)


def _item(a: Arranger, e: Any, around: int) -> Node:
    return Script(identifier(str(e.base)), low=joined(a.above().all(e.indices)))


def _mod(a: Arranger, e: Any, around: int) -> Node:
    x, n = a.all(e.args)
    return wrap(Row((x, Word("mod"), n)), PRODUCT, around)


def _tuple(a: Arranger, e: Any, around: int) -> Node:
    return Fence("(", joined(a.all(e.args)))


def _piecewise(a: Arranger, e: Any, around: int) -> Node:
    table = _as_table(e)
    if table is not None:
        return _table(a, *table)
    rows: list[tuple[Node, ...]] = []
    for value, condition in e.args:
        when: Node = Word("otherwise") if condition == sp.true else Row((Word("if"), a.lay(condition)))
        rows.append((a.lay(value), when))
    return Grid("cases", tuple(rows))


def _as_table(e: Any) -> tuple[Any, Any, dict[tuple[Any, Any], Any]] | None:
    """Two symbols and the value at each pair of theirs, where that is what a Piecewise says."""
    values: dict[tuple[Any, Any], Any] = {}
    names: set[tuple[Any, ...]] = set()
    for value, condition in e.args:
        equations = condition.args if isinstance(condition, sp.And) else ()
        if len(equations) != 2 or not all(
            isinstance(q, sp.Eq) and q.lhs.is_Symbol and q.rhs.is_number for q in equations
        ):
            return None
        first, second = sorted(equations, key=lambda q: q.lhs.name)
        names.add((first.lhs, second.lhs))
        values[first.rhs, second.rhs] = value
    if len(names) != 1 or len(values) != len({r for r, _ in values}) * len({c for _, c in values}):
        return None
    ((row, column),) = names
    return row, column, values


def _table(a: Arranger, row: Any, column: Any, values: dict[tuple[Any, Any], Any], places: int | None = None) -> Node:
    downs, acrosses = sorted({r for r, _ in values}), sorted({c for _, c in values})

    def cell(value: Any) -> Node:
        return a.lay(value) if places is None else Number(point(int(value), places))

    slanted = a.above()
    head = (Row((a.lay(row), Sign("\\"), a.lay(column))), *(slanted.lay(c) for c in acrosses))
    return Grid("table", (head, *((slanted.lay(r), *(cell(values[r, c]) for c in acrosses)) for r in downs)))


def rounded(a: Arranger, e: Any, places: int) -> Node:
    """A whole number of units of the last of so many decimals, or a table of such, as decimal fractions."""
    table = _as_table(e) if isinstance(e, sp.Piecewise) else None
    return Number(point(int(e), places)) if table is None else _table(a, *table, places)


def point(digits: int, places: int) -> str:
    """A whole number of units of the last decimal as a decimal fraction: (449060, 6) is 0.449060."""
    text = str(abs(digits)).rjust(places + 1, "0")
    sign = "-" if digits < 0 else ""
    return sign + (f"{text[:-places]}.{text[-places:]}" if places else text)


# ------------------------------------------------------------------------------ the notation of the field


def _prefix(head: Node, brackets: str = "(") -> Rule:
    return lambda a, e, around: Apply(head, a.all(e.args), brackets=brackets)


def _differential(a: Arranger, e: Any, around: int) -> Node:
    node = Row((Sign("d"), a.lay(e.args[0], BASE)))
    return node if simple(node.parts[1]) else wrap(node, PRODUCT, around)


def _action(a: Arranger, e: Any, around: int) -> Node:
    g, z = e.args
    return wrap(Row((a.lay(g, BASE), Sign("dot"), a.lay(z, BASE))), PRODUCT, around)


def _composition(a: Arranger, e: Any, around: int) -> Node:
    return wrap(Times(tuple(a.lay(g, BASE) for g in e.args)), PRODUCT, around)


def _inverse(a: Arranger, e: Any, around: int) -> Node:
    return Script(a.lay(e.args[0], BASE), high=Plus(((True, Number("1")),)))


def _pushforward(a: Arranger, e: Any, around: int) -> Node:
    g, law = e.args
    return wrap(Times((Script(a.lay(g, BASE), low=Sign("*")), a.lay(law, BASE))), PRODUCT, around)


def _at_point(head: str) -> Rule:
    def rule(a: Arranger, e: Any, around: int) -> Node:
        at, *arguments = e.args
        return Apply(Script(identifier(head), low=a.above().lay(at)), a.all(arguments))

    return rule


def _volume(a: Arranger, e: Any, around: int) -> Node:
    return Apply(Word("vol"), a.all(e.args)) if e.args else Word("vol")


def _law(a: Arranger, e: Any, around: int) -> Node:
    return a.lay(e.args[0], around)


def _divergence(a: Arranger, e: Any, around: int) -> Node:
    q, p, *part = e.args
    head = Script(Word("KL"), low=a.lay(part[0])) if part else Word("KL")
    return Apply(head, (Row((a.lay(q), Sign("||"), a.lay(p))),))


def _expectation(letter: Node) -> Rule:
    def rule(a: Arranger, e: Any, around: int) -> Node:
        what, *law = e.args
        head = Script(letter, low=a.lay(law[0])) if law else letter
        return Apply(head, (a.lay(what),), brackets="[")

    return rule


def _supremum(a: Arranger, e: Any, around: int) -> Node:
    node = a.lay(e.args[0])
    return wrap(Apply(Word("sup"), (node,), bare=simple(node) or isinstance(node, Apply)), PRODUCT, around)


def _rounded(a: Arranger, e: Any, around: int) -> Node:
    what, places = e.args
    return Apply(Word("round"), (a.lay(sp.Mul(sp.Integer(10) ** places, what, evaluate=False)),))


def _given(a: Arranger, e: Any, around: int) -> Node:
    what, *conditions = e.args
    return wrap(Row((a.lay(what), Sign("|"), joined(a.all(conditions)))), FORMULA, around)


def _optimal(a: Arranger, e: Any, around: int) -> Node:
    node = a.lay(e.args[0], BASE)
    if isinstance(node, Apply):
        return Apply(Script(node.head, high=Sign("*")), node.arguments)
    return Script(node.base, node.low, Sign("*")) if isinstance(node, Script) else Script(node, high=Sign("*"))


def _at(a: Arranger, e: Any, around: int) -> Node:
    what, *rest = e.args
    pairs = zip(rest[: len(rest) // 2], rest[len(rest) // 2 :], strict=True)
    low = joined([Row((a.lay(x), Sign("="), a.lay(value))) for x, value in pairs])
    return Script(Row((a.lay(what, PRODUCT), Sign("|"))), low=low)


RULES: dict[str, Rule] = (
    {name: _operator for name in OPERATORS}
    | {name: _named for name in NAMED}
    | {name: _constant(node) for name, node in CONSTANTS.items()}
    | {
        "Symbol": _symbol, "AppliedUndef": _undefined, "polygamma": _polygamma, "loggamma": _log_gamma,
        "factorial": _factorial, "binomial": _binomial, "Abs": _fence("|"), "floor": _fence("floor"),
        "ceiling": _fence("ceil"), "Sum": _indexed("sum"), "Product": _indexed("prod"), "Integral": _integral,
        "Derivative": _derivative, "Limit": _limit, "Subs": _subs, "MatrixBase": _matrix, "Tuple": _tuple,
        "Piecewise": _piecewise, "Indexed": _item, "Mod": _mod, "MatMul": _matrix_product,
        "Determinant": _prefix(Word("det")),
    }
    | {
        "Differential": _differential, "Norm": _fence("||"), "Modulus": _fence("|"),
        "Distance": _prefix(Letter("d")), "Action": _action,
        "Composition": _composition, "Inverse": _inverse, "Pushforward": _pushforward,
        "ExponentialMap": _at_point("exp"), "LogarithmMap": _at_point("log"), "Busemann": _at_point("B"),
        "Volume": _volume, "Law": _law, "Divergence": _divergence,
        "Expectation": _expectation(Word("E", bold=True)), "Variance": _expectation(Word("Var")),
        "Supremum": _supremum, "Rounded": _rounded,
        "Probability": _prefix(Word("P", bold=True)), "Given": _given, "Optimal": _optimal, "At": _at,
    }
)  # fmt: skip
