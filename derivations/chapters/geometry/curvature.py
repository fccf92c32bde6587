"""The curvature of the metric: every plane has -1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from derivations.chapters.geometry.symbols import HEIGHTS, metric, minkowski, tau
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    arb,
    arb_series,
    compute,
    entry,
    exact,
    grid,
    sp,
    symbol,
)
from derivations.engine.notation import coordinates, name


def christoffel(g: Any, x: Sequence[sp.Symbol]) -> list[list[list[Any]]]:
    """Christoffel symbols [i][j][k] with the upper index first."""
    inverse, n = g.inv(), len(x)
    return [
        [
            [
                sum(
                    inverse[i, q] * (sp.diff(g[q, j], x[k]) + sp.diff(g[q, k], x[j]) - sp.diff(g[j, k], x[q]))
                    for q in range(n)
                )
                / 2
                for k in range(n)
            ]
            for j in range(n)
        ]
        for i in range(n)
    ]


def riemann(g: Any, x: Sequence[sp.Symbol]) -> dict[tuple[int, int, int, int], Any]:
    """The curvature tensor R_ijkl with all indices down, for all index quadruples."""
    n, gamma = len(x), christoffel(g, x)

    def up(i: int, j: int, k: int, q: int) -> Any:
        value = sp.diff(gamma[i][j][q], x[k]) - sp.diff(gamma[i][j][k], x[q])
        return value + sum(gamma[i][k][r] * gamma[r][j][q] - gamma[i][q][r] * gamma[r][j][k] for r in range(n))

    return {
        (i, j, k, q): sp.expand(sum(g[i, r] * up(r, j, k, q) for r in range(n)))
        for i, j, k, q in product(range(n), repeat=4)
    }


def common_curvature(n: int) -> Any:
    """The K with R_ijkl = K (g_ik g_jl - g_il g_jk) for all components, with n fibre coordinates; nan for no such K."""
    g = metric(tau, n)
    tensor = riemann(g, [tau, *coordinates("b", n)])
    common = sp.cancel(tensor[0, 1, 0, 1] / (g[0, 0] * g[1, 1]))
    wrong = (value - common * (g[i, k] * g[j, q] - g[i, q] * g[j, k]) for (i, j, k, q), value in tensor.items())
    return common if all(sp.expand(w) == 0 for w in wrong) else sp.nan


def _by_bending(p: Point) -> arb:
    """Curvature of a plane by Gauss: how the hyperboloid bends in Minkowski space, in Taylor arithmetic.

    The plane is spanned by two vectors at (tau, 0, ..., 0) with all coordinates at work. X is its own normal, with
    <X, X> = -1, so K = (II(u, u) II(v, v) - II(u, v)^2) / (-(|u|^2 |v|^2 - <u, v>^2)), II(u, u) = <D_u D_u X, X>.
    """
    n = int(p["d"])
    one = [1 + exact(p["first"]) * i for i in range(n)]
    two = [exact(p["second"]) - i * i for i in range(n)]
    place = [exact(p["tau"]), *(arb(i) / 3 for i in range(1, n))]

    def forms(v: list[arb]) -> tuple[arb, arb]:
        """The first and second fundamental form of a vector, from X along a line."""
        tau_, *fibre = (arb_series([x, step], 3) for x, step in zip(place, v, strict=True))
        lift = (-tau_).exp() * sum((x * x for x in fibre), arb_series([0], 3)) / 2
        grow, shrink = tau_.exp() / 2, (-tau_).exp() / 2
        point = [grow + shrink + lift, grow - shrink + lift, *((-tau_).exp() * x for x in fibre)]
        start, velocity, bend = ([x[k] for x in point] for k in range(3))
        return minkowski(velocity, velocity), 2 * minkowski(bend, start)

    (a, g), (c, h), (both, mixed) = (forms(v) for v in (one, two, [x + y for x, y in zip(one, two, strict=True)]))
    inner, mixed = (both - a - c) / 2, (mixed - g - h) / 2
    return -(g * h - mixed * mixed) / (a * c - inner * inner)


@entry(
    id="geo-curvature",
    title="All sectional curvatures are −1",
    statement=sp.Eq(name("K", "Pi"), sp.Integer(-1)),
    symbols={symbol("Pi"): ("a plane spanned by two tangent vectors at a point", "any")},
    uses=["geo-metric"],
    status="new",
    certificate=Certificate(
        points=grid(30, tau=HEIGHTS, d=[2, 3, 4, 7], first=("-2", "2"), second=("-1", "3")), independent=_by_bending
    ),
)
def geo_curvature(claim: Any) -> Iterator[Step]:
    """R_ijkl = K (g_ik g_jl - g_il g_jk) with one constant K is equivalent to every plane having curvature K."""
    for n in (1, 2, 3):
        yield Step(name("K", sp.Integer(n + 1)), claim.rhs, compute(common_curvature, n), f"every plane, d = {n + 1}")
    yield Step(
        name("K", sp.Integer(5)),
        claim.rhs,
        compute(common_curvature, 4),
        "and in any dimension: a component has at most four distinct indices, fibre coordinates are alike, and the "
        "Christoffel symbols of a diagonal metric in tau alone bring in no other but tau; d = 5 has every pattern",
    )
