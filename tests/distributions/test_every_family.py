"""What every family must do: shapes, broadcasting, errors, fit, gradients, compilation, saving."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Distribution, kl_divergence

from hrssm.distributions import Gaussian, MonteCarloEstimate, Product, hyperbolic_space
from tests.distributions.families import FAMILIES, Family

BATCHES = [(), (3,), (2, 1, 3)]


@pytest.fixture(params=FAMILIES.values(), ids=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


def closed_form_kl(q: Distribution, p: Distribution) -> bool:
    return not isinstance(kl_divergence(q, p), MonteCarloEstimate)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("sample_shape", [(), (2,), (5, 2)])
def test_shapes(family: Family, batch: tuple[int, ...], sample_shape: tuple[int, ...]) -> None:
    q = family.draw(batch)
    assert q.batch_shape == batch
    assert q.event_shape == (4,)
    z, log_prob = q.rsample_and_log_prob(sample_shape)
    assert z.shape == q.rsample(sample_shape).shape == q.sample(sample_shape).shape == (*sample_shape, *batch, 4)
    assert log_prob.shape == q.log_prob(z).shape == (*sample_shape, *batch)
    assert q.entropy().shape == kl_divergence(q, q).shape == batch
    assert q.mean.shape == (*batch, 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_that_of_the_parameters(family: Family, dtype: torch.dtype) -> None:
    q = family.draw((3,), dtype=dtype)
    z, log_prob = q.rsample_and_log_prob()
    for value in (z, log_prob, q.log_prob(z), q.entropy(), kl_divergence(q, q), q.mean, q.base_noise()):
        assert value.dtype == dtype


def test_float32_agrees_with_float64(family: Family) -> None:
    q64, q32 = family.draw((50,)), family.draw((50,), dtype=torch.float32)
    p64, p32 = family.draw((50,), seed=1), family.draw((50,), seed=1, dtype=torch.float32)
    noise = q64.base_noise((20,), generator=torch.Generator().manual_seed(0))
    z = q64.rsample_from(noise)
    torch.testing.assert_close(q32.rsample_from(noise.float()).double(), z, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(q32.log_prob(z.float()).double(), q64.log_prob(z), rtol=1e-4, atol=1e-4)
    if closed_form_kl(q64, p64):
        torch.testing.assert_close(kl_divergence(q32, p32).double(), kl_divergence(q64, p64), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(q32.entropy().double(), q64.entropy(), rtol=1e-5, atol=1e-5)


def test_log_prob_broadcasts_values_over_the_batch(family: Family) -> None:
    q = family.draw((3,))
    z = family.draw((), seed=1).sample((5, 1))
    expected = torch.stack([family.build(**_row(family, 3, i)).log_prob(z[:, 0]) for i in range(3)], -1)
    torch.testing.assert_close(q.log_prob(z), expected)


def test_batched_kl_is_the_kl_of_each(family: Family) -> None:
    q, p = family.draw((3,)), family.draw((), seed=1)
    if not closed_form_kl(q, p):
        pytest.skip("estimated")
    expected = torch.stack([kl_divergence(family.build(**_row(family, 3, i)), p) for i in range(3)])
    torch.testing.assert_close(kl_divergence(q, p), expected)


def _row(family: Family, batch: int, index: int) -> dict[str, torch.Tensor]:
    parameters = family.parameters((batch,), 4, torch.Generator().manual_seed(0))
    return {name: value[index] for name, value in parameters.items()}


def test_expand(family: Family) -> None:
    q = family.draw((3,))
    wide = q.expand((5, 2, 3))
    assert type(wide) is type(q)
    assert wide.batch_shape == (5, 2, 3)
    assert wide._validate_args is q._validate_args
    noise = wide.base_noise(generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(wide.rsample_from(noise), q.rsample_from(noise))
    z = wide.sample()
    torch.testing.assert_close(wide.log_prob(z), q.log_prob(z))
    torch.testing.assert_close(wide.expand((5, 2, 3)).log_prob(z), q.log_prob(z))
    with pytest.raises(RuntimeError):
        q.expand((4,))


def test_rejects_parameters_outside_the_domain(family: Family) -> None:
    parameters = family.parameters((3,), 4, torch.Generator().manual_seed(0))
    for name, value in parameters.items():
        bad = parameters | {name: torch.full_like(value, float("nan"))}
        with pytest.raises(ValueError, match=name):
            family.build(**bad, validate_args=True)
        family.build(**bad, validate_args=False)
        if "scale" in name:
            with pytest.raises(ValueError, match=name):
                family.build(**(parameters | {name: torch.zeros_like(value)}), validate_args=True)


def test_rejects_values_outside_the_support(family: Family) -> None:
    q = family.draw((3,))
    z = q.sample()
    # torch's own real_vector, the Gaussian's support, lets infinities pass
    for bad in (float("nan"), float("inf"))[: 1 if isinstance(q, Gaussian) else 2]:
        spoilt = z.clone()
        spoilt[0, 1] = bad
        with pytest.raises(ValueError, match="support"):
            q.log_prob(spoilt)
    with pytest.raises(ValueError, match="event_shape"):
        q.log_prob(z[..., :3])
    with pytest.raises(ValueError, match="broadcast"):
        q.log_prob(z[:2])
    assert q.support.check(z).all()


def test_kl_rejects_another_dimension(family: Family) -> None:
    with pytest.raises(ValueError, match="KL between"):
        kl_divergence(family.draw((), 4), family.draw((), 6))


def test_noise_decides_the_sample(family: Family) -> None:
    q = family.draw((3,))
    torch.manual_seed(1)
    sample = q.rsample((4,))
    torch.manual_seed(1)
    torch.testing.assert_close(sample, q.rsample_from(q.base_noise((4,))), rtol=0, atol=0)
    noise = [q.base_noise((4,), generator=torch.Generator().manual_seed(2)) for _ in range(2)]
    assert torch.equal(*noise)
    # One element's sample depends on its own noise alone.
    changed = noise[0].clone()
    changed[:, 0] += 1
    assert torch.equal(q.rsample_from(changed)[:, 1:], q.rsample_from(noise[0])[:, 1:])
    assert not torch.equal(q.rsample_from(changed)[:, 0], q.rsample_from(noise[0])[:, 0])


def test_sample_and_density_together_agree_with_the_density(family: Family) -> None:
    q = family.draw((10,))
    z, log_prob = q.rsample_and_log_prob((50,))
    torch.testing.assert_close(log_prob, q.log_prob(z), rtol=1e-9, atol=1e-9)


def test_samples_fit_the_density(family: Family) -> None:
    """Chi-squared over 65 cells; a correct sampler fails with probability 1e-4 under another seed."""
    torch.manual_seed(0)
    q = family.draw((), 2, seed=3)
    pilot, sample = q.sample((4000,)).numpy(), q.sample((40000,)).numpy()
    first = np.quantile(pilot[:, 0], np.linspace(0.005, 0.995, 9))
    second = np.quantile(pilot[:, 1], np.linspace(0.005, 0.995, 9))
    counts = np.histogram2d(sample[:, 0], sample[:, 1], (first, second))[0]
    nodes, weights = np.polynomial.legendre.leggauss(16)

    def rule(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        half = np.diff(edges) / 2
        return (edges[:-1] + half)[:, None] + half[:, None] * nodes, half[:, None] * weights

    (x, wx), (y, wy) = rule(first), rule(second)
    grid = torch.as_tensor(np.stack(np.broadcast_arrays(x[:, None, :, None], y[None, :, None, :]), -1))
    density = torch.exp(q.log_prob(grid) + family.log_measure(grid)).numpy()
    expected = np.einsum("abij,ai,bj->ab", density, wx, wy)
    assert expected.sum() == pytest.approx(0.98, abs=0.02)
    expected = np.append(expected.ravel(), 1 - expected.sum()) * len(sample)
    observed = np.append(counts.ravel(), len(sample) - counts.sum())
    rare = expected < 8
    if rare.any():
        expected, observed = (np.append(v[~rare], v[rare].sum()) for v in (expected, observed))
    assert stats.chisquare(observed, expected, sum_check=False).pvalue > 1e-4


def test_entropy_is_the_mean_of_minus_log_prob(family: Family) -> None:
    """Within 4.5 standard errors for each of six laws; a correct entropy fails with probability 4e-5."""
    torch.manual_seed(0)
    q = family.draw((6,), seed=5)
    values = -q.rsample_and_log_prob((10000,))[1]
    entropy = q.entropy()
    if isinstance(entropy, MonteCarloEstimate):
        assert entropy.num_samples == 64
        return
    assert ((values.mean(0) - entropy).abs() < 4.5 * values.std(0) / 10000**0.5).all()


def test_density_integrates_to_one_in_four_dimensions(family: Family) -> None:
    """E_p[q / p] = 1 for a wider p of the family; within 4.5 standard errors, failure probability 1e-5."""
    torch.manual_seed(0)
    parameters = family.parameters((), 4, torch.Generator().manual_seed(7))
    wider = {name: value * 1.3 if "scale" in name else value for name, value in parameters.items()}
    if "log_dispersion" in parameters:
        wider["log_dispersion"] = parameters["log_dispersion"] + 0.3
    q, p = family.build(**parameters), family.build(**wider)
    z, log_p = p.rsample_and_log_prob((20000,))
    ratio = torch.exp(q.log_prob(z) - log_p)
    assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / 20000**0.5
    assert ratio.std() < 3


def test_gradients(family: Family) -> None:
    parameters = family.parameters((6,), 4, torch.Generator().manual_seed(0))
    names = tuple(parameters)
    noise = family.draw((6,)).base_noise(generator=torch.Generator().manual_seed(0))
    z = family.draw((6,), seed=1).rsample_from(noise)
    other = family.draw((6,), seed=2)

    def each(value: torch.Tensor, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        q = family.build(**dict(zip(names, inputs, strict=True)), validate_args=False)
        outputs = (q.log_prob(value), q.rsample_from(noise), *q.rsample_and_log_prob(noise=noise))
        if isinstance(q.entropy(), MonteCarloEstimate):
            return outputs
        return (*outputs, q.entropy(), kl_divergence(q, other), kl_divergence(other, q))

    inputs = [value.requires_grad_() for value in (z, *parameters.values())]
    # eps a little above the default: the quantiles are solved to 1e-13, not to the last bit
    assert torch.autograd.gradcheck(each, inputs, eps=1e-5, atol=1e-6, fast_mode=True)


def test_kl_is_zero_on_itself_and_not_negative(family: Family) -> None:
    q, p = family.draw((50,)), family.draw((50,), seed=1)
    if not closed_form_kl(q, p):
        pytest.skip("estimated")
    assert (kl_divergence(q, q).abs() < 1e-12).all()
    assert (kl_divergence(q, p) > 0).all()


def test_kl_agrees_with_samples(family: Family) -> None:
    """Within 4.5 standard errors for each of six pairs; a correct KL fails with probability 4e-5."""
    torch.manual_seed(0)
    q, p = family.draw((6,), seed=8), family.draw((6,), seed=9)
    z, log_q = q.rsample_and_log_prob((5000,))
    values = log_q - p.log_prob(z)
    kl = kl_divergence(q, p)
    if isinstance(kl, MonteCarloEstimate):
        error = (kl.standard_error.square() + values.var(0) / 5000).sqrt()
    else:
        error = values.std(0) / 5000**0.5
    assert ((kl - values.mean(0)).abs() < 4.5 * error).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_compiles_without_a_graph_break(family: Family) -> None:
    parameters = family.parameters((3,), 4, torch.Generator().manual_seed(0))
    noise, other = family.draw((3,)).base_noise(), family.draw((3,), seed=1)
    exact = closed_form_kl(other, other)

    def loss(noise: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        q = family.build(**parameters, validate_args=False)
        z, log_prob = q.rsample_and_log_prob(noise=noise)
        total = log_prob + q.log_prob(z)
        return total + q.entropy() + kl_divergence(q, other) if exact else total

    torch._dynamo.reset()
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(noise, parameters), loss(noise, parameters))


def test_vmaps(family: Family) -> None:
    parameters = family.parameters((3,), 4, torch.Generator().manual_seed(0))
    noise = family.draw((3,)).base_noise()

    def evaluate(noise: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        q = family.build(**parameters, validate_args=False)
        z, log_prob = q.rsample_and_log_prob(noise=noise)
        return log_prob + q.log_prob(z)

    torch.testing.assert_close(torch.func.vmap(evaluate)(noise, parameters), evaluate(noise, parameters))


def test_pickles_and_saves(family: Family) -> None:
    q = family.draw((3,))
    z = q.sample()
    for copy in (pickle.loads(pickle.dumps(q)), _saved_and_loaded(q)):
        assert copy.batch_shape == q.batch_shape
        assert torch.equal(copy.log_prob(z), q.log_prob(z))


def _saved_and_loaded(q: Distribution) -> Distribution:
    buffer = io.BytesIO()
    torch.save(q, buffer)
    buffer.seek(0)
    with torch.serialization.safe_globals([type(q), *([type(q.law)] if isinstance(q, Product) else [])]):
        return torch.load(buffer, weights_only=True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_runs_on_cuda(family: Family) -> None:
    parameters = family.parameters((3,), 4, torch.Generator().manual_seed(0))
    q = family.build(**{name: value.cuda() for name, value in parameters.items()})
    noise = family.draw((3,)).base_noise()
    z = q.rsample_from(noise.cuda())
    expected = family.draw((3,)).rsample_from(noise)
    torch.testing.assert_close(z.cpu(), expected)
    torch.testing.assert_close(q.log_prob(z).cpu(), family.draw((3,)).log_prob(expected))
    assert q.entropy().is_cuda
    assert kl_divergence(q, q).is_cuda


def test_support_is_the_space_not_the_real_line(family: Family) -> None:
    q = family.draw(())
    assert q.support.event_dim == 1
    if q.support is hyperbolic_space:
        transform = torch.distributions.biject_to(q.support)
        assert torch.equal(transform(torch.ones(4)), torch.ones(4))
