# Every target works in a fresh checkout: what it needs is set up first, and again only when the lock changes.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

CONSOLE := web/console/dist/built

.PHONY: setup console screenshots demo test check bench soak lock format

setup: $(READY) $(CONSOLE)

console: $(CONSOLE)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Sevenfold needs Python 3.11 or later; say which with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "Python has no venv here; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The console, built by the Node of the development requirements.
$(CONSOLE): $(READY) web/build web/console/package-lock.json $(shell find web/console/src web/console/*.ts web/console/index.html -type f ! -name schema.d.ts)
	web/build

# The pictures of the console's guide, of a simulated company.
screenshots: setup
	$(BIN)/python -m tests.browser.console.screenshots

demo: setup
	$(BIN)/sevenfold demo

test: setup
	$(BIN)/python -m pytest -q -n auto --dist loadfile

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/tidy tests/docs/test_links.py tests/edges/cli/test_reference.py \
	  tests/unit/workspace/test_schema.py

bench: setup
	$(BIN)/python -m bench all

soak: setup
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -q -n auto --dist loadfile tests

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY)
	requirements/lock
