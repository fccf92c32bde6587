"""The command line as a person meets it: exit status and one paragraph for everything that can go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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


def hrssm(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hrssm", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, **options)


def test_train_evaluate_status(experiment, tmp_path):
    out = tmp_path / "results" / "laptop"
    done = hrssm("train", experiment, "--cell", "hg", "--seeds", "2", "--out", out, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "e0_test/hg: step 4/4" in done.stdout
    assert "member-steps/s" in done.stdout
    seen = hrssm("status", tmp_path / "results", "--experiments", tmp_path)
    assert "trained, not evaluated, 2 seeds" in seen.stdout
    done = hrssm("evaluate", out)
    assert done.returncode == 0, done.stderr
    seen = hrssm("status", tmp_path / "results", "--experiments", tmp_path)
    assert "evaluated, 2 seeds" in seen.stdout
    (out / "e0_test/hg/manifest.json").unlink()
    seen = hrssm("status", tmp_path / "results", "--experiments", tmp_path)
    assert "interrupted, goes on from its checkpoint" in seen.stdout


def test_expected_errors_are_one_paragraph_and_exit_2(experiment, tmp_path):
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
        done = hrssm(*arguments)
        assert done.returncode == 2, (arguments, done)
        assert words in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr, (arguments, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
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


def test_help_describes_every_command():
    text = hrssm("--help").stdout
    for command in ("train", "evaluate", "status"):
        assert command in text
        assert "Usage" in hrssm(command, "--help").stdout
