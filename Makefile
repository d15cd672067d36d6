# ./ost is for organisers and operators, lab/ for measuring; both stand on .venv, which `./ost setup` makes.
# HOST, PORT, PARAMS and STATE go to `make run`; STATE to the others too.
HOST ?= 127.0.0.1
PORT ?= 4566
STATE ?= .local
PARAMS ?=
FILE ?= catalog/demo.yaml
STEPS ?= 10000
SEED ?= $(shell date +%s)
export OST_STATE = $(STATE)
FANS ?= 1 2 4 8
SECONDS ?= 15
PYTHON = env PYTHONPATH=$(CURDIR):$(CURDIR)/layers/booking/python .venv/bin/python -P
LOCUST = $(PYTHON) -m locust --locustfile lab/locustfile.py --headless --run-time $(SECONDS) --stop-timeout 60 --only-summary
# Processor time is measured on a machine that does nothing else; deployed stacks share it with one another only, and
# are played in the order in which they are collected: what is marked `waits` first.
ALONE = tests/measures/test_cpu.py
DEPLOYED = tests/browser/deployed tests/stack
# One more than there are processors: tests of the page mostly wait for it.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.DEFAULT_GOAL := help
.PHONY: help setup run demo publish audit build test check lint types templates shipped format fuzz events mutants measure load simulate drawing seating calling-off opening openapi pins clean

help:     ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
run:      ## Deploy to a local cloud and keep it running: make run PORT=4610 PARAMS="QueueCapacity=5 HoldSeconds=8"
	@exec ./ost run --host $(HOST) --port $(PORT) --params "$(PARAMS)"
demo:     ## Walk the whole journey against the running stack
	@exec ./ost demo
publish:  ## Publish a catalog to the running stack: make publish FILE=catalog/demo.yaml
	@exec ./ost publish $(FILE)
audit:    ## Read the running stack's tables and report every violation of its promises
	@exec ./ost audit
setup:    ## Install the pinned packages into .venv when they are missing or changed
	@./ost setup
build:    ## Build functions and layers into .aws-sam/build
	@exec ./ost build
test: setup ## Check everything, then run every test; a part of them: .venv/bin/pytest tests/unit
	@$(MAKE) --no-print-directory --jobs 2 check build
	.venv/bin/pytest -n $(WORKERS) --dist worksteal $(ALONE:%=--ignore=%) $(DEPLOYED:%=--ignore=%)
	.venv/bin/pytest $(ALONE)
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder $(DEPLOYED)
check: types shipped lint templates ## Lint, types, templates and what is shipped, without tests
lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
types: setup
	.venv/bin/mypy
templates: setup
	.venv/bin/cfn-lint template.yaml templates/*.yaml
shipped: setup
	tools/scan
format: setup ## Format the code and sort its imports
	.venv/bin/ruff check --select I --fix --quiet .
	.venv/bin/ruff format .
fuzz: setup ## The whole booking against its model, at length: make fuzz STEPS=10000 SEED=1
	FUZZ_STEPS=$(STEPS) POWERTOOLS_LOG_LEVEL=CRITICAL .venv/bin/pytest tests/model -s -q --hypothesis-seed=$(SEED)
events: setup  ## Fill the events in with what is alive in the running stack, for sam local invoke
	@exec $(PYTHON) -m lab events
mutants: setup ## Change the product in small ways, and report which changes no test notices: make mutants SEED=1 SAMPLE=90
	@exec $(PYTHON) -m lab mutants --seed $(or $(SEED),1) --sample $(or $(SAMPLE),90)
measure: setup ## Count what every operation asks of AWS, in units and dollars; CPU as ratios
	@exec $(PYTHON) -m lab measure
load: setup ## Drive the running local stack with ever more fans, then audit it: make load FANS="1 2 4 8" SECONDS=15
	@for fans in $(FANS); do $(LOCUST) --users $$fans --spawn-rate $$fans || exit 1; done
	@exec ./ost audit
simulate: setup ## A million fans in the waiting room, with a virtual clock: docs/scaling.md
	@exec $(PYTHON) -m lab simulate
opening: setup ## A million fans at the opening: joins on DynamoDB's partitions, places and requests after the draw
	@exec $(PYTHON) -m lab opening
drawing: setup ## Draw the order of a million fans: CPU by step, memory, sizes
	@exec $(PYTHON) -m lab drawing
seating: setup ## Crowds that ask for the best seats at once; CPU of a choice among 20,000, as ratios
	@exec $(PYTHON) -m lab seating
calling-off: setup ## Call a date of ten thousand tickets off, with deaths on the way: units, dollars and time for a thousand
	@exec $(PYTHON) -m lab calling-off
openapi:  ## Merge the API's specification from the handlers
	@exec ./ost openapi
pins: setup ## Compile the pinned requirements again, the functions' first. Needs a network
	CUSTOM_COMPILE_COMMAND="make pins" .venv/bin/pip-compile layers/dependencies/requirements.in
	CUSTOM_COMPILE_COMMAND="make pins" .venv/bin/pip-compile requirements/dev.in
	CUSTOM_COMPILE_COMMAND="make pins" .venv/bin/pip-compile requirements/scan.in
clean:    ## Remove what was built (not .venv)
	@rm -rf .aws-sam .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
