"""Decide every claim: `python -m experiments.ledger --scale smoke`.

Writes `results/{scale}/ledger.json`. A claim of an experiment file is decided by the 95 % interval of its
difference, paired by seed, with the relation and margin that the file states; a formula by its proof.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.report.labels import CONTROLS, cell_label, metric_label
from experiments.report.plan import Experiment, RecordError, read_plan
from experiments.report.statistics import decide, interval
from experiments.report.summary import parser, read_summary, write_json

REGISTRY = Path("hrssm/formulas/registry.json")
WORDS = {">": "is larger than", "<": "is smaller than", "=": "equals"}


def seed_values(summary: pd.DataFrame, experiment: str, quantity: dict[str, Any]) -> dict[Any, float]:
    """The final value of a quantity for each seed; empty when it was not recorded."""
    rows = summary[
        (summary["experiment"] == experiment)
        & (summary["cell"] == quantity["cell"])
        & (summary["metric"] == quantity["metric"])
        & (summary["control"] == quantity["control"])
        & (summary["distribution"] == quantity["distribution"])
        & (summary["protocol"] == quantity["protocol"])
        & summary["final"]
    ]
    if rows.empty:
        return {}
    row = rows.iloc[0]
    pairs = zip(row["seeds"], row["values"], strict=True)
    finite = {int(seed): float(value) for seed, value in pairs if math.isfinite(value)}
    return {seed: abs(value) for seed, value in finite.items()} if quantity["absolute"] else finite


def paired(left: dict[Any, float], right: dict[Any, float] | float) -> list[float]:
    """Differences seed by seed; a side with one value for all seeds (a clock) is taken from each."""
    if not isinstance(right, dict):
        return [value - right for value in left.values()]
    common = [seed for seed in left if seed in right]
    if not common and len(right) == 1:
        constant = next(iter(right.values()))
        return [value - constant for value in left.values()]
    return [left[seed] - right[seed] for seed in common]


def describe(quantity: dict[str, Any] | float, experiment: Experiment) -> str:
    """A quantity in words, for the rule that the ledger prints."""
    if not isinstance(quantity, dict):
        return f"{quantity:g}"
    control, run = quantity["control"], experiment.cells[quantity["cell"]].run
    words = [metric_label(quantity["metric"]), "of", cell_label(run)]
    if quantity["absolute"]:
        words[0] = f"|{words[0]}|"
    if control != "trained":
        words.append(f"({CONTROLS.get(control, control)})")
    if quantity["distribution"] == "out":
        words.append("beyond the training depths")
    return " ".join(words)


def judge(claim: dict[str, Any], experiment: Experiment, summary: pd.DataFrame) -> dict[str, Any]:
    """One claim with its rule in words, the difference it was decided by, and the verdict."""
    quantity, other = claim["quantity"], claim["against"]
    left = seed_values(summary, experiment.id, quantity)
    right = seed_values(summary, experiment.id, other) if isinstance(other, dict) else float(other)
    margin = float(claim.get("margin", 0.0))
    difference = interval(paired(left, right))
    rule = f"{describe(quantity, experiment)} {WORDS[claim['relation']]} {describe(other, experiment)}"
    if margin:
        rule += f" within {margin:g}" if claim["relation"] == "=" else f" by more than {margin:g}"
    return {
        "id": claim["id"],
        "experiment": experiment.id,
        "number": experiment.number,
        "track": experiment.cells[quantity["cell"]].run.track,
        "statement": claim["statement"],
        "source": claim["source"],
        "rule": rule,
        "relation": claim["relation"],
        "margin": margin,
        "quantity": interval(left.values()).as_json(),
        "against": interval(right.values()).as_json() if isinstance(right, dict) else {"mean": right},
        "difference": difference.as_json(),
        "positive": sum(value > 0 for value in left.values()),
        "verdict": decide(difference, claim["relation"], margin),
    }


def formula_claims(registry: Path) -> list[dict[str, Any]]:
    """The statements of the write-up that a proof decides, from the reference; empty before there is one."""
    if not registry.is_file():
        return []
    formulas = json.loads(registry.read_text(encoding="utf-8"))["formulas"]
    return [
        {
            "id": name,
            "title": entry["title"],
            "chapter": entry["chapter"],
            "status": entry["status"],
            "level": entry["level"],
            "verdict": entry["verdict"],
        }
        for name, entry in formulas.items()
        if entry["status"] != "new"
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: 0 when the ledger was written, whatever the verdicts; 2 when a record is missing."""
    arguments = parser(__doc__).parse_args(argv)
    try:
        plan = read_plan(arguments.experiments)
        summary = read_summary(arguments.results, arguments.scale)
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    claims = [judge(claim, experiment, summary) for experiment in plan for claim in experiment.claims]
    counts = {verdict: sum(c["verdict"] == verdict for c in claims) for verdict in ("holds", "fails", "undecided")}
    content = {
        "scale": arguments.scale,
        "counts": counts,
        "claims": claims,
        "formulas": formula_claims(REGISTRY),
    }
    write_json(arguments.results / arguments.scale / "ledger.json", content)
    print("ledger: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
