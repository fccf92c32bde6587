"""Langevin dynamics on the Poincare ball: a position z, a covector p, a force, and splitting methods as data.

The Hamiltonian is H(z, p) = Phi(z) + |p|^2 / (2 lambda(z)^2). With a control u (a covector), an antisymmetric F that
turns momentum as a magnetic field does, friction gamma and temperature T, the equations of motion are (`dyn-hamilton`)

    z' = p / lambda^2,
    p' = -dPhi + (|p|^2 (1 - |z|^2) / 2) z + u + F p / lambda^2 - gamma p + sqrt(2 gamma T) lambda noise.

The term in |p|^2 z is the metric's: without it momentum is not carried along. A method splits this into parts that are
solved exactly, in the order of its stages; `step` knows nothing else about it. Nothing here needs a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from hrssm.geometry import ball
from hrssm.geometry.guarded_ball import GuardedBall
from hrssm.integrators.geodesic_flow import geodesic_flow

__all__ = [
    "BAOAB",
    "Forces",
    "Method",
    "State",
    "Trajectory",
    "cayley",
    "conservative",
    "energy",
    "kinetic_energy",
    "published",
    "start",
    "step",
    "trajectory",
]

Field = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Forces:
    """What acts at a point z (..., D): each a function of z.

    `potential` gives the covector -dPhi(z) (`conservative` makes it from Phi), `control` a covector u(z), `curl` an
    antisymmetric matrix F(z) (..., D, D), the components F_ij of a two-form.
    """

    potential: Field | None = None
    control: Field | None = None
    curl: Field | None = None


def conservative(potential: Field) -> Field:
    """The force -dPhi of z -> Phi (...), by automatic differentiation; differentiable where gradients are on."""

    def force(z: Tensor) -> Tensor:
        recording = torch.is_grad_enabled()
        with torch.enable_grad():
            place = z if recording and z.requires_grad else z.detach().requires_grad_()
            (slope,) = torch.autograd.grad(potential(place).sum(), place, create_graph=recording)
        return -slope

    return force


# ---------------------------------------------------------------------------------------------------- exact parts


def cayley(p: Tensor, turn: Tensor) -> Tensor:
    """(I - T)^-1 (I + T) p for antisymmetric T (..., D, D): a rotation, exactly, in every dimension  (`dyn-cayley`).

    T turns each of its planes, on which T^2 = -tau^2, by 2 arctan(tau).
    """
    once = _apply(turn, p)
    if p.shape[-1] <= 3:  # one plane, with tau^2 = |T|^2 / 2
        tau_squared = turn.square().sum((-2, -1)).unsqueeze(-1) / 2
        return p + 2 * (once + _apply(turn, once)) / (1 + tau_squared)
    identity = torch.eye(p.shape[-1], dtype=p.dtype, device=p.device)
    return torch.linalg.solve(identity - turn, (p + once).unsqueeze(-1)).squeeze(-1)


def frobenius(p: Tensor, turn: Tensor) -> Tensor:
    """The rotation as published, p + 2 T (p + T p) / (1 + |T|^2): it shortens p, by 2 tau^4 for D = 2 and 3."""
    square = turn.square().sum((-2, -1)).unsqueeze(-1)
    return p + 2 * _apply(turn, p + _apply(turn, p)) / (1 + square)


# -------------------------------------------------------------------------------------------------------- methods

#: A: drift; B: kick by potential and control; R: rotation by the curl; O: friction and noise.
Letter = Literal["A", "B", "R", "O"]


@dataclass(frozen=True)
class Method:
    """A splitting method: its stages, each a letter and the fraction of the step it takes, and how A and R are solved.

    `drift` gives position, momentum and 1 - |z|^2 after a time, `gap` the last at any z.

    The method integrates the equations of motion only if the fractions of every letter add up to 1 (`weight`).
    """

    name: str
    stages: tuple[tuple[Letter, float], ...]
    reference: str
    drift: Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor, Tensor]] = geodesic_flow
    rotate: Callable[[Tensor, Tensor], Tensor] = cayley
    gap: Field = ball.gap

    def weight(self, letter: Letter) -> float:
        """The share of a step that the stages of one letter take together."""
        return math.fsum(share for name, share in self.stages if name == letter)


_KICK: tuple[tuple[Letter, float], ...] = (("B", 1 / 4), ("R", 1 / 2), ("B", 1 / 4))
BAOAB = Method(
    "BAOAB",
    (*_KICK, ("A", 1 / 2), ("O", 1), ("A", 1 / 2), *_KICK),
    "B. Leimkuhler and C. Matthews, Rational construction of stochastic numerical methods for molecular sampling, "
    "Applied Mathematics Research eXpress 2013, 34-56; on the ball every part is solved exactly.",
)


def published(guards: GuardedBall, *, as_coded: bool = True) -> Method:
    """The step of the covariant world model as published, guards included.

    Each half kick has the weight of a whole one, so that a step kicks 3/2 times (its code) or twice (its text);
    momentum is frozen during a drift; and the drift corrects the exponential map, a geodesic already, by a Christoffel
    term.
    """
    whole: tuple[tuple[Letter, float], ...] = (("B", 1 / 2), ("R", 1), ("B", 1 / 2))
    closing: tuple[tuple[Letter, float], ...] = (("B", 1 / 2),) if as_coded else whole

    def gap(z: Tensor) -> Tensor:
        return 2 / guards.conformal_factor(z)

    def drift(z: Tensor, p: Tensor, time: float) -> tuple[Tensor, Tensor, Tensor]:
        v = guards.inverse_metric(z) * p
        corrected = v - time / 2 * guards.christoffel(z, v)
        there = guards.project(guards.exp(z, time * corrected))
        return there, p, gap(there)

    return Method(
        "published, as coded" if as_coded else "published, as written",
        (*whole, ("A", 1 / 2), ("O", 1), ("A", 1 / 2), *closing),
        "The covariant geometric world model's integrator, February 2026.",
        drift,
        frobenius,
        gap,
    )


# ----------------------------------------------------------------------------------------------------------- steps


class State(NamedTuple):
    """A position (..., D), its momentum, and what is known there.

    `force` is the potential's force at z, which the next step needs first; `work` and `heat` (..., 1) what the control
    and the thermostat have put in since `start`.
    """

    z: Tensor
    p: Tensor
    force: Tensor | None = None
    work: Tensor | None = None
    heat: Tensor | None = None


def start(z: Tensor, p: Tensor, *, budget: bool = False) -> State:
    """The state at a point (..., D) with a covector p (..., D), with an account of work and heat where `budget` is set.

    Raises ValueError where a point is outside the ball or the momentum is no number.
    """
    ball.require_inside(z)
    if z.shape[-1] != p.shape[-1]:
        raise ValueError(f"z has {z.shape[-1]} components and p {p.shape[-1]}: give a covector at the point.")
    if not torch.isfinite(p).all():
        raise ValueError("p: some components are not finite; give a momentum of finite numbers.")
    empty = z.new_zeros(*torch.broadcast_shapes(z.shape, p.shape)[:-1], 1) if budget else None
    return State(z, p, None, empty, empty)


def step(
    state: State,
    forces: Forces,
    h: float,
    *,
    friction: float = 0.0,
    temperature: float = 0.0,
    noise: Tensor | None = None,
    method: Method = BAOAB,
    substeps: int = 1,
) -> State:
    """The state after `substeps` steps of length h.

    The potential's force is evaluated once per step, at its end, and kept for the next; control and curl, which may
    change between calls, are evaluated once more at the beginning of a call. `noise` (substeps, ..., D) are standard
    normals for the thermostat, components in the orthonormal frames; drawn from torch's generator where it is None and
    `temperature` and `friction` are not 0. Work and heat are kept where the state keeps them: H changes by them and by
    the method's error of third order in h, nothing else.

    Raises ValueError for h <= 0, a negative friction or temperature, fewer than one substep, or noise of another shape.
    """
    _check(h, friction, temperature, substeps)
    thermostat = friction > 0 and any(letter == "O" for letter, _ in method.stages)
    noisy = thermostat and temperature > 0
    if noise is not None and noise.shape != (substeps, *state.p.shape):
        raise ValueError(f"noise has shape {tuple(noise.shape)}: give ({substeps}, *{tuple(state.p.shape)}).")
    z, p, force, work, heat = state
    gap = method.gap(z)
    control: Tensor | None = None
    curl: Tensor | None = None
    for number in range(substeps):
        for letter, share in method.stages:
            time = share * h
            if letter == "A":
                z, p, gap = method.drift(z, p, time)
                force = control = curl = None
            elif letter == "B":
                before = p
                if forces.potential:
                    force = forces.potential(z) if force is None else force
                    p = p + time * force
                if forces.control:
                    control = forces.control(z) if control is None else control
                    p = p + time * control
                    if work is not None:  # at the mean velocity of the whole kick
                        work = work + time * _dot(control, before + p) * gap.square() / 8
            elif letter == "R" and forces.curl:
                curl = forces.curl(z) if curl is None else curl
                p = method.rotate(p, curl * (time / 8 * gap.square()).unsqueeze(-1))
            elif letter == "O" and thermostat:
                keep = math.exp(-friction * time)
                after = keep * p
                if noisy:
                    draw = torch.randn_like(p) if noise is None else noise[number]
                    spread = math.sqrt((1 - keep**2) * temperature)
                    after = torch.addcdiv(after, draw, gap, value=2 * spread)
                if heat is not None:
                    heat = heat + _dot(after - p, after + p) * gap.square() / 8
                p = after
    return State(z, p, force, work, heat)


def kinetic_energy(z: Tensor, p: Tensor) -> Tensor:
    """|p|^2 / (2 lambda^2), (...)  (`dyn-hamilton`)."""
    return (_dot(p, p) * ball.gap(z).square() / 8).squeeze(-1)


def energy(z: Tensor, p: Tensor, potential: Field) -> Tensor:
    """H = Phi(z) + |p|^2 / (2 lambda^2), (...)  (`dyn-hamilton`)."""
    return potential(z) + kinetic_energy(z, p)


class Trajectory(NamedTuple):
    """States along a path, the first axis of each field the time: z, p (T, ..., D), work, heat (T, ...)."""

    z: Tensor
    p: Tensor
    work: Tensor
    heat: Tensor


@torch.no_grad()
def trajectory(
    z: Tensor,
    p: Tensor,
    forces: Forces,
    h: float,
    steps: int,
    *,
    every: int = 1,
    friction: float = 0.0,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    method: Method = BAOAB,
) -> Trajectory:
    """The path from (z, p), one state in `every`, the first included, without gradients.

    Raises ValueError as `start` and `step` do, and FloatingPointError where a state is no longer finite, with its step.
    """
    state = start(z, p, budget=True)
    states = [state]
    for number in range(1, steps + 1):
        noise = None
        if temperature > 0 and friction > 0:
            noise = torch.randn(1, *state.p.shape, dtype=p.dtype, device=p.device, generator=generator)
        state = step(state, forces, h, friction=friction, temperature=temperature, noise=noise, method=method)
        if number % every == 0:
            if not (torch.isfinite(state.z).all() and torch.isfinite(state.p).all()):
                raise FloatingPointError(
                    f"step {number} of {steps}: position or momentum is not finite with h = {h:g}; "
                    "look at the forces there (a NaN, or no confinement), or take a smaller step."
                )
            states.append(state)
    fields = (torch.stack([s[k] for s in states]) for k in (0, 1, 3, 4))  # pyright: ignore[reportArgumentType]
    z, p, work, heat = fields
    return Trajectory(z, p, work.squeeze(-1), heat.squeeze(-1))


def _check(h: float, friction: float, temperature: float, substeps: int) -> None:
    if not h > 0:
        raise ValueError(f"h = {h}: give a step length above 0; to run back in time, negate the momentum.")
    for name, value in {"friction": friction, "temperature": temperature}.items():
        if not value >= 0:
            raise ValueError(f"{name} = {value}: give a number that is 0 or above.")
    if substeps < 1:
        raise ValueError(f"substeps = {substeps}: give at least 1.")


def _apply(matrix: Tensor, x: Tensor) -> Tensor:
    return (matrix @ x.unsqueeze(-1)).squeeze(-1)


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(-1, keepdim=True)
