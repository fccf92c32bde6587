"""Speed of the covariant world model's parts: the integrator beside a Euclidean one, conservative beside direct forces.

    python -m benchmarks.covariant [--rounds 15] [--device cpu]

All runs of a table are interleaved in one process on one thread; on a CPU they are timed by the processor time of the
process, so that other load disturbs less. Ratios are of the fastest rounds, with quartiles over rounds. A training step
is that of a roll-out: B = 256 points, 7 steps, K = 16 charts, width 128, D = 3, backward pass and Adam included.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from hrssm.geometry import ball
from hrssm.integrators.ball import BAOAB, Forces, Method, State, conservative, step
from hrssm.networks.attention import CovariantAttention
from hrssm.networks.ball_fields import ChartScores, Control, Curl, JumpRate, Potential
from hrssm.networks.tokens import ActionTokens, ChartTokens, join

BATCH, STEPS, CHARTS, ACTIONS, WIDTH, LABELS = 256, 7, 16, 6, 128, 16
SHAPES = ((256, 3), (256, 16), (4096, 3))


def seconds(run: Callable[[], object], device: torch.device) -> float:
    """Of one call: processor time on a CPU, wall time on a GPU."""
    if device.type == "cpu":
        start = time.process_time()
        run()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(title: str, first: Callable[[], object], second: Callable[[], object], rounds: int, device: torch.device):
    """Print how long both take, interleaved, and the ratio of the second to the first."""
    for run in (first, second):
        run()
    times = [(seconds(first, device), seconds(second, device)) for _ in range(rounds)]
    fastest = [min(column) for column in zip(*times, strict=True)]
    low, _, high = statistics.quantiles([b / a for a, b in times], n=4)
    milliseconds = " ".join(f"{1e3 * t:9.2f}" for t in fastest)
    print(f"  {title:34} {milliseconds} ms   {fastest[1] / fastest[0]:5.2f} x ({low:.2f} to {high:.2f})")


def euclidean(device: torch.device) -> Method:
    """BAOAB where the metric is the identity, in the same code."""
    one = torch.ones(1, device=device)
    return replace(BAOAB, name="Euclidean", drift=lambda z, p, time: (z + time * p, p, one), gap=lambda z: one)


def integrator(method: Method, size: tuple[int, int], gradients: bool, device: torch.device) -> Callable[[], None]:
    """Seven steps in a linear force with friction and noise, with a backward pass where `gradients` is set."""
    z, p = 0.2 * torch.rand(size, device=device), torch.randn(size, device=device)
    forces = Forces(lambda z: -z)

    def run() -> None:
        with torch.set_grad_enabled(gradients):
            start = State(z.clone().requires_grad_(gradients), p.clone().requires_grad_(gradients))
            end = step(start, forces, 0.1, friction=1.0, temperature=0.1, method=method, substeps=STEPS)
            if gradients:
                (end.z.sum() + end.p.sum()).backward()

    return run


class RollOut(nn.Module):
    """The modules of a roll-out, with forces by a potential's slope or by vector heads."""

    def __init__(self, dimension: int, gradient: bool, device: torch.device) -> None:
        super().__init__()
        g = [torch.Generator(device).manual_seed(0)]

        def body(scalars: int, vectors: int) -> CovariantAttention:
            return CovariantAttention(
                g, vectors_seen=1, labels=LABELS, width=WIDTH, scalars=scalars, vectors=vectors
            )  # fmt: skip

        self.gradient = gradient
        self.charts = ChartTokens(g, CHARTS, dimension, LABELS)
        self.tokens = ActionTokens(g, ACTIONS, dimension, LABELS)
        outputs = (1, 0) if gradient else (0, 1)
        self.potential = Potential(g, dimension, body(*outputs), body(*outputs))
        self.momentum, self.control = Control(body(0, 1)), Control(body(0, 1))
        self.curl = Curl(body(0, 2 * (dimension // 2)))
        self.scores, self.rate = ChartScores(g, body(0, 0), ACTIONS), JumpRate(body(1, 0))

    def forward(self, z: Tensor, actions: Tensor, truth: Tensor) -> Tensor:
        """A loss that every module enters."""
        state = State(z, self.momentum(z, self.charts(z)))
        force = self.force_heads if not self.gradient else conservative(self.phi)
        total = z.new_zeros(())
        for a in actions.unbind(2):
            forces = Forces(
                force,
                lambda z, a=a: self.control(z, join(self.tokens(z, a), self.charts(z))),
                lambda z, a=a: self.curl(z, self.tokens(z, a)),
            )
            state = step(state, forces, 0.1, friction=1.0, temperature=0.1)
            view = self.charts(state.z)
            scores = self.scores(view, a).logsumexp(-1)
            total = total + ball.distance(state.z, truth).mean() + scores.mean() + self.rate(view).mean()
        return total

    def phi(self, z: Tensor) -> Tensor:
        return self.potential(z, self.charts(z))

    def force_heads(self, z: Tensor) -> Tensor:
        return self.potential.force_heads(z, self.charts(z))


def training_step(dimension: int, gradient: bool, device: torch.device) -> Callable[[], None]:
    """One optimiser step of a roll-out."""
    torch.manual_seed(0)
    model = RollOut(dimension, gradient, device)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    z, truth = (ball.exp_origin(0.3 * torch.randn(1, BATCH, dimension, device=device)) for _ in range(2))
    actions = torch.randn(1, BATCH, STEPS, ACTIONS, device=device)

    def run() -> None:
        optimiser.zero_grad()
        model(z, actions, truth).backward()
        optimiser.step()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {device}, one thread, float32")
    print("\n7 BAOAB steps: Euclidean, ball, ratio")
    for size in SHAPES:
        for gradients in (False, True):
            title = f"{size[0]} points, D = {size[1]}" + (", with backward" if gradients else "")
            flat, curved = (integrator(m, size, gradients, device) for m in (euclidean(device), BAOAB))
            compare(title, flat, curved, 4 * options.rounds, device)
    print("\na training step: direct heads, conservative forces, ratio")
    for dimension in (3, 16):
        direct, slope = (training_step(dimension, gradient, device) for gradient in (False, True))
        compare(f"D = {dimension}", direct, slope, options.rounds, device)


if __name__ == "__main__":
    main()
