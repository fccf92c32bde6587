"""Claims are decided by their stated rule, paired by seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.report.ledger import formula_claims, judge, main, paired
from experiments.report.plan import Experiment
from tests.report.conftest import EXPERIMENTS

SIDE = {"control": "trained", "protocol": "published", "distribution": "in", "absolute": False}


def claim(relation: str, against: float | dict, **quantity: object) -> dict:
    left = {"cell": "hg-d16", "metric": "rho_height", **SIDE, **quantity}
    return {
        "id": "x",
        "statement": "s",
        "source": "t",
        "quantity": left,
        "against": against,
        "relation": relation,
    }


def shifted(summary: pd.DataFrame, values: list[float], control: str = "trained") -> pd.DataFrame:
    """The summary of experiment 3 with the alignment of hg-d16 replaced."""
    frame = summary[summary["experiment"] == "e3_seeds"].copy()
    rows = (frame["cell"] == "hg-d16") & (frame["metric"] == "rho_height") & frame["final"]
    rows &= (frame["control"] == control) & (frame["protocol"] == "published")
    frame.loc[rows, "values"] = pd.Series([np.array(values)] * int(rows.sum()), index=frame.index[rows])
    return frame


@pytest.fixture
def e3(plan: list[Experiment]) -> Experiment:
    return plan[2]


def test_the_verdict_follows_the_data(summary: pd.DataFrame, e3: Experiment) -> None:
    above = shifted(summary, [0.30, 0.31, 0.32, 0.33, 0.34])
    assert judge(claim(">", 0.0), e3, above)["verdict"] == "holds"
    assert judge(claim("<", 0.0), e3, above)["verdict"] == "fails"
    spread = shifted(summary, [-0.5, 0.5, -0.4, 0.6, 0.1])
    decided = judge(claim(">", 0.0), e3, spread)
    assert (decided["verdict"], decided["positive"]) == ("undecided", 3)
    assert judge(claim(">", 0.2, absolute=True), e3, spread)["quantity"]["mean"] == pytest.approx(0.42)


def test_sides_are_paired_by_seed(summary: pd.DataFrame, e3: Experiment) -> None:
    # Seeds differ by far more than the two controls do; only the pairing can see the difference.
    frame = shifted(summary, [0.1, 0.2, 0.3, 0.4, 0.5])
    frame = shifted(frame, [0.09, 0.19, 0.28, 0.39, 0.48], control="untrained")
    other = {"cell": "hg-d16", "metric": "rho_height", **SIDE, "control": "untrained"}
    decided = judge(claim(">", other), e3, frame)
    assert decided["verdict"] == "holds"
    assert decided["difference"]["n"] == 5


def test_a_clock_stands_against_every_seed() -> None:
    assert paired({0: 0.5, 1: 0.75}, {-1: 0.25}) == [0.25, 0.5]
    assert paired({0: 0.5, 1: 0.75}, {1: 0.25, 2: 9.0}) == [0.5]
    assert paired({0: 0.5}, 0.25) == [0.25]


def test_what_was_not_measured_is_undecided(summary: pd.DataFrame, e3: Experiment) -> None:
    decided = judge(claim(">", 0.0, control="depth-swapped", distribution="out"), e3, summary)
    assert (decided["verdict"], decided["difference"]["n"]) == ("undecided", 0)


def test_the_rule_is_printed_in_words(summary: pd.DataFrame, e3: Experiment) -> None:
    other = {"cell": "gaussian-d16", "metric": "rho_best_pc", **SIDE}
    rule = judge(claim("=", other, absolute=True) | {"margin": 0.05}, e3, summary)["rule"]
    assert rule == (
        "|ρ of height with depth| of HG, d = 16 equals largest |ρ| of eight PCs of Gaussian, d = 16 within 0.05"
    )


def test_formulas_that_the_write_up_states_enter(tmp_path: Path) -> None:
    entry = {"title": "T", "chapter": "geometry", "level": "S", "verdict": "true"}
    registry = tmp_path / "registry.json"
    registry.write_text(json.dumps({"formulas": {"a": entry | {"status": "refutes"}, "b": entry | {"status": "new"}}}))
    assert [(c["id"], c["status"]) for c in formula_claims(registry)] == [("a", "refutes")]
    assert formula_claims(tmp_path / "none.json") == []


def test_every_claim_of_the_files_is_decided(results: Path, plan: list[Experiment]) -> None:
    assert main(["--scale", "smoke", "--results", str(results), "--experiments", str(EXPERIMENTS)]) == 0
    ledger = json.loads((results / "smoke" / "ledger.json").read_text())
    assert [c["id"] for c in ledger["claims"]] == [c["id"] for e in plan for c in e.claims]
    assert len({c["id"] for c in ledger["claims"]}) == len(ledger["claims"])
    assert sum(ledger["counts"].values()) == len(ledger["claims"])
