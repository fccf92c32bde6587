"""The rows of the accuracy table: how arguments are drawn, what computes the value, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from benchmarks import arb_quadrature as quadrature
from benchmarks import arb_reference as exact
from hrssm.distributions import GaussianManifoldNormal, HorosphericalGaussian, RiemannianNormal, WrappedNormal
from hrssm.geometry import horospherical as geometry

Draw = Callable[[np.random.Generator, int, int], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    `draw(rng, n, d)` gives named arguments (n,) or, for the two named in `fibres`, (n, d - 1); `compute` maps tensors
    to values (n,); `reference` does the same for one point of balls, where the fibres have become their squared
    distance `gap` and their dimension `fibre`. `floor` is 1 for logarithms and 0 for what has a relative error; for
    gradients it is not used.
    """

    function: str
    box: str
    draw: Draw
    compute: Callable[..., Tensor]
    reference: Callable[..., exact.Number]
    floor: float = 0.0
    fibres: tuple[str, str] | None = None
    dimensions: tuple[int, ...] = (2, 3, 16, 128)
    gradient: bool = False
    points: int | None = None
    """How many points, where each costs much."""


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
            factor = {1: 1 + step, 2: 1 + step[:, None]}
            nudged = {name: value * factor[value.ndim] for name, value in q.items()}
            p = {name.replace("_q", "_p"): value for name, value in nudged.items()}
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


def near_rn(low: float, high: float, kappa: float | None, rn: str, other: str) -> Draw:
    """A Riemannian normal, and near it a Horospherical Gaussian or (kappa None) another Riemannian normal.

    The numbers are float32's, so that one quadrature serves both dtypes.
    """

    def draw(rng: np.random.Generator, n: int, d: int) -> dict[str, np.ndarray]:
        sigma, mu = log_uniform(rng, n, low, high), uniform(rng, n, -3, 3)
        beta = direction(rng, n, d - 1) * log_uniform(rng, n, 1e-3, 10)[:, None]
        offset = direction(rng, n, d - 1) * (np.exp(mu) * sigma * log_uniform(rng, n, 1e-3, 5))[:, None]
        numbers = {
            f"mu{rn}": mu,
            f"beta{rn}": beta,
            f"sigma{rn}": sigma,
            f"mu{other}": mu + sigma * uniform(rng, n, -3, 3),
            f"beta{other}": beta + offset,
            f"sigma{other}": (sigma * log_uniform(rng, n, 0.5, 2)).clip(low, high),
        }
        if kappa is not None:
            numbers[f"s{other}"] = (sigma * log_uniform(rng, n, 0.5, 2)).clip(low, high)
            numbers[f"kappa{other}"] = np.full(n, kappa)
        return {name: array.astype(np.float32).astype(np.float64) for name, array in numbers.items()}

    return draw


def with_coupling(places: Draw, kappa: float) -> Draw:
    return lambda rng, n, d: places(rng, n, d) | {"kappa": np.full(n, kappa)}


def riemannian(sigma: Tensor, d: Tensor) -> RiemannianNormal:
    return RiemannianNormal(torch.zeros(len(sigma), int(d[0]), dtype=sigma.dtype), sigma, validate_args=False)


def manifold(alpha: Tensor, variance: Tensor, dispersion: Tensor) -> GaussianManifoldNormal:
    return GaussianManifoldNormal(alpha[:, None], variance[:, None], dispersion[:, None], validate_args=False)


def distance_of(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor) -> Tensor:
    return geometry.distance(point(tau, b), point(mu, beta))


def hg_log_prob(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor, **scales: Tensor) -> Tensor:
    return horospherical(mu, beta, **scales).log_prob(point(tau, b))


def both_laws(build: Callable[..., Distribution], both: dict[str, Tensor]) -> list[Distribution]:
    """The laws q and p from parameters named name_q and name_p."""
    return [build(**{k[:-2]: v for k, v in both.items() if k.endswith(side)}) for side in ("_q", "_p")]


def rn_and_hg(named: dict[str, Tensor], rn: str, hg: str) -> tuple[RiemannianNormal, HorosphericalGaussian]:
    """A Riemannian normal and a Horospherical Gaussian from parameters named name_q and name_p."""
    parameters = {key[:-2]: x for key, x in named.items() if key.endswith(hg)}
    loc = point(named[f"mu{rn}"], named[f"beta{rn}"])
    return RiemannianNormal(loc, named[f"sigma{rn}"], validate_args=False), horospherical(**parameters)


def rn_kl_apart(**both: Tensor) -> Tensor:
    def build(mu: Tensor, beta: Tensor, sigma: Tensor) -> RiemannianNormal:
        return RiemannianNormal(point(mu, beta), sigma, validate_args=False)

    return kl_divergence(*both_laws(build, both))


def rn_to_hg(**named: Tensor) -> Tensor:
    return kl_divergence(*rn_and_hg(named, "_q", "_p"))


def hg_to_rn(**named: Tensor) -> Tensor:
    return kl_divergence(*reversed(rn_and_hg(named, "_p", "_q")))


def hg_kl(**both: Tensor) -> Tensor:
    return kl_divergence(*both_laws(horospherical, both))


def rn_log_prob(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor, sigma: Tensor) -> Tensor:
    return RiemannianNormal(point(mu, beta), sigma, validate_args=False).log_prob(point(tau, b))


def rn_log_normaliser(sigma: Tensor, d: Tensor) -> Tensor:
    return riemannian(sigma, d).log_normaliser


def rn_entropy(sigma: Tensor, d: Tensor) -> Tensor:
    return riemannian(sigma, d).entropy()


def rn_kl(sigma_q: Tensor, sigma_p: Tensor, d: Tensor) -> Tensor:
    return kl_divergence(riemannian(sigma_q, d), riemannian(sigma_p, d))


def wrapped_log_prob(tau: Tensor, b: Tensor, mu: Tensor, beta: Tensor, sigma: Tensor, s: Tensor) -> Tensor:
    scale = point(sigma, s[:, None].expand_as(b))
    return WrappedNormal(point(mu, beta), scale, validate_args=False).log_prob(point(tau, b))


def pgm_log_prob(mu: Tensor, lift: Tensor, **parameters: Tensor) -> Tensor:
    return manifold(**parameters).log_prob(torch.stack((mu, lift), -1))


def pgm_kl(**both: Tensor) -> Tensor:
    return kl_divergence(*both_laws(manifold, both))


def hg_entropy(sigma: Tensor, s: Tensor, d: Tensor) -> Tensor:
    fibre = sigma.new_zeros(len(sigma), int(d[0]) - 1)
    return HorosphericalGaussian(torch.zeros_like(sigma), fibre, sigma, s, validate_args=False).entropy()


def pgm_entropy(dispersion: Tensor) -> Tensor:
    return manifold(torch.zeros_like(dispersion), torch.zeros_like(dispersion), dispersion).entropy()


MODEST, WIDE = "heights within 5, scales 0.01 to 3", "heights within 30, scales 0.001 to 10"
SPREAD = "log gamma^2 in [-10, 6]"
RADIAL = (2, 3, 8, 16, 32, 64)
QUADRATURE_POINTS = 18
POINTS, LAWS = ("b", "beta"), ("beta_q", "beta_p")


def values() -> list[Case]:
    """The closed forms, in the order of the table."""
    return _geometry() + _horospherical() + _radial() + _other()


def quadratures() -> list[Case]:
    """The KLs that the code takes by quadrature, as the reference does."""
    pairs: list[tuple[str, Any, Any, str, str, float | None]] = [
        ("KL, RN to RN", rn_kl_apart, quadrature.rn_to_rn, "_q", "_p", None)
    ]
    for kappa in (1.0, 0.5):
        pairs.append((f"KL, RN to HG, coupling {kappa:g}", rn_to_hg, quadrature.rn_to_hg, "_q", "_p", kappa))
        pairs.append((f"KL, HG to RN, coupling {kappa:g}", hg_to_rn, quadrature.hg_to_rn, "_p", "_q", kappa))
    return [
        Case(
            name, f"scales {low} to {high}, d = 2, 4 and 16, {QUADRATURE_POINTS} points",
            near_rn(low, high, kappa, rn, other), compute, reference, 0.0, LAWS, (2, 4, 16), points=QUADRATURE_POINTS,
        )
        for name, compute, reference, rn, other, kappa in pairs
        for low, high in ((0.01, 0.5), (0.5, 1))
    ]  # fmt: skip


def gradients() -> list[Case]:
    """The gradient of every closed form in all its arguments."""
    return [replace(row, gradient=True) for row in values()]


def _geometry() -> list[Case]:
    near, far = two_points(5, 1e-8, 1), two_points(30, 1e-8, 40)
    return [
        Case("distance", "distances 1e-8 to 1, heights within 5", near, distance_of, exact.distance, fibres=POINTS),
        Case("distance", "distances 1e-8 to 40, heights within 30", far, distance_of, exact.distance, fibres=POINTS),
    ]


def _horospherical() -> list[Case]:
    rows = []
    for kappa in (1.0, 0.5):
        for box, places, scales in (
            (MODEST, two_points(5, 1e-4, 8), (0.01, 3)),
            (WIDE, two_points(30, 1e-8, 30), (1e-3, 10)),
        ):
            draw = with_coupling(with_scales(places, *scales), kappa)
            name = f"HG log_prob, coupling {kappa:g}"
            rows.append(Case(name, box, draw, hg_log_prob, exact.hg_log_prob, 1, POINTS))
    for couplings, name in (((1.0, 1.0), "HG KL"), ((0.5, 0.5), "HG KL, coupling 0.5"), ((1.0, 0.5), "HG KL, mixed")):
        rows.append(Case(name, MODEST, hg_pair(5, 0.01, 3, couplings), hg_kl, exact.hg_kl, fibres=LAWS))
    wide, close = hg_pair(30, 1e-3, 4, (1.0, 1.0)), hg_pair(5, 0.01, 3, (1.0, 1.0), close=True)
    entropy = scales_only(1e-3, 10, "sigma", "s")
    return [
        *rows,
        Case("HG KL", "heights within 30, scales 0.001 to 4", wide, hg_kl, exact.hg_kl, fibres=LAWS),
        Case("HG KL", "parameters within 1e-6 to 0.1 of each other", close, hg_kl, exact.hg_kl, fibres=LAWS),
        Case("HG entropy", "scales 0.001 to 10", entropy, hg_entropy, exact.hg_entropy, 1),
    ]


def _radial() -> list[Case]:
    one, two = scales_only(0.01, 3, "sigma"), scales_only(0.01, 3, "sigma_q", "sigma_p")
    places = with_scales(two_points(5, 1e-4, 8), 0.01, 3, ("sigma",))
    box, near = "scales 0.01 to 3, d <= 64", "distances 1e-4 to 8, scales 0.01 to 3, d <= 64"
    return [
        Case("RN log-normaliser", box, one, rn_log_normaliser, exact.rn_log_normaliser, 1, None, RADIAL),
        Case("RN log_prob", near, places, rn_log_prob, exact.rn_log_prob, 1, POINTS, RADIAL),
        Case("RN entropy", box, one, rn_entropy, exact.rn_entropy, 1, None, RADIAL),
        Case("RN KL, concentric", box, two, rn_kl, exact.rn_concentric_kl, 0, None, RADIAL),
    ]


def _other() -> list[Case]:
    near = with_scales(two_points(5, 1e-4, 8), 0.01, 3)
    far = with_scales(two_points(30, 1e-8, 30), 0.1, 10)
    close, wide = (
        "distances 1e-4 to 8, heights within 5, scales 0.01 to 3",
        "distances 1e-8 to 30, heights within 30, scales 0.1 to 10",
    )
    one, two = pgm(10, pair=False), pgm(10, pair=True)
    alone = lambda rng, n, d: {"dispersion": uniform(rng, n, -10, 6)}  # noqa: E731
    return [
        Case("wrapped log_prob", close, near, wrapped_log_prob, exact.wrapped_log_prob, 1, POINTS),
        Case("wrapped log_prob", wide, far, wrapped_log_prob, exact.wrapped_log_prob, 1, POINTS),
        Case("PGM log_prob", SPREAD, one, pgm_log_prob, exact.pgm_log_prob, 1, None, (2,)),
        Case("PGM entropy", SPREAD, alone, pgm_entropy, exact.pgm_entropy, 1, None, (2,)),
        Case("PGM KL", SPREAD, two, pgm_kl, exact.pgm_kl, 0, None, (2,)),
    ]
