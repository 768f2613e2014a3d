# Winnow's commands. `make` or `make help` lists them.
#
# Only the targets' own programs write to standard output: what is said about the environment goes to standard
# error, so that the last line of `make demo ONCE=1` and of `make bench NAME=...` is their JSON.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
DATA ?=
ONCE ?=
NAME ?=
ARGS ?=

.PHONY: help env run demo test lint format words bench stop clean

help: ## List the targets
	@echo "Usage: make TARGET"
	@sed -nE 's/^([a-z]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{printf "  %-8s %s\n", $$1, $$2}'

env: $(STAMP) ## Make .venv with everything installed (PYTHON=python3.12 picks the interpreter)
	@:

$(STAMP): pyproject.toml constraints.txt
	@{ \
	command -v "$(PYTHON)" >/dev/null || { \
		echo "There is no $(PYTHON). Winnow needs Python 3.11 or newer: make $(or $(MAKECMDGOALS),env) PYTHON=/path/to/python3"; exit 1; }; \
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is $$("$(PYTHON)" --version). Winnow needs 3.11 or newer: make $(or $(MAKECMDGOALS),env) PYTHON=/path/to/python3"; exit 1; }; \
	"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }; \
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv; \
	echo "Installing into .venv; the first time takes some minutes."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[embedded,judge,demo,dev]"; \
	touch $(STAMP); \
	} >&2

run: env ## Start everything for development: web on PORT (8000), worker, gpu, beat
	@$(BIN)/python manage.py migrate --no-input --verbosity 0 >&2
	@PATH="$(CURDIR)/$(BIN):$$PATH" DEBUG="$${DEBUG:-1}" PORT="$${PORT:-8000}" \
		WEB_CONCURRENCY="$${WEB_CONCURRENCY:-2}" GUNICORN_CMD_ARGS="$${GUNICORN_CMD_ARGS:---bind 127.0.0.1:$${PORT:-8000} --reload}" \
		exec $(BIN)/honcho start

demo: env ## Start everything and play the loop; DATA=FOLDER takes ESCI files, ONCE=1 stops after one turn
	@exec $(BIN)/python -m simulation.play $(if $(DATA),--data "$(DATA)") $(if $(filter 1,$(ONCE)),--once) $(ARGS)

# All of them run in several processes, a file at a time in each; what is narrowed runs in one, as a debugger needs it.
test: env ## Run every test; ARGS="tests/worker -x" narrows them
	@command -v chromium chromium-browser google-chrome >/dev/null || \
		echo "There is no Chromium, so the browser tests are skipped. On Debian and Ubuntu: apt-get install chromium" >&2
	@exec $(BIN)/python -m pytest $(or $(ARGS),-n logical --maxprocesses 4 --dist loadfile)

lint: env ## Check format, ruff, types, import contracts and migrations
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy --explicit-package-bases .
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check

format: env ## Format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

words: env ## Collect the pages' words into locale/ and compile the translations
	@exec $(BIN)/python -m config.catalogs

bench: env ## Run the benchmark NAME, with ARGS; without NAME, list them
ifeq ($(NAME),)
	@exec $(BIN)/python -m benchmarks
else
	@test -f "benchmarks/$(NAME).py" || { echo "There is no benchmark $(NAME). There are:"; $(BIN)/python -m benchmarks; exit 2; } >&2
	@exec $(BIN)/python -m benchmarks.$(NAME) $(ARGS)
endif

stop: ## Stop the embedded PostgreSQL and Valkey of this checkout
	@exec $$(test -x $(BIN)/python && echo $(BIN)/python || echo "$(PYTHON)") -m config.embedded stop

clean: stop ## Stop, and remove caches and build output; data in var/ and .venv stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache ./*.egg-info staticfiles
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
