"""`python -m derivations`: check every entry, print what came out, and emit the reference.

Options: `--no-cache` proves everything afresh; `--check` emits nothing and fails when what is committed
differs; `--sources` proves nothing and only compares digests; `--jobs N` checks N entries at a time; ids
restrict the run, and then nothing is emitted.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from derivations.contents import collect
from derivations.emission import registry
from derivations.engine import cache
from derivations.engine.kernel import Report, total_score, verify

DESCRIPTION = "Check every entry of the reference, print what came out, and emit it."


def _verify(key: str, use_cache: bool) -> Report:
    cache.enable(use_cache)
    return verify(collect()[key])


def run(keys: list[str], use_cache: bool = True, jobs: int = 2) -> list[Report]:
    """Check the entries with these ids, `jobs` at a time, and return their reports in order."""
    if jobs == 1 or len(keys) == 1:
        return [_verify(key, use_cache) for key in keys]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(_verify, keys, [use_cache] * len(keys)))


def show(report: Report, title: str) -> str:
    """One line: verdict, level (with the number of unchecked steps), killed mutants, seconds, id, title."""
    mutation = report.mutation or {"killed": [], "surviving": []}
    killed, total = len(mutation["killed"]), len(mutation["killed"]) + len(mutation["surviving"])
    seconds = sum(report.seconds.values())
    return f"{report.verdict:8}{report.mark:4}{killed:3}/{total:<3}{seconds:7.2f} s  {report.id:24}{title}"


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when every entry is true (or cited), every mutant fell, and the emission agrees."""
    parser = argparse.ArgumentParser(prog="python -m derivations", description=DESCRIPTION)
    parser.add_argument("ids", nargs="*", help="check only these entries")
    parser.add_argument("--no-cache", action="store_true", help="ignore stored results of slow exact work")
    parser.add_argument("--check", action="store_true", help="compare with what is committed, emit nothing")
    parser.add_argument("--sources", action="store_true", help="only see that what is committed is of these sources")
    parser.add_argument("--jobs", type=int, default=2, help="entries checked at a time (default 2)")
    options = parser.parse_args(arguments)
    if options.sources:
        return registry.check_sources()
    formulas = collect()
    unknown = [key for key in options.ids if key not in formulas]
    if unknown:
        parser.error(f"no entry is called {', '.join(unknown)}; the ids are {', '.join(formulas)}")
    started = time.perf_counter()
    reports = run(options.ids or list(formulas), not options.no_cache, options.jobs)
    for report in reports:
        print(show(report, formulas[report.id].title))
        for step in report.unchecked:
            title, source, place = step["theorem"]
            print(f"    not checked: {step['words']} [{title}: {source}, {place}]")
        for part in ("proof", "certificate"):
            result = getattr(report, part)
            if result and result["verdict"] != "true" and result["detail"]:
                print(f"    {part}: {result['verdict']}: {result['detail'][:300]}")
        if report.mutation and report.mutation["surviving"]:
            print(f"    surviving mutants: {report.mutation['surviving']}")
    standing = sum(r.verdict == "true" or r.level == "C" for r in reports)
    print(
        f"{standing} of {len(reports)} entries stand, mutation score {total_score(reports):.1%}, "
        f"{time.perf_counter() - started:.1f} s"
    )
    status = 0 if standing == len(reports) and not any((r.mutation or {}).get("surviving") for r in reports) else 1
    if options.ids:
        return status
    return max(status, registry.emit(formulas, reports, options.check, options.jobs))


if __name__ == "__main__":
    sys.exit(main())
