"""What a stored proof and the emitted reference rest on: the files that they run, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from derivations import contents
from derivations.code import run
from derivations.code.claims.table import CLAIMS
from derivations.emission import registry
from derivations.engine import cache
from derivations.engine.kernel import modules_of
from hrssm.records import sources

FORMULAS = contents.collect()
KL, DISTANCE, PLANE = (
    next(i for i, claim in enumerate(CLAIMS) if claim.formula == id) for id in ("hg-kl", "geo-distance", "pgm-kl")
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources that may be edited."""
    for package in ("derivations", "hrssm"):
        skip = shutil.ignore_patterns("__pycache__", ".cache")
        shutil.copytree(sources.TREE / package, tmp_path / package, ignore=skip)
    return tmp_path


def changes(tree: Path, edited: str, roots: frozenset[str]) -> bool:
    """Whether an edit of a file changes the digest of what the roots run."""
    before = sources.digest(*roots, tree=tree)
    path = tree / edited
    path.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    return sources.digest(*roots, tree=tree) != before


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("derivations/chapters/horospherical_gaussian/kl.py", True),
        ("derivations/chapters/horospherical_gaussian/symbols.py", True),
        ("derivations/chapters/coupled_family/kl.py", False),
        ("derivations/contents.py", False),
        ("derivations/enclosures/gaussian.py", True),
        ("derivations/engine/mutation.py", True),
        ("derivations/engine/ball_arithmetic.py", True),
        ("derivations/code/aten.py", False),
        ("derivations/engine/test_kernel.py", False),
        ("hrssm/distributions/horospherical_gaussian.py", False),
    ],
)
def test_an_entry_rests_on_its_chapters_and_the_engine(tree: Path, edited: str, stale: bool) -> None:
    assert changes(tree, edited, frozenset({cache.ENGINE, *modules_of(FORMULAS["hg-kl"])})) is stale


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("hrssm/distributions/horospherical_gaussian.py", True),
        ("hrssm/distributions/numerics/stable.py", True),
        ("derivations/code/aten.py", True),
        ("derivations/code/guarded/taylor.py", True),
        ("derivations/chapters/horospherical_gaussian/kl.py", True),
        ("derivations/contents.py", False),
        ("hrssm/training/loop.py", False),
    ],
)
def test_a_claim_rests_on_the_code_and_the_entry(tree: Path, edited: str, stale: bool) -> None:
    assert changes(tree, edited, run.roots(KL, FORMULAS)) is stale


def test_a_guarded_function_belongs_to_the_code(tree: Path) -> None:
    assert changes(tree, "hrssm/geometry/series.py", run.roots(DISTANCE, FORMULAS))


@pytest.mark.parametrize("module", sorted(contents.modules()))
def test_every_chapter_belongs_to_the_reference(tree: Path, module: str) -> None:
    assert changes(tree, module.replace(".", "/") + ".py", registry.roots())


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("derivations/contents.py", True),
        ("derivations/emission/display/arithmetic.py", True),
        ("derivations/code/claims/gaussian_manifold.py", True),
        ("derivations/emission/test_registry.py", False),
        ("hrssm/training/loop.py", False),
    ],
)
def test_the_reference_rests_on_all_that_emits_it(tree: Path, edited: str, stale: bool) -> None:
    assert changes(tree, edited, registry.roots()) is stale


def test_every_module_with_entries_is_listed() -> None:
    listed = set(contents.modules())
    for path in (sources.TREE / "derivations" / "chapters").rglob("*.py"):
        if "@entry(" in path.read_text(encoding="utf-8"):
            assert ".".join(path.relative_to(sources.TREE).with_suffix("").parts) in listed, path


def test_a_listed_module_that_is_missing_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contents.CHAPTERS, "geometry", ("horospherical", "no_such_module"))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        contents.collect()
