"""Every state update against itself written out, member by member."""

from __future__ import annotations

import pytest
import torch

from hrssm.networks.layers import LayerNorm
from hrssm.networks.table import UPDATES, check, state_update
from tests.networks.plain import Plain


def generators(members: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + k) for k in range(members)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", UPDATES)
def test_three_steps_and_their_gradients_equal_the_update_written_out(name, dtype, tolerance):
    update = state_update(name, generators(2), inputs=3, hidden=5).to(dtype)
    for p in update.parameters():  # gains and biases away from 1 and 0
        p.data += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()), dtype=dtype)
    g = torch.Generator().manual_seed(7)
    x = torch.randn(3, 2, 4, 3, generator=g, dtype=dtype)
    state = torch.randn(2, 4, update.width, generator=g, dtype=dtype)
    ours = state
    for seen in x:
        ours = update(seen, ours)
    update.visible(ours).sum().backward()
    for k in range(2):
        plain = Plain(name, 3, 5).to(dtype)
        plain.load_member(update.state_dict(), k)
        theirs = state[k]
        for seen in x:
            theirs = plain(seen[k], theirs)
        torch.testing.assert_close(ours[k], theirs, rtol=tolerance, atol=tolerance)
        plain.visible(theirs).sum().backward()
        carried = Plain(name, 3, 5).to(dtype)
        carried.load_member({n: p.grad for n, p in update.named_parameters() if p.grad is not None}, k)
        for mine, other in zip(carried.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(mine, other.grad, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("name", UPDATES)
def test_a_member_does_not_depend_on_its_neighbours(name):
    together, alone = (state_update(name, generators(m, first), 3, 5) for m, first in ((3, 0), (1, 2)))
    for key, p in alone.state_dict().items():
        torch.testing.assert_close(together.state_dict()[key][2], p[0], rtol=0, atol=0)
    g = torch.Generator().manual_seed(0)
    x, state = torch.randn(3, 4, 3, generator=g), torch.randn(3, 4, together.width, generator=g)
    torch.testing.assert_close(together(x, state)[2:], alone(x[2:], state[2:]))


def test_the_unit_projection_leaves_zero_alone():
    update = state_update("unit-norm", generators(1), 3, 5)
    for p in update.parameters():
        p.data.zero_()
    x, start = torch.ones(1, 2, 3), torch.zeros(1, 2, 5)
    assert torch.equal(update(x, start), start)
    torch.testing.assert_close(update(x, torch.ones(1, 2, 5)).norm(dim=-1), torch.ones(1, 2))


def test_layer_norm_equals_torchs():
    norm = LayerNorm(generators(2), 6)
    with torch.no_grad():
        norm.gain.copy_(torch.randn(2, 1, 6, generator=generators(1)[0]))
        norm.bias.copy_(torch.randn(2, 1, 6, generator=generators(1, 1)[0]))
    x = torch.randn(2, 3, 6, generator=generators(1, 2)[0])
    for k in range(2):
        expected = torch.nn.functional.layer_norm(x[k], (6,), norm.gain[k, 0], norm.bias[k, 0])
        torch.testing.assert_close(norm(x)[k], expected)


def test_an_unknown_name_is_told_what_is_known():
    with pytest.raises(ValueError, match=r"'gated-vector' is unknown; known updates: direct, .*gru, .*unit-norm"):
        check("gated-vector")
