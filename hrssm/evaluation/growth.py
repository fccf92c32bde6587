"""Does a recurrent state grow? Norms, increments, Jacobians, and what reduced precision would lose of a roll-out.

A roll-out may have many thousand steps, so it is watched as it runs: `Growth` keeps numbers per step, not states.
Shapes: members M, rows N, state S; a state is (M, N, S).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from hrssm.evaluation.horizons import WINDOW

__all__ = ["Growth", "absorbed", "growth_exponent", "jacobian", "jacobian_norm", "roll"]

FORMATS: dict[str, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}
LARGEST = {name: torch.finfo(dtype).max for name, dtype in (("float16", torch.float16), ("float32", torch.float32))}
FITTED_POINTS = 60


def absorbed(state: Tensor, increment: Tensor, dtype: torch.dtype) -> Tensor:
    """Whether a sum in ``dtype`` loses an increment (..., N): most non-zero coordinates change nothing when added.

    One is lost from a ratio |h_i|/|delta_i| of 2^(p+1) or 2^(p+2) on, p the format's stored fraction bits
    (`hrssm.networks.bounds.absorption`). A zero increment is not absorbed; a state that is not finite absorbs all.
    """
    low = state.to(dtype)
    present = increment != 0
    lost = ((low + increment.to(dtype) == low) | ~low.isfinite()) & present
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
    """The Jacobian's spectral norm (M, N): how much a step can stretch a perturbation of the state; NaN of one that is
    not finite."""
    found = jacobian(update, x, state)
    finite = found.isfinite().all(-1).all(-1)
    return torch.where(finite, torch.linalg.matrix_norm(found.nan_to_num(0, 0, 0), 2), torch.nan)


def roll(start: Tensor, step: Callable[[int, Tensor], Tensor], steps: int, *, block: int = 100) -> Iterator[Tensor]:
    """Roll a state out by ``step(number, state)``, after ``number`` steps before it, and give the states that follow
    ``start`` in blocks (M, K, N, S), so that what is done with them is done for many steps at once."""
    state, found = start, []
    for number in range(steps):
        state = step(number, state)
        found.append(state)
        if len(found) == block or number == steps - 1:
            yield torch.stack(found, 1)
            found = []


class Growth:
    """Watches a roll-out from a state (M, N, S): `see` its blocks of states, then `report` at any horizon reached."""

    def __init__(self, start: Tensor) -> None:
        self._start = self._last = start
        self._path = torch.zeros(start.shape[:2], dtype=start.dtype, device=start.device)
        self._seen: dict[str, list[Tensor]] = {}

    @torch.no_grad()
    def see(self, states: Tensor) -> None:
        """The states (M, K, N, S) that follow the last one seen."""
        before = torch.cat((self._last[:, None], states[:, :-1]), 1)
        increment = states - before
        size, step = before.norm(dim=-1), increment.norm(dim=-1)
        path = self._path[:, None] + step.cumsum(1)
        steps = {
            "norm": states.norm(dim=-1).mean(2),
            "ratio": (step / size).mean(2),
            "cosine": ((before * increment).sum(-1) / (size * step)).mean(2),
            "straightness": ((states - self._start[:, None]).norm(dim=-1) / path).mean(2),
            "rises": torch.where(
                states.isfinite().all(-1), (states.norm(dim=-1) > size * (1 + 1e-6)).double(), torch.nan
            ).mean(2),
            **{f"absorbed_{name}": absorbed(before, increment, dtype) for name, dtype in FORMATS.items()},
            **{
                f"overflowed_{name}": (~(states.abs() <= most).all(-1)).double().mean(2)
                for name, most in LARGEST.items()
            },
        }
        for name, values in steps.items():
            self._seen.setdefault(name, []).append(values)
        self._last, self._path = states[:, -1], path[:, -1]

    def _series(self, name: str) -> Tensor:
        return torch.cat(self._seen[name], 1)

    @property
    def norms(self) -> Tensor:
        """|h_t| after every step so far, mean over rows (M, T)."""
        return self._series("norm")

    def report(self, horizon: int) -> dict[str, Tensor]:
        """The metrics of `hrssm.evaluation.horizons` after ``horizon`` steps, each (M,).

        Raises ValueError if fewer were seen.
        """
        seen = self.norms.shape[1] if self._seen else 0
        if not 1 <= horizon <= seen:
            raise ValueError(f"horizon = {horizon}: the roll-out has {seen} steps to report on")
        window = slice(horizon // WINDOW, horizon)
        norms = self.norms[:, :horizon]
        result = {
            "state_norm": norms[:, -1],
            "increment_ratio": _mean(self._series("ratio")[:, window]),
            "increment_cosine": _mean(self._series("cosine")[:, window]),
            "straightness": self._series("straightness")[:, horizon - 1],
            "growth_exponent": growth_exponent(norms),
            "norm_rises": self._series("rises")[:, window].mean(1),
            **{f"overflowed_{name}": self._series(f"overflowed_{name}")[:, horizon - 1] for name in LARGEST},
        }
        for name in FORMATS:
            lost = self._series(f"absorbed_{name}")[:, :horizon]
            result[f"absorbed_{name}"] = lost[:, window].double().mean((1, 2))
            result[f"first_absorbed_{name}"] = _first(lost)
        return result


def _mean(values: Tensor) -> Tensor:
    """The mean over steps (M,), of those where it is defined: a state of norm 0 has neither ratio nor cosine."""
    return torch.where(values.isfinite(), values, torch.nan).double().nanmean(1)


def _first(lost: Tensor) -> Tensor:
    """The median over rows of the first step, from 1, that is lost (M, T, N); NaN if that row has none."""
    first = lost.int().argmax(1) + 1.0
    first = torch.where(lost.any(1), first, torch.inf).median(1).values
    return torch.where(first.isfinite(), first, torch.nan)
