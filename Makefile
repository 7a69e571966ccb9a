# The front door: `make` lists what there is. Needs make, git, CPython 3.11 and uv, nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

TOOLS := .farol/tools
APP := $(TOOLS)/app/bin
FLINK := $(TOOLS)/flink/bin
export PYTHONPATH := $(CURDIR)
# bytecode is kept, out of the source tree: see the launcher
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.farol/pycache

PACKAGES := contracts sim flink_jobs api deploy
SERVERS := kafka or redis or catalog or flink or trino or browser or e2e
# the shared test stack belongs to one worker; tests without servers share the cores
PYTEST := $(APP)/python -m pytest
WORKERS ?= 2

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup:  ## Install what is missing below .farol (1.8 GB the first time, then nothing)
	@./farol setup

.PHONY: demo
demo:  ## Run the whole loop: DEMO_MINUTES=5; KEEP=1 leaves the city running until Ctrl-C
	@./farol setup --no-browser
	@./farol demo $(if $(KEEP),--keep)

.PHONY: test
test: setup check test-unit test-web test-flink test-servers  ## Set up, check, and run every test, servers included
	@echo "make test: everything passed"

.PHONY: check
check: setup  ## Formatter, linters, types, layers, rendered files
	@$(APP)/ruff format --check $(PACKAGES) tests docs/notebooks
	@$(APP)/ruff check $(PACKAGES) tests docs/notebooks
	@$(APP)/mypy $(PACKAGES)
	@$(APP)/lint-imports
	@$(APP)/sqlfluff lint --processes 2 sql/flink sql/trino
	@cd dbt && $(CURDIR)/$(APP)/sqlfluff lint --processes 2 models
	@$(APP)/python -m contracts.render --check

.PHONY: test-unit
test-unit: setup  ## Tests without servers
	@$(PYTEST) tests -n $(WORKERS) --dist loadfile --ignore tests/flink -m "not ($(SERVERS) or bench)" \
		--hypothesis-profile=ci

.PHONY: test-web
test-web: setup  ## Types and tests of the map
	@cd api/web && PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" npm run types && PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" npm test

.PHONY: test-flink
test-flink: setup  ## Every job on a local runtime, against real servers
	@$(FLINK)/python -m pytest tests/flink -m "not bench"

.PHONY: test-servers
test-servers: setup  ## Integration, browser and end-to-end tests on real servers
	@$(PYTEST) tests -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/flink \
		-m "($(SERVERS)) and not (bench or drill)"

.PHONY: contracts
contracts: setup  ## Render DDL, schemas, sources and types from the contracts
	@$(APP)/python -m contracts.render

.PHONY: web
web: setup  ## Build the map again (setup builds it once)
	@cd api/web && PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" npm run build

.PHONY: format
format: setup  ## Format Python files
	@$(APP)/ruff check --fix --select I $(PACKAGES) tests
	@$(APP)/ruff format $(PACKAGES) tests

.PHONY: bench
bench: setup  ## Record figures (minutes; wants a quiet machine)
	@$(PYTEST) tests/bench -m bench -s

.PHONY: soak-sim
soak-sim: setup  ## A million simulated trips: no illegal transition, no centavo lost (an hour)
	@$(APP)/python -m tests.bench.sim_soak

.PHONY: drill
drill: setup  ## Kill every server under load, in seeded orders (FAROL_FAULT_SEEDS=1,2,3)
	@$(PYTEST) tests/e2e/test_drill.py -m drill

.PHONY: lock
lock:  ## Maintainers: pin the Python packages anew
	@for name in app flink airflow; do \
		uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header -p 3.11 \
			--group $$name -o requirements/$$name.txt >/dev/null; done

.PHONY: lock-jars
lock-jars: setup  ## Maintainers: resolve deploy/jvm/jars.toml into jars.lock
	@$(APP)/python -m deploy.jvm.resolve

.PHONY: clean
clean:  ## Stop this clone's stack and remove its state; tools and downloads stay
	@if [ -x $(APP)/python ]; then ./farol down; fi
	@rm -rf .farol/state .farol/state-previous .farol/pycache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: distclean
distclean: clean  ## Remove the tools too; the shared downloads stay
	@rm -rf .farol api/web/node_modules api/web/dist
