# One entry for each thing a person does here; `make help` lists them. Every target does its own
# set-up and does nothing twice: a stamp inside .venv is written last, so that an interrupted
# set-up is taken up again, and it names this directory, because a virtual environment that was
# moved with its clone does not work.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ARGS ?=
PYTEST_ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PG15 := /usr/lib/postgresql/15/bin
PYTEST := $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# `make test` leaves these out on the older server: they say nothing of the server's SQL (bugs
# planted in Python, checks of files and bytes, the program that starts servers) or ask of it what
# another test asks too. `make soak` leaves out nothing.
ON_18_ONLY := test_planted_*.py bulk/test_bulk_planted_bugs.py loading/* \
  test_damage_matrix.py test_proof_*.py test_offline.py test_seal_rows.py test_merkle.py \
  test_digest.py test_money.py test_dates.py test_units.py test_history_*.py \
  test_recorded_history.py test_consumers.py test_embedded.py
HERE := $(shell printf '%s' '$(CURDIR)' | cksum | cut -d' ' -f1)
MADE := $(VENV)/.made-$(HERE)
RUNTIME := $(VENV)/.runtime-$(HERE)
DEV := $(VENV)/.dev-$(HERE)
UNFINISHED := $(VENV)/.unfinished
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PIP_INSTALL := $(PIP) install -qq --only-binary :all: --require-hashes

# A .venv whose interpreter was upgraded away, or whose installation was cut short in the middle of
# a package, cannot be trusted and is made again.
ifeq ($(shell test -x $(BIN)/python && test ! -e $(UNFINISHED) && echo usable),)
$(shell rm -f $(MADE) $(RUNTIME) $(DEV))
endif

.PHONY: help setup demo test check gates bench serve verify soak tools clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(DEV) ## create .venv with everything pinned by hash (the other targets do it themselves)
	@echo "==> .venv is ready; the command line is $(BIN)/cff"

demo: $(RUNTIME) ## live through a month of the Facility; make demo ARGS="--scale 10" for ten times more
	@$(BIN)/cff demo $(ARGS)

test: gates tools ## everything: the gates of `make check`, all the tests in their short form; PYTEST_ARGS goes to pytest
	@mkdir -p build/test && rm -f build/test/*.xml
	@echo "==> all tests"
	@$(PYTEST) tests --junitxml=build/test/suite.xml $(PYTEST_ARGS)
	@if [ -x $(PG15)/initdb ]; then \
	  echo "==> the ledger's SQL on PostgreSQL 15"; \
	  CFF_PG_BIN=$(PG15) CFF_PROFILE=quick $(PYTEST) tests/ledger tests/migrations \
	    $(patsubst %,'--ignore-glob=tests/ledger/%',$(ON_18_ONLY)) \
	    --junitxml=build/test/postgresql-15.xml $(PYTEST_ARGS); \
	else echo "==> not run on PostgreSQL 15: apt-get install postgresql-15"; fi

check: gates ## the gates that need no database: style, types, the arrow, migrations, house rules
	@echo "==> house rules"
	@$(BIN)/python -m pytest tests/house --quiet $(PYTEST_ARGS)

gates: $(DEV)
	@echo "==> ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "==> import-linter"
	@$(BIN)/lint-imports --no-logo
	@echo "==> squawk"
	@find migrations/versions -name '*.sql' | sort | xargs -r $(BIN)/squawk
	@echo "==> mypy"
	@$(BIN)/mypy

tools: $(DEV)
	@$(BIN)/python -m tests.house.outside_tools

bench: $(DEV) ## the measurements of benchmarks/, at most eight minutes
	@$(BIN)/python -m benchmarks $(ARGS)

serve: $(RUNTIME) ## the HTTP door
	@$(BIN)/cff serve $(ARGS)

verify: $(RUNTIME) ## prove the book against the independent model; exit 1 names the differences
	@$(BIN)/cff verify $(ARGS)

soak: gates tools ## the long forms of the tests: hours, not minutes
	@echo "==> all tests, long forms"
	@CFF_PROFILE=soak $(PYTEST) tests --timeout 0 $(PYTEST_ARGS)
	@echo "==> everything that has a database, on PostgreSQL 15"
	@CFF_PG_BIN=$(PG15) CFF_PROFILE=ci $(PYTEST) tests/ledger tests/migrations tests/products tests/api \
	  --timeout 0 $(PYTEST_ARGS)
	@echo "==> measurements, long forms: the whole proof, finding, the loader's memory"
	@$(BIN)/python -m benchmarks --soak
	@$(BIN)/python -m benchmarks.posting --memory

clean: ## remove .venv, caches and generated files under build/; git's files and the book stay
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@rm -rf *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "No '$(PYTHON)' on this machine: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed and '$(PYTHON)' is" \
	    "$$($(PYTHON) -V 2>&1); name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: apt-get install python3-venv" >&2; \
	  exit 1; }
	@echo "==> creating .venv with $$($(PYTHON) -V 2>&1)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(RUNTIME): $(MADE) requirements/runtime.txt pyproject.toml
	@echo "==> installing what runs in production, pinned by hash (about 15 seconds, once)"
	@touch $(UNFINISHED)
	@$(PIP_INSTALL) -r requirements/runtime.txt
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@rm -f $(UNFINISHED)
	@touch $@

$(DEV): $(RUNTIME) requirements/dev.txt
	@echo "==> installing gates and test tools, pinned by hash (about 15 seconds, once)"
	@touch $(UNFINISHED)
	@$(PIP_INSTALL) -r requirements/dev.txt
	@rm -f $(UNFINISHED)
	@touch $@
