"""The library as text: where a dotted name is defined, its lines, and the modules that have a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Found:
    """A class, function or method: its module and name, and the lines that define it."""

    module: str
    name: str
    file: str
    first: int
    last: int
    code: str
    shown: str

    @property
    def address(self) -> str:
        """Its place on the pages about the library, which show what is public and has a docstring; or what holds it."""
        return f"library/{self.module}/" + (f"#{self.module}.{self.shown}" if self.shown else "")


class Library:
    """The package `hrssm` read as text: nothing of it is imported."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root

    @cached_property
    def package(self) -> griffe.Module:
        loaded = griffe.load("hrssm", search_paths=[str(self.root)], allow_inspection=False)
        assert isinstance(loaded, griffe.Module)
        return loaded

    def modules(self) -> Iterator[griffe.Module]:
        """All modules that have something to say, packages first, by name."""
        queue = [self.package]
        while queue:
            module = queue.pop(0)
            yield module
            inner = [m for m in module.modules.values() if not m.is_alias and not m.name.startswith("_")]
            queue = sorted(inner, key=lambda m: m.path) + queue

    def find(self, name: str) -> Found | None:
        """What a dotted name means; a registered KL, named Class.kl, is its class. None where it means nothing."""
        parts = name.split(".")[1:]
        here: griffe.Object | griffe.Alias = self.package
        for i, part in enumerate(parts):
            try:
                here = here[part]
                if here.is_alias:
                    here = here.final_target  # type: ignore[union-attr]
            except (KeyError, griffe.AliasResolutionError, griffe.CyclicAliasError):
                if here.is_class and i == len(parts) - 1:
                    break
                return None
        if here.is_module or not isinstance(here.filepath, Path) or here.lineno is None:
            return None
        first, last = here.lineno, here.endlineno or here.lineno
        lines = here.filepath.read_text(encoding="utf-8").splitlines()[first - 1 : last]
        module = here.module.path
        file = here.filepath.relative_to(self.root).as_posix()
        inside = here.path.removeprefix(f"{module}.")
        return Found(module, inside, file, first, last, "\n".join(lines), self._shown(here))

    def _shown(self, found: griffe.Object | griffe.Alias) -> str:
        """The name of an object, or of the nearest around it, that has a place on its module's page; empty for none."""
        here: griffe.Object | griffe.Alias | None = found
        while here is not None and not here.is_module:
            if here.docstring is not None and not any(part.startswith("_") for part in here.name.split(".")):
                return here.path.removeprefix(f"{here.module.path}.")
            here = here.parent
        return ""
