"""The rows of the accuracy table for the Poincare ball, and its maps in Arb, written from the statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.accuracy_cases import Case, Draw, direction, log_uniform
from hrssm.geometry import ball

Vector = list[Any]  # of arb or arb_series


def dot(x: Vector, y: Vector) -> Any:
    """x . y"""
    return sum((a * b for a, b in zip(x[1:], y[1:], strict=True)), x[0] * y[0])


def mobius_add(x: Vector, y: Vector) -> Vector:
    """`ball-mobius`."""
    xy, xx, yy = dot(x, y), dot(x, x), dot(y, y)
    return [((1 + 2 * xy + yy) * a + (1 - xx) * b) / (1 + 2 * xy + xx * yy) for a, b in zip(x, y, strict=True)]


def distance(z: Vector, w: Vector) -> Any:
    """`ball-distance`, 2 artanh |(-z) + w| as a logarithm."""
    seen = mobius_add([-a for a in z], w)
    size = dot(seen, seen).sqrt()
    return ((1 + size) / (1 - size)).log()


def exp(z: Vector, v: Vector) -> Vector:
    """`ball-exp`."""
    size = dot(v, v).sqrt()
    double = (2 * size / (1 - dot(z, z))).exp()
    return mobius_add(z, [a * (double - 1) / (double + 1) / size for a in v])


def log(z: Vector, w: Vector) -> Vector:
    """`ball-log`."""
    seen = mobius_add([-a for a in z], w)
    shrink = (1 - dot(z, z)) * distance(z, w) / (2 * dot(seen, seen).sqrt())
    return [shrink * a for a in seen]


def gyration(u: Vector, w: Vector, x: Vector) -> Vector:
    """`ball-gyration`, by its definition: minus (u + w), plus (u + (w + x)), for a short x and scaled back."""
    scale = 2 * dot(x, x).sqrt()
    short = [a / scale for a in x]
    back = [-a for a in mobius_add(u, w)]
    return [scale * a for a in mobius_add(back, mobius_add(u, mobius_add(w, short)))]


def transport(z: Vector, w: Vector, v: Vector) -> Vector:
    """`ball-transport`."""
    stretch = (1 - dot(w, w)) / (1 - dot(z, z))
    return [stretch * a for a in gyration(w, [-a for a in z], v)]


def two_points(out: float, near: float, far: float, second: str = "w", also: str = "") -> Draw:
    """A point at distance up to `out` from the centre and, at log-uniform distances in [near, far], another (`second`
    "w") or the vector to it ("v"); `also` names a further vector."""

    def draw(rng: np.random.Generator, n: int, d: int) -> dict[str, np.ndarray]:
        z = torch.as_tensor(direction(rng, n, d) * np.tanh(log_uniform(rng, n, 1e-3, out) / 2)[:, None])
        v = torch.as_tensor(direction(rng, n, d) * log_uniform(rng, n, near, far)[:, None]) * ball.gap(z) / 2
        found = {"z": z, second: v if second == "v" else ball.exp(z, v)}
        if also:
            found[also] = torch.as_tensor(direction(rng, n, d) * log_uniform(rng, n, 1e-3, 1e3)[:, None])
        return {name: x.numpy() for name, x in found.items()}

    return draw


def values() -> list[Case]:
    """Every map, near and far."""
    rows: list[tuple[str, Callable[..., Any], Callable[..., Any], str, str]] = [
        ("distance", ball.distance, distance, "w", ""),
        ("Mobius sum of -z and w", ball.relative, lambda z, w: mobius_add([-a for a in z], w), "w", ""),
        ("exp", ball.exp, exp, "v", ""),
        ("log", ball.log, log, "w", ""),
        ("transport", ball.transport, transport, "w", "v"),
    ]
    boxes = ((3.0, 1e-6, 1.0), (5.0, 1e-3, 4.0))
    return [
        Case(f"ball {name}", f"{out:g} from the centre, distances {near:g} to {far:g}",
             two_points(out, near, far, second, also), compute, reference)
        for name, compute, reference, second, also in rows
        for out, near, far in boxes
    ]  # fmt: skip


def gradients() -> list[Case]:
    """Of the distance, the one map that is a number."""
    return [
        Case("ball distance", f"{out:g} from the centre, distances {near:g} to {far:g}", two_points(out, near, far),
             ball.distance, distance, dimensions=(2, 3, 16), gradient=True)
        for out, near, far in ((3.0, 1e-6, 1.0), (5.0, 1e-3, 4.0))
    ]  # fmt: skip
