"""Training speed: the ensemble against the plain step-by-step reference, interleaved in one process.

    python -m benchmarks.training [--members 8] [--rounds 7] [--device cpu] [--threads 2]

For each published setting and family, one round times a few optimiser steps of the ensemble, the same of the reference
(one member), and a large matrix product, in turn. Printed: member-steps per second of both, the ratio's median and
range over rounds, and the share of the measured matrix-product rate that the ensemble's arithmetic reaches.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from hrssm.latents.table import latent
from hrssm.systems.rssm.model import RSSM
from hrssm.systems.rssm.objective import loss as terms
from hrssm.systems.rssm.settings import Objective
from hrssm.training.optimiser import Optimiser
from tests.systems.step_by_step import StepByStep

SETTINGS = {"H=256, 32x8": (256, 32, 8, 100.0), "H=128, 64x20": (128, 64, 20, 5.0)}
DIM = 16


def seconds(run: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Seconds per call."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def ensemble_step(family: str, members: int, hidden: int, batch: int, length: int, clip: float, device: torch.device):
    """One optimiser step of an ensemble, as a callable; and the model."""
    generators = [torch.Generator(device).manual_seed(k) for k in range(members)]
    model = RSSM(latent(family)(DIM), generators, hidden=hidden)
    optimiser = Optimiser(model, 3e-4, clip)
    objective = Objective(log_drift_max=10.0)
    observations = torch.rand(members, length, batch, 64, device=device) * 2 - 1
    actions = torch.zeros(members, length, batch, device=device)

    def step() -> None:
        noise = torch.stack([model.family.noise(g, length, batch) for g in generators])
        report = terms(objective, model, model.observe(observations, actions, noise), observations, 0)
        optimiser.step(report["loss"])

    return step, model


def reference_step(family: str, hidden: int, batch: int, length: int, clip: float, device: torch.device):
    """One optimiser step of the reference, as a callable."""
    model = StepByStep(family, DIM, hidden).to(device)
    adam = torch.optim.Adam(model.parameters(), 3e-4)
    observations = torch.rand(length, batch, 64, device=device) * 2 - 1

    def step() -> None:
        loss = model.loss(observations, torch.randn(length, batch, DIM, device=device))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        adam.step()

    return step


def flops(model: RSSM, batch: int, length: int) -> float:
    """Floating-point operations of the matrix products in one optimiser step: two per weight and row, forward; twice
    that back."""
    weights = sum(p.numel() for p in model.parameters() if p.dim() == 3 and p.shape[1] > 1)
    return 6.0 * weights * batch * length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    a, b = torch.randn(2, 2048, 2048, device=device)
    print(
        f"torch {torch.__version__}, device {device}, {options.threads} threads, "
        f"{options.members} members, {options.rounds} rounds"
    )
    print(f"{'setting':14} {'family':9} {'ensemble':>10} {'reference':>10}  ratio (min..max)     product rate  share")
    for name, (hidden, batch, length, clip) in SETTINGS.items():
        for family in ("hg", "gaussian"):
            ours, model = ensemble_step(family, options.members, hidden, batch, length, clip, device)
            theirs = reference_step(family, hidden, batch, length, clip, device)
            ours()
            theirs()
            rows = []
            for _ in range(options.rounds):
                mine = options.members / seconds(ours, options.repeats, device)
                plain = 1 / seconds(theirs, options.repeats, device)
                rate = 2 * 2048**3 / seconds(lambda: a @ b, 1, device)
                rows.append((mine, plain, mine / plain, rate))
            mine, plain, ratio, rate = (statistics.median(column) for column in zip(*rows, strict=True))
            ratios = [row[2] for row in rows]
            share = mine / options.members * flops(model, batch, length) / rate
            print(
                f"{name:14} {family:9} {mine:10.1f} {plain:10.1f}  {ratio:5.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
                f"   {rate / 1e9:7.1f} GF/s  {100 * share:4.0f} %"
            )


if __name__ == "__main__":
    main()
