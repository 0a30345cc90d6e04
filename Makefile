# Everything runs in .venv; the first target that needs it makes it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SPACE  ?= quickstart
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run test test-cluster lint format benchmark clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv with all that Stopover needs

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "Stopover needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	# torch first: with it in place nothing else can pull in a second, larger build
	$(BIN)/pip install --quiet --disable-pip-version-check "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: $(STAMP) ## run a sweep: make run SPACE=quickstart
	@$(BIN)/stopover run $(SPACE)

test: $(STAMP) ## run the tests (offline, two cores, no GPU)
	HF_HUB_OFFLINE=1 $(BIN)/pytest

test-cluster: $(STAMP) ## run the tests of whole clusters (minutes; hosts as network namespaces where this machine can)
	HF_HUB_OFFLINE=1 $(BIN)/pytest -m cluster -rs tests/cluster

lint: $(STAMP) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

benchmark: $(STAMP) ## hold the search against the world's planted answer (ten minutes)
	@$(BIN)/python benchmarks/planted.py

format: $(STAMP) ## put the code into style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove .venv and caches, never results
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache
