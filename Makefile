# Holdfast: every command that a person or CI needs. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3.11
SOURCE ?= sample_shop
HOLDFAST_HOME ?= $(CURDIR)/data
DATA ?=
DAY ?=
HISTORY ?=
AS_OF ?=
RUN ?=
# models: which, from which day on, why; where the card goes and what ends it
MODEL ?=
FROM ?=
REASON ?=
TO ?=
TRIED ?=
# sql: a query or a file of them, and how the result is written
QUERY ?=
FILE ?=
FORMAT ?=
MLFLOW_PORT ?= 5000
# of a key of the HTTP API: whose, what it may do, which sets of columns, until when
NAME ?=
SCOPE ?=
FIELDS ?=
EXPIRES ?=
JUDGE ?=
TRANSACTIONS ?=
HORIZONS ?=
DATES ?=
# of the closed loop: empty for 20,000 users over 120 days, small for minutes
SIZE ?=
# the simulated shop of `make demo`
USERS ?= 4000
DAYS ?= 420
SEED ?= 7
LAST_DAY ?= 2026-06-30

export HOLDFAST_SOURCE := $(SOURCE)
override HOLDFAST_HOME := $(abspath $(HOLDFAST_HOME))
export HOLDFAST_HOME
export AIRFLOW_HOME := $(HOLDFAST_HOME)/airflow
export DO_NOT_TRACK := true
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
# Python keeps its bytecode: importing costs more than most stages
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
INSTALLED := .venv/.installed

LAND = $(BIN)/python -m warehouse land "$(DATA)" $(if $(DAY),--day $(DAY)) $(if $(filter-out 0,$(HISTORY)),--history)
RUN_DAY = $(BIN)/python -m dags.run_day $(if $(AS_OF),--as-of $(AS_OF)) && $(BIN)/python -m warehouse show-list $(if $(AS_OF),--as-of $(AS_OF))

.PHONY: help
help:  ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  State lives under HOLDFAST_HOME (now $(HOLDFAST_HOME))."

$(INSTALLED): requirements.txt pyproject.toml
	@echo "Installing into .venv (once; one to three minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed; name it: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: install
install: $(INSTALLED)  ## Install the locked packages into .venv

# the quick candidates and a short search keep the day short; empty or larger values give the whole contest
QUICK_CANDIDATES := recency_rule,rfm_logistic,buy_till_you_die,logistic_regression,decision_tree
.PHONY: demo
demo: export HOLDFAST_CANDIDATES ?= $(QUICK_CANDIDATES)
demo: export HOLDFAST_SEARCH_TRIALS ?= 2
demo: install  ## One day from deliveries to the at-risk list (SOURCE=, DATA=, AS_OF=)
	@$(BIN)/python -m warehouse prepare
ifneq ($(DATA),)
	@$(LAND)
else ifeq ($(SOURCE),sample_shop)
	@$(BIN)/python -m sample_shop --users $(USERS) --days $(DAYS) --seed $(SEED) --last-day $(LAST_DAY) --home "$(HOLDFAST_HOME)"
endif
	@$(RUN_DAY)

.PHONY: land
land: install  ## Put delivered files into landing (SOURCE=, DATA=, DAY=, HISTORY=1)
	@test -n "$(DATA)" || { echo "Name the files: make land DATA=<file or folder>"; exit 2; }
	@$(LAND)

.PHONY: run
run: install  ## One day of what has landed: ingest, features, model, scores, list (SOURCE=, AS_OF=)
	@$(BIN)/python -m warehouse prepare
	@$(RUN_DAY)

.PHONY: reconcile
reconcile: install  ## Do the numbers add up? Rows, money, users, churn (SOURCE=, AS_OF=)
	@$(BIN)/python -m warehouse reconcile $(if $(AS_OF),--as-of $(AS_OF))

.PHONY: models
models: install  ## Every model of the shop, champions marked (SOURCE=)
	@$(BIN)/python -m ml list

.PHONY: decisions
decisions: install  ## Who became champion when, and why (SOURCE=)
	@$(BIN)/python -m ml decisions

.PHONY: model-card
model-card: install  ## The champion's card with its pictures (SOURCE=, TO=folder)
	@$(BIN)/python -m ml model-card $(if $(TO),--to "$(TO)") $(if $(TRIED),--tried "$(TRIED)")

.PHONY: pin
pin: install  ## Keep a model champion, whatever challengers do (MODEL=, FROM=day, REASON=)
	@test -n "$(MODEL)" || { echo "Name the model: make pin MODEL=<version> (make models lists them)"; exit 2; }
	@$(BIN)/python -m ml pin "$(MODEL)" $(if $(FROM),--from $(FROM)) $(if $(REASON),--reason "$(REASON)")

.PHONY: unpin
unpin: install  ## Let challengers compete again (FROM=day, REASON=)
	@$(BIN)/python -m ml unpin $(if $(FROM),--from $(FROM)) $(if $(REASON),--reason "$(REASON)")

.PHONY: rollback-model
rollback-model: install  ## Put the champion before this one back (REASON=)
	@$(BIN)/python -m ml rollback $(if $(REASON),--reason "$(REASON)")

.PHONY: mlflow
mlflow: install  ## Every training and trial in MLflow's own pages, on this machine only
	@test -f "$(HOLDFAST_HOME)/models/mlflow.db" || { echo "Nothing was trained in $(HOLDFAST_HOME) yet"; exit 2; }
	@cd "$(HOLDFAST_HOME)/models" && MLFLOW_DISABLE_TELEMETRY=true "$(CURDIR)/$(BIN)/mlflow" server \
		--backend-store-uri "sqlite:///$(HOLDFAST_HOME)/models/mlflow.db" --no-serve-artifacts \
		--host 127.0.0.1 --port $(MLFLOW_PORT) --workers 1

.PHONY: judge
judge: install  ## Replay past evenings and let a judge see the scores (SOURCE=, DATA=, JUDGE=)
	@$(BIN)/python -m warehouse prepare
	@$(if $(DATA),$(LAND),true)
	@$(BIN)/python -m dags.run_judge $(if $(JUDGE),--judge "$(JUDGE)") $(if $(TRANSACTIONS),--transactions "$(TRANSACTIONS)") \
		$(if $(HORIZONS),--horizons $(HORIZONS)) $(if $(DATES),--dates $(DATES))

.PHONY: closed-loop
closed-loop: install  ## Campaigns against a simulated shop that reacts: what were they worth? (SIZE=small)
	@$(BIN)/python -m closed_loop $(if $(SIZE),--size $(SIZE))

.PHONY: campaigns
campaigns: install  ## What campaigns wait, went out, or failed (SOURCE=)
	@$(BIN)/python -m campaigns status

.PHONY: serve
serve: install  ## The HTTP API and the dashboard, on HOLDFAST_PORT of this machine only
	@$(BIN)/python -m serving serve

.PHONY: key
key: install  ## Make a key of the HTTP API and print it once (NAME=, SCOPE=, FIELDS=, EXPIRES=days)
	@test -n "$(NAME)" -a -n "$(SCOPE)" || { echo 'Name the tool and what it may do: make key NAME=mailer SCOPE="risk:read runs:read"'; exit 2; }
	@$(BIN)/python -m serving key create "$(NAME)" --scope "$(SCOPE)" $(foreach set,$(FIELDS),--fields $(set)) $(if $(EXPIRES),--days $(EXPIRES))

.PHONY: up
up: install  ## Start Airflow (scheduler and UI) with the DAGs scheduled, and the API and dashboard
	@$(BIN)/python -m warehouse prepare
	@$(BIN)/python -m dags.run_airflow

.PHONY: refresh
refresh: install  ## One round of warnings: what landed since the list, whom it touches (SOURCE=)
	@# 75 means that there is nothing to do now, and it has said why
	@$(BIN)/python -m dags.run_refresh || test $$? -eq 75

.PHONY: check-reader
check-reader: install  ## Open what is published, verify it, print run, age and row counts
	@$(BIN)/python -m warehouse check

.PHONY: status
status: install  ## Deliveries, built days, publishes and open failures on one screen
	@$(BIN)/python -m warehouse status

.PHONY: docs
docs: install  ## dbt's pages about every table and column, for the dashboard
	@$(BIN)/python -m warehouse docs

.PHONY: sql
sql: install  ## Ask the published snapshot in SQL, reading only (QUERY=, FILE=, FORMAT=table|csv|json)
	@$(BIN)/python -m warehouse sql $(if $(QUERY),--query "$$QUERY") $(if $(FILE),--file "$(FILE)") $(if $(FORMAT),--format $(FORMAT))

.PHONY: quarantine
quarantine: install  ## Rows that could not be taken, why, and what to do (SOURCE=)
	@$(BIN)/python -m warehouse quarantine

.PHONY: rollback
rollback: install  ## Point readers back to an earlier run (RUN=run_id)
	@test -n "$(RUN)" || { echo "Name the run: make rollback RUN=<run_id> (make status lists them)"; exit 2; }
	@$(BIN)/python -m warehouse rollback --run "$(RUN)"

.PHONY: test
test: install  ## Run all tests, two files at a time (PYTEST_ARGS=)
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

.PHONY: browser
browser:  ## Install the Chromium that the dashboard's tests look with (Debian or Ubuntu, as root)
	@if [ -x /usr/bin/chromium ]; then echo "/usr/bin/chromium is there"; \
	elif [ "$$(id -u)" -ne 0 ]; then echo "/usr/bin/chromium is not there. As root: apt-get install chromium fonts-noto-cjk"; exit 1; \
	else apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium fonts-noto-cjk; fi

.PHONY: screenshots
screenshots: install  ## Take the pictures of docs/dashboard.md anew, of what is published in HOLDFAST_HOME
	@$(BIN)/python -m tests.serving.browser.screenshots --home "$(HOLDFAST_HOME)" --to docs/images

.PHONY: lint
lint: install  ## Python, SQL, YAML and the layers' import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint --disable-progress-bar dbt_project
	@$(BIN)/yamllint .
	@$(BIN)/lint-imports

.PHONY: types
types: install  ## Type checks
	@$(BIN)/mypy

.PHONY: benchmark
benchmark: install  ## Print each figure beside its reference (minutes)
	@$(BIN)/python -m benchmarks

.PHONY: lock
lock:  ## Make requirements.txt anew from requirements.in
	@$(PYTHON) -m pip install --quiet uv
	@$(PYTHON) -m uv pip compile --generate-hashes --only-binary :all: --python-version 3.11 --no-header --upgrade requirements.in --output-file requirements.txt

.PHONY: clean
clean:  ## Remove .venv and caches (state under HOLDFAST_HOME stays)
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
