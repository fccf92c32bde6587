"""Prove all claims about the code, or one, through the cache of slow exact work."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context

import torch

from derivations.code.claim import ClaimReport
from derivations.code.claims.table import CLAIMS, HOMES, NUMERIC
from derivations.code.coverage import implementation
from derivations.code.proof import verify
from derivations.contents import collect
from derivations.engine import cache
from derivations.engine.kernel import Formula, modules_of


def verify_one(index: int, formulas: Mapping[str, Formula] | None = None) -> ClaimReport:
    """Prove the claim with this place in the list, or recall what came out under the same sources."""
    formulas = collect() if formulas is None else formulas
    claim = CLAIMS[index]
    key = f"code:{claim.implements}:{claim.formula}:{claim.variant}:torch={torch.__version__}"
    plain = cache.recall(key, roots(index, formulas), lambda: asdict(verify(claim, formulas)))
    return ClaimReport(**{k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()})


def roots(index: int, formulas: Mapping[str, Formula]) -> frozenset[str]:
    """The modules whose imports a claim's proof runs: the entries', the claim's own, the code's, and the prover."""
    claim = CLAIMS[index]
    entries = [formulas[id] for id in (claim.formula, *claim.also) if id in formulas]
    chapters = {module for entry in entries for module in modules_of(entry)}
    code = {m for name in (claim.implements, *claim.guarded, *claim.opaque) for m in implementation(name)}
    return frozenset({"derivations.code.proof", HOMES[index], *chapters, *code})


def verify_all(jobs: int = 2) -> list[ClaimReport]:
    """Prove every claim, `jobs` at a time, and report in the order of the list; numeric functions come last."""
    if jobs == 1:
        reports = [verify_one(index) for index in range(len(CLAIMS))]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            reports = list(pool.map(verify_one, range(len(CLAIMS))))
    return reports + [
        ClaimReport(name, formula, "", "numeric", (), 0, (), (), words) for name, (formula, words) in NUMERIC.items()
    ]
