"""The claims of `hrssm.replay.samplers`: what is drawn and how often."""

from __future__ import annotations

from typing import Any

from derivations.chapters.replay.laws import a, r, s, tau
from derivations.code.claim import Claim
from hrssm.replay import samplers

ROOM = "hrssm.replay.samplers"


def _side(index: int) -> Any:
    return lambda f, _: f.statement[index].rhs


CLAIMS = (
    Claim(
        f"{ROOM}.time_balanced_position", "replay-time-balanced", samplers.time_balanced_position,
        lambda _: [s, tau], _side(0), dimensions=(1,),
    ),
    Claim(
        f"{ROOM}.time_balanced_density", "replay-time-balanced", samplers.time_balanced_density,
        lambda _: [s, tau], _side(1), dimensions=(1,),
    ),
    Claim(
        f"{ROOM}.time_balanced_count", "replay-time-balanced-counts", samplers.time_balanced_count,
        lambda _: [s, tau], _side(0), dimensions=(1,),
    ),
    Claim(
        f"{ROOM}.beta_position", "replay-beta", samplers.beta_position, lambda _: [s, a], _side(0), dimensions=(1,),
    ),
    Claim(
        f"{ROOM}.beta_density", "replay-beta", samplers.beta_density, lambda _: [r, a], _side(1), dimensions=(1,),
    ),
    Claim(
        f"{ROOM}.beta_count", "replay-beta", samplers.beta_count, lambda _: [r, a], _side(2), dimensions=(1,),
    ),
)  # fmt: skip
