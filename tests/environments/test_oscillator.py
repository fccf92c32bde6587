"""The exact flow on the ball: it solves Hamilton's equations, is a flow, and keeps what is conserved."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hrssm.environments.oscillator import BallOscillator
from hrssm.geometry import ball
from hrssm.integrators.ball import energy
from hrssm.integrators.geodesic_flow import geodesic_flow


def phase_point(n: int, d: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    z = ball.exp_origin(0.4 * torch.randn(n, d, dtype=torch.float64, generator=g))
    return z, 2 * torch.randn(n, d, dtype=torch.float64, generator=g)


def test_the_potential_is_half_omega_squared_tanh_squared_of_the_distance() -> None:
    z, _ = phase_point(20, 3)
    distance = ball.distance(z, torch.zeros_like(z))
    torch.testing.assert_close(BallOscillator(3, 1.7).potential(z), 1.7**2 / 2 * torch.tanh(distance).square())
    place = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(BallOscillator(3, 1.7).potential(place).sum(), place)
    torch.testing.assert_close(BallOscillator(3, 1.7).force(z), -slope)


@pytest.mark.parametrize("frequency", [0.0, 0.8, 3.0])
def test_the_flow_solves_hamiltons_equations(frequency: float) -> None:
    """By automatic differentiation in time and phase space; bound and escaping orbits are among them."""
    oscillator = BallOscillator(2, frequency)
    z, p = phase_point(30, 2)
    t = torch.full((30, 1), 0.6, dtype=torch.float64)
    (place, momentum), speeds = torch.autograd.functional.jvp(lambda t: oscillator.flow(z, p, t), t, torch.ones_like(t))
    z_, p_ = place.clone().requires_grad_(), momentum.clone().requires_grad_()
    by_place, by_momentum = torch.autograd.grad(energy(z_, p_, oscillator.potential).sum(), (z_, p_))
    torch.testing.assert_close(speeds[0], by_momentum, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(speeds[1], -by_place, rtol=1e-7, atol=1e-6)


def test_a_flow_composes_and_keeps_energy_and_angular_momentum() -> None:
    oscillator = BallOscillator(3, 2.0)
    z, p = phase_point(30, 3)
    half = oscillator.flow(*oscillator.flow(z, p, 0.4), 0.5)
    whole = oscillator.flow(z, p, 0.9)
    for a, b in zip(half, whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(
        energy(*whole, oscillator.potential), energy(z, p, oscillator.potential), rtol=1e-9, atol=0
    )
    torch.testing.assert_close(torch.linalg.cross(*whole), torch.linalg.cross(z, p), rtol=1e-8, atol=1e-9)


def test_without_a_potential_it_is_the_geodesic_flow() -> None:
    z, p = phase_point(30, 3)
    for a, b in zip(BallOscillator(3, 0.0).flow(z, p, 0.7), geodesic_flow(z, p, 0.7)[:2], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_bound_orbits_close() -> None:
    """After the period 2 pi / sqrt(omega^2 - 2 E)."""
    oscillator = BallOscillator(2, 3.0)
    z, p = torch.tensor([[0.2, 0.1]], dtype=torch.float64), torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    period = 2 * torch.pi / torch.sqrt(9 - 2 * energy(z, p, oscillator.potential))
    there = oscillator.flow(z, p, period.unsqueeze(-1))
    torch.testing.assert_close(there, (z, p), rtol=1e-11, atol=1e-12)


def test_paths_follow_the_flow_and_their_impulses_stay_bound() -> None:
    oscillator = BallOscillator(3, 2.0)
    path = oscillator.paths(50, 12, torch.Generator().manual_seed(0), interval=0.5, impulse=0.5)
    assert path.z.shape == path.p.shape == path.actions.shape == (50, 12, 3)
    assert (energy(path.z, path.p, oscillator.potential) < 0.45 * 4).all()
    refused = (path.actions == 0).all(-1)
    assert 0 < refused.double().mean() < 0.5
    for t in (0, 7):
        z = path.z[:, t]
        kicked = path.p[:, t] + ball.transport_covector(torch.zeros_like(z), z, 2 * path.actions[:, t])
        torch.testing.assert_close(oscillator.flow(z, kicked, 0.5)[0], path.z[:, t + 1])
    again = oscillator.paths(50, 12, torch.Generator().manual_seed(0), interval=0.5, impulse=0.5)
    assert torch.equal(again.z, path.z)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BallOscillator(0), "dimension = 0"),
        (lambda: BallOscillator(2, -1.0), "frequency = -1.0"),
        (lambda: BallOscillator(2).paths(0, 5, torch.Generator()), "number = 0"),
        (lambda: BallOscillator(2).paths(3, 1, torch.Generator()), "frames = 1"),
        (lambda: BallOscillator(2, 0.0).paths(3, 5, torch.Generator()), "frequency = 0"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
