# Four verbs. Each sets up what it needs, once, and then is quick.
#   make run     the console, answering
#   make test    every test, with the real components
#   make check   lint, format, types, floors
#   make bench   side by side with the peers
# ARGS is passed on: make test ARGS="tests/core -x". WORKERS=0 runs one test after the other.

PYTHON ?= python3
SETUP := $(PYTHON) scripts/setup.py
BIN := .venv/bin
ARGS ?=
# Tests wait more than they reckon: three at once, each file of them whole in one process, with servers of its own.
WORKERS ?= 3

.PHONY: run test check bench ready lint format types floors lock help

run:
	@$(SETUP) run
	@exec $(BIN)/tocsin console $(ARGS)

test:
	@$(SETUP) test
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

# Each its own target, so that `make -k check` tells everything at once.
check: lint format types floors

ready:
	@$(SETUP) check
lint: ready
	$(BIN)/ruff check .
format: ready
	$(BIN)/ruff format --check .
types: ready
	$(BIN)/mypy
floors: ready
	$(BIN)/lint-imports

bench:
	@$(SETUP) bench
	@exec $(BIN)/python -m bench $(ARGS)

# Write requirements/*.txt again from the *.in files.
lock:
	@$(PYTHON) scripts/lock.py

help:
	@sed -n '/^$$/q;s/^# \{0,1\}//p' Makefile
