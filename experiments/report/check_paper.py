"""Check the paper: `python -m experiments.report.check_paper paper/paper.pdf paper/supplement.pdf`.

Do the Typst sources type a number that a run or the write-up should have supplied, and do the PDFs hold what they must:
a table for every experiment of the summary that has a run, and on every page the scale, the seeds and the device?
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Digits that belong to the typesetting, each pattern with the reason why it is no result.
STRUCTURE: tuple[tuple[str, str], ...] = (
    (r'rgb\("#[0-9a-f]{6}"\)', "a colour"),
    (r"\b\d+(\.\d+)?(pt|em|cm|mm|fr)\b", "a length"),
    (r"\b(width|length): 100%|100% \*|size\.width \* 80%", "a share of the width"),
    (r"\b(columns|colspan|level|digits): \d\b", "an argument of a layout or rounding function"),
    (r"heading\.where\(level: \d\)", "a heading level"),
    (r'"(1\.1|\(1\)|A\.1|1 of 1)"', "a numbering pattern"),
    (r'"figure-"|"e[1-9]_[a-z_]+"', "the name of an experiment or a figure"),
    (r'"(a4|s5)-[a-z-]+"', "the name of a formula"),
    (r"@[a-z]+\d{4}[a-z0-9]*", "a citation"),
    (
        r"\.slice\(\d(, calc\.min\(12, [^)]*\)\))?|\.update\(0\)|\.len\(\) (>|==) [01]\b",
        "a position or a count in code",
    ),
    (
        r"95 % (Student )?(interval|intervals|level)\b",
        "the level of every interval, set in experiments/report/statistics.py",
    ),
    (
        r"weight > 1 \[|\b[nx] == [01]\b|value == 0|[xv] [<>] 0\b|digits > 0|let digits = 0|digits = 0",
        "sign and size tests of the formatter",
    ),
    (r'"0" \*', "padding in the formatter"),
    (r'paper: "a4"', "the paper's size"),
    (r"\{ 2 \} else \{ 3 \}|!= 0 [\[{]", "decimals of a metric, and a test for none"),
    (r"size >= 1000?\b|calc\.min\(digits, 1\)|100 \* x", "where the formatter drops decimals, and per cent"),
    (r"(>= |/ )(5400|3600|90|60)\b", "seconds into hours and minutes"),
    (
        r"< 0\.005 and row\.printed\.value > 0 \{ 4 \} else \{ 0 \}",
        "more decimals for a printed value near zero",
    ),
    (r"calc\.pow\(2, 1 - ", "the two-sided sign test"),
    (r"header\.len\(\) - 1|\(width - 1\)|\(auto,\) \* 9|\(right,\) \* 9", "the number of columns"),
    (r"default: [01]\)|fold\(0,", "the factor of a scale that leaves a setting alone; a sum or maximum of nothing"),
    (r"\bS5\b|[Aa]tari100k", "the name of an architecture or a benchmark"),
    (r"between 0 and 1 and is 1 only|coupling 1 and 1/2", "a range that follows from a formula; names of two families"),
    (r"within \$10\^\(-10\)\$", "the tolerance of a test of the code"),
    (
        r"\.at\(\d( \+ k)?\)|calc\.quo\((n|values\.len\(\)), [24]\)|calc\.max\(100 - v, 0\)|100 \* \(row|slice\(2\)"
        r"|own \+ 1|methods\.len\(\) - 1",
        "columns of a table, halves and quarters of a list, and per cent",
    ),
)
FORMULA = re.compile(r"\$[^$]*\$")
# A formula may hold these whole numbers as coefficients, exponents and indices; anything else is a value.
COEFFICIENTS = re.compile(r"(?<![\d.])[012](?![\d.])")
COMMENT = re.compile(r"(?<!:)//[^\n]*|/\*.*?\*/", re.DOTALL)


def typed_numbers(source: str) -> list[tuple[int, str]]:
    """Line number and line of every digit in a Typst source that no rule of `STRUCTURE` explains."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    text = COMMENT.sub(blank, source)
    for pattern, _ in STRUCTURE:
        text = re.sub(pattern, blank, text)
    text = FORMULA.sub(lambda match: COEFFICIENTS.sub(" ", match.group()), text)
    lines = source.splitlines()
    return [(k, lines[k - 1].strip()) for k, line in enumerate(text.splitlines(), 1) if re.search(r"\d", line)]


def check_sources(folder: Path) -> list[str]:
    """One message per typed number in the Typst files below `folder`."""
    return [
        f"{path}:{line}: a typed number; read it from the data: {text}"
        for path in sorted(folder.rglob("*.typ"))
        for line, text in typed_numbers(path.read_text(encoding="utf-8"))
    ]


def check_pdf(pages: Sequence[str], experiments: Sequence[Mapping[str, Any]], scale: str) -> list[str]:
    """What is wrong with the text of the PDFs' ``pages``, given the experiments that were measured (id, number,
    title)."""
    text = " ".join(" ".join(pages).split())
    wrong = [] if experiments else ["no experiment was measured"]
    for experiment in experiments:
        # Systems number their experiments alike: the title's first words tell them apart.
        caption = f"Experiment {experiment['number']}: {' '.join(experiment['title'].split()[:2])}"
        if not re.search(rf"Table \d+\.? ?{re.escape(caption)}", text):
            wrong.append(f"no table of {experiment['id']} (Experiment {experiment['number']}: {experiment['title']})")
    for number, page in enumerate(pages, 1):
        line = " ".join(page.split())
        missing = [word for word in (f"Scale {scale}", "seeds per cell", "device") if word not in line]
        if missing:
            wrong.append(f"page {number} does not state: {', '.join(missing)}")
    return wrong


def measured(results: Path) -> list[dict[str, Any]]:
    """The experiments of a scale's summary that have a run."""
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    tables = {e["id"]: results / "tables" / f"{e['id']}.json" for e in summary["experiments"]}
    return [e for e in summary["experiments"] if json.loads(tables[e["id"]].read_text(encoding="utf-8"))["measured"]]


def pages_of(pdf: Path) -> list[str]:
    """The text of each page."""
    from pypdf import PdfReader

    return [page.extract_text() for page in PdfReader(pdf).pages]


def scale_of(pages: Sequence[str]) -> str:
    """The scale that the first page states; raises ValueError when it states none."""
    found = re.search(r"Scale (\w+)", " ".join(pages[0].split())) if pages else None
    if found is None:
        raise ValueError("the first page states no scale: this is not a PDF of paper/paper.typ")
    return found.group(1)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: 0 when nothing is wrong, 1 with one line per fault, 2 when there is nothing to check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    both = [Path("paper/paper.pdf"), Path("paper/supplement.pdf")]
    parser.add_argument("pdf", type=Path, nargs="*", default=both, help="the paper and its supplement")
    parser.add_argument("--scale", help="smoke, laptop, ... (default: what the first page states)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the runs are")
    arguments = parser.parse_args(argv)
    if missing := [str(pdf) for pdf in arguments.pdf if not pdf.is_file()]:
        print(f"error: {', '.join(missing)} does not exist: run `make paper` first", file=sys.stderr)
        return 2
    pages = [page for pdf in arguments.pdf for page in pages_of(pdf)]
    scale = arguments.scale or scale_of(pages)
    results = arguments.results / scale
    if not (results / "summary.json").is_file():
        print(f"error: {results} holds no summary: the PDF is not of these results; run `make paper`", file=sys.stderr)
        return 2
    experiments = measured(results)
    wrong = check_sources(Path("paper")) + check_pdf(pages, experiments, scale)
    for line in wrong:
        print(line, file=sys.stderr)
    tables = f"a table for each of {len(experiments)} experiments"
    verdict = f"{len(wrong)} faults" if wrong else f"{tables}, {len(pages)} pages that state scale {scale}"
    print(f"{', '.join(map(str, arguments.pdf))}: {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
