"""Reading the plan and the runs: what is refused, and with which remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiments.report.plan import COLUMNS, Experiment, RecordError, at_the_end, read_manifest, read_plan, read_runs
from tests.report.synthetic import write_run


def small(plan: list[Experiment]) -> list[Experiment]:
    """Experiment 3 alone: four runs, none of them shared."""
    return [e for e in plan if e.id == "e3_seeds"]


@pytest.fixture
def runs(tmp_path: Path, plan: list[Experiment]) -> Path:
    for cell in small(plan)[0].cells.values():
        write_run(tmp_path, cell)
    return tmp_path


def test_the_plan_has_nine_experiments_in_order(plan: list[Experiment]) -> None:
    assert [e.number for e in plan] == list(range(1, 10))


def test_same_as_leads_to_the_run_of_another_experiment(plan: list[Experiment]) -> None:
    cell = plan[0].cells["hg-d16"]
    assert cell.source == ("e2_dimensions", "hg-d16")
    assert cell.run.latent.dim == 16


def test_a_shared_cell_shows_the_rows_of_its_run(results: Path, plan: list[Experiment]) -> None:
    frame, manifests = read_runs(results / "smoke", plan)
    own = frame[(frame.experiment == "e1_alignment") & (frame.cell == "hg-d16")]
    other = frame[(frame.experiment == "e2_dimensions") & (frame.cell == "hg-d16")]
    assert len(own) > 0
    assert own["value"].tolist() == other["value"].tolist()
    assert len({(m["experiment"], m["cell"]) for m in manifests}) == len(manifests)


def test_a_missing_run_names_the_remedy(runs: Path, plan: list[Experiment]) -> None:
    shutil.rmtree(runs / "e3_seeds" / "hg-d16")
    with pytest.raises(RecordError, match=r"e3_seeds/hg-d16 is missing: `make paper` trains"):
        read_runs(runs, small(plan))


def test_a_half_written_run_is_not_taken_for_whole(runs: Path) -> None:
    (runs / "e3_seeds" / "hg-d16" / "manifest.json").unlink()
    with pytest.raises(RecordError, match=r"not complete \(no manifest.json\)"):
        read_manifest(runs / "e3_seeds" / "hg-d16")


def test_runs_of_two_sources_are_refused(runs: Path, plan: list[Experiment]) -> None:
    write_run(runs, small(plan)[0].cells["gaussian-d16"], digest="older")
    with pytest.raises(RecordError, match=r"2 different sources.*digest older has e3_seeds/gaussian-d16"):
        read_runs(runs, small(plan))


def test_a_folder_without_experiments(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="run from the root"):
        read_plan(tmp_path)


def test_same_as_that_leads_nowhere(tmp_path: Path, plan: list[Experiment]) -> None:
    head = "title: T\ngroup: alignment\nquestion: Q\nsetup: S\nmetrics: []\ndoes_not_show: []\nfirst_seed: 0\n"
    (tmp_path / "e1_one.yaml").write_text(f"id: e1_one\n{head}cells: {{a: {{same_as: e1_one/b}}}}\n")
    with pytest.raises(RecordError, match="e1_one/b, named by e1_one/a, does not exist; allowed are a"):
        read_plan(tmp_path)
    (tmp_path / "e1_one.yaml").write_text(
        f"id: e1_one\n{head}cells: {{a: {{same_as: e1_one/b}}, b: {{same_as: e1_one/a}}}}\n"
    )
    with pytest.raises(RecordError, match="leads back to itself"):
        read_plan(tmp_path)


def test_training_s_own_numbers_are_final_at_the_last_step_only() -> None:
    rows = [
        ("e", "c", seed, 42, step, protocol, "trained", "in", "loss", float(step))
        for protocol in ("train", "published")
        for seed, steps in ((0, (1, 2, 3)), (1, (1, 2)))
        for step in steps
    ]
    final = at_the_end(pd.DataFrame(rows, columns=list(COLUMNS)).assign(final=False))
    assert final[["seed", "step", "protocol", "final"]].to_numpy().tolist() == [[0, 3, "train", True]]
