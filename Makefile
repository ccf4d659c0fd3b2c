# The two commands of a newcomer are `make demo` and `make test`; `make check` is the inner loop.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Frameworks are heavy, and stay out of the environment of every day.
WORLD := .venv-world
# A place for the demo, for example `make demo REGION=gcp:europe-west1`.
REGION ?=
# Notices of tools about themselves, which no page is about.
QUIET_DOCS := DISABLE_MKDOCS_2_WARNING=true NO_MKDOCS_2_WARNING=1

.PHONY: help demo check test test-world fuzz bench pictures profiles notebooks browser-ready lint types tests docs docs-serve clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/.demo ## Measure a real training, fill its card, write its dashboard (REGION=gcp:europe-west1 states emissions)
	@$(BIN)/python profiles/digits/demo.py $(if $(REGION),--region "$(REGION)")

check: lint types ## Lint, types and fast tests: the inner loop, under two minutes
	$(BIN)/python -m pytest -q -n auto -m "not slow and not browser and not world"

test: lint browser-ready ## Everything but what needs other services: also faults and the browser
	@$(MAKE) --no-print-directory -j 2 types tests

tests: $(VENV)/.dev browser-ready
	$(BIN)/python -m pytest -q -n auto -m "not world"

test-world: $(WORLD)/.done ## The whole journeys, in fresh clones, and trainings with frameworks in an environment of their own
	$(WORLD)/bin/python -m pytest -q -n auto --dist loadfile -m world

fuzz: $(VENV)/.dev ## 200,000 mutated cards, filled and held to the laws of a fill
	$(BIN)/python -m tests.fuzz

bench: $(VENV)/.dev browser-ready ## Benchmarks against peers, in the same run
	$(BIN)/python -m tests.benchmarks

lint: $(VENV)/.dev
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

types: $(VENV)/.dev
	$(BIN)/mypy

pictures: $(VENV)/.dev browser-ready ## The README's pictures, of the last `make demo`
	$(BIN)/python docs/pictures.py

profiles: $(WORLD)/.done ## Measure the profiles of real models on this machine, fill their cards and the table (REGION=… states emissions)
	$(WORLD)/bin/python -m profiles.measure $(if $(REGION),--region "$(REGION)")

notebooks: $(VENV)/.dev browser-ready ## Run the notebooks and keep their outputs in them
	$(BIN)/python -m tests.notebooks

docs: $(VENV)/.dev ## The site of the documentation, in site/index.html; a warning is an error
	@$(QUIET_DOCS) $(BIN)/mkdocs build --strict

docs-serve: $(VENV)/.dev ## The same on http://127.0.0.1:8000, built again as its sources change
	@$(QUIET_DOCS) $(BIN)/mkdocs serve

browser-ready:
	@tests/browser/ensure-chromium

clean: ## Remove what was made, not what was measured
	rm -rf $(VENV) $(WORLD) .mypy_cache .ruff_cache .pytest_cache .hypothesis .demo build dist site

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("footprint needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	@echo "Setting up (once, a minute or two) …"
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "Setting up for development (once, a minute or two) …"
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.demo

$(WORLD)/.done: pyproject.toml
	@echo "Setting up the frameworks (once, some minutes; 2 GB) …"
	$(PYTHON) -m venv $(WORLD)
	$(WORLD)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[world]'
	@touch $@
