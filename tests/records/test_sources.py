"""What a digest sees: the files that a computation executes, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from hrssm.records.sources import closure, digest

FILES = {
    "hrssm/__init__.py": "",
    "hrssm/root.py": "from hrssm.rooms import first\nimport hrssm.rooms.second as s\nfrom hrssm.lazy import Named\n",
    "hrssm/rooms/__init__.py": "from .quiet import x\n",
    "hrssm/rooms/quiet.py": "x = 1\n",
    "hrssm/rooms/first.py": "def f():\n    from hrssm.rooms.deep import inner\n    return inner\n",
    "hrssm/rooms/second.py": "import math\nimport torch\nfrom ..lazy import also\n",
    "hrssm/rooms/deep/__init__.py": "",
    "hrssm/rooms/deep/inner.py": "import hrssm.root\n",
    "hrssm/lazy/__init__.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hrssm.lazy.named import Named as Named\n"
        "    from hrssm.lazy.other import Other as Other\n"
    ),
    "hrssm/lazy/named.py": "",
    "hrssm/lazy/other.py": "",
    "hrssm/lazy/also.py": "",
    "hrssm/elsewhere.py": "",
    "hrssm/whole.py": "from hrssm import lazy\n",
    "hrssm/starred.py": "from hrssm.lazy import *\n",
}
EXECUTED = {
    "hrssm/__init__.py", "hrssm/root.py", "hrssm/rooms/__init__.py", "hrssm/rooms/quiet.py", "hrssm/rooms/first.py",
    "hrssm/rooms/second.py", "hrssm/rooms/deep/__init__.py", "hrssm/rooms/deep/inner.py", "hrssm/lazy/__init__.py",
    "hrssm/lazy/named.py", "hrssm/lazy/also.py",
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def names(files: frozenset[Path], tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in files}


def test_the_closure_is_what_runs(tree: Path) -> None:
    assert names(closure("hrssm.root", tree=tree), tree) == EXECUTED


@pytest.mark.parametrize("file", sorted(FILES))
def test_an_edit_to_a_file_moves_the_digest_exactly_when_it_runs(tree: Path, file: str) -> None:
    before = digest("hrssm.root", tree=tree)
    (tree / file).write_text(FILES[file] + "# edited\n")
    assert (digest("hrssm.root", tree=tree) != before) == (file in EXECUTED)


@pytest.mark.parametrize("root", ["hrssm.whole", "hrssm.starred", "hrssm.lazy"])
def test_who_takes_a_lazy_package_whole_gets_all_of_it(tree: Path, root: str) -> None:
    assert {"hrssm/lazy/named.py", "hrssm/lazy/other.py"} <= names(closure(root, tree=tree), tree)


def test_a_further_root_is_a_lazily_named_module(tree: Path) -> None:
    assert "hrssm/elsewhere.py" in names(closure("hrssm.root", "hrssm.elsewhere", tree=tree), tree)
    assert digest("hrssm.root", "hrssm.elsewhere", tree=tree) != digest("hrssm.root", tree=tree)


def test_a_moved_file_moves_the_digest(tree: Path) -> None:
    before = digest("hrssm.root", tree=tree)
    (tree / "hrssm/rooms/quiet.py").rename(tree / "hrssm/rooms/deep/quiet.py")
    (tree / "hrssm/rooms/__init__.py").write_text("from .deep.quiet import x\n")
    assert "hrssm/rooms/deep/quiet.py" in names(closure("hrssm.root", tree=tree), tree)
    assert digest("hrssm.root", tree=tree) != before


def test_an_unknown_root_is_refused(tree: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"hrssm\.nowhere"):
        digest("hrssm.nowhere", tree=tree)
