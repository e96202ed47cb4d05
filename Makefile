# `make demo` runs the main job, `make test` the tests; both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCUMENTED := $(VENV)/.documented

NETWORKS ?= resnet18 resnet50 vgg11 vgg16 vgg19 convl convs deconvl deconvs unetl unets

.PHONY: demo test test-slow lint types docs topologies results bench clean

$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nfenergy needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

demo: $(INSTALLED)
	$(BIN)/nfenergy simulate --base resnet18 --gen convs

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

# Traces every network anew into topologies/csv; review the difference before it is committed.
topologies: $(INSTALLED)
	$(BIN)/python -m nfenergy.exports

# About three hours on two cores; needs Fashion-MNIST (apt-get install dataset-fashion-mnist).
results: $(INSTALLED)
	$(BIN)/nfenergy experiment run all --scale small --out results --stages runs/stages
	$(BIN)/nfenergy experiment report results

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

$(DOCUMENTED): $(INSTALLED) requirements-docs.lock
	$(BIN)/python -m pip install --quiet --requirement requirements-docs.lock
	touch $@

# Runs the commands of the pages, which takes a minute or two; their outputs are kept in .docs-cache.
docs: $(DOCUMENTED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# About half an hour on two cores, plain SCALE-Sim above all; copy the figures into benchmarks/README.md.
bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.bit_errors
	$(BIN)/python -m benchmarks.eopm_step
	$(BIN)/python -m benchmarks.protections
	$(BIN)/python -m benchmarks.scalesim_engine
	$(BIN)/python -m benchmarks.closed_form --networks $(NETWORKS)

clean:
	rm -rf $(VENV) .docs-cache site
