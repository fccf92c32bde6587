"""Which sources a computation runs, and their digest: the import closure of named roots.

A result is stale exactly when code that it executes has changed. What a module executes is the file itself, the
`__init__` of every package above it, and what those import, followed through this project's packages (`PACKAGES`).
Modules that are imported by a name made at run time cannot be seen in a file: they are given as further roots by
whoever chooses the name. Names that a package hands out lazily are declared in its `__init__` under `TYPE_CHECKING`,
and are followed for those who import them from there.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

__all__ = ["PACKAGES", "TREE", "closure", "digest", "digest_of", "hashes", "sources"]

#: The folder that holds the packages: a checkout, or site-packages where only `hrssm` is installed.
TREE = Path(__file__).resolve().parents[2]
#: Packages whose files are followed; everything else is a dependency, which a manifest names by version.
PACKAGES = ("hrssm", "derivations", "experiments")

#: An import: the module it names, and the name taken from it ("" for the module itself, "*" for all).
Import = tuple[str, str]


def digest(*roots: str, tree: Path = TREE) -> str:
    """A hash of the files in the import closure of the modules named by ``roots``, twelve hexadecimal digits.

    Raises ModuleNotFoundError for a root that is no module of the tree.
    """
    return digest_of(sources(*roots, tree=tree))


def sources(*roots: str, tree: Path = TREE) -> dict[str, str]:
    """The files in the import closure of the modules named by ``roots``, as paths below the tree, with their hashes.

    As long as none of these files changes, neither does the closure. Raises ModuleNotFoundError for a root that is no
    module of the tree.
    """
    names = sorted(path.relative_to(tree).as_posix() for path in closure(*roots, tree=tree))
    return hashes(names, tree)


def hashes(names: Iterable[str], tree: Path = TREE) -> dict[str, str]:
    """The SHA-256 of files below the tree, sixteen hexadecimal digits of each; a file that is gone has none."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for name in names if (path := tree / name).is_file()
    }


def digest_of(files: Mapping[str, str]) -> str:
    """One hash of files with their hashes, twelve hexadecimal digits."""
    text = "".join(f"{name} {found}\n" for name, found in sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def closure(*roots: str, tree: Path = TREE) -> frozenset[Path]:
    """The files that importing and running the modules ``roots`` executes, as paths below ``tree``.

    Raises ModuleNotFoundError for a root that is no module of the tree.
    """
    for root in roots:
        if _file(root, tree) is None:
            raise ModuleNotFoundError(f"{root} is no module below {tree}", name=root)
    files: set[Path] = set()
    queue: list[Import] = [(root, "") for root in roots]
    seen: set[Import] = set()
    while queue:
        named = queue.pop()
        if named in seen:
            continue
        seen.add(named)
        for module, path in _executed(named, tree):
            if path in files:
                continue
            files.add(path)
            always, _ = _imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
            queue += always
        queue += _handed_out(named, tree)
    return frozenset(files)


def _executed(named: Import, tree: Path) -> Iterator[tuple[str, Path]]:
    """The modules, with their files, that one import runs: the packages above, the module, and a submodule taken."""
    module, name = named
    parts = module.split(".")
    for cut in range(1, len(parts) + 1):
        path = _file(".".join(parts[:cut]), tree)
        if path is not None:
            yield ".".join(parts[:cut]), path
    if name and (path := _file(f"{module}.{name}", tree)) is not None:
        yield f"{module}.{name}", path


def _handed_out(named: Import, tree: Path) -> Iterable[Import]:
    """The lazy names of a package that an import of it, or of one name from it, can bring in."""
    module, name = named
    path = _file(module, tree)
    if path is None or path.name != "__init__.py":
        return ()
    if name and name != "*" and _file(f"{module}.{name}", tree) is not None:
        return _handed_out((f"{module}.{name}", ""), tree)
    _, lazy = _imports(path.read_text(encoding="utf-8"), module, True)
    if name in lazy:
        return (lazy[name],)
    return () if name and name != "*" else lazy.values()


def _file(module: str, tree: Path) -> Path | None:
    """The file of a module of this project's packages, or None."""
    if module.split(".", 1)[0] not in PACKAGES:
        return None
    path = tree.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_name(path.name + ".py")):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _imports(text: str, module: str, is_package: bool) -> tuple[tuple[Import, ...], Mapping[str, Import]]:
    """What a file imports wherever it stands, and by name what it imports for type checkers only."""
    always: list[Import] = []
    lazy: dict[str, Import] = {}

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and _for_type_checkers(node.test):
            for statement in node.body:
                lazy.update(_bound(statement, module, is_package))
            for statement in node.orelse:
                visit(statement)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            always.extend(imported for _, imported in _bound(node, module, is_package))
        else:
            for child in ast.iter_child_nodes(node):
                visit(child)

    visit(ast.parse(text))
    return tuple(always), lazy


def _bound(node: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, Import]]:
    """The names that an import statement binds, each with what it imports."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name, (alias.name, "")
    elif isinstance(node, ast.ImportFrom):
        source = node.module or ""
        if node.level:
            package = module.split(".") if is_package else module.split(".")[:-1]
            base = package[: len(package) - node.level + 1]
            source = ".".join([*base, *([source] if source else [])])
        for alias in node.names:
            yield alias.asname or alias.name, (source, alias.name)


def _for_type_checkers(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
