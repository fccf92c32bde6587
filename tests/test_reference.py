"""The reference KL: both roads against each other, against torch, and against what a wrong formula would give."""

from __future__ import annotations

import sys
from fractions import Fraction

import flint
import pytest
import torch

from hrssm import reference
from hrssm.distributions import HorosphericalGaussian, RiemannianNormal
from hrssm.reference import direct, horospherical, laplace, means, parameters, relative, riemannian

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


AGAINST = [
    ("mu=0.3, beta=0.4, sigma=0.5, s=0.8", "family=rn, sigma=0.4, d=2"),
    ("mu=-0.4, beta=0.3, sigma=0.7, s=0.6, kappa=0", "family=rn, sigma=0.9, mu=0.2, beta=[0.1]"),
    ("mu=0.3, beta=[0.1,-0.2], sigma=0.5, s=0.5, kappa=0.5", "family=rn, sigma=0.4, mu=0.2, beta=[0.1,-0.2]"),
    ("mu=3, beta=[5,0], sigma=0.2, s=0.1", "family=rn, sigma=0.5, d=3"),
    ("mu=0, beta=0, sigma=0.3, s=[0.2,0.3,0.5,0.4], d=5", "family=rn, sigma=0.3, d=5"),
    ("mu=0.1, beta=0.2, sigma=0.3, s=0.25, d=5", "family=rn, sigma=0.3, d=5"),
    ("mu=0.1, beta=0.02, sigma=0.3, s=0.25, d=16", "family=rn, sigma=0.3, d=16"),
    ("mu=0, beta=0, sigma=0.001, s=0.001, d=3", "family=rn, sigma=0.001, d=3"),
    ("mu=0, beta=0, sigma=0.01, s=3, d=4", "family=rn, sigma=0.05, d=4"),
]


@pytest.mark.parametrize(("law", "normal"), AGAINST)
@pytest.mark.parametrize("back", [False, True])
def test_against_the_riemannian_normal_two_roads_agree(law: str, normal: str, back: bool) -> None:
    result = reference.kl(normal, law, 10) if back else reference.kl(law, normal, 10)
    assert result.agree
    assert all(term.agree for term in result.terms.values())
    assert result.closed_form > 0
    assert "another ray" not in result.roads.get("integral", "")


def test_unequal_scales_off_centre() -> None:
    """They have one formula in two quadratures; as the scales draw together, it must meet the direct integral."""
    normal, law = "family=rn, sigma=0.4, d=3", "mu=0.3, beta=[0.1,-0.2], sigma=0.5, s=[0.8,{}]"
    apart = reference.kl(law.format("0.5"), normal, 10)
    assert apart.agree
    assert "another ray" in apart.roads["integral"]
    near, equal = (reference.kl(law.format(s), normal, 12) for s in ("0.8000000001", "0.8"))
    gap = float((near.closed_form - equal.integral).mid())
    assert 0 < gap < 1e-9


@pytest.mark.parametrize(
    ("d", "sigma", "there", "back"),
    [
        (2, "0.5", "0.087992924972", "0.172801932655"),
        (4, "0.5", "0.489983958680", "1.500700357477"),
        (16, "0.3", "3.646298740707", "15.410060805299"),
    ],
)
def test_the_table_of_a4_exact(d: int, sigma: str, there: str, back: str) -> None:
    law, normal = f"mu=0, beta=0, sigma={sigma}, s={sigma}, d={d}", f"family=rn, sigma={sigma}, d={d}"
    for result, printed in ((reference.kl(law, normal, 13), there), (reference.kl(normal, law, 13), back)):
        assert abs(result.closed_form - flint.arb(printed)) < 6e-13


def test_fifty_digits_against_the_riemannian_normal() -> None:
    result = reference.kl("mu=0, beta=0, sigma=0.05, s=0.05, kappa=0.5", "family=rn, sigma=0.05, d=2")
    assert result.agree
    assert result.closed_form.rad() < 1e-50
    assert result.integral.rad() < 1e-50


def test_against_the_riemannian_normal_agrees_with_torch() -> None:
    normal = RiemannianNormal(torch.tensor([0.2, 0.1, -0.3], dtype=torch.float64), 0.4)
    for kappa in (0.5, 1.0):
        law = distribution(P, kappa)
        expected = torch.distributions.kl_divergence(normal, law).item()
        assert float(reference.kl(normal, law, 12).integral.mid()) == pytest.approx(expected, rel=1e-11)
    law = distribution(Q)
    law = HorosphericalGaussian(law.height_loc, law.fibre_loc, law.height_scale, torch.tensor(0.8, dtype=torch.float64))
    expected = torch.distributions.kl_divergence(law, normal).item()
    assert float(reference.kl(law, normal, 12).closed_form.mid()) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("law", "normal"), AGAINST[:6])
def test_balls_of_coarse_quadratures_hold_the_fine_result(law: str, normal: str) -> None:
    """The bounds of the errors are tried where the errors are large: a few e-folds, not fifty digits."""
    q, p = (parameters.read(x, "q") for x in (law, normal))
    with flint.ctx.workprec(120):
        seen, sigma = relative.Relative(q, p), relative.number(p.scale)
        fine = laplace.mean_square(seen, 40.0)
        for coarse in (5.0, 12.0):
            assert laplace.mean_square(seen, coarse).overlaps(fine)
            assert laplace.mean_square(seen, coarse, 0.5).overlaps(fine)
            assert direct.mean_square(seen, coarse).overlaps(fine)
        radial, _ = riemannian.closed_radial(seen.m, sigma)
        fine = means.horospherical(seen.m, sigma, seen.kappa, radial, 40.0)
        for road in (means.horospherical, means.polar):
            coarse = road(seen.m, sigma, seen.kappa, radial, 8.0)
            assert all(c.overlaps(f) for c, f in zip(coarse, fine, strict=True))


@pytest.mark.parametrize(("module", "name"), [(laplace, "mean_square"), (direct, "mean_square")])
def test_a_wrong_distance_does_not_agree(monkeypatch: pytest.MonkeyPatch, module, name: str) -> None:
    right = getattr(module, name)
    monkeypatch.setattr(module, name, lambda law, aim: right(law, aim) * (1 + flint.arb("1e-12")))
    assert not reference.kl(*AGAINST[0], 14).agree


def test_a_wrong_mean_does_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    right = means.polar

    def wrong(*given):
        found = right(*given)
        return found._replace(spread=found.spread * (1 + flint.arb("1e-12")))

    monkeypatch.setattr(means, "polar", wrong)
    assert not reference.kl(*AGAINST[0][::-1], 14).agree


def test_tiny_scales_are_given_more_bits() -> None:
    result = reference.kl("mu=0, beta=0, sigma=1e-18, s=1e-18, d=3", "family=rn, sigma=1e-18, d=3", 8)
    assert result.agree
    assert float(result.closed_form.mid()) == pytest.approx(0, abs=1e-8)


def test_the_printed_result_says_how_each_road_went() -> None:
    lines = str(reference.kl(*AGAINST[5], 10)).splitlines()
    assert [line.split(":")[0].split("  ")[0] for line in lines[:3]] == ["reduced", "integral", "difference"]
    assert "agree" in lines[2]
    assert [line.split(":")[0] for line in lines[-2:]] == ["reduced", "integral"]
    assert all("Rigorous" in line for line in lines[-2:])


def test_no_waiting_for_hours() -> None:
    with pytest.raises(ArithmeticError, match="nodes; allowed are"):
        reference.kl("mu=0, beta=0, sigma=40, s=1", "family=rn, sigma=1, d=2", 20)


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
        ("family=rn, sigma=1, d=3", "family=rn, sigma=1, d=3", "q and p were both given as Riemannian normals"),
        (Q, "family=rn, sigma=0, d=3", "p: sigma was given as 0; allowed is a number > 0"),
        ("family=rn, sigma=1, d=3, mu=x", P, "q: height_loc was given as 'x'; allowed is a finite number"),
        ("family=wn, sigma=1, d=3", P, "q: family was given as 'wn'; allowed are hg"),
        (Q, "family=rn, sigma=1", "p: neither d nor fibre_loc is given"),
        (Q, "family=rn, sigma=1, d=1", "p: d was given as 1; allowed is an integer >= 2"),
        ("mu 0.3", P, "the parameter set was given as 'mu 0.3'"),
        ("mu=1, mu=2", P, "the parameter 'mu' was given twice"),
    ],
)
def test_parameters_out_of_domain_are_named(q, p, words: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|missing") as error:
        reference.kl(q, p, 10)
    assert words in str(error.value)


def test_too_few_digits() -> None:
    with pytest.raises(ValueError, match="digits was given as 0; allowed is an integer >= 1"):
        reference.kl(Q, P, 0)


def test_without_flint_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(ImportError, match="pip install"):
        reference.kl(Q, P)
