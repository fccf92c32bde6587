"""The image networks against torch's own layers, with members that do not see each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hrssm.networks.convolution import ImageDecoder, ImageEncoder
from hrssm.training.seeds import generators


def images(members: int = 2, channels: int = 3) -> torch.Tensor:
    return torch.rand(members, 5, channels, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("normalise", [False, True])
def test_encoder_is_torchs_four_convolutions(normalise: bool) -> None:
    encoder = ImageEncoder(generators([3, 4], "weights"), 3, 4, normalise=normalise)
    x = images()
    assert encoder(x).shape == (2, 5, encoder.features) == (2, 5, 512)
    for k in range(2):
        h = x[k]
        for i, (a, b) in enumerate([(3, 4), (4, 8), (8, 16), (16, 32)]):
            layer = nn.Conv2d(a, b, 4, 2, 1)
            layer.load_state_dict({name: value[k] for name, value in encoder.layers[i].state_dict().items()})
            h = layer(h)
            if normalise:
                h = (h - h.mean(1, keepdim=True)) / torch.sqrt(h.var(1, keepdim=True, unbiased=False) + 1e-3)
            h = F.leaky_relu(h, 0.2)
        torch.testing.assert_close(encoder(x)[k], h.flatten(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalise", [False, True])
def test_decoder_is_torchs_five_transposed_convolutions(normalise: bool) -> None:
    """The first of an image of one pixel, without padding."""
    decoder = ImageDecoder(generators([3, 4], "weights"), 6, 1, 4, normalise=normalise)
    z = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(1))
    assert decoder(z).shape == (2, 5, 1, 64, 64)
    for k in range(2):
        first = nn.ConvTranspose2d(6, 32, 4, 1, 0, bias=False)
        first.load_state_dict({"weight": decoder.weight[k].unflatten(-1, (32, 4, 4))})
        h = first(z[k][:, :, None, None]) + decoder.bias[k].view(32, 4, 4)
        for i, (a, b) in enumerate([(32, 16), (16, 8), (8, 4), (4, 1)]):
            layer = nn.ConvTranspose2d(a, b, 4, 2, 1)
            layer.load_state_dict({name: value[k] for name, value in decoder.layers[i].state_dict().items()})
            if normalise:
                h = (h - h.mean(1, keepdim=True)) / torch.sqrt(h.var(1, keepdim=True, unbiased=False) + 1e-3)
            h = layer(F.relu(h))
        torch.testing.assert_close(decoder(z)[k], h, rtol=1e-4, atol=1e-5)


def test_initial_weights_have_torchs_bounds() -> None:
    encoder = ImageEncoder(generators([0], "weights"), 1, 32)
    decoder = ImageDecoder(generators([0], "weights"), 4, 1, 32)
    for layer, bound in zip(encoder.layers, (16, 512, 1024, 2048), strict=True):
        for parameter in layer.parameters():
            assert 0.8 * bound**-0.5 < float(parameter.detach().abs().max()) <= bound**-0.5
    for layer, bound in zip(decoder.layers, (2048, 1024, 512, 16), strict=True):
        assert 0.95 * bound**-0.5 < float(layer.weight.detach().abs().max()) <= bound**-0.5
    assert 0.95 / 64 < float(decoder.weight.detach().abs().max()) <= 1 / 64


def test_a_member_does_not_depend_on_its_neighbours() -> None:
    pair, alone = (ImageEncoder(generators(seeds, "weights"), 3, 4, normalise=True) for seeds in ([3, 4], [4]))
    x = images()
    (pair(x) ** 2).sum().backward()
    (alone(x[1:]) ** 2).sum().backward()
    assert torch.equal(pair(x)[1], alone(x[1:])[0])
    for ours, theirs in zip(pair.parameters(), alone.parameters(), strict=True):
        assert torch.equal(ours.grad[1], theirs.grad[0])
    pair, alone = (ImageDecoder(generators(seeds, "weights"), 6, 3, 4) for seeds in ([3, 4], [4]))
    z = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(pair(z)[1], alone(z[1:])[0])


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="60 x 64"):
        ImageEncoder(generators([0], "weights"), 1, 2)(torch.zeros(1, 1, 1, 60, 64))
    with pytest.raises(ValueError, match="depth = 0"):
        ImageDecoder(generators([0], "weights"), 2, 1, 0)
