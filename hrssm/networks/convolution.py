"""Four convolutions from a 64 x 64 image to features, and four transposed ones back, with a member axis.

Each layer halves, or doubles, the image's side with kernels of 4 x 4: 64, 32, 16, 8, 4. Channels double towards the
features: depth, 2, 4 and 8 depth. Members are convolved one after the other with the layout that puts channels last,
which on a processor is no slower than one grouped convolution (`python -m benchmarks.vae` times both), and leaves a
member's numbers untouched by its neighbours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrssm.networks.layers import Generators, uniform

__all__ = ["SIDE", "ImageDecoder", "ImageEncoder", "leaky_relu"]

SIDE = 64
_KERNEL, _STRIDE, _PADDING, _FINEST = 4, 2, 1, 4
_NORM_EPSILON = 1e-3  # of the variance over channels; that of DreamerV3 (Hafner et al., 2023, arXiv 2301.04104)

Activation = Callable[[Tensor], Tensor]


def leaky_relu(x: Tensor) -> Tensor:
    """The leaky rectifier of slope 0.2 below zero, GM-VAE's."""
    return F.leaky_relu(x, 0.2)


def sizes(channels: int, depth: int) -> tuple[int, ...]:
    """Channels from the image to the features, (C, depth, 2 depth, 4 depth, 8 depth)."""
    if channels < 1 or depth < 1:
        raise ValueError(f"channels = {channels}, depth = {depth}: both must be at least 1")
    return (channels, depth, 2 * depth, 4 * depth, 8 * depth)


class ImageEncoder(nn.Module):
    """Images (M, N, C, 64, 64) to features (M, N, ``features``), ``features`` = 128 depth.

    ``depth`` is the number of channels after the first layer. ``normalise`` adds layer normalisation over the channels
    before each activation, as DreamerV3 and Hieros have it; without it this is the encoder of GM-VAE (Cho, Lee, Kim
    2023) at depth 32. Initialised as torch's Conv2d, U(+-1/sqrt(16 in)). Raises ValueError for channels or depth below
    1, or images that are not 64 x 64.
    """

    def __init__(
        self,
        generators: Generators,
        channels: int,
        depth: int = 32,
        *,
        activation: Activation = leaky_relu,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        widths = sizes(channels, depth)
        self.activation, self.features = activation, widths[-1] * _FINEST**2
        self.layers = nn.ModuleList(
            _Layer(generators, F.conv2d, b, a, outputs=b) for a, b in itertools.pairwise(widths)
        )
        self.norms = nn.ModuleList(_ChannelNorm(generators, width) for width in widths[1:] if normalise)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-2:] != (SIDE, SIDE):
            raise ValueError(f"images are {images.shape[-2]} x {images.shape[-1]}; give {SIDE} x {SIDE}")
        return torch.stack([self._member(k, x) for k, x in enumerate(images)])

    def _member(self, k: int, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        for layer, norm in itertools.zip_longest(self.layers, self.norms):
            x = layer(k, x)
            x = self.activation(x if norm is None else norm(k, x))
        return x.flatten(1)


class ImageDecoder(nn.Module):
    """Features (M, N, F) to images (M, N, C, 64, 64), without an activation at the end.

    An affine map to 8 depth x 4 x 4 (a transposed convolution of an image of one pixel), then the encoder's layers in
    reverse, each after an activation. ``normalise`` as in `ImageEncoder`. Initialised as torch's ConvTranspose2d,
    U(+-1/sqrt(16 out)).
    """

    def __init__(
        self,
        generators: Generators,
        features: int,
        channels: int,
        depth: int = 32,
        *,
        activation: Activation = F.relu,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        widths = sizes(channels, depth)[::-1]
        self.activation = activation
        grid = widths[0] * _FINEST**2
        self.weight = uniform(generators, features, grid, bound=1 / math.sqrt(grid))
        self.bias = uniform(generators, 1, grid, bound=1 / math.sqrt(grid))
        self.layers = nn.ModuleList(
            _Layer(generators, F.conv_transpose2d, a, b, outputs=b) for a, b in itertools.pairwise(widths)
        )
        self.norms = nn.ModuleList(_ChannelNorm(generators, width) for width in widths[:-1] if normalise)

    def forward(self, features: Tensor) -> Tensor:
        grids = torch.baddbmm(self.bias, features, self.weight).unflatten(-1, (-1, _FINEST, _FINEST))
        return torch.stack([self._member(k, x) for k, x in enumerate(grids)])

    def _member(self, k: int, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        for layer, norm in itertools.zip_longest(self.layers, self.norms):
            x = layer(k, self.activation(x if norm is None else norm(k, x)))
        return x


class _Layer(nn.Module):
    """A convolution's weights (M, first, second, 4, 4), in the order that its function reads, and biases (M, outputs).

    torch's initialisation of both: ``second`` is the inputs of a convolution, and the outputs of a transposed one.
    """

    def __init__(
        self, generators: Generators, function: Callable[..., Tensor], first: int, second: int, *, outputs: int
    ) -> None:
        super().__init__()
        self.function = function
        bound = 1 / math.sqrt(second * _KERNEL**2)
        self.weight = uniform(generators, first, second, _KERNEL, _KERNEL, bound=bound)
        self.bias = uniform(generators, outputs, bound=bound)

    def forward(self, k: int, x: Tensor) -> Tensor:
        return self.function(x, self.weight[k], self.bias[k], _STRIDE, _PADDING)


class _ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, with a gain and a shift per member."""

    def __init__(self, generators: Generators, channels: int) -> None:
        super().__init__()
        like = torch.ones(len(generators), channels, device=generators[0].device)
        self.gain, self.shift = nn.Parameter(like), nn.Parameter(torch.zeros_like(like))

    def forward(self, k: int, x: Tensor) -> Tensor:
        normal = F.layer_norm(x.movedim(1, -1), self.gain[k].shape, self.gain[k], self.shift[k], _NORM_EPSILON)
        return normal.movedim(-1, 1)
