"""The hyperboloid and the Poincare ball: maps from horospherical coordinates, inverses, distances.

The origin tau = 0, b = 0 goes to the apex of the hyperboloid and the centre of the ball, the upward axis to
the first coordinate axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.geometry.symbols import CURVATURE, GEOMETRY, b, lorentz, minkowski, tau
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    entry,
    exact,
    exponentiate,
    grid,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import Distance, Meaning, Norm, coordinates, name

n = symbol("nu", nonnegative=True)
LIFT = sp.exp(-tau) * n**2 / 2
X0, X1, XB = sp.cosh(tau) + LIFT, sp.sinh(tau) + LIFT, sp.exp(-tau) * b

axis, rest, part = symbol("p_1", real=True), symbol("rho", nonnegative=True), symbol("p_i", real=True)
OPPOSITE = (1 - axis) ** 2 + rest**2
x0, x1, xi = symbol("X_0", positive=True), symbol("X_1", real=True), symbol("X_i", real=True)
size_p, size_q, gap = (symbol(k, nonnegative=True) for k in ("r_p", "r_q", "ell"))


def _points() -> tuple[dict[str, Any], ...]:
    """Exact points: (p_1, p_i, rho) in the ball, the hyperboloid point over it, and (tau, b, nu) beside."""
    found = []
    for p in grid(
        27, tau=("-3", "3"), b=("-1", "1"), nu=("1/10", "3"), p_1=("-3/5", "3/5"), rho=("1/10", "3/5"),
        p_i=("-1", "1"), r_p=("1/10", "9/10"), r_q=("1/10", "9/10"), ell=("1/100", "1/10"),
    ):  # fmt: skip
        point = dict(p)
        point |= {
            "b": p["b"] * p["nu"],
            "p_i": p["p_i"] * p["rho"],
            "ell": p["ell"] + abs(p["r_p"] - p["r_q"]),
        }
        square = point["p_1"] ** 2 + point["rho"] ** 2
        point |= {
            "X_0": (1 + square) / (1 - square),
            "X_1": 2 * point["p_1"] / (1 - square),
            "X_i": 2 * point["p_i"] / (1 - square),
        }
        found.append(point)
    return tuple(found)


@entry(
    id="geo-ball-map",
    title="Hyperboloid and Poincare ball: maps, inverses, distance",
    statement=sp.Tuple(
        sp.Eq(name("X", "z"), sp.ImmutableMatrix([X0, X1, XB]), evaluate=False),
        sp.Eq(name("p", "z"), sp.ImmutableMatrix([X1 / (1 + X0), XB / (1 + X0)]), evaluate=False),
        sp.Eq(name("z", "X"), sp.ImmutableMatrix([-sp.log(x0 - x1), xi / (x0 - x1)]), evaluate=False),
        sp.Eq(
            name("z", "p"),
            sp.ImmutableMatrix([sp.log((1 - axis**2 - rest**2) / OPPOSITE), 2 * part / OPPOSITE]),
            evaluate=False,
        ),
        sp.Eq(sp.cosh(Distance("p", "q")), 1 + 2 * gap**2 / ((1 - size_p**2) * (1 - size_q**2))),
    ),
    symbols={
        symbol("z"): Meaning("a point in horospherical coordinates, (tau, b)", domain="H^d"),
        tau: "height",
        b: Meaning("a fibre coordinate", symbol("b_i")),
        n: Meaning("length of all fibre coordinates", Norm("b")),
        symbol("p"): Meaning("a point of the Poincare ball, as q", domain="unit ball of R^d"),
        axis: "first coordinate of p in the ball",
        part: "another coordinate of p",
        rest: Meaning("length of p_perp, all its other coordinates", Norm("p_perp")),
        symbol("X"): Meaning("a point of the hyperboloid", domain="R^(d+1)"),
        x0: "time coordinate of X on the hyperboloid",
        x1: "its first space coordinate",
        xi: "another space coordinate",
        size_p: Meaning("length of p", Norm("p"), "[0, 1)"),
        size_q: Meaning("length of q", Norm("q"), "[0, 1)"),
        gap: Meaning("Euclidean distance", Norm(symbol("p") - symbol("q"))),
    },
    conventions=[
        CURVATURE,
        "z, p and X are one point; of the coordinates b_i, p_i, X_i one is stated, the others are alike",
    ],
    uses=["geo-distance", "geo-metric"],
    status="new",
    implements=[f"{GEOMETRY}.{f}" for f in ("to_lorentz", "from_lorentz", "to_ball", "from_ball")],
    certificate=Certificate(points=_points(), independent=lambda p: _maps(p)),
)
def geo_ball_map(claim: Any) -> Iterator[Step]:
    """The ball is the hyperboloid seen from (-1, 0): everything follows from the embedding of
    geo-distance."""
    for k in (1, 2, 3):
        x = lorentz(tau, coordinates("b", k))
        yield Step(minkowski(x, x), sp.Integer(-1), algebra, f"X is on the hyperboloid, d = {k + 1}")
    x_, dx, speed, y_, inner = (symbol(f, real=True) for f in ("X_0", "dX_0", "dX^2", "Y_0", "XY"))
    # with |X_s|^2 = X_0^2 - 1 and <X_s, dX_s> = X_0 dX_0 for the space part X_s; p = X_s/(1 + X_0)
    one = 1 + x_
    moved = speed / one**2 - 2 * x_ * dx**2 / one**3 + (x_**2 - 1) * dx**2 / one**4
    below = 1 - (x_**2 - 1) / one**2
    yield Step(below, 2 / one, algebra, "1 - |p|^2, in any dimension")
    yield Step(
        4 * moved / below**2,
        speed - dx**2,
        algebra,
        "the ball's metric 4 |dp|^2/(1 - |p|^2)^2 is that of the hyperboloid, -dX_0^2 + |dX_s|^2",
    )
    apart = (x_**2 - 1) / one**2 + (y_**2 - 1) / (1 + y_) ** 2 - 2 * inner / (one * (1 + y_))
    yield Step(
        1 + apart * one * (1 + y_) / 2,
        x_ * y_ - inner,
        algebra,
        "and 1 + 2 |p - q|^2/((1 - |p|^2)(1 - |q|^2)) is -<X, Y>; XY = <X_s, Y_s>",
    )
    yield Step(-(X0**2) + X1**2 + sp.exp(-2 * tau) * n**2, sp.Integer(-1), algebra, "and in any dimension, |b| = nu")
    lift = symbol("lift", nonnegative=True)
    lifted = sp.ImmutableMatrix([sp.cosh(tau) + lift, sp.sinh(tau) + lift, XB])
    yield Step(lifted, claim[0].rhs, substitute({lift: LIFT}), "the embedding; the lift is e^(-tau) |b|^2 / 2")
    on_it = substitute({x0: X0, x1: X1, xi: XB})
    yield Step(sp.ImmutableMatrix([x1, xi]) / (1 + x0), claim[1].rhs, on_it, "its projection from (-1, 0)")
    yield Step(x0 - x1, sp.exp(-tau), on_it, "X_0 - X_1 gives the height")
    read_off = sp.ImmutableMatrix([tau, xi * sp.exp(tau)])
    yield Step(read_off, claim[2].rhs, substitute({tau: -sp.log(x0 - x1)}), "and X_i = e^(-tau) b_i the fibre")
    undone = substitute({x0 - x1: sp.exp(-tau), xi: XB})
    yield Step(claim[2].rhs, sp.ImmutableMatrix([tau, b]), undone, "from_lorentz undoes to_lorentz")
    square = axis**2 + rest**2
    over = {x0: (1 + square) / (1 - square), x1: 2 * axis / (1 - square), xi: 2 * part / (1 - square)}
    side = sp.ImmutableMatrix([-sp.log(OPPOSITE / (1 - square)), 2 * part / OPPOSITE])
    yield Step(over[x0] - over[x1], OPPOSITE / (1 - square), algebra, "from the ball back to the hyperboloid")
    back = substitute({x0 - x1: OPPOSITE / (1 - square), xi: over[xi]})
    yield Step(claim[2].rhs, side, back, "then from_lorentz")
    yield Step(side, claim[3].rhs, exponentiate, "one logarithm, inside the ball")
    inner = (size_p**2 + size_q**2 - gap**2) / 2
    cosh = ((1 + size_p**2) * (1 + size_q**2) - 4 * inner) / ((1 - size_p**2) * (1 - size_q**2))
    yield Step(cosh, claim[4].rhs, algebra, "minus <X, Y> of the points over p and q, in any dimension")


def _maps(p: Point) -> list[Any]:
    """By inversion in the sphere of radius sqrt 2 about (0, -1), which exchanges half-space and ball."""

    def invert(up: arb, side: arb, side_squared: arb) -> tuple[arb, arb, arb]:
        """Image of (side, up): height, the same fibre coordinate, and the squared length of the fibre
        part."""
        square = side_squared + (up + 1) ** 2
        return 2 * (up + 1) / square - 1, 2 * side / square, 4 * side_squared / square**2

    y, place, size = exact(p["tau"]).exp(), exact(p["b"]), exact(p["nu"])
    up, side, side_squared = invert(y, place, size**2)
    first = -up  # the inversion sends the upward end to (0, -1)
    square = up**2 + side_squared
    hyperboloid = [(1 + square) / (1 - square), 2 * first / (1 - square), 2 * side / (1 - square)]
    back_y, back_b, _ = invert(-exact(p["p_1"]), exact(p["p_i"]), exact(p["rho"]) ** 2)
    from_ball = [back_y.log(), back_b]
    # distance: two points of a disc at these radii and gap, through the half-plane formula
    r_p, r_q, ell = (exact(p[k]) for k in ("r_p", "r_q", "ell"))
    turn = (r_p**2 + r_q**2 - ell**2) / (2 * r_p) if p["r_q"] else arb(0)
    height = (r_q**2 - turn**2).sqrt() if p["r_q"] else arb(0)
    y1, b1, _ = invert(-r_p, arb(0), arb(0))
    y2, b2, _ = invert(-turn, height, height**2)
    cosh = 1 + ((b1 - b2) ** 2 + (y1 - y2) ** 2) / (2 * y1 * y2)
    return [hyperboloid, [first, side], from_ball, from_ball, cosh]
