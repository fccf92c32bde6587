"""Citing: by id, by class, instance, function and method; every format; and reading without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import hrssm
from hrssm import citation, formulas
from hrssm.citation import FORMATS, cite, formulas_of
from hrssm.distributions import HorosphericalGaussian, kl_terms
from hrssm.geometry import horospherical as geometry


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_of_one_formula(format: str) -> None:
    text = cite("hg-kl", format)
    assert {"bibtex": "@misc{hg-kl,", "latex": "\\[", "typst": "sigma_(p)", "text": "level S", "python": "def hg_kl("}[
        format
    ] in text


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "python"])
def test_a_citation_can_be_found_again(format: str) -> None:
    text = cite("hg-kl", format)
    assert hrssm.__version__ in text
    assert formulas.entry("hg-kl")["digest"] in text


def test_the_python_of_a_formula_computes_it() -> None:
    space: dict = {}
    exec(cite("hg-kl", "python"), space)
    got = space["hg_kl"](mu_q=0.3, mu_p=-0.1, sigma_q=0.5, sigma_p=0.7, s_q=0.8, s_p=0.5, delta=0.4, m=2)
    q = HorosphericalGaussian(torch.tensor(0.3), torch.tensor([0.4, 0.0]), torch.tensor(0.5), torch.tensor(0.8))
    p = HorosphericalGaussian(torch.tensor(-0.1), torch.zeros(2), torch.tensor(0.7), torch.tensor(0.5))
    assert float(got) == pytest.approx(torch.distributions.kl_divergence(q, p).item(), rel=1e-5)


def test_a_class_and_its_instance_cite_the_same() -> None:
    law = HorosphericalGaussian(torch.zeros(()), torch.zeros(1), torch.ones(()), torch.ones(()))
    ids = formulas_of(HorosphericalGaussian)
    assert {"hg-kl", "hgk-density", "hgk-entropy"} <= set(ids)
    assert formulas_of(law) == ids
    assert cite(law) == cite(HorosphericalGaussian)
    assert cite(law).count("@misc{") == len(ids)


def test_a_function_and_a_method_cite_their_own() -> None:
    assert "geo-distance" in formulas_of(geometry.distance)
    assert "hg-kl-drift" in formulas_of(kl_terms)
    assert "hgk-density" in formulas_of(HorosphericalGaussian.log_prob)
    assert "hg-kl" not in formulas_of(HorosphericalGaussian.log_prob)


def test_an_object_that_no_formula_claims() -> None:
    with pytest.raises(ValueError, match="no formula claims dict; allowed are the ids and functions"):
        cite(dict)


def test_a_format_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="format was given as 'word'; allowed are bibtex, latex, typst, text, python"):
        cite("hg-kl", "word")


def test_an_id_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(KeyError, match="no formula has the id 'hg-kul'; near it: hg-kl"):
        cite("hg-kul")


def test_a_formula_without_numbers_has_no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = formulas.entry("hg-kl")
    silent = {**entry, "statement": {**entry["statement"], "python": None}}
    monkeypatch.setattr(formulas, "entry", lambda id: silent)
    with pytest.raises(ValueError, match="hg-kl has no numbers to evaluate; allowed formats for it are"):
        cite("hg-kl", "python")


def test_search_by_chapter_and_word() -> None:
    assert set(formulas.search("drift")) >= {"hg-kl-drift", "hg-drift-monotone"}
    assert all(e["chapter"] == "coupled_family" for e in formulas.search(chapter="coupled-family").values())
    with pytest.raises(ValueError, match="chapter was given as 'poetry'; allowed are geometry"):
        formulas.search(chapter="poetry")


def test_every_implementer_exists() -> None:
    import importlib

    for id, entry in formulas.entries().items():
        for name in entry["implements"]:
            parts = name.split(".")
            for cut in range(len(parts), 0, -1):
                try:
                    importlib.import_module(".".join(parts[:cut]))
                    break
                except ModuleNotFoundError:
                    continue
            found = citation.resolve(name)
            registered = isinstance(found[-1] if found else None, type) and parts[-1].startswith("kl")
            assert len(found) == len(parts) - cut or registered, f"{id} says that {name} implements it"


def test_reading_needs_the_standard_library_alone() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'numpy', 'sympy', 'mpmath', 'flint', 'rich', 'typer'): sys.modules[name] = None\n"
        "import importlib.util, pathlib\n"
        "from hrssm.citation import cite\n"
        "print(cite('hg-kl', 'text'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hg-kl, level S" in done.stdout
