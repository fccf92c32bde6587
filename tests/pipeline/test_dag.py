"""A stale result never passes for a fresh one: the real Snakefile, at smoke scale, in a copy of the project."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.pipeline.checkout import EXPERIMENT, TARGETS, command, copy, environment, make, verified

# One worker runs them all: they share a checkout.
pytestmark = [pytest.mark.slow, pytest.mark.dag, pytest.mark.xdist_group("dag")]
CELLS = ("hg", "gaussian")
#: A file of each room, what must be made again when it is edited, and how many runs run it.
ROOMS = {
    "hrssm/geometry/horospherical.py": ("train", 1),
    "hrssm/distributions/horospherical_gaussian.py": ("train", 1),
    "hrssm/latents/horospherical.py": ("train", 1),
    "hrssm/networks/gru.py": ("train", 2),
    "hrssm/environments/tree.py": ("train", 2),
    "hrssm/systems/rssm/model.py": ("train", 2),
    "hrssm/records/record.py": ("train", 2),
    "hrssm/training/loop.py": ("train", 2),
    "hrssm/training/score.py": ("evaluate", 2),
    "hrssm/systems/rssm/evaluate.py": ("evaluate", 2),
    "experiments/report/tables.py": ("tables", 0),
    "hrssm/cli/app.py": ("nothing", 0),
    "hrssm/latents/wrapped_normal.py": ("nothing", 0),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout, in a folder whose name holds a space and an umlaut, whose pipeline has run."""
    folder = copy(tmp_path_factory.mktemp("dag") / "a chèckout für τ")
    done = make(folder)
    assert done.returncode == 0, done.stdout
    return folder


def runs(folder: Path) -> dict[str, tuple[int, int]]:
    """When each run was trained, and when it was evaluated."""
    of = folder / "results" / "smoke" / "e3_seeds"
    return {
        c: ((of / c / "manifest.json").stat().st_mtime_ns, (of / c / "evaluation.json").stat().st_mtime_ns)
        for c in CELLS
    }


def made(folder: Path) -> list[int]:
    return [(folder / target).stat().st_mtime_ns for target in TARGETS]


def edit(folder: Path, file: str) -> None:
    path = folder / file
    path.write_text(path.read_text(encoding="utf-8") + f"# edited at {time.monotonic_ns()}\n", encoding="utf-8")


def test_a_second_call_makes_nothing_again(checkout: Path) -> None:
    before = runs(checkout), made(checkout)
    done = make(checkout)
    assert done.returncode == 0, done.stdout
    assert (runs(checkout), made(checkout)) == before


@pytest.mark.parametrize("file", ROOMS)
def test_an_edit_is_answered_in_the_first_call_and_in_words(checkout: Path, file: str) -> None:
    what, count = ROOMS[file]
    before, results = runs(checkout), made(checkout)
    edit(checkout, file)
    done = make(checkout)
    assert done.returncode == 0, done.stdout
    trained = sum(before[c][0] != runs(checkout)[c][0] for c in CELLS)
    evaluated = sum(before[c][1] != runs(checkout)[c][1] for c in CELLS)
    runs_are = "1 run is" if count == 1 else f"{count} runs are"
    if what == "train":
        assert (trained, evaluated) == (count, count), done.stdout
        assert f"sources of these runs changed: {runs_are} stale: sources changed: {file}" in done.stdout
    elif what == "evaluate":
        assert (trained, evaluated) == (0, count), done.stdout
        assert f"sources of these runs changed: {runs_are} to be evaluated again" in done.stdout
        assert file in done.stdout
    else:
        assert (trained, evaluated) == (0, 0), done.stdout
        assert "stale" not in done.stdout
    assert (made(checkout)[1] != results[1]) == (what != "nothing"), "the table stands on what changed"


def test_a_change_of_settings_and_one_of_sources_at_once(checkout: Path) -> None:
    file = checkout / "experiments" / "rssm" / "e3_seeds.yaml"
    file.write_text(EXPERIMENT.replace("hg: {latent: {family: hg, dim: 4}}", "hg: {latent: {family: hg, dim: 6}}"))
    before = runs(checkout)
    done = make(checkout)
    assert done.returncode == 0, done.stdout
    assert [before[c] != runs(checkout)[c] for c in CELLS] == [True, False]
    assert "stale: 1 run is stale: settings_digest was" in done.stdout
    file.write_text(EXPERIMENT)
    edit(checkout, "hrssm/networks/gru.py")
    edit(checkout, "derivations/engine/kernel.py")  # the proofs too: their stamp must not stand in the way
    before = runs(checkout)
    done = make(checkout)
    assert done.returncode == 0, done.stdout
    assert [before[c] != runs(checkout)[c] for c in CELLS] == [True, True]
    assert "settings_digest was" in done.stdout
    assert "sources changed: hrssm/networks/gru.py" in done.stdout
    ledger = json.loads((checkout / TARGETS[0]).read_text())
    manifest = json.loads((checkout / "results/smoke/e3_seeds/hg/manifest.json").read_text())
    assert manifest["settings"]["latent"]["dim"] == 4
    assert ledger["claims"][0]["rule"].endswith("of HG, d = 4 is larger than 0")


@pytest.mark.parametrize(
    "name", ["manifest.json", "metrics.parquet", "checkpoint.pt", "evaluation.json", "evaluation.parquet"]
)
def test_a_flipped_bit_is_named_set_aside_and_made_again(checkout: Path, name: str) -> None:
    path = checkout / "results" / "smoke" / "e3_seeds" / "hg" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if name.endswith(("parquet", "pt")) else 0] ^= 1
    path.write_bytes(content)
    before = runs(checkout)
    done = make(checkout)
    assert done.returncode == 0, done.stdout
    assert "damaged: 1 run is damaged" in done.stdout
    assert before["gaussian"] == runs(checkout)["gaussian"], "nothing else is lost"
    assert [p for p in path.parent.iterdir() if p.name.startswith(f"{name}.damaged-")]
    again = runs(checkout), made(checkout)
    assert make(checkout).returncode == 0
    assert (runs(checkout), made(checkout)) == again


def test_after_kill_9_the_same_command_goes_on(checkout: Path) -> None:
    edit(checkout, "hrssm/systems/rssm/model.py")
    verified(checkout)
    with subprocess.Popen(
        command(), cwd=checkout, env=environment(checkout), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if "train: e3_seeds" in line:
                break
        os.killpg(process.pid, signal.SIGKILL)  # Snakemake and what it had started
    assert list((checkout / ".snakemake" / "locks").iterdir()), "Snakemake's own lock is left behind"
    done = make(checkout)
    assert done.returncode == 0, done.stdout
    assert "unlock" not in done.stdout


def test_two_at_once_are_one_too_many(checkout: Path) -> None:
    code = "import sys, time; from pathlib import Path; from hrssm.records.lock import hold\n"
    code += "hold(Path('results/.lock'), 'x'); print('held', flush=True); time.sleep(600)"
    with subprocess.Popen(
        [command()[0], "-c", code], cwd=checkout, env=environment(checkout), stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        done = make(checkout)
        other.kill()
    assert done.returncode != 0
    assert f"this checkout's results is in the hands of another process (number {other.pid})" in done.stdout


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("scal=smoke", "--config scal=...: unknown; known are scale, device and systems"),
        ("scale=huge", "there is no scale 'huge'; the scales are: smoke"),
        ("device=abacus", "--config device=abacus: unknown; known are auto, cpu, cuda, mps"),
        ("systems=chess", "holds no experiment of chess; it has those of rssm"),
        ("systems=rssm;touch${IFS}x", "holds no experiment of rssm;touch"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused_in_words(checkout: Path, config: str, words: str) -> None:
    arguments = [*command()[:-3], "--config", *([] if config.startswith("scale") else ["scale=smoke"]), config]
    done = subprocess.run(
        arguments, cwd=checkout, env=environment(checkout), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode != 0
    assert words in done.stdout
    assert "Traceback" not in done.stdout
    assert not (checkout / "x").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_none_needed(checkout: Path) -> None:
    home = checkout.parent / "sealed"
    home.mkdir(mode=0o500, exist_ok=True)
    edit(checkout, "hrssm/training/score.py")
    verified(checkout)
    sealed = environment(checkout) | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    done = subprocess.run(
        command(), cwd=checkout, env=sealed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
