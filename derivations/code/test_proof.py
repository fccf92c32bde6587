"""The engine of the code proofs can say no; every public formula is claimed; every claim holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy as sp
import torch
from torch.distributions import kl_divergence

from derivations.code import aten, coverage, run
from derivations.code import proof as code_proof
from derivations.code.claims.horospherical import two
from derivations.code.claims.table import CLAIMS, NUMERIC
from derivations.code.guarded import table as guarded
from derivations.code.guarded.gamma import MODULE, TaylorRemainder
from derivations.contents import collect

FORMULAS = collect()
x, y = sp.symbols("x y", positive=True)


def example(value: float = 0.7) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


# ------------------------------------------------------------------------------------------- reading graphs


@pytest.mark.parametrize("number", [0.5 * np.log(2 * np.pi), np.log(np.sqrt(2 * np.pi)), -1.5 * np.log(2 * np.pi)])
def test_constants_are_recognised(number: float) -> None:
    assert abs(float(aten.exact(number)) - number) < 1e-15
    assert aten.exact(number).has(sp.log)


def test_rationals_are_recognised_and_other_floats_refused() -> None:
    assert aten.exact(0.1) == sp.Rational(1, 10)
    assert aten.exact(1e-12) == sp.Rational(1, 10**12)
    with pytest.raises(ValueError, match="neither a rational"):
        aten.exact(0.91893853)  # a constant rounded by hand is not the constant
    assert aten.binary(0.1) == sp.Rational(0.1) != sp.Rational(1, 10)


def test_a_tensor_passed_twice_is_refused() -> None:
    one = example()
    with pytest.raises(ValueError, match="passed twice"):
        aten.trace(torch.add, one, one)


def test_an_operator_without_meaning_is_refused() -> None:
    graph = aten.trace(torch.special.bessel_j0, example())
    with pytest.raises(NotImplementedError, match="whose meaning is not in"):
        aten.evaluate(graph, x)


def test_every_way_through_the_comparisons_is_walked() -> None:
    graph = aten.trace(lambda a, b: torch.where(a > b, a.clamp(min=1.0), b.abs()), example(), example(0.3))
    found = {condition: value.item() for condition, value in aten.branches(graph, x, y)}
    assert len(found) == 4
    assert set(found.values()) == {x, y, sp.Integer(1)}


@pytest.mark.parametrize(
    ("function", "meaning"),
    [
        (lambda a: torch.cat([a[1:], a[:1]]).cumsum(0)[-1], lambda v: sum(v)),
        (lambda a: (a.unsqueeze(0) * a.unsqueeze(1)).sum(), lambda v: sp.expand(sum(v) ** 2)),
        (lambda a: torch.stack([a, 2 * a], -1).flatten().mean(), lambda v: sum(v) / 2),
        (lambda a: torch.linalg.vector_norm(a) ** 2, lambda v: sum(z**2 for z in v)),
        (lambda a: torch.addcmul(a, a, a, value=2.0)[..., 0], lambda v: v[0] + 2 * v[0] ** 2),
    ],
)
def test_shapes_are_read_as_torch_has_them(function, meaning) -> None:
    symbols = sp.symbols("v:3", positive=True)
    value = aten.evaluate(aten.trace(function, torch.rand(3, dtype=torch.float64)), symbols).item()
    assert sp.expand(value - meaning(symbols)) == 0


# ------------------------------------------------------------------------------------------- proving


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sp.log(x / y), sp.log(x) - sp.log(y)),
        (sp.log(1 + (x - y) / y), sp.log(x / y)),
        (sp.cosh(x - y), (sp.exp(x - y) + sp.exp(y - x)) / 2),
        (1 / (1 + sp.exp(-x)), sp.exp(x) / (1 + sp.exp(x))),
        (2 * sp.sinh(x / 2) ** 2, sp.cosh(x) - 1),
        (x + sp.log((1 - sp.exp(-2 * x)) / 2), sp.log(sp.sinh(x))),
        (sp.cosh(2 * sp.asinh(sp.sqrt(x))).expand(trig=True), 1 + 2 * x),
    ],
)
def test_rewrites_close_what_is_equal(left, right) -> None:
    assert code_proof.close(left, right) is not None
    assert code_proof.close(left, right * sp.Rational(101, 100)) is None
    assert code_proof.close(left, right + y / 1000) is None


@pytest.mark.parametrize("name", guarded.PRIMITIVES)
def test_primitives_are_what_they_say(name: str) -> None:
    found = guarded.examine(name)
    assert found.verdict == "true", found.detail
    # a polynomial or series to rounding, a quadrature rule to its proven bound
    assert found.deviation < (1e-13 if isinstance(guarded.PRIMITIVES[name], TaylorRemainder) else 2**-53)


@pytest.mark.parametrize("name", ["stirling", "trigamma_next", "gamma_bregman"])
def test_a_gamma_function_with_another_meaning_is_refused(name: str) -> None:
    right = guarded.PRIMITIVES[f"{MODULE}.{name}"]
    wrong = dataclasses.replace(right, meaning=lambda *a: right.meaning(*a) * (1 + sp.Rational(1, 10**9)))
    assert wrong.examine().verdict != "true"


def test_a_primitive_with_another_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "hrssm.geometry.series.sinhc"
    right = guarded.PRIMITIVES[name]
    wrong = dataclasses.replace(right, coefficient=lambda n: 1 / sp.factorial(2 * n + 2))
    monkeypatch.setitem(guarded.PRIMITIVES, name, wrong)
    assert guarded.examine.__wrapped__(name).verdict == "false"


HG_KL = next(c for c in CLAIMS if c.formula == "hg-kl")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda v, q, p: v * 1.5,
        lambda v, q, p: v + q.height_loc,
        lambda v, q, p: v + 1e-9 * p.height_scale,
        lambda v, q, p: torch.where(q.height_loc > 3, v + 1, v),
    ],
    ids=["factor", "term", "tiny term", "one branch"],
)
def test_wrong_code_is_refused(spoil) -> None:
    call = two(lambda q, p: spoil(kl_divergence(q, p), q, p))
    report = code_proof.verify(dataclasses.replace(HG_KL, call=call, dimensions=(2,)), FORMULAS)
    assert report.verdict != "true"


def test_q_and_p_swapped_is_refused() -> None:
    call = two(lambda q, p: kl_divergence(p, q))
    report = code_proof.verify(dataclasses.replace(HG_KL, call=call, dimensions=(3,)), FORMULAS)
    assert report.verdict == "false"


# ------------------------------------------------------------------------------------------- the claims


@pytest.mark.parametrize("index", range(len(CLAIMS)), ids=[f"{c.implements}-{c.variant}" for c in CLAIMS])
def test_claim(index: int) -> None:
    report = run.verify_one(index, FORMULAS)
    assert report.verdict == "true", report.detail


def test_every_public_formula_is_claimed() -> None:
    claimed = {name for f in FORMULAS.values() for name in f.implements}
    claimed |= {claim.implements for claim in CLAIMS} | set(NUMERIC)
    claimed = {coverage.canonical(name) for name in claimed}
    missing = [name for name in coverage.public_formulas() if coverage.canonical(name) not in claimed]
    assert not missing, f"no entry of the reference claims {', '.join(missing)}"


def test_claims_name_entries_that_exist() -> None:
    assert {id for c in CLAIMS for id in (c.formula, *c.also)} <= set(FORMULAS)
    assert {id for id, _ in NUMERIC.values()} <= set(FORMULAS)
