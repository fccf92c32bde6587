"""Returns, weights, policies and critics, by hand."""

from __future__ import annotations

import math

import pytest
import scipy.stats
import torch

from hrssm.latents.one_hot import OneHot
from hrssm.systems.hieros.actor_critic import Actor, Critic, Spread, actor_inputs, discounts, returns
from hrssm.systems.hieros.settings import ActorCritic as Settings

SETTINGS = Settings(hidden=8, layers=1)


def generators() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(0)]


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, :, None]


def test_returns_by_hand():
    """g = 1/2, l = 1/4; backwards: R_2 = 3 + 1/2 * 8 = 7, R_1 = 1 + 1/2 (3/4 * 4 + 1/4 * 7) = 3.375."""
    found = returns(column(1, 3), column(1, 1), column(100, 4, 8), discount=0.5, trace=0.25)
    assert found.flatten().tolist() == [3.375, 7.0]


def test_nothing_comes_after_the_end():
    found = returns(column(1, 3), column(0, 1), column(100, 4, 8), discount=0.9, trace=0.7)
    assert float(found[0, 0]) == 1.0


@pytest.mark.parametrize(("trace", "expected"), [(0.0, 1 + 0.5 * 4), (1.0, 1 + 0.5 * (3 + 0.5 * 8))])
def test_the_trace_goes_from_one_step_to_all_of_them(trace, expected):
    found = returns(column(1, 3), column(1, 1), column(100, 4, 8), discount=0.5, trace=trace)
    assert float(found[0, 0]) == expected


def test_steps_count_by_what_led_to_them():
    """The start's own flag; then the probability that the episode had gone on, times the discount each time."""
    weights = discounts(torch.tensor([[1.0, 0.0]]), torch.tensor([[[0.5, 1.0], [1.0, 1.0], [0.1, 1.0]]]), discount=0.8)
    torch.testing.assert_close(weights[0, :, 0], torch.tensor([1.0, 0.4, 0.32]))
    assert torch.all(weights[0, :, 1] == 0)


def test_a_policy_draws_what_it_says():
    """Chi-square of a code of two variables; one seed in ten thousand fails."""
    actor = Actor(SETTINGS, 3, OneHot(2, 4), generators())
    torch.nn.init.normal_(actor.network.layers[-1].bias, generator=torch.Generator().manual_seed(1))
    inputs = torch.zeros(1, 20_000, 3)
    choice = actor(inputs, actor.columns.noise(torch.Generator().manual_seed(2), 1, 20_000))
    p = actor.columns.probabilities(actor.network(inputs[:, :1]))[0, 0].detach()
    assert torch.all(p >= 0.01 / 4)
    for variable in range(2):
        counts = choice.action[0].unflatten(-1, (4, 2))[..., variable].sum(0)
        assert scipy.stats.chisquare(counts, 20_000 * p[:, variable] / p[:, variable].sum()).pvalue > 1e-4 / 2
    classes = actor.columns.chosen(choice.action)[0]
    torch.testing.assert_close(choice.log_prob[0], p[classes, torch.arange(2)].log().sum(-1))
    torch.testing.assert_close(choice.entropy[0, 0], -(p * p.log()).sum())


def test_a_policy_starts_even_and_its_log_probability_has_a_gradient():
    actor = Actor(SETTINGS, 3, OneHot(1, 4), generators())
    choice = actor(torch.ones(1, 5, 3), actor.columns.noise(torch.Generator().manual_seed(2), 1, 5))
    torch.testing.assert_close(choice.entropy, torch.full((1, 5), math.log(4)))
    choice.log_prob.sum().backward()
    assert torch.any(actor.network.layers[-1].bias.grad != 0)


def test_a_critic_learns_the_returns_and_its_slow_copy_follows():
    critic = Critic(SETTINGS.model_copy(update={"slow": 0.25}), 3, generators())
    inputs = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(1))
    assert torch.all(critic.value(critic(inputs)).abs() < 1e-4)
    before = [p.clone() for p in critic.slow.parameters()]
    with torch.no_grad():
        for p in critic.fast.parameters():
            p.add_(1.0)
    critic.follow()
    for slow, was, fast in zip(critic.slow.parameters(), before, critic.fast.parameters(), strict=True):
        torch.testing.assert_close(slow, was + 0.25 * (fast - was))
        assert not slow.requires_grad


def test_a_critics_loss_has_the_returns_and_the_slow_copy_as_targets():
    critic = Critic(SETTINGS, 3, generators())
    inputs, targets = torch.zeros(1, 2, 3), torch.tensor([[0.0, 50.0]])
    loss = critic.loss(critic(inputs), inputs, targets)
    torch.testing.assert_close(loss, torch.full((1, 2), 2 * math.log(255)))


def test_advantages_are_divided_by_the_spread_but_never_multiplied():
    spread = Spread(1, torch.device("cpu"))
    assert float(spread.update(torch.linspace(0, 1, 101)[None])) == 1.0
    for _ in range(2000):
        scale = spread.update(torch.linspace(0, 100, 101)[None])
    assert float(scale) == pytest.approx(90, rel=1e-3)  # the 95th percentile less the 5th


def test_what_an_actor_sees_is_what_the_settings_name():
    features, extras = torch.ones(1, 2, 3), {"reward": torch.full((1, 2), math.e - 1), "continue": torch.zeros(1, 2)}
    some = Settings(inputs=("reward",))
    assert actor_inputs(some, features, extras)[0, 0].tolist() == pytest.approx([1, 1, 1, 1])
    assert actor_inputs(Settings(inputs=()), features, extras).shape == (1, 2, 3)
    assert actor_inputs(some, features, extras, torch.zeros(1, 2, 5)).shape == (1, 2, 9)
