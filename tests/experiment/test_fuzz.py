"""Experiment files that nobody would write: whatever is in them, nothing but an ExperimentError ever comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hrssm.experiment.experiment import Experiment, ExperimentError, load

ROOT = Path(__file__).parents[2]
TEXTS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "experiments").glob("*/*_*.yaml"))]
#: What a value may be replaced by: of another type, out of range, tagged, nested, aliased, in no encoding.
VALUES = [
    "",
    "null",
    "~",
    "true",
    '"40"',
    "-1",
    "0",
    "1",
    "1e9",
    "1e400",
    "-.inf",
    ".nan",
    "9" * 25,
    "9" * 5000,
    "0x10",
    "0b2",
    "1:60",
    "2026-13-45",
    "!!timestamp nonsense",
    "!!bool maybe",
    '!!int ""',
    "!!int 0x",
    "!!float x",
    "!!binary ö",
    "!!null 3",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!pairs [a]",
    "!!python/object:os.system",
    "!local x",
    "{}",
    "[]",
    "[[]]",
    "{a: 1}",
    "{? [a] : 1}",
    "{1: 2}",
    "{null: 1}",
    "&a [*a]",
    "*nowhere",
    "<<",
    "{<<: 3}",
    "{<<: [1]}",
    "{<<: {a: 1}, a: 2}",
    "[" * 30,
    "{a: " * 30,
    "- - - - -",
    "? ? ? ?",
    "|",
    ">",
    "'",
    '"',
    '"\\x00"',
    '"\\ud800"',
    "\x07",
    "\ufeff",
    "\u2028",
    "%YAML 9.9",
    "---",
    "...",
    "#",
    "@",
    "`",
    "../../x",
    "hg/../..",
    "a\tb",
    "rssm",
    "vae",
    "e1_alignment/hg-d16",
    "1.7976931348623157e308",
    "5e-324",
    "10000000",
    "2147483648",
    "yes",
    "=",
]


@st.composite
def edited(draw: st.DrawFn) -> bytes:
    """A file of the project with a few values, keys, lines or bytes replaced."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        places = list(re.finditer(r"(?<=: )[^\s{}\[\],][^\n{}\[\],]*|[\w-]+(?=:)|(?<=, )[\w.-]+", text))
        place = draw(st.sampled_from(places)) if places else None
        kind = draw(st.sampled_from(["value", "value", "value", "line", "cut", "repeat", "text"]))
        if kind == "value" and place is not None:
            text = text[: place.start()] + draw(st.sampled_from(VALUES)) + text[place.end() :]
        elif kind == "text" and place is not None:
            text = text[: place.start()] + draw(st.text(max_size=20)) + text[place.end() :]
        else:
            lines = text.splitlines(keepends=True) or [""]
            at = draw(st.integers(0, len(lines) - 1))
            if kind == "line":
                lines[at] = draw(st.sampled_from(VALUES)) + "\n"
            elif kind == "cut":
                del lines[at]
            else:
                lines.insert(at, " " * draw(st.integers(0, 3)) + lines[at])
            text = "".join(lines)
    raw = text.encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        raw = raw[:at] + draw(st.binary(max_size=3)) + raw[at + draw(st.integers(0, 3)) :]
    return raw


CONTENTS = st.one_of(
    edited(),
    edited(),
    edited(),
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda s: s.encode("utf-8", "surrogatepass")),
)


def check(folder: Path, content: bytes) -> None:
    file = folder / "e0_fuzz.yaml"
    file.write_bytes(content)
    try:
        found = load(file)
    except ExperimentError as error:
        words = str(error)
    else:
        words = f"{file}: an experiment"
        assert isinstance(found, Experiment)
        for let_through in found.own().values():
            let_through.digest()
    assert words.startswith(str(file))


def fuzz(folder: Path, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )  # fmt: skip
    @given(CONTENTS)
    def run(content: bytes) -> None:
        check(folder, content)

    run()


def test_sixty_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 60)


@pytest.mark.slow
def test_two_thousand_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 2000)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_every_strange_value_in_every_kind_of_place(tmp_path: Path, value: str) -> None:
    text = (ROOT / "experiments" / "rssm" / "e3_seeds.yaml").read_text(encoding="utf-8")
    for old in ("steps: 2000", "dim: 16", "e3_seeds", "first_seed: 0", "hg-d16: {", "against: 0.0", "draw: curves"):
        assert old in text
        key, _, _ = old.partition(": ")
        content = text.replace(old, f"{key}: {value}" if ": " in old else value, 1)
        check(tmp_path, content.encode("utf-8", "surrogatepass"))
