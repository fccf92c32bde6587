"""The metric in horospherical coordinates and its volume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derivations.chapters.geometry.symbols import CURVATURE, GEOMETRY, HEIGHTS, SOURCE, b, m, metric, tau
from derivations.engine.kernel import (
    Certificate,
    Point,
    Step,
    algebra,
    arb,
    differentiate,
    entry,
    exact,
    grid,
    induction,
    matrices,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import Differential, Meaning, Norm, Volume, coordinates

dtau, db = symbol("dtau", real=True), symbol("db", nonnegative=True)


@entry(
    id="geo-metric",
    title="The metric in horospherical coordinates",
    statement=sp.Eq(Differential("s") ** 2, dtau**2 + sp.exp(-2 * tau) * db**2),
    symbols={
        tau: "height",
        dtau: Meaning("differential of the height", Differential(tau)),
        db: Meaning("length of the differential of the fibre coordinates b", Norm(Differential(b))),
        symbol("s"): "arc length",
    },
    conventions=[CURVATURE, "the half-space metric is (|dx|^2 + dy^2) / y^2, with x = b and y = e^tau"],
    status="proves",
    sources=[(SOURCE, "A.6")],
    certificate=Certificate(
        points=grid(tau=HEIGHTS, dtau=("-2", "2"), db=("0", "2")), independent=lambda p: _half_space(p)
    ),
)
def geo_metric(claim: Any) -> Iterator[Step]:
    """Pull the half-space metric back under y = e^tau."""
    y = sp.exp(tau)
    yield Step(sp.Derivative(y, tau), y, differentiate, "dy = e^tau dtau")
    for n in (1, 2, 3):
        bs = coordinates("b", n)
        jacobian = sp.Matrix([*bs, y]).jacobian([tau, *bs])
        half_space = sp.eye(n + 1) / y**2
        pulled = sp.MatMul(*(sp.ImmutableMatrix(x) for x in (jacobian.T, half_space, jacobian)))
        yield Step(pulled, metric(tau, n), matrices, f"the pull-back as a matrix, outright for d = {n + 1}")
    yield Step(
        (db**2 + (y * dtau) ** 2) / y**2,
        claim.rhs,
        algebra,
        "in any dimension |db|^2 is carried along as it is",
    )


def _half_space(p: Point) -> arb:
    y = exact(p["tau"]).exp()
    return ((exact(p["db"]) / y) ** 2) + (y * exact(p["dtau"]) / y) ** 2


@entry(
    id="geo-volume",
    title="The Riemannian volume",
    statement=sp.Eq(Differential(Volume()) / (Differential(tau) * Differential(b)), sp.exp(-m * tau)),
    symbols={tau: "height", m: "dimension of the fibre, d - 1"},
    conventions=[CURVATURE, "density with respect to dtau db, b the fibre coordinates"],
    uses=["geo-metric"],
    status="proves",
    sources=[(SOURCE, "A.6")],
    implements=[f"{GEOMETRY}.volume", f"{GEOMETRY}.log_volume"],
    certificate=Certificate(
        points=grid(tau=HEIGHTS, m=[1, 2, 3, 4, 7, 15, 31]),
        independent=lambda p: exact(p["tau"]).exp() / exact(p["tau"]).exp() ** (int(p["m"]) + 1),
    ),
)
def geo_volume(claim: Any) -> Iterator[Step]:
    """The square root of the metric's determinant."""
    for n in (1, 2, 3):
        yield Step(sp.Determinant(metric(tau, n)), sp.exp(-2 * n * tau), matrices, f"outright for d = {n + 1}")
    k = sp.Symbol("k", integer=True, positive=True)
    yield Step(
        sp.Product(sp.exp(-2 * tau), (k, 1, m)),
        sp.exp(-2 * m * tau),
        induction(m, 1),
        "a diagonal matrix in any dimension",
    )
    square = symbol("g", positive=True)
    yield Step(sp.sqrt(square), claim.rhs, substitute({square: sp.exp(-2 * m * tau)}), "its square root")
