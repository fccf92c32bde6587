"""Accuracy of every closed form against Arb, per function, dtype and box of arguments.

    python -m benchmarks.accuracy [--out docs/accuracy.md] [--points 2000] [--seed 0]

Points are drawn with their corners (one argument in five sits on an end of its box). An error is that of the
value computed from the inputs as they are represented, relative to the value for distances, KLs and gradients
(their largest component), and relative to the larger of 1 and the value for logarithms, which pass through
zero. Beside it stands `x inputs`: the worst error as a multiple of what rounding every input by half a unit
in the last place does to the exact value. Near 1 the function loses nothing that its inputs had not lost
already.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from flint import arb, arb_series
from torch import Tensor
from torch.distributions import kl_divergence

from benchmarks import arb_reference as exact
from hrssm import geometry
from hrssm.distributions import GaussianManifoldNormal, HorosphericalGaussian, RiemannianNormal, WrappedNormal

TARGETS = {
    "value": {torch.float32: 4e-6, torch.float64: 1e-13},
    "gradient": {torch.float32: 4e-6, torch.float64: 1e-11},
}
ROUNDING = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}

Draw = Callable[[np.random.Generator, int, int], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    `draw(rng, n, d)` gives named arguments (n,) or (n, d - 1) for the fibre; `compute` maps tensors to values
    (n,); `reference` does the same for one point of balls. `floor` is 1 for logarithms and 0 for what has a
    relative error.
    """

    function: str
    box: str
    draw: Draw
    compute: Callable[..., Tensor]
    reference: Callable[..., exact.Number]
    floor: float = 0.0
    dimensions: tuple[int, ...] = (2, 3, 16, 128)
    gradient: bool = False


def uniform(rng: np.random.Generator, n: int, low: float, high: float) -> np.ndarray:
    """Uniform on [low, high], one in five at an end."""
    draws = rng.uniform(low, high, n)
    ends = np.where(rng.random(n) < 0.5, low, high)
    return np.where(rng.random(n) < 0.2, ends, draws)


def log_uniform(rng: np.random.Generator, n: int, low: float, high: float) -> np.ndarray:
    """Log-uniform on [low, high], one in five at an end."""
    return np.exp(uniform(rng, n, np.log(low), np.log(high))).clip(low, high)


def direction(rng: np.random.Generator, n: int, fibre: int) -> np.ndarray:
    """Unit vectors (n, fibre)."""
    draws = rng.standard_normal((n, fibre))
    return draws / np.linalg.norm(draws, axis=-1, keepdims=True)


def two_points(height: float, near: float, far: float) -> Draw:
    """Pairs at log-uniform distances in [near, far], the first at heights up to `height`."""

    def draw(rng: np.random.Generator, n: int, d: int) -> dict[str, np.ndarray]:
        tau, radius = uniform(rng, n, -height, height), log_uniform(rng, n, near, far)
        beta = direction(rng, n, d - 1) * log_uniform(rng, n, 1e-3, 10)[:, None]
        tangent = torch.as_tensor(direction(rng, n, d) * radius[:, None])
        z = torch.as_tensor(np.concatenate((tau[:, None], beta), -1))
        w = geometry.isometry(z, geometry.exp_origin(tangent)).numpy()
        return {"tau": w[:, 0], "b": w[:, 1:], "mu": tau, "beta": beta}

    return draw


def with_scales(places: Draw, low: float, high: float, names: tuple[str, ...] = ("sigma", "s")) -> Draw:
    """Places and positive scales."""
    return lambda rng, n, d: places(rng, n, d) | {name: log_uniform(rng, n, low, high) for name in names}


def scales_only(low: float, high: float, *names: str) -> Draw:
    """Positive scales and the dimension, which is constant in a batch."""
    return lambda rng, n, d: {name: log_uniform(rng, n, low, high) for name in names} | {"d": np.full(n, float(d))}


def hg_pair(height: float, low: float, high: float, couplings: tuple[float, float], close: bool = False) -> Draw:
    """Two Horospherical Gaussians; `close` puts their parameters within a relative 1e-6 to 1e-1 of each other."""

    def draw(rng: np.random.Generator, n: int, d: int) -> dict[str, np.ndarray]:
        q = {
            "mu_q": uniform(rng, n, -height, height),
            "beta_q": direction(rng, n, d - 1) * log_uniform(rng, n, 1e-3, 10)[:, None],
            "sigma_q": log_uniform(rng, n, low, high),
            "s_q": log_uniform(rng, n, low, high),
        }
        if close:
            step = log_uniform(rng, n, 1e-6, 1e-1)
            nudged = {name: value * (1 + (step if value.ndim == 1 else step[:, None])) for name, value in
            q.items()} p = {name.replace("_q", "_p"): value for name, value in nudged.items()}
        else:
            p = {
                "mu_p": uniform(rng, n, -height, height),
                "beta_p": direction(rng, n, d - 1) * log_uniform(rng, n, 1e-3, 10)[:, None],
                "sigma_p": log_uniform(rng, n, low, high),
                "s_p": log_uniform(rng, n, low, high),
            }
        return q | p | {"kappa_q": np.full(n, couplings[0]), "kappa_p": np.full(n, couplings[1])}

    return draw


def pgm(dispersion: float, pair: bool) -> Draw:
    """One half-plane; log gamma^2 in [-dispersion, 6]."""

    def draw(rng: np.random.Generator, n: int, d: int) -> dict[str, np.ndarray]:
        q = {"alpha": uniform(rng, n, -5, 5), "variance": uniform(rng, n, -6, 6)}
        q["dispersion"] = uniform(rng, n, -dispersion, 6)
        if pair:
            p = {"alpha": uniform(rng, n, -5, 5), "variance": uniform(rng, n, -6, 6)}
            p["dispersion"] = uniform(rng, n, -dispersion, 6)
            return {f"{k}_q": v for k, v in q.items()} | {f"{k}_p": v for k, v in p.items()}
        width = np.exp(q["dispersion"] / 2)
        q["mu"] = q["alpha"] + np.exp(q["variance"] / 2) * width * rng.standard_normal(n)
        q["lift"] = q["variance"] + np.minimum(width, 1.5) * rng.standard_normal(n)
        return q

    return draw


def point(tau: Tensor, b: Tensor) -> Tensor:
    return torch.cat((tau[:, None], b), -1)


def horospherical(mu: Tensor, beta: Tensor, sigma: Tensor, s: Tensor, kappa: Tensor) -> HorosphericalGaussian:
    coupling = 1.0 if bool((kappa == 1).all()) else kappa
    return HorosphericalGaussian(mu, beta, sigma, s, coupling, validate_args=False)


def with_coupling(places: Draw, kappa: float) -> Draw:
    return lambda rng, n, d: places(rng, n, d) | {"kappa": np.full(n, kappa)}


def riemannian(sigma: Tensor, d: Tensor) -> RiemannianNormal:
    return RiemannianNormal(torch.zeros(len(sigma), int(d[0]), dtype=sigma.dtype), sigma, validate_args=False)


def manifold(alpha: Tensor, variance: Tensor, dispersion: Tensor) -> GaussianManifoldNormal:
    parameters = (x[:, None] for x in (alpha, variance, dispersion))
    return GaussianManifoldNormal(*parameters, validate_args=False)


def distance_of(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor) -> Tensor:
    return geometry.distance(point(tau, b), point(mu, beta))


def hg_log_prob(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor, **scales: Tensor) -> Tensor:
    return horospherical(mu, beta, **scales).log_prob(point(tau, b))


def hg_kl(**both: Tensor) -> Tensor:
    laws = [horospherical(**{k[:-2]: v for k, v in both.items() if k.endswith(side)}) for side in ("_q",
    "_p")] return kl_divergence(*laws)


def rn_log_prob(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor, sigma: Tensor) -> Tensor:
    return RiemannianNormal(point(mu, beta), sigma, validate_args=False).log_prob(point(tau, b))


def rn_kl(sigma_q: Tensor, sigma_p: Tensor, d: Tensor) -> Tensor:
    return kl_divergence(riemannian(sigma_q, d), riemannian(sigma_p, d))


def wrapped_log_prob(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor, sigma: Tensor, s: Tensor) -> Tensor:
    scale = point(sigma, s[:, None].expand_as(b))
    return WrappedNormal(point(mu, beta), scale, validate_args=False).log_prob(point(tau, b))


def pgm_log_prob(mu: Tensor, lift: Tensor, **parameters: Tensor) -> Tensor:
    return manifold(**parameters).log_prob(torch.stack((mu, lift), -1))


def pgm_kl(**both: Tensor) -> Tensor:
    laws = [manifold(**{k[:-2]: v for k, v in both.items() if k.endswith(side)}) for side in ("_q", "_p")]
    return kl_divergence(*laws)


def fibre_of(d: exact.Number) -> int:
    return int(float(exact.value(d))) - 1


MODEST, WIDE = "heights within 5, scales 0.01 to 3", "heights within 30, scales 0.001 to 10"
DIMENSIONS = (2, 3, 8, 16, 32, 64)


def cases() -> list[Case]:
    """The rows, in the order of the table."""
    near, far, models = two_points(5, 1e-8, 1), two_points(30, 1e-8, 40), two_points(5, 1e-4, 8)
    rows = [
        Case("distance", "distances 1e-8 to 1, heights within 5", near, distance_of, exact.distance),
        Case("distance", "distances 1e-8 to 40, heights within 30", far, distance_of, exact.distance),
    ]
    for kappa in (1.0, 0.5):
        name = f"HG log_prob, coupling {kappa:g}"
        for box, places, scales in ((MODEST, models, (0.01, 3)), (WIDE, two_points(30, 1e-8, 30), (1e-3, 10))):
            draw = with_coupling(with_scales(places, *scales), kappa)
            rows.append(Case(name, box, draw, hg_log_prob, exact.hg_log_prob, floor=1))
    for couplings, name in (((1.0, 1.0), "HG KL"), ((0.5, 0.5), "HG KL, coupling 0.5"), ((1.0, 0.5), "HG KL, mixed")):
        rows.append(Case(name, MODEST, hg_pair(5, 0.01, 3, couplings), hg_kl, exact.hg_kl))
    wide = "heights within 30, scales 0.001 to 4"
    rows.append(Case("HG KL", wide, hg_pair(30, 1e-3, 4, (1.0, 1.0)), hg_kl, exact.hg_kl))
    close = hg_pair(5, 0.01, 3, (1.0, 1.0), close=True)
    rows.append(Case("HG KL", "parameters within 1e-6 to 0.1 of each other", close, hg_kl, exact.hg_kl))
    rows += [
        Case("HG entropy", "scales 0.001 to 10", scales_only(1e-3, 10, "sigma", "s", "d"),
             lambda sigma, s, d: HorosphericalGaussian(
                 torch.zeros_like(sigma), sigma.new_zeros(len(sigma), int(d[0]) - 1), sigma, s,
                 validate_args=False
             ).entropy(),
             lambda sigma, s, d: exact.hg_entropy(fibre_of(d), sigma, s), floor=1),
        Case("RN log-normaliser", "scale 0.01 to 3, d <= 64", scales_only(0.01, 3, "sigma"),
             lambda sigma, d: riemannian(sigma, d).log_normaliser,
             lambda sigma, d: exact.rn_log_normaliser(fibre_of(d), sigma), floor=1, dimensions=DIMENSIONS),
        Case("RN log_prob", "distances 1e-4 to 8, scale 0.01 to 3", with_scales(models, 0.01, 3, ("sigma",)),
             rn_log_prob, exact.rn_log_prob, floor=1, dimensions=DIMENSIONS),
        Case("RN entropy", "scale 0.01 to 3, d <= 64", scales_only(0.01, 3, "sigma"),
             lambda sigma, d: riemannian(sigma, d).entropy(),
             lambda sigma, d: exact.rn_entropy(fibre_of(d), sigma), floor=1, dimensions=DIMENSIONS),
        Case("RN KL, concentric", "scales 0.01 to 3, d <= 64", scales_only(0.01, 3, "sigma_q", "sigma_p"),
        rn_kl,
             lambda sigma_q, sigma_p, d: exact.rn_concentric_kl(fibre_of(d), sigma_q, sigma_p),
             dimensions=DIMENSIONS),
        Case("wrapped log_prob", "distances 1e-4 to 8, scales 0.01 to 3", with_scales(models, 0.01, 3),
             wrapped_log_prob, exact.wrapped_log_prob, floor=1),
        Case("wrapped log_prob", "distances 1e-8 to 30, heights within 30, scales 0.1 to 10",
             with_scales(two_points(30, 1e-8, 30), 0.1, 10), wrapped_log_prob, exact.wrapped_log_prob,
             floor=1),
        Case("PGM log_prob", "log gamma^2 in [-10, 6]", pgm(10, pair=False), pgm_log_prob,
             lambda mu, lift, alpha, variance, dispersion: exact.pgm_log_prob(mu, lift, alpha, variance,
             dispersion), floor=1, dimensions=(2,)),
        Case("PGM entropy", "log gamma^2 in [-10, 6]", pgm(10, pair=False),
             lambda alpha, variance, dispersion, mu, lift: manifold(alpha, variance, dispersion).entropy(),
             lambda alpha, variance, dispersion, mu, lift: exact.pgm_entropy(dispersion), floor=1,
             dimensions=(2,)),
        Case("PGM KL", "log gamma^2 in [-10, 6]", pgm(10, pair=True), pgm_kl, exact.pgm_kl, dimensions=(2,)),
    ]  # fmt: skip
    graded = {"distance", "HG log_prob, coupling 1", "HG KL", "HG KL, mixed", "wrapped log_prob", "RN
    log-normaliser",
              "RN log_prob", "PGM log_prob", "PGM KL"}  # fmt: skip
    first = {row.function: row for row in reversed(rows) if row.function in graded}
    for row in [row for row in rows if row is first.get(row.function)]:
        rows.append(Case(f"gradient of {row.function}", row.box, row.draw, row.compute, row.reference,
                         dimensions=tuple(d for d in row.dimensions if d <= 3), gradient=True))  # fmt: skip
    return rows


@dataclass(frozen=True)
class Measured:
    """Worst error, and worst error over the effect of rounding the inputs; None for gradients."""

    error: float
    multiple: float | None


def measure(case: Case, dtype: torch.dtype, points: int, seed: int) -> Measured:
    """Compare `points` points of a case, spread over its dimensions, with Arb."""
    rng = np.random.default_rng(seed)
    error = multiple = 0.0
    for d in case.dimensions:
        arguments = case.draw(rng, -(-points // len(case.dimensions)), d)
        tensors = {name: torch.as_tensor(array).to(dtype) for name, array in arguments.items()}
        rows = {name: tensor.double().tolist() for name, tensor in tensors.items()}
        count = len(next(iter(rows.values())))
        balls = [{name: _balls(row[i]) for name, row in rows.items()} for i in range(count)]
        if case.gradient:
            error = max(error, _gradient_error(case, tensors, balls))
            continue
        computed = case.compute(**tensors).double().tolist()
        moved = _input_effect(case, tensors)
        for i, arguments_i in enumerate(balls):
            truth = case.reference(**arguments_i)
            size = max(abs(float(truth)), case.floor)
            if size > torch.finfo(dtype).max:
                continue  # no number of this dtype
            if size < 1e-60:  # the two points, or the two laws, are one
                error = max(error, 0.0 if abs(computed[i]) < 1e-60 else float("inf"))
                continue
            off = abs(float(arb(computed[i]) - truth)) / size
            off = off if off == off else float("inf")
            error = max(error, off)
            multiple = max(multiple, off / (moved[i] * ROUNDING[dtype] / size + ROUNDING[dtype]))
    return Measured(error, None if case.gradient else multiple)


def _balls(x: float | list[float]) -> arb | list[arb]:
    return [arb(v) for v in x] if isinstance(x, list) else arb(x)


def _input_effect(case: Case, tensors: dict[str, Tensor]) -> list[float]:
    """sum_i |x_i df/dx_i| for each point, in float64: the effect of a relative change of 1 in every input."""
    leaves = {name: tensor.double().requires_grad_() for name, tensor in tensors.items()}
    value = case.compute(**leaves).sum()
    grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    total = torch.zeros(len(next(iter(leaves.values()))), dtype=torch.float64)
    for leaf, grad in zip(leaves.values(), grads, strict=True):
        if grad is not None:
            total += (leaf.detach() * grad).abs().flatten(1).sum(-1) if leaf.dim() > 1 else (leaf.detach() *
            grad).abs()
    return total.tolist()


def _gradient_error(case: Case, tensors: dict[str, Tensor], balls: list[dict[str, arb | list[arb]]]) -> float:
    """Worst error of the gradient at a point over its largest component."""
    fixed = ("d", "kappa", "kappa_q", "kappa_p")
    leaves = {name: tensor.clone().requires_grad_(name not in fixed) for name, tensor in tensors.items()}
    names = [name for name in leaves if name not in fixed]
    grads = torch.autograd.grad(case.compute(**leaves).sum(), [leaves[name] for name in names])
    flat = torch.cat([g.double().reshape(len(balls), -1) for g in grads], -1).tolist()
    worst = 0.0
    for row, point_i in zip(flat, balls, strict=True):
        truth = []
        for name in names:
            place = point_i[name]
            for k in range(len(place) if isinstance(place, list) else 1):
                truth.append(case.reference(**_seeded(point_i, name, k))[1])
        size = max(abs(float(t)) for t in truth)
        if not size > 0:
            continue  # no derivative: the points have become one in rounding
        off = max(abs(float(arb(g) - t)) for g, t in zip(row, truth, strict=True)) / size
        worst = max(worst, off if off == off else float("inf"))
    return worst


def _seeded(place: dict[str, arb | list[arb]], name: str, k: int) -> dict[str, exact.Number]:
    """All arguments as series, the k-th entry of `name` with slope 1."""

    def series(x: arb, slope: int) -> arb_series:
        return arb_series([x, slope], 2)

    def lift(key: str, x: arb | list[arb]) -> exact.Number:
        if isinstance(x, list):
            return [series(v, int(key == name and i == k)) for i, v in enumerate(x)]
        return series(x, int(key == name))

    return {key: lift(key, x) for key, x in place.items()}


def table(points: int, seed: int) -> str:
    """The Markdown table, with what misses its target marked."""
    lines = [
        "| function | arguments | float32 | x inputs | float64 | x inputs |",
        "|---|---|---|---|---|---|",
    ]
    for case in cases():
        cells = [case.function, case.box]
        for dtype in (torch.float32, torch.float64):
            found = measure(case, dtype, points, seed)
            missed = found.error > TARGETS["gradient" if case.gradient else "value"][dtype]
            multiple = "" if found.multiple is None else f"{found.multiple:.1f}"
            cells += [f"**{found.error:.1e}**" if missed else f"{found.error:.1e}", multiple]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


HEADER = """# Accuracy

Worst error over at least {points} points of each row and dtype, corners included, against Arb ball arithmetic
at {bits} bits. Made by `python -m benchmarks.accuracy --out docs/accuracy.md`.

Errors are relative to the value for distances, KLs and gradients (their largest component), and relative to
the larger of 1 and the value for logarithms. Targets: values 4e-6 in float32 and 1e-13 in float64, gradients
4e-6 and 1e-11; what misses its target is **bold**. "x inputs" is the worst error as a multiple of the error
that rounding
every input by half a unit in the last place already makes: where it is near 1 and the target is missed, the
inputs have lost the digits, and no formula gets them back. Dimensions run over 2, 3, 16 and 128 (for the
Riemannian normal to 64), for gradients over 2 and 3; the PGM normal is one half-plane. `distance(x, x)` is 0
with gradient 0.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter) parser.add_argument("--out", type=Path)
    parser.add_argument("--points", type=int, default=2000) parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args() start = time.perf_counter() text = HEADER.format(points=arguments.points,
    bits=exact.BITS) + table(arguments.points, arguments.seed) + "\n" if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text)
    print(text, f"{time.perf_counter() - start:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
