"""Accuracy of every closed form against Arb, per function, dtype and box of arguments.

    python -m benchmarks.accuracy [--out docs/accuracy.md] [--points 2000] [--seed 0]

Points are drawn with their corners (one argument in five sits on an end of its box). An error is that of what is
computed from the inputs as they are represented, relative to the value for distances and KLs, to the largest
component for vectors and gradients, and to the larger of 1 and the value for logarithms, which pass through zero. It is
compared with what the inputs can hold: how far the exact result moves, to first order, when every input moves by half a
unit in its last place.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from flint import arb, arb_series
from torch import Tensor

from benchmarks import accuracy_ball, accuracy_cases
from benchmarks import arb_reference as exact
from benchmarks.accuracy_cases import Case

TARGETS = {
    "value": {torch.float32: 4e-6, torch.float64: 1e-13},
    "gradient": {torch.float32: 4e-6, torch.float64: 1e-11},
}
ROUNDING = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
# Arguments that are no inputs: they are the same at every point of a row, and exact.
FIXED = ("d", "kappa", "kappa_q", "kappa_p")

Row = dict[str, Any]  # a float, or a list of them for a fibre
Place = dict[str, Any]  # a ball or a series; the dimension of the fibre is an int


@dataclass
class Measured:
    """What a row and dtype came to.

    `error` is the worst error, `held` the worst over the points at which rounding the inputs moves the exact result by
    no more than the target, `multiple` the worst error in units of what rounding the inputs and the result does.
    """

    target: float
    error: float = 0.0
    held: float = 0.0
    multiple: float = 0.0

    def add(self, off: float, moved: float, rounding: float) -> None:
        """Take in one point: its error, and how far rounding its inputs moves the result, both relative."""
        off = off if off == off else float("inf")
        self.error = max(self.error, off)
        if not moved > self.target:
            self.held = max(self.held, off)
        self.multiple = max(self.multiple, off / (moved + rounding))


def measure(case: Case, dtype: torch.dtype, points: int, seed: int) -> Measured:
    """Compare `points` points of a case, spread over its dimensions, with Arb."""
    rng = np.random.default_rng(seed)
    found = Measured(TARGETS["gradient" if case.gradient else "value"][dtype])
    for d in case.dimensions:
        arguments = case.draw(rng, -(-(case.points or points) // len(case.dimensions)), d)
        tensors = {name: torch.as_tensor(array).to(dtype) for name, array in arguments.items()}
        computed = _outputs(case, _leaves(tensors)).double().tolist()
        moved = _input_effect(case, tensors).tolist()
        columns = {name: tensor.double().tolist() for name, tensor in tensors.items()}
        for i, results in enumerate(computed):
            row = {name: column[i] for name, column in columns.items()}
            truth = _exact_gradient(case, row) if case.gradient else _exact_value(case, row)
            size = max(max(abs(float(t)) for t in truth), 0.0 if case.gradient else case.floor)
            if case.gradient and not size > 1e-60:
                continue  # the two points, or the two laws, have become one in rounding
            if size > torch.finfo(dtype).max:
                continue  # no number of this dtype
            if size < 1e-60:  # the two points, or the two laws, are one
                found.add(0.0 if abs(results[0]) < 1e-60 else float("inf"), 0.0, ROUNDING[dtype])
                continue
            if max(float(t.rad()) for t in truth) > 1e-20 * size:
                raise ArithmeticError(f"{case.function}: the reference is not sharp at {row}")
            off = max(abs(float(arb(x) - t)) for x, t in zip(results, truth, strict=True)) / size
            found.add(off, moved[i] / size, ROUNDING[dtype])
    return found


def _leaves(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone().requires_grad_(name not in FIXED) for name, tensor in tensors.items()}


def _outputs(case: Case, leaves: dict[str, Tensor], create_graph: bool = False) -> Tensor:
    """The value (n, 1), or (n, d) where it is a vector; or the gradient (n, inputs), in the order of the arguments."""
    value = case.compute(**leaves)
    if not case.gradient:
        return value if value.ndim > 1 else value.unsqueeze(-1)
    grads = torch.autograd.grad(value.sum(), _inputs(leaves), create_graph=create_graph)
    return torch.cat([g.reshape(len(value), -1) for g in grads], -1)


def _inputs(leaves: dict[str, Tensor]) -> list[Tensor]:
    return [leaf for name, leaf in leaves.items() if name not in FIXED]


def _input_effect(case: Case, tensors: dict[str, Tensor]) -> Tensor:
    """max_k sum_i |df_k/dx_i| ulp(x_i) / 2 for each point, in float64: how far rounding the inputs moves the result."""
    leaves = _leaves({name: tensor.double() for name, tensor in tensors.items()})
    halves = [_half_ulp(tensor) for name, tensor in tensors.items() if name not in FIXED]
    outputs, inputs = _outputs(case, leaves, create_graph=True), _inputs(leaves)
    effects = []
    for k in range(outputs.shape[-1]):
        slopes = torch.autograd.grad(outputs[:, k].sum(), inputs, retain_graph=True, materialize_grads=True)
        moves = [
            (half * slope.abs()).reshape(len(half), -1).sum(-1) for half, slope in zip(halves, slopes, strict=True)
        ]
        effects.append(torch.stack(moves).sum(0))
    return torch.stack(effects).amax(0)


def _half_ulp(x: Tensor) -> Tensor:
    """Half a unit in the last place of x in its dtype, as float64."""
    size = x.abs()
    return (torch.nextafter(size, torch.full_like(size, torch.inf)).double() - size.double()) / 2


def _place(row: Row, fibres: tuple[str, str] | None) -> Place:
    """The arguments of the reference at one point: balls, lists of them for vectors; where two fibres are named, the
    squared distance of these and their dimension."""
    place: Place = {
        name: [arb(a) for a in x] if isinstance(x, list) else arb(x)
        for name, x in row.items()
        if name != "d" and name not in (fibres or ())
    }
    if fibres:
        gaps = _gaps(row, fibres)
        return place | {"gap": sum((x * x for x in gaps), arb(0)), "fibre": len(gaps)}
    return place | {"fibre": int(row["d"]) - 1} if "d" in row else place


def _gaps(row: Row, fibres: tuple[str, str]) -> list[arb]:
    return [arb(x) - arb(y) for x, y in zip(row[fibres[0]], row[fibres[1]], strict=True)]


def _exact_value(case: Case, row: Row) -> list[arb]:
    """The components of the value."""
    value = case.reference(**_place(row, case.fibres))
    return value if isinstance(value, list) else [value]


def _exact_gradient(case: Case, row: Row) -> list[arb]:
    """The derivatives in all inputs, by power series in each number and in the squared distance of the fibres."""
    place = _place(row, case.fibres)

    def slope(name: str, component: int = 0) -> arb:
        return case.reference(**_seeded(place, name, component))[1]

    slopes: dict[str, list[arb]] = {}
    if case.fibres:
        first, second = case.fibres
        by_gap = slope("gap")
        slopes[first] = [2 * gap * by_gap for gap in _gaps(row, case.fibres)]
        slopes[second] = [-x for x in slopes[first]]
    for name in row.keys() - slopes.keys():
        number = row[name]
        components = len(number) if isinstance(number, list) else int(name not in FIXED)
        slopes[name] = [slope(name, i) for i in range(components)]
    return [x for name in row for x in slopes[name]]


def _seeded(place: Place, name: str, component: int) -> Place:
    """All arguments as series, `name` (this component of it) with slope 1."""

    def series(key: str, x: Any) -> Any:
        if isinstance(x, list):
            return [arb_series([a, int(key == name and i == component)], 2) for i, a in enumerate(x)]
        return x if isinstance(x, int) else arb_series([x, int(key == name)], 2)

    return {key: series(key, x) for key, x in place.items()}


SECTIONS = (
    ("Values", lambda: accuracy_cases.values() + accuracy_ball.values()),
    ("Gradients", lambda: accuracy_cases.gradients() + accuracy_ball.gradients()),
    ("KLs by quadrature", accuracy_cases.quadratures),
)
COLUMNS = ("function", "arguments", "float32", "held", "x inputs", "float64", "held", "x inputs")


def table(cases: list[Case], points: int, seed: int) -> str:
    """The Markdown table of these rows, with what misses its target marked."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for case in cases:
        cells = [case.function, case.box]
        for dtype in (torch.float32, torch.float64):
            found = measure(case, dtype, points, seed)
            worst = f"{found.error:.1e}" + ("*" if found.error > found.target else "")
            held = f"**{found.held:.1e}**" if found.held > found.target else f"{found.held:.1e}"
            cells += [worst, held, f"{found.multiple:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


HEADER = """# Accuracy

Worst error over at least {points} points of each row and dtype (fewer where the row says so), corners included, against
Arb ball arithmetic at {bits} bits. Made by `python -m benchmarks.accuracy --out docs/accuracy.md`.

Errors are those of what is computed from the inputs as they are represented. They are relative to the value for
distances and KLs, to the largest component for vectors and gradients, and to the larger of 1 and the value for
logarithms. The target of values is 4e-6 in float32 and 1e-13 in float64, that of gradients 4e-6 and 1e-11.

- `*` marks a row that misses its target somewhere.
- "held" is the worst error over the points whose inputs hold the digits: those where moving every input by half a unit
  in its last place moves the exact result, to first order, by no more than the target. What misses the target there
  is **bold**. A `*` whose "held" is not bold is a miss only where the inputs had lost those digits already: another
  input that rounds to the same numbers has an exact result as far away as the target or further.
- "x inputs" is the worst error as a multiple of what that rounding of the inputs, and rounding the result, do at the
  same point.

Points whose exact value is beyond the range of the dtype are left out, as are gradients where two points, or two
laws, have become one in rounding: `distance(x, x)` is 0 with gradient 0. Dimensions run over 2, 3, 16 and 128 (for
the Riemannian normal over 2, 3, 8, 16, 32 and 64); the PGM normal is one half-plane. Gradients are in every argument.
"""
# What stands below the heading of a section.
NOTES = {
    "Gradients": """Where the worst is `inf` in float32 and held is not, the KL is near the largest number of
float32 and a factor of its gradient is beyond it.
""",
    "KLs by quadrature": """Between Riemannian normals with different centres, and between a Riemannian normal and a
Horospherical Gaussian, the KL has no closed form for every dimension; the code and the reference compute it
numerically, by different rules. The rows have one fibre scale. The centres are within 3 height scales and 5 fibre
scales of each other, the scales within a factor of 2. A reference takes about a second, hence the few points. Where
"x inputs" is large, what misses is the quadrature of the code, not its rounding.

In no table, because they are Monte Carlo estimates and say so in their type: the entropy of the wrapped normal, and
its KL from and to every law of hyperbolic space.
""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.perf_counter()
    text = HEADER.format(points=arguments.points, bits=exact.BITS)
    for title, cases in SECTIONS:
        note = f"{NOTES[title]}\n" if title in NOTES else ""
        text += f"\n## {title}\n\n{note}{table(cases(), arguments.points, arguments.seed)}\n"
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text)
    print(text, f"{time.perf_counter() - start:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
