"""The claims of `hrssm.geometry`: its functions compute the entries of the geometry chapter."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivations.chapters.geometry import models as models
from derivations.chapters.geometry.geodesics import h, n, v0, w
from derivations.chapters.geometry.horospherical import a, c, gap, ideal
from derivations.chapters.geometry.symbols import b, delta, m, other, tau
from derivations.code.claim import Claim
from derivations.engine.algebra import normal
from derivations.engine.notation import coordinates
from hrssm.geometry import charts
from hrssm.geometry import horospherical as geometry

ROOM = "hrssm.geometry"
INNER = f"{ROOM}.horospherical"  # what the room does not name
SERIES = f"{ROOM}.series"
size = sp.Symbol("r", positive=True)  # the length of a tangent vector
chord = sp.Symbol("u", positive=True)  # sinh(dist / 2)^2


def point(d: int, height: sp.Symbol = tau, stem: str = "b") -> list[sp.Symbol]:
    """A point in coordinates."""
    return [height, *coordinates(stem, d - 1)]


def two_points(d: int) -> list[Any]:
    """Two points, (tau, b) and (tau', b')."""
    return [point(d), point(d, other, "b'")]


def length(stems: tuple[str, ...], d: int) -> sp.Expr:
    """The Euclidean length of b, or of a difference b - b'."""
    rows = [coordinates(stem, d - 1) for stem in stems]
    return sp.sqrt(sp.Add(*((x[0] - sum(x[1:])) ** 2 for x in zip(*rows, strict=True))))


def cosh_distance(f: Any, d: int) -> sp.Expr:
    """cosh of the distance of two points, from geo-distance."""
    return f.statement.rhs.subs(delta, length(("b", "b'"), d))


def together(d: int) -> tuple[dict[Any, Any], ...]:
    """The second point above or below the first, and at the first."""
    places = list(zip(point(d, other, "b'"), point(d), strict=True))
    return dict(places[1:]), dict(places)


def is_apart(condition: Any) -> bool:
    """Whether a branch is the one for distances above 43."""
    return any(isinstance(x, sp.Gt) and x.rhs == 43 for x in sp.And.make_args(condition))


def far_distance(d: int, condition: Any) -> Any:
    """What the code computes there: log(2 cosh dist), but for e^-h in 2 cosh dist = e^h + e^-h + e^-(t + t') |b - b'|^2
    with h = |t - t'|."""
    drop = tau - other
    above = {drop >= 0, -drop < 0}  # as the points come in either order
    rise = drop if above & set(sp.And.make_args(condition)) else -drop
    return sp.log(sp.exp(rise) + length(("b", "b'"), d) ** 2 * sp.exp(-tau - other))


def far_from_origin(z: list[Any], condition: Any) -> tuple[Any, list[Any]]:
    """The same for a point z and the origin, and the direction of z there, with cosh r and sinh r as e^r / 2."""
    height, *sides = z
    rise = height if (height >= 0) in sp.And.make_args(condition) else -height
    twice = sp.exp(rise) + sp.Add(*(x**2 for x in sides)) * sp.exp(-height)
    return sp.log(twice), [1 - 2 * sp.exp(-height) / twice, *(2 * x * sp.exp(-height) / twice for x in sides)]


def far_logarithm(d: int, condition: Any, at_origin: bool = False) -> list[Any]:
    """What the code computes for the logarithm map there."""
    seen = point(d, other, "b'")
    if not at_origin:
        seen = [seen[0] - tau, *((y - x) * sp.exp(-tau) for x, y in zip(point(d)[1:], seen[1:], strict=True))]
    r, (up, *sides) = far_from_origin(seen, condition)
    return [r * up, *(r * x if at_origin else sp.exp(tau) * r * x for x in sides)]


APART = (
    "where dist > 43 the code has log(2 cosh dist) for dist, and e^r / 2 for cosh r and sinh r, each within "
    "e^(-2 dist) < 5e-38 of itself, and in cosh dist it leaves out what is within e^(-43) / 2 of half of it, squared"
)


def at_axis(d: int) -> tuple[dict[Any, Any], ...]:
    """A point above or below the origin, and at the origin."""
    return dict.fromkeys(coordinates("b", d - 1), 0), dict.fromkeys(point(d), 0)


def half_chord(e: Any) -> Any:
    """arsinh of a root with what is under it in normal form."""
    return sp.sympify(e).replace(sp.asinh, lambda x: sp.asinh(sp.sqrt(normal(x**2))))


def act(f: Any, g: list[Any], z: list[Any]) -> list[sp.Expr]:
    """The image of z under g, from geo-isometry."""
    height, fibre = f.statement[0].rhs
    return [
        height.subs({a: g[0], tau: z[0]}, simultaneous=True),
        *(fibre.subs({a: g[0], c: y, b: x}, simultaneous=True) for x, y in zip(z[1:], g[1:], strict=True)),
    ]


def inverse(f: Any, g: list[Any]) -> list[sp.Expr]:
    """The inverse of g, from geo-isometry."""
    height, fibre = f.statement[3].rhs
    return [height.subs(a, g[0]), *(fibre.subs({a: g[0], c: y}, simultaneous=True) for y in g[1:])]


def exponential(f: Any, d: int) -> list[sp.Expr]:
    """exp of (v_0, v_b) at (tau, b), from geo-exp."""
    height, fibre = f.statement.rhs
    size = {n: length(("v_b",), d)}
    places = zip(coordinates("b", d - 1), coordinates("v_b", d - 1), strict=True)
    return [height.subs(size), *(fibre.subs({b: x, w: y, **size}, simultaneous=True) for x, y in places)]


def length_squared(sides: list[sp.Symbol], weight: sp.Expr) -> sp.Expr:
    """|v|^2 of the tangent vector (v_0, v_b), with weight e^(-2 tau)."""
    return v0**2 + weight * sp.Add(*(x**2 for x in sides))


def length_as_symbol(e: Any) -> Any:
    """An expression in |v| = sqrt(v_0^2 + e^(-2 tau) |v_b|^2) with |v| as a symbol of its own, and no |v_b|.

    Roots of rational multiples of |v|^2 become multiples of it, and sums with |v_b|^2 in them lose it to |v|^2 - v_0^2.
    """
    e = sp.sympify(e)
    sides = sorted((s for s in e.free_symbols if s.name.startswith("v_b_")), key=lambda s: s.name)
    weight = sp.exp(-2 * tau) if tau in e.free_symbols else sp.Integer(1)
    square, across = sp.expand(length_squared(sides, weight)), sp.Add(*(x**2 for x in sides))

    def root(base: Any, exponent: Any) -> Any:
        ratio = sp.cancel(sp.expand(base) / square)
        return (sp.sqrt(ratio) * size) ** (2 * exponent) if ratio.is_Rational else sp.Pow(base, exponent)

    def without_sides(total: Any) -> Any:
        share = total.coeff(sides[0] ** 2) if sides else sp.Integer(0)
        rest = sp.expand(total - share * across) if share != 0 else total
        return total if share == 0 or rest.has(*sides) else rest + share * (size**2 - v0**2) / weight

    e = e.replace(lambda x: x.is_Pow and abs(x.exp) == sp.S.Half, lambda x: root(x.base, x.exp))
    return e.replace(lambda x: x.is_Add, without_sides)


def is_far(condition: Any) -> bool:
    """Whether a branch of the exponential map is the one for |v|^2 > 400."""
    return any(isinstance(x, sp.Gt) and x.rhs == 400 for x in sp.And.make_args(condition))


def far_exponential(d: int, condition: Any, at_origin: bool = False) -> list[sp.Expr]:
    """What the code computes for |v|^2 > 400: the entry with cosh r and sinh r as e^r / 2, free of cancellation.

    Up the axis -log(cosh r - c sinh r) is written as log(cosh r + c sinh r) - log(1 + (1 - c^2) sinh(r)^2).
    """
    base, sides = ([0] * d if at_origin else point(d)), coordinates("v_b", d - 1)
    down = sp.exp(-base[0])
    side_squared = down**2 * sp.Add(*(x**2 for x in sides))
    r = sp.sqrt(v0**2 + side_squared)
    upward = (v0 >= 0) in sp.And.make_args(condition)
    rise = r + sp.log((1 + (v0 if upward else -v0) / r) / 2)
    fall = sp.log(1 + side_squared * sp.exp(2 * r) / (4 * r**2)) if upward else 0
    height = rise - fall if upward else -rise
    stretch = sp.exp(r) / (2 * r) * sp.exp(height)
    return [base[0] + height, *(x + y * stretch for x, y in zip(base[1:], sides, strict=True))]


FAR = (
    "where |v|^2 > 400 the code has e^r / 2 for cosh r and sinh r, each within e^(-2r) < 5e-18 of itself; all terms "
    "they stand in are positive, so height and stretch are as close"
)


def straight(d: int) -> tuple[dict[Any, Any], ...]:
    """A tangent vector along the axis."""
    return (dict.fromkeys(coordinates("v_b", d - 1), 0),)


def logarithm(f: Any, d: int) -> list[sp.Expr]:
    """log of (tau', b') at (tau, b), from geo-log."""
    rise, side = f.statement.rhs
    size = {delta: length(("b", "b'"), d)}
    offsets = [y - x for x, y in zip(coordinates("b", d - 1), coordinates("b'", d - 1), strict=True)]
    return [rise.subs(size), *(side.subs({h: x, **size}, simultaneous=True) for x in offsets)]


def chord_as_symbol(e: Any) -> Any:
    """An expression in the distance of two points with u = sinh(dist / 2)^2 as a symbol of its own.

    arcosh(c) = 2 arsinh(sqrt((c - 1) / 2)) for c >= 1, and the roots that occur are those of u, u (1 + u), c^2 - 1.
    """
    e = sp.sympify(e)
    e = e.replace(sp.acosh, lambda x: 2 * sp.asinh(sp.sqrt((x - 1) / 2)))
    arcs = sorted(e.atoms(sp.asinh), key=sp.default_sort_key)
    if not arcs:
        return e
    square = normal(arcs[0].args[0] ** 2)
    values = (chord, 1 + chord, chord * (1 + chord), 4 * chord * (1 + chord))

    seen: dict[Any, Any] = {}

    def root(base: Any, exponent: Any) -> Any:
        if base not in seen:
            same = (value for value in values if normal(base - value.subs(chord, square)) == 0)
            seen[base] = next(same, base)
        return sp.Pow(seen[base], exponent)

    e = e.replace(sp.Abs, lambda x: root(x**2, sp.S.Half))
    return e.replace(lambda x: x.is_Pow and abs(x.exp) == sp.S.Half, lambda x: root(x.base, x.exp))


def place(relation: Any, values: dict[Any, Any], part: sp.Symbol, parts: list[sp.Symbol]) -> list[sp.Expr]:
    """A map of geo-ball-map in coordinates: its last component is stated for one fibre coordinate `part`."""
    *first, last = relation.rhs
    return [*(x.subs(values) for x in first), *(last.subs({part: x} | values, simultaneous=True) for x in parts)]


def time(d: int) -> sp.Expr:
    """X_0 of the point of the hyperboloid over (X_1, xi)."""
    return sp.sqrt(1 + models.x1**2 + sp.Add(*(x**2 for x in coordinates("xi", d - 1))))


def ball(d: int) -> list[sp.Symbol]:
    """A point of the ball, its component along the axis first."""
    return [models.axis, *coordinates("y", d - 1)]


BALL = (
    Claim(
        f"{ROOM}.to_lorentz", "geo-ball-map", charts.to_lorentz, lambda d: [point(d)],
        lambda f, d: place(f.statement[0], {models.n: length(("b",), d)}, b, coordinates("b", d - 1)),
    ),
    Claim(
        f"{ROOM}.to_ball", "geo-ball-map", charts.to_ball, lambda d: [point(d)],
        lambda f, d: place(f.statement[1], {models.n: length(("b",), d)}, b, coordinates("b", d - 1)),
        within=(is_apart, lambda d, condition: far_from_origin(point(d), condition)[1], APART), pinned=at_axis,
    ),
    Claim(
        f"{ROOM}.from_lorentz", "geo-ball-map", charts.from_lorentz,
        lambda d: [[time(d), models.x1, *coordinates("xi", d - 1)]],
        lambda f, d: place(f.statement[2], {models.x0: time(d)}, models.xi, coordinates("xi", d - 1)),
        through=(
            lambda e: sp.sympify(e).replace(lambda x: x.is_Pow and x.exp == sp.S.Half, lambda x: models.x0),
            "X_0 as one symbol",
        ),
        relation=lambda d: (time(d) ** 2 - models.x0**2, models.x0),
        words="On the hyperboloid, X_0^2 = 1 + X_1^2 + |xi|^2.",
    ),
    Claim(
        f"{ROOM}.from_ball", "geo-ball-map", charts.from_ball, lambda d: [ball(d)],
        lambda f, d: place(f.statement[3], {models.rest: length(("y",), d)}, models.part, coordinates("y", d - 1)),
    ),
)  # fmt: skip

CLAIMS = (
    Claim(
        f"{ROOM}.distance", "geo-distance", geometry.distance, two_points,
        lambda f, d: sp.acosh(cosh_distance(f, d)), pinned=together, within=(is_apart, far_distance, APART),
        through=(lambda x: sp.expand_trig(sp.cosh(x)), "cosh, which is one-to-one on [0, oo), where both sides lie"),
        words="On the branch where the half chord vanishes the two points coincide.",
    ),
    Claim(
        f"{INNER}.distance_squared", "geo-distance", geometry.distance_squared, two_points,
        lambda f, d: (2 * sp.asinh(sp.sqrt((cosh_distance(f, d) - 1) / 2))) ** 2,
        guarded=(f"{SERIES}.arc_squared",), pinned=together,
        within=(is_apart, lambda d, condition: far_distance(d, condition) ** 2, APART),
        through=(half_chord, "the half chord: arcosh(c) = 2 arsinh(sqrt((c - 1) / 2))"),
    ),
    Claim(
        f"{ROOM}.exp", "geo-exp", geometry.exp, lambda d: [point(d), [v0, *coordinates("v_b", d - 1)]], exponential,
        guarded=(f"{SERIES}.sinhc",),
        through=(length_as_symbol, "the lengths |v| and |v_b| as functions of one symbol"),
        within=(is_far, far_exponential, FAR), pinned=straight,
        words="At v = 0, where the entry is a limit, sinhc(0) = 1 and the code gives the base point.",
    ),
    Claim(
        f"{INNER}.exp_origin", "geo-exp", geometry.exp_origin, lambda d: [[v0, *coordinates("v_b", d - 1)]],
        lambda f, d: [x.subs({tau: 0} | dict.fromkeys(coordinates("b", d - 1), 0)) for x in exponential(f, d)],
        "at the origin", guarded=(f"{SERIES}.sinhc",),
        within=(is_far, lambda d, condition: far_exponential(d, condition, True), FAR), pinned=straight,
        through=(length_as_symbol, "the lengths |v| and |v_b| as functions of one symbol"),
    ),
    Claim(
        f"{ROOM}.log", "geo-log", geometry.log, two_points, logarithm, guarded=(f"{SERIES}.arc_over_sinh",),
        within=(is_apart, far_logarithm, APART), pinned=together,
        through=(chord_as_symbol, "the half chord u = sinh(dist / 2)^2 as one symbol"),
    ),
    Claim(
        f"{INNER}.log_origin", "geo-log", geometry.log_origin, lambda d: [point(d, other, "b'")],
        lambda f, d: [x.subs({tau: 0} | dict.fromkeys(coordinates("b", d - 1), 0)) for x in logarithm(f, d)],
        "at the origin", guarded=(f"{SERIES}.arc_over_sinh",),
        within=(is_apart, lambda d, condition: far_logarithm(d, condition, True), APART),
        pinned=lambda d: (dict.fromkeys(coordinates("b'", d - 1), 0), dict.fromkeys(point(d, other, "b'"), 0)),
        through=(chord_as_symbol, "the half chord u = sinh(dist / 2)^2 as one symbol"),
    ),
    Claim(
        f"{INNER}.half_chord_squared", "geo-distance", geometry.half_chord_squared, two_points,
        lambda f, d: (cosh_distance(f, d) - 1) / 2, "sinh(dist / 2)^2",
    ),
    Claim(
        f"{ROOM}.isometry", "geo-isometry", geometry.isometry, lambda d: [point(d, a, "c"), point(d)],
        lambda f, d: act(f, point(d, a, "c"), point(d)),
    ),
    Claim(
        f"{ROOM}.inverse", "geo-isometry", geometry.inverse, lambda d: [point(d, a, "c")],
        lambda f, d: inverse(f, point(d, a, "c")),
    ),
    Claim(
        f"{ROOM}.relative", "geo-isometry", geometry.relative, lambda d: [point(d, a, "c"), point(d)],
        lambda f, d: act(f, inverse(f, point(d, a, "c")), point(d)), "the inverse of the first acting on the second",
    ),
    Claim(
        f"{ROOM}.busemann", "geo-busemann", geometry.busemann, lambda d: [point(d)],
        lambda f, d: f.statement[0].rhs, "of the point at infinity",
    ),
    Claim(
        f"{ROOM}.busemann", "geo-busemann", geometry.busemann, lambda d: [point(d), coordinates("xi", d - 1)],
        lambda f, d: f.statement[1].rhs.subs({gap: length(("b", "xi"), d), ideal: length(("xi",), d)}),
        "of a point of the boundary plane",
        pinned=lambda d: (dict(zip(coordinates("b", d - 1), coordinates("xi", d - 1), strict=True)),),
    ),
    Claim(
        f"{ROOM}.volume", "geo-volume", geometry.volume, lambda d: [point(d)],
        lambda f, d: f.statement.rhs.subs(m, d - 1),
    ),
    Claim(
        f"{ROOM}.log_volume", "geo-volume", geometry.log_volume, lambda d: [point(d)],
        lambda f, d: sp.log(f.statement.rhs.subs(m, d - 1)),
    ),
    *BALL,
)  # fmt: skip
