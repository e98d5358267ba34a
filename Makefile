# Every target first makes sure of .venv; a second call of setup costs no noticeable time.
# PYTHON=... names the interpreter, ARGS=... goes to the program that a target runs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/setup-done
APT := DEBIAN_FRONTEND=noninteractive apt-get -qq --yes -o Dpkg::Use-Pty=0
PIP := PYTHONUNBUFFERED=1 $(BIN)/python -m pip --disable-pip-version-check --no-input

# The stamp holds the folder it was made for: the scripts in a moved or copied .venv point elsewhere.
ifneq ($(shell $(BIN)/python -c '' 2>/dev/null && cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

.PHONY: help setup up test check bench chaos requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything in it, or bring it up to date

up: setup ## run the platform on this machine: database, broker, ingest, API, simulated town
	@exec $(BIN)/bypuls up $(ARGS)

# Most tests wait for a clock, a kill or a server, so two at a time take little more than half the time. The
# long ones go first, that none is left for the end.
test: setup ## run all tests on real servers, installing these first (ARGS go to pytest, such as "-n0 -s -k page")
	@PYTHONPATH=tests $(BIN)/python -m testbed install
	@exec $(BIN)/pytest -n2 --dist=loadfile --no-loadscope-reorder $(ARGS)

check: setup ## format, lint, types, import arrows
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: setup ## measure speed and memory on real servers
	@PYTHONPATH=tests $(BIN)/python -m testbed install
	@PYTHONPATH=tests exec $(BIN)/python -m benchmarks $(ARGS)

chaos: setup ## break everything by 60 seeded schedules, and count what became of every reading
	@PYTHONPATH=tests $(BIN)/python -m testbed install
	@PYTHONPATH=tests exec $(BIN)/python -m chaos $(ARGS)

# dev first: the others then take the same versions.
requirements: COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-package bypuls --custom-compile-command 'make requirements' \
	--no-annotate
requirements: setup ## compile requirements/*.txt anew (ARGS=--upgrade for newer versions)
	@$(COMPILE) $(ARGS) --all-extras --group dev --output-file requirements/dev.txt pyproject.toml
	@for extra in server edge; do \
		$(COMPILE) $(ARGS) --constraint requirements/dev.txt --extra $$extra --output-file requirements/$$extra.txt \
			pyproject.toml; \
	done

clean: ## remove everything that these targets made, test servers included
	@rm -rf --one-file-system .venv .testbed dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A working .venv is brought up to date, any other is made anew.
$(STAMP): requirements/dev.txt pyproject.toml
	@if command -v $(PYTHON) >/dev/null; then \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bypuls needs Python 3.11 or newer, and \
	$(PYTHON) is " + sys.version.split()[0] + "; name another one: make setup PYTHON=/path/to/python3")'; \
	fi
	@if [ '$(origin PYTHON)' = file ] && ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
			echo "Python's venv module is missing; ask the administrator to run: apt-get install python3-venv" >&2; \
			exit 1; \
		fi; \
		echo 'installing python3-venv'; \
		$(APT) install python3-venv >/dev/null 2>&1 || { $(APT) update && $(APT) install python3-venv >/dev/null; }; \
	fi
	@if [ "$$(cat $(STAMP) 2>/dev/null)" != '$(CURDIR)' ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo 'making .venv'; \
		$(PYTHON) -m venv --clear .venv; \
	fi
	@rm -f $(STAMP)
	@total=$$(grep -c '^[a-z].*==' requirements/dev.txt); found=0; \
	echo "installing $$total packages"; \
	$(PIP) install --progress-bar off --require-hashes -r requirements/dev.txt | while read -r step _; do \
		case $$step in \
			Collecting) (( ++found % 20 )) || echo "  $$found of $$total found" ;; \
			Installing) echo '  unpacking them, up to a minute' ;; \
		esac; \
	done
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@printf '%s' '$(CURDIR)' > $(STAMP)
	@echo 'setup is complete'
