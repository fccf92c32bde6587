"""The ensemble against the plain step-by-step reference, and member against member."""

from __future__ import annotations

import pytest
import torch

from hrssm.latents.table import LATENTS, latent
from hrssm.networks.table import UPDATES
from hrssm.systems.rssm.model import RSSM
from hrssm.systems.rssm.objective import loss
from hrssm.systems.rssm.settings import Objective
from tests.systems.step_by_step import StepByStep

SETTINGS = {"256 x 32 x 8": (256, 32, 8), "128 x 64 x 20": (128, 64, 20), "32 x 8 x 6": (32, 8, 6)}


def generators(members: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + k) for k in range(members)]


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch(members: int, steps: int, size: int, noise_dim: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(99)
    observations = torch.tanh(torch.randn(members, steps, size, 64, generator=g))
    actions = torch.randint(-1, 2, (members, steps, size), generator=g).to(observations)
    return observations, actions, torch.randn(members, steps, size, noise_dim, generator=g)


CASES = [(family, setting, "gru") for family in ("hg", "gaussian") for setting in SETTINGS]
CASES += [("hg", "32 x 8 x 6", update) for update in UPDATES]


@pytest.mark.parametrize(("family", "setting", "update"), CASES)
def test_loss_and_every_gradient_equal_the_reference(float64, family, setting, update):
    hidden, size, steps = SETTINGS[setting]
    members = 2
    model = RSSM(latent(family)(16), generators(members), hidden=hidden, update=update)
    observations, actions, noise = batch(members, steps, size, 16)
    objective = Objective(log_drift_max=10.0)
    losses = loss(objective, model, model.observe(observations, actions, noise), observations, step=0)["loss"]
    losses.sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert all(g is not None for g in gradients.values())

    for k in range(members):
        reference = StepByStep(family, 16, hidden, update)
        reference.load_member(model.state_dict(), k)
        expected = reference.loss(observations[k], noise[k])
        expected.backward()
        torch.testing.assert_close(losses[k], expected, rtol=1e-10, atol=1e-10)
        # Carry the ensemble's gradients into a second reference: the same map as for the weights lines the names up.
        carried = StepByStep(family, 16, hidden, update)
        carried.load_member(gradients, k)  # type: ignore[arg-type]
        for (name, mine), theirs in zip(carried.named_parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(
                mine, theirs.grad, rtol=1e-10, atol=1e-10, msg=lambda m, name=name: f"{name}: {m}"
            )


@pytest.mark.parametrize("family", sorted(LATENTS))
def test_a_member_does_not_depend_on_its_neighbours(family):
    together = RSSM(latent(family)(4), generators(3), hidden=16)
    alone = RSSM(latent(family)(4), generators(1, first=1), hidden=16)
    for name, p in alone.state_dict().items():
        torch.testing.assert_close(together.state_dict()[name][1], p[0], rtol=0, atol=0)
    observations, actions, noise = batch(3, 5, 7, latent(family)(4).noise_dim)
    many = together.observe(observations, actions, noise)
    one = alone.observe(observations[1:2], actions[1:2], noise[1:2])
    for name in ("deter", "stoch", "posterior", "prior", "reconstruction"):
        torch.testing.assert_close(getattr(many, name)[1], getattr(one, name)[0])


@pytest.mark.parametrize("update", UPDATES)
def test_imagination_starts_where_observation_ended_and_follows_the_prior(update):
    model = RSSM(latent("hg")(4), generators(2), hidden=16, prior="action", update=update)
    observations, actions, noise = batch(2, 5, 7, 4)
    seen = model.observe(observations, actions, noise)
    dreamt = model.imagine(seen.deter[:, 3], actions[:, 3:], noise[:, 3:])
    torch.testing.assert_close(dreamt.prior[:, 0], seen.prior[:, 3])
    torch.testing.assert_close(dreamt.stoch[:, 0], model.family.sample(seen.prior[:, 3], noise[:, 3]))
    torch.testing.assert_close(dreamt.deter[:, 1], model.cell(dreamt.stoch[:, 0], seen.deter[:, 3]))
    assert dreamt.reconstruction.shape == (2, 2, 7, 64)


def test_the_action_prior_moves_the_height_up_after_a_deeper_step_and_down_after_a_shallower_one():
    plain = RSSM(latent("hg")(4), generators(1), hidden=16)
    shifted = RSSM(latent("hg")(4), generators(1), hidden=16, prior="action")
    h = torch.randn(1, 1, 3, 16, generator=torch.Generator().manual_seed(0))
    moved = shifted.prior(h, torch.tensor([[[1.0, 0.0, -1.0]]])) - plain.prior(h, torch.zeros(1, 1, 3))
    offset = torch.nn.functional.softplus(torch.tensor(-1.0)).item()
    torch.testing.assert_close(moved[0, 0, :, 0], torch.tensor([offset, 0.0, -offset]))
    assert torch.all(moved[..., 1:] == 0)


@pytest.mark.parametrize(("prior", "trained"), [("action", True), ("action-frozen", False)])
def test_only_the_learned_action_prior_is_trained(prior, trained):
    model = RSSM(latent("hg")(4), generators(1), hidden=16, prior=prior)
    assert model.action_shift is not None
    assert model.action_shift.requires_grad is trained


def test_a_closed_gate_hides_the_geometry_and_an_open_one_is_the_aware_decoder():
    gated = RSSM(latent("hg")(4), generators(1), hidden=16, decoder="gated")
    aware = RSSM(latent("hg")(4), generators(1), hidden=16, decoder="aware")
    z = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(gated.decode(z, gate=1.0), aware.decode(z))
    blind = torch.cat((z, torch.zeros(1, 2, 3, 2)), -1).reshape(1, 6, 6)
    torch.testing.assert_close(gated.decode(z, gate=0.0), gated.decoder(blind).view(1, 2, 3, 64))


@pytest.mark.parametrize("option", [{"prior": "action"}, {"decoder": "aware"}])
def test_a_family_without_a_height_refuses_what_reads_one(option):
    with pytest.raises(ValueError, match="has none"):
        RSSM(latent("gaussian")(4), generators(1), **option)
