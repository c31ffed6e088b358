# Everything a newcomer needs. Written for GNU make 3.81 and later (macOS ships 3.81).

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
UV_COMPILE := uv pip compile pyproject.toml -q --no-config --no-header --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links $(LOCK_ARGS)

BENCH ?= record duties deliver collect pages sse papers taxii formats oversee screen comms fanout operate
PYTEST_ARGS ?= -n 2 --dist loadgroup

# Tools read Django's settings; this keeps them from making an installation's secrets in .tocsin/.
LINT_ENV := TOCSIN_SECRET_KEY=for-tools-only

.PHONY: help up test test-fast check format bench lock clean
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(VENV)/.runtime ## Install what is missing and run Tocsin here, with the January 6 exercise in an empty site
	@$(BIN)/tocsin up --demo

test: check ## Install what is missing, check everything, run every test
	@browser=$$(tools/find-browser) && \
		export TEST_BROWSER="$$browser" && { $(BIN)/python -m pytest $(PYTEST_ARGS) || \
		{ echo "What failed beside other tests is tried once more by itself."; \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none; }; }

test-fast: $(VENV)/.dev ## Run the tests that need no database and no browser
	@$(BIN)/python -m pytest tests/rules tests/contracts

check: $(VENV)/.dev ## Check style, formatting, types and the order of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(LINT_ENV) $(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## Put the code in its standard form
	@$(BIN)/ruff check --fix-only --select I .
	@$(BIN)/ruff format .

bench: $(VENV)/.runtime ## Measure speed on this machine
	@$(BIN)/tocsin bench $(BENCH)

lock: ## Resolve the dependencies anew (needs uv; LOCK_ARGS=--upgrade for newer releases)
	@command -v uv >/dev/null || { echo "make lock needs uv: pipx install uv" >&2; exit 1; }
	@$(UV_COMPILE) --extra build -o requirements.lock
	@$(UV_COMPILE) --extra build --extra dev -c requirements.lock -o requirements-dev.lock

clean: ## Remove what make made: the virtual environment and caches, never the data in .tocsin/
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find tocsin tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: pip runs only when a lock file or the package's own description has changed.

$(BIN)/python:
	@python=$$(tools/find-python) && echo "Making $(VENV) with $$python…" && "$$python" -m venv --clear $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Tocsin runs on (about a minute the first time)…"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Tocsin runs on and is tested with (about a minute the first time)…"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(VENV)/.runtime $@
