"""From the proofs to the paper: verify -> train -> evaluate -> summary -> tables, figures, ledger -> paper.

    snakemake --cores all [--config scale=archive|smoke|laptop|published device=auto|cpu|cuda systems=rssm,vae]

A train job runs some cells of one experiment, all seeds of a cell in one ensemble; an evaluate job scores them. Their
outputs are stamps that carry the digest of settings, seeds and sources: editing what a run executes makes its stamp a
missing file, and editing the prose beside it makes nothing again. At the scale archive, the default, nothing is trained:
the runs are those of experiments/archive, and what is tried is whether their beginnings come out again.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)

from derivations import contents
from experiments.report.jobs import AGAIN, jobs, source_files, survey
from hrssm.experiment.experiment import ExperimentError, load_all, load_scale
from hrssm.records.lock import Held, hold
from hrssm.records.sources import digest
from hrssm.systems.kinds import kind
from hrssm.training.scale import ARCHIVE
from hrssm.training.settings import DEVICES

try:
    if unknown := sorted(set(config) - {"scale", "device", "systems"}):
        raise ExperimentError(f"--config {unknown[0]}=...: unknown; known are scale, device and systems")
    SCALE, DEVICE = str(config.get("scale", ARCHIVE)), str(config.get("device", "auto"))
    if DEVICE not in DEVICES:
        raise ExperimentError(f"--config device={DEVICE}: unknown; known are {', '.join(DEVICES)}")
    SETTINGS = load_scale("experiments/scales.yaml", SCALE)
    SYSTEMS = str(config.get("systems", "") or "")
    PLAN = load_all(Path("experiments"), [name for name in SYSTEMS.split(",") if name])
    PLAN = {id: experiment.at(SETTINGS) for id, experiment in PLAN.items()}
    RESULTS = f"results/{SCALE}"
    JOBS = {} if SCALE == ARCHIVE else {job.name: job for job in jobs(PLAN, SETTINGS)}
    KINDS = sorted({experiment.system for experiment in PLAN.values()})
    if workflow.is_main_process:
        hold(Path("results/.lock"), "this checkout's results")
        # Whoever held Snakemake's own locks is gone, or ours could not have been taken.
        shutil.rmtree(".snakemake/locks", ignore_errors=True)
        for words in survey(Path(RESULTS), list(JOBS.values())):
            print(f"Snakefile: {words}", file=sys.stderr)
except (ExperimentError, Held, OSError) as error:
    sys.exit(f"Snakefile: {error}")

PYTHON = sys.executable
STAMPS = f"{RESULTS}/.stamps"
SCRIPT = f"--scale {SCALE}" + (f" --systems {SYSTEMS}" if SYSTEMS else "")
YAMLS = [str(path) for path in sorted(Path("experiments").rglob("*.yaml"))]
TRAINED = {name: f"{STAMPS}/train/{job.stamp}" for name, job in JOBS.items()}
EVALUATED = {name: f"{STAMPS}/evaluate/{name}.{job.evaluation}" for name, job in JOBS.items()}
# At smoke scale only the pipeline is on trial: the reference must be of these sources; `make test` proves it.
VERIFY = "--sources" if SCALE == "smoke" else "--check"
VERIFIED = f"{STAMPS}/verified{VERIFY}.{digest(*contents.modules(), 'derivations.__main__', 'derivations.emission.registry')}"
REPLICATED = [f"{RESULTS}/replication/{system}.json" for system in KINDS] if SCALE == ARCHIVE else []
# Whole hours are asked for by a batch system alone; a member-step of the laptop scale is about 1e8 multiply-adds.
RATE = 2e9


wildcard_constraints:
    job="[A-Za-z0-9_.-]+",
    digest="[0-9a-f]{12}",
    system="[a-z]+",


rule all:
    input:
        "paper/paper.pdf",
        f"{RESULTS}/accepted" if SCALE == ARCHIVE else [],


rule verify:
    """Every formula of the reference, proved; what is committed must be what the proofs emit."""
    input:
        "hrssm/formulas/registry.json",
    output:
        VERIFIED,
    log:
        f"{RESULTS}/logs/verify.log",
    threads: min(8, os.cpu_count() or 1)
    resources:
        mem_mb=3000,
        runtime=60,
    message:
        "verify: {VERIFY}, {threads} at a time"
    shell:
        "{PYTHON:q} -m derivations {VERIFY} --jobs {threads} > {log:q} 2>&1 || (cat {log:q}; exit 1); "
        "tail -n 1 {log:q}; cp {log:q} {output:q}"


rule train:
    input:
        lambda w: [f"{STAMPS}/train/{parent}" for parent in JOBS[w.job].parents],
        ancient(VERIFIED),
    output:
        touch(f"{STAMPS}/train/{{job}}.{{digest}}"),
    log:
        f"{RESULTS}/logs/train/{{job}}.{{digest}}.log",
    params:
        file=lambda w: JOBS[w.job].experiment.path,
        cells=lambda w: [f"--cell={name}" for name in JOBS[w.job].cells],
    resources:
        mem_mb=2000,
        runtime=lambda w: 10 + int(JOBS[w.job].work() / RATE / 60),
    message:
        "train: {wildcards.job}"
    shell:
        "{PYTHON:q} -m hrssm train {params.file:q} {params.cells:q} --scale {SCALE} --out {RESULTS} --device {DEVICE} "
        "--threads {threads} --overwrite 2>&1 | tee {log:q}"


rule evaluate:
    input:
        lambda w: TRAINED[w.job],
    output:
        touch(f"{STAMPS}/evaluate/{{job}}.{{digest}}"),
    log:
        f"{RESULTS}/logs/evaluate/{{job}}.{{digest}}.log",
    params:
        directories=lambda w: [f"{RESULTS}/{JOBS[w.job].experiment.id}/{name}" for name in JOBS[w.job].cells],
    resources:
        mem_mb=2000,
        runtime=60,
    message:
        "evaluate: {wildcards.job}"
    shell:
        "{PYTHON:q} -m hrssm evaluate {params.directories:q} --device {DEVICE} --threads {threads} 2>&1 | tee {log:q}"


rule replicate:
    """The first steps of this system's archived runs, trained again and held against the archive."""
    input:
        lambda w: sorted(Path(f"experiments/archive/{w.system}").rglob("*.*")),
        lambda w: source_files(*kind(w.system).evaluation_roots, "experiments.report.replicate"),
        YAMLS,
        ancient(VERIFIED),
    output:
        f"{RESULTS}/replication/{{system}}.json",
    log:
        f"{RESULTS}/logs/replicate.{{system}}.log",
    resources:
        mem_mb=3000,
        runtime=20,
    shell:
        "{PYTHON:q} -m experiments.report.replicate --system {wildcards.system} --out {output:q} 2>&1 | tee {log:q}"


rule summary:
    input:
        EVALUATED.values(),
        f"{STAMPS}/{AGAIN}",
        sorted(Path("experiments/archive").rglob("*.*")) if SCALE == ARCHIVE else [],
        YAMLS,
        source_files("experiments.report.summary"),
    output:
        f"{RESULTS}/summary.parquet",
        f"{RESULTS}/summary.json",
    log:
        f"{RESULTS}/logs/summary.log",
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "{PYTHON:q} -m experiments.report.summary {SCRIPT} 2>&1 | tee {log:q}"


rule tables:
    input:
        rules.summary.output,
        YAMLS,
        source_files("experiments.report.tables"),
    output:
        [f"{RESULTS}/tables/{name}.json" for name in PLAN],
    log:
        f"{RESULTS}/logs/tables.log",
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "{PYTHON:q} -m experiments.report.tables {SCRIPT} 2>&1 | tee {log:q}"


rule ledger:
    input:
        rules.summary.output,
        YAMLS,
        source_files("experiments.report.ledger"),
        "hrssm/formulas/registry.json",
    output:
        f"{RESULTS}/ledger.json",
    log:
        f"{RESULTS}/logs/ledger.log",
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "{PYTHON:q} -m experiments.report.ledger {SCRIPT} 2>&1 | tee {log:q}"


rule figures:
    input:
        rules.summary.output,
        YAMLS,
        source_files("experiments.report.figures.make"),
        "hrssm/formulas/registry.json",
    output:
        [f"{RESULTS}/figures/{figure.name}.svg" for experiment in PLAN.values() for figure in experiment.figures],
        f"{RESULTS}/figures/dependencies.svg",
    log:
        f"{RESULTS}/logs/figures.log",
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "{PYTHON:q} -m experiments.report.figures.make {SCRIPT} 2>&1 | tee {log:q}"


rule tree_facts:
    input:
        YAMLS,
        source_files("experiments.report.tree_facts"),
    output:
        f"{RESULTS}/tree_facts.json",
        f"{RESULTS}/figures/clock.svg",
    log:
        f"{RESULTS}/logs/tree_facts.log",
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "{PYTHON:q} -m experiments.report.tree_facts --scale {SCALE} 2>&1 | tee {log:q}"


rule paper:
    input:
        VERIFIED,
        REPLICATED,
        rules.tables.output,
        rules.ledger.output,
        rules.figures.output,
        rules.tree_facts.output,
        sorted(Path("paper").rglob("*.typ")),
        "paper/references.bib",
        "hrssm/formulas/formulas.typ",
    output:
        f"{RESULTS}/paper.pdf",
        f"{RESULTS}/supplement.pdf",
    log:
        f"{RESULTS}/logs/paper.log",
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "({PYTHON:q} -m experiments.report.typeset --scale {SCALE} --out {output[0]:q} && "
        "{PYTHON:q} -m experiments.report.typeset --scale {SCALE} --source supplement --out {output[1]:q}) 2>&1 | tee {log:q}"


rule publish:
    """The paper of the scale that was asked for last."""
    input:
        rules.paper.output,
    output:
        "paper/paper.pdf",
        "paper/supplement.pdf",
    params:
        scale=SCALE,
    log:
        f"{RESULTS}/logs/publish.log",
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        "cp {input[0]:q} {output[0]:q} 2> {log:q} && cp {input[1]:q} {output[1]:q} 2>> {log:q}"


rule accept:
    """The paper stands, and says what did not replicate; now the build fails if anything did not."""
    input:
        REPLICATED,
        pdf="paper/paper.pdf",
    output:
        touch(f"{RESULTS}/accepted"),
    params:
        outcomes=REPLICATED,
    log:
        f"{RESULTS}/logs/accept.log",
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        "! grep -h -B 1 -A 3 'not replicated\",$' {params.outcomes:q} > {log:q} || "
        "(echo 'archived runs that this code does not make again:'; cat {log:q}; exit 1)"
