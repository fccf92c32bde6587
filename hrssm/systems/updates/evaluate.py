"""Roll-outs far beyond the training length: is the depth still named, and what do state and gradient do on the way?

Everything is computed in float64, so that what is measured is the update and not the arithmetic; what reduced precision
would lose is a metric of its own. A member's sequences come from its own seed, and are the same for every control.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from hrssm.evaluation.growth import Growth, jacobian_norm, roll
from hrssm.evaluation.horizons import UNTRAINED, WINDOW, horizons, range_of
from hrssm.networks import bounds
from hrssm.networks.updates import Gated
from hrssm.records.record import Row
from hrssm.systems.updates.learner import UpdateLearner, build_model
from hrssm.systems.updates.model import Integrator
from hrssm.systems.updates.settings import Settings
from hrssm.systems.updates.task import Paths, Task
from hrssm.training.seeds import generators

__all__ = ["NO_SEED", "evaluate", "gates", "unrolled"]

NO_SEED = -1  # a predictor without weights has no seed: its rows stand under this one
DISTANCE = 1e-6  # of a shadow, beside 1 + |h|
GATE_FACTOR = 10  # gates are held against their bounds up to this horizon

Measured = dict[int, dict[str, Tensor]]  # by horizon and metric, (M,)


def evaluate(
    settings: Settings, learner: UpdateLearner, seeds: Sequence[int], say: Callable[[str], None]
) -> Iterator[Row]:
    """The rows of every living member, trained and untrained, at every horizon; and those of the parity alone."""
    alive = [k for k, lives in enumerate(learner.alive.tolist()) if lives]
    task, length = learner.task, settings.training.length
    factors = horizons(settings.evaluation.rollout)
    where = (settings.data_seed, settings.training.steps, "rollout")
    streams = generators(seeds, "evaluation walks", task.device)
    paths = task.draw(length * factors[-1], settings.evaluation.sequences, streams)
    untrained = build_model(settings, seeds, task)
    for control, model, most in (("trained", learner.model, factors[-1]), ("untrained", untrained, UNTRAINED)):
        reached = [factor for factor in factors if factor <= most]
        say(f"evaluating {control}: {length * reached[-1]} steps")
        twin = copy.deepcopy(model).double()
        measured = unrolled(twin, task, paths, length, reached, generators(seeds, "evaluation noise", task.device))
        for factor, values in gates(twin, task, paths, length, reached).items():
            measured[factor] |= values
        for factor, values in measured.items():
            for k in alive:
                for metric, value in values.items():
                    yield Row(seeds[k], *where, control, range_of(factor), metric, float(value[k]))
    for factor in factors:
        yield Row(NO_SEED, *where, "parity", range_of(factor), "accuracy", task.parity_accuracy())


@torch.no_grad()
def unrolled(
    model: Integrator,
    task: Task,
    paths: Paths,
    length: int,
    factors: Sequence[int],
    directions: Sequence[torch.Generator],
) -> Measured:
    """Growth, accuracy, Jacobian and growth of a perturbation along sequences, at each horizon.

    Every state has a shadow beside it in the batch, a small step away, which is drawn back to that distance after each
    update: how far the two part is how much the update stretches. ``directions`` draws the first step, since a special
    one may never turn: (1, .., 1) is what LayerNorm does not see.
    """
    start = model.begin(task.opening(paths.start).double())
    rows, horizon_of = start.shape[1], {length * factor - 1: factor for factor in factors}
    stretches, norms = [], {}

    def apart(state: Tensor) -> Tensor:
        return DISTANCE * (1 + state.norm(dim=-1, keepdim=True))

    def step(number: int, both: Tensor) -> Tensor:
        x = task.encode(paths.moves[:, number]).double()
        if number in horizon_of:
            with torch.enable_grad():
                norms[horizon_of[number]] = jacobian_norm(model.cell, x, both[:, :rows]).mean(1)
        before, (state, shadow) = both[:, rows:] - both[:, :rows], model.cell(torch.cat((x, x), 1), both).chunk(2, 1)
        gap = shadow - state
        size = gap.norm(dim=-1, keepdim=True)
        stretches.append((size / before.norm(dim=-1, keepdim=True)).log().mean((1, 2)))
        gap = torch.where(size > 0, gap / size, torch.nn.functional.normalize(before, dim=-1))
        return torch.cat((state, state + apart(state) * gap), 1)

    drawn = [torch.randn(start.shape[1:], generator=g, device=g.device, dtype=start.dtype) for g in directions]
    shadow = start + apart(start) * torch.nn.functional.normalize(torch.stack(drawn), dim=-1)
    growth, named, seen = Growth(start), [], 0
    for both in roll(torch.cat((start, shadow), 1), step, length * factors[-1]):
        states = both[:, :, :rows]
        growth.see(states)
        guesses = model.read(states).argmax(-1)
        named.append((guesses == paths.depths[:, seen : seen + states.shape[1]]).double().mean(2))
        seen += states.shape[1]
    right, stretch = torch.cat(named, 1), torch.stack(stretches, 1)
    return {
        factor: growth.report(horizon)
        | {
            "accuracy": right[:, horizon // WINDOW : horizon].mean(1),
            "lyapunov": stretch[:, horizon // WINDOW : horizon].mean(1),
            "jacobian_norm": norms[factor],
        }
        for factor in factors
        for horizon in (length * factor,)
    }


@torch.no_grad()
def gates(model: Integrator, task: Task, paths: Paths, length: int, factors: Sequence[int]) -> Measured:
    """Of a gated update: how often a norm leaves those of state and candidate, and how near it comes to its bound."""
    cell = model.cell
    if not isinstance(cell, Gated):
        return {}
    chosen = [factor for factor in factors if factor <= GATE_FACTOR]
    start = state = model.begin(task.opening(paths.start).double())
    states, openings, candidates = [], [], []
    for moves in paths.moves[:, : length * chosen[-1]].unbind(1):
        opening, candidate = cell.parts(task.encode(moves).double(), state)
        state = torch.lerp(state, candidate, opening)
        states.append(state)
        openings.append(opening)
        candidates.append(candidate)
    after, opening, candidate = (torch.stack(many, 1) for many in (states, openings, candidates))
    before = torch.cat((start[:, None], after[:, :-1]), 1)
    larger = torch.maximum(before.norm(dim=-1), candidate.norm(dim=-1))
    exceeded = (after.norm(dim=-1) > larger * (1 + 1e-9)).double().mean(2)
    used = (after.norm(dim=-1) / bounds.gated(start, candidate, opening)).amax(2)
    return {
        factor: {
            "gate_violations": exceeded[:, : length * factor].mean(1),
            "bound_use": used[:, : length * factor].amax(1),
        }
        for factor in chosen
    }
