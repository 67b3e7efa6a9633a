# Four verbs. Each sets up what it needs, once, and then is quick.
#   make run     the console, answering
#   make test    every test, with the real components
#   make check   lint, format, types, floors
#   make bench   side by side with the peers
# ARGS is passed on: make test ARGS="tests/core -x"

PYTHON ?= python3
SETUP := $(PYTHON) scripts/setup.py
BIN := .venv/bin
ARGS ?=

.PHONY: run test check bench lock help

run:
	@$(SETUP) run
	@exec $(BIN)/tocsin console $(ARGS)

test:
	@$(SETUP) test
	@exec $(BIN)/python -m pytest $(ARGS)

check:
	@$(SETUP) check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench:
	@$(SETUP) bench
	@exec $(BIN)/python -m bench $(ARGS)

# Write requirements/*.txt again from the *.in files.
lock:
	@$(PYTHON) scripts/lock.py

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^$$/q'
