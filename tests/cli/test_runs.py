"""The command line as a person meets it: exit status and one paragraph for everything that can go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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
  environment: {branching: 2, depth: 2, observation_dim: 6, embedding_dim: 3}
  training: {steps: 4, batch: 4, length: 3}
  model: {hidden: 8, embedding: 8}
  latent: {dim: 3}
  evaluation: {walks: 4, length: 3}
cells:
  hg: {latent: {family: hg}}
"""


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "scales.yaml").write_text("laptop: {seeds: 2}\n")
    file = tmp_path / "e0_test.yaml"
    file.write_text(TEXT)
    return file


@pytest.fixture
def hrssm(monkeypatch, capsys):
    """Call the command line in this process; gives exit status, what it printed and what it complained of."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hrssm", *map(str, arguments)])
        monkeypatch.setattr(signal, "signal", lambda *_: None)  # handlers belong to a process of its own
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return call


def test_train_evaluate_status(hrssm, experiment, tmp_path):
    out = tmp_path / "results" / "laptop"
    status, printed, errors = hrssm(
        "train", experiment, "--cell", "hg", "--seeds", "2", "--out", out, "--device", "cpu"
    )
    assert status == 0, errors
    assert "e0_test/hg: step 4/4" in printed
    assert "member-steps/s" in printed
    look = ("status", tmp_path / "results", "--experiments", tmp_path)
    assert "trained, not evaluated, 2 seeds" in hrssm(*look)[1]
    status, _, errors = hrssm("evaluate", out)
    assert status == 0, errors
    assert "evaluated, 2 seeds" in hrssm(*look)[1]
    (out / "e0_test/hg/manifest.json").unlink()
    assert "interrupted, goes on from its checkpoint" in hrssm(*look)[1]


def test_expected_errors_are_one_paragraph_and_exit_2(hrssm, experiment, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text(TEXT.replace("dim: 3", "dim: one"))
    cases = [
        (("train", broken), "broken.yaml:13: dim: Input should be a valid integer"),
        (("train", experiment, "--cell", "nobody"), "has no cell 'nobody'"),
        (("train", experiment, "--scale", "huge"), "there is no scale 'huge'"),
        (("train", tmp_path / "missing.yaml"), "cannot be read (No such file or directory)"),
        (("train", experiment, "--device", "abacus"), "device 'abacus' is unknown; give auto, cpu or cuda"),
        (("evaluate", tmp_path), "holds no run"),
        (("status", tmp_path, "--experiments", tmp_path / "nowhere"), "scales.yaml: cannot be read"),
    ]
    for arguments, words in cases:
        status, _, errors = hrssm(*arguments)
        assert status == 2, (arguments, errors)
        assert words in errors, (arguments, errors)
        assert "Traceback" not in errors, (arguments, errors)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_mistake_in_a_program_keeps_its_traceback(hrssm, experiment, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        int("three")  # raised outside the package's own checks

    monkeypatch.setattr("hrssm.cli.runs.train_run", broken)
    with pytest.raises(ValueError, match="invalid literal"):
        hrssm("train", str(experiment), "--out", str(tmp_path))


def test_no_space_leaves_nothing_half_written(experiment, tmp_path):
    code = (
        "import hrssm.training.record as r, hrssm.training.loop as l\n"
        "def fill(path): open('/dev/full', 'w', buffering=1).write('x' * 99999)\n"
        "def full(path, rows): r.write_atomically(path, fill)\n"
        "l.write_rows = full\n"
        "import sys; sys.argv = sys.argv[1:]\n"
        "from hrssm.cli import main; main()"
    )
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", code, "hrssm", "train", str(experiment), "--out", str(out)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 2, done
    assert "No space left on device" in done.stderr
    assert "Make room" in done.stderr
    assert sorted(p.name for p in (out / "e0_test/hg").iterdir()) == ["checkpoint.pt"]


def test_ctrl_c_keeps_what_was_done(experiment, tmp_path):
    experiment.write_text(TEXT.replace("steps: 4", "steps: 1000000"))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "hrssm", "train", str(experiment), "--out", str(out)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first progress line: it trains
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "nothing is lost" in errors
    assert (out / "e0_test/hg/checkpoint.pt").exists()
    assert not (out / "e0_test/hg/manifest.json").exists()


def test_help_describes_every_command(hrssm):
    text = hrssm("--help")[1]
    for command in ("train", "evaluate", "status", "formulas", "show", "cite", "kl"):
        assert command in text
        assert "Usage" in hrssm(command, "--help")[1]
