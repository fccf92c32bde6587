"""The command line as a person meets it: exit status and one paragraph for everything that can go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hrssm import __version__
from hrssm.cli.app import run

ROOT = Path(__file__).parents[2]
TEXT = """\
id: e0_test
title: A test
group: alignment
question: Is it so?
setup: small
metrics: [mse]
does_not_show: []
first_seed: 3
base:
  data: {branching: 2, depth: 2, observation_dim: 6, embedding_dim: 3}
  training: {steps: 4, batch: 4, length: 3}
  model: {hidden: 8, encoder: {width: 8}}
  latent: {dim: 3}
  evaluation: {walks: 4, length: 3}
cells:
  hg: {latent: {family: hg}}
"""
BOX = str.maketrans("│╭╮╰╯─", "      ")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    (tmp_path / "scales.yaml").write_text("laptop: {seeds: 2}\n")
    file = tmp_path / "e0_test.yaml"
    file.write_text(TEXT)
    return file


@pytest.fixture
def hrssm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line in this process; gives exit status, what it printed and what it complained of."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hrssm", *map(str, arguments)])
        monkeypatch.setattr(signal, "signal", lambda *_: None)  # handlers belong to a process of its own
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run()
        printed = capsys.readouterr()
        errors = " ".join(printed.err.translate(BOX).split()) if "Usage:" in printed.err else printed.err
        return int(stopped.value.code or 0), printed.out, errors

    return call


def start(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "hrssm", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | environment,
    )


def test_train_evaluate_status(hrssm: Call, experiment: Path, tmp_path: Path) -> None:
    out = tmp_path / "results" / "laptop"
    status, printed, errors = hrssm(
        "train", experiment, "--cell", "hg", "--seeds", "2", "--out", out, "--device", "cpu"
    )
    assert status == 0, errors
    assert "e0_test/hg: step 4/4" in printed
    assert "member-steps/s" in printed
    look = ("status", tmp_path / "results")
    status, printed, _ = hrssm(*look)
    assert status == 0
    assert "e0_test/hg" in printed
    assert "trained, 2 seeds" in printed
    assert printed.splitlines()[-1] == "1 trained"
    status, _, errors = hrssm("evaluate", out)
    assert status == 0, errors
    assert "evaluated, 2 seeds" in hrssm(*look, "--verify")[1]
    (out / "e0_test/hg/manifest.json").unlink()
    assert hrssm(*look)[1].splitlines()[-1] == "1 interrupted"


def test_more_seeds_take_the_older_evaluation_away(hrssm: Call, experiment: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = ("train", experiment, "--out", out, "--device", "cpu", "--seeds")
    assert hrssm(*given, 2)[0] == 0
    assert hrssm("evaluate", out)[0] == 0
    status, _, errors = hrssm(*given, 3)
    assert status == 2
    assert "holds another run (seeds was [3, 4] and is [3, 4, 5])" in errors
    assert "--overwrite" in errors
    assert hrssm(*given, 3, "--overwrite")[0] == 0
    assert "trained, 3 seeds" in hrssm("status", out)[1]
    assert not (out / "e0_test/hg/evaluation.parquet").exists()


def test_status_counts_what_is_there(hrssm: Call, experiment: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("whole", "damaged", "stale", "gone"):
        assert hrssm("train", experiment, "--out", out / name, "--device", "cpu")[0] == 0
    (out / "damaged/e0_test/hg/manifest.json").write_text("[]")
    manifest = out / "stale/e0_test/hg/manifest.json"
    content = json.loads(manifest.read_text())
    content["sources"]["hrssm/training/loop.py"] = "0" * 16
    manifest.write_text(json.dumps(content))
    (out / "gone/e0_test/hg/metrics.parquet").unlink()
    status, printed, _ = hrssm("status", out)
    assert status == 1, "damage is not nothing"
    assert printed.splitlines()[-1] == "2 damaged; 1 stale; 1 trained"
    assert "damaged, " in printed
    assert "it holds no manifest but []" in printed
    assert "stale, sources changed: hrssm/training/loop.py" in printed
    assert "metrics.parquet is missing" in printed


@pytest.mark.parametrize("arguments", [("status", "nowhere"), ("status", "."), ("evaluate", "."), ("status",)])
def test_a_folder_without_runs_is_no_answer(
    hrssm: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, errors = hrssm(*arguments)
    assert status == 2
    assert "there is no such folder" in errors or "holds no run" in errors


def test_expected_errors_are_one_paragraph_and_exit_2(hrssm: Call, experiment: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(TEXT.replace("dim: 3}\n  eval", "dim: one}\n  eval"))
    seeds = tmp_path / "seeds.yaml"
    seeds.write_text(TEXT.replace("first_seed: 3", "first_seed: 2147483647"))
    cases = [
        (("train", broken), "broken.yaml:13: dim: Input should be a valid integer"),
        (("train", experiment, "--cell", "nobody"), "has no cell 'nobody'"),
        (("train", experiment, "--scale", "huge"), "there is no scale 'huge'; the scales are: laptop"),
        (("train", tmp_path / "missing.yaml"), "cannot be read (No such file or directory)"),
        (("train", tmp_path), "cannot be read (Is a directory)"),
        (("train", experiment, "--device", "abacus"), "device 'abacus' is unknown; give auto, cpu, cuda or mps"),
        (("train", seeds, "--seeds", 2), "seed 2147483648 is out of range; seeds are 0 to 2147483647"),
        (("train", experiment, "--seeds", 0), "Invalid value for '--seeds'"),
        (("train", experiment, "--seeds", -4), "Invalid value for '--seeds'"),
        (("train", experiment, "--seeds", 10**12), "Invalid value for '--seeds'"),
        (("train", experiment, "--seeds", "two"), "Invalid value for '--seeds'"),
        (("train", experiment, "--threads", -1), "Invalid value for '--threads'"),
        (("train", experiment, "--threads", 10**9), "Invalid value for '--threads'"),
        (("train", experiment, "--out", experiment), "Not a directory"),
        (("train", experiment, "--out", experiment / "below"), "Not a directory"),
        (("evaluate", tmp_path), "holds no run"),
        (("status", tmp_path / "nowhere"), "there is no such folder"),
    ]
    for arguments, words in cases:
        status, _, errors = hrssm(*arguments)
        assert status == 2, (arguments, errors)
        assert words in errors, (arguments, errors)
        assert "Traceback" not in errors, (arguments, errors)
    assert not (tmp_path / "runs").exists()


def test_a_mistake_in_a_program_keeps_its_traceback(
    hrssm: Call, experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        int("three")  # raised outside the package's own checks

    monkeypatch.setattr("hrssm.training.loop.train", broken)
    with pytest.raises(ValueError, match="invalid literal"):
        hrssm("train", experiment, "--out", tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("name", ["checkpoint.pt", "metrics.parquet", "manifest.json"])
def test_no_space_leaves_nothing_half_written(
    hrssm: Call, experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The disk is full when the file of this name is written."""
    from hrssm.records import record

    atomically = record.write_atomically

    def write(path: Path, fill: Callable[[Path], object]) -> None:
        def full(temporary: Path) -> None:
            fill(temporary)
            with Path("/dev/full").open("wb", buffering=0) as device:
                device.write(b"x")

        atomically(path, full if path.name == name else fill)

    monkeypatch.setattr(record, "write_atomically", write)
    out = tmp_path / "out"
    status, _, errors = hrssm("train", experiment, "--out", out, "--device", "cpu")
    assert status == 2
    assert "No space left on device" in errors
    assert "Make room" in errors
    files = ["checkpoint.pt", "metrics.parquet", "manifest.json"]
    whole = files[: files.index(name)]
    assert sorted(p.name for p in (out / "e0_test/hg").iterdir() if p.name != ".lock") == sorted(whole)
    monkeypatch.setattr(record, "write_atomically", atomically)
    status, printed, errors = hrssm("train", experiment, "--out", out, "--device", "cpu")
    assert status == 0, errors
    assert ("goes on from step 4" in printed) == (name != "checkpoint.pt")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_to_stop_keeps_what_was_done(experiment: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, a closed terminal, and what a batch system sends ahead of its limit."""
    experiment.write_text(TEXT.replace("steps: 4", "steps: 1000000"))
    out = tmp_path / "out"
    with start("train", experiment, "--out", out, "--device", "cpu") as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first progress line: it trains
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "nothing is lost" in errors
    assert (out / "e0_test/hg/checkpoint.pt").exists()
    assert not (out / "e0_test/hg/manifest.json").exists()


def test_help_describes_every_command(hrssm: Call) -> None:
    text = hrssm("--help")[1]
    for command in ("train", "evaluate", "status", "formulas", "show", "cite", "kl"):
        assert command in text
        assert "Usage" in hrssm(command, "--help")[1]


def test_the_version_is_told(hrssm: Call) -> None:
    assert hrssm("--version")[:2] == (0, f"{__version__}\n")
