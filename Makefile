# Two commands do most of it: `make demo` and `make test`. Both set up what they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help licences demo test test-all test-tools wheel test-wheel test-long test-docker test-kafka test-kubernetes test-real test-lowest test-newest release-notes chaos setup down lint format bench audit sbom lock clean

help: ## Show what can be made
	@printf 'threemaps: one request, three service maps\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## Start everything, send requests, compare the three maps
	@$(BIN)/threemaps demo

down: ## Stop everything that runs in the background
	@if [ -x $(BIN)/threemaps ]; then $(BIN)/threemaps down; else echo 'Nothing runs.'; fi

setup: $(READY) ## Make the virtual environment, with every package checked against its hash

$(READY): requirements.lock pyproject.toml setup.sh
	@PYTHON='$(PYTHON)' sh setup.sh $(VENV)
	@touch $@

# Tests mostly wait, for processes and queues: two workers a core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --durations 10 --durations-min 1 -r s $(if $(COVERAGE),--cov --cov-report term:skip-covered)

test: setup ## Run the tests, five minutes at most on two cores; COVERAGE=1 measures which lines they run
	@$(PYTEST)

test-all: setup test-long test-wheel test-docker test-kafka ## Run what `make test` leaves out: chaos, fuzzing, containers, Kafka, a cluster
	@$(BIN)/python -m tests.system.kubernetes.run --if-cached $(BIN)/python -m pytest -m kubernetes tests/system/kubernetes

test-tools: setup ## Get what some tests need beyond Python: collector, Chromium, kustomize
	@$(BIN)/python -m tests.tools

wheel: setup ## Build dist/threemaps-*.whl, with everything that the demo needs inside
	@rm -rf build dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@rm -rf build && ls dist

test-wheel: wheel ## Install the wheel into an empty environment and run the demo from an empty folder
	@$(BIN)/pytest -m wheel tests/system/test_wheel.py

test-long: setup
	@$(PYTEST) -m 'long and not docker and not kafka and not kubernetes and not wheel'

chaos: setup ## Break backends, collector and disk one after the other; a table of what was lost
	@$(BIN)/python -m tests.system.chaos

test-real: setup ## Hold the stand-ins against real accounts; says first what it makes there, and what that costs
	@$(BIN)/python -m tests.real

test-docker: setup ## Run `docker compose up` and break it; gets an engine and Compose where there is none
	@$(BIN)/python -m tests.system.docker.run $(BIN)/python -m pytest -m docker tests/system/docker

test-kafka: setup ## Run Kafka between the two tiers and break it; needs Java, Maven and Go
	@$(BIN)/python -m pytest -m kafka tests/system/kafka

test-kubernetes: setup ## Start a Kubernetes of one node, run threemaps in it and break it; builds the node first, 25 minutes once
	@$(BIN)/python -m tests.system.kubernetes.run $(BIN)/python -m pytest -m 'kubernetes and not long' tests/system/kubernetes

# Environments of their own, with other versions than the lock's (needs uv).
test-lowest test-newest: test-%: ## Run unit and component tests with the lowest, or the newest, versions that pyproject.toml allows
	@uv venv --quiet --clear --python $(PYTHON) .venv-$*
	@uv pip install --quiet --python .venv-$*/bin/python --resolution $(if $(filter lowest,$*),lowest-direct,highest) \
	  --editable '.[demo,dev,build]'
	@.venv-$*/bin/pytest --numprocesses $(WORKERS) tests/unit tests/component

release-notes: setup ## Write build/release-notes.md: what CHANGELOG.md says of this version
	@mkdir -p build
	@version=$$($(BIN)/threemaps --version | cut -d ' ' -f 3); \
	  awk -v version="$$version" '/^## / { on = index($$0, "[" version "]") } on' CHANGELOG.md > build/release-notes.md
	@test -s build/release-notes.md || { echo "CHANGELOG.md has no section for this version"; exit 1; }

lint: setup ## Check style, types, licences, the direction of imports and that nothing is unused
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@out=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$out"; exit 1; }
	@$(BIN)/vulture
	@$(BIN)/python -m tests.licences

licences: setup ## Write NOTICE anew; the Go modules have to be in Go's cache, as after building the collector
	@$(BIN)/python -m tests.licences --write

format: setup ## Put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Measure, side by side with the alternatives
	@$(BIN)/python -m bench

AUDIT := .venv-audit
$(AUDIT)/.ready: requirements-audit.lock
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

audit: $(AUDIT)/.ready ## Look for known vulnerabilities in what the lock pins (asks PyPI, or OSV)
	@$(AUDIT)/bin/python -m tests.audit

sbom: $(AUDIT)/.ready ## Write build/sbom.json: what the image and the collector are made of
	@mkdir -p build
	@$(AUDIT)/bin/cyclonedx-py requirements requirements-image.lock --pyproject pyproject.toml --output-file build/sbom.json
	@echo 'build/sbom.json: the Python packages; collector/distribution/go.mod lists the modules of the collector'

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url pyproject.toml
lock: ## Pin what pyproject.toml asks for, keeping the pins there are; UPGRADE=--upgrade pins anew (needs uv)
	$(LOCK) $(UPGRADE) --all-extras --output-file requirements.lock
	$(LOCK) --extra services --extra standins --extra build --constraints requirements.lock \
	  --output-file requirements-image.lock

clean: down ## Forget everything: processes, data, logs, virtual environment
	@rm -rf .threemaps $(VENV)
