"""Accuracy of every closed form against Arb, per function, dtype and box of arguments.

    python -m benchmarks.accuracy [--out docs/accuracy.md] [--points 2000] [--seed 0]

Points are drawn with their corners (one argument in five sits on an end of its box). An error is that of the value
computed from the inputs as they are represented, relative to the value for distances, KLs and gradients (their
largest component), and relative to the larger of 1 and the value for logarithms, which pass through zero. Beside it
stands `x inputs`: the worst error as a multiple of what rounding every input by half a unit in the last place does
to the exact value. Near 1 the function loses nothing that its inputs had not lost already.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from flint import arb, arb_series
from torch import Tensor

from benchmarks import arb_reference as exact
from benchmarks.accuracy_cases import Case, cases

TARGETS = {
    "value": {torch.float32: 4e-6, torch.float64: 1e-13},
    "gradient": {torch.float32: 4e-6, torch.float64: 1e-11},
}
ROUNDING = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}


@dataclass(frozen=True)
class Measured:
    """Worst error, and worst error over the effect of rounding the inputs; None for gradients."""

    error: float
    multiple: float | None


def measure(case: Case, dtype: torch.dtype, points: int, seed: int) -> Measured:
    """Compare `points` points of a case, spread over its dimensions, with Arb."""
    rng = np.random.default_rng(seed)
    error = multiple = 0.0
    for d in case.dimensions:
        arguments = case.draw(rng, -(-points // len(case.dimensions)), d)
        tensors = {name: torch.as_tensor(array).to(dtype) for name, array in arguments.items()}
        rows = {name: tensor.double().tolist() for name, tensor in tensors.items()}
        count = len(next(iter(rows.values())))
        balls = [{name: _balls(row[i]) for name, row in rows.items()} for i in range(count)]
        if case.gradient:
            error = max(error, _gradient_error(case, tensors, balls))
            continue
        computed = case.compute(**tensors).double().tolist()
        moved = _input_effect(case, tensors)
        for i, arguments_i in enumerate(balls):
            truth = case.reference(**arguments_i)
            size = max(abs(float(truth)), case.floor)
            if size > torch.finfo(dtype).max:
                continue  # no number of this dtype
            if size < 1e-60:  # the two points, or the two laws, are one
                error = max(error, 0.0 if abs(computed[i]) < 1e-60 else float("inf"))
                continue
            off = abs(float(arb(computed[i]) - truth)) / size
            off = off if off == off else float("inf")
            error = max(error, off)
            multiple = max(multiple, off / (moved[i] * ROUNDING[dtype] / size + ROUNDING[dtype]))
    return Measured(error, None if case.gradient else multiple)


def _balls(x: float | list[float]) -> arb | list[arb]:
    return [arb(v) for v in x] if isinstance(x, list) else arb(x)


def _input_effect(case: Case, tensors: dict[str, Tensor]) -> list[float]:
    """sum_i |x_i df/dx_i| for each point, in float64: the effect of a relative change of 1 in every input."""
    leaves = {name: tensor.double().requires_grad_() for name, tensor in tensors.items()}
    value = case.compute(**leaves).sum()
    grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    total = torch.zeros(len(next(iter(leaves.values()))), dtype=torch.float64)
    for leaf, grad in zip(leaves.values(), grads, strict=True):
        if grad is not None:
            total += (leaf.detach() * grad).abs().flatten(1).sum(-1) if leaf.dim() > 1 else (leaf.detach() * grad).abs()
    return total.tolist()


def _gradient_error(case: Case, tensors: dict[str, Tensor], balls: list[dict[str, arb | list[arb]]]) -> float:
    """Worst error of the gradient at a point over its largest component."""
    fixed = ("d", "kappa", "kappa_q", "kappa_p")
    leaves = {name: tensor.clone().requires_grad_(name not in fixed) for name, tensor in tensors.items()}
    names = [name for name in leaves if name not in fixed]
    grads = torch.autograd.grad(case.compute(**leaves).sum(), [leaves[name] for name in names])
    flat = torch.cat([g.double().reshape(len(balls), -1) for g in grads], -1).tolist()
    worst = 0.0
    for row, point_i in zip(flat, balls, strict=True):
        truth = []
        for name in names:
            place = point_i[name]
            for k in range(len(place) if isinstance(place, list) else 1):
                truth.append(case.reference(**_seeded(point_i, name, k))[1])
        size = max(abs(float(t)) for t in truth)
        if not size > 0:
            continue  # no derivative: the points have become one in rounding
        off = max(abs(float(arb(g) - t)) for g, t in zip(row, truth, strict=True)) / size
        worst = max(worst, off if off == off else float("inf"))
    return worst


def _seeded(place: dict[str, arb | list[arb]], name: str, k: int) -> dict[str, exact.Number]:
    """All arguments as series, the k-th entry of `name` with slope 1."""

    def series(x: arb, slope: int) -> arb_series:
        return arb_series([x, slope], 2)

    def lift(key: str, x: arb | list[arb]) -> exact.Number:
        if isinstance(x, list):
            return [series(v, int(key == name and i == k)) for i, v in enumerate(x)]
        return series(x, int(key == name))

    return {key: lift(key, x) for key, x in place.items()}


def table(points: int, seed: int) -> str:
    """The Markdown table, with what misses its target marked."""
    lines = [
        "| function | arguments | float32 | x inputs | float64 | x inputs |",
        "|---|---|---|---|---|---|",
    ]
    for case in cases():
        cells = [case.function, case.box]
        for dtype in (torch.float32, torch.float64):
            found = measure(case, dtype, points, seed)
            missed = found.error > TARGETS["gradient" if case.gradient else "value"][dtype]
            multiple = "" if found.multiple is None else f"{found.multiple:.1f}"
            cells += [f"**{found.error:.1e}**" if missed else f"{found.error:.1e}", multiple]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


HEADER = """# Accuracy

Worst error over at least {points} points of each row and dtype, corners included, against Arb ball arithmetic at
{bits} bits. Made by `python -m benchmarks.accuracy --out docs/accuracy.md`.

Errors are relative to the value for distances, KLs and gradients (their largest component), and relative to the
larger of 1 and the value for logarithms. Targets: values 4e-6 in float32 and 1e-13 in float64, gradients 4e-6 and
1e-11; what misses its target is **bold**. "x inputs" is the worst error as a multiple of the error that rounding
every input by half a unit in the last place already makes: where a target is missed and this is small, the inputs
have lost the digits, and no formula gets them back. Points whose exact value is beyond the range of the dtype are
left out. Dimensions run over 2, 3, 16 and 128 (for the Riemannian normal 2 to 64), for gradients over 2 and 3; the
PGM normal is one half-plane. `distance(x, x)` is 0 with gradient 0.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.perf_counter()
    rows = table(arguments.points, arguments.seed)
    text = HEADER.format(points=arguments.points, bits=exact.BITS) + rows + "\n"
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text)
    print(text, f"{time.perf_counter() - start:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
