# Two commands do everything on a fresh machine: `make studio` and `make test`.
PYTHON ?= python3.11
PROJECT ?= projects/demo
BIN := .venv/bin

.PHONY: setup studio test browser-test check lint format

setup: .venv/kernels

.venv/kernels: .venv/ready $(wildcard finepseudo_core/alignment/*.py)
	@echo "Compiling the alignment kernels (half a minute) ..."
	@$(BIN)/python -m finepseudo_core.alignment
	@touch $@

.venv/ready: requirements.txt requirements-export.txt requirements-dev.txt constraints.txt
	@echo "Setting up .venv (a minute or two the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# torch by its exact version first: a looser order lets pip fetch gigabytes of other builds
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

studio: setup
	$(BIN)/python -m app studio --project $(PROJECT) --demo

# two at once, each with one thread; then those that measure time or kill processes, alone
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not alone" -n 2 --dist loadfile
	$(BIN)/python -m pytest -m alone

browser-test: setup
	$(BIN)/python -m pytest tests/browser

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
