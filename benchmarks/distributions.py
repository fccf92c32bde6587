"""Cost of a step with each latent family, and of a KL at given accuracy, as ratios in one run.

    python -m benchmarks.distributions [--dimensions 2 16 64] [--batches 1 4096 65536] [--compile-at 16] [--budget 20]

A step is a sample, its log-density, the KL to a fixed law of the family, and the backward pass, in float32. Ratios are
to `torch.distributions.Independent(Normal)`, to a textbook wrapped normal on the Poincare ball, and to one on geoopt's
ball, the last two with a one-sample KL, which is all they have. Compiled steps are compared with compiled ones.

Rounds are interleaved: each runs every family once, a slow one until it has had its share of the budget. A ratio is of
the fastest rounds, since what disturbs a round only ever slows it; beside it stand the quartiles of the ratios within
single rounds. On the CPU the clock is the CPU time of the process, on one thread: other load on the machine, which is
not known, still slows it through shared caches and clock rates. Memory is the peak of what one step allocates.
"""

from __future__ import annotations

import argparse
import functools
import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence
from torch.profiler import ProfilerActivity, profile

from hrssm.distributions import (
    Gaussian,
    GaussianManifoldNormal,
    HorosphericalGaussian,
    LatentDistribution,
    MonteCarloEstimate,
    RiemannianNormal,
    WrappedNormal,
    monte_carlo_kl,
)

Step = Callable[[], Tensor]
Shapes = Callable[[int, int], list[tuple[int, ...]]]


def torch_gaussian(d: int, batch: int, device: str) -> tuple[list[Tensor], Step]:
    """torch's own Gaussian: the other in every ratio."""
    loc, log_scale = leaves([(batch, d), (batch, d)], device)
    prior = Independent(Normal(torch.zeros(d, device=device), torch.ones(d, device=device), validate_args=False), 1)
    prior = prior.expand((batch,))

    def step() -> Tensor:
        q = Independent(Normal(loc, log_scale.exp(), validate_args=False), 1, validate_args=False)
        return (q.log_prob(q.rsample()) + kl_divergence(q, prior)).mean()

    return [loc, log_scale], step


def ours(
    build: Callable[..., LatentDistribution], shapes: Shapes
) -> Callable[[int, int, str], tuple[list[Tensor], Step]]:
    """A family of this package; where it has no exact KL, the log-ratio of the one sample."""

    def make(d: int, batch: int, device: str) -> tuple[list[Tensor], Step]:
        parameters = leaves(shapes(d, batch), device)
        one = build(*(torch.zeros_like(p[:1]) for p in parameters))
        exact = not isinstance(kl_divergence(one, one), MonteCarloEstimate)
        prior = one.expand((batch,))

        def step() -> Tensor:
            q = build(*parameters)
            z, log_prob = q.rsample_and_log_prob()
            kl = kl_divergence(q, prior) if exact else log_prob - prior.log_prob(z)
            return (log_prob + kl).mean()

        return parameters, step

    return make


def textbook_wrapped(d: int, batch: int, device: str) -> tuple[list[Tensor], Step]:
    """The wrapped normal as papers print it: Mobius addition, artanh and log(sinh r / r) on the Poincare ball."""
    loc, log_scale = leaves([(batch, d), (batch, d)], device)

    def add(x: Tensor, y: Tensor) -> Tensor:
        xy, xx, yy = (x * y).sum(-1, keepdim=True), x.square().sum(-1, keepdim=True), y.square().sum(-1, keepdim=True)
        return ((1 + 2 * xy + yy) * x + (1 - xx) * y) / (1 + 2 * xy + xx * yy)

    def density(z: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
        w = add(-centre, z)
        norm = w.norm(dim=-1, keepdim=True).clamp(1e-7, 1 - 1e-6)
        v = 2 * torch.atanh(norm) * w / norm
        r = v.norm(dim=-1)
        normal = -0.5 * (v / scale).square().sum(-1) - scale.log().sum(-1) - 0.5 * d * math.log(2 * math.pi)
        return normal - (d - 1) * torch.log(torch.sinh(r) / r)

    def step() -> Tensor:
        centre, scale = 0.1 * torch.tanh(loc), log_scale.exp()
        v = scale * torch.randn_like(loc)
        norm = v.norm(dim=-1, keepdim=True)
        z = add(centre, torch.tanh(norm / 2) * v / norm)
        log_prob = density(z, centre, scale)
        return (2 * log_prob - density(z, torch.zeros_like(centre), torch.ones_like(scale))).mean()

    return [loc, log_scale], step


def geoopt_wrapped(d: int, batch: int, device: str) -> tuple[list[Tensor], Step]:
    """The wrapped normal on geoopt's PoincareBall: its maps and transport; the density, which it lacks, is added."""
    import geoopt

    ball = geoopt.PoincareBall().to(device)
    loc, log_scale = leaves([(batch, d), (batch, d)], device)
    origin = torch.zeros(batch, d, device=device)

    def density(z: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
        v = 2 * ball.transp(centre, origin, ball.logmap(centre, z))
        r = v.norm(dim=-1)
        normal = -0.5 * (v / scale).square().sum(-1) - scale.log().sum(-1) - 0.5 * d * math.log(2 * math.pi)
        return normal - (d - 1) * torch.log(torch.sinh(r) / r)

    def step() -> Tensor:
        centre, scale = 0.1 * torch.tanh(loc), log_scale.exp()
        v = scale * torch.randn_like(loc) / 2
        z = ball.expmap(centre, ball.transp(origin, centre, v))
        log_prob = density(z, centre, scale)
        return (2 * log_prob - density(z, origin, torch.ones_like(scale))).mean()

    return [loc, log_scale], step


def horospherical(loc: Tensor, log_scale: Tensor) -> HorosphericalGaussian:
    height, fibre = loc.split((1, loc.shape[-1] - 1), -1)
    scales = log_scale.exp()
    return HorosphericalGaussian(height[..., 0], fibre, scales[..., 0], scales[..., 1], validate_args=False)


def coupled(loc: Tensor, log_scale: Tensor) -> HorosphericalGaussian:
    q = horospherical(loc, log_scale)
    return HorosphericalGaussian(
        q.height_loc, q.fibre_loc, q.height_scale, q.fibre_scale, coupling=0.5, validate_args=False
    )


def riemannian(loc: Tensor, log_scale: Tensor) -> RiemannianNormal:
    return RiemannianNormal(loc, log_scale[..., 0].exp(), validate_args=False)


def manifold(loc: Tensor, log_variance: Tensor, log_dispersion: Tensor) -> GaussianManifoldNormal:
    return GaussianManifoldNormal(loc, log_variance, log_dispersion, validate_args=False)


def with_scales(per_coordinate: bool, scales: int = 1) -> Shapes:
    """The shapes of a location and of log scales, one per coordinate or so many in all."""
    return lambda d, batch: [(batch, d), (batch, d if per_coordinate else scales)]


EXACT_KL: dict[str, tuple[Callable[..., LatentDistribution], Shapes]] = {
    "HG": (horospherical, with_scales(False, 2)),
    "HG, coupling 0.5": (coupled, with_scales(False, 2)),
    "PGM normal": (manifold, lambda d, batch: [(batch, d // 2)] * 3),
    "Riemannian normal": (riemannian, with_scales(False)),
}
FAMILIES: dict[str, Callable[[int, int, str], tuple[list[Tensor], Step]]] = {
    "torch Gaussian": torch_gaussian,
    "Gaussian": ours(lambda a, b: Gaussian(a, b.exp(), validate_args=False), with_scales(True)),
    **{name: ours(*of) for name, of in EXACT_KL.items()},
    "wrapped normal": ours(lambda a, b: WrappedNormal(a, b.exp(), validate_args=False), with_scales(True)),
    "textbook wrapped": textbook_wrapped,
    "geoopt wrapped": geoopt_wrapped,
}
COMPILED = ("torch Gaussian", "HG", "HG, coupling 0.5")
OTHERS = ("torch Gaussian", "textbook wrapped", "geoopt wrapped")
MEMORY_LIMIT = 4 * 2**30


def leaves(shapes: list[tuple[int, ...]], device: str) -> list[Tensor]:
    """Small random parameters: locations and log scales near 0."""
    generator = torch.Generator(device).manual_seed(0)
    return [(0.2 * torch.randn(s, device=device, generator=generator)).requires_grad_() for s in shapes]


def forward_and_backward(step: Step, parameters: list[Tensor]) -> None:
    torch.autograd.grad(step(), parameters)


def seconds(run: Callable[[], object], device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    start = time.process_time()
    run()
    return time.process_time() - start


def peak_bytes(run: Callable[[], object], device: str) -> int:
    """The most that one run has allocated at a time."""
    if device == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run()
    events = [e for e in recorded.profiler.kineto_results.events() if e.name() == "[memory]"]  # type: ignore[union-attr]
    held = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()  # type: ignore[attr-defined]
        peak = max(peak, held)
    return peak


def steps(d: int, batch: int, rounds: int, device: str, budget: float, compiled: bool) -> None:
    """Print the table of one dimension and batch."""
    print(f"\nd = {d}, batch {batch}, {'compiled' if compiled else 'eager'}, {device}")
    runs: dict[str, Callable[[], object]] = {}
    memory: dict[str, int] = {}
    for name, make in FAMILIES.items():
        if compiled and name not in COMPILED:
            continue
        few = min(batch, 256)
        parameters, step = make(d, few, device)
        forward_and_backward(step, parameters)  # tables that are built once are no part of a step
        needed = peak_bytes(functools.partial(forward_and_backward, step, parameters), device) * batch / few
        if needed > MEMORY_LIMIT:
            print(f"  {name:20} not run: a step would take about {needed / 2**30:.0f} GiB")
            continue
        parameters, step = make(d, batch, device)
        runs[name] = functools.partial(forward_and_backward, torch.compile(step) if compiled else step, parameters)
        runs[name]()
        memory[name] = peak_bytes(runs[name], device)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            if len(times[name]) < 3 or sum(times[name]) < budget / len(runs):
                times[name].append(seconds(run, device))
    others = [name for name in OTHERS if name in runs]
    print(" " * 35 + "".join(f"{'/ ' + name:>40}" for name in others) + f"{'peak memory':>16}{'rounds':>8}")
    for name, taken in times.items():
        cells = "".join(f"{ratio(taken, times[other]):>40}" for other in others)
        print(f"  {name:20} {1e3 * min(taken):9.3f} ms {cells} {memory[name] / 2**20:11.2f} MiB {len(taken):7}")


def ratio(times: list[float], others: list[float]) -> str:
    """Of the fastest rounds, and the quartiles over the rounds that both were in."""
    each = [a / b for a, b in zip(times, others, strict=False)]
    low, _, high = statistics.quantiles(each, n=4)
    return f"{min(times) / min(others):.2f} x ({low:.2f} to {high:.2f})"


def cost_of_a_kl(name: str, q: LatentDistribution, p: LatentDistribution, rounds: int, device: str) -> None:
    """The exact KL against Monte Carlo with the samples that 1 % and 0.1 % take."""
    exact = kl_divergence(q, p)
    pilot = monte_carlo_kl(q, p, 500)
    spread = float((pilot.standard_error * math.sqrt(500) / exact).median())
    closed = min(seconds(lambda: kl_divergence(q, p), device) for _ in range(rounds))
    per_sample = min(seconds(lambda: sampled(q, p, 64), device) for _ in range(rounds)) / 64
    print(f"\n{name} KL, d = {q.event_shape[0]}, batch {len(exact)}, {device}: exact {1e3 * closed:.3f} ms")
    for accuracy in (0.01, 0.001):
        samples = math.ceil((spread / accuracy) ** 2)
        cost = samples * per_sample
        print(f"  {accuracy:6.1%}: {samples} samples, {1e3 * cost:.1f} ms, {cost / closed:.0f} x the exact KL")


def sampled(q: LatentDistribution, p: Distribution, count: int) -> Tensor:
    """The estimator without its error bars."""
    z, log_prob = q.rsample_and_log_prob((count,))
    return (log_prob - p.log_prob(z)).mean(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="at most")
    parser.add_argument("--dimensions", type=int, nargs="*", default=[2, 16, 64])
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 4096, 65536])
    parser.add_argument("--compile-at", type=int, nargs="*", default=[16], help="dimensions to compile at as well")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for one dimension and batch")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {options.device}, one thread, other load on the machine unknown")
    print(f"Ratios of the fastest of at most {options.rounds} interleaved rounds (quartiles within rounds)")
    for d in options.dimensions:
        for batch in options.batches:
            for compiled in [False] + [True] * (d in options.compile_at):
                steps(d, batch, options.rounds, options.device, options.budget, compiled)
    for d in options.dimensions:
        for name, (build, shapes) in EXACT_KL.items():
            parameters = [x.detach() for x in leaves(shapes(d, 256), options.device)]
            q, p = build(*parameters), build(*(torch.zeros_like(x) for x in parameters))
            cost_of_a_kl(name, q, p, min(options.rounds, 10), options.device)


if __name__ == "__main__":
    main()
