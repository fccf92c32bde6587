"""Covariant attention and its fields: moved with their model, scalars stay and vectors move, to 1e-12 in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from hrssm.geometry import ball
from hrssm.geometry.ball import Isometry
from hrssm.integrators.ball import conservative
from hrssm.networks.attention import CovariantAttention, PlainBody, parameters_per_member
from hrssm.networks.ball_fields import ChartScores, Control, Curl, JumpRate, Potential, jump_log_likelihood
from hrssm.networks.tokens import ActionTokens, ChartTokens, View, join, move

WIDTH, LABELS, CHARTS, ACTIONS = 16, 8, 5, 4
DIMENSIONS = [2, 3, 5]


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


class Model(nn.Module):
    """All tokens and fields of one model of two members, in float64."""

    def __init__(self, d: int, *seeds: int, vectors_seen: int = 2) -> None:
        super().__init__()
        g = generators(*(seeds or (0, 1)))
        self.d = d
        self.charts = ChartTokens(g, CHARTS, d, LABELS, vectors=vectors_seen)
        self.tokens = ActionTokens(g, ACTIONS, d, LABELS, vectors=vectors_seen)

        def body(scalars: int = 0, vectors: int = 0) -> CovariantAttention:
            return CovariantAttention(
                g, vectors_seen=vectors_seen, labels=LABELS, width=WIDTH, scalars=scalars, vectors=vectors
            )

        self.potential = Potential(g, d, body(1, 1), body(1, 1), risk_weight=0.5)
        self.control, self.curl = Control(body(0, 1)), Curl(body(0, 2 * (d // 2)), 1.0)
        self.scores, self.rate = ChartScores(g, body(), ACTIONS), JumpRate(body(1))
        self.double()
        with torch.no_grad():  # away from the orientations that all charts share at first
            self.charts.turn += torch.randn(
                self.charts.turn.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64
            )

    def answers(self, z: Tensor, p: Tensor, actions: Tensor) -> dict[str, tuple[str, Tensor]]:
        """Every output, with what it is."""
        charts, acting = self.charts(z), self.tokens(z, actions)
        source, target = torch.zeros(z.shape[:2], dtype=torch.long), torch.full(z.shape[:2], 3)
        there, carried = self.charts.jump(z, p, source, target)
        return {
            "potential": ("scalar", self.potential(z, charts)),
            "force": ("covector", conservative(lambda z: self.potential(z, self.charts(z)))(z)),
            "direct force": ("covector", self.potential.force_heads(z, charts)),
            "control": ("covector", self.control(z, join(acting, charts))),
            "curl": ("two-form", self.curl(z, acting)),
            "scores": ("scalar", self.scores(charts, actions)),
            "rate": ("scalar", self.rate(charts)),
            "jumped": ("point", there),
            "jumped momentum": ("covector there", carried),
        }


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def batch(d: int, members: int = 2, points: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    z = ball.exp_origin(normal(members, points, d, scale=0.4))
    return z, ball.conformal_factor(z) * normal(members, points, d, seed=1), normal(members, points, ACTIONS, seed=2)


def isometry(d: int) -> Isometry:
    return Isometry(ball.exp_origin(normal(d, seed=3, scale=0.4)), torch.linalg.qr(normal(d, d, seed=4)).Q)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_every_part_is_covariant(d: int) -> None:
    model, (z, p, actions), g = Model(d), batch(d), isometry(d)
    before = model.answers(z, p, actions)
    move(model, g)
    after = model.answers(g(z), g.covector(z, p), actions)
    axes = torch.eye(d, dtype=torch.float64)
    for name, (kind, value) in before.items():
        found = after[name][1]
        if kind == "point":
            value = g(value)
        elif kind == "covector":
            value = g.covector(z, value)
        elif kind == "covector there":
            value = g.covector(before["jumped"][1], value)
        elif kind == "two-form":
            turn = g.frame(z.unsqueeze(-2), axes)  # rows: images of the axes
            factors = [ball.conformal_factor(x).square().unsqueeze(-1) for x in (z, g(z))]
            value = factors[1] * (turn.transpose(-1, -2) @ (value / factors[0]) @ turn)
        off = float((found - value).detach().abs().max() / value.detach().abs().max())
        assert off < 1e-12, f"{name}: {off}"


@pytest.mark.parametrize("d", [3])
def test_a_model_that_is_not_moved_answers_otherwise_so_the_test_above_can_fail(d: int) -> None:
    model, (z, p, actions), g = Model(d), batch(d), isometry(d)
    before, after = model.answers(z, p, actions), model.answers(g(z), g.covector(z, p), actions)
    for name in before:
        assert float((after[name][1] - before[name][1]).detach().abs().max()) > 1e-3, name


def test_scalar_transport_in_the_place_of_gyration_is_not_covariant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ball, "gyration", lambda u, w, x: x.expand(*torch.broadcast_shapes(u.shape, x.shape)))
    model, (z, _, actions) = Model(3), batch(3)
    before = model.control(z, join(model.tokens(z, actions), model.charts(z)))
    monkeypatch.undo()
    g = isometry(3)
    move(model, g)
    monkeypatch.setattr(ball, "gyration", lambda u, w, x: x.expand(*torch.broadcast_shapes(u.shape, x.shape)))
    after = model.control(g(z), join(model.tokens(g(z), actions), model.charts(g(z))))
    monkeypatch.undo()
    assert float((after - g.covector(z, before)).detach().abs().max()) > 1e-2


def test_the_plain_twin_is_not_covariant_and_has_the_same_size() -> None:
    g = generators(0, 1)
    attention = CovariantAttention(g, vectors_seen=2, labels=LABELS, width=64, scalars=1, vectors=1)
    size = parameters_per_member(attention)
    twin = PlainBody(g, 3, 3, parameters=size, scalars=1, vectors=1).double()
    assert parameters_per_member(twin) == pytest.approx(size, rel=0.02)
    z, _, _ = batch(3)
    turn = isometry(3).rotation
    assert turn is not None
    answer, turned = twin(z), twin(z @ turn.T)
    assert answer.vectors.shape == (2, 7, 1, 3)
    assert float((turned.scalars - answer.scalars).detach().abs().max()) > 1e-3
    assert float((turned.vectors - answer.vectors @ turn.T).detach().abs().max()) > 1e-3


def test_fields_take_the_plain_twin() -> None:
    g = generators(0)
    z, _, actions = (x[:1] for x in batch(3))

    def body(inputs: int, **outputs: int) -> PlainBody:
        return PlainBody(g, inputs, 3, parameters=500, **outputs)

    potential = Potential(g, 3, body(3, scalars=1, vectors=1), body(3, scalars=1, vectors=1)).double()
    control = Control(body(3 + ACTIONS, vectors=1)).double()
    assert potential(z, z).shape == (1, 7)
    assert control(z, torch.cat((z, actions), -1)).shape == potential.force_heads(z, z).shape == (1, 7, 3)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_one_force_is_a_gradient_and_the_other_is_not(d: int) -> None:
    """A gradient has a symmetric Jacobian."""
    model, (z, _, _) = Model(d), batch(d, points=1)

    def asymmetry(force) -> float:
        slope = torch.autograd.functional.jacobian(lambda x: force(x)[0, 0], z)[:, 0, 0]
        assert isinstance(slope, Tensor)
        return float((slope - slope.T).abs().max() / slope.abs().max())

    assert asymmetry(conservative(lambda z: model.potential(z, model.charts(z)))) < 1e-12
    assert asymmetry(lambda z: model.potential.force_heads(z, model.charts(z))) > 1e-3


def test_the_curl_is_antisymmetric() -> None:
    model, (z, _, actions) = Model(5), batch(5)
    field = model.curl(z, model.tokens(z, actions))
    torch.testing.assert_close(field, -field.transpose(-1, -2), rtol=0, atol=0)
    assert float(field.detach().abs().min()) > 0 or float(field.detach().abs().max()) > 0.1


@pytest.mark.parametrize("d", DIMENSIONS)
def test_jumps_are_isometries_that_compose(d: int) -> None:
    charts = Model(d).charts
    z, p, _ = batch(d)
    chart = [torch.full(z.shape[:2], k) for k in range(3)]
    there, carried = charts.jump(z, p, chart[0], chart[1])
    torch.testing.assert_close(charts.jump(there, carried, chart[1], chart[0]), (z, p), rtol=1e-9, atol=1e-10)
    onwards = charts.jump(there, carried, chart[1], chart[2])
    torch.testing.assert_close(onwards, charts.jump(z, p, chart[0], chart[2]), rtol=1e-9, atol=1e-10)
    length = [ball.gap(x) * y.norm(dim=-1, keepdim=True) for x, y in ((z, p), (there, carried))]
    torch.testing.assert_close(length[0], length[1], rtol=1e-10, atol=0)
    spread = [ball.distance(x[:, :1], x) for x in (z, there)]
    torch.testing.assert_close(spread[0], spread[1], rtol=1e-8, atol=1e-10)
    rotations = charts.rotations()
    identity = torch.eye(d, dtype=torch.float64).expand_as(rotations)
    torch.testing.assert_close(rotations @ rotations.transpose(-1, -2), identity, rtol=1e-12, atol=1e-12)


def test_a_jump_takes_the_centre_of_its_chart_to_the_centre_of_the_other() -> None:
    charts = Model(3).charts
    centres = charts.places()
    source, target = torch.tensor([[2], [2]]), torch.tensor([[4], [4]])
    there, _ = charts.jump(centres[:, 2:3], torch.zeros(2, 1, 3).double(), source, target)
    torch.testing.assert_close(there, centres[:, 4:5])


def test_a_member_does_not_depend_on_its_neighbours() -> None:
    pair, alone = Model(3, 5, 6), Model(3, 6)
    with torch.no_grad():
        alone.charts.turn.copy_(pair.charts.turn[1:])
    z, p, actions = batch(3)
    one, two = alone.answers(z[1:], p[1:], actions[1:]), pair.answers(z, p, actions)
    for name in one:
        torch.testing.assert_close(one[name][1], two[name][1][1:], rtol=1e-12, atol=1e-12)


def test_tokens_have_no_order() -> None:
    model, (z, _, actions) = Model(3), batch(3)
    views = model.tokens(z, actions), model.charts(z)
    first, second = model.control(z, join(*views)), model.control(z, join(*reversed(views)))
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-13)


def test_gradients_are_finite_at_the_place_of_a_token_and_at_the_base_point() -> None:
    model = Model(3)
    for z in (model.charts.places()[:, :2].detach().requires_grad_(), torch.zeros(2, 1, 3).double().requires_grad_()):
        force = conservative(lambda z: model.potential(z, model.charts(z)))(z)
        gradients = torch.autograd.grad(force.square().sum(), [z, model.charts.free, model.charts.vectors])
        assert all(torch.isfinite(x).all() for x in (force, *gradients))


def test_places_start_where_they_are_said_to() -> None:
    model = Model(3)
    torch.testing.assert_close(
        model.charts.places().norm(dim=-1), torch.full((2, CHARTS), 0.3).double(), rtol=1e-6, atol=0
    )
    assert isinstance(model.charts(batch(3)[0]), View)


def test_the_likelihood_of_jumps_teaches_their_rate() -> None:
    """Its maximum over a constant rate is at -log(1 - f) / time, f the share that jumped."""
    jumped = torch.arange(100) < 30
    rate = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    for _ in range(200):
        (slope,) = torch.autograd.grad(jump_log_likelihood(rate.expand(100), jumped, 0.5).mean(), rate)
        rate = (rate + slope).detach().requires_grad_()
    assert rate.item() == pytest.approx(-math.log(0.7) / 0.5, rel=1e-6)
    assert float(jump_log_likelihood(torch.tensor(1e-9), torch.tensor(True), 1.0)) == pytest.approx(math.log(1e-9))


def test_first_and_second_derivatives() -> None:
    model = Model(2)
    z, _, actions = batch(2, points=2)

    def answer(z: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        seen = join(model.tokens(z, actions), model.charts(z))
        return model.control(z, seen), model.potential(z, seen)

    arguments = (z.requires_grad_(), actions.requires_grad_())
    assert torch.autograd.gradcheck(answer, arguments)
    assert torch.autograd.gradgradcheck(answer, arguments)
