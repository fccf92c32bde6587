"""YAML files read with care: limits before anything is built, and errors that name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

__all__ = ["ExperimentError", "Keys", "YamlFile", "merge"]

T = TypeVar("T", bound=BaseModel)
Keys = tuple[str | int, ...]

LARGEST = 2**20
"""Bytes of a file, far above any that a person writes."""
DEEPEST = 24
MOST_NODES = 20_000
"""Nodes of a file after its aliases are followed: a few lines of aliases to aliases can stand for billions."""
LONGEST_NUMBER = 30


class ExperimentError(ValueError):
    """A YAML file that does not say what an experiment needs; the message names file, line, key and what was
    expected."""


class YamlFile:
    """The mapping in a file, and the line of each key path in it.

    Raises ExperimentError where the file cannot be read, is no valid YAML, is out of bounds, gives a key twice, or
    holds no mapping.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Keys, int] = {(): 1}
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST + 1)
        except OSError as error:
            raise ExperimentError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from error
        except ValueError as error:
            raise ExperimentError(f"{str(path)!r}: is no path of a file ({error})") from error
        if len(raw) > LARGEST:
            raise ExperimentError(f"{path}: is too long; an experiment file has at most {LARGEST} bytes")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise ExperimentError(
                f"{path}:{line}: is not UTF-8 (byte {raw[error.start]:#x}); save it as UTF-8"
            ) from error
        self._depth_of(text)
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            self._count = 0
            if node is not None:
                self._walk(node, (), ())
            self.data: dict[str, Any] = yaml.load(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{path}:{mark.line + 1}" if mark else str(path)
            raise ExperimentError(f"{where}: not valid YAML: {error.problem or error.context}") from error
        except ReaderError as error:
            line = text[: error.position].count("\n") + 1
            raise ExperimentError(f"{path}:{line}: not valid YAML: {error.reason} ({error.character:#x})") from error
        except RecursionError as error:
            raise ExperimentError(f"{path}: nested more than {DEEPEST} deep") from error
        if not isinstance(self.data, dict):
            raise ExperimentError(f"{path}:1: a mapping of keys was expected, such as 'id: ...'")

    def _depth_of(self, text: str) -> None:
        """Refuse deep nesting before the recursive parser meets it."""
        depth = 0
        for number, line in enumerate(text.splitlines(), 1):
            for character in line:
                depth += (character in "[{") - (character in "]}")
                if depth > DEEPEST:
                    raise ExperimentError(f"{self.path}:{number}: nested more than {DEEPEST} deep")
            indent = len(line) - len(line.lstrip(" "))
            if line.strip() and (
                indent > 8 * DEEPEST or (line.count("- ") > DEEPEST and not line.lstrip(" -").strip())
            ):
                raise ExperimentError(f"{self.path}:{number}: nested more than {DEEPEST} deep")

    def _walk(self, node: yaml.Node, keys: Keys, above: tuple[int, ...]) -> None:
        line = node.start_mark.line + 1
        self._count += 1
        if id(node) in above:
            raise ExperimentError(f"{self.path}:{line}: an alias that stands for a part of itself; write it out")
        if self._count > MOST_NODES:
            raise ExperimentError(f"{self.path}:{line}: aliases blow this file up to more than {MOST_NODES} values")
        if len(keys) > DEEPEST:
            raise ExperimentError(f"{self.path}:{line}: nested more than {DEEPEST} deep")
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise ExperimentError(f"{self.path}:{line}: a key must be a word, not a mapping or a list")
                at = (*keys, key.value)
                if at in self.lines and key.value != "<<":
                    raise ExperimentError(f"{self.path}:{key.start_mark.line + 1}: key {key.value!r} is given twice")
                self.lines[at] = key.start_mark.line + 1
                if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                    raise ExperimentError(
                        f"{self.path}:{key.start_mark.line + 1}: key {key.value!r} must be a word; put it in quotes"
                    )
                self._walk(value, at, inside)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*keys, index)] = value.start_mark.line + 1
                self._walk(value, (*keys, index), inside)
        elif node.tag in _NUMBERS and len(str(node.value)) > LONGEST_NUMBER:
            raise ExperimentError(f"{self.path}:{line}: a number of {len(str(node.value))} characters; at most 30")

    def validate(self, kind: type[T], data: Any, roots: tuple[Keys, ...] = ((),)) -> T:
        """``data`` as a model; key paths are looked up below each of ``roots``. Raises ExperimentError."""
        try:
            return kind.model_validate(data)
        except ValidationError as invalid:
            lines = []
            for problem in invalid.errors():
                keys = tuple(problem["loc"])
                key = str(keys[-1]) if keys else "(whole)"
                expected = problem["msg"].removeprefix("Value error, ")
                if problem["type"] == "extra_forbidden":
                    expected = f"unknown key; known here: {', '.join(_known(kind, keys[:-1]))}"
                elif problem["type"] != "missing":
                    expected = f"{expected} (given: {str(problem['input'])[:80]!r})" if keys else expected
                root = next((r for r in roots if (*r, *keys) in self.lines), roots[0])
                lines.append(str(self.error((*root, *keys), key, expected)))
            raise ExperimentError("\n".join(lines)) from invalid

    def error(self, keys: Keys, key: str, expected: str) -> ExperimentError:
        """An error at a key path, or at the nearest one above it that stands in the file."""
        while keys not in self.lines:
            keys = keys[:-1]
        return ExperimentError(f"{self.path}:{self.lines[keys]}: {key}: {expected}")


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with what ``over`` gives in its place, mappings merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class _Loader(yaml.SafeLoader):
    """SafeLoader without dates, of which nothing here is one, and whose errors all know their line."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            # What an explicit tag promises and the value does not keep: !!bool maybe, !!int "", impossible dates.
            wrong = f"{node.tag.removeprefix('tag:yaml.org,2002:')} that cannot be read: {str(error)[:200]}"
            raise ConstructorError(None, None, wrong, node.start_mark) from error


def _known(kind: type[BaseModel], keys: tuple[Any, ...]) -> list[str]:
    for key in keys:
        field = kind.model_fields.get(str(key))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return ["(see the schema)"]
        kind = field.annotation
    return list(kind.model_fields)
