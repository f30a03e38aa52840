# `make help` lists the targets. Everything runs from .venv, installed from the lock files.

# A person's own settings must not decide what runs here; ports are chosen by LOG_ROUTER_PORT_... .
FOREIGN := AIRFLOW_% AWS_% BOTO_% LOG_ROUTER_% PG% PYTHON% PYTEST_% MYPY% RUFF_% VIRTUAL_ENV
MEANT := LOG_ROUTER_PORT_% LOG_ROUTER_CONFIG PYTHON
unexport $(filter-out $(MEANT),$(filter $(FOREIGN),$(.VARIABLES)))

BIN := .venv/bin
LOCK := local/set_up.sh uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: bench bench-quick help demo test faults accidents peers check up shell down install schemas lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s%s\n", $$1, $$2}' Makefile

demo: install ## start everything, load a few hours of events, show what came of it
	@$(BIN)/python -m local.demo

test: ## run all tests, three files at a time: they often wait for servers
	@local/set_up.sh browser
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

faults: install ## load under kills and faults, 1,000 seeds at each isolation level, against a plain reference
	@$(BIN)/python -m tests.harness --seeds 1000 --isolation both --jobs 2

accidents: install ## play some 25 accidents through a real Airflow, three quarters of an hour or more; SEED=n; SCENARIO=name: only that one
	@PYTHONPATH=plugins:. $(BIN)/python -m tests.accidents --seed $(or $(SEED),1) $(SCENARIO)

peers: install ## install dlt, dbt and SQLAlchemy's dialect apart from ours, and run them against the Redshift twin
	@local/set_up.sh peers
	@$(BIN)/python -m pytest tests/peers

bench: install ## measure the split beside what else splits, on one core; ten minutes; RECORD=release: also into the history
	@local/set_up.sh splitters
	@PYTHONPATH=plugins:. $(BIN)/python -m benchmarks.splitter $(if $(RECORD),--record $(RECORD))

bench-quick: install ## measure how near the split is to its limit; a minute
	@local/set_up.sh splitters
	@PYTHONPATH=plugins:. $(BIN)/python -m benchmarks.splitter --quick

check: install ## the fast loop: linters, types and unit tests
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/python -m pytest -q tests/unit

up: install ## start the embedded stack; LOG_ROUTER_CONFIG=folder: with that catalog (the demo is always its own)
	@$(BIN)/python -m local.launch up

shell: install ## a shell in which airflow, aws and psql reach the running stack; also: echo 'airflow ...' | make shell
	@$(BIN)/python -m local.launch shell

down: ## stop the embedded stack; its data stays
	@if ! ls .local/stack/run/*.pid >/dev/null 2>&1; then echo "Nothing was running."; exit; fi; \
	if [ ! -e .venv/.installed ]; then local/set_up.sh; fi && $(BIN)/python -m local.launch down

install: ## install what the lock files say
	@local/set_up.sh

schemas: install ## write the JSON Schemas of the configuration's files anew
	@PYTHONPATH=plugins:. $(BIN)/python -m local.schemas

lock: ## write the lock files anew from pyproject.toml
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group dev -o requirements-dev.txt
	$(LOCK) local/requirements-s3.in -o local/requirements-s3.txt
	$(LOCK) local/requirements-uv.in -o local/requirements-uv.txt
	$(LOCK) local/requirements-browser.in -o local/requirements-browser.txt
	for peer in tests/peers/requirements-*.in; do $(LOCK) $$peer -o $${peer%.in}.txt || exit; done
	$(LOCK) benchmarks/splitter/requirements-splitters.in -o benchmarks/splitter/requirements-splitters.txt

clean: down ## stop the stack and remove its data and all that was installed
	@rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache .hypothesis
