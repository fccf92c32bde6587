"""The reference KL: both roads against each other, against torch, and against what a wrong formula would give."""

from __future__ import annotations

import sys
from fractions import Fraction

import flint
import pytest
import torch

from hrssm import reference
from hrssm.distributions import HorosphericalGaussian
from hrssm.reference import horospherical, parameters

Q = {"mu": "0.3", "beta": ["0.1", "-0.2"], "sigma": "0.5", "s": "0.8"}
P = {"mu": "-0.1", "beta": ["0.4", "0.3"], "sigma": "0.7", "s": ["0.5", "0.9"]}


def distribution(given: dict, kappa: float = 1.0) -> HorosphericalGaussian:
    widths = given["s"] if isinstance(given["s"], list) else [given["s"]] * len(given["beta"])
    numbers = [given["mu"], given["beta"], given["sigma"], widths]
    floats = [[float(x) for x in n] if isinstance(n, list) else float(n) for n in numbers]
    tensors = [torch.tensor(n, dtype=torch.float64) for n in floats]
    return HorosphericalGaussian(*tensors, kappa)


@pytest.mark.parametrize(("kappa_q", "kappa_p"), [("1", "1"), ("0.5", "0.5"), ("0.5", "2"), ("0", "-1")])
def test_both_roads_agree_to_fifty_digits(kappa_q: str, kappa_p: str) -> None:
    result = reference.kl(Q | {"kappa": kappa_q}, P | {"kappa": kappa_p})
    assert result.agree
    assert all(term.agree for term in result.terms.values())
    assert result.closed_form.rad() < 1e-50
    assert result.integral.rad() < 1e-50


def test_agrees_with_torch() -> None:
    expected = torch.distributions.kl_divergence(distribution(Q), distribution(P)).item()
    assert float(reference.kl(Q, P, 20).closed_form.mid()) == pytest.approx(expected, rel=1e-14)


def test_a_wrong_closed_form_does_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    right = horospherical.closed_form

    def wrong(q, p):
        return right(q, p) | {"drift": right(q, p)["drift"] * flint.arb("1.0000000000000000000001")}

    monkeypatch.setattr(horospherical, "closed_form", wrong)
    assert not reference.kl(Q, P, 40).agree


@pytest.mark.parametrize("scale", ["0.001", "12"])
def test_extreme_scales(scale: str) -> None:
    result = reference.kl(Q | {"sigma": scale}, P | {"sigma": scale}, 30)
    assert result.agree


def test_kl_of_a_law_to_itself_is_zero() -> None:
    result = reference.kl(P, P, 40)
    assert result.closed_form.contains(0)
    assert result.integral.contains(0)
    assert result.integral.rad() < 1e-40


def test_ways_of_giving_parameters_agree() -> None:
    text = reference.kl(
        "mu=0.3, beta=[0.1,-0.2], sigma=0.5, s=0.8", "mu=-1/10 beta=[0.4,0.3] sigma=0.7 s=[0.5,0.9]", 20
    )
    assert text.closed_form.overlaps(reference.kl(Q, P, 20).closed_form)
    torch_pair = reference.kl(distribution(Q), distribution(P), 20)
    assert abs(float((torch_pair.closed_form - text.closed_form).mid())) < 1e-15
    assert not torch_pair.closed_form.overlaps(text.closed_form)  # 0.3 as a float is not three tenths


def test_decimal_strings_are_exact_and_floats_are_binary() -> None:
    assert parameters.exact("0.1", "x") == Fraction(1, 10)
    assert parameters.exact(0.1, "x") == Fraction(0.1) != Fraction(1, 10)


def test_against_the_riemannian_normal() -> None:
    result = reference.kl("mu=0, beta=0, sigma=0.05, s=0.05", "family=rn, sigma=0.05, d=2", 10)
    assert result.agree
    leading = 3 / 8 * 0.05**2  # (d^2 - 1) / 8 sigma^2, formula a4-leading
    assert float(result.closed_form.mid()) == pytest.approx(leading, rel=0.01)


@pytest.mark.parametrize(
    ("q", "p", "words"),
    [
        (Q | {"sigma": "0"}, P, "q: height_scale was given as 0; allowed is a number > 0"),
        (Q, P | {"s": "-1"}, "p: fibre_scale was given as -1; allowed is a number > 0"),
        (Q | {"mu": "high"}, P, "q: height_loc was given as 'high'; allowed is a finite number"),
        (Q | {"mu": float("nan")}, P, "q: height_loc was given as nan"),
        (Q | {"colour": "1"}, P, "q: unknown parameter 'colour'; allowed are"),
        ({k: v for k, v in Q.items() if k != "s"}, P, "q: fibre_scale is missing"),
        (Q, P | {"beta": ["0"], "s": "1"}, "q lives on H^3 and p on H^2"),
        (Q | {"s": ["1", "2", "3"]}, P, "q: fibre_scale has 3 entries; allowed are 1 or 2"),
        ("family=rn, sigma=1, d=3", P, "q was given as a Riemannian normal"),
        (Q, "family=rn, sigma=1", "p: neither d nor fibre_loc is given"),
        (Q, "family=rn, sigma=1, d=1", "p: d was given as 1; allowed is an integer >= 2"),
        (Q | {"s": ["1", "2"]}, "family=rn, sigma=1, d=3", "q: fibre_scale has different entries"),
        ("mu 0.3", P, "the parameter set was given as 'mu 0.3'"),
        ("mu=1, mu=2", P, "the parameter 'mu' was given twice"),
    ],
)
def test_parameters_out_of_domain_are_named(q, p, words: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|missing|lives") as error:
        reference.kl(q, p, 10)
    assert words in str(error.value)


def test_too_few_digits() -> None:
    with pytest.raises(ValueError, match="digits was given as 0; allowed is an integer >= 1"):
        reference.kl(Q, P, 0)


def test_without_flint_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(ImportError, match="pip install"):
        reference.kl(Q, P)
