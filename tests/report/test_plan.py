"""Reading the runs of a plan: what is refused, and with which remedy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiments.report.plan import _at_the_end, read_runs
from hrssm.experiment.experiment import Experiment
from hrssm.records.record import COLUMNS, RecordError, write_json
from tests.report.synthetic import SCALE, SHRUNK, STEPS, invent_all


@pytest.fixture
def small(plan: dict[str, Experiment]) -> dict[str, Experiment]:
    """Experiment 3 alone: four runs, none of them shared."""
    return {"e3_seeds": plan["e3_seeds"]}


@pytest.fixture
def runs(tmp_path: Path, small: dict[str, Experiment]) -> Path:
    invent_all(tmp_path, small)
    return tmp_path


def test_the_write_up_s_experiments_stand_in_its_order(plan: dict[str, Experiment]) -> None:
    assert [e.number for e in plan.values()] == list(range(1, 10))
    assert all(id == experiment.id == experiment.path.stem for id, experiment in plan.items())


def test_same_as_leads_to_the_run_of_another_experiment(plan: dict[str, Experiment]) -> None:
    cell = plan["e1_alignment"].cells["hg-d16"]
    assert cell.source == ("e2_dimensions", "hg-d16")
    assert cell.of == plan["e2_dimensions"].cells["hg-d16"].of
    assert "hg-d16" not in plan["e1_alignment"].own()


def test_a_shared_cell_shows_the_rows_of_its_run(results: Path, plan: dict[str, Experiment]) -> None:
    frame, manifests = read_runs(results / SCALE, plan, SHRUNK)
    own = frame[(frame.experiment == "e1_alignment") & (frame.cell == "hg-d16")]
    other = frame[(frame.experiment == "e2_dimensions") & (frame.cell == "hg-d16")]
    assert len(own) > 0
    assert own["value"].tolist() == other["value"].tolist()
    owned = {(e.id, cell) for e in plan.values() for cell in e.own()}
    assert set(manifests) == owned, "each run once, however many cells show it"


def test_every_row_keeps_what_its_run_recorded(runs: Path, small: dict[str, Experiment]) -> None:
    frame, _ = read_runs(runs, small, SHRUNK)
    directory = runs / "e3_seeds" / "hg-d16"
    mine = frame[frame.cell == "hg-d16"]
    recorded = pd.read_parquet(directory / "evaluation.parquet")
    final = mine[mine.final & (mine.protocol != "train")]
    pd.testing.assert_frame_equal(final[list(COLUMNS)].reset_index(drop=True), recorded)
    assert set(mine["track"]) == {"published"}
    assert set(frame[frame.cell == "intended-hg-d16"]["track"]) == {"intended"}
    train = mine[mine.final & (mine.protocol == "train")]
    assert set(train["step"]) == {STEPS[-1]}


def test_a_missing_run_names_the_remedy(runs: Path, small: dict[str, Experiment]) -> None:
    shutil.rmtree(runs / "e3_seeds" / "hg-d16")
    with pytest.raises(RecordError, match=r"e3_seeds/hg-d16 is missing: `make paper` makes what is missing again"):
        read_runs(runs, small, SHRUNK)


@pytest.mark.parametrize(
    ("gone", "word"),
    [
        ("manifest.json", "interrupted"),
        ("metrics.parquet", r"damaged \(.*metrics.parquet cannot be read"),
        ("checkpoint.pt", r"damaged \(.*checkpoint.pt cannot be read"),
        ("evaluation.json", "trained"),
        ("evaluation.parquet", r"damaged \(.*evaluation.parquet cannot be read"),
    ],
)
def test_a_half_written_run_is_not_taken_for_whole(
    runs: Path, small: dict[str, Experiment], gone: str, word: str
) -> None:
    (runs / "e3_seeds" / "hg-d16" / gone).unlink()
    with pytest.raises(RecordError, match=f"e3_seeds/hg-d16 is {word}"):
        read_runs(runs, small, SHRUNK)


@pytest.mark.parametrize("name", ["metrics.parquet", "evaluation.parquet", "checkpoint.pt"])
def test_one_flipped_bit_is_seen(runs: Path, small: dict[str, Experiment], name: str) -> None:
    file = runs / "e3_seeds" / "hg-d16" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(RecordError, match=f"hg-d16 is damaged .*{name} is damaged: its SHA-256 is"):
        read_runs(runs, small, SHRUNK)


def test_runs_of_other_sources_are_refused(runs: Path, small: dict[str, Experiment]) -> None:
    path = runs / "e3_seeds" / "gaussian-d16" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["sources"]["hrssm/training/loop.py"] = "0123456789abcdef"
    write_json(path, manifest)
    with pytest.raises(RecordError, match=r"gaussian-d16 is stale \(sources changed: hrssm/training/loop\.py\)"):
        read_runs(runs, small, SHRUNK)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"steps": 0.9}, r"settings_digest was '\w+' and is"), ({"seeds": 6}, r"seeds was \[.*\] and is \[")],
)
def test_runs_of_another_scale_are_refused(runs: Path, small: dict[str, Experiment], change: dict, words: str) -> None:
    with pytest.raises(RecordError, match=rf"is stale \({words}"):
        read_runs(runs, small, SHRUNK.model_copy(update=change))


def test_an_evaluation_of_an_older_training_is_refused(runs: Path, small: dict[str, Experiment]) -> None:
    directory = runs / "e3_seeds" / "hg-d16"
    manifest = directory / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"wall_seconds":', '"wall_seconds" :'))
    with pytest.raises(RecordError, match=r"hg-d16 is trained \(its evaluation is of another training\)"):
        read_runs(runs, small, SHRUNK)


def test_training_s_own_numbers_are_final_at_the_last_step_only() -> None:
    rows = [
        ("e", "c", seed, 42, step, protocol, "trained", "in", "loss", float(step))
        for protocol in ("train", "published")
        for seed, steps in ((0, (1, 2, 3)), (1, (1, 2)))
        for step in steps
    ]
    final = _at_the_end(pd.DataFrame(rows, columns=list(COLUMNS)).assign(final=False))
    assert final[["seed", "step", "protocol", "final"]].to_numpy().tolist() == [[0, 3, "train", True]]
