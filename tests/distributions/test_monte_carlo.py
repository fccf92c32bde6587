"""Estimates: the batch they are of, what they know of their error, and KLs of any two laws."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch.distributions import (
    Categorical,
    Independent,
    Laplace,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
    kl_divergence,
)

from hrssm.distributions import (
    BallTransform,
    CoordinateDensity,
    Gaussian,
    HorosphericalGaussian,
    MonteCarloEstimate,
    RiemannianNormal,
    WrappedNormal,
    monte_carlo_entropy,
    monte_carlo_kl,
)

D = 3


def horospherical(batch: tuple[int, ...]) -> HorosphericalGaussian:
    spread = torch.linspace(0.5, 2, max(1, torch.Size(batch).numel())).reshape(batch)
    return HorosphericalGaussian(torch.zeros(batch), torch.zeros(*batch, D - 1), spread, spread)


def wrapped(batch: tuple[int, ...]) -> WrappedNormal:
    spread = torch.linspace(0.5, 2, max(1, torch.Size(batch).numel())).reshape(batch)
    return WrappedNormal(torch.zeros(*batch, D), spread.unsqueeze(-1))


def riemannian(batch: tuple[int, ...]) -> RiemannianNormal:
    spread = torch.linspace(0.5, 2, max(1, torch.Size(batch).numel())).reshape(batch)
    return RiemannianNormal(torch.zeros(*batch, D), spread)


LAWS = [horospherical, wrapped, riemannian]
BATCHES = [((), (64,)), ((64,), ()), ((3, 1), (4,)), ((64, 1), (64,)), ((1,), (5,)), ((2, 3), (2, 3))]


@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize("of_p", LAWS)
@pytest.mark.parametrize("of_q", LAWS)
def test_a_kl_of_two_batches_has_their_broadcast_shape_and_is_that_of_each_pair(of_q, of_p, batches) -> None:
    """Within 5 standard errors for each of a corner's pairs; a correct KL fails with probability 1e-5."""
    torch.manual_seed(0)
    q, p = of_q(batches[0]), of_p(batches[1])
    shape = torch.broadcast_shapes(*batches)
    found = kl_divergence(q, p)
    assert found.shape == shape
    alike_q, alike_p = q.expand(shape), p.expand(shape)
    for corner in (0, -1):
        index = (corner,) * len(shape)
        one_q, one_p = (_entry(law, index) for law in (alike_q, alike_p))
        exact = kl_divergence(one_q, one_p)
        if isinstance(exact, MonteCarloEstimate):
            exact = monte_carlo_kl(one_q, one_p, 4000)
            error = (found.standard_error[index].square() + exact.standard_error.square()).sqrt()
            assert (found[index] - exact).abs() <= 5 * error
        else:
            torch.testing.assert_close(found[index], exact, rtol=1e-4, atol=1e-5)


def _entry(law, index: tuple[int, ...]):
    if isinstance(law, HorosphericalGaussian):
        names = (law.height_loc, law.fibre_loc, law.height_scale, law.fibre_scale)
        return HorosphericalGaussian(*(x[index] for x in names))
    return type(law)(law.loc[index], law.scale[index])


def test_an_estimate_changed_in_place_does_not_know_its_error() -> None:
    for change in (
        lambda x: x.mul_(2),
        lambda x: x.__iadd__(1),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: x.copy_(torch.ones(2)),
    ):
        estimate = monte_carlo_kl(wrapped((2,)), wrapped((2,)))
        assert torch.isfinite(estimate.standard_error).all()
        change(estimate)
        assert estimate.standard_error.isnan().all()
    estimate = monte_carlo_kl(wrapped((2,)), wrapped((2,)))
    for used in (estimate + 1, 2 * estimate, estimate[0], estimate.mean(), torch.stack((estimate, estimate))):
        assert type(used) is torch.Tensor
    assert torch.isfinite(estimate.standard_error).all()


def test_an_estimate_is_copied_pickled_saved_and_loaded() -> None:
    estimate = monte_carlo_kl(wrapped((2,)), wrapped((2,)), 16)
    buffer = io.BytesIO()
    torch.save(estimate, buffer)
    buffer.seek(0)
    copies = (copy.deepcopy(estimate), copy.copy(estimate), pickle.loads(pickle.dumps(estimate)))
    for other in (*copies, torch.load(buffer, weights_only=True)):
        assert type(other) is MonteCarloEstimate
        assert torch.equal(other, estimate)
        assert torch.equal(other.standard_error, estimate.standard_error)
        assert other.num_samples == 16


def test_an_estimate_has_gradients() -> None:
    scale = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    monte_carlo_kl(WrappedNormal(torch.zeros(3), scale), wrapped(())).backward()
    assert scale.grad is not None
    assert torch.isfinite(scale.grad).all()


def close(estimate: MonteCarloEstimate, exact: torch.Tensor) -> bool:
    """Within 5 standard errors: a correct one fails with probability 6e-7."""
    return bool(((estimate - exact).abs() <= 5 * estimate.standard_error + 1e-6).all())


def test_any_two_laws() -> None:
    """Of this package, of torch, in a chart: with respect to the coordinates they all mean the same."""
    torch.manual_seed(0)
    q, p = horospherical(()), riemannian(())
    exact = kl_divergence(q, p)
    seen, seen_p = CoordinateDensity(q), CoordinateDensity(p)
    for pair in ((q, p), (seen, p), (q, seen_p), (seen, seen_p)):
        assert close(monte_carlo_kl(*pair, 20000), exact)
    ball = [BallTransform()]
    in_ball = [TransformedDistribution(law, ball, validate_args=False) for law in (seen, seen_p)]
    assert close(monte_carlo_kl(*in_ball, 20000), exact)
    # A law of the height and the fibre that is a normal in the coordinates: HG of coupling 0 at height 0.
    flat = HorosphericalGaussian(torch.tensor(0.0), torch.zeros(D - 1), 0.5, 0.7, coupling=0.0)
    normal = Gaussian(torch.zeros(D), torch.tensor([0.5, *[0.7] * (D - 1)]))
    assert close(monte_carlo_kl(flat, normal, 1000), torch.tensor(0.0))
    assert close(monte_carlo_kl(flat, Independent(Normal(normal.loc, normal.scale), 1), 1000), torch.tensor(0.0))
    laplace = Independent(Laplace(torch.zeros(2), torch.ones(2)), 1)
    plain = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    exact = kl_divergence(plain.base_dist, laplace.base_dist).sum()
    assert close(monte_carlo_kl(plain, laplace, 20000), exact)
    assert close(monte_carlo_entropy(plain, 20000), plain.entropy())
    with pytest.raises(ValueError, match="generator"):
        monte_carlo_kl(plain, laplace, generator=torch.Generator())


def test_the_gradient_where_samples_have_none_is_the_scores() -> None:
    """Of a categorical law, within 5 standard errors: a correct one fails with probability 6e-7 for each entry."""
    logits = torch.tensor([0.3, -0.2, 0.5], requires_grad=True)
    other = Categorical(logits=torch.tensor([0.0, 1.0, -1.0]))
    (exact,) = torch.autograd.grad(kl_divergence(Categorical(logits=logits), other), logits)
    torch.manual_seed(0)
    found = torch.stack(
        [torch.autograd.grad(monte_carlo_kl(Categorical(logits=logits), other, 500), logits)[0] for _ in range(100)]
    )
    assert ((found.mean(0) - exact).abs() < 5 * found.std(0) / 10).all()


def test_kls_of_laws_in_one_chart_are_the_laws_own() -> None:
    q, p = horospherical((2,)), riemannian((2,))
    exact = kl_divergence(q, p)
    seen, seen_p = CoordinateDensity(q), CoordinateDensity(p)
    in_ball = [TransformedDistribution(law, [BallTransform()]) for law in (seen, seen_p)]
    for pair in ((seen, seen_p), (seen, p), (q, seen_p), in_ball):
        torch.testing.assert_close(kl_divergence(*pair), exact, rtol=0, atol=0)


def test_the_gaussian_and_torchs_own() -> None:
    q = Gaussian(torch.tensor([[0.5, -1.0], [0.0, 0.3]]), torch.tensor([0.5, 2.0]))
    p = Gaussian(torch.zeros(2), torch.tensor([1.0, 0.7]))
    exact = kl_divergence(q, p)

    def torchs(law: Gaussian) -> list[torch.distributions.Distribution]:
        return [Independent(Normal(law.loc, law.scale), 1), MultivariateNormal(law.loc, torch.diag_embed(law.scale**2))]

    for other in torchs(p):
        torch.testing.assert_close(kl_divergence(q, other), exact)
    for other in torchs(q):
        torch.testing.assert_close(kl_divergence(other, p), exact)
    correlated = MultivariateNormal(torch.zeros(2), torch.tensor([[2.0, 0.5], [0.5, 1.0]]))
    diagonal = MultivariateNormal(p.loc, torch.diag_embed(p.scale**2))
    torch.testing.assert_close(kl_divergence(correlated, p), kl_divergence(correlated, diagonal))
    torch.testing.assert_close(kl_divergence(p, correlated), kl_divergence(diagonal, correlated))
    with pytest.raises(NotImplementedError, match="Laplace"):
        kl_divergence(q, Independent(Laplace(torch.zeros(2), torch.ones(2)), 1))
