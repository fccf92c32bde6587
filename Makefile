# make paper [SCALE=archive|smoke|laptop|published] [DEVICE=auto|cpu|cuda]   from a bare clone to paper/paper.pdf
# make site                                                           the reference as a static site, in site/
# make test                                                           every test: library, pipeline, proofs, docstrings
# Needs Python 3.11 or newer (PYTHON=python3.12 to choose one). Everything is installed into .venv.
PYTHON ?= python3
SCALE ?= archive
DEVICE ?= auto
CORES ?= all
BIN = .venv/bin
INSTALLED = .venv/installed

.PHONY: paper site test test-all lint clean slurm-test

paper: $(INSTALLED)
	$(BIN)/snakemake --cores $(CORES) --config scale=$(SCALE) device=$(DEVICE)

# It needs neither torch nor a run: only what the extra "site" names is installed. Results that are there are shown.
site: .venv/site
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/mkdocs build --quiet --strict --config-file web/mkdocs.yml
	$(BIN)/python -m web.check site

.venv/site: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		$$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["site"])')
	touch $@

test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow"

# With what takes half a minute or more each: long fuzzing, damage of every kind, Snakemake on copies of the project.
test-all: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[paper,proofs,site,dev,atari,arm]'
	touch $@

clean:
	rm -rf .venv results site paper/*.pdf .snakemake

# The DAG through a real Slurm on this machine, with kills on the way; says so where Slurm cannot be had.
slurm-test: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cluster]'
	$(BIN)/python -m tests.cluster.slurm
