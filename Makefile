# Every target sets up what it needs: on a bare machine with Python 3.11 or newer, `make demo` is enough.

PYTHON ?= python3
VENV ?= .venv
DEMO ?= runs/demo
STUDY ?= runs/study
PROMPT ?= A function is

BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-browser lint bench study docs pictures

help:
	@echo "make demo      install, then train, measure, sample and export a small model (a few minutes)"
	@echo "make test      lint and the fast tests"
	@echo "make test-all  lint and every test, the slow ones too"
	@echo "make test-browser  the pages in a real Chromium, where there is one"
	@echo "make lint      ruff format, ruff check, mypy"
	@echo "make bench     the benchmarks, peers measured in the same run"
	@echo "make study     four objectives compared, three seeds each, in $(STUDY) (about 25 minutes on two quiet cores)"
	@echo "make docs      the pictures of the documentation, anew"
	@echo "make pictures  the screenshots of the pages, anew: trains three small models, needs Chromium"
	@echo "PYTHON=python3.12 chooses the interpreter, VENV=DIRECTORY the environment."

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Hornbook needs Python 3.11 or newer: make demo PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || { echo "Making an environment in $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing Hornbook and what it needs into $(VENV) (once; one to three minutes) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	@echo "Training a small model on the text of your own Python; $(DEMO) is made anew."
	@rm -rf $(DEMO)
	$(BIN)/hornbook pretrain --recipe demo --out $(DEMO)
	@echo && echo "What it writes:"
	$(BIN)/hornbook generate $(DEMO) "$(PROMPT)"
	@echo && echo "Exported, and opened by transformers:"
	$(BIN)/hornbook export $(DEMO)
	@TRANSFORMERS_VERBOSITY=error HF_HUB_DISABLE_PROGRESS_BARS=1 $(BIN)/python -c "from transformers import pipeline; \
	  print(pipeline('text-generation', '$(DEMO)/export')('$(PROMPT)', max_new_tokens=40)[0]['generated_text'])"

lint: $(READY)
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy

# Each process of the tests computes on one core: threads of several would wait for each other.
TESTS := OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

test: lint
	@$(TESTS)

test-all: lint
	@$(TESTS) -m "not browser"

test-browser: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/pytest -m browser -rs

bench: $(READY)
	@for script in benchmarks/*.py; do echo "$$script"; $(BIN)/python $$script || exit 1; done

study: $(READY)
	@$(BIN)/python docs/scripts/study_tasks.py $(STUDY)
	$(BIN)/hornbook study run $(STUDY)

docs: $(READY)
	@$(BIN)/python docs/scripts/objectives_pictures.py
	@$(BIN)/python docs/scripts/architecture_picture.py

pictures: $(READY)
	@$(BIN)/python docs/scripts/pages_pictures.py
