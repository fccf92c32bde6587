"""Speed of the VAE: every law's training step against the Gaussian's, and two ways to convolve an ensemble.

    python -m benchmarks.vae [--rounds 15] [--batch 100] [--depth 8] [--planes 2] [--members 1] [--threads 1]

One round times a training step (batch, encoder, sample, decoder, bound, gradients, Adam) of each law in turn. Printed:
milliseconds, and the ratio to the Gaussian's step of the same round, median and range. Then the encoder forward and
backward, member by member as the package has it, and as one grouped convolution.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from hrssm.networks.convolution import ImageEncoder
from hrssm.systems.vae.learner import build
from hrssm.systems.vae.settings import Settings
from hrssm.training.seeds import generators

LAWS = (
    "gaussian",
    "gaussian-pairs",
    "gaussian-manifold-normal",
    "riemannian-normal-product",
    "wrapped-normal-product",
    "hg-product",
    "hg-half-product",
)


def seconds(run: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleaved(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each run in each round, after one that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(rounds + 1):
        for name, run in runs.items():
            taken = seconds(run)
            if round_:
                times[name].append(taken)
    return times


def steps(options: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """A training step of each law, on sprites."""
    runs: dict[str, Callable[[], object]] = {}
    for law in LAWS:
        bounds = {"scale_min": 0.001} if law.startswith("riemannian") else {}
        learner = build(
            Settings.model_validate(
                {
                    "data": {"source": "sprites", "count": 2000},
                    "latent": {"family": law, "planes": options.planes} | bounds,
                    "model": {"depth": options.depth},
                    "training": {"batch": options.batch, "evaluate_every": 1},
                }
            ),
            range(options.members),
            torch.device("cpu"),
        )
        runs[law] = lambda learner=learner: learner.step(0)
    return runs


def grouped(encoder: ImageEncoder, images: Tensor) -> Tensor:
    """The encoder's layers as convolutions of all members at once."""
    members = len(images)
    x = images.transpose(0, 1).flatten(1, 2)
    for layer in encoder.layers:
        x = F.conv2d(x, layer.weight.flatten(0, 1), layer.bias.flatten(), 2, 1, groups=members)  # type: ignore[operator]
        x = encoder.activation(x)
    return x.unflatten(1, (members, -1)).transpose(0, 1).flatten(2)


def convolutions(options: argparse.Namespace, members: int) -> dict[str, Callable[[], object]]:
    """Forward and backward of the encoder, in both ways."""
    encoder = ImageEncoder(generators(range(members), "weights"), 1, options.depth)
    images = torch.rand(members, options.batch, 1, 64, 64)
    torch.testing.assert_close(encoder(images), grouped(encoder, images), rtol=1e-3, atol=1e-4)
    return {
        "member by member": lambda: encoder(images).square().sum().backward(),
        "grouped": lambda: grouped(encoder, images).square().sum().backward(),
    }


def show(times: dict[str, list[float]], against: str) -> None:
    """A line per run."""
    for name, taken in times.items():
        ratios = [t / base for t, base in zip(taken, times[against], strict=True)]
        print(
            f"  {name:28}{1e3 * statistics.median(taken):9.1f} ms   {statistics.median(ratios):5.2f} "
            f"({min(ratios):.2f}..{max(ratios):.2f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 15), ("batch", 100), ("depth", 8), ("planes", 2), ("members", 1), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, batch {options.batch}, depth {options.depth}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HRSSM_CACHE"] = folder
        print(f"training step, {options.members} members, {options.planes} planes; ratio to the Gaussian's")
        show(interleaved(steps(options), options.rounds), "gaussian")
    for members in (1, 5):
        print(f"encoder forward and backward, {members} members; ratio to member by member")
        show(interleaved(convolutions(options, members), options.rounds), "member by member")


if __name__ == "__main__":
    main()
