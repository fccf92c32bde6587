"""The accuracy benchmark: it sees an error of known size, in values and gradients, and its references are right."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from flint import arb
from torch import Tensor

from benchmarks import accuracy, arb_quadrature
from benchmarks.accuracy_cases import Case, gradients, values
from hrssm.distributions import HorosphericalGaussian, RiemannianNormal, monte_carlo_kl


def row(rows: list[Case], function: str) -> Case:
    return replace(next(case for case in rows if case.function == function), dimensions=(3,))


@pytest.mark.parametrize(
    "function", ["distance", "HG KL", "HG log_prob, coupling 0.5", "wrapped log_prob", "RN entropy"]
)
@pytest.mark.parametrize("rows", [values, gradients])
def test_an_error_of_known_size_is_found(function: str, rows) -> None:
    case = row(rows(), function)
    right = accuracy.measure(case, torch.float64, 20, 0)
    assert right.error < right.target

    def compute(**arguments: Tensor) -> Tensor:
        return case.compute(**arguments) * (1 + 1e-6)

    found = accuracy.measure(replace(case, compute=compute), torch.float64, 20, 0)
    assert found.error == pytest.approx(1e-6, rel=1e-3)
    assert found.held > found.target
    assert found.multiple > 100 * right.multiple


def test_inputs_that_lost_the_digits_do_not_count_as_held() -> None:
    """tau - mu to a relative 1e-6: half a unit in the last place of either moves it by more than the target."""

    def draw(rng, n: int, d: int) -> dict:
        mu = rng.uniform(1, 2, n)
        return {"tau": mu * (1 + 1e-6), "mu": mu}

    def compute(tau: Tensor, mu: Tensor) -> Tensor:
        return (tau - mu) * (1 + 1e-3)

    case = Case("difference", "", draw, compute, lambda tau, mu: tau - mu, dimensions=(2,))
    found = accuracy.measure(case, torch.float32, 20, 0)
    assert found.error == pytest.approx(1e-3, rel=1e-2)
    assert found.held == 0


@pytest.mark.parametrize("d", [4])
def test_quadratures_against_samples(d: int) -> None:
    """Within 4.5 standard errors of 100000 samples; fixed seed, failure probability below 1e-5 each under another."""
    torch.manual_seed(0)
    fibre = torch.zeros(d - 1, dtype=torch.float64)
    fibre[0] = 0.5
    q = RiemannianNormal(torch.cat((torch.tensor([0.25]).double(), fibre / 2)), 0.75)
    r = RiemannianNormal(torch.zeros(d).double(), 0.5)
    p = HorosphericalGaussian(torch.tensor(-0.125).double(), fibre, 0.5, 0.625, 0.5)
    mu_q, sigma_q, mu_p, sigma_p, s_p, kappa = map(arb, (0.25, 0.75, -0.125, 0.5, 0.625, 0.5))
    gap = arb(0.25) ** 2
    for exact, estimate in (
        (arb_quadrature.rn_to_hg(mu_q, sigma_q, mu_p, sigma_p, s_p, kappa, gap, d - 1), monte_carlo_kl(q, p, 100000)),
        (arb_quadrature.hg_to_rn(mu_p, sigma_p, s_p, kappa, mu_q, sigma_q, gap, d - 1), monte_carlo_kl(p, q, 100000)),
        (arb_quadrature.rn_to_rn(mu_q, sigma_q, arb(0), arb(0.5), gap, d - 1), monte_carlo_kl(q, r, 100000)),
    ):
        assert abs(float(exact) - float(estimate)) < 4.5 * float(estimate.standard_error)
