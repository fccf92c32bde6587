"""Parameters and points at the edge of the range of numbers: what is finite stays finite, with its gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from hrssm.distributions import HorosphericalGaussian


def leaves(*values: float | list[float], dtype: torch.dtype) -> list[Tensor]:
    return [torch.tensor(value, dtype=dtype, requires_grad=True) for value in values]


# The exponents sigma^2 - mu of the drift: beyond the range for its square, itself, and a quarter of it.
FAR_DOWN = [
    (dtype, -height)
    for dtype, heights in ((torch.float32, (45.0, 100.0, 900.0)), (torch.float64, (360.0, 800.0, 9000.0)))
    for height in heights
]


@pytest.mark.parametrize(("dtype", "height"), FAR_DOWN)
def test_kl_of_a_horospherical_gaussian_from_itself(dtype: torch.dtype, height: float) -> None:
    parameters = leaves(height, [1.0, -2.0], 0.5, 0.3, dtype=dtype)
    q, p = HorosphericalGaussian(*parameters), HorosphericalGaussian(*(x.detach() for x in parameters))
    for pair in ((q, p), (p, q), (q, q)):
        kl = kl_divergence(*pair)
        assert kl == 0
        for slope in torch.autograd.grad(kl, parameters):
            assert (slope == 0).all()


@pytest.mark.parametrize(("dtype", "height"), [(torch.float32, 80.0), (torch.float64, 700.0)])
def test_kl_of_horospherical_gaussians_is_invariant_far_from_the_origin(dtype: torch.dtype, height: float) -> None:
    q = HorosphericalGaussian(*leaves(0.25, [1.0, -0.5], 0.5, 0.25, dtype=dtype))
    p = HorosphericalGaussian(*leaves(-0.5, [0.5, 0.25], 0.75, 0.5, dtype=dtype))
    for sign in (-1.0, 1.0):
        g = torch.tensor([sign * height, 0.0, 0.0], dtype=dtype)
        # Far down b is a denormal number, and has few digits.
        torch.testing.assert_close(kl_divergence(q.moved(g), p.moved(g)), kl_divergence(q, p), rtol=1e-4, atol=0)


def test_kl_of_horospherical_gaussians_that_overflows_is_infinite_not_nan() -> None:
    q = HorosphericalGaussian(*leaves(-100.0, [1.0, 0.0], 0.5, 0.3, dtype=torch.float32))
    p = HorosphericalGaussian(*leaves(-100.0, [0.0, 0.0], 0.5, 0.3, dtype=torch.float32))
    assert kl_divergence(q, p) == torch.inf


@pytest.mark.parametrize("coupling", [1.0, 0.5])
@pytest.mark.parametrize("height", [-720.0, -1000.0, 700.0])
def test_log_prob_of_a_horospherical_gaussian_far_down_and_up(height: float, coupling: float) -> None:
    parameters = leaves(height, [0.0, 0.0, 0.0], 0.5, 0.3, dtype=torch.float64)
    q = HorosphericalGaussian(*parameters, coupling)
    noise = torch.tensor([0.5, 0.0, 0.0, 0.0], dtype=torch.float64)
    z, expected = q.rsample_and_log_prob(noise=noise)
    found = q.log_prob(z.detach())
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    assert all(torch.isfinite(slope).all() for slope in torch.autograd.grad(found, parameters))
    if height == -720:  # e^-720 is denormal, with 36 bits left
        z, expected = q.rsample_and_log_prob(noise=torch.ones(4, dtype=torch.float64))
        torch.testing.assert_close(q.log_prob(z), expected, rtol=1e-9, atol=0)
