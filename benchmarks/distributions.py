"""Cost of a step with each latent family, and of a KL at given accuracy, as ratios in one run.

    python -m benchmarks.distributions [--rounds 40] [--dimensions 2 16 64] [--batches 1 64 4096 65536] [--compiled]

A step is a sample, its log-density, the KL to a fixed law of the family, and the backward pass, in float32. The other
in every ratio is `torch.distributions.Independent(Normal)`. Also measured: a textbook wrapped normal on the Poincare
ball and one on geoopt's ball, both with a one-sample KL, which is all they have. Rounds are interleaved; the ratio
printed is that of the fastest round of each, since what disturbs a round only ever slows it. On the CPU the clock is
that of the process, on one thread. Memory is what autograd keeps for the backward pass.
"""

from __future__ import annotations

import argparse
import functools
import math
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

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
    build: Callable[..., LatentDistribution], shapes: Callable[[int, int], list[tuple[int, ...]]]
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


FAMILIES = {
    "torch Gaussian": torch_gaussian,
    "Gaussian": ours(lambda a, b: Gaussian(a, b.exp(), validate_args=False), lambda d, n: [(n, d), (n, d)]),
    "HG": ours(horospherical, lambda d, n: [(n, d), (n, 2)]),
    "HG, coupling 0.5": ours(coupled, lambda d, n: [(n, d), (n, 2)]),
    "PGM normal": ours(
        lambda a, b, c: GaussianManifoldNormal(a, b, c, validate_args=False), lambda d, n: [(n, d // 2)] * 3
    ),
    "wrapped normal": ours(lambda a, b: WrappedNormal(a, b.exp(), validate_args=False), lambda d, n: [(n, d), (n, d)]),
    "Riemannian normal": ours(
        lambda a, b: RiemannianNormal(a, b[..., 0].exp(), validate_args=False), lambda d, n: [(n, d), (n, 1)]
    ),
    "textbook wrapped": textbook_wrapped,
    "geoopt wrapped": geoopt_wrapped,
}


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


def kept_for_backward(step: Step) -> int:
    """Bytes of distinct storage that autograd saves in one step."""
    kept: dict[int, int] = {}

    def pack(x: Tensor) -> Tensor:
        kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        value = step()
    del value
    return sum(kept.values())


def steps(d: int, batch: int, rounds: int, device: str, budget: float, compiled: bool) -> None:
    """Print the table of one dimension and batch."""
    runs: dict[str, Callable[[], object]] = {}
    memory: dict[str, int] = {}
    for name, make in FAMILIES.items():
        if name in ("Riemannian normal", "PGM normal") and batch > 4096 and device == "cpu":
            continue  # about a second a step
        parameters, step = make(d, batch, device)
        memory[name] = kept_for_backward(step)
        if compiled and name in ("torch Gaussian", "HG", "HG, coupling 0.5", "Gaussian", "wrapped normal"):
            step = torch.compile(step)
        elif compiled:
            continue

        runs[name] = functools.partial(forward_and_backward, step, parameters)
        runs[name]()
    fastest = dict.fromkeys(runs, math.inf)
    start = time.perf_counter()
    for _ in range(rounds):
        for name, run in runs.items():
            fastest[name] = min(fastest[name], seconds(run, device))
        if time.perf_counter() - start > budget:
            break
    base, base_memory = fastest["torch Gaussian"], memory["torch Gaussian"]
    print(f"\nd = {d}, batch {batch}, {'compiled' if compiled else 'eager'}, {device}")
    for name, time_taken in fastest.items():
        print(
            f"  {name:20} {1e3 * time_taken:9.3f} ms  {time_taken / base:6.2f} x"
            f"   {memory[name] / 2**20:8.2f} MiB  {memory[name] / base_memory:5.2f} x"
        )


def cost_of_a_kl(d: int, batch: int, rounds: int, device: str) -> None:
    """Closed form against Monte Carlo, with the samples that 1 % and 0.1 % take."""
    torch.manual_seed(0)
    loc, log_scale = (x.detach() for x in leaves([(batch, d), (batch, 2)], device))
    q = horospherical(loc, log_scale)
    p = horospherical(torch.zeros_like(loc), torch.zeros_like(log_scale))
    exact = kl_divergence(q, p)
    pilot = monte_carlo_kl(q, p, 2000)
    spread = float((pilot.standard_error * math.sqrt(2000) / exact).median())
    closed = min(seconds(lambda: kl_divergence(q, p), device) for _ in range(rounds))
    per_sample = min(seconds(lambda: sampled(q, p, 64), device) for _ in range(max(3, rounds // 4))) / 64
    print(f"\nHG KL, d = {d}, batch {batch}, {device}: closed form {1e3 * closed:.3f} ms")
    for accuracy in (0.01, 0.001):
        samples = math.ceil((spread / accuracy) ** 2)
        cost = samples * per_sample
        print(f"  {accuracy:6.1%}: {samples} samples, {1e3 * cost:.1f} ms, {cost / closed:.0f} x the closed form")


def sampled(q: LatentDistribution, p: Distribution, count: int) -> Tensor:
    """The estimator without its error bars."""
    z, log_prob = q.rsample_and_log_prob((count,))
    return (log_prob - p.log_prob(z)).mean(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 16, 64])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 64, 4096, 65536])
    parser.add_argument("--budget", type=float, default=10.0, help="seconds for one dimension and batch")
    parser.add_argument("--compiled", action="store_true", help="also compiled, where compilation pays")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {options.device}, one thread; fastest of {options.rounds} interleaved rounds")
    for d in options.dimensions:
        for batch in options.batches:
            steps(d, batch, options.rounds, options.device, options.budget, compiled=False)
            if options.compiled:
                steps(d, batch, options.rounds, options.device, options.budget, compiled=True)
    for d in options.dimensions:
        cost_of_a_kl(d, 256, options.rounds, options.device)


if __name__ == "__main__":
    main()
