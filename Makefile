# Each target does its own set-up, and is quick when there is nothing to do.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test check check-infra bench bench-large cycles drill clean

setup: .venv/.stamp node_modules/.stamp

.venv/.stamp: requirements.txt requirements-cli.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; choose one with: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

node_modules/.stamp: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 or newer, with npm, is needed for Azurite" >&2; exit 1; }
	npm ci --silent --no-audit --no-fund
	touch $@

run: setup
	$(BIN)/python -m scim serve --directory demo

test: setup
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

check: setup check-infra
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

.venv-infra/.stamp: requirements-infra.txt
	test -x .venv-infra/bin/python || $(PYTHON) -m venv .venv-infra
	.venv-infra/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-infra.txt
	touch $@

check-infra: .venv-infra/.stamp
	.venv-infra/bin/python infra/run_checkov.py
	.venv-infra/bin/zizmor --offline --quiet .github
	.venv-infra/bin/shellcheck --external-sources infra/*.sh infra/entra/*.sh .ci/run

bench: setup
	$(BIN)/python -m bench
	$(BIN)/python -m bench.pages
	$(BIN)/python -m bench.transactions
	$(BIN)/python -m bench.capacity

# What it does, and how long: python -m bench.everything --list
bench-large: setup
	$(BIN)/python -m bench.everything

cycles: setup
	$(BIN)/python -m bench.cycles

# Backs a directory up, restores it as another one, compares both and removes that again.
DIRECTORY ?= demo
drill: setup
	$(BIN)/python -m bench.drill $(DIRECTORY) --to .local/drill

clean:
	rm -rf .venv .venv-infra node_modules .local .azurite .mypy_cache .ruff_cache .pytest_cache .hypothesis
