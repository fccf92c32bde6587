"""How formulas are set: one layout, five notations; and what is printed says what the entry states."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import mpmath
import pytest
import sympy as sp

from derivations.contents import collect
from derivations.emission.display import latex, mathml, text, typst, unicode
from derivations.emission.display.arrange import Arranger
from derivations.emission.display.statements import arrange, display, line
from derivations.engine.kernel import relations
from derivations.engine.notation import (
    At,
    Busemann,
    Differential,
    Distance,
    Divergence,
    Expectation,
    Given,
    Inverse,
    Norm,
    Optimal,
    Pushforward,
    Rounded,
    name,
)

FORMULAS = collect()
x, y, n = sp.Symbol("x", positive=True), sp.Symbol("y", positive=True), sp.Symbol("n", integer=True, positive=True)
delta, mu = sp.Symbol("delta", nonnegative=True), sp.Symbol("mu", real=True)
TWICE = sp.ImmutableMatrix([[x, y], [x, y]])
TWICE_TEX = r"\begin{pmatrix} x & y \\ x & y \end{pmatrix}"
NORM = Arranger({delta: Norm(sp.Symbol("b") - sp.Symbol("b_w"))})


# ------------------------------------------------------------------------------ five notations of one layout


@pytest.mark.parametrize(
    ("expression", "plain", "tex", "typeset"),
    [
        (x / 2, "x/2", r"\frac{x}{2}", "frac(x, 2)"),
        (-x, "-x", "-x", "-x"),
        (sp.exp(-x / 2), "e^(-x/2)", "e^{-x / 2}", "e^(-x slash 2)"),
        (sp.sqrt(2) * sp.sqrt(sp.pi) * x, "x*sqrt(2*pi)", r"x \sqrt{2 \pi}", "x sqrt(2 pi)"),
        (sp.sqrt(x * y) * sp.sqrt(2) / 2, "sqrt(x*y/2)", r"\sqrt{\frac{x y}{2}}", "sqrt(frac(x y, 2))"),
        (x / sp.sqrt(2), "x/sqrt(2)", r"\frac{x}{\sqrt{2}}", "frac(x, sqrt(2))"),
        (1 / x, "1/x", r"\frac{1}{x}", "frac(1, x)"),
        (sp.Derivative(x**2, (x, n)), "(d)^n/dx^n x^2", r"\frac{{\mathrm{d}}^n}{\mathrm{d} x^n} x^2", "frac(dif^(n), dif x^(n)) x^(2)"),  # noqa: E501
        (sp.Determinant(TWICE), "det([x, y; x, y])", rf"\operatorname{{det}}\left( {TWICE_TEX} \right)", 'op("det")(mat(x, y; x, y))'),  # noqa: E501
        (sp.MatMul(TWICE, TWICE), "[x, y; x, y]*[x, y; x, y]", f"{TWICE_TEX} {TWICE_TEX}", "mat(x, y; x, y) mat(x, y; x, y)"),  # noqa: E501
        (sp.Symbol("sigma_q") ** 2, "sigma_q^2", r"\sigma_q^2", "sigma_(q)^(2)"),
        (sp.log(x), "log(x)", r"\log x", "log x"),
        (sp.log(x / y), "log(x/y)", r"\log \frac{x}{y}", "log frac(x, y)"),
        (sp.log(x + y), "log(x + y)", r"\log(x + y)", "log(x + y)"),
        (sp.cosh(x) ** 2, "cosh^2(x)", r"\cosh^2 x", "cosh^(2) x"),
        (y * (x + 1), "y*(x + 1)", "y (x + 1)", "y (x + 1)"),
        ((2 - 2 * x) * y, "2*y*(1 - x)", "2 y (1 - x)", "2 y (1 - x)"),
        (n / 2 - sp.Rational(1, 2), "(n - 1)/2", r"\frac{n - 1}{2}", "frac(n - 1, 2)"),
        (2 * 2**-n, "2^(1 - n)", "2^{1 - n}", "2^(1 - n)"),
        (sp.sinh(1) * sp.exp(x), "sinh(1)*e^x", r"\sinh(1) e^x", "sinh(1) e^(x)"),
        (sp.binomial(n, 2), "binomial(n, 2)", r"\binom{n}{2}", "binom(n, 2)"),
        (sp.Sum(x**n, (n, 1, 5)), "sum[n = 1 to 5] x^n", r"\sum_{n = 1}^5 x^n", "sum_(n = 1)^(5) x^(n)"),
        (Divergence("q", "p", "drift"), "KL_drift(q || p)", r"\operatorname{KL}_{\mathrm{drift}}(q \,\Vert\, p)",
         'op("KL")_(upright("drift"))(q bar.v.double p)'),
        (Expectation(x, "q"), "E_q[x]", r"\mathbb{E}_q[x]", "bb(E)_(q)[x]"),
        (Differential("s") ** 2, "ds^2", r"{\mathrm{d} s}^2", "dif s^(2)"),
        (Norm(Differential("b")), "|db|", r"\lVert \mathrm{d} b \rVert", "norm(dif b)"),
        (sp.cosh(Distance("z", "w")), "cosh(d(z, w))", r"\cosh d(z, w)", "cosh d(z, w)"),
        (Busemann(sp.oo, "z"), "B_oo(z)", r"B_{\infty}(z)", "B_(infinity)(z)"),
        (Inverse("g"), "g^(-1)", "g^{-1}", "g^(-1)"),
        (Pushforward("g", "q"), "g_**q", "g_* q", "g_(ast.op) q"),
        (Optimal(name("sigma", x)), "sigma*(x)", r"\sigma^*(x)", "sigma^(ast.op)(x)"),
        (At(name("f", x), x, 1), "f(x)|_(x = 1)", r"{f(x) \mid}_{x = 1}", "f(x) bar.v_(x = 1)"),
        (name("R", Given(8, "t")), "R(8 | t)", r"R(8 \mid t)", "R(8 bar.v t)"),
        (sp.Limit(name("f", x), x, 0), "lim[x -> 0] f(x)", r"\lim_{x \to 0} f(x)", "lim_(x -> 0) f(x)"),
        (sp.Derivative(sp.log(name("Z", x)), x), "d/dx log(Z(x))", r"\frac{\mathrm{d}}{\mathrm{d} x} \log Z(x)",
         "frac(dif, dif x) log Z(x)"),
    ],
)  # fmt: skip
def test_notations(expression, plain: str, tex: str, typeset: str) -> None:
    node = arrange(expression)
    assert text.text(node) == plain
    assert latex.latex(node) == tex
    assert typst.typst(node) == typeset


def test_a_drawing_in_two_storeys() -> None:
    drawn = unicode.display(display(sp.Eq(name("f", x), sp.log(x / y) * mu + sp.exp(-x) / 2)))
    assert drawn.splitlines() == [
        "            ⎛x⎞   1  -x",
        "f(x) = μ log⎜─⎟ + ─ e",
        "            ⎝y⎠   2",
    ]


def test_a_long_sum_is_broken_before_a_term() -> None:
    terms = [sp.Symbol(f"a_{k}") * sp.Symbol(f"b_{k}") ** 2 / sp.Symbol(f"c_{k}") for k in range(20)]
    drawn = unicode.display(display(sp.Eq(name("f", x), sp.Add(*terms, -y))))
    assert max(map(len, drawn.splitlines())) <= unicode.COLUMNS
    assert drawn.count("=") == 1
    assert drawn.count("+") == 19


def test_mathml_has_operators_that_are_spoken_but_not_seen() -> None:
    written = mathml.inline(arrange(2 * x * sp.log(y)))
    tree = ElementTree.fromstring(written)
    assert [e.text for e in tree.iter("mo")] == ["\u2062", "\u2062", "\u2061"]  # times, times, of
    assert [e.text for e in tree.iter("mi")] == ["x", "log", "y"]
    assert [e.text for e in tree.iter("mn")] == ["2"]


def test_a_symbol_is_written_as_its_meaning_says() -> None:
    assert text.text(arrange(delta**2 / 2, NORM)) == "|b - b_w|^2/2"
    squared = Arranger({delta: Norm("b") ** 2})
    assert text.text(arrange(delta**2, squared)) == "|b|^4"


def test_digits_cut_and_rounded() -> None:
    known = line(sp.Eq(sp.floor(10**6 * name("V", 8)), 449060), Arranger())
    assert text.display(display(sp.Eq(sp.floor(10**6 * name("V", 8)), 449060))) == "V(8) = 0.449060..."
    assert known.sign == "="
    assert text.display(display(sp.Eq(Rounded(name("V", 8), 3), -51))) == "V(8) ~ -0.051"


def test_factors_and_terms_come_in_the_order_of_declaration() -> None:
    one, other = Arranger(order={x: 0, y: 1}), Arranger(order={y: 0, x: 1})
    assert (text.text(arrange(x * y, one)), text.text(arrange(x * y, other))) == ("x*y", "y*x")
    assert (text.text(arrange(x + y, one)), text.text(arrange(x + y, other))) == ("x + y", "y + x")


def test_what_has_no_layout_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="no layout for Interval"):
        arrange(sp.Interval(0, 1))


# ------------------------------------------------------------------------------------------- every entry


@pytest.mark.parametrize("id", FORMULAS)
def test_what_is_printed_says_what_is_stated(id: str) -> None:
    """With the names of `where` put back and fixed sums written out, the sides shown are the sides of the statement."""
    formula = FORMULAS[id]
    for (left, right), relation in zip(formula.written_out(), relations(formula.statement), strict=True):
        assert left == relation.lhs
        if right != relation.rhs:
            assert sp.expand(right - relation.rhs) == 0, f"{id}: shown {right}, stated {relation.rhs}"
    for shown, relation in zip(relations(formula.shown()), relations(formula.statement), strict=True):
        assert shown.func is relation.func


@pytest.mark.parametrize("id", FORMULAS)
def test_every_part_of_where_is_used(id: str) -> None:
    formula = FORMULAS[id]
    sides = [relation.rhs for relation in relations(formula.shown())] + list(formula.where.values())
    for short in formula.where:
        fixed = isinstance(short, sp.Indexed) and short.indices[0].is_number
        assert fixed or any(side.has(short) for side in sides), f"{id}: {short} names nothing that is shown"


KNOWN = {
    name: getattr(mpmath, name)
    for name in "log sinh cosh tanh coth sin cos tan gamma erf sqrt binomial pi e floor mpf".split()  # noqa: SIM905
} | {
    "arcosh": mpmath.acosh,
    "arctan": mpmath.atan,
    "Gamma": mpmath.gamma,
    "psi": mpmath.digamma,
    "trigamma": lambda z: mpmath.psi(1, z),
    "max": max,
    "min": min,
    "abs": abs,
    "power": lambda function, exponent: lambda argument: function(argument) ** exponent,
}


def value(code: str, given: dict[str, mpmath.mpf]) -> mpmath.mpf:
    """A formula in plain text, read as a program of mpmath."""
    code = re.sub(r"\b(sinh|cosh|tanh|coth|sin|cos|tan)\^(\([^()]*\)|\w+)\(", r"power(\1, \2)(", code)
    code = re.sub(r"\|([^|]*)\|", r"abs(\1)", code.replace("psi'(", "trigamma("))
    code = re.sub(r"(?<![\w.])(\d+)(?![\w.])", r"mpf(\1)", code.replace("^", "**"))
    code = re.sub(r"\blambda\b", "lambda_", code)
    names = {"lambda_" if k == "lambda" else "ell" if k == "l" else k: v for k, v in given.items()}
    return eval(code, {"__builtins__": {}}, KNOWN | names)


@pytest.mark.parametrize("id", FORMULAS)
def test_the_text_of_an_entry_computes_its_right_side(id: str) -> None:
    """A second road through the layout: the plain text, read as a program at an exact point of the certificate."""
    formula = FORMULAS[id]
    certificate = formula.certificate
    if certificate is None:
        pytest.skip("no numbers in it")
    point = {k: sp.Rational(v) for k, v in certificate.points[len(certificate.points) // 2].items()}
    order = Arranger(order=Arranger.of(formula.symbols).order)  # symbols by their names in code
    walked = 0
    for relation in relations(formula.statement):
        if isinstance(relation.lhs, Rounded) or relation.rhs.has(sp.Piecewise, sp.Limit):
            continue
        whole = {s: point[s.name] for s in relation.rhs.free_symbols if s.is_integer and s.name in point}
        right = relation.rhs.xreplace(whole).replace(lambda e: isinstance(e, sp.Sum), lambda e: e.doit())
        for side in right if isinstance(right, sp.MatrixBase) else [right]:
            with mpmath.workdps(60):
                given = {k: mpmath.mpf(int(v.p)) / int(v.q) for k, v in point.items()}
                expected = sp.sympify(side).subs({s: point[s.name] for s in side.free_symbols}).evalf(60)
                got = value(text.text(arrange(side, order)), given)
                assert abs(got - mpmath.mpf(str(expected))) <= mpmath.mpf("1e-30") * (1 + abs(got)), f"{id}: {side}"
                walked += 1
    assert walked or id in ("a4-exact", "geo-ball-volume"), f"{id}: no side of it was compared"


@pytest.mark.parametrize("id", FORMULAS)
def test_every_notation_of_an_entry(id: str) -> None:
    formula = FORMULAS[id]
    shown = display(formula.shown(), Arranger.of(formula.symbols), formula.where)
    ElementTree.fromstring(mathml.display(shown))
    tex, drawn = latex.display(shown), unicode.display(shown)
    assert tex.count("{") == tex.count("}")
    assert tex.count(r"\left") == tex.count(r"\right")
    assert all(len(row) <= 120 or "│" in row for row in drawn.splitlines()), drawn
    assert text.display(shown).isascii()
    for words in re.findall(r"\\(?:mathrm|operatorname)\{([^}]*)\}", tex):
        assert "_" not in words, f"{id}: {words} reads like program text"


@pytest.mark.parametrize("id", FORMULAS)
def test_every_name_in_a_display_is_explained(id: str) -> None:
    """A letter that is printed is a declared symbol, or a role, an assumption, a convention or `where` names it."""
    formula = FORMULAS[id]
    prose = " ".join([*formula.assumptions, *formula.conventions, formula.title, *(s.role for s in formula.symbols)])
    declared = {s.symbol.name for s in formula.symbols} | {str(getattr(s, "base", s)) for s in formula.where} | STANDARD
    shown = [s.shown for s in formula.symbols if s.shown is not None and not isinstance(s.shown, sp.Symbol)]
    for e in [*relations(formula.shown()), *formula.where.values(), *shown]:
        bound = {index for total in e.atoms(sp.Sum, sp.Product, sp.Integral) for index, *_ in total.limits}
        bound |= {index for short in formula.where if isinstance(short, sp.Indexed) for index in short.free_symbols}
        for symbol in e.free_symbols - bound:
            stem = str(getattr(symbol, "base", symbol)).removesuffix("_i")
            told = re.search(rf"(?<![A-Za-z]){re.escape(stem)}(?![A-Za-z])", prose)
            assert symbol.name in declared or stem in declared or told, f"{id}: nothing says what {symbol} is"


#: Names that every reader knows: laws q and p, isometries g and h, and the parts of a divergence, which are words.
STANDARD = {"q", "p", "g", "h", "height", "fibre", "drift", "clamped"}
