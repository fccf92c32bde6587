"""Evaluation of a trained RSSM with its controls: the same measures on the same walks, with what a number must survive.

Controls: the untrained ensemble (each member's own initial weights), counterfactual observations, and the blind clock,
which sees only the step number and is exact. The walks of a member come from its own seed, and are the same under
every control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import get_args

import torch
from torch import Tensor

from hrssm.environments.occupancy import occupancy
from hrssm.environments.tree import Counterfactual, TreeMDP, Walks
from hrssm.evaluation.clock import blind_clock
from hrssm.evaluation.horizons import UNTRAINED, horizons, range_of
from hrssm.evaluation.measure import Protocol, measure
from hrssm.records.record import Row
from hrssm.systems.rssm.imagination import imagine_long
from hrssm.systems.rssm.learner import RSSMLearner, build_model, gate
from hrssm.systems.rssm.model import RSSM
from hrssm.systems.rssm.settings import Settings
from hrssm.systems.rssm.trajectories import STARTS, as_array, evaluation_walks, observations, trajectories
from hrssm.systems.rssm.walking import evaluation_region, ranges, training_region
from hrssm.training.seeds import generators

__all__ = ["CLOCK_SEED", "counterfactuals", "evaluate"]

CLOCK_SEED = -1  # the blind clock has no seed: its rows stand under this one


def evaluate(
    settings: Settings, learner: RSSMLearner, seeds: Sequence[int], say: Callable[[str], None]
) -> Iterator[Row]:
    """The rows of every living member under every protocol, control and range."""
    alive = [k for k, lives in enumerate(learner.alive.tolist()) if lives]
    tree = learner.tree
    untrained = build_model(settings, seeds, tree.device)
    open_gate = gate(settings, settings.training.steps)
    apart = ranges(settings, tree)
    where = (settings.data_seed, settings.training.steps)
    for protocol in get_args(Protocol):
        walks = evaluation_walks(settings, tree, seeds, protocol)
        truth = observations(tree, walks, seeds)
        cases: list[tuple[str, RSSM, Tensor]] = [
            ("trained", learner.model, truth),
            ("untrained", untrained, truth),
            *((name, learner.model, seen) for name, seen in counterfactuals(tree, walks, seeds)),
        ]
        for control, model, seen in cases:
            say(f"evaluating {protocol}, {control}")
            # Held-out probes take most of the time; under the counterfactuals the published ones say what is asked.
            probes = protocol == "published" or control in ("trained", "untrained")
            members = list(trajectories(model, walks, tree, seen, truth, seeds, gate=open_gate))
            for range_, scored in apart:
                for k in alive:
                    found = measure(members[k], protocol, seeds[k], scored=as_array(scored), probes=probes)
                    for metric, value in found.items():
                        yield Row(seeds[k], *where, protocol, control, range_, metric, value)
        for range_, scored in apart:
            for metric, value in _clock(settings, tree, protocol, scored).items():
                yield Row(CLOCK_SEED, *where, protocol, "blind-clock", range_, metric, value)
    if factors := horizons(settings.evaluation.imagined):
        for control, model, most in (("trained", learner.model, factors[-1]), ("untrained", untrained, UNTRAINED)):
            reached = [factor for factor in factors if factor <= most]
            steps = settings.training.length * reached[-1]
            say(f"evaluating imagined, {control}: {steps} steps")
            growth = imagine_long(settings, model, tree, seeds, steps)
            for factor in reached:
                for metric, values in growth.report(settings.training.length * factor).items():
                    for k in alive:
                        yield Row(seeds[k], *where, "imagined", control, range_of(factor), metric, float(values[k]))


def counterfactuals(tree: TreeMDP, walks: Walks, seeds: Sequence[int]) -> Iterator[tuple[str, Tensor]]:
    """Name and observations (M, T, B, D) of each counterfactual: what the model sees instead of the truth."""
    yield "other-walk", observations(tree, Walks(walks.nodes.roll(1, 2), walks.actions), seeds)
    for kind in get_args(Counterfactual):
        tables = [tree.counterfactual(kind, g) for g in generators(seeds, "counterfactual")]
        streams = generators(seeds, "evaluation observations", tree.device)
        shown = (table.observe(nodes[None], [g]) for table, nodes, g in zip(tables, walks.nodes, streams, strict=True))
        yield kind, torch.cat(list(shown))


def _clock(settings: Settings, tree: TreeMDP, protocol: Protocol, scored: Tensor | None) -> dict[str, float]:
    e, data = settings.evaluation, settings.data
    here, trained = evaluation_region(settings, tree), training_region(settings, tree)
    learned = None
    if not torch.equal(trained.mask, here.mask):
        # Evaluation leaves what training visits: the clock carries over what training showed it.
        learned = occupancy(tree, e.length, start=data.start, lazy=data.lazy, region=trained)
    return blind_clock(tree, e.length, start=STARTS[protocol], region=here, scored=scored, learned=learned)
