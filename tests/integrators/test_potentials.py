"""Potentials, and the stationary law of the thermostat in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hrssm.evaluation.dynamics import radial_law
from hrssm.geometry import ball
from hrssm.integrators.ball import Forces, conservative, trajectory
from hrssm.integrators.potentials import Confinement, Outward


def points(n: int, d: int, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return ball.exp_origin(0.5 * torch.randn(n, d, dtype=torch.float64, generator=g))


@pytest.mark.parametrize("kind", [Confinement, Outward])
@pytest.mark.parametrize("d", [1, 3])
def test_forces_are_minus_the_slopes(kind: type, d: int) -> None:
    z = points(20, d)
    made = kind(1.3, points(1, d, seed=1))
    torch.testing.assert_close(made.force(z), conservative(made.potential)(z), rtol=1e-10, atol=1e-11)
    apart = ball.distance(z, made.centre)
    length = made.force(z).norm(dim=-1) / ball.conformal_factor(z)[:, 0]
    torch.testing.assert_close(length, 1.3 * (apart if kind is Confinement else torch.ones_like(apart)))
    assert (made.force(made.centre) == 0).all()


@pytest.mark.parametrize(("d", "strength"), [(2, 0.0), (2, 0.5), (5, 0.0)])
def test_the_thermostat_samples_the_gibbs_law(d: int, strength: float) -> None:
    """Kolmogorov's statistic of 4000 particles within 1.95 / sqrt(4000), exceeded with probability 0.001; fixed seed.

    The step, 0.15, is one whose own bias is far below that.
    """
    n, stiffness, temperature = 4000, 2.0, 0.8
    centre = torch.zeros(d, dtype=torch.float64)
    well, push = Confinement(stiffness, centre), Outward(strength, centre)
    forces = Forces(lambda z: well.force(z) + push.force(z))
    z = 0.3 * points(n, d, seed=3)
    g = torch.Generator().manual_seed(0)
    path = trajectory(
        z, torch.zeros_like(z), forces, 0.15, 60, every=60, friction=2.0, temperature=temperature, generator=g
    )
    law = radial_law(lambda r: stiffness / 2 * r**2 - strength * r, temperature, d)
    sample = ball.distance(path.z[-1], centre).numpy()
    assert law.statistic(sample) < 1.95 / np.sqrt(n)
    other = radial_law(lambda r: 1.15 * stiffness / 2 * r**2 - strength * r, temperature, d)
    assert other.statistic(sample) > 1.95 / np.sqrt(n)


def test_without_confinement_the_outward_force_carries_everything_away() -> None:
    """At the terminal speed strength / friction."""
    z = points(500, 3)
    force = Outward(0.5, torch.zeros(3, dtype=torch.float64)).force
    path = trajectory(z, torch.zeros_like(z), Forces(force), 0.05, 400, every=200, friction=1.0)
    distance = ball.distance(path.z, torch.zeros(3, dtype=torch.float64))
    speed = (distance[2] - distance[1]).mean() / 10
    assert float(speed) == pytest.approx(0.5, rel=0.01)
