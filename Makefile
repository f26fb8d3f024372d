# Needs Python 3.11+, git and make. Everything else goes into .venv, from the locked requirements.

PYTEST_ARGS ?=
# Processes that run tests at once; files are shared out among them, in order: the longest have few tests and would come last.
TEST_WORKERS ?= auto
# Sizes of the databases that are measured.
CALLS ?= 1000000 10000000

# Tests that do more here than in `make test`, where each second counts: see tests/extent.py.
IN_WHOLE = tests/proxy/test_stop.py tests/proxy/test_azure_trace.py tests/store/test_migrate.py tests/capture/test_mutated.py \
	tests/store/test_sheets.py tests/dashboard/browser/test_looks.py

# The first of these that is new enough and can make virtual environments.
PYTHONS = python3.13 python3.12 python3.11 python3.14 python3 python
SUITS = import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in $(PYTHONS); do $$p -c "$(SUITS)" >/dev/null 2>&1 && { echo $$p; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-develop
BENCH_READY := $(VENV)/.ready-to-compare

# Only where they are given, so that settings from elsewhere still count.
ifdef PROXY_PORT
export USAGE_PROXY_PORT := $(PROXY_PORT)
endif
ifdef DASHBOARD_PORT
export USAGE_DASHBOARD_PORT := $(DASHBOARD_PORT)
endif

.PHONY: help run demo test lint format bench bench-detection bench-forecast chaos clean

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-15s %s\n", $$1, $$2 }'

run: $(RUN_READY) ## Start the proxy on :4000 and the dashboard on :8050 (PROXY_PORT, DASHBOARD_PORT)
	@exec $(BIN)/usage-plugin up

demo: $(RUN_READY) ## Show the dashboard on a generated company's 90 days
	@$(BIN)/usage-plugin demo
	@exec $(BIN)/python -m dashboard --demo

test: $(DEV_READY) ## Run the whole suite (PYTEST_ARGS="-k name")
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(DEV_READY) ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(DEV_READY) ## Put the code into its format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(DEV_READY) ## Measure: storing, time per call in a proxy, databases of 1 and 10 million calls (CALLS="...")
	@$(BIN)/python -m tests.bench.store
	@$(BIN)/python -m tests.bench.event_loop
	@$(BIN)/python -m tests.bench.gate
	@$(BIN)/python -m tests.bench.proxy
	@$(BIN)/python -m tests.bench.writers $(firstword $(CALLS))
	@$(BIN)/python -m tests.bench.scale $(CALLS)
	@$(BIN)/python -m tests.bench.prune $(lastword $(CALLS))

bench-detection: $(BENCH_READY) ## Measure the detector beside others: generated spend, the Numenta benchmark (NAB=folder), speed
	@$(BIN)/python -m tests.detection $(NAB)
	@$(BIN)/python -m tests.detection.stored
	@$(BIN)/python -m tests.bench.detection_step

bench-forecast: $(BENCH_READY) ## Measure forecasts of generated spend and of real series: errors beside simple ones, and what intervals hold
	@$(BIN)/python -m tests.forecast

chaos: $(DEV_READY) ## Kill proxies, take databases away, and count (SEED, KILLS, OUTAGES)
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS)) $(if $(OUTAGES),--outages $(OUTAGES))
	@WHOLE=1 $(BIN)/python -m pytest -q $(IN_WHOLE)
	@$(BIN)/python -m tests.chaos.store_down

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv found. Install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing what it runs on (requirements/run.txt) ..."
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_READY): requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what it is tested with (requirements/dev.txt) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(RUN_READY) $@

$(BENCH_READY): requirements/bench.txt requirements/series.txt $(DEV_READY)
	@echo "Installing what the detector and forecasts are compared with (requirements/bench.txt, series.txt) ..."
	@$(PIP) install --require-hashes -r requirements/bench.txt
	@$(PIP) install --require-hashes --no-deps -r requirements/series.txt
	@touch $@
