"""A small copy of the project in which the real Snakefile runs, on two cells that train for a moment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXPERIMENT = """\
id: e3_seeds
title: Two cells
group: alignment
question: "Is it so?"
setup: "Tiny."
metrics: [mse, rho_height]
does_not_show: []
first_seed: 0
base:
  data: {branching: 2, depth: 3, observation_dim: 8, embedding_dim: 4}
  training: {steps: 8, batch: 4, length: 3}
  model: {hidden: 8, encoder: {width: 8}}
  evaluation: {walks: 6, length: 4}
cells:
  hg: {latent: {family: hg, dim: 4}}
  gaussian: {latent: {family: gaussian, dim: 4}}
claims:
  - id: e3-one
    statement: "It is."
    source: "nobody"
    quantity: {cell: hg, metric: rho_height}
    relation: ">"
    against: 0.0
figures:
  - {name: e3, draw: cells, metrics: [mse], caption: "Dots."}
"""
TARGETS = ("results/smoke/ledger.json", "results/smoke/tables/e3_seeds.json", "results/smoke/figures/e3.svg")


def copy(folder: Path) -> Path:
    """The checkout without what the pipeline does not run, and with this one experiment."""
    for name in ("hrssm", "derivations", "experiments", "profiles"):
        skip = shutil.ignore_patterns(
            "__pycache__", ".cache", "archive", "*.yaml" if name == "experiments" else ".none"
        )
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for name in ("Snakefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / "paper").mkdir()
    (folder / "experiments" / "rssm").mkdir(exist_ok=True)
    (folder / "experiments" / "rssm" / "e3_seeds.yaml").write_text(EXPERIMENT)
    (folder / "experiments" / "scales.yaml").write_text("smoke: {seeds: 2, cells_per_job: 1}\n")
    return folder


def environment(folder: Path) -> dict[str, str]:
    """A process of this checkout, with a home of its own."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SNAKEMAKE", "PYTEST"))}
    return kept | {"PYTHONPATH": str(folder), "HOME": str(home), "XDG_CACHE_HOME": str(home), "OMP_NUM_THREADS": "1"}


def verified(folder: Path) -> None:
    """Put the stamp there that says that the proofs have been checked: what they prove is not on trial here."""
    code = (
        "from derivations import contents; from hrssm.records.sources import digest\n"
        "print(digest(*contents.modules(), 'derivations.__main__', 'derivations.emission.registry'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(folder), capture_output=True, text=True, check=True
    )
    stamp = folder / "results" / "smoke" / ".stamps" / f"verified--sources.{done.stdout.strip()}"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()


def command(*arguments: str) -> list[str]:
    """Snakemake at smoke scale, for what these tests ask of it."""
    return [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "1",
        *(arguments or TARGETS),
        "--config",
        "scale=smoke",
        "device=cpu",
    ]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of it; stdout and stderr come together."""
    verified(folder)
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
