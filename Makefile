# Two commands: `make demo` reads a real photo, `make test` runs everything. Both make .venv first.
# Needs Python 3.11+ with venv, and make. On Debian: apt-get install python3 python3-venv make
PYTHON ?= python3
BIN := .venv/bin
# Lower bounds stand in pyproject.toml; constraints.txt holds the one release that must not float.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint clean
.DELETE_ON_ERROR:

demo: .venv/demo.done
	@mkdir -p out
ifdef IMAGE
	@$(BIN)/feallm analyze "$(IMAGE)" --annotate out
else
	@$(BIN)/python scripts/sample_photo.py out/astronaut.png
	@$(BIN)/feallm analyze out/astronaut.png --annotate out
endif

test: .venv/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

lint: .venv/dev.done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "FEALLM needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "making .venv failed: on Debian, apt-get install python3-venv"; exit 1; }

.venv/demo.done: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing FEALLM into .venv (a few minutes, once) …"
	@$(PIP) --editable '.[demo]'
	@touch $@

.venv/dev.done: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing FEALLM and its development tools into .venv (a few minutes, once) …"
	@$(PIP) --editable '.[dev]'
	@touch $@ .venv/demo.done

clean:
	rm -rf .venv out
