# Two commands set everything up on a machine with Python, pip, git, make and a compiler: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BARE ?= .venv-bare
BIN := $(VENV)/bin
CONSTRAINTS := $(CURDIR)/requirements/constraints.txt
CPU_WHEELS := https://download.pytorch.org/whl/cpu
WORKERS ?= 2

# The processor build of torch comes from its publisher's index; where that index cannot be reached, pip's own index serves it.
REACHABLE = import socket; socket.create_connection(("download.pytorch.org", 443), 3)
install = $(1)/bin/python -m pip --version >/dev/null && \
	index=$$($(1)/bin/python -c '$(REACHABLE)' 2>/dev/null && echo "--extra-index-url $(CPU_WHEELS)" || true) && \
	PIP_CONSTRAINT=$(CONSTRAINTS) PIP_BUILD_CONSTRAINT=$(CONSTRAINTS) PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(1)/bin/python -m pip install --quiet $$index -e '.$(2)'

EXTRAS_demo := [samples,serve]
EXTRAS_test := [all,test,parity]
EXTRAS_dev := [all,test,dev]
EXTRAS_docs := [all,docs]
EXTRAS_bench := [all,bench]

.PHONY: help demo test verify bare bench lint types docs format clean
.SECONDARY:

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.with-%: pyproject.toml requirements/constraints.txt | $(VENV)/bin/python
	@echo "installing weft with its $* extras into $(VENV) (a minute or two the first time)"
	@$(call install,$(VENV),$(EXTRAS_$*))
	@touch $@

demo: $(VENV)/.with-demo  ## set up, then train, evaluate, look at, predict with and serve a digits classifier
	$(BIN)/python -m weft.recipes.demo

test: $(VENV)/.with-test  ## set up, then run the suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

verify: $(VENV)/.with-test  ## the slow learned proofs alone
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -m slow $(ARGS)

bare:  ## the suite in an environment that has none of the extras
	@test -x $(BARE)/bin/python || $(PYTHON) -m venv $(BARE)
	@$(call install,$(BARE),[test])
	OMP_NUM_THREADS=1 $(BARE)/bin/python -m pytest -n $(WORKERS) $(ARGS)

bench: $(VENV)/.with-bench  ## the engine's cost per step, and the way of the data, beside other libraries
	$(BIN)/python -m benchmarks.engine_cost $(ARGS)
	$(BIN)/python -m benchmarks.data_loading $(ARGS)

lint: $(VENV)/.with-dev  ## ruff
	$(BIN)/ruff check .

format: $(VENV)/.with-dev  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .

types: $(VENV)/.with-dev  ## pyright, strict on the engine
	$(BIN)/python docs/stubs.py
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/.with-docs  ## the site, catalogue pages generated from the tables
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

clean:
	rm -rf build dist site .pytest_cache .ruff_cache .hypothesis
