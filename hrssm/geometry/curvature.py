"""The sign of a curvature: one word for c in 'curvature -c', and one refusal. Needs no PyTorch."""

from __future__ import annotations

import math

__all__ = ["positive"]


def positive(curvature: float) -> float:
    """c of a space of curvature -c; raises ValueError in words where it is not positive and finite."""
    if curvature > 0 and not math.isinf(curvature):
        return curvature
    if curvature < 0:
        remedy = f"give its absolute value, {-curvature:g}: the sign is in the words 'curvature -c'"
    else:
        remedy = "a flat plane is the Gaussian's latent, not this one's" if curvature == 0 else "give a finite number"
    raise ValueError(f"curvature = {curvature}: c > 0 is needed, the space then has curvature -c; {remedy}.")
