"""The nine statements on state updates as properties, with their counter-examples and the cases of equality."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hrssm.networks import bounds
from hrssm.networks.layers import LayerNorm
from hrssm.networks.table import UPDATES, state_update
from hrssm.networks.updates import Gated, LSTMCell

SLACK = 1 + 1e-12  # rounding, in float64


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def accumulated(h0: Tensor, increments: Tensor) -> Tensor:
    return h0[:, None] + increments.cumsum(1)


@given(st.integers(0, 10**6), st.integers(1, 20))
@settings(deadline=None, max_examples=30)
def test_a_sum_is_bounded_by_the_sum_of_norms_and_parallel_increments_attain_it(seed, width):
    h0, increments = draw(2, 3, width, seed=seed), draw(2, 9, 3, width, seed=seed + 1)
    bound = bounds.residual(h0, increments)
    assert (accumulated(h0, increments).norm(dim=-1) <= bound * SLACK).all()
    along = h0[:, None] * increments[..., :1].abs()
    torch.testing.assert_close(accumulated(h0, along).norm(dim=-1), bounds.residual(h0, along))


def test_independent_increments_grow_as_their_law_says():
    # 4 000 walks: the mean of |h|^2 has a relative standard deviation of at most sqrt(2/4000) = 0.023; five of them
    # over 60 comparisons fail with probability below 1e-4.
    mean, factor = torch.tensor([0.1, -0.2, 0.0], dtype=torch.float64), draw(3, 3, seed=3)
    h0, covariance = draw(3, seed=4), factor @ factor.T
    for drift in (mean, torch.zeros_like(mean)):
        increments = drift + draw(1, 30, 4000, 3, seed=5) @ factor.T
        states = accumulated(h0.expand(1, 4000, 3), increments)
        expected = bounds.expected_square(h0, drift, covariance, 30)
        torch.testing.assert_close(states[0].square().sum(-1).mean(-1), expected, rtol=0.12, atol=0)


@pytest.mark.parametrize("rate", [0.1, 1.0, 1.9])
def test_a_residual_model_may_be_bounded(rate):
    h, noise = draw(2, 3, 4, scale=5), draw(2, 400, 3, 4, seed=1)
    bound = bounds.contracted(h, noise, rate)
    for t, eta in enumerate(noise.unbind(1)):
        h = h - rate * h + eta
        assert (h.norm(dim=-1) <= bound[:, t] * SLACK).all()
    limit = noise.norm(dim=-1).amax(1) / (1 - abs(1 - rate))
    assert (bound[:, -1] <= limit * (1 + 1e-9)).all()
    with pytest.raises(ValueError, match=r"rate = 2: only a rate in \(0, 2\)"):
        bounds.contracted(h, noise, 2)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_layer_norm_and_its_jacobian_are_bounded_at_every_size(scale):
    norm = LayerNorm([torch.Generator()], 7).double()
    norm.gain.data, norm.bias.data = draw(1, 1, 7), draw(1, 1, 7, seed=1)
    norm.eps = 0.0
    h = draw(1, 20, 7, seed=2, scale=scale)
    assert (norm(h).norm(dim=-1) <= bounds.layer_norm(norm.gain, norm.bias)).all()
    for row in h[0]:
        jacobian = torch.autograd.functional.jacobian(lambda x: norm(x[None, None])[0, 0], row)
        assert torch.linalg.matrix_norm(jacobian, 2) <= bounds.layer_norm_jacobian(row, norm.gain) * SLACK


def test_layer_norm_attains_its_bound():
    h = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    gain, bias = torch.full((4,), 3.0, dtype=torch.float64), 0.5 * h
    assert float((3 * h + bias).norm()) == pytest.approx(float(bounds.layer_norm(gain, bias)))


def test_jacobians_that_fall_as_one_over_t_multiply_to_a_power_of_t_and_constant_ones_to_an_exponential():
    steps, rate = 2000, 1.7
    falling = rate / torch.arange(1, steps + 1, dtype=torch.float64)[None, :, None]
    logs = bounds.residual_jacobian(falling)[0, :, 0]
    torch.testing.assert_close(logs, bounds.polynomial(rate, steps))
    assert float(logs[-1] - rate * math.log(steps)) == pytest.approx(-math.lgamma(1 + rate), abs=2e-3)
    # h' = 1 - 2 h^2 keeps [-1, 1], as a residual h + delta too; at its fixed point 1/2 the derivative is -2 a step.
    h = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    after = h
    for _ in range(50):
        after = after + (1 - 2 * after**2 - after)
    (slope,) = torch.autograd.grad(after, h)
    branch = torch.full((1, 50, 1), 3.0, dtype=torch.float64)  # |d delta/dh| = |-4 h - 1|
    assert after.item() == 0.5
    assert float(slope) == 2.0**50 <= float(bounds.residual_jacobian(branch)[0, -1, 0].exp())


@pytest.mark.parametrize(("dtype", "ratio"), [(torch.float32, 2**24), (torch.float16, 2**11), (torch.bfloat16, 2**8)])
def test_absorption_thresholds_in_the_number_format_itself(dtype, ratio):
    h = torch.cat([torch.tensor([1.0, 1.5, 2.0]), torch.rand(2000, generator=torch.Generator().manual_seed(0)) + 0.5])
    h = h.to(dtype)
    certain, possible = bounds.absorption(h.double(), dtype)
    torch.testing.assert_close(h.double() / possible, torch.full_like(possible, ratio))
    for sign in (1, -1):
        lost = (sign * certain).to(dtype)  # an exact halving: representable
        assert torch.equal(h + lost, h)
        kept = torch.nextafter((possible).to(dtype), torch.full_like(h, math.inf))
        assert (h + sign * kept != h).all()
    # Between them it depends: 1 loses +2^(-p-1), a tie, and keeps -2^(-p-1), since numbers below 1 lie closer.
    one, half_ulp = torch.ones((), dtype=dtype), torch.tensor(1 / ratio, dtype=dtype)
    assert one + half_ulp == one
    assert one - half_ulp != one


@pytest.mark.parametrize("constant", [0.0, 0.5, 1.0, 1.5])
def test_a_lipschitz_prediction_is_bounded_only_below_one(constant):
    h = draw(2, 3, 4)
    turn = torch.linalg.qr(draw(4, 4, seed=1)).Q
    bound = bounds.lipschitz(h, constant, 2.0, 60)
    for t in range(60):
        h = constant * h @ turn + 2 * torch.nn.functional.normalize(draw(2, 3, 4, seed=t + 9), dim=-1)
        assert (h.norm(dim=-1) <= bound[:, t] * SLACK).all()
    along = torch.ones(1, 1, 1, dtype=torch.float64)  # one direction: attained
    for t in range(60):
        along = constant * along + 2
        torch.testing.assert_close(along[0], bounds.lipschitz(torch.ones_like(along), constant, 2.0, t + 1)[0, -1:])
    with pytest.raises(ValueError, match="at least 0"):
        bounds.lipschitz(h, -1.0, 2.0, 3)


GATED = [name for name, entry in UPDATES.items() if entry.cls == "Gated"]


@pytest.mark.parametrize("name", GATED)
def test_a_gated_state_keeps_its_bound_for_300_steps(name):
    generators = [torch.Generator().manual_seed(k) for k in range(2)]
    update = state_update(name, generators, 3, 6).double()
    assert isinstance(update, Gated)
    state = h0 = draw(2, 4, 6, scale=2)
    gates, candidates, norms = [], [], []
    with torch.no_grad():
        for t in range(300):
            x = draw(2, 4, 3, seed=t, scale=3)
            gate, candidate = update.parts(x, state)
            state = update(x, state)
            gates.append(gate)
            candidates.append(candidate)
            norms.append(state.norm(dim=-1))
    gate, candidate, norm = (torch.stack(many, 1) for many in (gates, candidates, norms))
    assert (norm <= bounds.gated(h0, candidate, gate) * SLACK).all()
    scalar = "scalar" in name
    sizes = candidate.norm(dim=-1) if scalar else candidate.abs().amax(-1)
    assert (norm <= bounds.gated_supremum(h0, float(sizes.max()), scalar=scalar)[:, None] * SLACK).all()
    if name == "gated-scalar-unit":
        assert (norm <= bounds.unit_candidate(h0, gate) * SLACK).all()


def test_an_elementwise_gate_may_leave_the_larger_norm():
    h, c, gate = (torch.tensor(v, dtype=torch.float64) for v in ([1.0, 0.0], [0.0, 1.0], [0.0, 1.0]))
    after = torch.lerp(h, c, gate)
    bound = bounds.gated(h[None, None], c[None, None, None], gate[None, None, None])
    assert float(after.norm()) == float(bound) == math.sqrt(2) > max(h.norm(), c.norm())


def test_a_unit_candidate_lifts_a_small_state():
    h0, gates = torch.zeros(1, 1, 3, dtype=torch.float64), torch.full((1, 2, 1, 1), 0.25, dtype=torch.float64)
    c = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    assert float(torch.lerp(h0, c, gates[:, 0]).norm()) == 0.25 > float(h0.norm())
    assert bounds.unit_candidate(h0, gates)[0, :, 0].tolist() == [0.25, 1 - 0.75**2]


def test_a_gate_outside_the_unit_interval_is_refused():
    with pytest.raises(ValueError, match=r"gates lie in \[-0.5, -0.5\]"):
        bounds.gated(torch.ones(1, 1, 2), torch.ones(1, 1, 1, 2), torch.full((1, 1, 1, 2), -0.5))


def test_projecting_to_the_sphere_is_singular_only_where_the_increment_cancels():
    h = torch.nn.functional.normalize(draw(50, 4), dim=-1)
    delta = draw(50, 4, seed=1, scale=0.2)
    limits = bounds.unit_norm_jacobian(delta)
    for state, increment, limit in zip(h, delta, limits, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda x: torch.nn.functional.normalize(x, dim=-1), state + increment
        )
        assert torch.linalg.matrix_norm(jacobian, 2) <= limit * SLACK
        torch.testing.assert_close((state + increment) @ jacobian, torch.zeros(4, dtype=torch.float64))
    assert math.isinf(bounds.unit_norm_jacobian(-2 * h[:1]).item())


def test_an_lstms_cell_grows_by_one_a_step_at_open_gates_and_never_faster():
    cell = LSTMCell([torch.Generator()], 1, 2).double()
    for p in cell.parameters():
        p.data.zero_()
    cell.input_bias.data[..., :6] = 40.0  # input gate, forget gate and candidate open; sigmoid(40) is 1 in float64
    state = torch.zeros(1, 1, 4, dtype=torch.float64)
    for t in range(1, 101):
        state = cell(torch.zeros(1, 1, 1, dtype=torch.float64), state)
        torch.testing.assert_close(state[..., 2:], torch.full((1, 1, 2), float(t), dtype=torch.float64))
    open_gates = torch.ones(1, 100, 1, 2, dtype=torch.float64)
    bound = bounds.lstm(torch.zeros(1, 1, 2, dtype=torch.float64), open_gates, open_gates)
    assert float(bound[0, -1, 0]) == pytest.approx(100 * math.sqrt(2))
    assert float(bounds.lstm(torch.ones(1, 1, 2), open_gates / 2, open_gates / 2)[0, -1, 0]) == pytest.approx(
        math.sqrt(2)
    )
