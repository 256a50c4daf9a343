# BioASM's everyday jobs. They need make and Python 3.11 or newer; whatever else they need goes into .venv.

PYTHON ?= python3
PROGRAM ?= build/G1.basm
SEED ?= 1
PYTEST ?= -q -n 2

VENV := .venv
BIN := $(VENV)/bin
PEERS := build/peers
DECLARED := setup.cfg pyproject.toml
PIP := -m pip --disable-pip-version-check install --quiet

.DELETE_ON_ERROR:
.PHONY: help run test test-long test-gpu firmware lint docs docs-check pictures smoke bench bench-quick clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

run: $(VENV)/.installed $(PROGRAM) ## set up, then solve a max-cut benchmark with 800 vertices (PROGRAM=file runs another)
	$(BIN)/bioasm run $(PROGRAM) --driver cpu --seed $(SEED)

test: $(VENV)/.with-test ## set up and run the tests (PYTEST="-q tests/text" chooses)
	$(BIN)/python -m pytest $(PYTEST)

test-long: $(VENV)/.with-test ## run the tests that take minutes each
	$(BIN)/python -m pytest -m long

test-gpu: $(VENV)/.with-test ## run the conformance kit of the driver gpu, on the processor where there is no GPU
	$(BIN)/python -m pytest -q -n 1 -m long tests/gpu/test_conformance.py

lint: $(VENV)/.with-dev ## set up, then check style and types
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.installed ## write the generated pages of docs/
	$(BIN)/python -m bioasm.reference

docs-check: $(VENV)/.installed ## fail where a generated page of docs/ is stale
	$(BIN)/python -m bioasm.reference --check

pictures: $(VENV)/.with-test build/G1.basm ## draw the pictures of README and docs anew
	$(BIN)/bioasm run build/G1.basm --seed 1 --lanes 4 --set sweeps=20 -q -o build/energy.npz
	$(BIN)/bioasm plot build/energy.npz --kind energy -o docs/pictures/energy.svg
	$(BIN)/bioasm run docs/pictures/cuba.basm --seed 1 -q -o build/cuba.npz
	$(BIN)/bioasm plot build/cuba.npz --kind raster --kind traces -o docs/pictures/cuba.svg
	$(BIN)/bioasm run programs/lif_maxcut.basm --driver intan --port 'emu:rhd2132?seed=1' --seed 1 -q -o build/board.npz
	$(BIN)/bioasm plot build/board.npz --kind raster -o docs/pictures/board.svg

smoke: ## run every command with the lowest versions that are declared, and on the newest Python there is
	.ci/smoke lowest
	.ci/smoke newest

firmware: $(VENV)/.installed ## build the firmware: for this computer, and for QEMU's Cortex-M7 and M4
	$(MAKE) -C firmware all PYTHON=../$(BIN)/python

bench-quick: $(VENV)/.installed ## measure calls and start-up, which need no peers (two minutes)
	$(BIN)/python bench/calls.py --quick
	$(BIN)/python bench/startup.py

bench: $(PEERS)/.installed ## set up the peers, then measure against them (minutes; leave the machine alone meanwhile)
	for script in startup calls sizes lif ising maxcut models cables networks link; do $(PEERS)/bin/python bench/$$script.py || exit 1; done

clean: ## remove the environments and everything built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

build/G1.basm: $(VENV)/.installed
	@mkdir -p $(@D)
	$(BIN)/bioasm import --generate G1 -o $@

# The environments. A stamp is as old as the last install, so that a second call has nothing to do.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "BioASM needs Python 3.11 or newer; choose one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(DECLARED) | $(BIN)/python
	$(BIN)/python $(PIP) --editable .
	@touch $@

$(VENV)/.with-test: $(VENV)/.installed
	$(BIN)/python $(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.with-dev: $(VENV)/.with-test
	$(BIN)/python $(PIP) --editable '.[test,dev]'
	@touch $@

# The peers never become dependencies: they live in an environment of their own, pinned where they need it.
$(PEERS)/.installed: bench/peers.txt $(DECLARED)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python $(PIP) --requirement bench/peers.txt --editable .
	@touch $@
