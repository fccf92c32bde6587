"""The world model of an agent: which action moves which prior, where episodes end, and what is minimised."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hrssm.latents.table import latent
from hrssm.systems.hieros.settings import WorldModel as Settings
from hrssm.systems.hieros.world_model import Moment, Window, WorldModel

STEPS, BATCH, ACTIONS = 7, 3, 4
BASE = {"latent": {"dim": 9}, "width": 12, "states": 8, "depth": 2, "blocks": 2, "hidden": 10, "layers": 1}


@pytest.fixture(autouse=True)
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def model(**changes) -> WorldModel:
    settings = Settings.model_validate(BASE | changes)
    family = latent(settings.latent.family)(settings.latent.dim)
    return WorldModel(settings, family, (5,), ACTIONS, [torch.Generator().manual_seed(0)])


def window(seed: int = 0) -> Window:
    g = torch.Generator().manual_seed(seed)
    action = torch.nn.functional.one_hot(torch.randint(ACTIONS, (1, STEPS, BATCH), generator=g), ACTIONS).double()
    first = torch.zeros(1, STEPS, BATCH, dtype=torch.bool)
    first[0, 3, 1] = True
    terminal = torch.zeros_like(first)
    terminal[0, 2, 1] = True
    shape = (1, STEPS, BATCH)
    return Window(torch.randn(*shape, 5, generator=g), action, torch.randn(shape, generator=g), first, terminal)


def noise(world: WorldModel) -> Tensor:
    return world.family.noise(torch.Generator().manual_seed(1), 1, STEPS, BATCH, dtype=torch.float64)


RECURRENCES = pytest.mark.parametrize("recurrence", ["s5", "gru"])
FAMILIES = pytest.mark.parametrize(
    "family", [("categorical", 9), ("gaussian", 4), ("gaussian-manifold-normal", 4), ("hg", 4)], ids=lambda f: f[0]
)


@RECURRENCES
def test_the_action_before_moves_a_prior_and_the_action_at_it_does_not(recurrence):
    world, seen = model(recurrence=recurrence), window()
    before = world.observe(seen, noise(world)).prior
    for at in range(STEPS):
        action = seen.action.clone()
        action[0, at, 0] = action[0, at, 0].roll(1)
        after = world.observe(seen._replace(action=action), noise(world)).prior
        moved = (after - before).abs().amax((0, 3))
        assert torch.all(moved[: at + 1] == 0), "an action moved what was before it, or its own step"
        assert torch.all(moved[at + 1 :, 0] > 0), "an action did not move what came after it"
        assert torch.all(moved[:, 1:] == 0)


@RECURRENCES
def test_nothing_passes_the_beginning_of_an_episode(recurrence):
    world, seen = model(recurrence=recurrence), window()
    observation, action = (x.clone().requires_grad_() for x in (seen.observation, seen.action))
    observed = world.observe(seen._replace(observation=observation, action=action), noise(world))
    late = observed.prior[0, 3:, 1].sum() + observed.deter[0, 3:, 1].sum()
    for leaf in torch.autograd.grad(late, (observation, action)):
        assert torch.all(leaf[0, :3, 1] == 0)
        assert torch.any(leaf[0, 3:, 1] != 0)
    # What was seen at the beginning itself does not move its own prior.
    (own,) = torch.autograd.grad(
        world.observe(seen._replace(observation=observation), noise(world)).prior[0, 3, 1].sum(),
        observation,
        allow_unused=True,
    )
    assert own is None or torch.all(own == 0)


@FAMILIES
@RECURRENCES
@pytest.mark.parametrize("initial", ["zero", "learned"])
def test_seeing_step_by_step_is_the_pass_over_the_window(recurrence, initial, family):
    world = model(recurrence=recurrence, initial=initial, latent={"family": family[0], "dim": family[1]})
    if initial == "learned":
        torch.nn.init.normal_(world.recurrence.start, generator=torch.Generator().manual_seed(5))
    seen, draws = window(), noise(world)
    observed = world.observe(seen, draws)
    prepared = world.prepare()
    for b in range(BATCH):
        moment, action = world.begin(1), torch.zeros(1, 1, ACTIONS)
        for t in range(STEPS):
            first = t == 0 or bool(seen.first[0, t, b])
            moment = world.perceive(
                moment, action, seen.observation[:, t, b : b + 1], draws[:, t, b : b + 1], prepared, first=first
            )
            action = seen.action[:, t, b : b + 1]
            for mine, theirs in zip(moment[:3], observed[:3], strict=True):
                torch.testing.assert_close(mine[0, 0], theirs[0, t, b], rtol=1e-10, atol=1e-10)


def test_an_imagined_step_draws_from_the_prior_of_the_step_after():
    world, seen, draws = model(), window(), noise(model())
    observed = world.observe(seen, draws)
    starts = observed.moments()
    start = Moment(*(x.unflatten(1, (STEPS, BATCH))[:, 0] for x in starts))
    steps = world.imagine(start, seen.action[:, 0], draws[:, 1], world.prepare())
    torch.testing.assert_close(steps.law, observed.prior[:, 1])
    torch.testing.assert_close(steps.deter, observed.deter[:, 1])
    torch.testing.assert_close(steps.stoch, world.family.sample(observed.prior[:, 1], draws[:, 1]))


def test_free_nats_hold_each_element_before_the_mean():
    """Elements at 0 and 4 free amounts cost one and four of them, not the mean of two."""
    world, seen = model(free_nats=0.2, dynamics=1.0, representation=0.0), window()
    observed = world.observe(seen, noise(world))
    kl = world._divergence(observed.posterior, observed.prior, observed.stoch).detach()
    report = world.loss(observed, seen)
    parts = report["reconstruction"] + report["reward_loss"] + report["continue_loss"]
    torch.testing.assert_close(report["loss"] - parts, kl.clamp(min=0.2).flatten(1).mean(1))
    assert kl.min() < 0.2 < kl.max()
    torch.testing.assert_close(report["kl"], kl.flatten(1).mean(1))


def test_dynamics_train_the_prior_and_representation_the_posterior():
    seen = window()
    for weights, trained, other in (
        ({"dynamics": 1.0, "representation": 0.0}, "prior", "posterior"),
        ({"dynamics": 0.0, "representation": 1.0}, "posterior", "prior"),
    ):
        world = model(free_nats=0.0, **weights)
        observed = world.observe(seen, noise(world))
        laws = {name: getattr(observed, name).detach().requires_grad_() for name in (trained, other)}
        world.loss(observed._replace(**laws), seen)["loss"].sum().backward()
        assert torch.any(laws[trained].grad != 0)
        assert torch.all(laws[other].grad == 0)


def test_the_losses_by_hand():
    world, seen = model(), window()
    observed = world.observe(seen, noise(world))
    report, rows = world.loss(observed, seen), observed.features.flatten(1, 2)
    target = torch.sign(seen.observation) * torch.log1p(seen.observation.abs())
    error = (world.decoder(rows) - target.flatten(1, 2)).square().sum(-1).mean()
    p = torch.sigmoid(world.going_on(rows)[..., 0]).view(STEPS, BATCH)
    goes_on = -torch.where(seen.terminal[0], 1 - p, p).log().mean()
    torch.testing.assert_close(report["reconstruction"][0], error)
    torch.testing.assert_close(report["continue_loss"][0], goes_on)
    # The reward head starts at zero: an even law over 255 bins.
    torch.testing.assert_close(report["reward_loss"][0], torch.tensor(255.0).log())


def test_images_are_seen_between_minus_and_plus_a_half():
    settings = Settings.model_validate(BASE | {"image_depth": 2})
    family = latent("categorical")(9)
    torch.set_default_dtype(torch.float32)
    world = WorldModel(settings, family, (64, 64, 3), ACTIONS, [torch.Generator().manual_seed(0)])
    frames = torch.randint(256, (1, STEPS, BATCH, 64, 64, 3), dtype=torch.uint8)
    seen = window()
    seen = Window(frames, seen.action.float(), seen.reward.float(), seen.first, seen.terminal)
    draws = family.noise(torch.Generator().manual_seed(1), 1, STEPS, BATCH)
    report = world.loss(world.observe(seen, draws), seen)
    black = Window(torch.full_like(frames, 0), *seen[1:])
    assert torch.isfinite(report["loss"]).all()
    assert world._seen(black.observation.flatten(1, 2)).unique().tolist() == [-0.5]
    assert world._seen(frames.flatten(1, 2)).shape == (1, STEPS * BATCH, 3, 64, 64)
    # The squared error is summed over pixels and colours.
    drawn = world.decoder(world.observe(seen, draws).features.flatten(1, 2))
    target = frames.flatten(1, 2).movedim(-1, 2) / 255 - 0.5
    torch.testing.assert_close(report["reconstruction"][0], (drawn - target).square().sum((2, 3, 4)).mean())


@RECURRENCES
def test_memory_grows_linearly_with_the_window(recurrence):
    """What is kept for the backward pass, counted: twice the steps, twice the bytes."""
    world, kept = model(recurrence=recurrence), []
    for steps in (20, 40, 80):
        seen = Window(*(x.repeat_interleave(12, 1)[:, :steps] for x in window()))
        draws = world.family.noise(torch.Generator().manual_seed(1), 1, steps, BATCH, dtype=torch.float64)
        sizes: dict[int, int] = {}

        def keep(x: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
            sizes[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            world.loss(world.observe(seen, draws), seen)["loss"].sum()
        kept.append(sum(sizes.values()))
    assert (kept[2] - kept[1]) / (kept[1] - kept[0]) == pytest.approx(2, rel=0.05)
