"""Does a recurrent state grow? Norms, increments, Jacobians, and what reduced precision would lose of a roll-out.

A roll-out may have many thousand steps, so it is watched as it runs: `Growth` keeps numbers per step, not states.
Shapes: members M, rows N, state S; a state is (M, N, S).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from hrssm.evaluation.horizons import WINDOW

__all__ = ["Growth", "absorbed", "growth_exponent", "jacobian", "jacobian_norm"]

FORMATS: dict[str, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}
FITTED_POINTS = 60


def absorbed(state: Tensor, increment: Tensor, dtype: torch.dtype) -> Tensor:
    """Whether a sum in ``dtype`` loses an increment (M, N): most of its non-zero coordinates change nothing when added.

    One is lost from a ratio |h_i|/|delta_i| of 2^(p+1) or 2^(p+2) on, p the format's stored fraction bits
    (`hrssm.networks.bounds.absorption`). A zero increment is not absorbed.
    """
    low = state.to(dtype)
    present = increment != 0
    lost = (low + increment.to(dtype) == low) & present
    return lost.sum(-1) * 2 > present.sum(-1)


def growth_exponent(norms: Tensor) -> Tensor:
    """Slope of log |h_t| on log t over (T/20, T], from norms (M, T) of the states after steps 1 .. T; (M,).

    By least squares on steps spaced evenly in log t. NaN where a norm is zero or not finite.
    """
    steps = norms.shape[1]
    times = np.unique(np.geomspace(max(1, steps // WINDOW + 1), steps, FITTED_POINTS).round().astype(int))
    x = torch.from_numpy(np.log(times))
    y = norms[:, torch.from_numpy(times) - 1].double().cpu().log()
    y = torch.where(y.isfinite(), y, torch.nan)
    x = x - x.mean()
    return (x * (y - y.mean(1, keepdim=True))).sum(1) / x.square().sum()


def jacobian(update: Callable[[Tensor, Tensor], Tensor], x: Tensor, state: Tensor) -> Tensor:
    """d next state / d state (M, N, S, S) of ``update(x, state)``, at inputs (M, N, in) and states (M, N, S)."""
    members, rows, width = state.shape
    # One row per output coordinate: a single backward pass gives them all.
    points = state.detach().repeat_interleave(width, 1).requires_grad_()
    after = update(x.detach().repeat_interleave(width, 1), points)
    picks = torch.eye(width, dtype=state.dtype, device=state.device).repeat(rows, 1).expand(members, -1, -1)
    (gradient,) = torch.autograd.grad(after, points, picks)
    return gradient.view(members, rows, width, width)


def jacobian_norm(update: Callable[[Tensor, Tensor], Tensor], x: Tensor, state: Tensor) -> Tensor:
    """The Jacobian's spectral norm (M, N): how much a step can stretch a perturbation of the state."""
    return torch.linalg.matrix_norm(jacobian(update, x, state), 2)


class Growth:
    """Watches a roll-out of states (M, N, S): `see` every step, then `report` at any horizon that was reached."""

    def __init__(self) -> None:
        self._norm: list[Tensor] = []
        self._ratio: list[Tensor] = []
        self._cosine: list[Tensor] = []
        self._absorbed: dict[str, list[Tensor]] = {name: [] for name in FORMATS}

    @torch.no_grad()
    def see(self, before: Tensor, after: Tensor) -> None:
        """One step, from a state to the next one."""
        increment = after - before
        size, step = before.norm(dim=-1), increment.norm(dim=-1)
        inner = (before * increment).sum(-1)
        self._norm.append(after.norm(dim=-1).mean(1))
        self._ratio.append((step / size).mean(1))
        self._cosine.append((inner / (size * step)).mean(1))
        for name, dtype in FORMATS.items():
            self._absorbed[name].append(absorbed(before, increment, dtype))

    @property
    def norms(self) -> Tensor:
        """|h_t| after every step so far, mean over rows (M, T)."""
        return torch.stack(self._norm, 1)

    def report(self, horizon: int) -> dict[str, Tensor]:
        """The metrics of `hrssm.evaluation.horizons` after ``horizon`` steps, each (M,).

        Raises ValueError if fewer were seen.
        """
        if not 1 <= horizon <= len(self._norm):
            raise ValueError(f"horizon = {horizon}: the roll-out has 1 to {len(self._norm)} steps to report on")
        window = slice(horizon // WINDOW, horizon)
        norms = self.norms[:, :horizon]
        result = {
            "state_norm": norms[:, -1],
            "increment_ratio": _mean(self._ratio[window]),
            "increment_cosine": _mean(self._cosine[window]),
            "growth_exponent": growth_exponent(norms),
        }
        for name, steps in self._absorbed.items():
            lost = torch.stack(steps[:horizon], 1)
            result[f"absorbed_{name}"] = lost[:, window].double().mean((1, 2))
            result[f"first_absorbed_{name}"] = _first(lost)
        return result


def _mean(steps: Sequence[Tensor]) -> Tensor:
    """The mean over steps (M,), of those where it is defined: a state of norm 0 has neither ratio nor cosine."""
    values = torch.stack(list(steps), 1).double()
    return torch.where(values.isfinite(), values, torch.nan).nanmean(1)


def _first(lost: Tensor) -> Tensor:
    """The median over rows of the first step, from 1, that is lost (M, T, N); NaN if that row has none."""
    first = lost.int().argmax(1) + 1.0
    first = torch.where(lost.any(1), first, torch.inf).median(1).values
    return torch.where(first.isfinite(), first, torch.nan)
