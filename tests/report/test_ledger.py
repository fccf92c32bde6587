"""Claims are decided by their stated rule, paired by seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.report import ledger as script
from experiments.report.ledger import decide_all, formula_claims, judge, paired
from experiments.report.select import STILL_FALLING, Selection, fall
from hrssm.experiment.claims import Claim
from hrssm.experiment.experiment import Experiment
from hrssm.systems.kinds import kind
from tests.report.synthetic import SCALE

SIDE = {"cell": "hg-d16", "metric": "rho_height"}


def judged(claim: Claim, selection: Selection) -> dict[str, Any]:
    """A claim judged as if the runs were of full length."""
    return judge(claim, selection, whole=True)


def claim(relation: str, against: float | dict, margin: float = 0.0, **quantity: object) -> Claim:
    return Claim.model_validate(
        {"id": "x", "statement": "s", "source": "t", "quantity": SIDE | quantity, "against": against,
         "relation": relation, "margin": margin}
    )  # fmt: skip


def shifted(summary: pd.DataFrame, values: list[float], control: str = "trained") -> pd.DataFrame:
    """The summary of experiment 3 with the alignment of hg-d16 replaced."""
    frame = summary[summary["experiment"] == "e3_seeds"].copy()
    rows = (frame["cell"] == "hg-d16") & (frame["metric"] == "rho_height") & frame["final"]
    rows &= (frame["control"] == control) & (frame["protocol"] == "published")
    assert rows.sum() == 1
    frame.loc[rows, "values"] = pd.Series([np.array(values)], index=frame.index[rows])
    return frame


def test_the_verdict_follows_the_data(summary: pd.DataFrame, select) -> None:
    above = select("e3_seeds", shifted(summary, [0.30, 0.31, 0.32, 0.33, 0.34]))
    assert judged(claim(">", 0.0), above)["verdict"] == "holds"
    assert judged(claim("<", 0.0), above)["verdict"] == "fails"
    assert judged(claim(">", 0.0, margin=0.31), above)["verdict"] == "undecided"
    assert judged(claim("=", 0.32, margin=0.05), above)["verdict"] == "holds"
    spread = select("e3_seeds", shifted(summary, [-0.5, 0.5, -0.4, 0.6, 0.1]))
    decided = judged(claim(">", 0.0), spread)
    assert (decided["verdict"], decided["positive"]) == ("undecided", 3)
    assert judged(claim(">", 0.2, absolute=True), spread)["quantity"]["mean"] == pytest.approx(0.42)


def test_sides_are_paired_by_seed(summary: pd.DataFrame, select) -> None:
    # Seeds differ by far more than the two controls do; only the pairing can see the difference.
    frame = shifted(summary, [0.1, 0.2, 0.3, 0.4, 0.5])
    frame = shifted(frame, [0.09, 0.19, 0.28, 0.39, 0.48], control="untrained")
    decided = judged(claim(">", SIDE | {"control": "untrained"}), select("e3_seeds", frame))
    assert decided["verdict"] == "holds"
    assert decided["difference"]["n"] == 5
    assert decided["difference"]["mean"] == pytest.approx((0.01 + 0.01 + 0.02 + 0.01 + 0.02) / 5)


def test_a_clock_stands_against_every_seed_of_its_data() -> None:
    two = {(7, 0): 0.5, (7, 1): 0.75}
    assert paired(two, {(7, -1): 0.25}) == {(7, 0): 0.25, (7, 1): 0.5}
    assert paired(two, {(7, 1): 0.25, (7, 2): 9.0}) == {(7, 1): 0.5}
    assert paired({(7, 0): 0.5, (8, 0): 0.5}, {(7, -1): 0.25, (8, -1): 0.0}) == {(7, 0): 0.25, (8, 0): 0.5}
    assert paired({(7, 0): 0.5}, {(8, 0): 0.25}) == {}
    assert paired({(7, 0): 0.5}, 0.25) == {(7, 0): 0.25}


def test_what_was_not_measured_is_undecided(select) -> None:
    decided = judged(claim(">", 0.0, control="depth-swapped", range="out"), select("e3_seeds"))
    assert (decided["verdict"], decided["difference"]["n"]) == ("undecided", 0)


def test_the_rule_is_printed_in_words(select) -> None:
    other = {"cell": "gaussian-d16", "metric": "rho_best_pc"}
    rule = judged(claim("=", other, margin=0.05, absolute=True), select("e3_seeds"))["rule"]
    assert rule == (
        "|ρ of height with depth| of HG, d = 16 equals largest |ρ| of eight PCs of Gaussian, d = 16 within 0.05"
    )
    clocked = judged(claim(">", SIDE | {"control": "blind-clock"}, margin=0.1), select("e3_seeds"))["rule"]
    assert clocked == (
        "ρ of height with depth of HG, d = 16 is larger than ρ of height with depth of HG, d = 16 (clock) "
        "by more than 0.1"
    )
    assert " on unseen depths " in judged(claim("<", 0.0, range="out"), select("e3_seeds"))["rule"]


def test_formulas_that_the_write_up_states_enter(tmp_path: Path) -> None:
    entry = {"title": "T", "chapter": "geometry", "level": "S*", "verdict": "true", "unchecked": [{}]}
    registry = tmp_path / "registry.json"
    registry.write_text(json.dumps({"formulas": {"a": entry | {"status": "refutes"}, "b": entry | {"status": "new"}}}))
    assert [(c["id"], c["status"], c["level"]) for c in formula_claims(registry)] == [("a", "refutes", "S*1")]
    assert formula_claims(tmp_path / "none.json") == []


def test_short_runs_decide_nothing_and_say_so(summary: pd.DataFrame, select) -> None:
    above = select("e3_seeds", shifted(summary, [0.30, 0.31, 0.32, 0.33, 0.34]))
    decided = judge(claim(">", 0.0), above, whole=False)
    assert (decided["verdict"], decided["why"]) == ("undecided", "not converged")
    assert decided["difference"]["mean"] == pytest.approx(0.32), "what was measured is told all the same"
    assert judge(claim(">", 0.0, range="out"), above, whole=False)["why"] == "not run"


def falling(summary: pd.DataFrame, cell: str, share: float) -> pd.DataFrame:
    """The summary with training errors of a cell that fall by ``share`` from the third quarter to the last."""
    frame = summary[summary["experiment"] == "e3_seeds"].copy()
    # Both are logged: the plateau's metric by training, the same name by the evaluation.
    rows = (
        (frame["cell"] == cell)
        & (frame["metric"] == kind("rssm").vocabulary.plateau)
        & ~frame["final"]
        & (frame["protocol"] == "train")
    )
    assert rows.sum() > 50
    frame.loc[rows, "mean"] = np.where(frame.loc[rows, "step"] > 75, 1.0 - share, 1.0)
    return frame


def test_on_the_intended_track_only_runs_at_their_plateau_decide(summary: pd.DataFrame, select) -> None:
    quantity = {"cell": "intended-hg-d16", "metric": "rho_given_t", "protocol": "every_depth"}
    asked = claim("<", 5.0, **quantity)
    for share, verdict, why in (
        (STILL_FALLING / 2, "holds", ""), (2 * STILL_FALLING, "undecided", "not converged"), (-1.0, "holds", "")
    ):  # fmt: skip
        decided = judged(asked, select("e3_seeds", falling(summary, "intended-hg-d16", share)))
        assert (decided["verdict"], decided["why"]) == (verdict, why)
    # The published track's length is its source's own.
    assert judged(claim("<", 5.0), select("e3_seeds", falling(summary, "hg-d16", 0.5)))["verdict"] == "holds"
    other = claim("<", quantity, margin=0.0)
    assert judged(other, select("e3_seeds", falling(summary, "intended-hg-d16", 0.5)))["why"] == "not converged"


def test_a_fall_is_that_of_the_last_quarter_against_the_one_before() -> None:
    def curve(*means: float) -> pd.DataFrame:
        return pd.DataFrame({"step": [10 * (k + 1) for k in range(len(means))], "mean": means})

    assert fall(curve(9, 9, 9, 9, 2, 2, 1, 1)) == pytest.approx(0.5)
    assert fall(curve(9, 9, 9, 9, -2, -2, -3, -3)) == pytest.approx(0.5), "a bound that still falls below 0"
    assert fall(curve(9, 9, 9, 9, 1, 1, 2, 2)) == pytest.approx(-1.0)
    assert fall(curve(1.0)) is None
    assert fall(curve()) is None


def test_why_a_claim_is_undecided(summary: pd.DataFrame, select) -> None:
    spread = select("e3_seeds", shifted(summary, [-0.5, 0.5, -0.4, 0.6, 0.1]))
    assert judged(claim(">", 0.0), spread)["why"] == "the interval holds both"
    single = shifted(summary, [0.5, float("nan"), float("nan"), float("nan"), float("nan")])
    assert judged(claim(">", 0.0), select("e3_seeds", single))["why"] == "fewer than two seeds"


def test_every_claim_of_the_files_is_decided(
    results: Path, plan: dict[str, Experiment], summary: pd.DataFrame, arguments: list[str]
) -> None:
    assert script.main(arguments) == 0
    ledger = json.loads((results / SCALE / "ledger.json").read_text())
    assert [(c["experiment"], c["id"]) for c in ledger["claims"]] == [
        (e.id, c.id) for e in plan.values() for c in e.claims
    ]
    assert len({c["id"] for c in ledger["claims"]}) == len(ledger["claims"]) > 20
    assert all(c["difference"]["n"] == 5 for c in ledger["claims"]), "a claim about what is never measured"
    assert ledger["counts"] == {"holds": 0, "fails": 0, "undecided": len(ledger["claims"])}, "the scale is short"
    whole = [c["verdict"] for c in decide_all(plan, summary, whole=True)]
    assert whole.count("holds") > 0
    assert whole.count("fails") > 0
