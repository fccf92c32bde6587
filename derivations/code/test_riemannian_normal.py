"""The shipped Riemannian normal and its divergences against the enclosures of this chapter, in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from flint import arb
from torch.distributions import kl_divergence

from derivations.chapters.riemannian_normal.density import rn_moment
from derivations.chapters.riemannian_normal.exact import DIMENSIONS, SCALES
from derivations.chapters.riemannian_normal.kl import rn_kl_centres
from derivations.chapters.riemannian_normal.small_scale import a4_coupling, a4_recentred
from derivations.code.guarded import radial as radial_table
from derivations.enclosures.strip import divergences, log_normaliser_ratio
from derivations.engine.ball_arithmetic import ball, exact, precision
from hrssm.distributions import HorosphericalGaussian, RiemannianNormal

TOLERANCE = 1e-11


def _number(text: str) -> float:
    return float(exact(text))


def _riemannian(dimension: int, scale: float, height: float = 0.0) -> RiemannianNormal:
    centre = torch.zeros(dimension, dtype=torch.float64)
    centre[0] = height
    return RiemannianNormal(centre, torch.tensor(scale, dtype=torch.float64))


def _horospherical(dimension: int, scale: float) -> HorosphericalGaussian:
    zero, size = torch.zeros(dimension, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64)
    return HorosphericalGaussian(zero[0], zero[1:], size, size)


def _close(found: torch.Tensor, enclosure: arb, tolerance: float = TOLERANCE) -> None:
    value = float(enclosure.mid())
    assert abs(float(found) - value) <= tolerance * abs(value), f"{float(found)!r} against {enclosure.str(20)}"


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("scale", SCALES)
def test_divergences(dimension: int, scale: str) -> None:
    """Both quadratures of `hrssm.distributions.cross_kl` against `a4-exact`."""
    there, back = divergences(dimension, scale)
    q, p = _horospherical(dimension, _number(scale)), _riemannian(dimension, _number(scale))
    # The divergence is a difference of terms of size d, which is what its float error is measured against.
    slack = 1e-14 * dimension
    _close(kl_divergence(q, p), there, TOLERANCE + slack / float(there))
    _close(kl_divergence(p, q), back, TOLERANCE + slack / float(back))


@pytest.mark.parametrize("dimension", [2, 16, 64])
@pytest.mark.parametrize("scale", ["1/100", "3/10", "2"])
def test_normaliser(dimension: int, scale: str) -> None:
    with precision(200):
        ratio = log_normaliser_ratio(dimension - 1, scale)
        half = arb(dimension) / 2
        log_normaliser = ratio + half * (2 * arb.pi()).log() + dimension * exact(scale).log()
    _close(_riemannian(dimension, _number(scale)).log_normaliser, log_normaliser, 1e-13)


@pytest.mark.parametrize("fibre", [*radial_table.FUNCTIONS, 15, 127])
def test_the_table_of_the_normaliser(fibre: int) -> None:
    """What the proof of log_prob takes the table for."""
    radial_table.examine.__wrapped__(fibre)


def test_a_table_that_is_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = radial_table.log_radial_integral
    monkeypatch.setattr(radial_table, "log_radial_integral", lambda scale, fibre: right(scale, fibre) + 2e-14)
    with pytest.raises(ArithmeticError, match="is off by"):
        radial_table.examine.__wrapped__(2)


@pytest.mark.parametrize("dimension", [2, 3, 8])
@pytest.mark.parametrize("scale", ["1/4", "1", "2"])
def test_moment_entropy_and_concentric_divergence(dimension: int, scale: str) -> None:
    other = "3/5"
    with precision(400):
        point = {"d": dimension, "sigma_q": scale, "sigma_p": other}
        moment, entropy, divergence = (ball(relation.rhs, point) for relation in rn_moment.statement)
    q, p = _riemannian(dimension, _number(scale)), _riemannian(dimension, _number(other))
    _close(q.radial_moment, moment)
    _close(q.entropy(), entropy)
    _close(kl_divergence(q, p), divergence)


@pytest.mark.parametrize(("index", "dimension"), [(0, 3), (1, 5)])
@pytest.mark.parametrize("distance", ["1/10", "1", "4"])
@pytest.mark.parametrize("scales", [("1/4", "1/2"), ("1", "7/10"), ("3/2", "3/2")])
def test_divergence_between_centres(index: int, dimension: int, distance: str, scales: tuple[str, str]) -> None:
    with precision(300):
        point = {"sigma_q": scales[0], "sigma_p": scales[1], "D": distance}
        divergence = ball(rn_kl_centres.statement[index].rhs, point)
    q = _riemannian(dimension, _number(scales[0]))
    p = _riemannian(dimension, _number(scales[1]), _number(distance))
    _close(kl_divergence(q, p), divergence)


def _at(expression: Any, dimension: int) -> float:
    return float(expression.subs({x: dimension for x in expression.free_symbols}))


@pytest.mark.parametrize("dimension", [2, 16])
@pytest.mark.parametrize("coupling", [1.0, 0.5])
def test_recentred(dimension: int, coupling: float) -> None:
    """The nearest HG has the divergence that the expansion gives it, up to the next order."""
    scale = 0.005
    p = _riemannian(dimension, scale)
    found = float(kl_divergence(p.recentred(coupling), p))
    if coupling == 1:
        lead, after = (_at(a4_recentred.statement[n].rhs, dimension) for n in (2, 3))
        assert found == pytest.approx(lead * scale**2 + after * scale**4, rel=2e-5)
    else:
        assert found == pytest.approx(_at(a4_coupling.statement[4].rhs, dimension) * scale**4, rel=0.005)
