"""Evaluation of trained agents: whole episodes of each, beside its own untrained self and random play."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from hrssm.records.record import Row
from hrssm.systems.hieros.agent import Agent, Episode, play
from hrssm.systems.hieros.learner import HierosLearner
from hrssm.systems.hieros.settings import Settings
from hrssm.training.seeds import generators

__all__ = ["evaluate"]


def evaluate(
    settings: Settings, learner: HierosLearner, seeds: Sequence[int], say: Callable[[str], None]
) -> Iterator[Row]:
    """Mean return, success and length over the episodes of every living agent under every control.

    An agent plays the same starts under all of them; they come from its own seed.
    """
    for seed, agent in zip(seeds, learner.agents, strict=True):
        if not agent.alive:
            continue
        untrained = Agent(settings, seed, agent.device)
        for control in ("trained", "untrained", "random"):
            say(f"evaluating seed {seed}, {control}")
            dice = generators([seed], "evaluation walks")[0]
            player = {"trained": agent, "untrained": untrained, "random": None}[control]
            episodes = list(play(settings, player, dice, generators([seed], "evaluation noise", agent.device)[0]))
            for metric, value in summary(episodes).items():
                yield Row(seed, settings.data_seed, settings.training.steps, "episodes", control, "in", metric, value)


def summary(episodes: Sequence[Episode]) -> dict[str, float]:
    """Means over episodes, by metric."""
    return {
        "return": fmean(e.score for e in episodes),
        "success": fmean(e.terminated for e in episodes),
        "length": fmean(e.length for e in episodes),
    }
