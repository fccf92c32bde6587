"""Who imports what: one law runs its own file and no other law's, and KLs between families are found all the same."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import hrssm.distributions
from hrssm.distributions import __all__ as names
from hrssm.records.sources import TREE, closure, digest

ROOM = "hrssm.distributions"
LAWS = {
    "gaussian",
    "gaussian_manifold_normal",
    "horospherical_gaussian",
    "riemannian_normal",
    "wrapped_normal",
    "cross_kl",
    "charts",
}


def run(words: str, folder: Path | None = None) -> str:
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("law", sorted(LAWS - {"cross_kl", "charts"}))
def test_the_closure_of_one_law_holds_no_other(law: str) -> None:
    here = {path.stem for path in closure(f"{ROOM}.{law}") if path.parent == TREE / "hrssm/distributions"}
    assert here & LAWS == {law}


def test_a_run_of_one_family_does_not_depend_on_another(tmp_path: Path) -> None:
    for path in closure("hrssm.latents.horospherical") | closure(f"{ROOM}.gaussian_manifold_normal"):
        copy = tmp_path / path.relative_to(TREE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = digest("hrssm.latents.horospherical", tree=tmp_path)
    for file, moves in (("gaussian_manifold_normal", False), ("horospherical_gaussian", True)):
        path = tmp_path / "hrssm/distributions" / f"{file}.py"
        path.write_text(path.read_text() + "# edited\n")
        assert (digest("hrssm.latents.horospherical", tree=tmp_path) != before) == moves


@pytest.mark.parametrize("family", ["gaussian_manifold", "horospherical", "riemannian_normal", "wrapped_normal"])
def test_a_run_holds_the_law_of_its_own_latent_alone(family: str) -> None:
    here = {path.stem for path in closure(f"hrssm.latents.{family}") if path.parent == TREE / "hrssm/distributions"}
    assert len(here & LAWS) == 1


@pytest.mark.parametrize("name", names)
def test_every_name_of_the_room_is_there(name: str) -> None:
    assert getattr(hrssm.distributions, name) is vars(importlib.import_module(f"{ROOM}.{_where(name)}"))[name]


def _where(name: str) -> str:
    return hrssm.distributions._WHERE[name]


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Cauchy'"):
        _ = hrssm.distributions.Cauchy  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("imported", ["from hrssm.distributions import", "module by module"])
def test_kls_between_families_are_found_however_the_classes_came(imported: str) -> None:
    imports = "from hrssm.distributions import HorosphericalGaussian, RiemannianNormal"
    if imported == "module by module":
        imports = (
            f"from {ROOM}.horospherical_gaussian import HorosphericalGaussian\n"
            f"from {ROOM}.riemannian_normal import RiemannianNormal"
        )
    words = f"""
import torch
{imports}
q = HorosphericalGaussian(torch.zeros(()), torch.zeros(2), 0.5, 0.5)
p = RiemannianNormal(torch.zeros(3), 0.5)
print(float(torch.distributions.kl_divergence(q, p)) > 0, float(torch.distributions.kl_divergence(p, q)) > 0)"""
    assert run(words) == "True True"


def test_two_families_without_a_kl_say_so() -> None:
    words = f"""
import torch
from {ROOM}.gaussian import Gaussian
from {ROOM}.horospherical_gaussian import HorosphericalGaussian
q, p = HorosphericalGaussian(torch.zeros(()), torch.zeros(2), 0.5, 0.5), Gaussian(torch.zeros(3), 1.0)
for _ in range(2):
    try:
        torch.distributions.kl_divergence(q, p)
    except NotImplementedError as error:
        print(error)"""
    lines = run(words).splitlines()
    assert len(lines) == 2
    assert all("from HorosphericalGaussian to Gaussian" in line and "monte_carlo_kl" in line for line in lines)


def test_the_package_needs_no_installation_and_loads_no_torch(tmp_path: Path) -> None:
    for name in ("hrssm/__init__.py", "hrssm/citation.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((TREE / name).read_bytes())
    words = "import sys; sys.path.insert(0, '.'); import hrssm; print(hrssm.__file__, hrssm.__version__)"
    assert run(words, tmp_path).split() == [str(tmp_path / "hrssm/__init__.py"), hrssm.__version__]
    assert run("import sys, hrssm; hrssm.cite('hg-kl'); print('torch' in sys.modules)") == "False"
    assert run("import hrssm; print(hrssm.geometry.__name__, 'distributions' in dir(hrssm))") == "hrssm.geometry True"
    assert run("import sys, hrssm.distributions; print('torch' in sys.modules)") == "False"
