# Everything a developer types. Each target installs what it needs into .venv, from the lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := dev,xgboost,catboost,dask,postgres,files,spark,login
export OMP_NUM_THREADS := 1

.PHONY: demo test check bench lock clean

demo: $(VENV)/.core
	$(BIN)/mlops demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -q --durations 10

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/tracking.py
	$(BIN)/python benchmarks/readers.py
	$(BIN)/python benchmarks/profiling.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/planted.py
	$(BIN)/python benchmarks/explain.py
	$(BIN)/python benchmarks/audit.py
	$(BIN)/python benchmarks/webhooks.py
	$(BIN)/python benchmarks/listing.py

# The lock is one resolution of every extra; run it after a change of pyproject.toml.
lock: $(VENV)/bin/python
	$(BIN)/python tests/house/lock.py > requirements.lock

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/.core: $(VENV)/bin/python pyproject.toml requirements.lock
	$(BIN)/pip install --quiet -c requirements.lock -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml requirements.lock
	$(BIN)/pip install --quiet -c requirements.lock -e '.[$(EXTRAS)]'
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
