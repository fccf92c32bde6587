"""Damage has a way out: what is truncated, empty, flipped, foreign or gone is named, set aside, and made again."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from hrssm.records.record import RecordError, file_digest, read_json, write_json
from hrssm.records.run import find, inspect
from hrssm.systems.kinds import kind
from hrssm.training import checkpoint
from tests.systems.test_every_kind import interrupted_at
from tests.systems.tiny import CPU, evaluate, go, tiny

SEEDS = [3, 4]
TRAINED = ("manifest.json", "metrics.parquet", "checkpoint.pt")
EVALUATED = ("evaluation.json", "evaluation.parquet")


class Bomb:
    """Unpickled, it would run a command."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, ("touch exploded",)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    # Within a manifest's strings a bit makes another name or digest of it, which is stale, not damaged.
    content[0 if path.suffix == ".json" else len(content) // 3] ^= 4
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": truncate,
    "empty": lambda path: path.write_bytes(b""),
    "flipped": flip,
    "foreign": lambda path: path.write_bytes(b"PK\x03\x04 something else entirely"),
    "gone": lambda path: path.unlink(),
    "malicious": lambda path: path.write_bytes(pickle.dumps(Bomb())),
}
JSON = {
    "list": lambda path: path.write_text("[]"),
    "nothing": lambda path: path.write_text("{}"),
    "null": lambda path: path.write_text("null"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "types": lambda path: path.write_text(path.read_text().replace('"files": {', '"files": [], "were": {')),
}
CASES = [(name, how) for name in (*TRAINED, *EVALUATED) for how in DAMAGE]
CASES += [(name, how) for name in ("manifest.json", "evaluation.json") for how in JSON]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is trained and evaluated."""
    folder = tmp_path_factory.mktemp("whole")
    go(tiny(), SEEDS, folder)
    evaluate(tiny(), folder)
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(whole, tmp_path / "run"))


def harm(path: Path, how: str) -> None:
    (DAMAGE | JSON)[how](path)


def numbers(directory: Path) -> tuple[pd.DataFrame, dict[str, torch.Tensor]]:
    learned = checkpoint.load(directory / "checkpoint.pt", CPU)["learner"]["model"]
    return pd.read_parquet(directory / "metrics.parquet"), learned


def same(one: Path, other: Path) -> bool:
    (curves, weights), (others, others_weights) = numbers(one), numbers(other)
    return curves.equals(others) and all(torch.equal(weights[name], others_weights[name]) for name in weights)


@pytest.mark.parametrize(("name", "how"), CASES)
def test_training_again_makes_whole_what_was_damaged(run: Path, whole: Path, name: str, how: str) -> None:
    harm(run / name, how)
    state = inspect(run)
    assert state.word != "evaluated"
    if name not in ("manifest.json", "evaluation.json") or how != "gone":
        assert state.word == "damaged"
        assert name in state.reason
        assert state.damaged == (run / name,)
    said: list[str] = []
    go(tiny(), SEEDS, run, say=said.append)
    assert inspect(run).word in ("trained", "evaluated")
    assert same(run, whole)
    if how != "gone":
        assert (run / f"{name}.damaged-1").exists(), "set aside under a name that says so"
        assert any(name in line and "set aside" in line for line in said)
    evaluate(tiny(), run)
    assert inspect(run).word == "evaluated"
    pd.testing.assert_frame_equal(
        pd.read_parquet(run / "evaluation.parquet"), pd.read_parquet(whole / "evaluation.parquet")
    )
    assert not Path("exploded").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how"), CASES)
def test_evaluating_refuses_what_is_damaged_and_training_goes_on(run: Path, whole: Path, name: str, how: str) -> None:
    harm(run / name, how)
    if name in TRAINED:
        with pytest.raises(RecordError) as caught:
            evaluate(tiny(), run)
        words = str(caught.value)
        assert "weights_only" not in words, "no advice to load it anyway"
        if (name, how) != ("manifest.json", "gone"):
            assert name in words
        assert "Give the command that trained it again" in words or "give the command that trained it again" in words
        go(tiny(), SEEDS, run)
    evaluate(tiny(), run)
    assert inspect(run).word == "evaluated"
    assert same(run, whole)


@pytest.mark.parametrize("how", DAMAGE)
def test_an_interrupted_run_with_a_damaged_checkpoint_starts_over(tmp_path: Path, whole: Path, how: str) -> None:
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="was stopped at step 7"):
        go(tiny(), SEEDS, run, build=interrupted_at(7, kind("rssm").build))
    harm(run / "checkpoint.pt", how)
    said: list[str] = []
    go(tiny(), SEEDS, run, say=said.append)
    assert same(run, whole)
    if how != "gone":
        assert (run / "checkpoint.pt.damaged-1").exists()
        assert any("starts over" in line for line in said)


def test_overwrite_is_no_circle(run: Path, whole: Path) -> None:
    """Where the checkpoint is damaged, so that nothing can be loaded, --overwrite trains again."""
    harm(run / "checkpoint.pt", "flipped")
    with pytest.raises(RecordError, match=r"set aside as checkpoint.pt.damaged-1"):
        evaluate(tiny(), run)
    go(tiny(), SEEDS, run, overwrite=True)
    assert inspect(run).word == "trained"
    assert same(run, whole)


def test_every_flipped_bit_is_seen(run: Path) -> None:
    """A bit in each of 60 places, in every file of the run, is noticed before a number of it is used."""
    for name in (*TRAINED, *EVALUATED):
        path = run / name
        content = path.read_bytes()
        for k in range(60):
            flipped = bytearray(content)
            flipped[k * len(content) // 60] ^= 1 << (k % 8)
            path.write_bytes(flipped)
            state = inspect(run)
            assert state.word != "evaluated" or name == "manifest.json" or name == "evaluation.json", (name, k)
            if name == "checkpoint.pt":
                with pytest.raises(RecordError):
                    checkpoint.load(path, CPU)
        path.write_bytes(content)
    assert inspect(run).word == "evaluated"


def test_a_flipped_bit_in_a_manifest_is_seen_by_its_evaluation(run: Path) -> None:
    """The manifest is vouched for by the evaluation of it: what it says cannot change in silence."""
    path = run / "manifest.json"
    content = path.read_bytes()
    for k in range(200):
        flipped = bytearray(content)
        flipped[k * len(content) // 200] ^= 1 << (k % 7)
        path.write_bytes(flipped)
        assert inspect(run).word != "evaluated", k


def test_damaged_files_never_overwrite_each_other(run: Path) -> None:
    for number in (1, 2, 3):
        harm(run / "metrics.parquet", "empty")
        go(tiny(), SEEDS, run)
        assert (run / f"metrics.parquet.damaged-{number}").exists()
    assert find([run.parent]) == [run], "what was set aside is no run"


def test_what_a_killed_writer_left_is_taken_away(run: Path) -> None:
    for name in (*TRAINED, *EVALUATED):
        (run / f".{name}.k1ll3d").write_bytes(b"half")
    go(tiny(), SEEDS, run)
    assert not list(run.glob(".*k1ll3d"))
    assert inspect(run).word == "evaluated"


def test_a_run_of_another_machine_s_sources_is_told_apart(run: Path) -> None:
    manifest = read_json(run / "manifest.json")
    manifest["sources"]["hrssm/gone.py"] = "0" * 16
    write_json(run / "manifest.json", manifest)
    assert inspect(run).word == "stale"
    with pytest.raises(RecordError, match=r"sources changed: hrssm/gone.py; numbers of different sources must not be"):
        evaluate(tiny(), run)


def test_malicious_checkpoints_with_a_right_checksum_are_refused_as_well(run: Path) -> None:
    import hashlib

    payload = pickle.dumps({"learner": Bomb()})
    head = b"hrssm checkpoint 1 sha256 " + hashlib.sha256(payload).hexdigest().encode() + b"\n"
    (run / "checkpoint.pt").write_bytes(head + payload)
    with pytest.raises(RecordError, match="holds more than data, and was not loaded") as caught:
        checkpoint.load(run / "checkpoint.pt", CPU)
    assert "weights_only" not in str(caught.value)
    assert not Path("exploded").exists()


def test_a_limit_on_file_size_is_an_error_of_the_machine(tmp_path: Path) -> None:
    """PyTorch would raise a RuntimeError of its own in the middle of its file."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from tests.systems.tiny import go, tiny\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "try: go(tiny(), [3], Path(sys.argv[1]))\n"
        "except OSError as error: print(error.strerror)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.strip() == "File too large", done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_results_that_cannot_be_written_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    built: list[object] = []
    with pytest.raises(OSError, match="Not a directory"):
        go(tiny(), SEEDS, tmp_path / "file" / "run", build=built.append)
    assert not built
    if os.geteuid() != 0:
        sealed = tmp_path / "sealed"
        sealed.mkdir(mode=0o500)
        with pytest.raises(PermissionError):
            go(tiny(), SEEDS, sealed / "run", build=built.append)
        assert not built


def test_digests_in_a_manifest_are_those_of_its_files(whole: Path) -> None:
    manifest, evaluation = read_json(whole / "manifest.json"), read_json(whole / "evaluation.json")
    assert manifest["files"] == {name: file_digest(whole / name) for name in ("metrics.parquet", "checkpoint.pt")}
    assert evaluation["files"] == {"evaluation.parquet": file_digest(whole / "evaluation.parquet")}
    assert evaluation["of"] == file_digest(whole / "manifest.json")
