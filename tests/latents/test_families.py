"""What every family with a density must do for a network head: shapes, a prior at zero, one law however asked."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from hrssm.geometry import half_plane
from hrssm.geometry import horospherical as geometry
from hrssm.latents.family import Bounds, LatentFamily
from hrssm.latents.gaussian_manifold import GaussianManifoldNormalLatent
from hrssm.latents.table import LATENTS, check, latent

DTYPES = [torch.float64, torch.float32]
PRODUCTS = [name for name in LATENTS if name.endswith("-product")]


@pytest.fixture(params=[name for name in sorted(LATENTS) if not LATENTS[name].square])
def family(request: pytest.FixtureRequest) -> LatentFamily:
    return latent(request.param)(4, Bounds(0.01, 3.0))


def raws(family: LatentFamily, *shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (0.7 * torch.randn(*shape, family.num_parameters, generator=generator, dtype=torch.float64)).to(dtype)


def noise(family: LatentFamily, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return family.noise(torch.Generator().manual_seed(1), *shape, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_samples_and_laws_agree(family: LatentFamily, dtype: torch.dtype) -> None:
    raw, draw = raws(family, 2, 5, dtype=dtype), noise(family, 2, 5, dtype=dtype)
    z = family.sample(raw, draw)
    law = family.distribution(raw)
    assert z.shape == (2, 5, 4)
    assert law.batch_shape == (2, 5)
    assert law.event_shape == (4,)
    assert z.dtype == law.log_prob(z).dtype == dtype
    assert family.location(raw).shape == (2, 5, 4)
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    if hasattr(law, "rsample_from"):
        torch.testing.assert_close(law.rsample_from(draw), z, rtol=tolerance, atol=tolerance)


def test_the_kl_is_the_mean_of_its_terms(family: LatentFamily) -> None:
    """Within 4.5 standard errors of E[log q - log p]; a correct KL fails with probability 2e-5 under another seed."""
    posterior, prior = raws(family, 3), raws(family, 3, seed=5)
    q, p = family.distribution(posterior), family.distribution(prior)
    draw = noise(family, 4000, 3)
    z = family.sample(posterior.expand(4000, -1, -1), draw)
    sampled = q.log_prob(z) - p.log_prob(z)
    terms = family.kl_terms(posterior.expand(4000, -1, -1), prior.expand(4000, -1, -1), z, log_drift_max=None)
    kl = torch.stack(list(terms.values())).sum(0)
    error = (kl - sampled).std(0) / 4000**0.5
    assert ((kl.mean(0) - sampled.mean(0)).abs() <= 4.5 * error + 1e-9).all()


def test_a_head_of_zeros_is_the_standard_prior(family: LatentFamily) -> None:
    """Location at the origin and unit scales, for every family: exp_0 of nothing, and log_0 of it."""
    zeros = torch.zeros(1, family.num_parameters, dtype=torch.float64)
    assert (family.location(zeros) == 0).all()
    assert (family.log_scales(zeros) == 0).all()
    origin = torch.zeros(1, 4, dtype=torch.float64)
    assert torch.equal(family.exp_origin(origin), origin)
    torch.testing.assert_close(family.log_origin(origin), origin)


def test_exp_then_log_at_the_origin(family: LatentFamily) -> None:
    """The posterior that a Geo head puts at exp_0(v) has v as the logarithm of its location."""
    v = torch.randn(6, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    rest = torch.zeros(6, family.num_parameters - 4, dtype=torch.float64)
    located = family.location(torch.cat((family.exp_origin(v), rest), -1))
    torch.testing.assert_close(family.log_origin(located), v, rtol=1e-9, atol=1e-9)
    heights = family.heights(located)
    assert (heights is None) == family.name.startswith("gaussian-p") | (
        family.name in ("gaussian", "gaussian-two-scale")
    )


def test_geodesics_go_from_start_to_end_at_even_speed(family: LatentFamily) -> None:
    """Through the origin they are the rays exp_0(s v), and elsewhere the ends are met."""
    v = torch.randn(5, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    rest = torch.zeros(5, family.num_parameters - 4, dtype=torch.float64)

    def point(tangent: Tensor) -> Tensor:
        return family.location(torch.cat((family.exp_origin(tangent), rest), -1))

    share = torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0], dtype=torch.float64)
    ray = family.between(point(torch.zeros_like(v)), point(v), share)
    torch.testing.assert_close(ray, point(share[:, None] * v), rtol=1e-8, atol=1e-8)
    start, end = point(v.roll(1, 0)), point(v)
    for k, ends in ((0, start), (4, end)):
        torch.testing.assert_close(family.between(start, end, share[[k] * 5]), ends, rtol=1e-8, atol=1e-8)
    half = family.between(start, end, share[[2] * 5])
    again = family.between(end, start, share[[2] * 5])
    torch.testing.assert_close(half, again, rtol=1e-8, atol=1e-8)


def test_members_count_their_own_clamps(family: LatentFamily) -> None:
    if not family.log_scales(torch.zeros(family.num_parameters)).numel():
        assert family.clamp_rates(*torch.zeros(3, 1, 4), log_drift_max=None) == {}
        return
    raw = raws(family, 2, 5) / 3
    raw[1, :, family.dim :] = 9.0
    z = family.sample(raw, noise(family, 2, 5))
    rates = family.clamp_rates(raw, torch.zeros_like(raw), z, log_drift_max=None)["clamped_scale"]
    assert float(rates[0]) == 0.0
    assert float(rates[1]) > 0.2


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_its_planes(name: str) -> None:
    product, factor = latent(name)(6), latent(name.removesuffix("-product"))(2)
    assert product.num_parameters == 3 * factor.num_parameters
    raw, draw = raws(product, 5), noise(product, 5)
    z = product.sample(raw, draw)
    others = factor.num_parameters - 2
    total = torch.zeros(5, dtype=torch.float64)
    for k in range(3):
        own = torch.cat((raw[:, 2 * k : 2 * k + 2], raw[:, 6 + others * k : 6 + others * (k + 1)]), -1)
        plane = slice(2 * k, 2 * k + 2)
        torch.testing.assert_close(z[:, plane], factor.sample(own, draw[:, plane]))
        total += factor.distribution(own).log_prob(z[:, plane])
        tangent = product.log_origin(z)[:, plane]
        torch.testing.assert_close(tangent, geometry.log_origin(z[:, plane]))
    torch.testing.assert_close(product.distribution(raw).log_prob(z), total)


@pytest.mark.parametrize("curvature", [0.5, 1.5])
def test_the_pgm_latent_at_any_curvature(curvature: float) -> None:
    family = GaussianManifoldNormalLatent(4, curvature=curvature)
    raw, v = raws(family, 5), torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert family.distribution(raw).curvature == curvature
    first = half_plane.exp_origin(v[:, :2], curvature)
    torch.testing.assert_close(family.exp_origin(v)[:, [0, 2]], first)
    learned = GaussianManifoldNormalLatent(4, curvature=torch.full((2, 1, 1), curvature, dtype=torch.float64))
    both = raw.expand(2, 5, -1)
    z = learned.sample(both, noise(family, 2, 5))
    prior = torch.zeros_like(raw)
    kl = family.kl_terms(raw, prior, z[0], log_drift_max=None)["kl"]
    torch.testing.assert_close(
        learned.kl_terms(both, prior.expand_as(both), z, log_drift_max=None)["kl"], kl.expand(2, -1)
    )
    torch.testing.assert_close(learned.exp_origin(v.expand(2, -1, -1))[1], family.exp_origin(v))
    torch.testing.assert_close(learned.log_origin(z)[1], family.log_origin(z[1]))
    with pytest.raises(ValueError, match="flat"):
        GaussianManifoldNormalLatent(4, curvature=0.0)


def test_matched_parameter_counts() -> None:
    """3 n numbers for n planes with one scale each, 4 n with two."""
    counts = {name: latent(name)(6).num_parameters for name, entry in LATENTS.items() if not entry.square}
    three = ["gaussian-manifold-normal", "gaussian-pairs", "riemannian-normal-product"]
    four = ["gaussian", "wrapped-normal-product", "hg-product", "hg-half-product"]
    assert {counts[name] for name in three} == {9}
    assert {counts[name] for name in four} == {12}
    pairs = latent("gaussian-pairs")(4)
    raw = torch.zeros(1, 6)
    raw[0, 5] = math.log(2)
    assert pairs.distribution(raw).stddev.tolist() == [[1, 1, 2, 2]]


def test_odd_dimensions_of_planes_are_refused() -> None:
    with pytest.raises(ValueError, match="pairs"):
        check("riemannian-normal-product", 5)


def test_the_kl_of_the_riemannian_normal_is_exact() -> None:
    """It does not depend on the sample, and is that of the laws."""
    family = latent("riemannian-normal")(3)
    posterior, prior = (
        torch.randn(5, family.num_parameters, generator=torch.Generator().manual_seed(s)) for s in (0, 1)
    )
    kls = [family.kl_terms(posterior, prior, torch.full((5, 3), x), log_drift_max=None)["kl"] for x in (0.0, 1.0)]
    assert torch.equal(*kls)
    assert torch.equal(kls[0], kl_divergence(family.distribution(posterior), family.distribution(prior)))
