"""Sprites: one plain shape on black, its place, size, angle and colour known, drawn by rule.

The factors of an image are independent and uniform, so their law is known exactly, and two images differ by what their
factors differ by. In the manner of dSprites (Matthey, Higgins, Hassabis, Lerchner 2017), drawn anew.
"""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from hrssm.data.images import SIDE, ImageSet, Made, cached, packed
from hrssm.data.splits import by_image

__all__ = ["SHAPES", "draw", "sprites"]

SHAPES = ("square", "ellipse", "triangle")
_RADIUS = (7.0, 14.0)  # of the circle around the shape, in pixels
_ROOM = SIDE / 2 - _RADIUS[1] - 1  # how far a centre goes from the image's, so that no shape is cut off
_BLOCK = 2000


def sprites(count: int, *, seed: int, coloured: bool = False) -> ImageSet:
    """A set of ``count`` sprites, binary or coloured, split image by image; attributes are the factors.

    shape (0 to 2, the index in SHAPES), size (the radius in pixels), angle (radians), x and y (of the centre, in pixels
    from the image's), and where ``coloured`` hue (in [0, 1)). Raises ValueError for fewer than 10.
    """
    if count < 10:
        raise ValueError(f"count = {count}: 10 or more are needed, for three parts")
    settings = {"count": count, "seed": seed, "coloured": coloured}
    return cached(__name__, settings, lambda: _make(count, seed, coloured), by_image(seed), binary=not coloured)


def draw(factors: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Which pixels the shapes with these factors, (N) each, cover: (N, 64, 64), rows downwards."""
    grid = np.arange(SIDE) - (SIDE - 1) / 2
    x, y, angle, size, shape = (factors[name][:, None, None] for name in ("x", "y", "angle", "size", "shape"))
    right, down = grid[None, None, :] - x, grid[None, :, None] - y
    along = (right * np.cos(angle) + down * np.sin(angle)) / size
    across = (down * np.cos(angle) - right * np.sin(angle)) / size
    square = np.maximum(np.abs(along), np.abs(across)) <= np.sqrt(0.5)
    ellipse = along**2 + (2 * across) ** 2 <= 1
    # of the unit circle's inscribed triangle, a corner along the angle: the three sides are at distance 1/2
    triangle = np.maximum(-along, along / 2 + np.sqrt(0.75) * np.abs(across)) <= 0.5
    return np.choose(shape.astype(np.int64), (square, ellipse, triangle))


def _make(count: int, seed: int, coloured: bool) -> Made:
    rng = np.random.default_rng(seed)
    factors: dict[str, NDArray[np.float64]] = {
        "shape": rng.integers(len(SHAPES), size=count).astype(np.float64),
        "size": rng.uniform(*_RADIUS, size=count),
        "angle": rng.uniform(0, 2 * np.pi, size=count),
        "x": rng.uniform(-_ROOM, _ROOM, size=count),
        "y": rng.uniform(-_ROOM, _ROOM, size=count),
    }
    masks = [draw({name: value[k : k + _BLOCK] for name, value in factors.items()}) for k in range(0, count, _BLOCK)]
    covered = np.concatenate(masks)[:, None]
    if not coloured:
        return Made(packed(covered), factors)
    factors["hue"] = rng.uniform(size=count)
    colours = np.array([colorsys.hsv_to_rgb(hue, 0.8, 1.0) for hue in factors["hue"]])
    return Made(covered * np.round(255 * colours).astype(np.uint8)[:, :, None, None], factors)
