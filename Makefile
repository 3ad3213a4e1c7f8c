# Two commands do everything on a fresh machine that has git, Python 3.11+ and make:
#   make up     see the product at work, without a cluster; make down ends it
#   make test   everything CI runs
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
ALLOT := $(BIN)/allot
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
# What the live tests need beside the programs of every sandbox.
EXTENSIONS := --with jobset --with leaderworkerset --with rayjob --with trainjob

# Without the bytecode that Python keeps, each command and each server compiles 1,700 modules anew: four seconds, not two.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup up test check lint unit corpus live nightly golden pictures lock bench wheel image wheel-compiled clean
help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml tools/setup.sh
	@sh tools/setup.sh $(VENV)
	@touch $@

setup: $(READY) ## a virtual environment with the locked dependencies

up: $(READY) ## the portal, with a few example jobs that run on this machine; no cluster needed
	@sh tools/up.sh $(ALLOT)

down: $(READY) ## end the jobs of this machine, and the server that runs them
	@$(ALLOT) down --stop-jobs

check: test ## the same as `make test`: exactly what CI runs

test: $(READY) ## format, lint, types, layers, unit, corpus and live tests (the first run builds a control plane)
	@sh tools/test.sh $(BIN)

lint: $(READY) ## format, lint, types, layers
	$(BIN)/ruff format --check src tests benchmarks tools
	$(BIN)/ruff check src tests benchmarks tools
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(READY) ## unit tests: offline, under a minute
	$(PYTEST) -q -n auto -m "not live and not corpus and not nightly"

corpus: $(READY) ## replay a sample of the recorded decisions found through ALLOTMENT_DATA
	$(PYTEST) -q -n 2 -m "corpus and not nightly"

# Sandboxes spend memory instead of time: docs/sandbox.md.
live nightly: export GOGC = 200
live nightly: export GOMEMLIMIT = 1500MiB

live: $(READY) ## tests against a real control plane, the end-to-end story included
	$(ALLOT) sandbox build $(EXTENSIONS)
	$(BIN)/python -m tools.build_prometheus
	$(PYTEST) -q -n 2 --dist loadscope --no-loadscope-reorder -m "live and not nightly"

# What `-m nightly` chooses tries all of its examples, too: tests/by_day.py.
nightly: export ALLOTMENT_EXAMPLES = all
nightly: $(READY) ## the long runs: all scenarios, all mutations, all examples of random tests, a quarter of an hour of load
	$(PYTEST) -q -n 2 -m "hypothesis and not live and not corpus and not nightly"
	$(ALLOT) sandbox build $(EXTENSIONS)
	$(BIN)/python -m tools.build_prometheus
	$(BIN)/python -m tools.build_karpenter
	$(PYTEST) -q -n 2 --dist loadscope --no-loadscope-reorder -m nightly
	$(BIN)/python -m benchmarks.api --soak --minutes 15

golden: $(READY) ## write the golden files anew; read the diff before you commit it
	ALLOTMENT_UPDATE_GOLDEN=1 $(PYTEST) -q tests/unit/render tests/unit/jobs

pictures: $(READY) ## the portal's screens, in both themes, into docs/pictures/portal/ (Debian: chromium)
	$(BIN)/python -m tools.portal_pictures

lock: ## resolve the locked requirements anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade --group dev pyproject.toml -o requirements/dev.txt

wheel: $(READY) ## dist/: the wheel in pure Python, for every machine
	$(BIN)/python -m hatchling build -t wheel

image: $(READY) ## the server's container image, in buildah's storage (Debian: mmdebstrap, buildah; as root)
	$(BIN)/python -m tools.build_image

wheel-compiled: $(READY) ## dist/: the wheel whose engine is compiled (needs a C compiler; a minute)
	ALLOTMENT_COMPILE=1 $(BIN)/python -m hatchling build -t wheel

bench: $(READY) ## the plan benchmark beside kubectl
	$(BIN)/python -m benchmarks.plan

clean: ## remove what was built here; caches in the user's folders stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .allotment
