# What can be done with this checkout; each command first makes or refreshes .venv, which costs nothing when it is current.
# `make PYTHON=/path/to/python3 ...` chooses the interpreter, `make test TESTS=tests/db` a part of the tests.

BIN := .venv/bin
RUN := $(BIN)/python -m
TESTS ?=
BENCH = $(if $(REPORT),--report $(REPORT)) $(if $(RUNS),--runs $(RUNS))
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'

# Most of what we start are processes of our own code: compiled once, not at each start, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check attack rolling chaos races soak cluster-check shop-day audit proto up bench lock lock-platforms clean

help: ## Show these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

setup: ## Make .venv with the locked packages
	@PYTHON='$(PYTHON)' sh setup.sh

demo: setup ## Start the whole stack, watch a checkout story with its numbers, stop everything
	@exec $(RUN) holdfast demo

test: setup ## Run all tests, those on the real servers included, on all cores
	@exec $(RUN) pytest -n auto $(TESTS)

check: setup ## Format, lint, types, import contracts, generated code
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) mypy
	$(BIN)/lint-imports --no-logo
	$(RUN) gateway.rpc.generate --check

attack: setup ## Attack the whole service for SECONDS (120) with questions of SEED (7), and tell what held
	@exec $(RUN) tests.attack --seconds $(or $(SECONDS),120) --seed $(or $(SEED),7) $(if $(REPORT),--report $(REPORT))

chaos: setup ## Kill, freeze, restart and cut off every part for SECONDS (240) with the dice of SEED (7), and judge
	@exec $(RUN) tests.chaos --seconds $(or $(SECONDS),240) --seed $(or $(SEED),7) $(if $(REPORT),--report $(REPORT))

races: setup ## Try every schedule with two interruptions (at most SCHEDULES of each, 1000) of all who want the same rows
	@exec $(RUN) tests.concurrency --schedules $(or $(SCHEDULES),1000) --seed $(or $(SEED),7) $(if $(REPORT),--report $(REPORT))

soak: setup ## Open RESERVATIONS (50000), let all fall due at once, and tell what it took (some 50 minutes)
	@exec $(RUN) tests.soak --reservations $(or $(RESERVATIONS),50000) --seed $(or $(SEED),7) $(if $(REPORT),--report $(REPORT))

cluster-check: setup ## Acceptance, bench and chaos (SECONDS, 120; SEED, 7) on Temporal over Postgres and Apache Kafka
	@exec $(RUN) tests.cluster --seconds $(or $(SECONDS),120) --seed $(or $(SEED),7) $(if $(REPORT),--report $(REPORT))

shop-day: setup ## Spend a day of STEPS (2000) in a shop whose books know every right answer, by the dice of SEED (1)
	@exec $(RUN) tests.acceptance.shop_day --steps $(or $(STEPS),2000) --seed $(or $(SEED),1)

rolling: setup ## Replace every process in turn under load for SECONDS (180): no request may fail
	@exec $(RUN) tests.rolling --seconds $(or $(SECONDS),180) --seed $(or $(SEED),7) $(if $(REPORT),--report $(REPORT))

audit: setup ## Ask whether a vulnerability is known in anything that is locked
	@exec $(RUN) tests.audit

proto: setup ## Generate the gRPC stubs from the proto file
	$(RUN) gateway.rpc.generate

up: setup ## Keep the stack and all processes running until Ctrl-C
	@exec $(RUN) holdfast up

bench-setup: setup ## Add what the bench compares with and draws by; it does without, saying so
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes --requirement requirements-bench.txt \
	  || echo 'Going on without DBOS Transact and plots.'

bench: bench-setup ## Measure latency and capacity beside their yardsticks (REPORT=file.json, RUNS=3)
	@exec $(RUN) holdfast bench $(BENCH)

flash-sale: setup ## Sell 1 000 pieces of one row to 20 000 buyers over REST and Kafka (REPORT=file.json)
	@exec $(RUN) holdfast bench --flash-sale $(BENCH)

bench-queries: setup ## Measure queries on five million movements, and check their plans (REPORT=file.json)
	@exec $(RUN) holdfast bench --queries $(BENCH)

lock: setup ## Resolve the dependencies anew (UPGRADE=--upgrade for the newest versions)
	$(COMPILE) pyproject.toml --extra stack --extra dev $(UPGRADE) --output-file requirements.txt
	$(COMPILE) pyproject.toml --constraint requirements.txt --output-file requirements-service.txt
	$(COMPILE) pyproject.toml --extra bench --constraint requirements.txt --output-file requirements-bench.txt
	echo hatchling | $(COMPILE) - --constraint requirements.txt --output-file deploy/requirements-build.txt
	@$(MAKE) lock-platforms

lock-platforms: ## Check that every locked package has a wheel wherever we promise to run
	@for platform in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin; do \
	  for version in 3.11 3.12 3.13 3.14; do \
	    echo "$$platform, Python $$version"; \
	    $(BIN)/uv pip install --quiet --dry-run --target .venv/nowhere --no-deps --only-binary :all: --require-hashes \
	      --python-platform $$platform --python-version $$version \
	      --requirement requirements.txt --requirement requirements-bench.txt || exit 1; \
	  done; \
	done

clean: ## Drop the data of `make up` and all caches; .venv stays
	@if [ -x $(BIN)/python ]; then $(RUN) holdfast clean; fi
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
