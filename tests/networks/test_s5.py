"""S5 against the recurrence written out: the scan and its derivative, resets, the single step, the initialisation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hrssm.networks import scan as scans
from hrssm.networks.s5 import S5, S5Block, S5Stack, hippo, zero_order_hold
from hrssm.networks.scan import composed, scan, stepwise

DOUBLE = {"rtol": 1e-10, "atol": 1e-10}


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=[stepwise, composed], ids=["stepwise", "composed"])
def recurrence(request, monkeypatch):
    """Both ways of running the recurrence, on the CPU."""
    monkeypatch.setitem(scans.RECURRENCES, "cpu", request.param)


def generators(members: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + k) for k in range(members)]


def written_out(decay: Tensor, drive: Tensor, initial: Tensor, resets: Tensor) -> Tensor:
    """The recurrence of one member, number by number, left to autograd."""
    x, states = initial, []
    for t in range(drive.shape[1]):
        x = torch.where(resets[:, t, :, None], 0, x) * decay[:, None] + drive[:, t]
        states.append(x)
    return torch.stack(states, 1)


def problem(steps: int, *, resets: float, dtype=torch.complex128) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(steps)
    members, batch, size = 2, 3, 4
    decay = torch.polar(torch.rand(members, size, generator=g), 6 * torch.rand(members, size, generator=g)).to(dtype)
    drive = torch.randn(members, steps, batch, size, generator=g, dtype=dtype)
    initial = torch.randn(members, batch, size, generator=g, dtype=dtype)
    flags = torch.rand(members, steps, batch, generator=g) < resets
    return decay.requires_grad_(), drive.requires_grad_(), initial.requires_grad_(), flags


@pytest.mark.parametrize("resets", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 13, 64])
def test_scan_and_every_gradient_are_those_of_the_recurrence(recurrence, steps, resets):
    decay, drive, initial, flags = problem(steps, resets=resets)
    states, expected = scan(decay, drive, initial, flags), written_out(decay, drive, initial, flags)
    torch.testing.assert_close(states, expected, **DOUBLE)
    weight = torch.randn(states.shape, generator=torch.Generator().manual_seed(1), dtype=states.dtype)
    for mine, theirs in zip(
        torch.autograd.grad((states * weight).sum().real, (decay, drive, initial)),
        torch.autograd.grad((expected * weight).sum().real, (decay, drive, initial)),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, **DOUBLE)


def test_gradients_against_finite_differences(recurrence):
    decay, drive, initial, flags = problem(5, resets=0.3)
    assert torch.autograd.gradcheck(lambda *x: scan(*x, flags), (decay, drive, initial))


def test_scan_in_single_precision(recurrence):
    decay, drive, initial, flags = problem(64, resets=0.05, dtype=torch.complex64)
    wide = (x.to(torch.complex128) for x in (decay, drive, initial))
    torch.testing.assert_close(
        scan(decay, drive, initial, flags).to(torch.complex128), scan(*wide, flags), rtol=1e-5, atol=1e-5
    )


def test_a_reset_cuts_an_episode_off_from_all_that_was_before(recurrence):
    decay, drive, initial, flags = problem(9, resets=0.0)
    flags[:, 4] = True
    states = scan(decay, drive, initial, flags)
    for leaf in torch.autograd.grad(states[:, 4:].abs().sum(), (drive, initial)):
        before = leaf[:, :4] if leaf.dim() == 4 else leaf
        assert torch.all(before == 0)
    alone = scan(decay, drive[:, 4:], torch.zeros_like(initial), flags[:, 4:])
    torch.testing.assert_close(states[:, 4:], alone, **DOUBLE)


def test_composition_of_steps_is_associative_with_resets():
    g = torch.Generator().manual_seed(0)
    (a1, b1), (a2, b2), (a3, b3) = ((torch.randn(200, generator=g), torch.randn(200, generator=g)) for _ in range(3))
    a2 = torch.where(torch.rand(200, generator=g) < 0.5, 0, a2)

    def after(later, earlier):
        return later[0] * earlier[0], later[0] * earlier[1] + later[1]

    left = after((a3, b3), after((a2, b2), (a1, b1)))
    right = after(after((a3, b3), (a2, b2)), (a1, b1))
    torch.testing.assert_close(left, right)


@pytest.mark.parametrize(
    "build", [lambda g: S5Stack(g, 6, 8, depth=2), lambda g: S5Block(g, 6, 8)], ids=["stack", "block"]
)
@pytest.mark.parametrize("starts", [False, True], ids=["zero", "start"])
def test_a_parallel_pass_and_single_steps_agree(float64, recurrence, build, starts):
    model = build(generators(2))
    layers = 4 if isinstance(model, S5Stack) else 2
    g = torch.Generator().manual_seed(3)
    x = torch.randn(2, 11, 3, 6, generator=g)
    state = torch.randn(2, 3, layers, 8, generator=g, dtype=torch.complex128)
    resets = torch.rand(2, 11, 3, generator=g) < 0.2
    start = torch.randn(2, 1, layers, 8, generator=g, dtype=torch.complex128) if starts else None
    outputs, states = model.observe(x, state, resets, start)
    discrete = model.discretise() if isinstance(model, S5Stack) else [layer.discretise() for layer in model.layers]
    for t in range(11):
        state = torch.where(resets[:, t, :, None, None], 0 if start is None else start, state)
        y, state = model.step(x[:, t], state, discrete)
        torch.testing.assert_close(outputs[:, t], y, **DOUBLE)
        torch.testing.assert_close(states[:, t], state, **DOUBLE)


def test_a_layer_is_the_state_space_model_in_real_numbers(float64):
    """The eigenvectors go back in: x' = A x + B u with the real HiPPO matrix, integrated exactly over a step."""
    layer = S5(generators(1), 3, 4, blocks=1)
    step = 0.05
    with torch.no_grad():
        layer.log_step.fill_(math.log(step))
    rate, vectors = hippo(4)
    a = (vectors @ torch.diag(rate) @ vectors.mH).real
    b = (vectors @ torch.view_as_complex(layer.input_weight[0]).mT).real
    pairs = layer.output_weight[0].detach()
    c = torch.complex(pairs[:, 0], -pairs[:, 1]).mT @ vectors.mH
    # exp of the joint matrix [[A, B], [0, 0]] integrates the input held constant.
    joint = torch.zeros(7, 7)
    joint[:4, :4], joint[:4, 4:] = a, b
    whole = torch.linalg.matrix_exp(joint * step)
    u = torch.randn(1, 6, 1, 3, generator=torch.Generator().manual_seed(0))
    outputs, _ = layer.observe(u, torch.zeros(1, 1, 4, dtype=torch.complex128), torch.zeros(1, 6, 1, dtype=torch.bool))
    x = torch.zeros(4)
    for t in range(6):
        x = whole[:4, :4] @ x + whole[:4, 4:] @ u[0, t, 0]
        y = (c @ x.to(c)).real + layer.feedthrough[0, 0] * u[0, t, 0]
        torch.testing.assert_close(outputs[0, t, 0], y, **DOUBLE)


@pytest.mark.parametrize("size", [1, 2, 7, 32])
def test_the_initial_matrix_is_minus_a_half_and_a_skew_part(size):
    rate, vectors = hippo(size)
    n = torch.arange(size, dtype=torch.float64)
    root = (2 * n + 1).sqrt()
    legs = -torch.outer(root, root).tril(-1) - torch.diag(n + 1)
    low_rank = torch.outer((n + 0.5).sqrt(), (n + 0.5).sqrt())
    torch.testing.assert_close(
        vectors @ torch.diag(rate) @ vectors.mH, (legs + low_rank).to(torch.complex128), rtol=0, atol=1e-12
    )
    torch.testing.assert_close(vectors @ vectors.mH, torch.eye(size, dtype=torch.complex128), rtol=0, atol=1e-12)
    assert torch.all(rate.real == -0.5)


def test_real_parts_stay_negative_whatever_is_learned():
    layer = S5(generators(1), 4, 8)
    with torch.no_grad():
        layer.log_decay.uniform_(-30, 30, generator=torch.Generator().manual_seed(0))
    assert torch.all(layer.rate.real < 0)
    assert torch.all(layer.discretise().decay.abs() <= 1)
    u = torch.randn(1, 2000, 1, 4, generator=torch.Generator().manual_seed(1))
    _, states = layer.observe(u, torch.zeros(1, 1, 8, dtype=torch.complex64), torch.zeros(1, 2000, 1, dtype=torch.bool))
    assert torch.isfinite(states).all()


@pytest.mark.parametrize("size", [1e-8, 1e-3, 1.0, 20.0])
def test_the_hold_in_single_precision(size):
    rate, step = torch.tensor([-0.5 + 3j], dtype=torch.complex128), torch.tensor([size], dtype=torch.float64)
    wide, narrow = zero_order_hold(rate, step), zero_order_hold(rate.to(torch.complex64), step.float())
    for a, b in zip(wide, narrow, strict=True):
        torch.testing.assert_close(b.to(torch.complex128), a, rtol=5e-7 * max(1, size), atol=1e-12)


def test_a_member_does_not_depend_on_its_neighbours():
    together, alone = S5Stack(generators(3), 6, 8, depth=1), S5Stack(generators(1, first=1), 6, 8, depth=1)
    for name, p in alone.state_dict().items():
        torch.testing.assert_close(together.state_dict()[name][1], p[0], rtol=0, atol=0)
    g = torch.Generator().manual_seed(3)
    x, resets = torch.randn(3, 5, 2, 6, generator=g), torch.rand(3, 5, 2, generator=g) < 0.3
    many, _ = together.observe(x, together.initial(2), resets)
    one, _ = alone.observe(x[1:2], alone.initial(2), resets[1:2])
    torch.testing.assert_close(many[1], one[0])


def test_states_must_fill_the_blocks():
    with pytest.raises(ValueError, match="states = 10 cannot be cut into 4 blocks"):
        S5(generators(1), 4, 10)
