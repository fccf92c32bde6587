"""The reward for coming near a goal: what its printed form measures, and the form that is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb

from derivations.engine.kernel import (
    Certificate,
    Step,
    algebra,
    entry,
    exact,
    grid,
    sign,
    sp,
    symbol,
    trigonometry,
)
from derivations.engine.notation import name

size, factor = symbol("a", positive=True), symbol("c", positive=True)
excess = symbol("e", nonnegative=True)
angle = symbol("phi", real=True)
larger = size + excess

# ------------------------------------------------------------------------------------------- goal-reward


def _vectors(p: Mapping[str, Any]) -> tuple[list[arb], list[arb]]:
    """The shorter vector along a direction of space, the longer at twice the angle phi to it."""
    short, long, turn = exact(p["a"]), exact(p["a"]) + exact(p["e"]), 2 * exact(p["phi"])
    along, across = [arb(k) / 7 for k in (2, 3, 6)], [arb(k) / 7 for k in (6, 2, -3)]
    other = [long * (turn.cos() * u + turn.sin() * v) for u, v in zip(along, across, strict=True)]
    return [short * u for u in along], other


def _rewarded(p: Mapping[str, Any]) -> list[arb]:
    one, two = _vectors(p)
    inner = sum((u * v for u, v in zip(one, two, strict=True)), arb(0))
    squares = [sum((u * u for u in vector), arb(0)) for vector in (one, two)]
    most = squares[0].max(squares[1])
    scaled = exact(p["c"])
    return [inner / most, 1 - inner / most, scaled * inner / most.sqrt()]


REWARD = size * (1 - 2 * sp.sin(angle) ** 2) / larger


@entry(
    id="goal-reward",
    title="The reward for coming near a goal",
    statement=sp.Tuple(
        sp.Eq(name("R", size, excess, angle), REWARD),
        sp.Eq(1 - name("R", size, excess, angle), (excess + 2 * size * sp.sin(angle) ** 2) / larger),
        sp.Eq(name("R_printed", factor), factor * size * (1 - 2 * sp.sin(angle) ** 2)),
    ),
    symbols={
        size: "the smaller of the norms of goal and state",
        excess: "how much larger the other one is",
        angle: "half the angle between goal and state",
        factor: "a factor on goal and state alike",
    },
    assumptions=(
        "the reward is g . s over the square of the larger norm; it is clipped at 0, and so lies in [0, 1]",
        "what is missing to 1 is a sum of two terms, neither negative: it is 1 only where goal and state are equal",
        "printed is g . s over the larger norm: it grows with the norms alone, without bound",
    ),
    sources=[("mattes2024", "goal reward, printed with the larger norm; the public code squares it")],
    status="corrects",
    certificate=Certificate(
        points=grid(26, a=("1/9", "5"), e=("0", "7"), phi=("0", "11/7"), c=("1/3", "6")), independent=_rewarded
    ),
)
def goal_reward(claim: Any) -> Iterator[Step]:
    """In the plane of the two vectors, 2 phi apart."""
    inner = size * larger * sp.cos(2 * angle)
    yield Step(inner / larger**2, claim[0].rhs, trigonometry, "the larger norm cancels once")
    yield Step(1 - claim[0].rhs, claim[1].rhs, algebra, "the gap to 1")
    yield Step(claim[1].rhs, sp.S.Zero, sign, "each of its terms is at least 0", ">=")
    yield Step(factor**2 * inner / (factor * larger), claim[2].rhs, trigonometry, "printed, with both vectors scaled")
