# Two commands matter: `make run` and `make test`. Everything they need is installed into .venv from a hashed lock file.

SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python

# Some environments forbid it. Then each of our processes would compile the whole product again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check lint types imports audit format bench campaign screenshots lock clean environment development

help:
	@echo "make run          start everything on http://127.0.0.1:8000 (PORT=…, HOST=…, DATABASE_URL=…, TESTKASE_DATA=…)"
	@echo "make test         every test, the browser's included"
	@echo "make check        lint, types, import rules, dependencies"
	@echo "make bench        performance, side by side with PostgreSQL's own limit"
	@echo "make campaign     random and destructive tests; CAMPAIGN=name for one, SIZE=number or full, SEED=number; ARGS=--list"
	@echo "make screenshots  pictures of the pages, into var/screenshots; the README's into docs"
	@echo "make lock         renew the lock files from pyproject.toml"

environment:
	@scripts/environment.sh run

development:
	@scripts/environment.sh development

run: environment
	@scripts/libgomp.sh
	@exec $(PYTHON) -m testkase run

test: development
	@scripts/libgomp.sh
	@scripts/chromium.sh
	@$(PYTHON) -m pytest -n $$($(PYTHON) -c 'import os; print(min(6, 1 + (os.cpu_count() or 1)))') --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types imports audit

lint: development
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

format: development
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

types: development
	@$(PYTHON) -m mypy

imports: development
	@$(VENV)/bin/lint-imports

audit: development
	@$(PYTHON) scripts/audit.py

bench: development
	@$(PYTHON) -m bench $(ARGS)

campaign: development
	@$(PYTHON) -m testkase campaign $(CAMPAIGN) $(if $(SIZE),--size $(SIZE)) $(if $(SEED),--seed $(SEED)) $(ARGS)

screenshots: development
	@scripts/chromium.sh
	@$(PYTHON) -m tests.support.screenshots var/screenshots

lock: development
	@scripts/lock.sh

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
