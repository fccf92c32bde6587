"""Naive predictors, errors, drift and stationary laws, on paths whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from hrssm.distributions.riemannian_normal import RiemannianNormal
from hrssm.evaluation import dynamics
from hrssm.geometry import ball, horospherical


def geodesic(frames: int) -> torch.Tensor:
    z = torch.tensor([0.2, -0.1], dtype=torch.float64)
    v = torch.tensor([0.1, 0.3], dtype=torch.float64)
    return ball.exp(z, torch.arange(frames, dtype=torch.float64)[:, None] * v)


def test_constant_velocity_is_right_on_a_geodesic_and_copying_is_off_by_its_length() -> None:
    path = geodesic(6)
    step = float(ball.distance(path[0], path[1]))
    ahead = dynamics.constant_velocity(path[None, :2], 4)
    torch.testing.assert_close(ahead[0], path[2:], rtol=1e-10, atol=1e-12)
    error = dynamics.prediction_error(dynamics.copy_last(path[None, :2], 4), path[None, 2:])
    torch.testing.assert_close(error, step * torch.arange(1, 5, dtype=torch.float64), rtol=1e-10, atol=0)
    naive = dynamics.skill(dynamics.prediction_error(ahead, path[None, 2:]), error)
    torch.testing.assert_close(naive, torch.ones(4).double(), rtol=1e-9, atol=0)
    assert (dynamics.skill(error, error) == 0).all()


def test_drift_and_slope_of_an_energy() -> None:
    time = torch.arange(101, dtype=torch.float64)
    energy = torch.stack((5 + 0.01 * time, 5 + 0.3 * torch.sin(2 * torch.pi * time / 100)), -1)
    largest, slope = dynamics.energy_drift(energy)
    torch.testing.assert_close(largest, torch.tensor([1.0, 0.3], dtype=torch.float64))
    assert float(slope[0]) == pytest.approx(0.01)


def test_fitted_order() -> None:
    h = np.array([0.1, 0.05, 0.025])
    assert dynamics.fitted_order(h, 3 * h**2) == pytest.approx(2)
    with pytest.raises(ValueError, match="at least 2"):
        dynamics.fitted_order(h[:1], h[:1])


@pytest.mark.parametrize("d", [2, 5])
def test_the_gibbs_law_of_half_the_squared_distance_is_the_riemannian_normal(d: int) -> None:
    law = dynamics.radial_law(lambda r: r**2 / 2, 0.7**2, d)
    normal = RiemannianNormal(torch.zeros(d, dtype=torch.float64), 0.7)
    torch.manual_seed(0)
    sample = horospherical.distance(normal.sample((4000,)), normal.loc).numpy()
    assert law.statistic(sample) < 1.95 / np.sqrt(4000)
    moment = np.trapezoid(law.density * law.distance**2, law.distance)
    assert moment == pytest.approx(float(normal.radial_moment), rel=1e-6)


def test_in_one_dimension_it_is_half_a_normal() -> None:
    law = dynamics.radial_law(lambda r: r**2 / 2, 1.0, 1)
    r = np.linspace(0.01, 3, 50)
    np.testing.assert_allclose(law.cdf(r), 2 * stats.norm.cdf(r) - 1, atol=1e-6)


def test_an_outward_force_has_no_gibbs_law() -> None:
    with pytest.raises(ValueError, match="no Gibbs law"):
        dynamics.radial_law(lambda r: -0.5 * r, 0.1, 3)
    with pytest.raises(ValueError, match="no Gibbs law"):
        dynamics.radial_law(lambda r: 0.15 * r, 0.1, 3)
    dynamics.radial_law(lambda r: 0.25 * r, 0.1, 3)
    with pytest.raises(ValueError, match="temperature = 0"):
        dynamics.radial_law(lambda r: r, 0.0, 3)


def test_bad_shapes_are_named() -> None:
    with pytest.raises(ValueError, match="needs the last two"):
        dynamics.constant_velocity(torch.zeros(3, 1, 2), 4)
    with pytest.raises(ValueError, match="shapes must agree"):
        dynamics.prediction_error(torch.zeros(3, 4, 2), torch.zeros(3, 5, 2))
