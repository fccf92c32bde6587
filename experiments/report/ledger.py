"""Decide every claim: `python -m experiments.report.ledger --scale smoke`.

Writes `results/{scale}/ledger.json`. A claim of an experiment file is decided by the 95 % interval of its difference,
paired by seed, with the relation and margin that the file states; a formula by its proof.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.report.command import Paths, command
from experiments.report.select import Selection, seed_values
from experiments.report.statistics import Key, decide, pooled
from experiments.report.summary import read_summary
from hrssm.experiment.claims import Claim, Quantity
from hrssm.experiment.experiment import Experiment
from hrssm.formulas import mark
from hrssm.records.record import write_json

REGISTRY = Path("hrssm/formulas/registry.json")
WORDS = {">": "is larger than", "<": "is smaller than", "=": "equals"}


def paired(left: Mapping[Key, float], right: Mapping[Key, float] | float) -> dict[Key, float]:
    """Differences by data seed and seed; a side with one value for all seeds (a clock) is taken from each."""
    if not isinstance(right, Mapping):
        return {key: value - right for key, value in left.items()}
    for_all = {data: value for (data, seed), value in right.items() if seed < 0}
    there = {key: right.get(key, for_all.get(key[0])) for key in left}
    return {key: left[key] - other for key, other in there.items() if other is not None}


def describe(quantity: Quantity | float, experiment: Experiment) -> str:
    """A quantity in words, for the rule that the ledger prints."""
    if not isinstance(quantity, Quantity):
        return f"{quantity:g}"
    vocabulary, settings = experiment.vocabulary, experiment.of(quantity.cell)
    words = [vocabulary.label(quantity.metric), "of", settings.label()]
    if quantity.absolute:
        words[0] = f"|{words[0]}|"
    if quantity.control != "trained":
        words.append(f"({vocabulary.controls[quantity.control].label})")
    if label := vocabulary.ranges[quantity.range].label:
        words.append(f"on {label}")
    return " ".join(words)


def judge(claim: Claim, selection: Selection, *, whole: bool) -> dict[str, Any]:
    """One claim with its rule in words, the difference it was decided by, the verdict, and why where it is undecided.

    Only runs of full length decide (``whole``), and of the intended track only such whose training had reached its
    plateau: the published track's length is its source's own.
    """
    experiment, quantity, other = selection.experiment, claim.quantity, claim.against
    left = seed_values(selection.rows(quantity), absolute=quantity.absolute)
    right = seed_values(selection.rows(other), absolute=other.absolute) if isinstance(other, Quantity) else float(other)
    difference = pooled(paired(left, right))
    rule = f"{describe(quantity, experiment)} {WORDS[claim.relation]} {describe(other, experiment)}"
    if claim.margin:
        rule += f" within {claim.margin:g}" if claim.relation == "=" else f" by more than {claim.margin:g}"
    verdict, why = decide(difference, claim.relation, claim.margin), ""
    cells = [quantity.cell, *([other.cell] if isinstance(other, Quantity) else [])]
    falling = [
        name
        for name in dict.fromkeys(cells)
        if experiment.of(name).track == "intended" and not selection.converged(name)
    ]
    if not left:
        verdict, why = "undecided", "not run"
    elif not whole or falling:
        verdict, why = "undecided", "not converged"
    elif verdict == "undecided":
        why = "the interval holds both" if difference.n > 1 else "fewer than two seeds"
    return {
        "id": claim.id,
        "experiment": experiment.id,
        "system": experiment.system,
        "number": experiment.number,
        "track": experiment.of(quantity.cell).track,
        "statement": claim.statement,
        "source": claim.source,
        "rule": rule,
        "relation": claim.relation,
        "margin": claim.margin,
        "quantity": pooled(left).as_json(),
        "against": pooled(right).as_json() if isinstance(right, Mapping) else {"mean": right},
        "difference": difference.as_json(),
        "positive": sum(value > 0 for value in left.values()),
        "verdict": verdict,
        "why": why,
    }


def formula_claims(registry: Path) -> list[dict[str, Any]]:
    """The statements of a source that a proof decides, from the reference; empty before there is one."""
    if not registry.is_file():
        return []
    formulas = json.loads(registry.read_text(encoding="utf-8"))["formulas"]
    kept = ("title", "chapter", "status", "verdict")
    return [
        {"id": name, **{key: entry[key] for key in kept}, "level": mark(entry)}
        for name, entry in formulas.items()
        if entry["status"] != "new"
    ]


def decide_all(plan: Mapping[str, Experiment], summary: pd.DataFrame, *, whole: bool) -> list[dict[str, Any]]:
    """Every claim of every experiment, judged on runs that are of full length or not."""
    return [
        judge(claim, selection, whole=whole)
        for experiment in plan.values()
        for selection in (Selection(experiment, summary),)
        for claim in experiment.claims
    ]


def _work(paths: Paths) -> str:
    whole = paths.settings().whole
    claims = decide_all(paths.plan(), read_summary(paths.folder), whole=whole)
    counts = {verdict: sum(c["verdict"] == verdict for c in claims) for verdict in ("holds", "fails", "undecided")}
    content = {"scale": paths.scale, "counts": counts, "claims": claims, "formulas": formula_claims(REGISTRY)}
    write_json(paths.folder / "ledger.json", content)
    return "ledger: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


main = partial(command, __doc__, _work)

if __name__ == "__main__":
    sys.exit(main())
