"""Roll-outs longer than training: how much longer, and what is recorded of a state's growth on the way. Needs no torch.

A horizon is a power of ten times the length of a training sequence, so that it means the same at every scale.
"""

from __future__ import annotations

__all__ = ["FACTORS", "GROWTH_METRICS", "HORIZONS", "UNTRAINED", "WINDOW", "horizons", "range_of"]

WINDOW = 20  # a horizon T is judged on its steps in (T/20, T]
FACTORS = (1, 10, 100, 1000)
UNTRAINED = 10  # the farthest horizon of an untrained control: what its weights do is seen soon

#: Label and sentence of each horizon beyond the training length, which is the range "in".
HORIZONS: dict[str, tuple[str, str]] = {
    f"{k}x": (f"{k} × training length", f"after {k} times the length of a training sequence") for k in FACTORS[1:]
}

#: Label and sentence of each metric that `hrssm.evaluation.growth.Growth` reports.
GROWTH_METRICS: dict[str, tuple[str, str]] = {
    "state_norm": ("|h|", "norm of the state at the horizon, mean over sequences"),
    "increment_ratio": ("|δ|/|h|", "size of an update beside the state, mean over the steps in (T/20, T]"),
    "increment_cosine": ("cos(h, δ)", "cosine of state and update, mean over the steps in (T/20, T]"),
    "straightness": ("straightness", "|h_T - h_0| over the sum of |δ_t|: 1 where all updates are parallel"),
    "growth_exponent": (
        "growth exponent",
        "slope of log |h_t| on log t over (T/20, T]: 0 bounded, 1/2 random walk, 1 drift",
    ),
    "norm_rises": ("share of rises", "share of the steps in (T/20, T] whose update lengthens the state"),
    "overflowed_float16": ("overflow, float16", "share of sequences with a coordinate beyond float16 at the horizon"),
    "overflowed_float32": ("overflow, float32", "share of sequences with a coordinate beyond float32 at the horizon"),
    "absorbed_bfloat16": ("absorbed, bfloat16", "share of the steps in (T/20, T] whose update bfloat16 would absorb"),
    "first_absorbed_bfloat16": (
        "first absorbed, bfloat16",
        "first step whose update bfloat16 would absorb, median over sequences; undefined if there is none",
    ),
    "absorbed_float16": ("absorbed, float16", "share of the steps in (T/20, T] whose update float16 would absorb"),
    "first_absorbed_float16": (
        "first absorbed, float16",
        "first step whose update float16 would absorb, median over sequences; undefined if there is none",
    ),
}


def horizons(most: int) -> tuple[int, ...]:
    """The horizons up to ``most`` times the length of a training sequence, as factors of it."""
    return tuple(k for k in FACTORS if k <= most)


def range_of(factor: int) -> str:
    """The range under which a row carries a horizon: "in" for the training length itself."""
    return "in" if factor == 1 else f"{factor}x"
