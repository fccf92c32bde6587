"""From the proofs to the paper: verify -> train -> evaluate -> aggregate -> tables, figures, ledger -> paper.

    snakemake --cores all [--config scale=smoke|laptop|published device=auto|cpu|cuda]

A job trains (another evaluates) some cells of one experiment, all seeds of a cell in one ensemble. It depends on its cells'
resolved settings and on the sources that compute them, not on the prose beside them: editing a question retrains nothing.
"""

import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

from hrssm.experiment import ExperimentError, load, load_scale
from hrssm.training.record import source_digest

SCALE = config.get("scale", "laptop")
DEVICE = config.get("device", "auto")
RESULTS = f"results/{SCALE}"
PYTHON = sys.executable
try:
    SETTINGS = load_scale("experiments/scales.yaml", SCALE)
    EXPERIMENTS = {path.stem: load(path) for path in sorted(Path("experiments").glob("e*.yaml"))}
except ExperimentError as error:
    sys.exit(f"Snakefile: {error}")

RUNS = []


def resolved(experiment, cells):
    """What decides the cells' runs: sources, settings, seeds."""
    digests = [SETTINGS.apply(experiment.cells[name]).digest() for name in cells]
    return f"{source_digest()} {SETTINGS.seeds} {' '.join(digests)}"


# At smoke scale only the pipeline is on trial: the reference must be of these sources; `make test` proves it.
VERIFY = "--sources" if SCALE == "smoke" else "--check"


rule all:
    input:
        "paper/paper.pdf",


rule verify:
    """Every formula of the reference, proved; what is committed must be what the proofs emit."""
    input:
        Path("derivations").glob("*.py"),
        Path("hrssm/distributions").glob("*.py"),
        "hrssm/geometry.py",
        "hrssm/formulas/registry.json",
    output:
        f"{RESULTS}/verified.txt",
    threads: workflow.cores
    message:
        "verify: {VERIFY}, {threads} at a time"
    shell:
        "{PYTHON} -m derivations {VERIFY} --jobs {threads} > {output}.part 2>&1 || (cat {output}.part; exit 1); "
        "tail -n 1 {output}.part; mv {output}.part {output}"


for experiment in EXPERIMENTS.values():
    # The longest cells first, so that no core waits for them at the end.
    names = sorted(experiment.cells, key=lambda n: -experiment.cells[n].training.steps)
    for part in range(0, len(names), SETTINGS.cells_per_job):
        cells = names[part : part + SETTINGS.cells_per_job]
        directories = [f"{RESULTS}/{experiment.id}/{name}" for name in cells]
        work = sum(r.steps * r.length * r.batch for r in (experiment.cells[n].training for n in cells))
        RUNS += directories

        rule:
            name:
                f"train_{experiment.id}_{part}"
            input:
                ancient(f"{RESULTS}/verified.txt"),
            output:
                [f"{d}/{file}" for d in directories for file in ("manifest.json", "metrics.parquet")],
            params:
                file=f"experiments/{experiment.id}.yaml",
                cells=" ".join(f"--cell {name}" for name in cells),
                resolved=resolved(experiment, cells),
            priority: int(work // 10**5)
            message:
                f"train: {experiment.id}, {', '.join(cells)}"
            shell:
                "{PYTHON} -m hrssm train {params.file} {params.cells} --scale {SCALE} --out {RESULTS} "
                "--device {DEVICE} --threads {threads} --overwrite"

        rule:
            name:
                f"evaluate_{experiment.id}_{part}"
            input:
                [f"{d}/manifest.json" for d in directories],
            output:
                [f"{d}/evaluation.parquet" for d in directories],
            params:
                directories=" ".join(directories),
                resolved=resolved(experiment, cells),
            message:
                f"evaluate: {experiment.id}, {', '.join(cells)}"
            shell:
                "{PYTHON} -m hrssm evaluate {params.directories} --device {DEVICE} --threads {threads}"


rule aggregate:
    input:
        [f"{d}/{file}" for d in RUNS for file in ("manifest.json", "metrics.parquet", "evaluation.parquet")],
        Path("experiments").glob("*.yaml"),
        "experiments/aggregate.py",
        "experiments/records.py",
    output:
        f"{RESULTS}/summary.parquet",
        f"{RESULTS}/summary.json",
    message:
        "aggregate: all runs into one summary"
    shell:
        "{PYTHON} -m experiments.aggregate --scale {SCALE}"


rule tables:
    input:
        rules.aggregate.output,
        "experiments/tables.py",
        "experiments/labels.py",
        "experiments/printed.yaml",
    output:
        [f"{RESULTS}/tables/{name}.json" for name in EXPERIMENTS],
    message:
        "tables"
    shell:
        "{PYTHON} -m experiments.tables --scale {SCALE}"


rule ledger:
    input:
        rules.aggregate.output,
        "experiments/ledger.py",
        "experiments/labels.py",
        "hrssm/formulas/registry.json",
    output:
        f"{RESULTS}/ledger.json",
    message:
        "ledger: deciding every claim"
    shell:
        "{PYTHON} -m experiments.ledger --scale {SCALE}"


rule figures:
    input:
        rules.aggregate.output,
        "experiments/figures.py",
        "experiments/labels.py",
        "experiments/printed.yaml",
        "experiments/figure_style.py",
        "experiments/dependency_graph.py",
        "hrssm/formulas/registry.json",
    output:
        f"{RESULTS}/figures/dependencies.svg",
    message:
        "figures"
    shell:
        "{PYTHON} -m experiments.figures --scale {SCALE}"


rule environment:
    input:
        "experiments/environment.py",
        "experiments/figure_style.py",
        Path("experiments").glob("e*.yaml"),
    output:
        f"{RESULTS}/environment.json",
        f"{RESULTS}/figures/clock.svg",
    message:
        "environment: exact facts of the trees and walks"
    shell:
        "{PYTHON} -m experiments.environment --scale {SCALE}"


rule paper:
    input:
        rules.tables.output,
        rules.ledger.output,
        rules.figures.output,
        rules.environment.output,
        Path("paper").rglob("*.typ"),
        "paper/references.bib",
        "hrssm/formulas/formulas.typ",
    output:
        "paper/paper.pdf",
    params:
        scale=SCALE,
    message:
        "paper: typesetting paper/paper.pdf"
    shell:
        "{PYTHON} -m experiments.typeset --scale {SCALE} --out {output}"
