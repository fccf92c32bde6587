"""Replay speed: the ring against torchrl's SliceSampler, interleaved in one process.

    pip install 'hrssm[bench]'
    python -m benchmarks.replay [--capacity 50000] [--rounds 15]

Both keep `capacity` frames of 64 x 64 x 3 bytes with a reward and an end flag in memory-mapped files, and are full
before anything is timed. A round times, of each in turn, batches of 16 windows of 64 steps and single insertions.
torchrl is timed with and without its cache of where episodes end (which every insertion empties). Printed: the fastest
round of each, and the median and range, over rounds, of torchrl's time over the ring's; and what the laws cost alone.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hrssm.replay.buffer import Field, ReplayBuffer
from hrssm.replay.samplers import Beta, Law, Printed, Shipped, TimeBalanced, Uniform

BATCH, LENGTH, FRAME, EPISODE = 16, 64, (64, 64, 3), 1000
LAWS: tuple[Law, ...] = (Uniform(), TimeBalanced(0.3), Beta(1.5), Shipped(0.3), Printed(0.3))

#: what is timed of one replay: a batch, an insertion
Calls = tuple[Callable[[], object], Callable[[], object]]


def ring(capacity: int, directory: Path) -> Calls:
    """The ring, filled."""
    fields = {"frame": Field(FRAME, torch.uint8), "reward": Field(), "done": Field((), torch.bool)}
    buffer = ReplayBuffer(
        fields, capacity, torch.Generator().manual_seed(0), law=TimeBalanced(0.3), directory=directory / "ring"
    )
    rng = np.random.default_rng(0)
    reward, done = np.zeros(1, np.float32), np.zeros(1, bool)
    frame = rng.integers(0, 256, (1, *FRAME), np.uint8)

    def insert() -> None:
        buffer.add(frame=frame, reward=reward, done=done)

    for _ in range(capacity):
        insert()
    return lambda: buffer.sample(BATCH, LENGTH), insert


def torchrl_slices(capacity: int, directory: Path, cached: bool) -> Calls:
    """torchrl's replay with the slices of episodes that its documentation shows, filled."""
    from tensordict import TensorDict  # pyright: ignore[reportMissingImports]
    from torchrl.data import LazyMemmapStorage, SliceSampler  # pyright: ignore[reportMissingImports]
    from torchrl.data import ReplayBuffer as Replay  # pyright: ignore[reportMissingImports]

    replay = Replay(
        storage=LazyMemmapStorage(capacity, scratch_dir=directory / f"torchrl-{cached}"),
        sampler=SliceSampler(slice_len=LENGTH, end_key="done", traj_key=None, cache_values=cached),
        batch_size=BATCH * LENGTH,
    )
    frames = torch.randint(0, 256, (EPISODE, *FRAME), dtype=torch.uint8)
    done = torch.zeros(EPISODE, 1, dtype=torch.bool)
    done[-1] = True
    episode = TensorDict({"frame": frames, "reward": torch.zeros(EPISODE), "done": done}, [EPISODE])
    step = episode[0].clone()
    for _ in range(capacity // EPISODE):
        replay.extend(episode)
    return replay.sample, lambda: replay.add(step)


def seconds(run: Callable[[], object], repeats: int) -> float:
    """Seconds per call."""
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def compare(ours: Calls, others: dict[str, Calls], rounds: int) -> None:
    """Print the fastest rounds and the ratios, for batches and for insertions."""
    for index, (what, repeats) in enumerate((("a batch", 5), ("an insertion", 200))):
        times: dict[str, list[float]] = {"ring": [], **{name: [] for name in others}}
        for _ in range(rounds):
            for name, calls in {"ring": ours, **others}.items():
                times[name].append(seconds(calls[index], repeats))
        print(f"\n{what}: the ring {1e6 * min(times['ring']):.1f} us")
        for name in others:
            ratios = [other / own for other, own in zip(times[name], times["ring"], strict=True)]
            spread = f"{statistics.median(ratios):.1f} x ({min(ratios):.1f}..{max(ratios):.1f})"
            print(f"  {name:24} {1e6 * min(times[name]):10.1f} us  {spread}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capacity", type=int, default=50_000, help="a multiple of 1000")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, {BATCH} windows of {LENGTH} from {options.capacity} frames {FRAME}")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        ours = ring(options.capacity, directory)
        others = {
            "torchrl SliceSampler": torchrl_slices(options.capacity, directory, cached=False),
            "torchrl, cached": torchrl_slices(options.capacity, directory, cached=True),
        }
        compare(ours, others, options.rounds)
    s = 1 - torch.rand(BATCH, dtype=torch.float64)
    print(f"\nthe law alone, {BATCH} places of {options.capacity}:")
    for law in LAWS:
        cost = min(seconds(lambda law=law: law.place(s, options.capacity), 20) for _ in range(options.rounds))
        print(f"  {law!s:42} {1e6 * cost:8.1f} us")


if __name__ == "__main__":
    main()
