"""Langevin dynamics on the ball: exact parts, order, reversibility, symmetry, the thermostat, the energy budget."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hrssm.environments.oscillator import BallOscillator
from hrssm.geometry import ball
from hrssm.geometry.guarded_ball import GuardedBall
from hrssm.integrators import ball as dynamics
from hrssm.integrators.ball import BAOAB, Forces, published, start, step, trajectory
from hrssm.integrators.geodesic_flow import geodesic_flow

FREE = GuardedBall(max_radius=1.0, denominator=0.0, distance_margin=0.0, metric=0.0)
AS_CODED, AS_WRITTEN = published(FREE), published(FREE, as_coded=False)


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def phase_point(n: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points at distances near 1 and covectors of length near 1."""
    z = ball.exp_origin(normal(n, d, seed=seed, scale=0.4))
    return z, ball.conformal_factor(z) * normal(n, d, seed=seed + 1, scale=0.7)


def antisymmetric(d: int, seed: int = 0) -> Tensor:
    a = normal(d, d, seed=seed)
    return a - a.T


def rotation(d: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(normal(d, d, seed=seed)).Q


def well(z: Tensor) -> Tensor:
    """Half the squared distance from a point off the centre."""
    centre = torch.zeros_like(z)
    centre[..., 0] = 0.3
    return ball.distance_squared(z, centre) / 2


# ----------------------------------------------------------------------------------------------------- exact parts


@pytest.mark.parametrize("d", [1, 2, 3, 8])
@pytest.mark.parametrize("time", [1e-9, 0.3, 3.0])
def test_geodesic_flow_is_the_exponential_map_and_transport(d: int, time: float) -> None:
    z, p = phase_point(50, d)
    v = p / ball.conformal_factor(z).square()
    there, carried, gap = geodesic_flow(z, p, time)
    torch.testing.assert_close(gap, ball.gap(there), rtol=1e-9, atol=0)
    torch.testing.assert_close(there, ball.exp(z, time * v), rtol=1e-12, atol=1e-14)
    # A step of length 3 from radius 0.9 leaves 1 - |z|^2 three digits short.
    torch.testing.assert_close(carried, ball.transport_covector(z, there, p), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_gradients_of_the_geodesic_flow(d: int) -> None:
    z, p = (x.requires_grad_() for x in phase_point(10, d))
    for time in (0.3, 3.0):
        assert torch.autograd.gradcheck(lambda z, p, time=time: geodesic_flow(z, p, time), (z, p))


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-6, 1e-3, 1.0])
def test_gradients_of_the_geodesic_flow_in_float32(size: float) -> None:
    """To rounding at every momentum, zero included."""
    z, p = phase_point(50, 3)
    weights = normal(3, 50, 3, seed=4)
    found = []
    for dtype in (torch.float32, torch.float64):
        place = z.float().to(dtype).requires_grad_()
        momentum = (size * p.float()).to(dtype).requires_grad_()
        ends = geodesic_flow(place, momentum, 0.5)
        total = sum(((w.to(dtype) * x).sum() for w, x in zip(weights, ends, strict=True)), torch.zeros((), dtype=dtype))
        found.append(torch.autograd.grad(total, (place, momentum)))
    for single, double in zip(*found, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=2e-5, atol=2e-6)


def test_free_flight_keeps_its_energy_and_the_published_drift_loses_it() -> None:
    """Over 200 steps of 0.01 and, for the published drift with its frozen momentum, a fall to a few per cent."""
    z = torch.tensor([[0.3, 0.1, 0.0]], dtype=torch.float64)
    v = torch.tensor([[1.0, 0.4, -0.2]], dtype=torch.float64)
    p = ball.conformal_factor(z).square() * v
    before = dynamics.kinetic_energy(z, p)
    after = trajectory(z, p, Forces(), 0.01, 200)
    torch.testing.assert_close(dynamics.kinetic_energy(after.z[-1], after.p[-1]), before, rtol=1e-10, atol=0)
    frozen = trajectory(z, p, Forces(), 0.01, 200, method=AS_CODED)
    assert float(dynamics.kinetic_energy(frozen.z[-1], frozen.p[-1]) / before) < 0.2


@pytest.mark.parametrize("d", range(2, 17))
@pytest.mark.parametrize("size", [0.01, 0.5, 3.0])
def test_cayley_keeps_the_norm_in_every_dimension(d: int, size: float) -> None:
    turn, p = size * antisymmetric(d), normal(20, d, seed=2)
    turned = dynamics.cayley(p, turn)
    torch.testing.assert_close(turned.norm(dim=-1), p.norm(dim=-1), rtol=1e-12, atol=0)
    identity = torch.eye(d, dtype=torch.float64)
    matrix = torch.linalg.solve(identity - turn, identity + turn)
    torch.testing.assert_close(turned, p @ matrix.T, rtol=1e-11, atol=1e-11)


def test_the_published_rotation_shortens_momentum() -> None:
    """By 2 tau^4 relative, tau = 0.1, in two dimensions; the Cayley transform turns by 2 arctan(tau)."""
    turn = torch.tensor([[0.0, 0.1], [-0.1, 0.0]], dtype=torch.float64)
    p = torch.tensor([1.0, 0.0], dtype=torch.float64)
    assert 1 - float(dynamics.frobenius(p, turn).norm()) == pytest.approx(2e-4, rel=0.06)
    turned = dynamics.cayley(p, turn)
    assert math.atan2(-turned[1], turned[0]) == pytest.approx(2 * math.atan(0.1))


# --------------------------------------------------------------------------------------------------- whole methods


def test_the_weights_of_a_method_say_what_it_integrates() -> None:
    assert [BAOAB.weight(x) for x in "ABRO"] == [1, 1, 1, 1]
    assert [AS_CODED.weight(x) for x in "ABRO"] == [1, 1.5, 1, 1]
    assert [AS_WRITTEN.weight(x) for x in "ABRO"] == [1, 2, 2, 1]


def errors(method: dynamics.Method, steps: tuple[int, ...]) -> list[float]:
    """Largest errors in position after time 2 in the oscillator's potential, whose truth is known."""
    oscillator = BallOscillator(3, 2.0)
    z, p = phase_point(20, 3)
    p = p / 2
    exact, _ = oscillator.flow(z, p, 2.0)
    forces = Forces(oscillator.force)
    found = []
    for count in steps:
        end = trajectory(z, p, forces, 2.0 / count, count, method=method)
        found.append(float((end.z[-1] - exact).norm(dim=-1).max()))
    return found


def test_second_order_against_the_exact_flow() -> None:
    coarse, fine, finest = errors(BAOAB, (100, 200, 400))
    assert coarse / fine == pytest.approx(4, rel=0.02)
    assert fine / finest == pytest.approx(4, rel=0.01)
    assert finest < 2e-4


@pytest.mark.parametrize("method", [AS_CODED, AS_WRITTEN])
def test_the_published_step_integrates_another_system(method: dynamics.Method) -> None:
    """Its error does not fall with the step."""
    coarse, fine = errors(method, (100, 400))
    assert fine > 0.8 * coarse > 0.05


def test_energy_error_falls_with_the_square_of_the_step() -> None:
    z, p = phase_point(10, 3)
    forces = Forces(dynamics.conservative(well))
    drifts = []
    for count in (100, 200):
        path = trajectory(z, p, forces, 8.0 / count, count)
        drift = dynamics.energy(path.z, path.p, well) - dynamics.energy(z, p, well)
        drifts.append(float(drift.abs().max()))
    assert drifts[0] / drifts[1] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_reversible(d: int) -> None:
    """Back to the start with the momentum negated, and with it the curl, which is odd in time."""
    z, p = phase_point(10, d)
    field = antisymmetric(d)
    ahead = Forces(dynamics.conservative(well), lambda z: 0.3 * z, lambda z: field * ball.gap(z).unsqueeze(-1))
    back = Forces(ahead.potential, ahead.control, lambda z: -field * ball.gap(z).unsqueeze(-1))
    there = step(start(z, p), ahead, 0.2, substeps=20)
    home = step(start(there.z, -there.p), back, 0.2, substeps=20)
    torch.testing.assert_close(home.z, z, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(-home.p, p, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_equivariant(d: int) -> None:
    """Everything moved by an isometry, the noise by its turn of the frames: the path moves along."""
    z, p = phase_point(10, d)
    move = ball.Isometry(ball.exp_origin(normal(d, seed=5, scale=0.5)), rotation(d))
    field = antisymmetric(d)
    base = ball.exp_origin(normal(d, seed=6, scale=0.3))
    moved_base = move(base)

    def frame_of(z: Tensor, base: Tensor, matrix: Tensor) -> Tensor:
        """A two-form with constant components in the frames transported from a base point."""
        axes = torch.eye(d, dtype=z.dtype).unsqueeze(-2)
        turns = ball.gyration(z, -base, axes)  # (d, ..., d): images of the axes
        return torch.einsum("i...a,ij,j...b->...ab", turns, matrix, turns)

    def forces(base: Tensor, arrow: Tensor, matrix: Tensor) -> Forces:
        return Forces(
            dynamics.conservative(lambda z: ball.distance_squared(z, base) / 2),
            lambda z: ball.transport_covector(base, z, arrow),
            lambda z: ball.conformal_factor(z).square().unsqueeze(-1) * frame_of(z, base, matrix),
        )

    arrow = normal(d, seed=7)
    axes = torch.eye(d, dtype=torch.float64)
    turn = move.frame(base, axes)  # rows: images of the axes at the base point
    here = forces(base, arrow, field)
    there = forces(moved_base, move.covector(base, arrow), turn.T @ field @ turn)
    state, moved = start(z, p), start(move(z), move.covector(z, p))
    options = {"friction": 1.0, "temperature": 0.1}
    for k in range(3):
        noise = normal(1, 10, d, seed=10 + k)
        # the thermostat acts half way: the frames it is given in are those of the place where it acts
        middle = step(state, here, 0.1, noise=noise, method=dynamics.Method("half", BAOAB.stages[:4], ""), **options)
        state = step(state, here, 0.1, noise=noise, **options)
        moved = step(moved, there, 0.1, noise=move.frame(middle.z, noise[0])[None], **options)
        torch.testing.assert_close(moved.z, move(state.z), rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(moved.p, move.covector(state.z, state.p), rtol=1e-10, atol=1e-11)


def test_the_potential_is_asked_once_a_step() -> None:
    asked = 0

    def force(z: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        return -z

    z, p = phase_point(4, 3)
    state = step(start(z, p), Forces(force), 0.1)
    assert asked == 2
    state = step(state, Forces(force), 0.1, substeps=5)
    assert asked == 7
    again = step(start(state.z, state.p), Forces(force), 0.1)
    torch.testing.assert_close(again.z, step(state, Forces(force), 0.1).z, rtol=0, atol=0)


def test_gradients_reach_the_start_and_the_parameters_of_a_potential() -> None:
    z, p = phase_point(3, 2)
    stiffness = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)

    def end(z: Tensor, p: Tensor, stiffness: Tensor) -> Tensor:
        forces = Forces(dynamics.conservative(lambda z: stiffness * well(z)))
        after = step(start(z, p), forces, 0.3, substeps=2)
        return torch.cat((after.z, after.p), -1)

    assert torch.autograd.gradcheck(end, (z.requires_grad_(), p.requires_grad_(), stiffness))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_particle_at_rest_stays_and_has_gradients(dtype: torch.dtype) -> None:
    z = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
    p = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
    after = step(start(z, p), Forces(lambda z: -z), 0.1)
    assert (after.z == 0).all()
    gradients = torch.autograd.grad(after.z.sum() + after.p.sum(), (z, p))
    assert all(torch.isfinite(g).all() for g in gradients)


# ---------------------------------------------------------------------------------------------- thermostat, budget


def test_energy_budget() -> None:
    """H changes by work and heat, up to an error that falls with the square of the step."""
    z, p = phase_point(50, 3)
    forces = Forces(dynamics.conservative(well), lambda z: 0.5 * ball.conformal_factor(z) * torch.ones_like(z))
    left = []
    for count in (50, 100):
        g = torch.Generator().manual_seed(0)
        path = trajectory(z, p, forces, 4.0 / count, count, friction=1.0, temperature=0.3, generator=g)
        change = dynamics.energy(path.z, path.p, well) - dynamics.energy(z, p, well)
        assert float(path.work[-1].abs().min()) > 1e-3
        assert float(path.heat[-1].abs().min()) > 1e-3
        left.append(float((change - path.work - path.heat)[-1].square().mean().sqrt()))
    assert left[1] < 0.01
    assert left[0] / left[1] == pytest.approx(4, rel=0.3)


def test_momentum_is_maxwellian() -> None:
    """At a fixed place the thermostat's law is N(0, T lambda^2): covariance within 5 standard errors of 20000 draws."""
    z = torch.tensor([[0.5, 0.2, -0.4]], dtype=torch.float64).expand(20000, 3)
    torch.manual_seed(0)
    only = dynamics.Method("thermostat", (("O", 1),), "")
    state = step(start(z, torch.zeros_like(z)), Forces(), 3.0, friction=4.0, temperature=0.7, method=only)
    frame = state.p / ball.conformal_factor(z)
    covariance = frame.T @ frame / len(z)
    assert (covariance / 0.7 - torch.eye(3).double()).abs().max() < 5 * math.sqrt(2 / len(z))


def test_work_of_a_control_is_its_line_integral() -> None:
    """A control that is minus a potential's slope does as much work as the potential gives up."""
    z, p = phase_point(20, 2)
    forces = Forces(None, dynamics.conservative(well))
    path = trajectory(z, p, forces, 0.01, 100)
    torch.testing.assert_close(path.work[-1], well(z) - well(path.z[-1]), rtol=1e-3, atol=1e-3)


# --------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"h": 0.0}, "h = 0.0"),
        ({"h": float("nan")}, "h = nan"),
        ({"friction": -1.0}, "friction = -1.0"),
        ({"temperature": -0.1}, "temperature = -0.1"),
        ({"substeps": 0}, "substeps = 0"),
        ({"noise": torch.zeros(3, 3)}, "noise has shape"),
    ],
)
def test_bad_options_are_named(options: dict, message: str) -> None:
    z, p = phase_point(3, 3)
    with pytest.raises(ValueError, match=message):
        step(start(z, p), Forces(), **({"h": 0.1} | options))


def test_bad_states_are_named() -> None:
    z, p = phase_point(3, 3)
    with pytest.raises(ValueError, match="1 of 3 points are not inside"):
        start(z + torch.tensor([[1.0], [0], [0]]), p)
    with pytest.raises(ValueError, match="not finite"):
        start(z, p * torch.inf)
    with pytest.raises(FloatingPointError, match="step 1 of 5"):
        trajectory(z, p, Forces(lambda z: z * torch.nan), 0.1, 5)
